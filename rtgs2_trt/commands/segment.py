"""``rtgs2 segment``: label views of a scene and write them as images."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..console import Console, add_console_options, check_folder, check_parent
from ..errors import InputError
from .bundle_options import add_backend_options, add_class_options, label_rules
from .encoded_views import EncodedViews
from .frame_options import add_frame_options
from .label_video import LabelVideo, add_video_options, check_video
from .losses import warn_of_losses
from .view_options import add_view_options, evenly
from .written_format import check_ply

_SHEET_VIEWS = 8


def add_parser(commands: Any) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "segment",
        help="label views of a scene",
        description="Label views of a scene. Writes label images (the class table's ids), colour images, overlays "
        "with a legend, a contact sheet, classes.json, the classes' pixels view by view (statistics.csv, .png), "
        "summary.json, and a video if asked to. With a bundle that predicts depth: depth images (16 bits, "
        "millimetres), colour images, painted depth, a contact sheet and summary.json.",
    )
    parser.add_argument("bundle", metavar="BUNDLE", help="NAME.rtgs2 folder that rtgs2-export wrote")
    parser.add_argument("scene", metavar="SCENE", help="scene: PLY, compressed PLY, .splat, .spz, SOG, checkpoint")
    add_view_options(parser)
    parser.add_argument("-o", "--output", metavar="DIR", help="folder to write to; may be missing with --video")
    add_video_options(parser)
    add_frame_options(parser)
    parser.add_argument("--reencode", action="store_true", help="ignore features that the scene file holds")
    parser.add_argument(
        "--save-scene",
        metavar="PLY",
        help="also write the encoded scene, in metres with z up, for a faster next start; with --scale or --up also "
        "all its cameras, in the same frame, as PLY's name with .cameras.json",
    )
    parser.add_argument("--unknown-below", type=float, metavar="ALPHA", help="unknown where coverage is below this")
    add_class_options(parser)
    add_backend_options(parser)
    add_console_options(parser)
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace, console: Console) -> None:
    """Run the subcommand."""
    from ..camera_files import save_cameras
    from ..segmenter import Segmenter, check_unknown_below
    from .view_writers import view_writer

    if arguments.output is None and arguments.video is None:
        raise InputError("nothing to write", field="--output, --video", fix="Give -o DIR, or --video FILE, or both")
    output = None if arguments.output is None else Path(arguments.output)
    if output is not None:
        check_folder(output, "--output")
    if arguments.save_scene:
        check_ply(arguments.save_scene, "--save-scene", "features")
        check_parent(arguments.save_scene, "--save-scene")
    if arguments.video is not None:
        check_parent(arguments.video, "--video")
    check_unknown_below(arguments.unknown_below)
    views = EncodedViews(arguments)
    with console.step("check bundle"):
        segmenter = Segmenter(
            arguments.bundle, arguments.backend, threads=arguments.threads, precision=arguments.precision
        )
    rules = label_rules(segmenter, arguments)
    check_video(arguments, rules)
    for name, reason in segmenter.passed_over.items():
        console.note(f"  backend {segmenter.backend_name}; not {name}: {reason}")
    scene, cameras = views.load(segmenter, console)
    if arguments.save_scene:
        warn_of_losses([arguments.scene], scene, arguments.save_scene, "ply", console)
        scene.save(arguments.save_scene, "ply")  # the one that holds features
        if (arguments.scale, arguments.up) != (1.0, "z"):
            cameras_file = Path(arguments.save_scene).with_suffix(".cameras.json")
            save_cameras(cameras_file, views.placed)
            console.warn(
                f"{arguments.save_scene} is in metres with z up: use {cameras_file} with it, without --scale/--up"
            )

    writer = view_writer(output, segmenter, rules, heading=Path(arguments.scene).name)
    file_names = _file_names(cameras)
    shown = set(evenly(list(cameras), _SHEET_VIEWS))
    video = LabelVideo.of(arguments, rules, cameras)
    try:
        for name, camera in console.track(list(cameras.items()), "label views"):
            result = segmenter(
                scene,
                camera,
                rgb=True,
                confidence=rules is not None and rules.least is not None,
                unknown_below=arguments.unknown_below,
            )
            if rules is not None:
                result = replace(result, labels=rules.apply(result.labels, result.confidence), classes=rules.table)
            writer.add(file_names[name], name, result, on_sheet=name in shown)
            video.add(result)
        video.finish()
    finally:  # also when interrupted: the summary says what is there
        video.close()
        summary = {
            "bundle": str(arguments.bundle),
            "description": segmenter.bundle.manifest.description,
            "task": segmenter.task,
            "scene": str(arguments.scene),
            "gaussians": len(scene),
            "warnings": list(console.warnings),
            "backend": segmenter.backend_name,
            "backends_passed_over": dict(segmenter.passed_over),
            "precision": segmenter.precision,
            "complete": len(writer.views) == len(cameras),
            "views": writer.views,
            **video.summary(),
            "seconds": {
                **{name: round(seconds, 3) for name, seconds in console.seconds.items()},
                "per view (median)": writer.median_seconds(),
            },
        }
        writer.finish(summary)
    per_view = ", ".join(f"{stage} {1000 * s:.0f} ms" for stage, s in writer.median_seconds().items())
    done = "labelled" if segmenter.task == "semantic" else "with depth"
    where = " and ".join(str(path) for path in (output, arguments.video) if path is not None)
    console.result(summary, f"{len(cameras)} views {done} in {where} ({segmenter.backend_name}: {per_view})")


def _file_names(names: Iterable[str]) -> dict[str, str]:
    """Return a safe and unique file name (without ending) for each view: names come from files we do not trust."""
    chosen: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        stem = re.sub(r"\.(png|jpe?g|tiff?|bmp|webp)$", "", name, flags=re.IGNORECASE)
        safe = re.sub(r"[^A-Za-z0-9._-]+", "_", stem).strip("._")[:120] or "view"
        unique, number = safe, 2
        while unique.lower() in taken:
            unique, number = f"{safe}_{number}", number + 1
        taken.add(unique.lower())
        chosen[name] = unique
    return chosen
