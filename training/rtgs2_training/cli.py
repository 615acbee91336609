"""``rtgs2-train``: make rooms, train both networks on them or on captured data sets, measure the result."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version

from rtgs2_trt.console import Console, run_command
from rtgs2_trt.errors import Rtgs2Error

from .commands import claims, encoder, evaluate, fusion, generate, tune


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(prog="rtgs2-train", description="Train and evaluate RT-GS2 networks.")
    parser.add_argument("--version", action="version", version=f"rtgs2-trt {version('rtgs2-trt')}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    claims.add_parser(commands)
    encoder.add_parser(commands)
    evaluate.add_parser(commands)
    fusion.add_parser(commands)
    generate.add_parser(commands)
    tune.add_parser(commands)
    arguments = parser.parse_args(argv)
    return run_command(_command, arguments)


def _command(arguments: argparse.Namespace, console: Console) -> int | None:
    """Run the chosen command; what it needs is imported there, so that an install without it can do the others."""
    try:
        code: int | None = arguments.command(arguments, console)
    except ModuleNotFoundError as error:
        raise Rtgs2Error(f"this command needs {error.name}: pip install 'rtgs2-trt[train]'") from error
    return code


if __name__ == "__main__":
    sys.exit(main())
