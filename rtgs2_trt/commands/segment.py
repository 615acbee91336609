"""``rtgs2 segment``: label views of a scene and write them as images."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..backends import BACKENDS, PRECISIONS
from ..classes import BUILTIN_CLASS_TABLES, builtin_class_table
from ..console import Console, add_console_options, check_folder, image_size
from ..errors import CameraError, InputError
from .frame_options import add_frame_options, is_estimated, load_in_frame

if TYPE_CHECKING:
    from ..camera import Camera
    from ..class_map import LabelRules
    from ..segmenter import Segmenter

_SHEET_VIEWS = 8


def add_parser(commands: Any) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "segment",
        help="label views of a scene",
        description="Label views of a scene. Writes label images (the class table's ids), colour images, overlays "
        "with a legend, a contact sheet, classes.json, summary.json. With a bundle that predicts depth: depth images "
        "(16 bits, millimetres), colour images, painted depth, a contact sheet and summary.json.",
    )
    parser.add_argument("bundle", metavar="BUNDLE", help="NAME.rtgs2 folder that rtgs2-export wrote")
    parser.add_argument("scene", metavar="SCENE", help="scene: PLY, compressed PLY, .splat, .spz, SOG, checkpoint")
    views = parser.add_mutually_exclusive_group(required=True)
    views.add_argument("--cameras", metavar="FILE", help="3DGS cameras.json, transforms.json or a COLMAP folder")
    views.add_argument(
        "--orbit", type=_positive, metavar="N", help="N views around the middle of the scene instead of given ones"
    )
    parser.add_argument(
        "--interpolate", type=_positive, metavar="N", help="a smooth path: N views between each two cameras too"
    )
    parser.add_argument(
        "--camera-info", metavar="YAML", help="intrinsics of a ROS CameraInfo for all views, instead of their own"
    )
    parser.add_argument(
        "--rectified",
        action="store_true",
        help="with --camera-info: of the rectified image",
    )
    parser.add_argument("-o", "--output", required=True, metavar="DIR", help="folder to write to")
    parser.add_argument("--view", action="append", metavar="NAME", help="only this view (may be repeated)")
    parser.add_argument("--views", type=_positive, metavar="N", help="only N views, evenly spaced")
    parser.add_argument("--size", type=image_size, metavar="WxH", help="render at this size instead of the cameras'")
    add_frame_options(parser)
    parser.add_argument("--reencode", action="store_true", help="ignore features that the scene file holds")
    parser.add_argument(
        "--save-scene",
        metavar="PLY",
        help="also write the encoded scene, in metres with z up, for a faster next start; with --scale or --up also "
        "its cameras, in the same frame, as PLY's name with .cameras.json",
    )
    parser.add_argument("--unknown-below", type=float, metavar="ALPHA", help="unknown where coverage is below this")
    parser.add_argument("--map", metavar="FILE", help="merge and rename classes: lines such as 'chair, sofa -> seat'")
    parser.add_argument(
        "--min-confidence",
        metavar="P",
        help="unknown where a label's probability is below: 0.5, or by class, chair=0.7,table=0.4",
    )
    parser.add_argument("--palette", choices=BUILTIN_CLASS_TABLES, help="colours of this table, by class name")
    parser.add_argument("--backend", default="auto", choices=["auto", *BACKENDS])
    parser.add_argument(
        "--precision",
        default="auto",
        choices=PRECISIONS,
        help="fusion network's arithmetic; bf16 needs OpenVINO, fp16 shows on a CPU what GPUs give",
    )
    parser.add_argument("--threads", type=int, default=0, help="CPU threads, 0 for all (default)")
    add_console_options(parser)
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace, console: Console) -> None:
    """Run the subcommand."""
    from ..camera_files import load_cameras, save_cameras
    from ..camera_paths import orbit_of_scene
    from ..segmenter import Segmenter
    from .view_writers import view_writer

    output = Path(arguments.output)
    check_folder(output, "--output")
    if arguments.save_scene:
        check_folder(Path(arguments.save_scene).parent, "--save-scene")
    intrinsics = _intrinsics(arguments)
    cameras: dict[str, Camera] = {}
    if arguments.cameras and is_estimated(arguments):  # by all of them; into metres they come with the scene
        cameras = load_cameras(arguments.cameras)
        _views(cameras, arguments, intrinsics)  # so that what is wrong with the options is said now
    elif arguments.cameras:
        loaded = load_cameras(arguments.cameras, scale=arguments.scale, up=arguments.up)
        cameras = _views(loaded, arguments, intrinsics)
    with console.step("check bundle"):
        segmenter = Segmenter(
            arguments.bundle, arguments.backend, threads=arguments.threads, precision=arguments.precision
        )
    rules = _label_rules(segmenter, arguments)
    for name, reason in segmenter.passed_over.items():
        console.note(f"  backend {segmenter.backend_name}; not {name}: {reason}")
    with console.share("read and encode scene") as progress:
        if is_estimated(arguments):
            scene, cameras, _ = load_in_frame(arguments.scene, arguments, cameras, console, progress)
            cameras = _views(cameras, arguments, intrinsics) if cameras else cameras
            scene = segmenter.encode(scene)
        else:
            scene = segmenter.load(
                arguments.scene,
                scale=arguments.scale,
                up=arguments.up,
                invalid="drop" if arguments.drop_invalid else "error",
                reencode=arguments.reencode,
                progress=progress,
            )
    if arguments.orbit:
        width, height = arguments.size or (640, 480)
        cameras = _views(orbit_of_scene(scene, arguments.orbit, width=width, height=height), arguments, intrinsics)
    if arguments.save_scene:
        scene.save(arguments.save_scene, "ply")  # the one that holds features
        if (arguments.scale, arguments.up) != (1.0, "z"):
            cameras_file = Path(arguments.save_scene).with_suffix(".cameras.json")
            save_cameras(cameras_file, cameras)
            console.warn(
                f"{arguments.save_scene} is in metres with z up: use {cameras_file} with it, without --scale/--up"
            )

    writer = view_writer(output, segmenter, rules, heading=Path(arguments.scene).name)
    file_names = _file_names(cameras)
    shown = set(_evenly(list(cameras), _SHEET_VIEWS))
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
    finally:  # also when interrupted: the summary says what is there
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
            "seconds": {
                **{name: round(seconds, 3) for name, seconds in console.seconds.items()},
                "per view (median)": writer.median_seconds(),
            },
        }
        writer.finish(summary)
    per_view = ", ".join(f"{stage} {1000 * s:.0f} ms" for stage, s in writer.median_seconds().items())
    done = "labelled" if segmenter.task == "semantic" else "with depth"
    console.result(summary, f"{len(cameras)} views {done} in {output} ({segmenter.backend_name}: {per_view})")


def _intrinsics(arguments: argparse.Namespace) -> Camera | None:
    """Return the camera of ``--camera-info``, which has no pose."""
    if arguments.camera_info is None:
        if arguments.rectified:
            raise InputError("needs --camera-info", field="--rectified")
        return None
    from ..camera_files.ros import load_camera_info

    return load_camera_info(arguments.camera_info, rectified=arguments.rectified)


def _views(cameras: dict[str, Camera], arguments: argparse.Namespace, intrinsics: Camera | None) -> dict[str, Camera]:
    """Return the views that are wanted of these cameras."""
    if intrinsics is not None:
        cameras = {name: intrinsics.at(camera.world_to_camera) for name, camera in cameras.items()}
    cameras = _select(cameras, arguments)
    if arguments.interpolate:
        from ..camera_paths import interpolated

        cameras = interpolated(cameras, arguments.interpolate)
    return cameras


def _label_rules(segmenter: Segmenter, arguments: argparse.Namespace) -> LabelRules | None:
    """Return what becomes of the labels; None of a bundle that predicts depth."""
    options = {"--map": arguments.map, "--min-confidence": arguments.min_confidence, "--palette": arguments.palette}
    if segmenter.task == "depth":
        given = [name for name, value in options.items() if value is not None]
        if given:
            raise InputError("a depth prediction has no classes", field=", ".join(given), fix="Leave it out")
        return None
    from ..class_map import LabelRules

    return LabelRules.of(
        segmenter.classes,
        map_file=arguments.map,
        min_confidence=arguments.min_confidence,
        palette=builtin_class_table(arguments.palette) if arguments.palette else None,
    )


def _select(cameras: dict[str, Camera], arguments: argparse.Namespace) -> dict[str, Camera]:
    if arguments.view:
        missing = [name for name in arguments.view if name not in cameras]
        if missing:
            raise CameraError(
                "no such view",
                file=arguments.cameras,
                field="--view",
                found=missing[0],
                expected=f"one of {', '.join(list(cameras)[:10])}" + (" ..." if len(cameras) > 10 else ""),
            )
        cameras = {name: cameras[name] for name in arguments.view}
    if arguments.views:
        cameras = {name: cameras[name] for name in _evenly(list(cameras), arguments.views)}
    if arguments.size:
        cameras = {name: camera.resized(*arguments.size) for name, camera in cameras.items()}
    return cameras


def _evenly(names: list[str], count: int) -> list[str]:
    if len(names) <= count:
        return names
    return [names[i * len(names) // count] for i in range(count)]


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


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number")
    return int(text)
