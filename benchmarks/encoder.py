"""The encoder on a CPU: the exported graph against PyTorch, in alternating runs, and its peak memory.

    python benchmarks/encoder.py [--voxels 51000] [--threads 2] [--runs 5] [--no-pytorch] [--json FILE]

Full-size networks with weights from a seed, over furnished rooms made from a seed. Compared are

- plain: a straightforward port to PyTorch. A convolution gathers (n, 27, C) at once and is one GEMM, attention holds
  the scores of all patches, BatchNorm stays by itself;
- rtgs2_networks: this project's PyTorch network, which gathers by planes and bounds the scores;
- exported: encoder.onnx through the CPU backend's session.

Peak memory is that of a fresh process that loads the graph and runs it once, its plan included.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from rtgs2_trt.backends.engines import OnnxRuntimeNetwork
from rtgs2_trt.geometry_plan import GeometryPlan, build_geometry_plan

VOXEL = 0.07
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # the seeded weights


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voxels", type=int, default=51_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--no-pytorch", action="store_true", help="only the exported graph (large scenes)")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--graph", help=argparse.SUPPRESS)  # the fresh process of peak_memory
    arguments = parser.parse_args()
    if arguments.graph:
        print(json.dumps(memory_of_one_run(arguments.graph, arguments.voxels, arguments.threads)))
        return 0
    result = measure(arguments)
    print(table(result))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")
    else:
        print(json.dumps(result))
    return 0


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    plan, inputs = scene(arguments.voxels)
    with tempfile.TemporaryDirectory() as folder:
        graph = str(Path(folder) / "encoder.onnx")
        weights = export(graph)
        exported = OnnxRuntimeNetwork(graph, arguments.threads)
        feed = {"inputs": inputs, **plan.arrays}
        candidates: dict[str, Callable[[], Any]] = {"exported": lambda: exported.run(feed)}
        if not arguments.no_pytorch:
            candidates = {**pytorch_candidates(weights, plan, inputs, arguments.threads), **candidates}
        seconds: dict[str, list[float]] = {name: [] for name in candidates}
        answers: dict[str, Any] = {}
        for run in range(arguments.runs + 1):
            for name, candidate in candidates.items():
                start = time.perf_counter()
                answers[name] = candidate()
                if run > 0:  # the first warms up
                    seconds[name].append(time.perf_counter() - start)
        options = ["--voxels", str(arguments.voxels), "--threads", str(arguments.threads)]
        memory = json.loads(
            subprocess.run(
                [sys.executable, __file__, "--graph", graph, *options],
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
    reference = answers[next(iter(candidates))]
    return {
        "machine": f"{platform.machine()}, {arguments.threads} threads",
        "voxels": list(plan.voxel_counts),
        "seconds_median": {name: statistics.median(values) for name, values in seconds.items()},
        "ratio_median": {
            name: statistics.median(a / b for a, b in zip(seconds["exported"], values, strict=True))
            for name, values in seconds.items()
        },
        "relative_difference": {
            name: float(np.abs(answer - reference).max() / np.abs(reference).max()) for name, answer in answers.items()
        },
        "peak_memory_gib": memory,
    }


def table(result: dict[str, Any]) -> str:
    memory = result["peak_memory_gib"]
    lines = [
        f"{result['voxels'][0]} voxels ({result['voxels']} by stage), {result['machine']}",
        "",
        "| encoder | s (median) | exported takes | differs by |",
        "|---|---|---|---|",
        *(
            f"| {name} | {seconds:.2f} | {result['ratio_median'][name]:.3f} "
            f"| {result['relative_difference'][name]:.1e} |"
            for name, seconds in result["seconds_median"].items()
        ),
        "",
        f"peak memory, exported: {memory['peak']:.2f} GiB, of it {memory['before']:.2f} before the graph was loaded",
    ]
    return "\n".join(lines)


def memory_of_one_run(graph: str, voxels: int, threads: int) -> dict[str, float]:
    plan, inputs = scene(voxels)
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak of making the scene
    before = memory_gib("VmRSS")
    OnnxRuntimeNetwork(graph, threads).run({"inputs": inputs, **plan.arrays})
    return {"peak": memory_gib("VmHWM"), "before": before}


def memory_gib(field: str) -> float:
    """A line of Linux's account of this process; getrusage would count the parent's peak too."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines[field].split()[0]) / 2**20


def scene(voxels: int) -> tuple[GeometryPlan, np.ndarray]:
    """Return plan and encoder inputs of furnished rooms, as many as fill `voxels` cells of the grid."""
    rng = np.random.default_rng(0)
    rooms = -(-voxels // 20_000)
    side = int(np.ceil(np.sqrt(rooms)))
    points = np.concatenate([room(rng) + np.asarray([5.2 * (i % side), 4.2 * (i // side), 0]) for i in range(rooms)])
    points = points.astype(np.float32)
    cells = ((points - points.min(0)) / np.float32(VOXEL)).astype(np.int64)
    _, first = np.unique(cells @ [2**40, 2**20, 1], return_index=True)
    points = points[: np.sort(first)[voxels]]
    plan = build_geometry_plan(points, rng.random(len(points), dtype=np.float32), voxel_size=VOXEL)
    count = plan.voxel_counts[0]
    attributes = [rng.random((count, 4)), rng.uniform(-5, -3, (count, 3))]  # colour and opacity, log scales
    return plan, np.concatenate([points[plan.representatives], *attributes], axis=1).astype(np.float32)


def room(rng: np.random.Generator) -> np.ndarray:
    """Return points on the faces of a room of 5 x 4 x 2.6 m and of eight boxes in it."""
    boxes = [(np.zeros(3), np.asarray([5, 4, 2.6]))]
    for _ in range(8):
        size = rng.uniform([0.3, 0.3, 0.4], [1.6, 1.0, 1.8])
        boxes.append((rng.random(3) * [5 - size[0], 4 - size[1], 0], size))
    faces = []
    for corner, size in boxes:
        for axis in range(3):
            for end in (0.0, 1.0):
                points = rng.random((int(400 * size.prod() / size[axis]), 3)) * size
                points[:, axis] = end * size[axis] + rng.normal(0, 0.012, len(points))
                faces.append(corner + points)
    return np.concatenate(faces)


def export(path: str) -> dict[str, np.ndarray]:
    """Write the full-size encoder with seeded weights to `path` and return the weights."""
    import onnx

    from golden.seeded_weights import seeded_state
    from golden_values import state_entries
    from rtgs2_export.algebra import Algebra
    from rtgs2_export.encoder_graph import build_encoder_graph
    from rtgs2_networks.config import research_encoder_config

    weights = seeded_state(state_entries("encoder"), 1)
    onnx.save(build_encoder_graph(research_encoder_config(), weights, Algebra(), "benchmark"), path)
    return weights


def pytorch_candidates(
    weights: dict[str, np.ndarray], plan: GeometryPlan, inputs: np.ndarray, threads: int
) -> dict[str, Callable[[], Any]]:
    import torch
    from torch import Tensor, nn

    from rtgs2_networks.config import research_encoder_config
    from rtgs2_networks.encoder import PatchAttention, PointTransformerEncoder, SubmanifoldConv

    class PlainConvolution(nn.Module):
        """One gather of every tap, one GEMM."""

        def __init__(self, source: SubmanifoldConv) -> None:
            super().__init__()
            self.matrix = source.weight.flatten(1)
            self.bias = source.bias

        def forward(self, x: Tensor, neighbours: Tensor) -> Tensor:
            taps = neighbours.permute(1, 0, 2).flatten(1)  # (n, k * k * k)
            padded = torch.cat([x, x.new_zeros(1, x.shape[1])])
            return nn.functional.linear(padded[taps].flatten(1), self.matrix, self.bias)

    class PlainAttention(nn.Module):
        """Softmax attention that holds the scores of all patches."""

        def __init__(self, source: PatchAttention) -> None:
            super().__init__()
            self.heads, self.qkv, self.proj = source.heads, source.qkv, source.proj

        def forward(self, x: Tensor, patches: Tensor, slots: Tensor) -> Tensor:
            rows = self.qkv(x)[patches]  # (patches, size, 3 C)
            q, k, v = rows.view(*patches.shape, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
            scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)
            mixed = (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)
            return self.proj(mixed.flatten(0, 1)[slots])

    torch.set_num_threads(threads)
    state = {name: torch.from_numpy(np.asarray(value)) for name, value in weights.items()}
    arrays = {name: torch.from_numpy(array) for name, array in plan.arrays.items()}
    networks = {}
    for name in ("plain", "rtgs2_networks"):
        network = PointTransformerEncoder(research_encoder_config()).eval()
        network.load_state_dict(state)
        if name == "plain":
            for module in list(network.modules()):
                for key, child in list(module.named_children()):
                    if isinstance(child, SubmanifoldConv):
                        module._modules[key] = PlainConvolution(child)
                    elif isinstance(child, PatchAttention):
                        module._modules[key] = PlainAttention(child)
        networks[name] = network

    def runner(network: nn.Module) -> Callable[[], Any]:
        def run() -> np.ndarray:
            with torch.inference_mode():
                answer: np.ndarray = network(torch.from_numpy(inputs), arrays).numpy()
            return answer

        return run

    return {name: runner(network) for name, network in networks.items()}


if __name__ == "__main__":
    sys.exit(main())
