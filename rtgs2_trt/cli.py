"""``rtgs2``: run bundles on scenes, and look after scenes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version

from .commands import build, convert, doctor, estimate, info, label, scene, segment, view
from .console import join_axis, run_command


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(
        prog="rtgs2", description="Semantic segmentation of 3D Gaussian Splatting scenes with RT-GS2 bundles."
    )
    parser.add_argument("--version", action="version", version=f"rtgs2-trt {version('rtgs2-trt')}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    segment.add_parser(commands)
    view.add_parser(commands)
    label.add_parser(commands)
    info.add_parser(commands)
    build.add_parser(commands)
    convert.add_parser(commands)
    scene.add_parser(commands)
    doctor.add_parser(commands)
    estimate.add_parser(commands)
    arguments = parser.parse_args(join_axis(argv))
    return run_command(arguments.command, arguments)


if __name__ == "__main__":
    sys.exit(main())
