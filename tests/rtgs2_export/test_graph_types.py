"""The builder's element types: one type an operator, casts made once, FP32 with a reason."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
import onnx.reference
from onnx import TensorProto, numpy_helper

from rtgs2_export.graph import LAYER_NORM_REASON, GraphBuilder
from rtgs2_export.value_types import value_types


def build(arithmetic, kept=None, wide=False):
    """A linear map, a LayerNorm and a second linear map that both read the first's result."""
    graph = GraphBuilder("test", arithmetic, kept)
    x = graph.input("x", arithmetic, (2, 4))
    y = graph.linear(x, np.eye(4, dtype=np.float32) / 3, np.ones(4, np.float32), "first")
    z = graph.layer_norm(y, np.ones(4, np.float32), np.zeros(4, np.float32), 1e-5)
    if wide:
        with graph.wide("because"):
            z = graph.linear(y, np.eye(4, dtype=np.float32), None, "second")
    else:
        z = graph.linear(z, np.eye(4, dtype=np.float32), None, "second")
    graph.output(graph.add(y, graph.reshape(z, (2, 4))), "out", (2, 4), arithmetic)
    return graph.model("test")


def node(model, name):
    return next(entry for entry in model.graph.node if entry.name == name)


def test_fp32_graph_has_no_casts_and_no_reasons():
    model = build("float32")
    assert Counter(entry.op_type for entry in model.graph.node)["Cast"] == 0
    assert not any(entry.doc_string for entry in model.graph.node)
    assert set(value_types(model).values()) == {TensorProto.FLOAT, TensorProto.INT64}


def test_products_compute_in_fp16_and_norms_in_fp32():
    model = build("float16")
    types = value_types(model)
    assert types["first/matmul"] == types["first/weight"] == types["first/add_bias"] == TensorProto.FLOAT16
    assert types["norm/layer_norm"] == types["norm/weight"] == types["norm/bias"] == TensorProto.FLOAT
    assert types["second/matmul"] == types["reshape"] == types["out"] == TensorProto.FLOAT16
    assert {entry.name: entry.doc_string for entry in model.graph.node if entry.doc_string} == {
        "norm/layer_norm": LAYER_NORM_REASON
    }
    casts = [entry.name for entry in model.graph.node if entry.op_type == "Cast"]
    assert casts == ["first/add_bias/as_float32", "norm/layer_norm/as_float16"]


def test_weights_are_rounded_to_fp16():
    weight = next(t for t in build("float16").graph.initializer if t.name == "first/weight")
    assert numpy_helper.to_array(weight).dtype == np.float16
    np.testing.assert_array_equal(numpy_helper.to_array(weight), (np.eye(4, dtype=np.float32) / 3).astype(np.float16))


def test_wide_computes_in_fp32_and_casts_a_value_once():
    model = build("float16", wide=True)
    types = value_types(model)
    assert types["second/matmul"] == types["reshape"] == TensorProto.FLOAT  # a reshape keeps the type of what it moves
    assert types["add"] == TensorProto.FLOAT16
    assert node(model, "second/matmul").doc_string == "because"
    casts = [entry.name for entry in model.graph.node if entry.op_type == "Cast"]
    assert casts.count("first/add_bias/as_float32") == 1  # the LayerNorm and the second map share it
    assert "reshape/as_float16" in casts


def test_kept_nodes_compute_in_fp32():
    model = build("float16", kept={"first/matmul": "too large"})
    types = value_types(model)
    assert types["first/matmul"] == types["first/weight"] == TensorProto.FLOAT
    assert types["first/add_bias"] == types["first/bias"] == TensorProto.FLOAT16
    assert node(model, "first/matmul").doc_string == "too large"


def test_a_constant_used_in_two_types_is_stored_in_both():
    graph = GraphBuilder("test", "float16")
    x, c = graph.input("x", "float16", (3,)), graph.constant(np.asarray([0.1, 1, 2], np.float32), "c")
    y = graph.add(x, c)
    with graph.wide("because"):
        y = graph.add(y, c)
    graph.output(y, "out", (3,))
    stored = {t.name: t.data_type for t in graph.model("test").graph.initializer}
    assert stored == {"c": TensorProto.FLOAT16, "c/as_float32": TensorProto.FLOAT}


def test_loops_are_typed_inside_and_outside():
    graph = GraphBuilder("test", "float16")
    x = graph.input("x", "float16", (3, 2, 4))
    y = graph.for_each([x], (2, 4), lambda items: graph.softmax(items[0]), "loop")
    graph.output(y, "out", (3, 2, 4), "float16")
    model = graph.model("test")
    types = value_types(model)
    assert types["loop/item0"] == types["loop/softmax/as_float16"] == types["loop/scan.1"] == TensorProto.FLOAT16
    assert types["loop/softmax"] == TensorProto.FLOAT
    result = onnx.reference.ReferenceEvaluator(model).run(None, {"x": np.zeros((3, 2, 4), np.float16)})[0]
    np.testing.assert_array_equal(result, np.full((3, 2, 4), 0.25, np.float16))
