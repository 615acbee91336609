"""A small fusion network and a small encoder that every test of their graphs takes."""

from __future__ import annotations

import numpy as np
import pytest

from golden.seeded_weights import seeded_state
from rtgs2_networks.config import EncoderConfig, FusionConfig
from rtgs2_trt.geometry_plan import build_geometry_plan


@pytest.fixture(scope="session")
def small_fusion():
    """Configuration, seeded weights and an input of 96 x 64 pixels."""
    config = FusionConfig(
        rgb_depths=(1, 1, 1, 1),
        rgb_widths=(16, 32, 64, 96),
        feature_depths=(1, 1, 1, 1),
        feature_widths=(16, 32, 48, 64),
        feature_heads=(1, 2, 3, 4),
        decoder_width=64,
        num_classes=7,
    )
    torch_networks = pytest.importorskip("rtgs2_networks.fusion")
    shapes = {name: tuple(value.shape) for name, value in torch_networks.FusionNetwork(config).state_dict().items()}
    weights = seeded_state(shapes, 3)
    rng = np.random.default_rng(5)
    feed = {
        "image": rng.random((1, 3, 64, 96), dtype=np.float32),
        "features": rng.standard_normal((1, 32, 64, 96)).astype(np.float32),
    }
    return config, weights, feed


@pytest.fixture(scope="session")
def small_encoder():
    """Configuration, seeded weights and inputs of some 1000 voxels; heads 8 and 16 wide, the last patches not full."""
    config = EncoderConfig(
        encoder_depths=(1, 1, 1),
        encoder_channels=(16, 32, 48),
        encoder_heads=(1, 2, 3),
        decoder_depths=(1, 1),
        decoder_channels=(32, 32),
        decoder_heads=(4, 2),
        patch_size=48,
        mlp_ratio=2,
    )
    torch_networks = pytest.importorskip("rtgs2_networks.encoder")
    network = torch_networks.PointTransformerEncoder(config)
    weights = seeded_state({name: tuple(value.shape) for name, value in network.state_dict().items()}, 4)
    rng = np.random.default_rng(6)
    points = (rng.random((1500, 3)) * [1.5, 1.0, 0.6]).astype(np.float32)
    plan = build_geometry_plan(points, rng.random(1500).astype(np.float32), stages=3, patch_size=48)
    inputs = rng.standard_normal((plan.voxel_counts[0], 10)).astype(np.float32)
    return config, weights, {"inputs": inputs, **plan.arrays}
