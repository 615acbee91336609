"""How large the values inside a graph get on given inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import TensorProto, helper

from .value_types import value_types

Feed = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Magnitude:
    """The largest absolute value that was seen (infinite for NaN), and the name of the input that caused it."""

    largest: float
    probe: str


@dataclass(frozen=True)
class Watched:
    """What a graph did on some inputs.

    Attributes:
        largest: the largest magnitude of each float32 value, by name; inputs and initializers are values too.
        outputs: the graph's first output, by the name of the input.
    """

    largest: Mapping[str, Magnitude]
    outputs: Mapping[str, npt.NDArray[np.float32]]


def watch(model: onnx.ModelProto, probes: Mapping[str, Feed]) -> Watched:
    """Run the FP32 `model` on every probe and look at all values, those inside loops over all items."""
    types = value_types(model)
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    del model  # one copy of the weights less while the session makes its own, if the caller keeps none
    graph = watched.graph
    del graph.output[1:]
    top = [entry.name for entry in (*graph.input, *graph.initializer)]
    top += [name for node in graph.node for name in node.output]
    scalars: dict[str, str] = {}
    for node in list(graph.node):
        if node.op_type == "Scan":
            scalars |= {name: _largest(graph, by_item) for name, by_item in _largest_by_item(node, types).items()}
    scalars |= {name: _largest(graph, name) for name in top if types[name] == TensorProto.FLOAT}
    graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, []) for name in scalars.values())
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL  # each value stays a value
    content = watched.SerializeToString()
    del watched, graph
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    del content
    largest: dict[str, Magnitude] = {}
    outputs: dict[str, npt.NDArray[np.float32]] = {}
    for probe, feed in probes.items():
        outputs[probe], *found = session.run(None, {entry.name: feed[entry.name] for entry in session.get_inputs()})
        for name, value in zip(scalars, found, strict=True):
            magnitude = Magnitude(float(value) if np.isfinite(value) else float("inf"), probe)
            if name not in largest or magnitude.largest > largest[name].largest:
                largest[name] = magnitude
    return Watched(largest, outputs)


def _largest(graph: onnx.GraphProto, value: str) -> str:
    """Add the largest magnitude of a value to `graph`, and return its name."""
    magnitude, largest = f"{value}/magnitude", f"{value}/largest"
    graph.node.append(helper.make_node("Abs", [value], [magnitude], name=magnitude))
    graph.node.append(helper.make_node("ReduceMax", [magnitude], [largest], name=largest, keepdims=0))
    return largest


def _largest_by_item(loop: onnx.NodeProto, types: Mapping[str, int]) -> dict[str, str]:
    """Make the largest magnitudes of what a Scan's body computes its outputs too; return their names by value."""
    body = next(attribute.g for attribute in loop.attribute if attribute.HasField("g"))
    names = [name for node in body.node for name in node.output if types[name] == TensorProto.FLOAT]
    by_item: dict[str, str] = {}
    for name in names:
        body.output.append(helper.make_tensor_value_info(_largest(body, name), TensorProto.FLOAT, []))
        by_item[name] = f"{name}/by_item"
    loop.output.extend(by_item.values())
    return by_item
