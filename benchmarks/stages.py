"""Where the time goes: every stage from file to labels on the CPU, medians over several runs.

    python benchmarks/stages.py [BUNDLE SCENE] [--size 640x480] [--runs 7] [--json FILE]

Without arguments the demo's bundle and room are taken (run `make demo` first).
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from rtgs2_trt import Camera, Scene, Segmenter
from rtgs2_trt.console import image_size
from rtgs2_trt.encoder_inputs import encoder_inputs
from rtgs2_trt.threads import available_threads

DEMO = Path("build/demo")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", nargs="?", default=str(DEMO / "demo.rtgs2"))
    parser.add_argument("scene", nargs="?", default=str(DEMO / "room.ply"))
    parser.add_argument("--size", type=image_size, default=(640, 480))
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--up", default="z")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    result = measure(arguments)
    print(table(result))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")
    return 0


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    segmenter = Segmenter(arguments.bundle, "cpu", threads=arguments.threads)
    scene = Scene.load(arguments.scene, scale=arguments.scale, up=arguments.up)
    plan = segmenter.plan(scene)
    inputs = np.ascontiguousarray(encoder_inputs(scene)[plan.representatives])
    encoded = segmenter.encode(scene)  # also the warm-up
    camera = inside(scene, arguments.size)
    frames = [segmenter(encoded, camera).seconds for _ in range(arguments.runs + 1)][1:]
    once = max(2, arguments.runs // 2)
    return {
        "machine": f"{platform.machine()}, {available_threads()} CPUs, ONNX Runtime {onnxruntime.__version__}",
        "threads": arguments.threads or available_threads(),
        "gaussians": len(scene),
        "voxels": list(plan.voxel_counts),
        "size": list(arguments.size),
        "classes": len(segmenter.classes),
        "milliseconds": {
            "once a scene": {
                "read PLY": median_ms(lambda: Scene.load(arguments.scene), once),
                "geometry plan": median_ms(lambda: segmenter.plan(scene), once),
                "encoder": median_ms(lambda: segmenter._backend.encode(plan, inputs), once),
            },
            "every frame": {name: 1000 * statistics.median(f[name] for f in frames) for name in frames[0]},
        },
    }


def inside(scene: Scene, size: tuple[int, int]) -> Camera:
    """A view across the middle of the scene, from a corner."""
    low, high = np.percentile(scene.means, [2, 98], axis=0)
    eye = low + (high - low) * [0.12, 0.12, 0.6]
    return Camera.look_at(eye, low + (high - low) * [0.7, 0.7, 0.35], width=size[0], height=size[1], fov_degrees=75)


def median_ms(function: Callable[[], object], runs: int) -> float:
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return 1000 * statistics.median(seconds)


def table(result: dict[str, Any]) -> str:
    lines = [
        f"{result['gaussians']} Gaussians, {result['voxels'][0]} voxels, {result['classes']} classes, "
        f"{result['size'][0]}x{result['size'][1]}, {result['threads']} threads; {result['machine']}",
        "",
        "| stage | ms (median) |",
        "|---|---|",
    ]
    for group, stages in result["milliseconds"].items():
        lines += [f"| {name} ({group}) | {value:.1f} |" for name, value in stages.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
