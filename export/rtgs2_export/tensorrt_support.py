"""What TensorRT's ONNX parser takes, as data: the table that :mod:`rtgs2_export.lint` looks graphs up in.

Source: ``docs/operators.md`` of the public onnx-tensorrt repository at its 10.1 release, the last one before 10.3
that lists operators, types and restrictions; that later versions still take all of it is assumed. ``since`` and the
traps beyond that table come from the parser's sources and the release notes of 10.3 to 11.1. Only operators that a
network of this project could want are listed; what is not listed is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rtgs2_trt.tensorrt.frame_interface import PLUGIN, PLUGIN_NAMESPACE, PLUGIN_VERSION

VERSIONS = ((10, 3), (10, 13), (10, 16), (11, 1))
"""The versions that a graph must suit: JetPack 6.1 and 6.2, 7.0 and 7.1, 7.2, and the newest."""

LARGEST_OPSET = 20
"""The newest that TensorRT 10.3 reads."""

LARGEST_TOP_K = 3839

RESIZE_MODES = frozenset({"nearest", "linear"})
RESIZE_COORDINATES = frozenset(
    {"half_pixel", "pytorch_half_pixel", "tf_half_pixel_for_nn", "asymmetric", "align_corners"}
)

FLOATS = frozenset({"float32", "float16"})
INTEGERS = frozenset({"int32", "int64"})
ANY = FLOATS | INTEGERS | {"bool"}


@dataclass(frozen=True)
class Operator:
    """An operator that the parser takes.

    Attributes:
        types: element types of what it computes with (its first input).
        since: the first version that takes it.
        constant_inputs: inputs, by place, that must be initializers.
    """

    types: frozenset[str]
    since: tuple[int, int] = (10, 0)
    constant_inputs: tuple[int, ...] = ()


_NUMBERS = FLOATS | INTEGERS

OPERATORS: dict[str, Operator] = {
    **{name: Operator(_NUMBERS) for name in ("Add", "ArgMax", "Div", "Equal", "Less", "Max", "Min", "Mul", "Sub")},
    **{name: Operator(FLOATS) for name in ("BatchNormalization", "Clip", "Conv", "Einsum", "Erf", "Exp", "Gemm")},
    **{name: Operator(FLOATS) for name in ("Gelu", "LayerNormalization", "MatMul", "Pow", "Resize", "Scan")},
    **{name: Operator(FLOATS) for name in ("Sigmoid", "Softmax", "Sqrt", "Tanh")},
    **{name: Operator(ANY) for name in ("Cast", "Concat", "Constant", "Expand", "Flatten", "Gather", "GatherElements")},
    **{name: Operator(ANY) for name in ("GatherND", "Identity", "If", "Loop", "Reshape", "Shape", "Split")},
    **{name: Operator(ANY) for name in ("Transpose", "Where")},
    **{name: Operator(_NUMBERS) for name in ("Abs", "Neg", "Range", "Relu", "ScatterElements", "ScatterND", "TopK")},
    **{
        name: Operator(_NUMBERS, constant_inputs=(1,)) for name in ("ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum")
    },
    "CumSum": Operator(FLOATS, constant_inputs=(1,)),
    "Slice": Operator(ANY, constant_inputs=(3,)),
    "Squeeze": Operator(ANY, constant_inputs=(1,)),
    "Unsqueeze": Operator(ANY, constant_inputs=(1,)),
    "Attention": Operator(FLOATS, since=(10, 14)),
}

REFUSED: dict[str, tuple[str, str]] = {
    "NonZero": ("its output's size hangs on data", "compute the indices outside the graph and give them as an input"),
    "Unique": ("the parser does not know it", "compute it outside the graph and give it as an input"),
    "Compress": ("its output's size hangs on data", "compute the indices outside the graph and take Gather"),
}
"""Operators that are known and refused: the problem and the cure."""

PLUGIN_DOMAIN = "rtgs2"
"""Domain of plugin nodes. The parser ignores it and looks for a plugin's creator by the operator's name alone, after
its own operators and the graph's functions."""

PLUGIN_IDENTITY = {"plugin_version": PLUGIN_VERSION, "plugin_namespace": PLUGIN_NAMESPACE}
"""Attributes that name the creator; the parser reads them, the plugin does not get them."""


@dataclass(frozen=True)
class Plugin:
    """A plugin of this project, as its node must be written.

    Attributes:
        attributes: the plugin's fields, all whole numbers. The parser drops what the plugin does not list, unsaid.
        inputs: element type and number of dimensions of each.
        outputs: the same of what it gives.
    """

    attributes: frozenset[str]
    inputs: Mapping[str, tuple[str, int]]
    outputs: Mapping[str, tuple[str, int]]


PLUGINS: dict[str, Plugin] = {
    PLUGIN: Plugin(
        attributes=frozenset({"width", "height", "channels", "visible_capacity", "pair_capacity"}),
        inputs={
            "means": ("float32", 2),
            "scales": ("float32", 2),
            "rotations": ("float32", 2),
            "opacities": ("float32", 1),
            "sh": ("float32", 3),
            "gaussian_features": ("float16", 2),
            "camera": ("float32", 1),
        },
        outputs={
            "image": ("float16", 4),
            "features": ("float16", 4),
            "alpha": ("float32", 3),
            "view_depth": ("float32", 3),
            "needs": ("int64", 1),
        },
    )
}

FP32_ONLY = frozenset({"LayerNormalization", "Softmax", "ReduceMean", "ReduceSum"})
"""Operators that sum over many values. Not every TensorRT heeds LayerNormalization's ``stash_type``."""
