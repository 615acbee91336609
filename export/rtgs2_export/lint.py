"""Looks a finished graph over for what an engine would refuse, or take and compute something else.

Every graph is strongly typed and names its nodes; a graph for TensorRT also keeps to the table in
:mod:`rtgs2_export.tensorrt_support`, for all versions from JetPack 6.1's on. A finding names the node and the cure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from rtgs2_trt.errors import BundleError

from .graph import IR_VERSION, ONNX_RUNTIME_DOMAIN
from .tensorrt_support import (
    FP32_ONLY,
    LARGEST_OPSET,
    LARGEST_TOP_K,
    OPERATORS,
    PLUGIN_DOMAIN,
    PLUGIN_IDENTITY,
    PLUGINS,
    REFUSED,
    RESIZE_COORDINATES,
    RESIZE_MODES,
    VERSIONS,
    Plugin,
)
from .value_types import all_graphs, all_nodes, without_weights

Target = Literal["onnxruntime", "tensorrt"]

_KNOWN_TYPES = {"float32", "float16", "int32", "int64", "bool"}


@dataclass(frozen=True)
class Finding:
    """Something in a graph that will not do: which rule, at which node, tensor or input, why, and the cure."""

    rule: str
    where: str
    problem: str
    cure: str


@dataclass
class _Graph:
    """A model, the same without its weights, and what the rules ask about it."""

    model: onnx.ModelProto
    light: onnx.ModelProto
    types: dict[str, str] = field(default_factory=dict)
    ranks: dict[str, int | None] = field(default_factory=dict)
    constants: dict[str, onnx.TensorProto] = field(default_factory=dict)
    opset: int = 0

    def __post_init__(self) -> None:
        self.opset = next((entry.version for entry in self.model.opset_import if entry.domain == ""), 0)
        try:
            inferred = onnx.shape_inference.infer_shapes(self.light, data_prop=True)
        except Exception:  # the rule "inference" says why; the others look at what the graph itself declares
            inferred = self.light
        for part in all_graphs(inferred.graph):
            for value in (*part.input, *part.output, *part.value_info):
                tensor = value.type.tensor_type
                if tensor.elem_type != TensorProto.UNDEFINED:
                    self.types[value.name] = _type_name(tensor.elem_type)
                self.ranks[value.name] = len(tensor.shape.dim) if tensor.HasField("shape") else None
        for part in all_graphs(self.model.graph):
            for constant in part.initializer:
                self.constants[constant.name] = constant
                self.types[constant.name] = _type_name(constant.data_type)
                self.ranks[constant.name] = len(constant.dims)
        for node in self.nodes():
            if node.domain == ONNX_RUNTIME_DOMAIN:  # ONNX infers nothing of them; their type is the first input's
                element_type = self.types.get(node.input[0])
                self.types |= {name: element_type for name in node.output if element_type and name not in self.types}

    def nodes(self) -> Iterator[onnx.NodeProto]:
        return all_nodes(self.model.graph)


def lint_graph(model: onnx.ModelProto, target: Target) -> list[Finding]:
    """Return all that `model` does that `target` does not take; nothing for a good graph."""
    graph = _Graph(model, without_weights(model))
    rules = _RULES_FOR_ALL + (_RULES_FOR_TENSORRT if target == "tensorrt" else _RULES_FOR_ONNX_RUNTIME)
    return [finding for rule in rules for finding in rule(graph)]


def check_graph(model: onnx.ModelProto, target: Target, file: str | Path) -> None:
    """Refuse a graph that has findings.

    Raises:
        BundleError: names the first node, its problem and the cure, and says how many more there are.
    """
    findings = lint_graph(model, target)
    if findings:
        first = findings[0]
        more = f"; {len(findings) - 1} more findings" if len(findings) > 1 else ""
        raise BundleError(
            f"graph does not suit {target} (rule '{first.rule}'): {first.problem}{more}",
            file=file,
            field=first.where,
            fix=first.cure[0].upper() + first.cure[1:],
        )


# -- rules for every graph ---------------------------------------------------------------------------------------------


def _versions(graph: _Graph) -> Iterator[Finding]:
    if not 1 <= graph.opset <= LARGEST_OPSET:
        problem = f"opset {graph.opset}, at most {LARGEST_OPSET} is read by TensorRT 10.3"
        yield Finding("opset", "opset_import", problem, f"write the graph in opset {LARGEST_OPSET}")
    if graph.model.ir_version > IR_VERSION:
        problem = f"IR version {graph.model.ir_version}, ONNX Runtime 1.18 reads at most 10"
        yield Finding("ir", "ir_version", problem, f"write IR version {IR_VERSION}")


def _names(graph: _Graph) -> Iterator[Finding]:
    for name, count in Counter(node.name for node in graph.nodes()).items():
        if count > 1 or not name:
            problem = f"{count} nodes are called {name!r}" if name else f"{count} nodes have no name"
            yield Finding("names", name or "(no name)", problem, "give every node a name of its own")


def _domains(graph: _Graph) -> Iterator[Finding]:
    for node in graph.nodes():
        if node.domain not in ("", ONNX_RUNTIME_DOMAIN, PLUGIN_DOMAIN):
            yield Finding("domain", node.name, f"operator of the domain {node.domain!r}", "take operators of ONNX")


def _typing(graph: _Graph) -> Iterator[Finding]:
    """All inputs and outputs that an operator's definition ties to one type have one."""
    for node in graph.nodes():
        if node.domain != "" or not onnx.defs.has(node.op_type, graph.opset):
            continue
        schema = onnx.defs.get_schema(node.op_type, graph.opset)
        found: dict[str, dict[str, str]] = {}
        for names, formals in ((node.input, schema.inputs), (node.output, schema.outputs)):
            for place, name in enumerate(names):
                formal = formals[min(place, len(formals) - 1)] if formals else None
                if not name or formal is None or not formal.is_homogeneous:
                    continue
                if name not in graph.types:
                    yield Finding("typing", node.name, f"type of {name} is not known", "declare or cast it")
                    continue
                found.setdefault(formal.type_str, {}).setdefault(graph.types[name], name)
        for types in found.values():
            if len(types) > 1:
                mixed = ", ".join(f"{name} {element_type}" for element_type, name in types.items())
                yield Finding("typing", node.name, f"types are mixed: {mixed}", "cast them to one type before the node")


def _inference(graph: _Graph) -> Iterator[Finding]:
    try:
        onnx.checker.check_model(graph.light)
        onnx.shape_inference.infer_shapes(graph.light, check_type=True, strict_mode=True, data_prop=True)
    except Exception as error:  # the checker and the inference raise errors of their own, of no common base
        text = " ".join(str(error).split())
        yield Finding("inference", "graph", f"ONNX's checker refuses it: {text}", "mend the node that it names")


def _constants(graph: _Graph) -> Iterator[Finding]:
    for name, tensor in graph.constants.items():
        if graph.types[name] in ("float16", "float32") and not np.isfinite(numpy_helper.to_array(tensor)).all():
            cure = "keep what uses it in FP32" if graph.types[name] == "float16" else "look at the checkpoint's weights"
            yield Finding("constants", name, "constant is not finite", cure)


# -- rules for ONNX Runtime --------------------------------------------------------------------------------------------


def _no_plugins(graph: _Graph) -> Iterator[Finding]:
    for node in graph.nodes():
        if node.domain == PLUGIN_DOMAIN:
            yield Finding(
                "plugin", node.name, f"{node.op_type} is a plugin of TensorRT", "split the graph at this node"
            )


# -- rules for TensorRT ------------------------------------------------------------------------------------------------


def _operators(graph: _Graph) -> Iterator[Finding]:
    for node in graph.nodes():
        if node.domain == PLUGIN_DOMAIN:
            continue
        if node.domain != "":
            problem = f"{node.op_type} is an operator of ONNX Runtime alone"
            yield Finding("operator", node.name, problem, "build the graph with Algebra.for_gpu()")
        elif node.op_type in REFUSED:
            problem, cure = REFUSED[node.op_type]
            yield Finding("operator", node.name, f"{node.op_type}: {problem}", cure)
        elif node.op_type not in OPERATORS:
            problem = f"{node.op_type} is not in the table of operators"
            yield Finding("operator", node.name, problem, "write it with other operators, or add it with its source")
        else:
            since = OPERATORS[node.op_type].since
            without = [f"{major}.{minor}" for major, minor in VERSIONS if (major, minor) < since]
            if without:
                problem = f"{node.op_type} is not known to TensorRT {', '.join(without)}"
                yield Finding("operator", node.name, problem, "write it with MatMul, Softmax and other old operators")


def _element_types(graph: _Graph) -> Iterator[Finding]:
    for entry in (*graph.model.graph.input, *graph.model.graph.output):
        found = graph.types.get(entry.name, "nothing")
        if found not in _KNOWN_TYPES:
            yield Finding("types", entry.name, f"element type {found}", f"take one of {sorted(_KNOWN_TYPES)}")
    for node in graph.nodes():
        allowed = OPERATORS[node.op_type].types if node.op_type in OPERATORS else None
        first = next((name for name in node.input if name), None)
        if allowed is None or first is None or first not in graph.types:
            continue
        found = graph.types[first]
        if found not in allowed:
            yield Finding("types", node.name, f"{node.op_type} of {found}", f"cast to one of {sorted(allowed)}")


def _digits(graph: _Graph) -> Iterator[Finding]:
    for node in graph.nodes():
        if node.op_type in FP32_ONLY and graph.types.get(node.input[0]) == "float16":
            problem = f"{node.op_type} in FP16 sums in FP16"
            yield Finding("digits", node.name, problem, "compute it in FP32 between casts (GraphBuilder.wide)")


def _constant_inputs(graph: _Graph) -> Iterator[Finding]:
    for node in graph.nodes():
        for place in OPERATORS[node.op_type].constant_inputs if node.op_type in OPERATORS else ():
            if place < len(node.input) and node.input[place] and node.input[place] not in graph.constants:
                problem = f"input {place} of {node.op_type} is computed"
                yield Finding("constant input", node.name, problem, "make it an initializer")


def _shapes(graph: _Graph) -> Iterator[Finding]:
    for entry in graph.model.graph.input:
        for place, dimension in enumerate(entry.type.tensor_type.shape.dim):
            if not dimension.dim_param and dimension.dim_value <= 0:
                problem = f"dimension {place} has neither a size nor a name"
                yield Finding("shapes", entry.name, problem, "name it, so that equal sizes are known to be equal")
    for node in graph.nodes():
        for name in node.output:
            if name and graph.ranks.get(name) is None:
                problem = f"number of dimensions of {name} is not known"
                yield Finding("shapes", node.name, problem, "reshape to a constant number of dimensions")


def _layer_norm(graph: _Graph) -> Iterator[Finding]:
    for node in graph.nodes():
        if node.op_type == "LayerNormalization":
            if len(node.input) < 2 or node.input[1] not in graph.constants:
                yield Finding(
                    "layer norm", node.name, "no constant scale", "write the scale out, ones if there is none"
                )
            if any(node.output[1:]):
                yield Finding("layer norm", node.name, "has a second output", "take the first output alone")


def _resize(graph: _Graph) -> Iterator[Finding]:
    for node in graph.nodes():
        if node.op_type != "Resize":
            continue
        values = _attributes(node)
        mode = values.get("mode", b"nearest").decode()
        coordinates = values.get("coordinate_transformation_mode", b"half_pixel").decode()
        if mode not in RESIZE_MODES:
            yield Finding("resize", node.name, f"mode {mode!r}", f"take one of {sorted(RESIZE_MODES)}")
        if coordinates not in RESIZE_COORDINATES:
            cure = f"take one of {sorted(RESIZE_COORDINATES)}"
            yield Finding("resize", node.name, f"coordinate_transformation_mode {coordinates!r}", cure)
        if values.get("antialias", 0):
            yield Finding("resize", node.name, "antialias is not supported", "filter before, or leave it out")
        if values.get("keep_aspect_ratio_policy", b"stretch") != b"stretch" or "axes" in values:
            yield Finding("resize", node.name, "axes or an aspect policy", "give scales for all axes, policy stretch")


def _scatter_and_top_k(graph: _Graph) -> Iterator[Finding]:
    for node in graph.nodes():
        values = _attributes(node)
        if node.op_type.startswith("Scatter") and values.get("reduction", b"none") != b"none":
            indices = graph.types.get(node.input[1], "unknown")
            if node.op_type == "ScatterND":
                cure = "gather instead: Algebra.for_gpu() leaves it out"
                yield Finding("scatter", node.name, "ScatterND with a reduction is not supported", cure)
            elif indices != "int64":
                problem = f"ScatterElements with a reduction and {indices} indices"
                yield Finding("scatter", node.name, problem, "cast the indices to int64")
        if node.op_type == "TopK":
            constant = graph.constants.get(node.input[1])
            if constant is None or int(numpy_helper.to_array(constant).max()) > LARGEST_TOP_K:
                problem = f"K is computed or larger than {LARGEST_TOP_K}"
                yield Finding("top k", node.name, problem, f"make K an initializer of at most {LARGEST_TOP_K}")
            if not values.get("sorted", 1):
                yield Finding("top k", node.name, "sorted is 0", "leave sorted at 1")


def _loops(graph: _Graph) -> Iterator[Finding]:
    for node in graph.nodes():
        if node.op_type == "Scan" and len(node.input) == _attributes(node)["num_scan_inputs"]:
            problem = "Scan carries no state, the parser takes the first one unasked and fails (10.1 to 11)"
            yield Finding("loop", node.name, problem, "carry a number through it, as GraphBuilder.for_each() does")


def _plugins(graph: _Graph) -> Iterator[Finding]:
    """Nodes that become plugins: the parser neither checks nor converts what it hands to a plugin."""
    functions = {function.name for function in graph.model.functions}
    for node in graph.nodes():
        if node.domain != PLUGIN_DOMAIN:
            continue
        plugin = PLUGINS.get(node.op_type)
        if node.op_type in OPERATORS or node.op_type in functions or onnx.defs.has(node.op_type):
            problem = f"{node.op_type} is also an operator or function, which the parser takes first"
            yield Finding("plugin", node.name, problem, "give the plugin a name of its own")
        if plugin is None:
            yield Finding("plugin", node.name, f"there is no plugin {node.op_type}", f"take one of {sorted(PLUGINS)}")
            continue
        yield from _plugin_attributes(node, plugin)
        for kind, names, formals in (("input", node.input, plugin.inputs), ("output", node.output, plugin.outputs)):
            if len(names) != len(formals) or not all(names):
                problem = f"{sum(map(bool, names))} {kind}s, {node.op_type} has {len(formals)}"
                yield Finding("plugin", node.name, problem, f"give all of {', '.join(formals)}")
                continue
            for name, (formal, (element_type, rank)) in zip(names, formals.items(), strict=True):
                found = (graph.types.get(name, "unknown"), graph.ranks.get(name))
                if found != (element_type, rank):
                    problem = f"{kind} {formal} is {found[0]} of {found[1]} dimensions, not {element_type} of {rank}"
                    yield Finding("plugin", node.name, problem, "cast and reshape it, or declare its type (value_info)")


def _plugin_attributes(node: onnx.NodeProto, plugin: Plugin) -> Iterator[Finding]:
    values = _attributes(node)
    for name in sorted(values.keys() - plugin.attributes - PLUGIN_IDENTITY.keys()):
        cure = f"leave it out; the plugin has {sorted(plugin.attributes)}"
        yield Finding("plugin", node.name, f"attribute {name!r} would be dropped without a word", cure)
    for name in sorted(plugin.attributes):
        if type(values.get(name)) is not int or not 0 <= values[name] < 1 << 31:
            problem = f"attribute {name!r} is {values.get(name)!r}, the plugin gets a whole number of 32 bits"
            yield Finding("plugin", node.name, problem, "write it as an INT attribute")
    for name, expected in PLUGIN_IDENTITY.items():
        if values.get(name, expected.encode()) != expected.encode():
            problem = f"attribute {name!r} is {values[name]!r}, the library's plugin has {expected!r}"
            yield Finding("plugin", node.name, problem, f"write {expected!r}, or leave it out")


_Rule = Callable[[_Graph], Iterator[Finding]]
_RULES_FOR_ALL: tuple[_Rule, ...] = (_versions, _names, _domains, _typing, _inference, _constants)
_RULES_FOR_ONNX_RUNTIME: tuple[_Rule, ...] = (_no_plugins,)
_RULES_FOR_TENSORRT: tuple[_Rule, ...] = (
    *(_operators, _element_types, _digits, _constant_inputs, _shapes),
    *(_layer_norm, _resize, _scatter_and_top_k, _loops, _plugins),
)


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}


def _type_name(element_type: int) -> str:
    if element_type == TensorProto.BFLOAT16:
        return "bfloat16"
    return str(helper.tensor_dtype_to_np_dtype(element_type))
