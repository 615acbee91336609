"""A small builder of ONNX graphs, in the words of the networks that are written with it.

Values are names. Every node's name is the path of the scopes it was made in (``stage1/block0/attention/scores``), so
that whatever reads the graph later (a profiler, an engine inspector) speaks the network's language. The operators are
those that ONNX Runtime 1.18 and TensorRT 10.3 both take, but for the two that say otherwise.

The builder knows the element type of every value and keeps the graph strongly typed: all floating-point inputs of an
operator have one type. That type is the graph's arithmetic, or FP32 inside :meth:`GraphBuilder.wide`; what comes in
another type passes a Cast, made once a value and type. Operators that only move numbers keep the type of these.
A node that computes in FP32 in an FP16 graph carries the reason in its ``doc_string``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from .value_types import without_weights

OPSET = 20
IR_VERSION = 9

Value = str
Dimension = int | str
Array = npt.NDArray[Any]
Arithmetic = Literal["float32", "float16"]

ONNX_RUNTIME_DOMAIN = "com.microsoft"
"""Operators of ONNX Runtime's own, which no other engine need know."""

LAYER_NORM_REASON = "LayerNorm: squares and their sum over the channels overflow FP16 and lose its digits"
SOFTMAX_REASON = "softmax: the sum of many small exponentials loses FP16's digits"

_ELEMENT_TYPES = {
    "float32": TensorProto.FLOAT,
    "float16": TensorProto.FLOAT16,
    "int32": TensorProto.INT32,
    "int64": TensorProto.INT64,
}
_FLOATS = ("float32", "float16")
_MOVING = frozenset({"Concat", "Gather", "Identity", "Reshape", "Scan", "Slice", "Split", "Transpose"})
_OUTPUT_TYPES = {"Shape": "int64", "NonZero": "int64", "Less": "bool"}  # of all others: the first input's
_FIXED_INPUTS = {"Resize": 2}  # scales, FP32 whatever is resized


class GraphBuilder:
    """Collects nodes, constants, inputs and outputs, and makes the model of them.

    Args:
        name: of the graph.
        arithmetic: the type that convolutions, products and elementwise operators compute in.
        kept: of an FP16 graph, nodes that compute in FP32 all the same, by name, each with the reason.
    """

    def __init__(self, name: str, arithmetic: Arithmetic = "float32", kept: Mapping[str, str] | None = None) -> None:
        self.arithmetic: Arithmetic = arithmetic
        self._name = name
        self._kept = dict(kept or {})
        self._reason = ""
        self._scopes: list[str] = []
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[Value, Array] = {}
        self._initializers: dict[str, onnx.TensorProto] = {}
        self._inputs: dict[str, onnx.ValueInfoProto] = {}
        self._outputs: list[onnx.ValueInfoProto] = []
        self._names: set[str] = set()
        self._domains: set[str] = {""}
        self._types: dict[Value, str] = {}
        self._casts: dict[tuple[Value, str], Value] = {}
        self._stored_as: dict[tuple[Value, str], Value] = {}

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """Prefix the names of all nodes made inside with ``name/``."""
        self._scopes.append(name)
        try:
            yield
        finally:
            self._scopes.pop()

    @contextmanager
    def wide(self, reason: str) -> Iterator[None]:
        """Compute what is made inside in FP32, because of `reason`; in an FP32 graph nothing changes."""
        outer = self.arithmetic, self._reason
        if self.arithmetic == "float16":
            self.arithmetic, self._reason = "float32", reason
        try:
            yield
        finally:
            self.arithmetic, self._reason = outer

    def in_arithmetic(self, value: Value) -> Value:
        """`value` in the type that is computed in here."""
        return self._as(value, self.arithmetic)

    def input(self, name: str, element_type: str, shape: Sequence[Dimension]) -> Value:
        """Declare a graph input (once; asking again gives the same value). Strings are dynamic dimensions."""
        if name not in self._inputs:
            self._inputs[name] = helper.make_tensor_value_info(name, _ELEMENT_TYPES[element_type], list(shape))
            self._types[name] = element_type
        return name

    def output(self, value: Value, name: str, shape: Sequence[Dimension], element_type: str = "float32") -> None:
        """Make `value` the graph output `name`."""
        typed = self._as(value, element_type)
        self._nodes.append(helper.make_node("Identity", [typed], [name], name=f"output/{name}"))
        self._outputs.append(helper.make_tensor_value_info(name, _ELEMENT_TYPES[element_type], list(shape)))

    def constant(self, array: Array, name: str) -> Value:
        """Store `array` as an initializer under the current scope; FP16 where it is used so."""
        unique = self._unique(self._path(name))
        self._constants[unique] = array
        self._types[unique] = "float32" if np.issubdtype(array.dtype, np.floating) else str(array.dtype)
        return unique

    def node(self, operator: str, inputs: Sequence[Value], name: str = "", **attributes: Any) -> Value:
        """Add a node with one output and return it."""
        return self.nodes(operator, inputs, 1, name, **attributes)[0]

    def nodes(
        self, operator: str, inputs: Sequence[Value], outputs: int, name: str = "", **attributes: Any
    ) -> list[Value]:
        """Add a node with several outputs and return them."""
        unique = self._unique(self._path(name or operator.lower()))
        values = [unique] if outputs == 1 else [f"{unique}.{i}" for i in range(outputs)]
        if unique in self._kept:
            with self.wide(self._kept[unique]):
                typed = self._typed_inputs(operator, inputs, self.arithmetic)
                self._append(operator, typed, values, unique, attributes)
        else:
            typed = self._typed_inputs(operator, inputs, self._type_of_node(operator, inputs))
            self._append(operator, typed, values, unique, attributes)
        return values

    @contextmanager
    def _as_kept(self, name: str) -> Iterator[None]:
        """Compute in FP32 if the node `name` is kept so."""
        with self.wide(self._kept[name]) if name in self._kept else nullcontext():
            yield

    def _append(
        self, operator: str, inputs: list[Value], outputs: list[Value], name: str, attributes: dict[str, Any]
    ) -> None:
        of_first = next((self._types[value] for value in inputs if value), "")
        for value in outputs:
            self._types[value] = _OUTPUT_TYPES.get(operator, of_first)
        computes = of_first == "float32" and operator not in _MOVING and operator not in _OUTPUT_TYPES
        reason = self._reason if computes else ""
        self._nodes.append(helper.make_node(operator, inputs, outputs, name=name, doc_string=reason, **attributes))
        self._domains.add(self._nodes[-1].domain)

    def _type_of_node(self, operator: str, inputs: Sequence[Value]) -> str:
        if operator in _MOVING:
            moved = {self._types[value] for value in inputs if value and value not in self._constants}
            floats = moved.intersection(_FLOATS)
            if len(floats) == 1:
                return floats.pop()
        return self.arithmetic

    def _typed_inputs(self, operator: str, inputs: Sequence[Value], element_type: str) -> list[Value]:
        fixed = _FIXED_INPUTS.get(operator)
        return [
            value and self._as(value, "float32" if place == fixed else element_type)
            for place, value in enumerate(inputs)
        ]

    def _as(self, value: Value, element_type: str) -> Value:
        """A floating-point value in `element_type`: itself, or the Cast or constant that is made of it once."""
        if self._types[value] not in _FLOATS:
            return self._stored(value, self._types[value]) if value in self._constants else value
        if value in self._constants:
            return self._stored(value, element_type)
        if self._types[value] == element_type:
            return value
        if (value, element_type) not in self._casts:
            cast = self._unique(f"{value}/as_{element_type}")
            self._nodes.append(helper.make_node("Cast", [value], [cast], name=cast, to=_ELEMENT_TYPES[element_type]))
            self._types[cast] = element_type
            self._casts[value, element_type] = cast
        return self._casts[value, element_type]

    def _stored(self, constant: Value, element_type: str) -> Value:
        if (constant, element_type) not in self._stored_as:
            name = constant if constant not in self._initializers else self._unique(f"{constant}/as_{element_type}")
            array = self._constants[constant]
            with np.errstate(over="ignore"):  # the range check finds what is infinite in FP16
                typed = np.ascontiguousarray(array, element_type).reshape(array.shape)  # it turns 0-d into 1-d
            self._initializers[name] = numpy_helper.from_array(typed, name)
            self._types[name] = element_type
            self._stored_as[constant, element_type] = name
        return self._stored_as[constant, element_type]

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
        with self.scope(name), self.wide(LAYER_NORM_REASON):
            inputs = [x, self.constant(weight, "weight"), self.constant(bias, "bias")]
            y = self.node("LayerNormalization", inputs, "layer_norm", axis=-1, epsilon=eps)
        return self.in_arithmetic(y)

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
        with self.wide(SOFTMAX_REASON):
            y = self.node("Softmax", [x], name, axis=-1)
        return self.in_arithmetic(y)

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
        y = self.node("Cast", [x], name, to=_ELEMENT_TYPES[element_type])
        self._types[y] = element_type
        return y

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
        item_shape: Sequence[Dimension],
        body: Callable[[Sequence[Value]], Value],
        name: str,
    ) -> Value:
        """Apply `body` to every item along the first axis of `items`, one after another, and stack what it gives.

        `items` are floating-point values of one length, walked side by side; `body` is called once, with the values
        that stand for one item of each, and may use values from outside. The results of one item are freed before the
        next begins: this is how a graph keeps memory bounded.
        """
        with self.scope(name), self._as_kept(self._path("scan")):
            typed = [self.in_arithmetic(item) for item in items]
            entries = [self._unique(self._path(f"item{i}")) for i in range(len(items))]
            self._types.update(dict.fromkeys(entries, self.arithmetic))
            outer, self._nodes = self._nodes, []
            casts_outside, self._casts = self._casts, dict(self._casts)
            result = self.in_arithmetic(body(entries))
            self._casts = casts_outside  # casts made inside are not seen from outside
            inner, self._nodes = self._nodes, outer
            item_type = _ELEMENT_TYPES[self.arithmetic]
            before, after = self._unique(self._path("state")), self._unique(self._path("state_kept"))
            states = [helper.make_tensor_value_info(name, item_type, [1]) for name in (before, after)]
            graph = helper.make_graph(
                [helper.make_node("Identity", [before], [after], name=after), *inner],
                self._unique(self._path("body")),
                [states[0], *(helper.make_tensor_value_info(entry, item_type, list(item_shape)) for entry in entries)],
                [states[1], helper.make_tensor_value_info(result, item_type, None)],
            )
            state = self.constant(np.zeros((1,), np.float32), "first_state")
            return self.nodes("Scan", [state, *typed], 2, "scan", body=graph, num_scan_inputs=len(items))[1]

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
        onnx.checker.check_model(without_weights(model))
        return model

    def _path(self, name: str) -> str:
        return "/".join([*self._scopes, name])

    def _unique(self, path: str) -> str:
        candidate, number = path, 1
        while candidate in self._names or candidate in self._inputs:
            candidate, number = f"{path}_{number}", number + 1
        self._names.add(candidate)
        return candidate
