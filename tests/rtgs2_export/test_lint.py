"""Every rule of the lint on a graph that breaks it, and on none of ours."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from rtgs2_export import lint
from rtgs2_export.lint import check_graph, lint_graph
from rtgs2_trt.errors import BundleError

FLOAT, HALF, INT32, INT64 = TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.INT32, TensorProto.INT64


def model(nodes, inputs=None, outputs=None, constants=None, opset=20, ir_version=9, domains=()):
    """A graph of `nodes`; inputs and outputs are {name: (type, shape)}, x and y float32 (4, 4) by default."""
    inputs = inputs or {"x": (FLOAT, [4, 4])}
    outputs = outputs or {"y": (FLOAT, [4, 4])}
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info(name, *entry) for name, entry in inputs.items()],
        [helper.make_tensor_value_info(name, *entry) for name, entry in outputs.items()],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in (constants or {}).items()],
    )
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=ir_version)


def node(operator, inputs=("x",), outputs=("y",), name="culprit", **attributes):
    return helper.make_node(operator, list(inputs), list(outputs), name=name, **attributes)


ONE = np.ones((4,), np.float32)
AXIS = np.asarray([1], np.int64)
HALF_X = {"x": (HALF, [4, 4])}
HALF_Y = {"y": (HALF, [4, 4])}
MAP = {"x": (FLOAT, [1, 2, 4, 4])}
BIG = {"y": (FLOAT, [1, 2, 8, 8])}
SCALES = {"scales": np.asarray([1, 1, 2, 2], np.float32)}


def resize(constants=SCALES, **attributes):
    return model([node("Resize", ["x", "", "scales"], **attributes)], MAP, BIG, constants)


def top_k(k, **attributes):
    sizes = {"x": (FLOAT, [5000])}, {"y": (FLOAT, [k]), "i": (INT64, [k])}
    return model([node("TopK", ["x", "k"], ["y", "i"], **attributes)], *sizes, {"k": np.asarray([k], np.int64)})


def top_k_of_an_input():
    sizes = {"x": (FLOAT, [5000]), "k": (INT64, [1])}, {"y": (FLOAT, ["k"]), "i": (INT64, ["k"])}
    return model([node("TopK", ["x", "k"], ["y", "i"])], *sizes)


def attention():
    """Of opset 23, which is refused as well."""
    qkv = {name: (FLOAT, [1, 4, 8]) for name in "qkv"}
    operator = node("Attention", ["q", "k", "v"], q_num_heads=2, kv_num_heads=2)
    return model([operator], qkv, {"y": (FLOAT, [1, 4, 8])}, opset=23)


def loop(inside, element_type=FLOAT):
    """A Scan without a state, over a body of one node."""
    item, result = (helper.make_tensor_value_info(name, element_type, [4]) for name in ("item", "result"))
    body = helper.make_graph([node(inside, ["item"], ["result"], name="inside")], "body", [item], [result])
    kind = {"x": (element_type, [4, 4])}, {"y": (element_type, [4, 4])}
    return model([node("Scan", body=body, num_scan_inputs=1)], *kind)


def scatter(operator, indices_type, indices_shape, **attributes):
    updates = [2] if operator == "ScatterND" else [2, 1]
    inputs = {
        "x": (FLOAT, [4] if operator == "ScatterND" else [4, 1]),
        "i": (indices_type, indices_shape),
        "u": (FLOAT, updates),
    }
    return model([node(operator, ["x", "i", "u"], **attributes)], inputs, {"y": inputs["x"]})


def rasterizer(drop_input=False, feature_type=HALF, declared=True, name="RtgsRasterizeGaussians", **attributes):
    """A frame graph's plugin node, whole but for what is asked."""
    inputs = {
        "means": (FLOAT, ["n", 3]),
        "scales": (FLOAT, ["n", 3]),
        "rotations": (FLOAT, ["n", 4]),
        "opacities": (FLOAT, ["n"]),
        "sh": (FLOAT, ["n", "k", 3]),
        "gaussian_features": (feature_type, ["n", 8]),
        "camera": (FLOAT, [19]),
    }
    outputs = {
        "image": (HALF, [1, 3, 32, 32]),
        "features": (HALF, [1, 4, 32, 32]),
        "alpha": (FLOAT, [1, 32, 32]),
        "view_depth": (FLOAT, [1, 32, 32]),
        "needs": (INT64, [2]),
    }
    sizes = {"width": 32, "height": 32, "channels": 4, "visible_capacity": 0, "pair_capacity": 0}
    wanted = {key: value for key, value in {**sizes, **attributes}.items() if value is not None}
    names = list(inputs)[:-1] if drop_input else list(inputs)
    plugin = node(name, names, outputs, domain="rtgs2", **wanted)
    if declared:
        return model([plugin], inputs, outputs, domains=["rtgs2"])
    nodes = [plugin, node("Relu", ["image"], ["y"], name="after")]
    return model(nodes, inputs, {"y": (HALF, [1, 3, 32, 32])}, domains=["rtgs2"])


BROKEN = {
    "opset": (model([node("Relu")], opset=21), "opset_import", "opset 21"),
    "ir": (model([node("Relu")], ir_version=11), "ir_version", "IR version 11"),
    "names": (model([node("Relu", outputs=["h"]), node("Relu", ["h"])]), "culprit", "2 nodes"),
    "names, none": (model([node("Relu", name="")]), "(no name)", "1 nodes have no name"),
    "domain": (model([node("Rare", domain="org.example")], domains=["org.example"]), "culprit", "org.example"),
    "typing": (
        model([node("Add", ["x", "z"])], {"x": (FLOAT, [4, 4]), "z": (HALF, [4, 4])}),
        "culprit",
        "types are mixed: x float32, z float16",
    ),
    "typing, of a constant": (
        model([node("MatMul", ["x", "w"])], HALF_X, HALF_Y, {"w": np.eye(4, dtype=np.float32)}),
        "culprit",
        "types are mixed: x float16, w float32",
    ),
    "inference": (model([node("MatMul", ["x", "w"])], constants={"w": ONE[:3]}), "graph", "checker refuses it"),
    "constants": (model([node("Mul", ["x", "c"])], constants={"c": np.float32([np.inf])}), "c", "not finite"),
    "operator": (
        model([node("FusedMatMul", ["x", "x"], domain="com.microsoft")], domains=["com.microsoft"]),
        "culprit",
        "of ONNX Runtime alone",
    ),
    "operator, refused": (
        model([node("NonZero")], outputs={"y": (INT64, [2, "n"])}),
        "culprit",
        "NonZero: its output's size hangs on data",
    ),
    "operator, refused, unique": (
        model([node("Unique")], {"x": (FLOAT, [4])}, {"y": (FLOAT, ["n"])}),
        "culprit",
        "Unique: the parser does not know it",
    ),
    "operator, refused, compress": (
        model(
            [node("Compress", ["x", "c"], axis=0)], {**HALF_X, "c": (TensorProto.BOOL, [4])}, {"y": (HALF, ["n", 4])}
        ),
        "culprit",
        "Compress: its output's size hangs on data",
    ),
    "operator, too new": (attention(), "culprit", "Attention is not known to TensorRT 10.3, 10.13"),
    "operator, unknown": (model([node("Det")], outputs={"y": (FLOAT, [])}), "culprit", "Det is not in the table"),
    "types": (
        model([node("Relu")], {"x": (TensorProto.DOUBLE, [4, 4])}, {"y": (TensorProto.DOUBLE, [4, 4])}),
        "culprit",
        "Relu of float64",
    ),
    "types, of an input": (
        model([node("Cast", to=FLOAT)], {"x": (TensorProto.DOUBLE, [4, 4])}),
        "x",
        "element type float64",
    ),
    "digits": (
        model([node("LayerNormalization", ["x", "s"], axis=-1)], HALF_X, HALF_Y, {"s": ONE.astype(np.float16)}),
        "culprit",
        "LayerNormalization in FP16",
    ),
    "digits, of a softmax": (model([node("Softmax")], HALF_X, HALF_Y), "culprit", "Softmax in FP16"),
    "digits, of a mean": (
        model([node("ReduceMean", ["x", "a"])], HALF_X, {"y": (HALF, [4, 1])}, {"a": AXIS}),
        "culprit",
        "ReduceMean in FP16",
    ),
    "constant input": (
        model([node("ReduceMax", ["x", "a"])], {"x": (FLOAT, [4, 4]), "a": (INT64, [1])}, {"y": (FLOAT, None)}),
        "culprit",
        "input 1 of ReduceMax is computed",
    ),
    "constant input, of a running sum": (
        model([node("CumSum", ["x", "a"])], {"x": (FLOAT, [4, 4]), "a": (INT64, [])}),
        "culprit",
        "input 1 of CumSum is computed",
    ),
    "shapes": (model([node("Relu")], {"x": (FLOAT, [None, 4])}, {"y": (FLOAT, [None, 4])}), "x", "neither a size nor"),
    "shapes, of a rank": (
        model([node("Reshape", ["x", "s"])], {"x": (FLOAT, [4, 4]), "s": (INT64, ["n"])}, {"y": (FLOAT, None)}),
        "culprit",
        "number of dimensions of y is not known",
    ),
    "layer norm": (
        model([node("LayerNormalization", ["x", "s"])], {"x": (FLOAT, [4, 4]), "s": (FLOAT, [4])}),
        "culprit",
        "no constant scale",
    ),
    "layer norm, outputs": (
        model(
            [node("LayerNormalization", ["x", "s"], ["y", "mean"])],
            outputs={"y": (FLOAT, [4, 4]), "mean": (FLOAT, [4, 1])},
            constants={"s": ONE},
        ),
        "culprit",
        "second output",
    ),
    "resize": (resize(mode="cubic"), "culprit", "mode 'cubic'"),
    "resize, coordinates": (
        resize(mode="linear", coordinate_transformation_mode="half_pixel_symmetric"),
        "culprit",
        "half_pixel_symmetric",
    ),
    "resize, antialias": (resize(mode="linear", antialias=1), "culprit", "antialias"),
    "resize, axes": (
        resize({"scales": np.asarray([2, 2], np.float32)}, mode="linear", axes=[2, 3]),
        "culprit",
        "axes or an aspect policy",
    ),
    "scatter": (scatter("ScatterND", INT64, [2, 1], reduction="add"), "culprit", "ScatterND with a reduction"),
    "scatter, indices": (scatter("ScatterElements", INT32, [2, 1], reduction="add"), "culprit", "int32 indices"),
    "top k": (top_k(3840), "culprit", "larger than 3839"),
    "top k, computed": (top_k_of_an_input(), "culprit", "K is computed"),
    "top k, order": (top_k(3, sorted=0), "culprit", "sorted is 0"),
    "loop": (loop("Relu"), "culprit", "Scan carries no state"),
    "plugin": (rasterizer(name="RtgsUnknown"), "culprit", "there is no plugin RtgsUnknown"),
    "plugin, name": (rasterizer(name="Relu"), "culprit", "Relu is also an operator"),
    "plugin, inputs": (rasterizer(drop_input=True), "culprit", "6 inputs, RtgsRasterizeGaussians has 7"),
    "plugin, types": (
        rasterizer(feature_type=FLOAT),
        "culprit",
        "input gaussian_features is float32 of 2 dimensions, not float16 of 2",
    ),
    "plugin, undeclared": (rasterizer(declared=False), "culprit", "output image is unknown of None dimensions"),
    "plugin, attribute": (rasterizer(colour=3), "culprit", "'colour' would be dropped without a word"),
    "plugin, missing": (rasterizer(pair_capacity=None), "culprit", "'pair_capacity' is None"),
    "plugin, text": (rasterizer(width="32"), "culprit", "'width' is b'32'"),
    "plugin, large": (rasterizer(pair_capacity=1 << 31), "culprit", "'pair_capacity' is 2147483648"),
    "plugin, version": (rasterizer(plugin_version="2"), "culprit", "'plugin_version' is b'2'"),
}
FOR_ALL = {"opset", "ir", "names", "domain", "typing", "inference", "constants", "plugin"}


@pytest.mark.parametrize("case", BROKEN)
def test_rule_names_the_node_and_the_cure(case):
    broken, where, problem = BROKEN[case]
    rule = case.split(",")[0]
    found = [finding for finding in lint_graph(broken, "tensorrt") if (finding.rule, finding.where) == (rule, where)]
    assert any(problem in finding.problem for finding in found), found
    assert all(len(finding.cure) > 10 for finding in found)
    for_runtime = {finding.rule for finding in lint_graph(broken, "onnxruntime")}
    assert (rule in for_runtime) == (rule in FOR_ALL)


def test_no_finding_is_without_a_graph_that_causes_it():
    """Every ``yield Finding`` of the lint runs with one of the graphs above."""
    places = {
        node.lineno
        for node in ast.walk(ast.parse(Path(lint.__file__).read_text()))
        if isinstance(node, ast.Yield) and isinstance(node.value, ast.Call) and node.value.func.id == "Finding"
    }
    assert len(places) > 35
    ran = set()

    def trace(frame, event, argument):
        if frame.f_code.co_filename != lint.__file__:
            return None
        ran.add(frame.f_lineno)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        for broken, _, _ in BROKEN.values():
            lint_graph(broken, "tensorrt")
            lint_graph(broken, "onnxruntime")
    finally:
        sys.settrace(before)
    assert sorted(places - ran) == []


def test_plugin_node_as_the_plugin_wants_it_passes():
    assert lint_graph(rasterizer(), "tensorrt") == []
    assert lint_graph(rasterizer(plugin_version="1", plugin_namespace=""), "tensorrt") == []


def test_nodes_in_loop_bodies_are_looked_at():
    findings = lint_graph(loop("Softmax", HALF), "tensorrt")
    assert {(finding.rule, finding.where) for finding in findings} == {("digits", "inside"), ("loop", "culprit")}
    assert "carry a number through it" in next(finding.cure for finding in findings if finding.rule == "loop")


def test_refusal_names_file_node_and_cure():
    broken = model([node("Softmax")], HALF_X, HALF_Y)
    with pytest.raises(
        BundleError, match=r"fusion\.onnx: culprit: .*tensorrt.*'digits'.*\. Compute it in FP32 between"
    ):
        check_graph(broken, "tensorrt", "fusion.onnx")
    check_graph(broken, "onnxruntime", "fusion.onnx")


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("encoder.onnx", "onnxruntime"),
        ("fusion.onnx", "onnxruntime"),
        ("fusion.fp16.onnx", "tensorrt"),
        ("encoder.fp16.onnx", "tensorrt"),
        ("encoder.fp16.onnx", "onnxruntime"),
    ],
)
def test_exported_graphs_have_no_findings(exported_bundle, name, target):
    assert lint_graph(onnx.load(exported_bundle / name), target) == []
