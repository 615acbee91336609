"""Every committed configuration can be read, and says nothing twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtgs2_training.claims.experiments import ClaimsConfig
from rtgs2_training.runs.config import EncoderRunConfig, FusionRunConfig, TuningRunConfig
from rtgs2_training.runs.config_file import read_config

FOLDER = Path(__file__).parents[3] / "training" / "configs"
FILES = sorted(path.name for path in FOLDER.glob("*.yaml"))


def kind_of(name):
    if name.startswith("claims"):
        return ClaimsConfig
    if name.startswith("tune"):
        return TuningRunConfig
    return EncoderRunConfig if name.startswith("encoder") else FusionRunConfig


def test_there_is_one_for_each_purpose():
    assert {
        "encoder-tiny.yaml",
        "tune-tiny.yaml",
        "fusion-tiny-half-size.yaml",
        "fusion-tiny.yaml",
        "encoder-rtgs2.yaml",
        "fusion-rtgs2.yaml",
    } <= set(FILES)
    assert {"fusion-depth-tiny.yaml", "fine-tune-tiny.yaml", "claims.yaml"} <= set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_it_is_read(name):
    config = read_config(kind_of(name), FOLDER / name)
    assert config != kind_of(name)()
    if "depth" in name:
        assert config.task == "depth"
        assert config.augmentation.zoom == (1.0, 1.0)  # an enlarged view does not show the depths of its labels
