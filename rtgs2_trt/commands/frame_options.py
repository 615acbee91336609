"""``--scale``, ``--up`` and ``--drop-invalid``: how commands bring a scene into metres with z up."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..console import Console
from ..errors import InputError

if TYPE_CHECKING:
    from ..camera import Camera
    from ..scene import Scene
    from ..scene_files.read_progress import ProgressCallback
    from ..scene_tools import SceneFrame

AUTO = "auto"


def add_frame_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "--scale", type=scale, default=1.0, help="metres a unit of the scene and camera files, or auto: estimated"
    )
    parser.add_argument(
        "--up",
        default="z",
        help="axis that points up in the files: x, -x, y, -y, z, -z (default z), or auto: estimated",
    )
    parser.add_argument(
        "--drop-invalid", action="store_true", help="drop Gaussians with NaN (and say how many) instead of refusing"
    )


def scale(text: str) -> float | str:
    """Argument type: a number or ``auto``."""
    if text == AUTO:
        return AUTO
    try:
        return float(text)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number nor auto") from problem


def is_estimated(arguments: argparse.Namespace) -> bool:
    """Whether units or axes are to be estimated."""
    return AUTO in (arguments.scale, arguments.up)


def load_in_frame(
    path: str,
    arguments: argparse.Namespace,
    cameras: Mapping[str, Camera],
    console: Console,
    progress: ProgressCallback | None = None,
) -> tuple[Scene, dict[str, Camera], SceneFrame | None]:
    """Load a scene and take it, with `cameras` as they stand in their file, into metres with z up; tell of estimates.

    Returns:
        scene, cameras, and what was estimated; None if nothing was to be.
    """
    import warnings

    from ..orientation import checked_scale, orientation
    from ..scene import Scene, SceneScaleWarning

    invalid = "drop" if arguments.drop_invalid else "error"
    if not is_estimated(arguments):
        scene = Scene.load(
            path,
            scale=arguments.scale,
            up=arguments.up,
            invalid=invalid,  # type: ignore[arg-type]
            progress=progress,
        )
        turn = orientation(arguments.up, error=InputError)
        factor = checked_scale(arguments.scale, error=InputError)
        moved = arguments.up != "z" or factor != 1
        return scene, {n: c.transformed(factor, turn) if moved else c for n, c in cameras.items()}, None
    from ..scene_tools import estimate_frame

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SceneScaleWarning)  # its unit is what is asked for
        raw = Scene.load(path, invalid=invalid, progress=progress)  # type: ignore[arg-type]
    up = None if arguments.up == AUTO else arguments.up
    frame = estimate_frame(raw, list(cameras.values()), up=up)
    factor = frame.scale if arguments.scale == AUTO else checked_scale(arguments.scale, error=InputError)
    turn = frame.rotation if up is None else orientation(up, error=InputError)
    given = f"--scale {factor:.5g} --up {frame.up_axis if up is None else up}"
    console.warn(f"{path}: estimated: {frame}. Give {given} to change it")
    return raw.transformed(factor, turn), {n: c.transformed(factor, turn) for n, c in cameras.items()}, frame
