"""What FP16 changes: the FP16 graphs against the same graphs in FP32, no GPU needed.

    python benchmarks/fp16.py [--checkpoint CKPT] [--network encoder|fusion] [--threads 2] [--json FILE]

Two cases: the golden input with seeded weights of full size, and the checkpoint on the eight views of the demo room. Of
the encoder the features are compared, and the labels that the FP32 fusion network gives with them.
"rounded" computes in FP32 and rounds every FP16 value, as tensor cores do; "ONNX Runtime" is the graph as that runs it
on a CPU, which rounds less often. Labels are compared at full size; one that differs is a near-tie where the two logits
lie less than 0.5 % of the view's largest apart.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from rtgs2_export.algebra import Algebra
from rtgs2_export.encoder_graph import build_encoder_graph
from rtgs2_export.fp16_emulation import emulate_fp16
from rtgs2_export.fusion_graph import build_fusion_graph
from rtgs2_export.golden import encode_with_pytorch, golden_scene
from rtgs2_export.graph import Arithmetic
from rtgs2_export.magnitudes import Feed, watch
from rtgs2_networks.checkpoint import Checkpoint, load_checkpoint
from rtgs2_networks.config import FusionConfig, research_encoder_config
from rtgs2_training.synthrooms import Room, demo_room
from rtgs2_trt import Scene, rasterize
from rtgs2_trt.backends.engines import OnnxRuntimeNetwork
from rtgs2_trt.encoder_inputs import encoder_inputs
from rtgs2_trt.geometry_plan import build_geometry_plan
from rtgs2_trt.threads import available_threads
from rtgs2_trt.upsample import upsample

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # the seeded weights

TIE = 5e-3
SHOWN = 5


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", default=str(Path(__file__).parents[1] / "examples/demo/ckpt.pt"))
    parser.add_argument("--network", choices=["encoder", "fusion", "both"], default="both")
    parser.add_argument("--threads", type=int, default=available_threads())
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    result: dict[str, Any] = {}
    checkpoint = load_checkpoint(arguments.checkpoint)
    room = demo_room()
    if arguments.network != "fusion":
        result["encoder"] = encoders(checkpoint, room, arguments.threads)
        print(encoder_table(result["encoder"]))
    if arguments.network != "encoder":
        result["fusion"] = fusions(checkpoint, Path(arguments.checkpoint).name, room, arguments.threads)
        print(table(result["fusion"]))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")
    return 0


def encoders(checkpoint: Checkpoint, room: Room, threads: int) -> dict[str, Any]:
    """Features of the golden scene with seeded weights of full size and of the demo room, and the room's labels."""
    from golden.seeded_weights import seeded_state
    from golden_values import state_entries

    trained = {name: np.asarray(tensor) for name, tensor in checkpoint.encoder.items()}
    cases = {
        "seeded, golden scene": (research_encoder_config(), seeded_state(state_entries("encoder"), 1), golden_scene()),
        "checkpoint, demo room": (checkpoint.config.encoder, trained, room.scene),
    }
    result: dict[str, Any] = {}
    for case, (config, weights, scene) in cases.items():
        plan = build_geometry_plan(
            scene.means,
            scene.opacities,
            voxel_size=config.voxel_size,
            stages=config.stages,
            patch_size=config.patch_size,
            stem_kernel=config.stem_kernel,
            cpe_kernel=config.cpe_kernel,
        )
        feed = {"inputs": encoder_inputs(scene)[plan.representatives], **plan.arrays}
        algebra = Algebra().for_gpu()
        wide = build_encoder_graph(config, weights, algebra, "benchmark")
        half = build_encoder_graph(config, weights, algebra, "benchmark", arithmetic="float16")
        graphs = {"FP32": wide, "rounded": emulate_fp16(half), "ONNX Runtime": half}
        features = {name: run(graph, feed, threads) for name, graph in graphs.items()}
        exact = features["FP32"]
        name, magnitude = max(watch(wide, {case: feed}).largest.items(), key=lambda entry: entry[1].largest)
        result[case] = {"voxels": len(exact), "largest": {name: magnitude.largest}}
        for kind in ("rounded", "ONNX Runtime"):
            difference = features[kind] - exact
            result[case][kind] = {
                "max_relative": float(np.abs(difference).max() / np.abs(exact).max()),
                "rms_relative": float(np.sqrt((difference**2).sum() / (exact**2).sum())),
            }
    fusion = {name: np.asarray(tensor) for name, tensor in checkpoint.fusion.items()}
    bgr = checkpoint.config.trained_on == "bgr"
    network = build_fusion_graph(checkpoint.config.fusion, fusion, Algebra(), bgr=bgr, version="benchmark")
    expected, found = (
        answers(network, rendered(room, scene.with_features(plan.to_gaussians(features[kind])), threads), threads)
        for kind in ("FP32", "rounded")
    )
    result["labels with rounded features"] = agreement(expected, found)
    return result


def rendered(room: Room, scene: Scene, threads: int) -> list[Feed]:
    """The inputs of the fusion network for all views of the room."""
    renderings = [rasterize(scene, view.camera.padded(32), threads=threads) for view in room.views.values()]
    return [{"image": view.rgb[None], "features": view.features[None]} for view in renderings]


def fusions(checkpoint: Checkpoint, name: str, room: Room, threads: int) -> dict[str, Any]:
    """The golden input with seeded weights of full size, and the checkpoint on the demo room."""
    config, weights = seeded()
    result = {"seeded, golden input, 128x96": compare(config, weights, False, [golden_input()], threads)}
    trained = {name: np.asarray(tensor) for name, tensor in checkpoint.fusion.items()}
    scene = room.scene.with_features(encode_with_pytorch(checkpoint, room.scene))
    bgr = checkpoint.config.trained_on == "bgr"
    views = rendered(room, scene, threads)
    result[f"{name}, demo room, 320x240"] = compare(checkpoint.config.fusion, trained, bgr, views, threads)
    return result


def seeded() -> tuple[FusionConfig, dict[str, np.ndarray]]:
    from golden.seeded_weights import seeded_state
    from golden_values import state_entries

    return FusionConfig(), seeded_state(state_entries("fusion"), 1)


def golden_input() -> dict[str, np.ndarray]:
    rng = np.random.default_rng([1, 11])
    return {
        "image": rng.random((1, 3, 96, 128), dtype=np.float32),
        "features": rng.standard_normal((1, 32, 96, 128)).astype(np.float32),
    }


def compare(
    config: FusionConfig, weights: Mapping[str, np.ndarray], bgr: bool, views: list[Feed], threads: int
) -> dict[str, Any]:
    def build(arithmetic: Arithmetic) -> onnx.ModelProto:
        algebra = Algebra().for_gpu()
        return build_fusion_graph(config, weights, algebra, bgr=bgr, version="benchmark", arithmetic=arithmetic)

    wide, half = build("float32"), build("float16")
    exact = answers(wide, views, threads)
    largest = watch(wide, {str(number): view for number, view in enumerate(views)}).largest
    top = sorted(largest.items(), key=lambda entry: -entry[1].largest)[:SHOWN]
    return {
        "views": len(views),
        "rounded": agreement(exact, answers(emulate_fp16(half), views, threads)),
        "ONNX Runtime": agreement(exact, answers(half, views, threads)),
        "largest": {name: magnitude.largest for name, magnitude in top},
    }


def answers(model: onnx.ModelProto, views: list[Feed], threads: int) -> list[np.ndarray]:
    """Logits (C, h, w) of every view."""
    network = OnnxRuntimeNetwork("benchmark", threads, content=model.SerializeToString())
    return [network.run(view)[0] for view in views]


def run(model: onnx.ModelProto, feed: Feed, threads: int) -> np.ndarray:
    return OnnxRuntimeNetwork("benchmark", threads, content=model.SerializeToString()).run(feed)


def agreement(expected: list[np.ndarray], found: list[np.ndarray]) -> dict[str, Any]:
    """Compare logits (C, h, w) of several views, and their labels at full size."""
    differing = beyond = pixels = 0
    largest_lead = 0.0
    for a, b in zip(expected, found, strict=True):
        full = [np.stack([upsample(plane, 4 * a.shape[1], 4 * a.shape[2]) for plane in logits]) for logits in (a, b)]
        winner, label = (logits.argmax(0) for logits in full)
        rows, columns = np.nonzero(winner != label)
        lead = full[0][winner[rows, columns], rows, columns] - full[0][label[rows, columns], rows, columns]
        lead = lead / np.abs(a).max()
        differing, pixels = differing + len(lead), pixels + winner.size
        beyond += int((lead > TIE).sum())
        largest_lead = max(largest_lead, float(lead.max(initial=0)))
    differences = [a - b for a, b in zip(expected, found, strict=True)]
    return {
        "max_relative": max(
            float(np.abs(d).max() / np.abs(a).max()) for d, a in zip(differences, expected, strict=True)
        ),
        "rms_relative": float(np.sqrt(sum((d**2).sum() for d in differences) / sum((a**2).sum() for a in expected))),
        "labels_different": differing,
        "labels_beyond_near_ties": beyond,
        "largest_lead": largest_lead,
        "pixels": pixels,
    }


def encoder_table(result: Mapping[str, Any]) -> str:
    lines = ["| case | voxels | FP16 | features differ, max / rms | largest value |", "|---|---|---|---|---|"]
    for case, values in result.items():
        if "voxels" not in values:
            continue
        name, largest = next(iter(values["largest"].items()))
        for kind in ("rounded", "ONNX Runtime"):
            same = values[kind]
            difference = f"{same['max_relative']:.1e} / {same['rms_relative']:.1e}"
            lines.append(f"| {case} | {values['voxels']} | {kind} | {difference} | {largest:.0f}, {name} |")
    labels = result["labels with rounded features"]
    lines += [
        "",
        f"Labels that differ with rounded features: {labels['labels_different']} of {labels['pixels']}, "
        f"{labels['labels_beyond_near_ties']} beyond near-ties, largest lead {labels['largest_lead']:.1e}.",
        "",
    ]
    return "\n".join(lines)


def table(result: Mapping[str, Any]) -> str:
    lines = [
        "| case | FP16 | logits differ, max / rms | labels that differ | beyond near-ties | largest lead |",
        "|---|---|---|---|---|---|",
    ]
    for case, values in result.items():
        for kind in ("rounded", "ONNX Runtime"):
            same = values[kind]
            share = 100 * same["labels_different"] / same["pixels"]
            lines.append(
                f"| {case} | {kind} | {same['max_relative']:.1e} / {same['rms_relative']:.1e} "
                f"| {same['labels_different']} of {same['pixels']} ({share:.3f} %) "
                f"| {same['labels_beyond_near_ties']} | {same['largest_lead']:.1e} |"
            )
        name, magnitude = next(iter(values["largest"].items()))
        lines.append(f"| | largest value | {magnitude:.0f} of 65504, {name} | | | |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
