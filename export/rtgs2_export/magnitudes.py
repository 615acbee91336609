"""How large the values inside a graph get on given inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import TensorProto, helper

from .value_types import value_types

Feed = Mapping[str, npt.NDArray[np.float32]]


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
    """Run the FP32 `model` on every probe and look at all values but those inside the bodies of loops."""
    types = value_types(model)
    top = [entry.name for entry in (*model.graph.input, *model.graph.initializer)]
    top += [name for node in model.graph.node for name in node.output]
    names = [name for name in top if types[name] == TensorProto.FLOAT]
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    del watched.graph.output[1:]
    for place, name in enumerate(names):
        watched.graph.node.append(helper.make_node("Abs", [name], [f"watch{place}/abs"], name=f"watch{place}/abs"))
        watched.graph.node.append(
            helper.make_node("ReduceMax", [f"watch{place}/abs"], [f"watch{place}"], name=f"watch{place}", keepdims=0)
        )
        watched.graph.output.append(helper.make_tensor_value_info(f"watch{place}", TensorProto.FLOAT, []))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL  # each value stays a value
    session = onnxruntime.InferenceSession(watched.SerializeToString(), options, providers=["CPUExecutionProvider"])
    largest: dict[str, Magnitude] = {}
    outputs: dict[str, npt.NDArray[np.float32]] = {}
    for probe, feed in probes.items():
        outputs[probe], *found = session.run(None, {entry.name: feed[entry.name] for entry in session.get_inputs()})
        for name, value in zip(names, found, strict=True):
            magnitude = Magnitude(float(value) if np.isfinite(value) else float("inf"), probe)
            if name not in largest or magnitude.largest > largest[name].largest:
                largest[name] = magnitude
    return Watched(largest, outputs)
