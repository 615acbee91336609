"""What ONNX Runtime's session options are worth: the exported fusion graph with one option changed at a time.

    python benchmarks/session_options.py [--size 640x480] [--classes 46] [--threads 2] [--runs 12]

Full-size network with weights from a seed. Every round runs each variant once, and after it upsampling and argmax by
the core, which wants the same CPUs: "whole" counts both. Ratios are medians over the rounds, against the options that
`rtgs2_trt/backends/engines.py` sets.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import fusion
import numpy as np
import onnxruntime

from rtgs2_trt.console import image_size
from rtgs2_trt.threads import available_threads
from rtgs2_trt.upsample_argmax import upsample_argmax

Change = Callable[[onnxruntime.SessionOptions], object]
PAUSE = 0.1  # seconds, in which threads of the variant before stop waiting busily
LEVELS = onnxruntime.GraphOptimizationLevel


def wait_busily(options: onnxruntime.SessionOptions) -> None:
    """Leave out what stops idle threads from waiting busily for the next run."""


VARIANTS: dict[str, Change] = {
    "as set": lambda options: None,
    "graph optimisation: none": lambda o: setattr(o, "graph_optimization_level", LEVELS.ORT_DISABLE_ALL),
    "graph optimisation: basic": lambda o: setattr(o, "graph_optimization_level", LEVELS.ORT_ENABLE_BASIC),
    "graph optimisation: extended": lambda o: setattr(o, "graph_optimization_level", LEVELS.ORT_ENABLE_EXTENDED),
    "idle threads wait busily": wait_busily,
    "no threads wait busily, ever": lambda o: o.add_session_config_entry("session.intra_op.allow_spinning", "0"),
    "no memory arena": lambda o: setattr(o, "enable_cpu_mem_arena", False),
    "no memory pattern": lambda o: setattr(o, "enable_mem_pattern", False),
    "parallel execution": lambda o: setattr(o, "execution_mode", onnxruntime.ExecutionMode.ORT_PARALLEL),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=image_size, default=(640, 480))
    parser.add_argument("--classes", type=int, default=46)
    parser.add_argument("--threads", type=int, default=available_threads())
    parser.add_argument("--runs", type=int, default=12)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        _, views = fusion.from_seed(arguments, Path(folder))
        graph = str(Path(folder) / "exported.onnx")
        sessions = {name: session(graph, change, arguments.threads) for name, change in VARIANTS.items()}
    print(table(measure(sessions, views[0], arguments)))
    return 0


def session(graph: str, change: Change, threads: int) -> onnxruntime.InferenceSession:
    """Return the graph in a session with the options of ``OnnxRuntimeNetwork`` and one of them changed."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_cpu_mem_arena = True
    if change is not wait_busily:
        options.add_session_config_entry("session.force_spinning_stop", "1")
    change(options)
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def measure(
    sessions: dict[str, onnxruntime.InferenceSession], view: dict[str, np.ndarray], arguments: argparse.Namespace
) -> dict[str, list[tuple[float, float]]]:
    """Return the seconds of each round, fusion and whole, by variant; the first round warms up."""
    width, height = arguments.size
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in sessions}
    for run in range(arguments.runs + 1):
        for name, variant in sessions.items():
            time.sleep(PAUSE)
            start = time.perf_counter()
            logits = variant.run(None, view)[0]
            middle = time.perf_counter()
            upsample_argmax(logits[0], height, width, threads=arguments.threads)
            if run:
                seconds[name].append((middle - start, time.perf_counter() - start))
    return seconds


def table(seconds: dict[str, list[tuple[float, float]]]) -> str:
    lines = ["| option changed | fusion, ms | ratio | with argmax, ms | ratio |", "|---|---|---|---|---|"]
    reference = seconds["as set"]
    for name, rounds in seconds.items():
        cells = []
        for part in (0, 1):
            median = statistics.median(values[part] for values in rounds)
            ratio = statistics.median(a[part] / b[part] for a, b in zip(rounds, reference, strict=True))
            cells += [f"{1000 * median:.0f}", f"{ratio:.2f}"]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
