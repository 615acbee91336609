"""``rtgs2 estimate``: the least time that a frame can take on a GPU, by its maker's figures."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..console import Console, add_console_options, image_size
from ..errors import InputError
from .frame_options import given_scale, given_up

if TYPE_CHECKING:
    from ..camera import Camera
    from ..roofline import Device
    from ..scene import Scene

_VIEWS = 8
_STAGES = ("rasterize", "fuse", "argmax", "copy")
_WORDS = (
    "The least time that each stage can take, counted from its bytes and operations and the maker's figures of each "
    "device. Nothing here was measured on any of them: real frames take longer, how much is not known."
)


def add_parser(commands: Any) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "estimate",
        help="say how long a frame takes at least on Jetson Orin, H100 and H200",
        description=_WORDS
        + " Without a scene a generated room is taken. ONNX Runtime runs the fusion graph once on the "
        "CPU, to count.",
    )
    parser.add_argument("bundle", metavar="BUNDLE", help="NAME.rtgs2 folder that rtgs2-export wrote")
    parser.add_argument("scene", nargs="?", metavar="SCENE", help="3DGS PLY file")
    parser.add_argument(
        "--cameras", metavar="FILE", help="the scene's views: 3DGS cameras.json, transforms.json, COLMAP"
    )
    parser.add_argument(
        "--size", type=image_size, metavar="WxH", help="of the images; default the cameras', or the bundle's"
    )
    parser.add_argument("--scale", type=given_scale, default=1.0, help="metres a unit of the scene and camera files")
    parser.add_argument(
        "--up", type=given_up, default="z", help="axis that points up in the files: x, -x, y, -y, z, -z (default z)"
    )
    parser.add_argument("--drop-invalid", action="store_true", help="drop the scene's Gaussians with NaN")
    parser.add_argument(
        "--gaussians", type=_gaussians, default=1_000_000, metavar="N", help="of the generated room (default 1,000,000)"
    )
    parser.add_argument("--device", metavar="NAME", help="only devices whose name has this in it, such as 'orin nano'")
    add_console_options(parser)
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace, console: Console) -> None:
    """Run the subcommand."""
    from ..bundle import FUSION, Bundle
    from ..roofline import Network, count_work, floors

    devices = _devices(arguments.device)
    if (arguments.scene is None) != (arguments.cameras is None):
        given, missing = ("SCENE", "--cameras") if arguments.cameras is None else ("--cameras", "SCENE")
        raise InputError(f"is needed with {given}", field=missing, fix="Give both, or neither for a generated room")
    with console.step("check bundle"):
        bundle = Bundle(arguments.bundle)
    manifest = bundle.manifest
    name, scene, cameras = _views(arguments, manifest.image_size, console)
    sizes = {(camera.width, camera.height) for camera in cameras}
    with console.step("count the network's operations"):
        content = bundle.read(FUSION)
        networks = {size: Network.of(content, *size, file=bundle.file(FUSION)) for size in sizes}
    channels, outputs = manifest.encoder.feature_channels, manifest.output_channels
    views = []
    for camera in console.track(cameras, "count what is drawn"):
        size = (camera.width, camera.height)
        work = count_work(scene, camera, channels=channels)
        views.append({"size": list(size), **floors(work, networks[size], outputs, size, devices)})
    values = {
        "bundle": str(arguments.bundle),
        "scene": name,
        "note": _WORDS,
        "devices": {device.name: _mean(views, device) for device in devices},
        "views": views,
    }
    console.result(values, _text(values))


def _gaussians(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 10_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to 10,000,000")
    return int(text)


def _devices(name: str | None) -> list[Device]:
    from ..roofline import DEVICES

    found = [device for device in DEVICES.values() if name is None or name.lower() in device.name.lower()]
    if not found:
        raise InputError(
            "no such device", field="--device", found=name, expected=f"part of one of {', '.join(DEVICES)}"
        )
    return found


def _views(
    arguments: argparse.Namespace, image_size: tuple[int, int], console: Console
) -> tuple[str, Scene, Sequence[Camera]]:
    """What is drawn: its name, the scene, and up to eight views of it, padded as they are rendered."""
    if arguments.scene is None:
        from ..roofline import typical_room

        size = arguments.size or image_size
        with console.step("make a room"):
            scene = typical_room.room(arguments.gaussians)
        cameras = typical_room.views(size, _VIEWS)
        return f"generated room of {arguments.gaussians:,} Gaussians", scene, [c.padded(32) for c in cameras]
    from ..camera_files import load_cameras
    from ..scene import Scene

    every = list(load_cameras(arguments.cameras, scale=arguments.scale, up=arguments.up).values())
    count = min(len(every), _VIEWS)
    cameras = [every[i * len(every) // count] for i in range(count)]
    if arguments.size:
        cameras = [camera.resized(*arguments.size) for camera in cameras]
    with console.share("read scene") as progress:
        scene = Scene.load(
            arguments.scene,
            scale=arguments.scale,
            up=arguments.up,
            invalid="drop" if arguments.drop_invalid else "error",
            progress=progress,
        )
    return str(arguments.scene), scene, [camera.padded(32) for camera in cameras]


def _mean(views: Sequence[dict[str, Any]], device: Device) -> dict[str, Any]:
    """Mean seconds of a frame over the views."""
    from ..roofline.floors import as_measured

    found = [view["devices"][device.name] for view in views]
    stages = [as_measured(entry["floor_seconds"]) for entry in found]
    seconds = {name: sum(entry[name] for entry in stages) / len(stages) for name in _STAGES}
    unfused = sum(entry["unfused_network_seconds"] for entry in found) / len(found)
    return {
        "source": device.source,
        "floor_seconds": seconds,
        "frame_floor_seconds": sum(seconds.values()),
        "unfused_network_seconds": unfused,
        "unfused_frame_floor_seconds": sum(seconds.values()) - seconds["fuse"] + unfused,
    }


def _text(values: dict[str, Any]) -> str:
    views = values["views"]

    def mean(count: str) -> float:
        return float(sum(view["workload"][count] for view in views) / len(views))

    sizes = sorted({f"{width}x{height}" for width, height in (view["size"] for view in views)})
    width = max(map(len, values["devices"]))
    lines = [
        _WORDS,
        "",
        f"{values['scene']}, {len(views)} views of {', '.join(sizes)}, on average {mean('visible'):,.0f} visible "
        f'Gaussians and {mean("hits") / mean("pixels"):.1f} a pixel. Milliseconds; "by operator" is a network whose '
        "operators run one by one instead of fused.",
        "",
        f"{'':{width}}  rasterize    fuse  argmax    copy   frame  (by operator: fuse    frame)",
    ]
    for name, entry in values["devices"].items():
        times = [1000 * entry["floor_seconds"][stage] for stage in _STAGES] + [1000 * entry["frame_floor_seconds"]]
        unfused = [1000 * entry[f"unfused_{part}_seconds"] for part in ("network", "frame_floor")]
        numbers = f"{times[0]:9.3f}" + "".join(f"{time:8.3f}" for time in times[1:])
        lines.append(f"{name:{width}}  {numbers}   {unfused[0]:17.3f}{unfused[1]:9.3f}")
    return "\n".join(lines)
