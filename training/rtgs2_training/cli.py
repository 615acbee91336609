"""``rtgs2-train``: make rooms, train both networks on them or on captured data sets, measure the result."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version

from rtgs2_trt.console import run_command

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
    return run_command(arguments.command, arguments)


if __name__ == "__main__":
    sys.exit(main())
