"""What a fusion graph computes and moves at least, operator by operator.

ONNX Runtime runs the graph once on the CPU, on zeros and without optimisations, and its profiler tells the shapes of
every operator: nothing but the runtime is needed.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import BundleError
from ..threads import available_threads

_FREE = {"Shape", "Reshape", "Identity", "Constant", "Flatten", "Squeeze", "Unsqueeze"}  # other names of the same bytes
_PRODUCTS = {"Conv", "MatMul", "Gemm"}
# Operations a value of the output; exponentials and the like count as 8.
_A_VALUE = {"Add": 1, "Mul": 1, "Relu": 1, "Clip": 2, "Sigmoid": 10, "Gelu": 14, "LayerNormalization": 8, "Softmax": 12}

_Shape = tuple[int, ...]


@dataclass(frozen=True)
class Cost:
    """Of one kind of operator.

    Attributes:
        operators: how many.
        products: operations of matrix products and convolutions (a multiply-add is two).
        others: other operations.
        bytes: read and written, each input and output once.
    """

    operators: int = 0
    products: float = 0.0
    others: float = 0.0
    bytes: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.operators + other.operators,
            self.products + other.products,
            self.others + other.others,
            self.bytes + other.bytes,
        )


@dataclass(frozen=True)
class Network:
    """A fusion network's cost.

    Attributes:
        operators: of its operators one by one, by their kind.
        fused: the same work by an engine that fuses everything: only weights, inputs and outputs move.
    """

    operators: Mapping[str, Cost]
    fused: Cost

    @classmethod
    def of(cls, graph: bytes, width: int, height: int, *, file: str | Path = "graph", value_bytes: int = 2) -> Network:
        """Return the cost for padded images of this size, multiples of 32.

        Args:
            graph: content of a ``fusion.onnx``, in FP32, which ONNX Runtime runs on a CPU as it stands.
            width: of the images in pixels.
            height: of the images in pixels.
            file: what errors call the graph.
            value_bytes: of each value on the device, 2 for FP16.

        Raises:
            BundleError: ONNX Runtime cannot run the graph.
        """
        ran = _run(graph, width, height, file)
        costs: dict[str, Cost] = defaultdict(Cost)
        weights = 0
        for event in ran.operators:
            weights += int(event["parameter_size"]) // 4
            if event["op_name"] not in _FREE:
                costs[event["op_name"]] += _operator_cost(event, value_bytes)
        work = sum(costs.values(), Cost())
        moved = float(value_bytes * (weights + ran.inputs + ran.outputs))
        return cls(dict(costs), Cost(work.operators, work.products, work.others, moved))


@dataclass(frozen=True)
class _Run:
    """What the profiler tells of each operator, and how many numbers go in and come out."""

    operators: list[dict[str, Any]]
    inputs: int
    outputs: int


def _run(graph: bytes, width: int, height: int, file: str | Path) -> _Run:
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = available_threads()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL  # operators stay whole
    options.add_session_config_entry("session.disable_prepacking", "1")  # else weights are missing from the account
    options.enable_profiling = True
    with tempfile.TemporaryDirectory() as folder:
        options.profile_file_prefix = str(Path(folder) / "profile")
        try:
            session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
            feed = {
                entry.name: np.zeros((1, entry.shape[1], height, width), np.float32) for entry in session.get_inputs()
            }
            found = session.run(None, feed)
            events = json.loads(Path(session.end_profiling()).read_text("utf-8"))
        except Exception as error:  # ONNX Runtime's exceptions have no common base of their own
            raise BundleError(
                f"graph cannot be run to count its operations: {error}",
                file=file,
                fix="Export the checkpoint again with rtgs2-export",
            ) from error
    kernels = [e for e in events if e.get("cat") == "Node" and e["name"].endswith("_kernel_time")]
    inputs, outputs = (sum(array.size for array in arrays) for arrays in (feed.values(), found))
    return _Run([event["args"] for event in kernels], inputs, outputs)


def _operator_cost(event: Mapping[str, Any], value_bytes: int) -> Cost:
    inputs, outputs = (_shapes(event[f"{side}_type_shape"]) for side in ("input", "output"))
    made = sum(map(math.prod, outputs))
    moved = value_bytes * (sum(map(math.prod, inputs)) + made)
    if event["op_name"] in _PRODUCTS:
        return Cost(1, products=2 * made * _terms(event["op_name"], inputs), bytes=moved)
    return Cost(1, others=_A_VALUE.get(event["op_name"], 0) * made, bytes=moved)


def _shapes(typed: list[dict[str, list[int]]]) -> list[_Shape]:
    return [tuple(shape) for entry in typed for shape in entry.values()]


def _terms(operator: str, inputs: list[_Shape]) -> int:
    """Products that are summed up for each value of the output."""
    return math.prod(inputs[1][1:]) if operator == "Conv" else inputs[0][-1]  # input channels a group x kernel
