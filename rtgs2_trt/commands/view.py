"""``rtgs2 view``: a scene and its labels in a web browser."""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..console import Console, add_console_options, image_size
from ..errors import BackendError
from .bundle_options import add_backend_options
from .frame_options import add_frame_options
from .placed_scene import load_placed

if TYPE_CHECKING:
    from ..camera import Camera


def add_parser(commands: Any) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "view",
        help="look at a scene and its labels in a web browser",
        description="Serve a page in which one flies through the scene and sees it as colour, labels, overlay, depth "
        "or confidence, drawn and labelled here. Ends with Ctrl-C. Needs viser: pip install 'rtgs2-trt[view]'. Without "
        "--scale and --up the scene is taken as its file says, or estimated if it is a room that is not in metres with "
        "z up.",
    )
    parser.add_argument("bundle", metavar="BUNDLE", help="NAME.rtgs2 folder that rtgs2-export wrote")
    parser.add_argument("scene", metavar="SCENE", help="scene: PLY, compressed PLY, .splat, .spz, SOG, checkpoint")
    parser.add_argument(
        "--cameras", metavar="FILE", help="captured views to offer: cameras.json, transforms.json or a COLMAP folder"
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen at (default %(default)s: this machine only; 0.0.0.0 lets everyone in who can reach it)",
    )
    parser.add_argument("--port", type=int, default=8080, help="port (default %(default)s), 0 for any that is free")
    parser.add_argument(
        "--size",
        type=image_size,
        default=(640, 480),
        metavar="WxH",
        help="pixels of a resting picture, in the shape of the browser's window (default 640x480)",
    )
    add_frame_options(parser)
    parser.set_defaults(scale=None, up=None)
    parser.add_argument("--reencode", action="store_true", help="ignore features that the scene file holds")
    parser.add_argument("--unknown-below", type=float, metavar="ALPHA", help="unknown where coverage is below this")
    add_backend_options(parser)
    add_console_options(parser)
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace, console: Console) -> None:
    """Run the subcommand."""
    try:
        from ..viewer.server import Viewer
    except ImportError as problem:
        raise BackendError(f"rtgs2 view needs viser ({problem}): pip install 'rtgs2-trt[view]'") from problem
    import rich

    from ..camera_files import load_cameras
    from ..segmenter import Segmenter, check_unknown_below
    from ..viewer.address import check_address
    from ..viewer.start_view import start_camera

    rich.reconfigure(quiet=True)  # viser prints through it, also into what --json promises
    warnings.filterwarnings("ignore", message=r"Queued a \w+ on a closed connection")  # browsers come and go
    warnings.filterwarnings("ignore", message=r"\[viser\]")
    check_address(arguments.host, arguments.port)
    check_unknown_below(arguments.unknown_below)
    cameras: dict[str, Camera] = load_cameras(arguments.cameras) if arguments.cameras else {}
    with console.step("check bundle"):
        segmenter = Segmenter(
            arguments.bundle, arguments.backend, threads=arguments.threads, precision=arguments.precision
        )
    for name, reason in segmenter.passed_over.items():
        console.note(f"  backend {segmenter.backend_name}; not {name}: {reason}")
    with console.share("read and encode scene") as progress:
        scene, cameras, placement = load_placed(arguments.scene, arguments, cameras, console, progress)
        if arguments.reencode or scene.features is None:
            scene = segmenter.encode(scene)
    with console.step("draw first views"):
        start = next(iter(cameras.values())) if cameras else start_camera(scene)
        width, height = arguments.size
        viewer = Viewer(
            segmenter,
            scene,
            start,
            views=cameras,
            host=arguments.host,
            port=arguments.port,
            most_pixels=width * height,
            unknown_below=arguments.unknown_below,
            into_file=placement.into_file,
            report=lambda text: console.note(f"  {text}"),
        )
    with viewer:
        ready = {
            "address": viewer.address,
            "host": arguments.host,
            "port": viewer.port,
            "bundle": str(arguments.bundle),
            "scene": str(arguments.scene),
            "gaussians": len(scene),
            "views": list(cameras),
            "backend": segmenter.backend_name,
            "warnings": list(console.warnings),
        }
        console.result(ready, f"{Path(arguments.scene).name} is at {viewer.address} (Ctrl-C ends it)")
        sys.stdout.flush()  # whoever started this waits for the address
        try:
            viewer.wait()
        except KeyboardInterrupt:  # the way it ends
            console.note("  viewer closed")
