"""The FP16 encoder graph: near FP32, for any engine, its loop looked into, its memory bounded."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from golden.seeded_weights import seeded_state
from golden_values import golden, relative_error, state_entries
from rtgs2_export.algebra import Algebra
from rtgs2_export.encoder_graph import HEADS_AT_ONCE, STEM_REASON, build_encoder_graph
from rtgs2_export.fp16_emulation import emulate_fp16
from rtgs2_export.fp16_graph import SAFE_LARGEST, build_fp16_graph
from rtgs2_export.graph import LAYER_NORM_REASON, SOFTMAX_REASON
from rtgs2_export.lint import lint_graph
from rtgs2_export.magnitudes import watch
from rtgs2_export.value_types import all_graphs, all_nodes, value_types, without_weights
from rtgs2_networks.config import EncoderConfig, preset, research_encoder_config
from rtgs2_trt.backends.engines import OnnxRuntimeNetwork
from rtgs2_trt.geometry_plan import build_geometry_plan

# Every value rounded to 11 bits, some 200 in a row: 1.5e-3 was measured with trained weights.
BOUND = 5e-3

GPU = Algebra().for_gpu()
ATTENTION = "stage0/encoder_block0/attention"
LOOP = f"{ATTENTION}/blocks_of_patches"


def builder(config, weights):
    def build(arithmetic, kept):
        return build_encoder_graph(config, weights, GPU, "test", arithmetic=arithmetic, kept=kept)

    return build


def run(model, feed):
    return OnnxRuntimeNetwork("test", 1, content=model.SerializeToString()).run(feed)


@pytest.fixture(scope="module")
def half(small_encoder):
    config, weights, feed = small_encoder
    return build_fp16_graph(builder(config, weights), {"random": feed})


def test_graph_computes_in_fp16_and_says_what_does_not(half):
    model, report = half
    types = value_types(model)
    assert types["inputs"] == types["features"] == TensorProto.FLOAT  # as encoder.onnx has them
    assert report.fp32.keys() == {STEM_REASON, LAYER_NORM_REASON, SOFTMAX_REASON}
    products = [node for node in all_nodes(model.graph) if node.op_type == "MatMul"]
    wide = [node for node in products if types[node.output[0]] != TensorProto.FLOAT16]
    assert len(products) > 50
    assert {node.doc_string for node in wide} == {STEM_REASON}
    assert report.fp32[SOFTMAX_REASON]  # in the body of the loop
    assert 1e-5 < report.difference < BOUND


@pytest.mark.parametrize("target", ["onnxruntime", "tensorrt"])
def test_any_engine_takes_it(half, target):
    assert lint_graph(half[0], target) == []
    assert [entry.domain for entry in half[0].opset_import] == [""]


def test_it_computes_nearly_the_same(small_encoder, half):
    config, weights, feed = small_encoder
    exact = run(build_encoder_graph(config, weights, Algebra(), "test"), feed)
    assert relative_error(run(half[0], feed), exact) < BOUND  # as ONNX Runtime runs it
    assert relative_error(run(emulate_fp16(half[0]), feed), exact) < BOUND  # with every value rounded


def test_it_is_near_the_golden_values():
    values = golden("encoder_seed1")
    inputs = values["inputs"]
    means, opacities = np.ascontiguousarray(inputs[:, :3]), np.ascontiguousarray(inputs[:, 6])
    plan = build_geometry_plan(means, opacities, voxel_size=float(values["grid_size"]))
    weights = seeded_state(state_entries("encoder"), 1)
    model = builder(research_encoder_config(), weights)("float16", {})
    by_voxel = run(emulate_fp16(model), {"inputs": inputs[plan.representatives], **plan.arrays})
    features = by_voxel[plan.voxel_of_gaussian]
    assert relative_error(features[values["feature_rows"]], values["features"]) < BOUND


@pytest.mark.parametrize("voxels", [1, 5, 48, 49, 47 * 48])
def test_blocks_of_patches_come_out_even(small_encoder, voxels):
    """No patch is lost and none mixed up, however many there are: 16, 8, 5 and 4 are taken at a time."""
    config, weights, _ = small_encoder
    rng = np.random.default_rng(voxels)
    cells = np.stack(np.unravel_index(rng.permutation(16**3)[:voxels], (16, 16, 16)), axis=1)
    cells = cells - cells.min(0)
    points = (0.07 * np.where(cells == 0, 0.2, cells + 0.5)).astype(np.float32)  # well inside, counted from the least
    plan = build_geometry_plan(points, np.ones(voxels, np.float32), stages=3, patch_size=48)
    assert plan.voxel_counts[0] == voxels
    feed = {"inputs": rng.standard_normal((voxels, 10)).astype(np.float32), **plan.arrays}
    exact = run(build_encoder_graph(config, weights, Algebra(), "test"), feed)
    assert relative_error(run(builder(config, weights)("float32", {}), feed), exact) < 1e-5


def test_narrow_heads_are_widened_with_zeros(small_encoder):
    config, weights, feed = small_encoder
    plain = dataclasses.replace(GPU, pad_values=False)
    wide, narrow = (build_encoder_graph(config, weights, algebra, "test") for algebra in (GPU, plain))
    assert relative_error(run(wide, feed), run(narrow, feed)) < 1e-5
    shapes = {
        tuple(tensor.dims)
        for tensor in wide.graph.initializer
        if tensor.name == "stage0/decoder_block0/attention/qkv/weight"
    }
    assert shapes == {(32, 3 * 4 * 16)}


@pytest.fixture
def far_scores(small_encoder):
    """Scores of the first attention reach beyond FP16, its queries and keys do not."""
    config, weights, feed = small_encoder
    weights = dict(weights)
    for leaf in ("weight", "bias"):
        name = f"enc.enc0.block0.attn.qkv.{leaf}"
        factor = np.ones(48, np.float32)
        factor[:32] = 150
        weights[name] = weights[name] * factor.reshape(-1, *[1] * (weights[name].ndim - 1))
    return config, weights, feed


def test_what_overflows_in_the_loop_computes_in_fp32_there(far_scores):
    config, weights, feed = far_scores
    build = builder(config, weights)
    largest = watch(build("float32", {}), {"random": feed}).largest
    assert largest[f"{LOOP}/scores"].largest > SAFE_LARGEST > largest[f"{ATTENTION}/qkv/add_bias"].largest
    model, report = build_fp16_graph(build, {"random": feed})
    kept = {name for reason, names in report.fp32.items() if reason.startswith("range: ") for name in names}
    assert kept == {f"{LOOP}/scores"}
    assert value_types(model)[f"{LOOP}/scores"] == TensorProto.FLOAT
    assert lint_graph(model, "tensorrt") == []


def test_what_goes_into_the_loop_and_overflows_is_fp32_in_it(small_encoder):
    config, weights, feed = small_encoder
    weights = dict(weights)
    name = "enc.enc0.block0.attn.qkv.bias"
    weights[name] = weights[name] + np.where(np.arange(48) >= 32, np.float32(1e5), 0)  # the values
    build = builder(config, weights)
    model, report = build_fp16_graph(build, {"random": feed})
    kept = {name for reason, names in report.fp32.items() if reason.startswith("range: ") for name in names}
    assert {f"{LOOP}/mix", f"{ATTENTION}/qkv/add_bias"} <= kept
    assert value_types(model)[f"{LOOP}/scan.1"] == TensorProto.FLOAT
    assert lint_graph(model, "tensorrt") == []
    assert np.isfinite(run(emulate_fp16(model), feed)).all()


def test_magnitudes_in_a_loop_are_those_of_all_items(small_encoder):
    config, weights, feed = small_encoder
    model = builder(config, weights)("float32", {})
    found = watch(model, {"random": feed}).largest
    for part in ("query", "key", "value"):
        assert f"{LOOP}/{part}" not in found  # what goes in is looked at outside
    assert found[f"{LOOP}/softmax"].largest <= 1
    assert found[f"{LOOP}/mix"].largest == found[f"{LOOP}/scan.1"].largest  # stacked
    assert found[f"{LOOP}/scores"].largest > 0


def largest_value(model, voxels, patch):
    """Bytes of the largest value of a graph, and of the largest in a loop, for so many voxels a stage."""
    light = without_weights(model)
    sizes: dict[str, int] = {"patch_size": patch}
    for stage, count in enumerate(voxels):
        patch_size = min(patch, count)
        sizes |= {f"voxels_{stage}": count, f"patch_size_{stage}": patch_size}
        sizes[f"patches_{stage}"] = -(-count // patch_size)
    for graph in all_graphs(light.graph):
        for value in graph.input:
            for dimension in value.type.tensor_type.shape.dim:
                if dimension.dim_param:
                    dimension.dim_value = sizes[dimension.dim_param]
    inferred = onnx.shape_inference.infer_shapes(light, data_prop=True)
    width = {TensorProto.FLOAT: 4, TensorProto.FLOAT16: 2, TensorProto.INT64: 8, TensorProto.INT32: 4}
    largest = []
    for place, graph in enumerate(all_graphs(inferred.graph)):
        tensors = [value.type.tensor_type for value in graph.value_info]
        known = [t for t in tensors if all(d.HasField("dim_value") for d in t.shape.dim)]
        assert place == 0 or known == tensors  # outside, ONNX cannot tell how many patches make whole blocks
        largest.append(max(width[t.elem_type] * math.prod(d.dim_value for d in t.shape.dim) for t in known))
    return largest[0], max(largest[1:])


@pytest.mark.parametrize("config", [EncoderConfig(), preset("tiny").encoder], ids=["rtgs2", "tiny"])
def test_memory_is_bounded_at_400_000_voxels(config):
    """Scores of all patches and heads at once would take 3 GB and more a block."""
    network = pytest.importorskip("rtgs2_networks.encoder").PointTransformerEncoder(config)
    shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    model = builder(config, {name: np.zeros(shape, np.float32) for name, shape in shapes.items()})("float16", {})
    heads = max(HEADS_AT_ONCE, *config.encoder_heads)
    for voxels in ((400_000, 108_000, 28_000, 7000, 1700), (100_000, 27_000, 7000, 1900, 1024)):
        largest, in_loop = largest_value(model, voxels, config.patch_size)
        assert in_loop == 4 * heads * config.patch_size**2  # however many patches there are
        assert largest == 4 * 250 * voxels[0]  # the stem's rows: 25 taps of 10 channels
