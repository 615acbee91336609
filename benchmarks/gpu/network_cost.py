"""What a graph computes and moves at least, operator by operator, from its shapes alone."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import onnx
from onnx import shape_inference

_FREE = {"Shape", "Reshape", "Identity", "Constant", "Flatten", "Squeeze", "Unsqueeze"}  # other names of the same bytes
_PRODUCTS = {"Conv", "MatMul", "Gemm"}
# Operations a value of the output; exponentials and the like count as 8.
_A_VALUE = {"Add": 1, "Mul": 1, "Relu": 1, "Clip": 2, "Sigmoid": 10, "Gelu": 14, "LayerNormalization": 8, "Softmax": 12}


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


def fusion_cost(graph: str | Path | onnx.ModelProto, width: int, height: int, *, value_bytes: int) -> dict[str, Cost]:
    """Cost by operator of a fusion graph for padded images of this size, with values of `value_bytes` each."""
    model = (
        onnx.load(graph) if isinstance(graph, (str, Path)) else onnx.ModelProto.FromString(graph.SerializeToString())
    )
    for entry in model.graph.input:
        dimensions = entry.type.tensor_type.shape.dim
        dimensions[-2].dim_value, dimensions[-1].dim_value = height, width
    shapes = _shapes(shape_inference.infer_shapes(model, data_prop=True))
    costs: dict[str, Cost] = defaultdict(Cost)
    for node in model.graph.node:
        if node.op_type not in _FREE:
            costs[node.op_type] += _node_cost(node, shapes, value_bytes)
    return dict(costs)


def ideal(
    costs: dict[str, Cost], graph: str | Path | onnx.ModelProto, width: int, height: int, *, value_bytes: int
) -> Cost:
    """The same work by an engine that fuses everything: only weights, inputs and outputs move."""
    model = onnx.load(graph) if isinstance(graph, (str, Path)) else graph
    weights = sum(math.prod(entry.dims) for entry in model.graph.initializer)
    channels = sum(entry.type.tensor_type.shape.dim[1].dim_value for entry in model.graph.input)
    outputs = model.graph.output[0].type.tensor_type.shape.dim[1].dim_value
    values = weights + channels * width * height + outputs * (width // 4) * (height // 4)
    work = total(costs)
    return Cost(work.operators, work.products, work.others, float(value_bytes * values))


def total(costs: dict[str, Cost]) -> Cost:
    return sum(costs.values(), Cost())


def _shapes(model: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    graph = model.graph
    shapes = {entry.name: tuple(entry.dims) for entry in graph.initializer}
    for entry in (*graph.input, *graph.value_info, *graph.output):
        dimensions = entry.type.tensor_type.shape.dim
        if all(d.HasField("dim_value") for d in dimensions):
            shapes[entry.name] = tuple(d.dim_value for d in dimensions)
    return shapes


def _node_cost(node: onnx.NodeProto, shapes: dict[str, tuple[int, ...]], value_bytes: int) -> Cost:
    try:
        inputs = [shapes[name] for name in node.input if name]
        outputs = [shapes[name] for name in node.output if name]
    except KeyError as error:
        raise ValueError(f"the shape of {error} is not known: give the graph sizes that are multiples of 32") from error
    made = sum(map(math.prod, outputs))
    moved = value_bytes * (sum(map(math.prod, inputs)) + made)
    if node.op_type in _PRODUCTS:
        return Cost(1, products=2 * made * _terms(node, inputs), bytes=moved)
    return Cost(1, others=_A_VALUE.get(node.op_type, 0) * made, bytes=moved)


def _terms(node: onnx.NodeProto, inputs: list[tuple[int, ...]]) -> int:
    """Products that are summed up for each value of the output."""
    if node.op_type == "Conv":
        return math.prod(inputs[1][1:])  # input channels a group x kernel
    transposed = any(a.name == "transA" and a.i for a in node.attribute)
    return inputs[0][-2] if transposed else inputs[0][-1]
