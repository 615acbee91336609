"""The element type of every value of a graph, as ONNX infers and checks it."""

from __future__ import annotations

import math
from collections.abc import Iterator

import onnx
from onnx import helper

_WEIGHT = 256  # numbers; shapes and axes have fewer, and inference wants to know them


def value_types(model: onnx.ModelProto) -> dict[str, int]:
    """Return the ``TensorProto`` element type of every value of `model`, those in loop bodies included.

    Raises:
        onnx.shape_inference.InferenceError: the types of a node's inputs or outputs do not go together.
    """
    inferred = onnx.shape_inference.infer_shapes(
        without_weights(model), check_type=True, strict_mode=True, data_prop=True
    )
    types: dict[str, int] = {}
    for graph in all_graphs(inferred.graph):
        types |= {tensor.name: tensor.data_type for tensor in graph.initializer}
        for value in (*graph.input, *graph.output, *graph.value_info):
            types[value.name] = value.type.tensor_type.elem_type
    return types


def without_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy of `model` whose weights are inputs, of the same types and shapes: inference copies a graph four times."""
    light = onnx.ModelProto(ir_version=model.ir_version, opset_import=model.opset_import, functions=model.functions)
    graph = model.graph
    light.graph.CopyFrom(
        onnx.GraphProto(
            name=graph.name,
            node=graph.node,
            input=graph.input,
            output=graph.output,
            value_info=graph.value_info,
            initializer=[tensor for tensor in graph.initializer if _numbers(tensor) < _WEIGHT],
        )
    )
    light.graph.input.extend(
        helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
        for tensor in graph.initializer
        if _numbers(tensor) >= _WEIGHT
    )
    return light


def _numbers(tensor: onnx.TensorProto) -> int:
    return math.prod(tensor.dims)


def all_graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """Yield `graph` and the bodies of its loops and branches, at any depth."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from all_graphs(attribute.g)


def all_nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """Yield the nodes of `graph` and of the bodies inside it."""
    for part in all_graphs(graph):
        yield from part.node
