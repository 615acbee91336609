"""``--scale``, ``--up`` and ``--drop-invalid``: how scene and camera files are to be brought into metres with z up."""

from __future__ import annotations

import argparse

from ..errors import InputError
from ..orientation import checked_scale, orientation

AUTO = "auto"


def add_frame_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "--scale", type=scale, default=1.0, help="metres a unit of the scene and camera files, or auto: estimated"
    )
    parser.add_argument(
        "--up",
        type=up,
        default="z",
        help="axis that points up in the files: x, -x, y, -y, z, -z (default z), or auto: estimated",
    )
    parser.add_argument(
        "--drop-invalid", action="store_true", help="drop Gaussians with NaN (and say how many) instead of refusing"
    )


def is_estimated(arguments: argparse.Namespace) -> bool:
    """Whether units or axes are to be estimated."""
    return AUTO in (arguments.scale, arguments.up)


def scale(text: str) -> float | str:
    """Argument type: metres a unit, or ``auto``."""
    return AUTO if text == AUTO else given_scale(text, " nor auto")


def up(text: str) -> str:
    """Argument type: an axis, or ``auto``."""
    return AUTO if text == AUTO else given_up(text, " nor auto")


def given_scale(text: str, also: str = "") -> float:
    """Argument type: metres a unit."""
    try:
        return checked_scale(float(text))
    except ValueError as problem:  # InputError is one
        neither = "neither a number over 0" if also else "not a number over 0"
        raise argparse.ArgumentTypeError(f"{text!r} is {neither}{also}") from problem


def given_up(text: str, also: str = "") -> str:
    """Argument type: an axis."""
    try:
        orientation(text)
    except InputError as problem:
        raise argparse.ArgumentTypeError(f"{text!r} is no axis{also}: write x, -x, y, -y, z or -z") from problem
    return text
