"""A small fusion network that every test of its graphs takes."""

from __future__ import annotations

import numpy as np
import pytest

from golden.seeded_weights import seeded_state
from rtgs2_networks.config import FusionConfig


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
