"""How soon after the camera has stopped is its labelled picture there, and how fluid is it on the way?

    python benchmarks/viewer.py [BUNDLE SCENE] [--flights 20] [--json FILE]

Default: the demo's (make demo). A browser's stand-in flies through the scene over a real websocket, 50 poses a second
for a second, and stops. Measured in the server, from the moment a pose arrives to the moment its picture is handed to
the socket: pictures of a moving camera (smaller, as this machine needs it), the first one of the camera that has
stopped, and that of full size. Medians.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from rtgs2_trt import Camera, Segmenter
from rtgs2_trt.console import image_size
from rtgs2_trt.quaternions import quaternion_from_matrix
from rtgs2_trt.threads import available_threads
from rtgs2_trt.viewer.painting import LabelledFrame
from rtgs2_trt.viewer.server import Viewer
from rtgs2_trt.viewer.start_view import start_camera
from rtgs2_trt.viewer.turns import Turn

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # the browser's stand-in
from viewer_browser import Browser

DEMO = Path("build/demo")
POSES, PER_SECOND = 50, 50


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", nargs="?", default=str(DEMO / "demo.rtgs2"))
    parser.add_argument("scene", nargs="?", default=str(DEMO / "room.ply"))
    parser.add_argument("--size", type=image_size, default=(320, 240))
    parser.add_argument("--flights", type=int, default=20)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    result = measure(arguments)
    print(table(result))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")
    return 0


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    segmenter = Segmenter(arguments.bundle, threads=arguments.threads)
    scene = segmenter.load(arguments.scene)
    start = start_camera(scene, *arguments.size)
    shown: list[tuple[float, Turn, LabelledFrame, float]] = []

    def observe(turn: Turn, frame: LabelledFrame, seconds: float) -> None:
        shown.append((time.perf_counter(), turn, frame, seconds))

    load = os.getloadavg()[0]
    flights = []
    pixels = arguments.size[0] * arguments.size[1]
    viewer = Viewer(segmenter, scene, start, port=0, most_pixels=pixels, observe=observe)
    with viewer, Browser(viewer.port) as browser:
        for number in range(arguments.flights + 1):
            shown.clear()
            flights.append(fly(browser, start, number, shown))
    moving = [size for flight in flights[1:] for size in flight["moving"]]
    return {
        "machine": f"{platform.machine()}, {available_threads()} CPUs",
        "load_before": round(load, 1),
        "gaussians": len(scene),
        "size": list(arguments.size),
        "flights": arguments.flights,
        "stop_to_first_ms": 1000 * statistics.median(flight["first"] for flight in flights[1:]),
        "stop_to_full_ms": 1000 * statistics.median(flight["full"] for flight in flights[1:]),
        "stop_to_full_worst_ms": 1000 * max(flight["full"] for flight in flights[1:]),
        "pictures_a_second": statistics.median(flight["rate"] for flight in flights[1:]),
        "moving_size": [int(statistics.median(side)) for side in zip(*moving, strict=True)],
    }


def fly(
    browser: Browser, start: Camera, number: int, shown: list[tuple[float, Turn, LabelledFrame, float]]
) -> dict[str, Any]:
    """Fly a quarter of a circle on the spot and stop; return what was shown when."""
    begin = time.perf_counter()
    for pose in range(POSES):
        time.sleep(max(0.0, begin + pose / PER_SECOND - time.perf_counter()))
        last = turned(start, math.pi / 2 * (number + (pose + 1) / POSES))
        rotation = last.world_to_camera[:3, :3].T
        browser.look(
            width=last.width,
            height=last.height,
            wxyz=quaternion_from_matrix(rotation).tolist(),
            position=last.position.tolist(),
            fov=2 * math.atan(last.height / 2 / last.fy),
        )
    stopped = time.perf_counter()
    while not (frames := at_rest(shown, last)) or frames[-1][2].share < 1:
        time.sleep(0.005)
        assert time.perf_counter() - stopped < 600, "no picture"
    on_the_way = [entry for entry in shown if entry[0] <= stopped]
    return {
        "first": frames[0][3],
        "full": frames[-1][3],
        "rate": len(on_the_way) * PER_SECOND / POSES,
        "moving": [(f.camera.width, f.camera.height) for _, turn, f, _ in shown if turn.kind == "moving"],
    }


def at_rest(
    shown: list[tuple[float, Turn, LabelledFrame, float]], camera: Camera
) -> list[tuple[float, Turn, LabelledFrame, float]]:
    """What was shown of the last camera."""
    pose = camera.world_to_camera
    return [entry for entry in list(shown) if np.abs(entry[1].camera.world_to_camera - pose).max() < 1e-9]


def turned(camera: Camera, angle: float) -> Camera:
    """The camera, turned about the vertical."""
    c, s = math.cos(angle), math.sin(angle)
    about = np.eye(4)
    about[:2, :2] = (c, -s), (s, c)
    centre = np.eye(4)
    centre[:3, 3] = -camera.position
    back = np.linalg.inv(centre)
    return camera.at(camera.world_to_camera @ back @ about @ centre)


def table(result: dict[str, Any]) -> str:
    width, height = result["size"]
    busy = result["load_before"] > 0.5
    return "\n".join(
        [
            f"{result['gaussians']} Gaussians, {result['flights']} flights; {result['machine']}, load before "
            f"{result['load_before']}" + (": OTHER WORK RUNS, these times are not the viewer's" if busy else ""),
            "",
            "| what | median |",
            "|---|---|",
            f"| the camera stops -> its first labelled picture | {result['stop_to_first_ms']:.0f} ms |",
            f"| the camera stops -> its labelled picture of {width}x{height} | {result['stop_to_full_ms']:.0f} ms "
            f"(worst {result['stop_to_full_worst_ms']:.0f}) |",
            f"| pictures a second while it moves | {result['pictures_a_second']:.0f} |",
            f"| their size | {'x'.join(map(str, result['moving_size']))} |",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
