"""``rtgs2 label``: a class for every Gaussian of a scene, written into a copy of its file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..console import Console, add_console_options, check_parent
from ..errors import ClassTableError, InputError
from .bundle_options import add_backend_options, add_class_options, label_rules
from .encoded_views import EncodedViews
from .frame_options import add_frame_options
from .view_options import add_view_options
from .written_format import check_ply

if TYPE_CHECKING:
    from ..classes import ClassTable


def add_parser(commands: Any) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "label",
        help="label the Gaussians of a scene",
        description="Label the Gaussians of a scene by what a bundle says of several views. Writes a copy of the scene "
        "as PLY with the properties class_id and confidence, in the file's own units and axes, and what the ids mean "
        "into OUT's name with .classes.json.",
    )
    parser.add_argument("bundle", metavar="BUNDLE", help="NAME.rtgs2 folder that rtgs2-export wrote")
    parser.add_argument("scene", metavar="SCENE", help="scene: PLY, compressed PLY, .splat, .spz, SOG, checkpoint")
    parser.add_argument("-o", "--output", required=True, metavar="OUT.ply", help="PLY to write")
    parser.add_argument(
        "--crop-class", action="append", metavar="NAME", help="write Gaussians of this class only (may be repeated)"
    )
    add_view_options(parser)
    add_frame_options(parser)
    parser.add_argument("--reencode", action="store_true", help="ignore features that the scene file holds")
    add_class_options(parser)
    add_backend_options(parser)
    add_console_options(parser)
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace, console: Console) -> None:
    """Run the subcommand."""
    from ..labels_in_3d import label_gaussians, save_labelled
    from ..segmenter import Segmenter

    output = Path(arguments.output)
    check_ply(output, "--output", "labels")
    check_parent(output, "--output")
    views = EncodedViews(arguments)
    with console.step("check bundle"):
        segmenter = Segmenter(
            arguments.bundle, arguments.backend, threads=arguments.threads, precision=arguments.precision
        )
    for name, reason in segmenter.passed_over.items():
        console.note(f"  backend {segmenter.backend_name}; not {name}: {reason}")
    rules = label_rules(segmenter, arguments)
    if rules is None:
        fix = "Give a bundle of the semantic task"
        raise InputError("a depth prediction has no classes", file=arguments.bundle, field="BUNDLE", fix=fix)
    _check_names(arguments.crop_class or [], rules.table)
    scene, cameras = views.load(segmenter, console)
    labels = label_gaussians(segmenter, scene, cameras, threads=arguments.threads, track=console.track).under(rules)
    with console.step("write labelled scene"):
        keep = labels.of_classes(arguments.crop_class) if arguments.crop_class else None
        if keep is not None and not keep.any():
            found = ", ".join(name for name, count in zip(rules.table.names, labels.counts, strict=False) if count)
            raise InputError("no Gaussian is of these classes", field="--crop-class", expected=found or "other classes")
        manifest = segmenter.bundle.manifest
        about = {
            "weights": manifest.description,
            "checkpoint_sha256": manifest.checkpoint_sha256,
            "views": len(cameras),
        }
        written = save_labelled(output, arguments.scene, labels, keep=keep, about=about)
    named = zip([*rules.table.names, "unknown"], labels.counts.tolist(), strict=True)
    counts = {name: int(count) for name, count in named if count}
    values: dict[str, Any] = {
        "bundle": str(arguments.bundle),
        "scene": str(arguments.scene),
        "output": str(output),
        "gaussians": len(labels),
        "written": written,
        "views": len(cameras),
        "classes": counts,
        "backend": segmenter.backend_name,
        "seconds": {name: round(seconds, 3) for name, seconds in console.seconds.items()},
        "warnings": list(console.warnings),
    }
    most = sorted(counts.items(), key=lambda pair: -pair[1])
    shares = ", ".join(f"{name} {100 * count / len(labels):.0f} %" for name, count in most[:8])
    console.result(values, f"{written} of {len(labels)} Gaussians in {output}, by {len(cameras)} views: {shares}")


def _check_names(names: list[str], table: ClassTable) -> None:
    """Refuse names that are no classes before work is done."""
    missing = [name for name in names if name not in table.names]
    if missing:
        raise ClassTableError(
            "there is no such class", field="--crop-class", found=missing[0], expected=", ".join(table.names)
        )
