"""Reference of lifting in float64: each Gaussian gathers its pixels, by the weights that drawing gives it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from rtgs2_trt.camera import Camera
from rtgs2_trt.rasterize import GaussianArrays
from rtgs2_trt.reference.rasterize import Array, splatting_weights


def lift_reference(scene: GaussianArrays, camera: Camera, pixels: ArrayLike) -> tuple[Array, Array]:
    """Lift `pixels` (C, H, W); arguments as in :func:`rtgs2_trt.lift.lift`, all values finite.

    Returns:
        sums (N, C) and weights (N,).
    """
    values = np.asarray(pixels, dtype=np.float64)
    sums, weights = np.zeros((len(scene.means), len(values))), np.zeros(len(scene.means))
    for i, (rows, columns), shares in splatting_weights(scene, camera):
        sums[i] = np.einsum("hw,chw->c", shares, values[:, rows, columns])
        weights[i] = shares.sum()
    return sums, weights
