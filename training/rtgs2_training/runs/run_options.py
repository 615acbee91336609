"""Command line options that all kinds of training share."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rtgs2_trt.errors import InputError

from ..dataset_options import add_dataset_options
from .config_file import configured_steps
from .run_files import CONFIG, RESULT, STATE

UNTRAINED = "untrained"


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that all kinds of training share."""
    parser.add_argument("config", metavar="CONFIG", help="YAML file, for example of training/configs")
    parser.add_argument("--data", required=True, metavar="DIR", help="data set")
    parser.add_argument("-o", "--output", required=True, metavar="RUN", help="folder of the run")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="another value for a field of the configuration"
    )
    add_dataset_options(parser)
    add_time_limit(parser)
    parser.add_argument(
        "--save-minutes", type=minutes, default=2.0, metavar="M", help="between saved states (default 2)"
    )
    parser.add_argument(
        "--log-steps", type=at_least(1), default=50, metavar="N", help="steps a row of metrics (default 50)"
    )
    parser.add_argument(
        "--restart",
        action="store_true",
        help="start anew, whatever RUN holds; weights that are there become before-restart.pt (-2, -3 ...)",
    )
    parser.add_argument("--accelerator", default="auto", choices=["auto", "cpu", "cuda", "mps"])
    parser.add_argument(
        "--devices", type=at_least(1), default=1, metavar="N", help="processes, a device each (default 1)"
    )
    parser.add_argument("--nodes", type=at_least(1), default=1, metavar="N", help="machines (default 1)")
    add_thread_options(parser)


def add_time_limit(parser: Any) -> None:
    """Add ``--max-minutes``."""
    parser.add_argument("--max-minutes", type=minutes, default=0.0, metavar="M", help="end, saved, when they are over")


def add_thread_options(parser: Any) -> None:
    """Add ``--threads`` and ``--workers``."""
    parser.add_argument("--threads", type=at_least(0), default=0, metavar="N", help="CPU threads a process, 0 for all")
    parser.add_argument(
        "--workers", type=at_least(0), default=1, metavar="N", help="threads that load samples (default 1)"
    )


def at_least(least: int) -> Callable[[str], int]:
    """Argument type: a whole number, `least` or more."""

    def convert(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number, {least} or more")
        return int(text)

    return convert


def minutes(text: str) -> float:
    """Argument type: a time in minutes."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of minutes, 0 or more")
    return value


def add_encoder_option(parser: Any, *, required: bool = False) -> None:
    """Add ``--encoder``, to a parser or a group."""
    text = f"trained encoder, or '{UNTRAINED}' for random weights"
    parser.add_argument("--encoder", metavar="RUN|CKPT", help=text, **({"required": True} if required else {}))


def encoder_checkpoint(text: str) -> Path | None:
    """Return the checkpoint that ``--encoder`` names, None for random weights.

    Raises:
        InputError: there is none.
    """
    return None if text == UNTRAINED else existing_checkpoint(text, "--encoder")


def existing_checkpoint(text: str, option: str) -> Path:
    """Return the checkpoint that an option names, itself or by its run's folder.

    Raises:
        InputError: there is none, or the run in the folder has not finished.
    """
    path = Path(text)
    if path.is_dir():
        _check_finished(path, option)
        path = path / RESULT
    if not path.is_file():
        fix = "Give a checkpoint, or the folder of a run that has finished"
        raise InputError("there is no such checkpoint", file=path, field=option, fix=fix)
    return path


def _check_finished(folder: Path, option: str) -> None:
    """Refuse a run that is on its way; a folder without a saved state cannot be asked."""
    from .run_state import saved_step

    state, config = folder / STATE, folder / CONFIG
    if not state.exists() or not config.exists():
        return
    step, steps = saved_step(state), configured_steps(config)
    if step < steps:
        raise InputError(
            "the run has not finished",
            file=folder,
            field=option,
            found=f"{step} of {steps} steps",
            fix=f"Let it finish, or give {folder / RESULT} itself, the weights of its last validation",
        )
