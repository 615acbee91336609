"""An FP16 graph run with FP32 arithmetic and every FP16 value rounded: what a GPU's tensor cores compute.

They multiply FP16 numbers, sum in FP32 and store FP16. ONNX Runtime has few FP16 kernels for CPUs and computes chains
of the other operators in FP32 without rounding in between, which would flatter the graph.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from .value_types import value_types, without_weights

_EXACT = frozenset({"Concat", "Gather", "Identity", "Relu", "Reshape", "Scan", "Slice", "Split", "Transpose"})
"""Operators that give no number which they were not given (or 0); of a Scan, what its body has rounded."""


def emulate_fp16(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a graph of the same function, inputs and outputs whose FP16 values are FP32 values rounded to FP16.

    Raises:
        ValueError: the graph has branches, or loops other than Scan.
    """
    types = value_types(model)
    half = {name for name, element_type in types.items() if element_type == TensorProto.FLOAT16}
    outside = {value.name for value in (*model.graph.input, *model.graph.output)} & half
    graph = onnx.GraphProto()
    graph.CopyFrom(model.graph)
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    for tensor in model.graph.initializer:
        array = numpy_helper.to_array(tensor)
        wide = array.astype(np.float32) if tensor.name in half else array
        graph.initializer.append(numpy_helper.from_array(wide, tensor.name))
    for value in model.graph.input:
        if value.name in half:
            graph.node.append(_cast(value.name, _inside(value.name), TensorProto.FLOAT))
    for node in model.graph.node:
        graph.node.extend(_emulated(node, half, outside))
    emulated = helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
    onnx.checker.check_model(without_weights(emulated), full_check=True)
    return emulated


def _emulated(node: onnx.NodeProto, half: set[str], outside: set[str]) -> list[onnx.NodeProto]:
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    copy.input[:] = [_inside(name) if name in outside else name for name in node.input]
    for attribute in copy.attribute:
        if attribute.HasField("g"):
            if node.op_type != "Scan":
                raise ValueError(f"{node.name}: loops other than Scan and branches are not emulated")
            _emulate_body(attribute.g, half, outside)
    if node.op_type == "Cast" and (node.input[0] in half or node.output[0] in half):
        if node.output[0] not in half:  # its input was rounded already
            return [helper.make_node("Identity", copy.input, node.output, name=node.name)]
        return _rounded(copy.input[0], node.output[0], outside)
    rounded = [name for name in node.output if name in half]
    if not rounded or (node.op_type in _EXACT and not outside.intersection(rounded)):
        return [copy]
    copy.output[:] = [f"{name}/unrounded" if name in half else name for name in node.output]
    return [copy, *(entry for name in rounded for entry in _rounded(f"{name}/unrounded", name, outside))]


def _emulate_body(body: onnx.GraphProto, half: set[str], outside: set[str]) -> None:
    nodes = [entry for node in body.node for entry in _emulated(node, half, outside)]
    del body.node[:], body.value_info[:]
    body.node.extend(nodes)
    for value in (*body.input, *body.output):
        if value.name in half:
            value.type.tensor_type.elem_type = TensorProto.FLOAT


def _rounded(wide: str, name: str, outside: set[str]) -> list[onnx.NodeProto]:
    if name in outside:  # an FP16 output of the graph stays one
        return [_cast(wide, name, TensorProto.FLOAT16)]
    return [
        _cast(wide, f"{name}/rounded", TensorProto.FLOAT16),
        _cast(f"{name}/rounded", name, TensorProto.FLOAT),
    ]


def _cast(source: str, target: str, element_type: int) -> onnx.NodeProto:
    return helper.make_node("Cast", [source], [target], name=f"{target}/cast", to=element_type)


def _inside(name: str) -> str:
    return f"{name}/wide"
