from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from rtgs2_export.algebra import Algebra
from rtgs2_export.fp16_emulation import emulate_fp16
from rtgs2_export.fusion_graph import build_fusion_graph
from rtgs2_export.graph import GraphBuilder
from rtgs2_export.value_types import value_types
from rtgs2_trt.self_check import relative_difference


def run(model, feed):
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    types = {"tensor(float16)": np.float16, "tensor(float)": np.float32}
    typed = {entry.name: feed[entry.name].astype(types[entry.type]) for entry in session.get_inputs()}
    return session.run(None, typed)[0]


@pytest.mark.parametrize("outputs", [8, 16])
def test_every_value_is_rounded(outputs):
    """A product and a sum in FP16: NumPy's own FP16, with the sums in FP32, is the oracle."""
    rng = np.random.default_rng(2)
    weight, bias = (
        rng.standard_normal((outputs, 12)).astype(np.float32),
        rng.standard_normal(outputs).astype(np.float32),
    )
    x = rng.standard_normal((5, 12)).astype(np.float16)
    graph = GraphBuilder("test", "float16")
    y = graph.linear(graph.input("x", "float16", (5, 12)), weight, bias)
    graph.output(graph.gelu(y), "out", (5, outputs), "float16")
    model = graph.model("test")
    product = (x.astype(np.float32) @ weight.T.astype(np.float16).astype(np.float32)).astype(np.float16)
    expected = ReferenceEvaluator(model).run(["out"], {"x": x})[0]
    found = run(emulate_fp16(model), {"x": x})
    assert found.dtype == np.float16
    # the two sum in another order, so single values may round the other way: one step of FP16
    assert relative_difference(found.astype(np.float32), expected.astype(np.float32)) < 2**-10
    inner = emulate_fp16(model)
    inner.graph.output[0].name = "linear/matmul"
    inner.graph.output[0].type.tensor_type.elem_type = TensorProto.FLOAT
    matmul = run(inner, {"x": x})
    np.testing.assert_array_equal(matmul, matmul.astype(np.float16).astype(np.float32))
    assert np.abs(matmul - product.astype(np.float32)).max() <= np.abs(product).max() * 2**-10


def test_values_beyond_the_range_become_infinite():
    graph = GraphBuilder("test", "float16")
    x = graph.input("x", "float16", (2,))
    graph.output(
        graph.multiply(graph.multiply(x, np.asarray(300, np.float32)), np.asarray(1e-2, np.float32)), "out", (2,)
    )
    found = run(emulate_fp16(graph.model("test")), {"x": np.asarray([1, 400], np.float32)})
    assert found[0] == pytest.approx(3, rel=1e-3)
    assert np.isinf(found[1])  # in FP32 it would be 1200


def test_network_keeps_its_inputs_and_outputs(small_fusion):
    config, weights, feed = small_fusion
    half = build_fusion_graph(config, weights, Algebra().for_gpu(), bgr=False, version="test", arithmetic="float16")
    emulated = emulate_fp16(half)
    assert emulated.graph.input == half.graph.input
    assert emulated.graph.output == half.graph.output
    types = value_types(emulated)
    assert types["image"] == types["logits"] == TensorProto.FLOAT16
    assert types["scale1/rgb/stem/patches/conv"] == TensorProto.FLOAT
    direct, rounded = (run(model, feed).astype(np.float32) for model in (half, emulated))
    assert 0 < relative_difference(rounded, direct) < 1e-2


def test_what_a_loop_computes_is_rounded_in_it():
    """Each item's square in FP16 is infinite from 256 on, and rounded below, before it is divided again."""
    graph = GraphBuilder("test", "float16")
    x = graph.input("x", "float16", (3, 2))

    def body(items):
        return graph.multiply(graph.multiply(items[0], items[0]), np.asarray(1 / 64, np.float32))

    graph.output(graph.for_each([graph.gelu(x)], (2,), body, "loop"), "out", (3, 2), "float16")
    values = np.asarray([[10, 20.03], [33.3, 250], [300, 1000]], np.float32)
    found = run(emulate_fp16(graph.model("test")), {"x": values})
    with np.errstate(over="ignore"):
        expected = (values.astype(np.float16) ** 2) * np.float16(1 / 64)  # NumPy rounds after every step
    assert np.isinf(expected).any()
    np.testing.assert_array_equal(found, expected)


def test_branches_are_refused():
    graph = GraphBuilder("test", "float16")
    x = graph.input("x", "float16", (2,))
    graph.output(graph.gelu(x), "out", (2,), "float16")
    model = graph.model("test")
    body = helper.make_graph(
        [helper.make_node("Identity", ["gelu"], ["chosen"], name="chosen")],
        "branch",
        [],
        [helper.make_tensor_value_info("chosen", TensorProto.FLOAT16, (2,))],
    )
    other = onnx.GraphProto.FromString(body.SerializeToString().replace(b"chosen", b"others"))
    model.graph.initializer.append(numpy_helper.from_array(np.asarray(True), "condition"))
    branch = helper.make_node("If", ["condition"], ["taken"], name="branch", then_branch=body, else_branch=other)
    model.graph.node.append(branch)
    with pytest.raises(ValueError, match="branch: loops other than Scan and branches are not emulated"):
        emulate_fp16(model)
