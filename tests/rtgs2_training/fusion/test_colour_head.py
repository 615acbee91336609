"""The colour branch learns from its own answer even where the fused one takes no notice of it."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from rtgs2_networks.config import preset
from rtgs2_networks.fusion import FusionNetwork
from rtgs2_training.fusion.colour_head import ColourHead
from rtgs2_training.fusion.fusion_training import FusionObjective, FusionStep
from rtgs2_training.fusion.image_augmentation import Views
from rtgs2_training.runs.config import FusionLossConfig

CONFIG = dataclasses.replace(preset("tiny", 3).fusion, rgb_depths=(1, 1, 1, 1))
LOSS = FusionLossConfig(label_smoothing=0.0, centre_collapse=0.0)


def deaf_network() -> FusionNetwork:
    """A fusion network whose merging modules give the colours no weight."""
    torch.manual_seed(0)
    network = FusionNetwork(CONFIG)
    for stage in range(1, 4):
        merging = network.get_submodule(f"down_sample_{stage + 1}.SCC")
        with torch.no_grad():
            merging.conv1.weight[:, CONFIG.feature_widths[stage] :] = 0
            merging.cross_atten.kq2.weight.zero_()
            for layer in merging.fus_atten.fc_spatial, merging.fus_atten.fc_channel:
                layer[0].weight[:, CONFIG.feature_widths[stage] :] = 0
    return network


def step() -> FusionStep:
    generator = torch.Generator().manual_seed(1)
    image = torch.rand((2, 3, 64, 64), generator=generator)
    features = torch.randn((2, 32, 64, 64), generator=generator)
    return FusionStep(Views(image, features, (3 * image[:, 0]).long().clamp(max=2)), grids=[0, 5], collapse=0.0)


@pytest.mark.parametrize("weight", [0.0, 0.5])
def test_colour_branch_gets_a_gradient_of_its_own(weight):
    objective = FusionObjective(deaf_network(), dataclasses.replace(LOSS, colour_head=weight), None)
    values = objective(step())
    values["loss"].backward()
    gradient = objective.network.get_parameter("down_sample_1.rgb_stem.0.weight").grad
    assert (float(gradient.abs().max()) > 1e-6) == (weight > 0)
    if weight:
        torch.testing.assert_close(values["loss"], values["cross_entropy"] + weight * values["colour_head"])
    else:
        assert "colour_head" not in values


def test_head_adds_every_scale_at_the_finest():
    head = ColourHead((4, 6), outputs=3).eval()
    fine, coarse = torch.randn(2, 4, 8, 8), torch.randn(2, 6, 4, 4)
    answer = head([fine, coarse])
    assert answer.shape == (2, 3, 8, 8)
    for changed in ([fine + 1, coarse], [fine, coarse + 1]):
        assert not torch.allclose(head(changed), answer)
    constant = head([fine, torch.ones_like(coarse)])
    flat = head([fine, torch.ones(2, 6, 1, 1)])
    torch.testing.assert_close(constant, flat)  # upsampling keeps what is constant


def test_nothing_of_the_head_is_in_the_network():
    objective = FusionObjective(FusionNetwork(CONFIG), dataclasses.replace(LOSS, colour_head=1.0), None)
    names = set(objective.network.state_dict())
    assert names == set(FusionNetwork(CONFIG).state_dict())
    assert any(name.startswith("colour_head.") for name in objective.state_dict())
