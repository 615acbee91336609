from __future__ import annotations

from typing import Any

import pytest
import torch

from rtgs2_networks.config import from_dict, preset, research_encoder_config, to_dict
from rtgs2_networks.encoder import PointTransformerEncoder
from rtgs2_networks.fusion import FusionNetwork
from rtgs2_trt.errors import CheckpointError


@pytest.mark.parametrize(("name", "parameters"), [("rtgs2", 45_932_160 + 33_109_726), ("tiny", 3_643_950)])
def test_sizes_of_the_presets(name: str, parameters: int) -> None:
    config = preset(name, 46)
    with torch.device("meta"):
        networks = (PointTransformerEncoder(config.encoder), FusionNetwork(config.fusion))
    assert sum(parameter.numel() for network in networks for parameter in network.parameters()) == parameters


def test_dictionary_and_back() -> None:
    config = preset("tiny", 5)
    assert from_dict(to_dict(config)) == config
    older = to_dict(config)
    del older["task"], older["fusion"]["inputs"]
    assert from_dict(older) == config
    assert research_encoder_config().cpe_input == "research"
    with pytest.raises(CheckpointError, match="'rtgs2' or 'tiny'"):
        preset("huge", 5)


@pytest.mark.parametrize(
    ("part", "key", "value", "message"),
    [
        ("encoder", "encoder_depths", [1, 1, 1, 100_000, 1], "impossible"),
        ("encoder", "encoder_depths", [1, 1, 1, 65, 1], "encoder_depths.*1 to 64 blocks"),
        ("encoder", "encoder_depths", [1, 1, 1, 1], "encoder_channels.*4 numbers"),
        ("encoder", "encoder_heads", [1, 2, 5, 4, 6], "encoder_heads.*divisor of the 48"),
        ("encoder", "stem_kernel", 11, "stem_kernel.*odd number up to 9"),
        ("encoder", "patch_size", True, "patch_size.*whole number from 1"),
        ("encoder", "voxel_size", float("nan"), "voxel_size.*positive number"),
        ("encoder", "cpe_input", "else", "cpe_input.*'block_input' or 'research'"),
        ("encoder", "colour", 1, r"config\.encoder: unknown fields .*found colour"),
        ("fusion", "rgb_depths", [1, 1, 65, 1], "rgb_depths.*1 to 64 blocks"),
        ("fusion", "inputs", "depth", "inputs.*'fusion' or 'colour' or 'features'"),
        ("fusion", "feature_channels", 31, "feature_channels.*32 channels"),
        ("fusion", "num_classes", 65536, "num_classes.*1 to 65535"),
    ],
)
def test_impossible_fields_are_named(part: str, key: str, value: Any, message: str) -> None:
    values = to_dict(preset("tiny", 5))
    values[part][key] = value
    with pytest.raises(CheckpointError, match=message):
        from_dict(values)
