"""Where the time goes: every stage from file to labels on the CPU, medians over several runs.

    python benchmarks/stages.py                 both presets on the demo's room, which is made if it is not there
    python benchmarks/stages.py BUNDLE SCENE    a bundle of yours on a scene of yours

The presets have random weights: time does not depend on their values.
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
from rtgs2_trt.console import image_size, join_axis
from rtgs2_trt.encoder_inputs import encoder_inputs
from rtgs2_trt.threads import available_threads

FOLDER = Path("build/bench")
PRESETS = {"tiny": ("scannet", (320, 240)), "rtgs2": ("replica", (640, 480))}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", nargs="?")
    parser.add_argument("scene", nargs="?")
    parser.add_argument("--size", type=image_size, help="default: the bundle's")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--up", default="z")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args(join_axis(None))
    if (arguments.bundle is None) != (arguments.scene is None):
        parser.error("give both BUNDLE and SCENE, or neither")
    if arguments.bundle:
        results = [measure(arguments, arguments.bundle, arguments.scene)]
    else:
        results = [measure(arguments, preset_bundle(name), demo_room()) for name in PRESETS]
    print("\n\n".join(map(table, results)))
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")
    return 0


def demo_room() -> Path:
    """The demo's room, made if it is not there."""
    from rtgs2_training.synthrooms import demo_room as generate_demo_room

    path = FOLDER / "room.ply"
    if not path.is_file():
        FOLDER.mkdir(parents=True, exist_ok=True)
        generate_demo_room().scene.save(path)
    return path


def preset_bundle(name: str) -> Path:
    """A bundle of a preset with random weights, exported here and now."""
    from rtgs2_export.export import export_bundle
    from rtgs2_networks.checkpoint import load_checkpoint, save_checkpoint
    from rtgs2_networks.config import preset
    from rtgs2_networks.encoder import PointTransformerEncoder
    from rtgs2_networks.fusion import FusionNetwork
    from rtgs2_trt.classes import builtin_class_table

    path, (table_name, size) = FOLDER / f"{name}.rtgs2", PRESETS[name]
    FOLDER.mkdir(parents=True, exist_ok=True)
    classes = builtin_class_table(table_name)
    config = preset(name, len(classes))
    networks = PointTransformerEncoder(config.encoder), FusionNetwork(config.fusion)
    states = [network.state_dict() for network in networks]
    save_checkpoint(FOLDER / f"{name}.pt", config, classes, *states, description="random weights")
    export_bundle(load_checkpoint(FOLDER / f"{name}.pt"), path, image_size=size)
    return path


def measure(arguments: argparse.Namespace, bundle: str | Path, scene_file: str | Path) -> dict[str, Any]:
    segmenter = Segmenter(bundle, "cpu", threads=arguments.threads)
    size = arguments.size or segmenter.bundle.manifest.image_size
    scene = Scene.load(scene_file, scale=arguments.scale, up=arguments.up)
    plan = segmenter.plan(scene)
    inputs = np.ascontiguousarray(encoder_inputs(scene)[plan.representatives])
    encoded = segmenter.encode(scene)  # also the warm-up
    camera = inside(scene, size)
    frames = [segmenter(encoded, camera).seconds for _ in range(arguments.runs + 1)][1:]
    once = max(2, arguments.runs // 2)
    return {
        "machine": f"{platform.machine()}, {available_threads()} CPUs, ONNX Runtime {onnxruntime.__version__}",
        "threads": arguments.threads or available_threads(),
        "gaussians": len(scene),
        "voxels": list(plan.voxel_counts),
        "size": list(size),
        "classes": len(segmenter.classes),
        "milliseconds": {
            "once a scene": {
                "read PLY": median_ms(lambda: Scene.load(scene_file), once),
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
