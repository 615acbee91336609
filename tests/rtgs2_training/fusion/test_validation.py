"""Validation of views of several sizes."""

from __future__ import annotations

import pytest

pytest.importorskip("lightning_fabric")

import torch

from box_room import box_views, write_box_dataset
from rtgs2_training.datasets import open_dataset
from rtgs2_training.fusion.fusion_training import FusionTraining
from rtgs2_training.runs.config import FusionRunConfig, ImageAugmentationConfig
from rtgs2_training.runs.devices import open_devices
from rtgs2_trt.console import Console


def test_a_view_is_validated_as_if_it_were_alone(tmp_path):
    """A wide and a tall view: padded to one size, either would see black beside it, and other depths."""
    views = {"wide": box_views(1, 96, 64)["0000"], "tall": box_views(1, 64, 96)["0000"]}
    dataset = open_dataset(write_box_dataset(tmp_path / "boxes", {"train": ["a"], "validation": ["b"]}, views=views))
    fabric, still = open_devices("cpu", "32-true"), ImageAugmentationConfig(zoom=(1, 1), perspective=0)
    found = []
    for batch_size in (1, 2):
        config = FusionRunConfig(
            task="depth", steps=1, batch_size=batch_size, crop=(64, 96), average=0.0, augmentation=still
        )
        task = FusionTraining(config, dataset, None, None, tmp_path / "cache")
        task.gather(fabric, Console(quiet=True))
        with torch.no_grad():
            found.append(task.validate(fabric)["rmse"])
    assert found[0] == pytest.approx(found[1], rel=1e-6)
