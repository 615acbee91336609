"""What the encoder is told of each Gaussian."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .scene import Scene

CHANNELS = 10
_SH_DEGREE_0 = np.float32(0.28209479177387814)


def encoder_inputs(scene: Scene) -> npt.NDArray[np.float32]:
    """Return (N, 10) float32: xyz in metres, colour (3), opacity (1), log of the scales (3).

    The colour is the SH degree 0 colour, stretched so that its minimum and maximum over all Gaussians and channels of
    the scene become 0 and 1 (RT-GS2, research code).
    """
    colour = scene.sh[:, 0] * _SH_DEGREE_0 + np.float32(0.5)
    low, high = colour.min(), colour.max()
    span = high - low
    colour = (colour - low) / span if span > 0 else np.zeros_like(colour)
    return np.concatenate([scene.means, colour, scene.opacities[:, None], np.log(scene.scales)], axis=1)
