"""The fusion network on a CPU: the plain ONNX export, the exported graph and BF16, in alternating runs.

    python benchmarks/fusion.py [--size 640x480] [--classes 46] [--threads 2] [--runs 20] [--json FILE]
    python benchmarks/fusion.py --bundle B.rtgs2 --scene S.ply --cameras FILE [--views 8]

Without a bundle: full-size networks with weights from a seed, on a random view; "plain" is the network as it is
defined, without any step of the export's algebra but at the same quarter-size logits. With a bundle: its own graph in
FP32 and BF16 on views of a scene, which says how well labels agree where weights and pictures mean something. A label
that differs is a near-tie where the two logits lie less than 1e-4 of the largest apart.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from rtgs2_trt import BackendError, Segmenter, load_cameras, rasterize
from rtgs2_trt.backends.engines import Network, OnnxRuntimeNetwork, OpenVinoNetwork
from rtgs2_trt.bundle import FUSION
from rtgs2_trt.console import image_size
from rtgs2_trt.threads import available_threads

TIE = 1e-4
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # the seeded weights

View = dict[str, np.ndarray]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=image_size, default=(640, 480))
    parser.add_argument("--classes", type=int, default=46)
    parser.add_argument("--threads", type=int, default=available_threads())
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--bundle")
    parser.add_argument("--scene")
    parser.add_argument("--cameras")
    parser.add_argument("--views", type=int, default=8)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        networks, views = from_bundle(arguments) if arguments.bundle else from_seed(arguments, Path(folder))
        result = measure(networks, views, arguments)
    print(table(result))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")
    else:
        print(json.dumps(result))
    return 0


def from_seed(arguments: argparse.Namespace, folder: Path) -> tuple[dict[str, Network], list[View]]:
    import onnx

    from golden.seeded_weights import seeded_state
    from golden_values import state_entries
    from rtgs2_export.algebra import Algebra
    from rtgs2_export.fusion_graph import build_fusion_graph
    from rtgs2_networks.config import FusionConfig

    entries = state_entries("fusion")
    for leaf in ("weight", "bias"):
        name = f"Decoder.linear_pred.{leaf}"
        entries[name] = (arguments.classes, *entries[name][1:])
    weights, config = seeded_state(entries, 1), FusionConfig(num_classes=arguments.classes)
    for name, algebra in (
        ("plain", dataclasses.replace(Algebra.none(), drop_x_lin=True)),
        ("exported", Algebra()),
    ):
        graph = build_fusion_graph(config, weights, algebra, bgr=False, version="benchmark")
        onnx.save(graph, folder / f"{name}.onnx")
    networks: dict[str, Network] = {
        name: OnnxRuntimeNetwork(folder / f"{name}.onnx", arguments.threads, keep_memory=True)
        for name in ("plain", "exported")
    }
    width, height = (-(-side // 32) * 32 for side in arguments.size)
    rng = np.random.default_rng(0)
    view = {
        "image": rng.random((1, 3, height, width), dtype=np.float32),
        "features": rng.standard_normal((1, config.feature_channels, height, width)).astype(np.float32),
    }
    return with_bf16(networks, folder / "exported.onnx", arguments.threads), [view]


def from_bundle(arguments: argparse.Namespace) -> tuple[dict[str, Network], list[View]]:
    segmenter = Segmenter(arguments.bundle, "cpu", threads=arguments.threads)
    scene = segmenter.load(arguments.scene)
    cameras = list(load_cameras(arguments.cameras).values())
    views = []
    for camera in cameras[:: max(1, len(cameras) // arguments.views)][: arguments.views]:
        rendering = rasterize(scene, camera.resized(*arguments.size).padded(32))
        views.append({"image": rendering.rgb[None], "features": rendering.features[None]})
    path = segmenter.bundle.file(FUSION)
    exported = OnnxRuntimeNetwork(path, arguments.threads, keep_memory=True)
    return with_bf16({"exported": exported}, path, arguments.threads), views


def with_bf16(networks: dict[str, Network], path: Path, threads: int) -> dict[str, Network]:
    try:
        return {**networks, "exported, bf16": OpenVinoNetwork(path, threads)}
    except BackendError as error:
        print(f"without BF16: {error}", file=sys.stderr)
        return networks


def measure(networks: dict[str, Network], views: list[View], arguments: argparse.Namespace) -> dict[str, Any]:
    reference = next(iter(networks))
    seconds: dict[str, list[float]] = {name: [] for name in networks}
    answers: dict[str, list[np.ndarray]] = {name: [] for name in networks}
    for run in range(max(arguments.runs, len(views)) + 1):
        view = views[run % len(views)]
        for name, network in networks.items():
            start = time.perf_counter()
            logits = network.run(view)[0]
            if run > 0:  # the first warms up
                seconds[name].append(time.perf_counter() - start)
            if run < len(views):
                answers[name].append(logits)
    return {
        "machine": f"{platform.machine()}, {arguments.threads} threads",
        "size": list(arguments.size),
        "views": len(views),
        "reference": reference,
        "seconds_median": {name: statistics.median(values) for name, values in seconds.items()},
        "ratio_median": {
            name: statistics.median(a / b for a, b in zip(values, seconds[reference], strict=True))
            for name, values in seconds.items()
        },
        "agreement": {name: agreement(answers[reference], answers[name]) for name in networks},
    }


def agreement(expected: list[np.ndarray], found: list[np.ndarray]) -> dict[str, Any]:
    """Compare logits (C, h, w) of several views: relative differences, labels that differ and are no near-tie."""
    classes = len(expected[0])
    a, b = (np.concatenate([logits.reshape(classes, -1) for logits in views], axis=1) for views in (expected, found))
    winner, label, pixels = a.argmax(0), b.argmax(0), np.arange(a.shape[1])
    lead = a[winner, pixels] - a[label, pixels]
    return {
        "max_relative": float(np.abs(a - b).max() / np.abs(a).max()),
        "rms_relative": float(np.sqrt(np.mean((a - b) ** 2) / np.mean((a - a.mean(1, keepdims=True)) ** 2))),
        "labels_equal": float((winner == label).mean()),
        "labels_wrong": int((lead > TIE * np.abs(a).max()).sum()),
        "pixels": int(a.shape[1]),
        "classes_seen": len(np.unique(winner)),
    }


def table(result: dict[str, Any]) -> str:
    lines = [
        f"{result['size'][0]}x{result['size'][1]}, {result['views']} views, {result['machine']}; "
        f"compared with {result['reference']}",
        "",
        "| fusion | ms (median) | ratio | logits differ, max / rms | labels equal | beyond near-ties |",
        "|---|---|---|---|---|---|",
    ]
    for name, seconds in result["seconds_median"].items():
        same = result["agreement"][name]
        lines.append(
            f"| {name} | {1000 * seconds:.0f} | {result['ratio_median'][name]:.3f} "
            f"| {same['max_relative']:.1e} / {same['rms_relative']:.1e} | {same['labels_equal']:.4f} "
            f"| {same['labels_wrong']} of {same['pixels']}, {same['classes_seen']} classes |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
