"""What stays in float32 in a run with ``precision: bf16-mixed``."""

from __future__ import annotations

import pytest

pytest.importorskip("lightning_fabric")

import torch

from box_room import write_box_dataset
from rtgs2_training.datasets import open_dataset
from rtgs2_training.encoder.contrastive_loss import point_info_nce
from rtgs2_training.encoder.encoder_training import EncoderTraining
from rtgs2_training.fusion import fusion_training
from rtgs2_training.fusion.centre_collapse import centre_collapse_loss, simplex_frame
from rtgs2_training.fusion.fusion_training import FusionTraining
from rtgs2_training.runs.config import (
    ContrastConfig,
    EncoderRunConfig,
    FusionRunConfig,
    ImageAugmentationConfig,
    ViewPairConfig,
)
from rtgs2_training.runs.devices import open_devices
from rtgs2_trt.console import Console


def bfloat16():
    return torch.autocast("cpu", dtype=torch.bfloat16)


def test_depths_are_not_rounded(tmp_path, monkeypatch):
    dataset = open_dataset(write_box_dataset(tmp_path / "boxes", {"train": ["a"]}))
    fabric = open_devices("cpu", "bf16-mixed")
    still = ImageAugmentationConfig(zoom=(1, 1), perspective=0)
    config = FusionRunConfig(task="depth", steps=1, batch_size=2, crop=(64, 96), average=0.0, augmentation=still)
    task = FusionTraining(config, dataset, None, None, tmp_path / "cache")
    task.gather(fabric, Console(quiet=True))
    seen, loss = [], fusion_training.depth_loss
    monkeypatch.setattr(fusion_training, "depth_loss", lambda *given: seen.append(given) or loss(*given))
    fabric.setup(task.objective)(task.prepare(task.load(0, 0, 1), 0, torch.device("cpu")))
    assert seen
    for predicted, wanted in seen:
        assert predicted.dtype == wanted.dtype == torch.float32
        known = wanted[torch.isfinite(wanted)]
        assert len(known) > 100
        millimetres = 1000 * known
        assert (millimetres - millimetres.round()).abs().max() < 1e-3  # as they are stored
        assert (known - known.bfloat16()).abs().max() > 3e-3  # which bfloat16 cannot hold


def test_positions_are_not_rounded(tmp_path):
    """Those of the encoder's inputs, up to its first layer: bfloat16 would move a Gaussian by up to 6 cm at 16 m."""
    dataset = open_dataset(write_box_dataset(tmp_path / "boxes", {"train": ["a"]}))
    views = ViewPairConfig(max_points=256, min_iou=0.0, max_iou=1.0)
    loss = ContrastConfig(positives=32)
    config = EncoderRunConfig(steps=1, pairs_per_step=1, calibration_scenes=1, views=views, loss=loss)
    task, fabric = EncoderTraining(config, dataset), open_devices("cpu", "bf16-mixed")
    prepared = task.prepare(task.load(0, 0, 1), 0, torch.device("cpu"))
    stem, seen = task.objective.encoder.embedding["stem"], []
    stem.norm.register_forward_hook(lambda module, given, result: seen.append(given[0].detach()))
    fabric.setup(task.objective)(prepared)
    exact = stem.conv(prepared.clouds.inputs, prepared.clouds.plan["stem_neighbours"]).detach()
    assert seen[0].dtype == torch.float32
    torch.testing.assert_close(seen[0], exact)
    assert (exact - exact.bfloat16()).abs().max() > 1e-3


def test_similarities_have_no_ties_that_float32_has_not():
    points = torch.randn(64, 16, generator=torch.Generator().manual_seed(0))
    other = points + 0.2 * torch.randn(64, 16, generator=torch.Generator().manual_seed(1))
    expected = point_info_nce(points, other, 0.07, unit_length=True)
    with bfloat16():
        found = point_info_nce(points, other, 0.07, unit_length=True)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_centres_are_summed_in_float32():
    embedding = torch.randn(2, 12, 24, 24, generator=torch.Generator().manual_seed(2))
    labels = torch.randint(-1, 5, (2, 24, 24), generator=torch.Generator().manual_seed(3))
    frame = simplex_frame(5, 12)
    expected = centre_collapse_loss(embedding, labels, frame)
    with bfloat16():
        assert torch.equal(centre_collapse_loss(embedding, labels, frame), expected)
