"""Each step of the export algebra by itself, on the golden networks: on against off, through ONNX Runtime."""

from __future__ import annotations

import dataclasses

import numpy as np
import onnxruntime
import pytest

from golden.seeded_weights import seeded_state
from golden_values import golden, relative_error, state_entries
from rtgs2_export.algebra import Algebra
from rtgs2_export.encoder_graph import build_encoder_graph
from rtgs2_export.fusion_graph import build_fusion_graph
from rtgs2_export.lint import lint_graph
from rtgs2_networks.config import EncoderConfig, FusionConfig, research_encoder_config
from rtgs2_trt.geometry_plan import build_geometry_plan

# Folding rounds weights once more and sums in another order: about 1e-6 was measured. A wrong fold is off by 1e-2.
BOUND = 1e-4

STEPS = [step.name for step in dataclasses.fields(Algebra)]
VARIANTS = [Algebra(), dataclasses.replace(Algebra(), pad_values=True)] + [
    dataclasses.replace(Algebra.none(), **{step: True}) for step in STEPS
]
NAMES = ["default", "default+pad_values", *STEPS]


def run(model, outputs, feed):
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    feed = {entry.name: feed[entry.name] for entry in session.get_inputs()}
    return session.run(outputs, feed)[0]


@pytest.fixture(scope="module")
def fusion_case(small_fusion):
    config, weights, feed = small_fusion
    plain = run(build_fusion_graph(config, weights, Algebra.none(), bgr=False, version="test"), ["logits"], feed)
    return config, weights, feed, plain


@pytest.mark.parametrize("algebra", VARIANTS, ids=NAMES)
def test_fusion_step_keeps_the_function(fusion_case, algebra):
    config, weights, feed, plain = fusion_case
    model = build_fusion_graph(config, weights, algebra, bgr=False, version="test")
    assert relative_error(run(model, ["logits"], feed), plain) < BOUND


def test_fusion_steps_change_the_graph(fusion_case):
    config, weights, _, _ = fusion_case

    def operators(algebra):
        nodes = build_fusion_graph(config, weights, algebra, bgr=False, version="test").graph.node
        return [node.op_type for node in nodes]

    plain, folded = operators(Algebra.none()), operators(dataclasses.replace(Algebra(), split_queries=False))
    assert plain.count("BatchNormalization") == 13
    assert folded.count("BatchNormalization") == 0
    assert len(folded) < len(plain)
    assert operators(Algebra()).count("Softmax") > folded.count("Softmax")


def test_x_lin_is_an_output_only_when_asked_for(fusion_case):
    config, weights, feed, _ = fusion_case
    model = build_fusion_graph(config, weights, Algebra.none(), bgr=False, version="test")
    assert [output.name for output in model.graph.output] == ["x_lin", "logits"]
    assert run(model, ["x_lin"], feed).shape == (1, 64, 64, 96)
    dropped = build_fusion_graph(config, weights, Algebra(), bgr=False, version="test")
    assert [output.name for output in dropped.graph.output] == ["logits"]


def test_bgr_weights_take_rgb_images(fusion_case):
    config, weights, feed, plain = fusion_case
    model = build_fusion_graph(config, weights, Algebra(), bgr=True, version="test")
    swapped = {**feed, "image": feed["image"][:, ::-1].copy()}
    assert relative_error(run(model, ["logits"], swapped), plain) < BOUND
    assert relative_error(run(model, ["logits"], feed), plain) > 1e-3


def test_image_is_clipped_inside(fusion_case):
    config, weights, feed, _ = fusion_case
    model = build_fusion_graph(config, weights, Algebra(), bgr=False, version="test")
    bright = {**feed, "image": feed["image"] * 3 - 1}
    clipped = {**feed, "image": np.clip(feed["image"] * 3 - 1, 0, 1)}
    np.testing.assert_array_equal(run(model, ["logits"], bright), run(model, ["logits"], clipped))


@pytest.fixture(scope="module", params=["block_input", "research"])
def encoder_case(request):
    config = EncoderConfig(
        encoder_depths=(1, 2, 1),
        encoder_channels=(16, 32, 48),
        encoder_heads=(1, 2, 3),
        decoder_depths=(2, 1),
        decoder_channels=(32, 32),
        decoder_heads=(2, 2),
        patch_size=64,
        mlp_ratio=2,
        cpe_input=request.param,
    )
    torch_networks = pytest.importorskip("rtgs2_networks.encoder")
    network = torch_networks.PointTransformerEncoder(config)
    weights = seeded_state({name: tuple(value.shape) for name, value in network.state_dict().items()}, 4)
    # a negative scale turns a maximum round: the fold behind the pooling must keep that
    weights["enc.enc1.down.norm.0.weight"][::2] *= -1
    rng = np.random.default_rng(6)
    points = (rng.random((1500, 3)) * [1.5, 1.0, 0.6]).astype(np.float32)
    plan = build_geometry_plan(points, rng.random(1500).astype(np.float32), stages=3, patch_size=64)
    inputs = rng.standard_normal((plan.voxel_counts[0], 10)).astype(np.float32)
    feed = {"inputs": inputs, **plan.arrays}
    plain = run(build_encoder_graph(config, weights, Algebra.none(), "test"), ["features"], feed)
    return config, weights, feed, plain


@pytest.mark.parametrize("algebra", VARIANTS, ids=NAMES)
def test_encoder_step_keeps_the_function(encoder_case, algebra):
    config, weights, feed, plain = encoder_case
    assert relative_error(run(build_encoder_graph(config, weights, algebra, "test"), ["features"], feed), plain) < BOUND


def test_encoder_without_the_steps_for_onnx_runtime_is_portable(encoder_case):
    config, weights, _, _ = encoder_case
    model = build_encoder_graph(config, weights, Algebra().for_gpu(), "test")
    assert lint_graph(model, "tensorrt") == []
    assert [entry.domain for entry in model.opset_import] == [""]
    assert {node.op_type for node in model.graph.node} <= {
        *("Add", "Concat", "Div", "Gather", "Gelu", "Identity", "LayerNormalization", "MatMul", "Mul", "ReduceMax"),
        *("Reshape", "Scan", "Shape", "Slice", "Split", "Transpose"),
    }


def subgraphs(node):
    """The graphs inside a node, such as the body of a loop."""
    return [attribute.g for attribute in node.attribute if attribute.HasField("g")]


def all_operators(graph):
    return {
        name for node in graph.node for name in ({node.op_type}.union(*(all_operators(g) for g in subgraphs(node))))
    }


def test_default_encoder_uses_known_operators(encoder_case):
    config, weights, _, _ = encoder_case
    model = build_encoder_graph(config, weights, Algebra(), "test")
    assert all_operators(model.graph) == {
        *("Add", "Cast", "Concat", "Gather", "Gelu", "Identity", "LayerNormalization", "Less", "MatMul", "Mul"),
        *("MultiHeadAttention", "NonZero", "ReduceMax", "Reshape", "Scan", "ScatterND", "Shape", "Split", "Transpose"),
    }


def test_attention_is_computed_a_patch_at_a_time(encoder_case):
    """Memory is bounded by it: outside the loop, all patches' scores could be there at once."""
    config, weights, _, _ = encoder_case
    graph = build_encoder_graph(config, weights, Algebra(), "test").graph
    loops = [node for node in graph.node if "MultiHeadAttention" in set().union(*map(all_operators, subgraphs(node)))]
    assert "MultiHeadAttention" not in {node.op_type for node in graph.node}
    assert {node.op_type for node in loops} == {"Scan"}
    assert len(loops) == sum(config.encoder_depths) + sum(config.decoder_depths)  # one a block
    for loop in loops:
        (body,) = subgraphs(loop)
        assert [node.op_type for node in body.node].count("MultiHeadAttention") == 1


@pytest.mark.parametrize("count", [1, 2, 63, 64, 65, 70])
@pytest.mark.parametrize("apart", [1, 5], ids=["a row", "isolated"])
def test_encoder_takes_scenes_that_leave_taps_without_any_pair(encoder_case, count, apart):
    config, weights, _, _ = encoder_case
    points = np.zeros((count, 3), np.float32)
    points[:, 0] = np.arange(count) * 0.0701 * apart  # a row of voxels of 0.07, of which a patch has 64
    plan = build_geometry_plan(points, np.ones(count, np.float32), stages=3, patch_size=64)
    assert plan.voxel_counts[0] == count
    inputs = np.random.default_rng(7).standard_normal((plan.voxel_counts[0], 10)).astype(np.float32)
    feed = {"inputs": inputs, **plan.arrays}
    plain = run(build_encoder_graph(config, weights, Algebra.none(), "test"), ["features"], feed)
    fast = run(build_encoder_graph(config, weights, Algebra(), "test"), ["features"], feed)
    assert relative_error(fast, plain) < BOUND


@pytest.mark.parametrize("algebra", [Algebra(), Algebra.none()], ids=["algebra on", "algebra off"])
def test_fusion_graph_has_the_golden_values(algebra):
    values = golden("fusion_seed1")
    height, width = int(values["height"]), int(values["width"])
    rng = np.random.default_rng([1, 11])
    feed = {
        "image": rng.random((1, 3, height, width), dtype=np.float32),
        "features": rng.standard_normal((1, 32, height, width)).astype(np.float32),
    }
    weights = seeded_state(state_entries("fusion"), 1)
    logits = run(build_fusion_graph(FusionConfig(), weights, algebra, bgr=False, version="test"), ["logits"], feed)
    assert relative_error(logits[0], values["logits_quarter"]) < BOUND


def test_encoder_graph_has_the_golden_values():
    values = golden("encoder_seed1")
    inputs = values["inputs"]
    plan = build_geometry_plan(
        np.ascontiguousarray(inputs[:, :3]), np.ascontiguousarray(inputs[:, 6]), voxel_size=float(values["grid_size"])
    )
    weights = seeded_state(state_entries("encoder"), 1)
    model = build_encoder_graph(research_encoder_config(), weights, Algebra(), "test")
    by_voxel = run(model, ["features"], {"inputs": inputs[plan.representatives], **plan.arrays})
    features = by_voxel[plan.voxel_of_gaussian]
    assert relative_error(features[values["feature_rows"]], values["features"]) < BOUND
