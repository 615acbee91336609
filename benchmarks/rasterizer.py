"""Where the CPU rasteriser's time goes: medians a stage, for every instruction set of this machine and 1 and 2 threads.

    python benchmarks/rasterizer.py [flat] [plant] [SCENE.ply ...] [--size 640x480] [--runs 9] [--json FILE]

Draws colour and 32 features. ``flat`` is a furnished flat of 757,000 Gaussians seen from inside, as translucent as
captured ones, ``plant`` a close-up of 387,000 in many layers with spherical harmonics of degree 3. Both are made up.
The runs of all instruction sets and thread counts take turns, so that what else the machine does falls on all alike.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import platform
import statistics
import sys
from pathlib import Path
from typing import Any

import numpy as np

from rtgs2_training.synthrooms import demo_room
from rtgs2_trt import Camera, Scene, forced_instruction_set, instruction_sets, rasterize
from rtgs2_trt.console import image_size

FEATURES = 32
STAGES = ("project", "sort", "bin", "blend")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenes", nargs="*", default=["flat", "plant"], help="flat, plant or a PLY file")
    parser.add_argument("--size", type=image_size, default=(640, 480))
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    results = []
    for name in arguments.scenes:
        scene, camera = scene_and_camera(name, arguments.size)
        results.append(measure(name, scene, camera, arguments.threads, arguments.runs))
        print(table(results[-1]), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")
    return 0


def scene_and_camera(name: str, size: tuple[int, int]) -> tuple[Scene, Camera]:
    """A scene with features, and a view of it: ``flat``, ``plant`` or a PLY file seen from outside."""
    if name == "flat":
        room = demo_room(757_000, size, views=1)
        scene, camera = room.scene, room.views["0000"].camera
        scene = dataclasses.replace(scene, opacities=scene.opacities * np.float32(0.75))
    elif name == "plant":
        scene, camera = plant(387_000), look_at((0.75, 0.0, 0.5), (0.0, 0.0, 0.45), size)
    else:
        scene = Scene.load(name, up="-y")
        low, high = np.percentile(scene.means, [2, 98], axis=0)
        target = (low + high) / 2
        camera = look_at(target + np.array([0.9 * np.linalg.norm(high - low), 0, 0]), target, size)
    if scene.features is None:
        values = np.random.default_rng(0).standard_normal((len(scene), FEATURES), dtype=np.float32)
        scene = scene.with_features(values, "0" * 64)
    return scene, camera


def look_at(eye: Any, target: Any, size: tuple[int, int]) -> Camera:
    return Camera.look_at(eye, target, width=size[0], height=size[1], fov_degrees=60.0)


def plant(count: int) -> Scene:
    """A pot plant about 1 m high, as captures have them: leaves of flat Gaussians, many of them faint."""
    rng = np.random.default_rng(0)
    leaves = 900
    centres = rng.normal(0, 1, (leaves, 3)) * (0.16, 0.16, 0.2) + (0, 0, 0.5)
    tangents, normals = rng.standard_normal((2, leaves, 3))
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
    normals -= np.sum(normals * tangents, axis=1, keepdims=True) * tangents
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    leaf = rng.integers(0, leaves, count)
    along, across = rng.uniform(-1, 1, (2, count, 1))
    means = centres[leaf] + 0.09 * along * tangents[leaf]
    means += 0.035 * across * (1 - along**2) * np.cross(normals, tangents)[leaf] - 0.02 * along**2 * normals[leaf]
    means += rng.normal(0, 0.002, (count, 3))
    scales = np.exp(rng.normal(np.log([0.0045, 0.0025, 0.0008]), 0.55, (count, 3)))
    rotations = rng.standard_normal((count, 4))
    sh = rng.normal(0, 0.05, (count, 16, 3))
    sh[:, 0] = rng.normal((-0.9, 0.2, -1.1), 0.4, (count, 3))
    return Scene(
        means=means.astype(np.float32),
        scales=scales.astype(np.float32),
        rotations=(rotations / np.linalg.norm(rotations, axis=1, keepdims=True)).astype(np.float32),
        opacities=rng.beta(0.6, 1.6, count).astype(np.float32),
        sh=sh.astype(np.float32),
    )


def measure(name: str, scene: Scene, camera: Camera, threads: list[int], runs: int) -> dict[str, Any]:
    ways = [(instructions, count) for instructions in instruction_sets() for count in threads]
    seconds: dict[tuple[str, int], list[dict[str, float]]] = {way: [] for way in ways}
    for run in range(runs + 1):
        for instructions, count in ways:
            with forced_instruction_set(instructions):
                view = rasterize(scene, camera, threads=count)
            if run > 0:  # the first is the warm-up
                seconds[instructions, count].append(dict(view.seconds))
    return {
        "scene": name,
        "gaussians": len(scene),
        "sh": scene.sh.shape[1],
        "size": [camera.width, camera.height],
        "machine": platform.machine(),
        "milliseconds": [
            {
                "instruction set": instructions,
                "threads": count,
                **{stage: 1000 * statistics.median(run[stage] for run in timed) for stage in STAGES},
                "total": 1000 * statistics.median(sum(run.values()) for run in timed),
            }
            for (instructions, count), timed in seconds.items()
        ],
    }


def table(result: dict[str, Any]) -> str:
    columns = ("instruction set", "threads", *STAGES, "total")
    lines = [
        f"\n{result['scene']}: {result['gaussians']:,} Gaussians, {result['sh']} spherical harmonics, "
        f"{result['size'][0]}x{result['size'][1]}, 3 + {FEATURES} channels; milliseconds",
        "",
        "| " + " | ".join(columns) + " |",
        "|" + "---|" * len(columns),
    ]
    for row in result["milliseconds"]:
        cells = [f"{row[c]:.1f}" if isinstance(row[c], float) else str(row[c]) for c in columns]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
