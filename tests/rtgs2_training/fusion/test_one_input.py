"""A network of one input: never trained on views without it."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("lightning_fabric")

import torch

from box_room import write_box_dataset
from rtgs2_training.datasets import open_dataset
from rtgs2_training.fusion.fusion_training import FusionTraining
from rtgs2_training.runs.config import FusionRunConfig, ImageAugmentationConfig
from rtgs2_training.runs.devices import open_devices
from rtgs2_trt.console import Console

AUGMENTATION = ImageAugmentationConfig(colour_dropout=0.6, feature_dropout=0.6, channel_dropout=0.0, cut_out=0)
CONFIG = FusionRunConfig(steps=1, batch_size=12, crop=(64, 96), average=0.0, augmentation=AUGMENTATION)


@pytest.mark.parametrize(
    ("inputs", "without_colours", "without_features"),
    [("fusion", True, True), ("colour", False, True), ("features", True, False)],
)
def test_the_only_input_is_never_dropped(inputs, without_colours, without_features, tmp_path):
    dataset = open_dataset(write_box_dataset(tmp_path / "boxes", {"train": ["a"]}))
    fabric = open_devices("cpu", "32-true")
    config = replace(CONFIG, inputs=inputs)
    task = FusionTraining(config, dataset, None, None, tmp_path / "cache")
    task.gather(fabric, Console(quiet=True))
    views = task.prepare(task.load(0, 0, 1), 0, torch.device("cpu")).views
    assert bool((views.image.flatten(1) == 0).all(1).any()) is without_colours
    assert bool((views.features.flatten(1) == 0).all(1).any()) is without_features
