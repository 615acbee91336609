"""``rtgs2 convert``: a scene in another format, unit or orientation."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..console import Console, add_console_options, check_parent
from ..scene_files import WRITTEN_FORMATS
from .frame_options import add_frame_options
from .losses import warn_of_losses
from .placed_scene import load_in_frame
from .written_format import written_format


def add_parser(commands: Any) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "convert",
        help="write a scene in another format",
        description="Write a scene in the format that OUT's name ends with: .ply, .compressed.ply, .splat, .spz or "
        ".sog. IN is any scene that is known here, whatever its name. All but .ply lose precision and the encoder's "
        "features, which are lost with --scale and --up too; labels (class_id, confidence) are left out of all.",
    )
    parser.add_argument("input", metavar="IN", help="scene file or SOG folder")
    parser.add_argument("output", metavar="OUT", help="file to write")
    parser.add_argument("--format", choices=WRITTEN_FORMATS, help="instead of what OUT's name says")
    add_frame_options(parser)
    add_console_options(parser)
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace, console: Console) -> None:
    """Run the subcommand."""
    kind = written_format(arguments.output, "OUT", arguments.format)
    check_parent(arguments.output, "OUT")
    with console.share("read scene") as progress:
        scene, _, _ = load_in_frame(arguments.input, arguments, {}, console, progress)
    warn_of_losses([arguments.input], scene, arguments.output, kind, console)
    with console.step("write scene"):
        scene.save(arguments.output, kind)
    size = Path(arguments.output).stat().st_size
    values = {
        "input": arguments.input,
        "output": arguments.output,
        "format": kind,
        "gaussians": len(scene),
        "sh_degree": scene.sh_degree,
        "bytes": size,
        "warnings": list(console.warnings),
    }
    console.result(values, f"{len(scene)} Gaussians in {arguments.output} ({kind}, {size / 1e6:.1f} MB)")
