"""A small builder of ONNX graphs, in the words of the networks that are written with it.

Values are names. Every node's name is the path of the scopes it was made in (``stage1/block0/attention/scores``), so
that whatever reads the graph later (a profiler, an engine inspector) speaks the network's language. The operators are
those that ONNX Runtime 1.18 and TensorRT 10.3 both take, but for the two that say otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 20
IR_VERSION = 9

Value = str
Dimension = int | str
Array = npt.NDArray[Any]

ONNX_RUNTIME_DOMAIN = "com.microsoft"
"""Operators of ONNX Runtime's own, which no other engine need know."""

_ELEMENT_TYPES = {"float32": TensorProto.FLOAT, "int32": TensorProto.INT32, "int64": TensorProto.INT64}


class GraphBuilder:
    """Collects nodes, constants, inputs and outputs, and makes the model of them."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._scopes: list[str] = []
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: dict[str, onnx.TensorProto] = {}
        self._inputs: dict[str, onnx.ValueInfoProto] = {}
        self._outputs: list[onnx.ValueInfoProto] = []
        self._names: set[str] = set()
        self._domains: set[str] = {""}

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """Prefix the names of all nodes made inside with ``name/``."""
        self._scopes.append(name)
        try:
            yield
        finally:
            self._scopes.pop()

    def input(self, name: str, element_type: str, shape: Sequence[Dimension]) -> Value:
        """Declare a graph input (once; asking again gives the same value). Strings are dynamic dimensions."""
        if name not in self._inputs:
            self._inputs[name] = helper.make_tensor_value_info(name, _ELEMENT_TYPES[element_type], list(shape))
        return name

    def output(self, value: Value, name: str, shape: Sequence[Dimension]) -> None:
        """Make `value` the float32 graph output `name`."""
        self._nodes.append(helper.make_node("Identity", [value], [name], name=f"output/{name}"))
        self._outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape)))

    def constant(self, array: Array, name: str) -> Value:
        """Store `array` as an initializer under the current scope."""
        unique = self._unique(name)
        contiguous = np.ascontiguousarray(array).reshape(array.shape)  # ascontiguousarray turns 0-d into 1-d
        self._initializers[unique] = numpy_helper.from_array(contiguous, unique)
        return unique

    def node(self, operator: str, inputs: Sequence[Value], name: str = "", **attributes: Any) -> Value:
        """Add a node with one output and return it."""
        return self.nodes(operator, inputs, 1, name, **attributes)[0]

    def nodes(
        self, operator: str, inputs: Sequence[Value], outputs: int, name: str = "", **attributes: Any
    ) -> list[Value]:
        """Add a node with several outputs and return them."""
        unique = self._unique(name or operator.lower())
        values = [unique] if outputs == 1 else [f"{unique}.{i}" for i in range(outputs)]
        self._nodes.append(helper.make_node(operator, list(inputs), values, name=unique, **attributes))
        self._domains.add(self._nodes[-1].domain)
        return values

    # -- the words ---------------------------------------------------------------------------------------------

    def linear(self, x: Value, weight: Array, bias: Array | None, name: str = "linear") -> Value:
        """X @ weight.T + bias over the last axis; weight (out, in) as PyTorch stores it."""
        with self.scope(name):
            y = self.node("MatMul", [x, self.constant(weight.T, "weight")], "matmul")
            return y if bias is None else self.node("Add", [y, self.constant(bias, "bias")], "add_bias")

    def convolution(
        self,
        x: Value,
        weight: Array,
        bias: Array | None,
        name: str,
        *,
        stride: int = 1,
        padding: int = 0,
        groups: int = 1,
    ) -> Value:
        """2D convolution of NCHW `x`; weight (out, in / groups, k, k)."""
        with self.scope(name):
            inputs = [x, self.constant(weight, "weight")]
            if bias is not None:
                inputs.append(self.constant(bias, "bias"))
            return self.node(
                "Conv",
                inputs,
                "conv",
                kernel_shape=list(weight.shape[2:]),
                strides=[stride, stride],
                pads=[padding] * 4,
                group=groups,
            )

    def layer_norm(self, x: Value, weight: Array, bias: Array, eps: float, name: str = "norm") -> Value:
        """Layer normalisation over the last axis, scale and bias always written out (TensorRT needs the scale)."""
        with self.scope(name):
            inputs = [x, self.constant(weight, "weight"), self.constant(bias, "bias")]
            return self.node("LayerNormalization", inputs, "layer_norm", axis=-1, epsilon=eps)

    def batch_norm(self, x: Value, parameters: Sequence[Array], eps: float, name: str = "batch_norm") -> Value:
        """Batch normalisation of (N, C, ...) `x`; parameters are weight, bias, running mean, running variance."""
        with self.scope(name):
            names = ("weight", "bias", "mean", "variance")
            inputs = [x, *(self.constant(p, n) for p, n in zip(parameters, names, strict=True))]
            return self.node("BatchNormalization", inputs, "batch_norm", epsilon=eps)

    def gelu(self, x: Value) -> Value:
        """Exact (erf) GELU."""
        return self.node("Gelu", [x], "gelu")

    def add(self, a: Value, b: Value, name: str = "add") -> Value:
        """Elementwise sum."""
        return self.node("Add", [a, b], name)

    def multiply(self, a: Value, b: Value | Array, name: str = "multiply") -> Value:
        """Elementwise product with a value or a constant."""
        return self.node("Mul", [a, b if isinstance(b, str) else self.constant(b, f"{name}_by")], name)

    def matmul(self, a: Value, b: Value, name: str = "matmul") -> Value:
        """Matrix product over the last two axes."""
        return self.node("MatMul", [a, b], name)

    def softmax(self, x: Value, name: str = "softmax") -> Value:
        """Softmax over the last axis."""
        return self.node("Softmax", [x], name, axis=-1)

    def transpose(self, x: Value, order: Sequence[int], name: str = "transpose") -> Value:
        """Permute the axes."""
        return self.node("Transpose", [x], name, perm=list(order))

    def to_channels_last(self, x: Value) -> Value:
        """NCHW -> NHWC."""
        return self.transpose(x, (0, 2, 3, 1), "channels_last")

    def to_channels_first(self, x: Value) -> Value:
        """NHWC -> NCHW."""
        return self.transpose(x, (0, 3, 1, 2), "channels_first")

    def reshape(self, x: Value, shape: Sequence[int] | Value, name: str = "reshape") -> Value:
        """Reshape to constant sizes (0 copies a size, -1 is what is left) or to the shape in a value."""
        target = shape if isinstance(shape, str) else self.constant(np.asarray(shape, np.int64), f"{name}_shape")
        return self.node("Reshape", [x, target], name)

    def shape(self, x: Value) -> Value:
        """The shape of `x` as an int64 value."""
        return self.node("Shape", [x], "shape")

    def sizes(self, entries: Sequence[int | tuple[Value, int]], name: str) -> Value:
        """A shape for :meth:`reshape`: numbers, or (value, axis) for the size of a value along an axis."""
        with self.scope(name):
            parts = [
                self.constant(np.asarray([entry], np.int64), "size")
                if isinstance(entry, int)
                else self.node("Shape", [entry[0]], "shape", start=entry[1], end=entry[1] + 1)
                for entry in entries
            ]
            return self.concat(parts, 0)

    def concat(self, values: Sequence[Value], axis: int, name: str = "concat") -> Value:
        """Concatenate."""
        return self.node("Concat", list(values), name, axis=axis)

    def split(self, x: Value, parts: int, axis: int, name: str = "split") -> list[Value]:
        """Cut into `parts` equal parts."""
        return self.nodes("Split", [x], parts, name, axis=axis, num_outputs=parts)

    def gather(self, x: Value, indices: Value, name: str = "gather") -> Value:
        """Rows of `x` by index."""
        return self.node("Gather", [x, indices], name, axis=0)

    def cast(self, x: Value, element_type: str, name: str = "cast") -> Value:
        """Convert to another element type."""
        return self.node("Cast", [x], name, to=_ELEMENT_TYPES[element_type])

    def add_to_rows(self, x: Value, indices: Value, rows: Value, name: str = "add_to_rows") -> Value:
        """Return `x` (n, C) with `rows` (m, C) added at `indices` (m, 1), int64. TensorRT cannot do this."""
        return self.node("ScatterND", [x, indices, rows], name, reduction="add")

    def fused_attention(self, parts: Sequence[Value], heads: int, scale: float, name: str = "attention") -> Value:
        """Softmax attention of query, key and value, each (batch, length, heads * size). For ONNX Runtime only."""
        return self.node(
            "MultiHeadAttention", parts, name, domain=ONNX_RUNTIME_DOMAIN, num_heads=heads, scale=float(scale)
        )

    def reduce(self, operator: str, x: Value, axes: Sequence[int], *, keepdims: bool, name: str = "reduce") -> Value:
        """ReduceMax, ReduceMean ... over constant axes."""
        constant = self.constant(np.asarray(axes, np.int64), f"{name}_axes")
        return self.node(operator, [x, constant], name, keepdims=int(keepdims))

    def upsample(self, x: Value, factor: int, name: str = "upsample") -> Value:
        """Bilinear upsampling of NCHW `x`, align_corners=False."""
        scales = self.constant(np.asarray([1, 1, factor, factor], np.float32), f"{name}_scales")
        return self.node(
            "Resize", [x, "", scales], name, mode="linear", coordinate_transformation_mode="half_pixel", antialias=0
        )

    def for_each(
        self,
        items: Sequence[Value],
        element_type: str,
        item_shape: Sequence[Dimension],
        body: Callable[[Sequence[Value]], Value],
        name: str,
    ) -> Value:
        """Apply `body` to every item along the first axis of `items`, one after another, and stack what it gives.

        `items` are values of one length, walked side by side; `body` is called once, with the values that stand for
        one item of each, and may use values from outside. The results of one item are freed before the next begins:
        this is how a graph keeps memory bounded.
        """
        with self.scope(name):
            entries = [self._unique(f"item{i}") for i in range(len(items))]
            outer, self._nodes = self._nodes, []
            result = body(entries)
            inner, self._nodes = self._nodes, outer
            graph = helper.make_graph(
                inner,
                self._unique("body"),
                [helper.make_tensor_value_info(e, _ELEMENT_TYPES[element_type], list(item_shape)) for e in entries],
                [helper.make_tensor_value_info(result, TensorProto.FLOAT, None)],
            )
            return self.node("Scan", items, "scan", body=graph, num_scan_inputs=len(items))

    def model(self, producer_version: str) -> onnx.ModelProto:
        """Return the checked model."""
        graph = helper.make_graph(
            self._nodes,
            self._name,
            list(self._inputs.values()),
            self._outputs,
            initializer=list(self._initializers.values()),
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid(d, OPSET if d == "" else 1) for d in sorted(self._domains)],
            ir_version=IR_VERSION,
            producer_name="rtgs2-trt",
            producer_version=producer_version,
        )
        onnx.checker.check_model(model)
        return model

    def _unique(self, name: str) -> str:
        path = "/".join([*self._scopes, name])
        candidate, number = path, 1
        while candidate in self._names or candidate in self._inputs:
            candidate, number = f"{path}_{number}", number + 1
        self._names.add(candidate)
        return candidate
