"""How late and how evenly do labels come when poses come at a given rate?

    python benchmarks/stream.py [BUNDLE SCENE] [--rate 30] [--seconds 10] [--size 320x240] [--json FILE]

Without BUNDLE and SCENE the demo's are taken (run `make demo` first). A camera walks around the middle of the scene;
its poses are submitted at the rate, whatever becomes of them. Latency: from a pose's submission to its labels. Jitter:
mean difference between the latencies of consecutive results. The bound is two frames: the rest of the one that was
under way, and the pose's own.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path

from rtgs2_trt import Segmenter, StreamStatistics
from rtgs2_trt.camera_paths import orbit_of_scene
from rtgs2_trt.console import image_size
from rtgs2_trt.threads import available_threads

DEMO = Path("build/demo")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", nargs="?", default=str(DEMO / "demo.rtgs2"))
    parser.add_argument("scene", nargs="?", default=str(DEMO / "room.ply"))
    parser.add_argument("--rate", type=float, default=30.0, help="poses a second")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--size", type=image_size, default=(320, 240), metavar="WxH")
    parser.add_argument("--backend", default="auto", choices=["auto", "tensorrt", "cuda", "cpu"])
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()

    segmenter = Segmenter(arguments.bundle, arguments.backend)
    scene = segmenter.load(arguments.scene)
    poses = list(orbit_of_scene(scene, 120, width=arguments.size[0], height=arguments.size[1]).values())
    segmenter(scene, poses[0])  # the first frame allocates
    alone = frame_seconds(lambda index: segmenter(scene, poses[index * 12]))
    with segmenter.label_stream(scene, on_result=lambda labels: None) as stream:
        start = time.perf_counter()
        for index in range(int(arguments.rate * arguments.seconds)):
            time.sleep(max(0.0, start + index / arguments.rate - time.perf_counter()))
            stream.submit(poses[index % len(poses)])
    told = stream.statistics()
    machine = f"{platform.machine()}, {available_threads()} CPUs, backend {segmenter.backend_name}"
    print(
        f"{len(scene)} Gaussians, {arguments.size[0]}x{arguments.size[1]}, {arguments.rate:g} poses a second; {machine}"
    )
    print(text(told, alone))
    if arguments.json:
        values = {"machine": machine, "rate": arguments.rate, "frame_median": alone[0], "frame_max": alone[1]}
        arguments.json.write_text(json.dumps(values | dataclasses.asdict(told), indent=1) + "\n")
    return 0


def frame_seconds(frame: Callable[[int], object]) -> tuple[float, float]:
    """Median and greatest time of ten frames, one after the other."""
    seconds = []
    for index in range(10):
        start = time.perf_counter()
        frame(index)
        seconds.append(time.perf_counter() - start)
    return sorted(seconds)[5], max(seconds)


def text(told: StreamStatistics, alone: tuple[float, float]) -> str:
    rows = {
        "poses": f"{told.submitted}, {told.labelled} labelled, {told.dropped} dropped",
        "a frame alone": f"median {1000 * alone[0]:.1f} ms, at most {1000 * alone[1]:.1f} ms",
        "latency": f"median {1000 * told.latency_median:.1f} ms, 95 % within {1000 * told.latency_95:.1f} ms, "
        f"at most {1000 * told.latency_max:.1f} ms",
        "jitter": f"{1000 * told.jitter:.1f} ms",
        "between results": f"{1000 * told.interval:.1f} ms",
    }
    return "\n".join(f"  {name:16}{value}" for name, value in rows.items())


if __name__ == "__main__":
    sys.exit(main())
