"""Which views: ``--cameras``, ``--orbit`` and what is chosen, added or changed of them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ..console import image_size
from ..errors import CameraError, InputError

if TYPE_CHECKING:
    from ..camera import Camera


def add_view_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    views = parser.add_mutually_exclusive_group(required=True)
    views.add_argument("--cameras", metavar="FILE", help="3DGS cameras.json, transforms.json or a COLMAP folder")
    views.add_argument(
        "--orbit", type=positive, metavar="N", help="N views around the middle of the scene instead of given ones"
    )
    parser.add_argument(
        "--interpolate", type=positive, metavar="N", help="a smooth path: N views between each two cameras too"
    )
    parser.add_argument(
        "--camera-info", metavar="YAML", help="intrinsics of a ROS CameraInfo for all views, instead of their own"
    )
    parser.add_argument(
        "--rectified",
        action="store_true",
        help="with --camera-info: of the rectified image",
    )
    parser.add_argument("--view", action="append", metavar="NAME", help="only this view (may be repeated)")
    parser.add_argument("--views", type=positive, metavar="N", help="only N views, evenly spaced")
    parser.add_argument("--size", type=image_size, metavar="WxH", help="render at this size instead of the cameras'")


def intrinsics_of(arguments: argparse.Namespace) -> Camera | None:
    """Return the camera of ``--camera-info``, which has no pose."""
    if arguments.camera_info is None:
        if arguments.rectified:
            raise InputError("needs --camera-info", field="--rectified")
        return None
    from ..camera_files.ros import load_camera_info

    return load_camera_info(arguments.camera_info, rectified=arguments.rectified)


def chosen_views(
    cameras: dict[str, Camera], arguments: argparse.Namespace, intrinsics: Camera | None
) -> dict[str, Camera]:
    """Return the views that are wanted of these cameras."""
    if intrinsics is not None:
        cameras = {name: intrinsics.at(camera.world_to_camera) for name, camera in cameras.items()}
    cameras = _select(cameras, arguments)
    if arguments.interpolate:
        from ..camera_paths import interpolated

        cameras = interpolated(cameras, arguments.interpolate)
    return cameras


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
        cameras = {name: cameras[name] for name in evenly(list(cameras), arguments.views)}
    if arguments.size:
        cameras = {name: camera.resized(*arguments.size) for name, camera in cameras.items()}
    return cameras


def evenly(names: list[str], count: int) -> list[str]:
    """Return `count` of `names` (all if there are fewer), evenly spaced, in order."""
    if len(names) <= count:
        return names
    return [names[i * len(names) // count] for i in range(count)]


def positive(text: str) -> int:
    """Argument type: a positive whole number."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number")
    return int(text)
