"""Where the networks' time goes: ONNX Runtime's own account of every operator, by kind and by part of the network.

    python benchmarks/operators.py [--network encoder|fusion] [--voxels 51000] [--size 640x480] [--threads 2] [--runs 5]

Full-size networks with weights from a seed. The profiler's own cost is in the figures: shares count, not milliseconds.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import encoder
import fusion
import numpy as np
import onnxruntime

from rtgs2_trt.console import image_size
from rtgs2_trt.threads import available_threads

PARTS = {
    "encoder": ("positional_encoding", "attention", "mlp", "stem", "pool", "unpool"),
    "fusion": ("rgb", "feature", "merge", "decoder"),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", choices=("encoder", "fusion"), default="encoder")
    parser.add_argument("--voxels", type=int, default=51_000)
    parser.add_argument("--size", type=image_size, default=(640, 480))
    parser.add_argument("--classes", type=int, default=46)
    parser.add_argument("--threads", type=int, default=available_threads())
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.network == "encoder":
            graph = Path(folder) / "encoder.onnx"
            encoder.export(str(graph))
            plan, inputs = encoder.scene(arguments.voxels)
            feed = {"inputs": inputs, **plan.arrays}
        else:
            _, views = fusion.from_seed(arguments, Path(folder))
            graph, feed = Path(folder) / "exported.onnx", views[0]
        events = profile(graph, feed, arguments)
    print(table(events, arguments.network))
    return 0


def profile(graph: Path, feed: dict[str, np.ndarray], arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Return the profiler's events of the nodes, of all runs but the first."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = arguments.threads
    options.enable_profiling = True
    options.profile_file_prefix = str(graph.parent / "profile")
    session = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
    feed = {entry.name: feed[entry.name] for entry in session.get_inputs()}
    for _ in range(arguments.runs + 1):
        session.run(None, feed)
    events = json.loads(Path(session.end_profiling()).read_text())
    runs = [event["ts"] for event in events if event["name"] == "model_run"]
    return [
        event
        for event in events
        if event["cat"] == "Node" and event["name"].endswith("_kernel_time") and event["ts"] >= sorted(runs)[1]
    ]


def table(events: list[dict[str, Any]], network: str) -> str:
    # a Scan's time is that of the nodes inside it, which have events of their own
    events = [event for event in events if event["args"]["op_name"] != "Scan"]
    total = sum(event["dur"] for event in events)
    operators: Counter[str] = Counter()
    parts: Counter[tuple[str, str]] = Counter()
    for event in events:
        operator = event["args"]["op_name"]
        path = event["name"].removesuffix("_kernel_time").split("/")
        part = next((name for name in PARTS[network] for word in path if word.startswith(name)), "other")
        operators[operator] += event["dur"]
        parts[part, operator] += event["dur"]
    lines = ["| operator | share |", "|---|---|"]
    lines += [f"| {name} | {share:.1%} |" for name, time in operators.most_common() if (share := time / total) >= 0.005]
    lines += ["", "| part | operator | share |", "|---|---|---|"]
    lines += [
        f"| {part} | {name} | {share:.1%} |"
        for (part, name), time in parts.most_common()
        if (share := time / total) >= 0.01
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
