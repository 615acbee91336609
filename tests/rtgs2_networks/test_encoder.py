from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from golden_values import golden, relative_error, seeded_state_dict, state_entries
from rtgs2_networks import encoder as encoder_module
from rtgs2_networks.config import EncoderConfig, preset, research_encoder_config
from rtgs2_networks.encoder import CURVES, PatchAttention, PointTransformerEncoder, SubmanifoldConv
from rtgs2_trt.errors import InputError
from rtgs2_trt.geometry_plan import CURVES as PLANNED_CURVES
from rtgs2_trt.geometry_plan import GeometryPlan, build_geometry_plan

SMALL = dataclasses.replace(preset("tiny", 2).encoder, patch_size=64)


def tensors(plan: GeometryPlan) -> dict[str, Tensor]:
    return {name: torch.from_numpy(array) for name, array in plan.arrays.items()}


def small_scene(config: EncoderConfig = SMALL, gaussians: int = 900) -> tuple[Tensor, dict[str, Tensor], np.ndarray]:
    """Inputs, plan and voxel grid of points on two walls; voxel counts are no multiples of the patch size."""
    rng = np.random.default_rng(5)
    means = rng.random((gaussians, 3), dtype=np.float32) * 1.6
    means[::2, 0] = 0.01
    means[1::2, 2] = 0.01
    opacities = rng.random(gaussians, dtype=np.float32)
    plan = build_geometry_plan(
        means, opacities, voxel_size=config.voxel_size, stages=config.stages, patch_size=config.patch_size
    )
    grid = np.trunc((means - means.min(0)) / np.float32(config.voxel_size)).astype(np.int64)[plan.representatives]
    inputs = rng.standard_normal((len(grid), config.in_channels)).astype(np.float32)
    return torch.from_numpy(inputs), tensors(plan), grid


def test_state_dict_is_the_golden_one() -> None:
    with torch.device("meta"):
        network = PointTransformerEncoder(EncoderConfig())
    state = network.state_dict()
    assert [(name, tuple(value.shape)) for name, value in state.items()] == list(state_entries("encoder").items())
    assert sum(parameter.numel() for parameter in network.parameters()) == 45_932_160


def test_research_encoder_gives_the_golden_features() -> None:
    values = golden("encoder_seed1")
    inputs = values["inputs"]
    plan = build_geometry_plan(inputs[:, :3], inputs[:, 6], voxel_size=float(values["grid_size"]))
    with torch.device("meta"):
        network = PointTransformerEncoder(research_encoder_config()).eval()
    network.load_state_dict(seeded_state_dict("encoder", int(values["seed"])), assign=True)
    with torch.no_grad():
        features = network(torch.from_numpy(inputs[plan.representatives]), tensors(plan)).numpy()
    found = features[plan.voxel_of_gaussian[values["feature_rows"]]]
    # float32 rounding through 22 blocks; 8e-7 measured, the wrong BatchNorm eps gives 2e-3
    assert relative_error(found, values["features"]) < 1e-5


def test_plan_and_network_agree_on_the_curves() -> None:
    assert CURVES == PLANNED_CURVES


def test_cpe_inputs_differ() -> None:
    inputs, plan, _ = small_scene()
    networks = [
        PointTransformerEncoder(dataclasses.replace(SMALL, cpe_input=mode)) for mode in ("block_input", "research")
    ]
    networks[1].load_state_dict(networks[0].state_dict())
    with torch.no_grad():
        published, research = (network.eval()(inputs, plan).numpy() for network in networks)
    assert relative_error(research, published) > 0.01


def test_submanifold_convolution_is_a_dense_one_at_the_occupied_voxels() -> None:
    inputs, plan, grid = small_scene()
    assert len(grid) % SMALL.patch_size  # what the other tests rely on: a last patch that is filled up
    for name, kernel in (("stem_neighbours", 5), ("stage0_neighbours", 3)):
        convolution = SubmanifoldConv(inputs.shape[1], 7, kernel, bias=True)
        torch.nn.init.normal_(convolution.bias)
        dense = torch.zeros(1, inputs.shape[1], *(grid.max(0) + 1))
        dense[0, :, grid[:, 0], grid[:, 1], grid[:, 2]] = inputs.T
        weight = convolution.weight.permute(0, 4, 1, 2, 3)
        expected = F.conv3d(dense, weight, convolution.bias, padding=kernel // 2)[
            0, :, grid[:, 0], grid[:, 1], grid[:, 2]
        ]
        found = convolution(inputs, plan[name])
        torch.testing.assert_close(found, expected.T, rtol=0, atol=1e-5)  # sums of up to 1250 products


def test_gradients_of_the_convolution_are_those_of_the_dense_one() -> None:
    inputs, plan, grid = small_scene()
    for name, kernel in (("stem_neighbours", 5), ("stage0_neighbours", 3)):
        convolution = SubmanifoldConv(inputs.shape[1], 7, kernel, bias=True).double()
        x = inputs.double().requires_grad_()
        dense = torch.zeros(inputs.shape[1], *(grid.max(0) + 1), dtype=torch.float64)
        dense = dense.index_put((torch.arange(inputs.shape[1])[:, None], *torch.from_numpy(grid.T)[:, None]), x.T)
        weight = convolution.weight.permute(0, 4, 1, 2, 3)
        expected = F.conv3d(dense[None], weight, convolution.bias, padding=kernel // 2)[0].movedim(0, -1)[tuple(grid.T)]
        weights = torch.randn(expected.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
        wanted = [x, convolution.weight, convolution.bias]
        found = torch.autograd.grad((convolution(x, plan[name]) * weights).sum(), wanted)
        for one, other in zip(found, torch.autograd.grad((expected * weights).sum(), wanted), strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=1e-10)


def test_convolution_in_bfloat16_is_near_and_trains() -> None:
    inputs, plan, _ = small_scene()
    convolution = SubmanifoldConv(inputs.shape[1], 7, 3, bias=True)
    x = inputs.requires_grad_()
    exact = convolution(x, plan["stage0_neighbours"])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = convolution(x, plan["stage0_neighbours"])
    torch.testing.assert_close(rounded.float(), exact, rtol=0.03, atol=0.03)  # 8 bits, 270 products
    for one, other in zip(
        *(torch.autograd.grad(y.sum(), [x, convolution.weight]) for y in (rounded, exact)), strict=True
    ):
        assert one.dtype == torch.float32
        assert relative_error(one.numpy(), other.numpy()) < 0.02


@pytest.mark.parametrize("patches_at_once", [1, 2, 1000])
def test_attention_stays_within_patches(monkeypatch: pytest.MonkeyPatch, patches_at_once: int) -> None:
    inputs, plan, _ = small_scene()
    patches, slots = plan["stage0_hilbert_patches"].long(), plan["stage0_hilbert_slots"].long()
    attention = PatchAttention(inputs.shape[1], heads=2)
    monkeypatch.setattr(encoder_module, "_SCORES_AT_ONCE", patches_at_once * 2 * SMALL.patch_size**2)
    found = attention(inputs, patches, slots)

    expected = torch.empty_like(inputs)
    for voxel in range(len(inputs)):
        mates = patches[slots[voxel] // SMALL.patch_size]
        query = attention.qkv(inputs[voxel]).view(3, 2, -1)[0]
        _, key, value = attention.qkv(inputs[mates]).view(SMALL.patch_size, 3, 2, -1).unbind(1)
        scores = torch.einsum("hd,khd->hk", query, key) / query.shape[1] ** 0.5
        expected[voxel] = attention.proj(torch.einsum("hk,khd->hd", scores.softmax(1), value).flatten()).detach()
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("cpe_input", ["block_input", "research"])
def test_every_parameter_gets_a_finite_gradient(cpe_input: str) -> None:
    inputs, plan, _ = small_scene()
    network = PointTransformerEncoder(dataclasses.replace(SMALL, cpe_input=cpe_input))
    network(inputs, plan).square().mean().backward()
    missing = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    assert missing == []


def test_int64_plan_gives_the_same() -> None:
    inputs, plan, _ = small_scene()
    network = PointTransformerEncoder(SMALL).eval()
    with torch.no_grad():
        assert torch.equal(network(inputs, plan), network(inputs, {name: array.long() for name, array in plan.items()}))


def test_one_gaussian_is_a_scene() -> None:
    inputs, plan, _ = small_scene(gaussians=1)
    with torch.no_grad():
        features = PointTransformerEncoder(SMALL).eval()(inputs, plan)
    assert features.shape == (1, SMALL.out_channels)
    assert features.isfinite().all()


def test_inputs_and_plan_must_fit() -> None:
    inputs, plan, _ = small_scene()
    network = PointTransformerEncoder(SMALL).eval()
    with pytest.raises(InputError, match=rf"inputs: .*shape \(5, 10\), expected shape \({len(inputs)}, 10\)"):
        network(inputs[:5], plan)
    del plan["stage2_parents"]
    with pytest.raises(InputError, match="stage2_parents: the geometry plan lacks"):
        network(inputs, plan)
