"""What a bundle says of its encoder."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping

import torch

from rtgs2_networks.config import EncoderConfig
from rtgs2_trt.bundle import EncoderSpec


def encoder_spec(config: EncoderConfig, state: Mapping[str, torch.Tensor]) -> EncoderSpec:
    """Return the specification of the encoder with this configuration and these weights."""
    return EncoderSpec(
        voxel_size=config.voxel_size,
        stages=config.stages,
        patch_size=config.patch_size,
        stem_kernel=config.stem_kernel,
        cpe_kernel=config.cpe_kernel,
        feature_channels=config.out_channels,
        weights_sha256=_weights_sha256(config, state),
    )


def _weights_sha256(config: EncoderConfig, state: Mapping[str, torch.Tensor]) -> str:
    digest = hashlib.sha256(json.dumps(dataclasses.asdict(config), sort_keys=True).encode())
    for name in sorted(state):
        digest.update(name.encode())
        digest.update(state[name].contiguous().numpy().tobytes())
    return digest.hexdigest()
