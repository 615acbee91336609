"""Statistics of whole scenes, which every written encoder carries."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from box_room import write_box_dataset
from rtgs2_networks.config import preset
from rtgs2_networks.encoder import PointTransformerEncoder
from rtgs2_training.datasets import open_dataset
from rtgs2_training.encoder.batch_norm_statistics import set_statistics


def test_statistics_are_the_means_over_scenes(tmp_path):
    scenes = open_dataset(write_box_dataset(tmp_path / "boxes", {"train": ["a", "b"]})).scenes("train")
    torch.manual_seed(0)
    encoder = PointTransformerEncoder(preset("tiny", 22).encoder)
    norms = {name: module for name, module in encoder.named_modules() if isinstance(module, nn.BatchNorm1d)}
    momenta = {name: norm.momentum for name, norm in norms.items()}
    weights = {name: value.clone() for name, value in encoder.named_parameters()}
    seen = {name: [] for name in norms}
    for name, norm in norms.items():
        norm.running_mean.fill_(100)  # of an earlier training: must not remain
        norm.register_forward_hook(lambda _, args, __, name=name: seen[name].append(args[0].detach().double()))
    set_statistics(encoder, scenes)
    assert len(norms) > 5
    for name, norm in norms.items():
        assert len(seen[name]) == 2
        mean = torch.stack([values.mean(0) for values in seen[name]]).mean(0)
        variance = torch.stack([values.var(0) for values in seen[name]]).mean(0)
        assert norm.running_mean.double() == pytest.approx(mean, rel=1e-4, abs=1e-5)
        assert norm.running_var.double() == pytest.approx(variance, rel=1e-4, abs=1e-6)
        assert norm.momentum == momenta[name]
    assert not encoder.training
    assert all(torch.equal(value, weights[name]) for name, value in encoder.named_parameters())
