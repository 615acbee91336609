"""The FP16 fusion graph: near FP32, within FP16's range or in FP32, and honest about which and why."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto

from golden.seeded_weights import seeded_state
from golden_values import golden, relative_error, state_entries
from rtgs2_export.algebra import Algebra
from rtgs2_export.fp16_emulation import emulate_fp16
from rtgs2_export.fp16_graph import FP16_LARGEST, SAFE_LARGEST, build_fp16_graph
from rtgs2_export.fusion_graph import DEPTH_REASON, GATE_REASON, SIMILARITY_REASON, build_fusion_graph
from rtgs2_export.graph import LAYER_NORM_REASON, SOFTMAX_REASON
from rtgs2_export.lint import lint_graph
from rtgs2_export.magnitudes import watch
from rtgs2_export.value_types import value_types
from rtgs2_networks.config import FusionConfig
from rtgs2_trt.errors import CheckpointError

# Every value rounded to 11 bits, some 200 in a row: 1e-3 was measured with seeded weights of full size.
BOUND = 5e-3

GPU = Algebra().for_gpu()
EXPAND = "scale1/rgb/block0/expand"


def builder(config, weights, task="semantic"):
    def build(arithmetic, kept):
        return build_fusion_graph(
            config, weights, GPU, bgr=False, version="test", task=task, arithmetic=arithmetic, kept=kept
        )

    return build


def run(model, feed):
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    types = {"tensor(float16)": np.float16, "tensor(float)": np.float32}
    typed = {entry.name: feed[entry.name].astype(types[entry.type]) for entry in session.get_inputs()}
    return session.run(None, typed)[0].astype(np.float32)


@pytest.fixture(scope="module")
def half(small_fusion):
    config, weights, feed = small_fusion
    return build_fp16_graph(builder(config, weights), {"random": feed})


def test_graph_is_fp16_from_end_to_end(half):
    model, _ = half
    types = value_types(model)
    assert {types[name] for name in ("image", "features", "logits")} == {TensorProto.FLOAT16}
    products = [node for node in model.graph.node if node.op_type in ("Conv", "MatMul")]
    wide = [node for node in products if types[node.output[0]] != TensorProto.FLOAT16]
    assert len(products) > 70
    assert {node.doc_string for node in wide} == {GATE_REASON}
    assert lint_graph(model, "tensorrt") == []


def test_report_names_the_fp32_nodes_and_why(half):
    model, report = half
    assert report.fp32.keys() == {LAYER_NORM_REASON, SOFTMAX_REASON, GATE_REASON, SIMILARITY_REASON}
    operators = {node.name: node.op_type for node in model.graph.node}
    assert {operators[name] for name in report.fp32[LAYER_NORM_REASON]} == {"LayerNormalization"}
    assert {operators[name] for name in report.fp32[SOFTMAX_REASON]} == {"Softmax"}
    assert "ReduceMean" in {operators[name] for name in report.fp32[GATE_REASON]}
    assert report.casts == list(operators.values()).count("Cast")
    assert report.nodes + report.casts == len(operators)
    magnitudes = [magnitude.largest for _, magnitude in report.largest]
    assert magnitudes == sorted(magnitudes, reverse=True)
    assert 0 < magnitudes[0] < SAFE_LARGEST
    assert report.largest[0][1].probe == "random"
    assert 1e-5 < report.difference < BOUND
    assert report.to_dict()["fp32"][SOFTMAX_REASON] == list(report.fp32[SOFTMAX_REASON])
    assert all(reason in report.to_text() for reason in report.fp32)


def test_small_network_computes_nearly_the_same(small_fusion, half):
    config, weights, feed = small_fusion
    exact = run(builder(config, weights)("float32", {}), feed)
    assert relative_error(run(half[0], feed), exact) < BOUND  # as ONNX Runtime runs it
    assert relative_error(run(emulate_fp16(half[0]), feed), exact) < BOUND  # with every value rounded


def test_fp16_graph_is_near_the_golden_values():
    values = golden("fusion_seed1")
    height, width = int(values["height"]), int(values["width"])
    rng = np.random.default_rng([1, 11])
    feed = {
        "image": rng.random((1, 3, height, width), dtype=np.float32),
        "features": rng.standard_normal((1, 32, height, width)).astype(np.float32),
    }
    build = builder(FusionConfig(), seeded_state(state_entries("fusion"), 1))
    logits = run(emulate_fp16(build("float16", {})), feed)[0]
    expected = values["logits_quarter"]
    assert relative_error(logits, expected) < BOUND
    different = logits.argmax(0) != expected.argmax(0)
    assert different.mean() < 0.01
    rows, columns = np.nonzero(different)
    lead = expected.max(0)[rows, columns] - expected[logits.argmax(0)[rows, columns], rows, columns]
    assert (lead <= 2 * BOUND * np.abs(expected).max()).all()  # near-ties alone flip


@pytest.fixture(scope="module")
def overflowing(small_fusion):
    """The same function nearly, but a block's hidden values reach 1e5 times as far."""
    config, weights, feed = small_fusion
    weights = dict(weights)
    prefix = "down_sample_1.rgb_layer.0"
    for name in (f"{prefix}.pwconv1.weight", f"{prefix}.pwconv1.bias"):
        weights[name] = weights[name] * np.float32(1e5)
    weights[f"{prefix}.pwconv2.weight"] = weights[f"{prefix}.pwconv2.weight"] * np.float32(1e-5)
    return config, weights, feed


def test_what_would_overflow_computes_in_fp32(overflowing):
    config, weights, feed = overflowing
    build = builder(config, weights)
    exact = run(build("float32", {}), feed)
    assert not np.isfinite(run(emulate_fp16(build("float16", {})), feed)).all()
    model, report = build_fp16_graph(build, {"random": feed})
    assert relative_error(run(emulate_fp16(model), feed), exact) < BOUND
    kept = {name: reason for reason, names in report.fp32.items() for name in names if reason.startswith("range: ")}
    assert {f"{EXPAND}/matmul", f"{EXPAND}/add_bias", "scale1/rgb/block0/gelu"} <= kept.keys()
    assert len(kept) <= 5  # the neighbours that read or write such values, no more
    assert "on the input 'random', FP16 ends at 65504" in kept[f"{EXPAND}/matmul"]
    assert report.largest[0][1].largest <= SAFE_LARGEST
    assert lint_graph(model, "tensorrt") == []


def test_inputs_that_do_not_fit_are_refused(small_fusion):
    config, weights, feed = small_fusion
    large = {**feed, "features": feed["features"] * np.float32(1e5)}
    with pytest.raises(CheckpointError, match=r"features: .*leave the range of FP16 .*'large'.*--precision fp32"):
        build_fp16_graph(builder(config, weights), {"large": large})


@pytest.mark.parametrize("factor", [1e6, np.inf])
def test_logits_that_do_not_fit_are_refused(small_fusion, factor):
    config, weights, feed = small_fusion
    weights = {**weights, "Decoder.linear_pred.bias": weights["Decoder.linear_pred.bias"] + np.float32(factor)}
    with pytest.raises(CheckpointError, match=r"logits: .*leave the range of FP16"):
        build_fp16_graph(builder(config, weights), {"random": feed})


def test_depth_leaves_in_fp32(small_fusion):
    config, weights, feed = small_fusion
    weights = {name: array[:1] if name.startswith("Decoder.linear_pred") else array for name, array in weights.items()}
    depth = FusionConfig(**{**vars(config), "num_classes": 1})
    model, report = build_fp16_graph(builder(depth, weights, "depth"), {"random": feed})
    assert value_types(model)["depth"] == TensorProto.FLOAT
    assert report.fp32[DEPTH_REASON] == ("decoder/predict/conv",)
    assert lint_graph(model, "tensorrt") == []


def test_magnitudes_are_the_largest_over_all_probes(small_fusion):
    config, weights, feed = small_fusion
    dark = {**feed, "image": np.zeros_like(feed["image"])}
    model = builder(config, weights)("float32", {})
    watched = watch(model, {"dark": dark, "bright": feed})
    found = watched.largest
    assert found["image"].largest == feed["image"].max()
    assert found["image"].probe == "bright"
    weight = weights["Decoder.linear_pred.weight"]
    assert found["decoder/predict/weight"].largest == np.abs(weight).max()
    assert found["logits"].largest == max(np.abs(output).max() for output in watched.outputs.values())
    assert relative_error(watched.outputs["bright"], run(model, feed)) < 1e-5
    assert FP16_LARGEST == 65504
