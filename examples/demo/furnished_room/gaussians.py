"""From surfels to Gaussians: the room as a 3D Gaussian Splatting scene."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rtgs2_training.synthrooms.surfaces import Array, Surfels, join, sample

from .layout import HIGH, LOW, furnishings, shell
from .lighting import degree_one, lit

SH_DC = 0.28209479177387814
THICKNESS = (0.002, 0.004)  # metres, standard deviation along the normal


def furnished_room(seed: int = 0, density: float = 1.0) -> dict[str, NDArray[np.float32]]:
    """A furnished room as N Gaussians (about 120 000 at density 1), in the form of a captured 3DGS scene.

    Args:
        seed: the same seed gives the same bytes, another one other books, leaves, textures and jitter.
        density: number of Gaussians relative to the default; their size follows.

    Returns:
        float32 arrays: means (N, 3) metres, z up; scales (N, 3) metres (standard deviations, linear);
        rotations (N, 4) unit quaternions wxyz; opacities (N,) in 0..1; sh (N, 4, 3) spherical harmonics in the
        signs of 3DGS, colour = 0.5 + 0.28209479 sh[0] + 0.48860251 (-y sh[1] + z sh[2] - x sh[3]).

    Raises:
        ValueError: density is not a positive number.
    """
    if not density > 0:
        raise ValueError(f"density must be a positive number, found {density}")
    rng = np.random.default_rng(seed)
    surfels = join([sample(shell(), rng, density, shell=True), sample(furnishings(rng), rng, density)])
    colour, highlight = lit(surfels)
    count = len(surfels.points)
    gaussians = {
        "means": surfels.points,
        "scales": np.maximum(np.column_stack([surfels.radii, rng.uniform(*THICKNESS, count)]), THICKNESS[0]),
        "rotations": quaternions(surfels),
        "opacities": rng.uniform(0.9, 0.99, count),
        "sh": np.concatenate([((colour - 0.5) / SH_DC)[:, None], degree_one(highlight)], axis=1),
    }
    stray = floaters(rng, max(1, round(100 * density)))
    return {name: np.concatenate([array, stray[name]]).astype(np.float32) for name, array in gaussians.items()}


def quaternions(surfels: Surfels) -> Array:
    """Unit quaternions (N, 4) wxyz of the surfels' frames (tangent, normal x tangent, normal)."""
    x, z = surfels.tangents, surfels.normals
    frame = np.stack([x, np.cross(z, x), z], axis=2)
    a, b, c = frame[:, 0, 0], frame[:, 1, 1], frame[:, 2, 2]
    # Four times q q^T, entry by entry; its longest column gives q without cancellation.
    outer = np.empty((len(x), 4, 4))
    outer[:, 0, 0], outer[:, 1, 1], outer[:, 2, 2], outer[:, 3, 3] = (
        1 + a + b + c,
        1 + a - b - c,
        1 - a + b - c,
        1 - a - b + c,
    )
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        outer[:, 0, i + 1] = outer[:, i + 1, 0] = frame[:, k, j] - frame[:, j, k]
        outer[:, j + 1, k + 1] = outer[:, k + 1, j + 1] = frame[:, j, k] + frame[:, k, j]
    longest = np.argmax(np.diagonal(outer, axis1=1, axis2=2), axis=1)
    columns = outer[np.arange(len(x)), :, longest]
    return np.asarray(columns / np.linalg.norm(columns, axis=1, keepdims=True))


def floaters(rng: np.random.Generator, count: int) -> dict[str, Array]:
    """Faint specks in the air, as every capture has them."""
    rotations = rng.normal(size=(count, 4))
    sh = np.zeros((count, 4, 3))
    sh[:, 0] = (rng.uniform(0.35, 0.75, (count, 1)) + rng.normal(0, 0.03, (count, 3)) - 0.5) / SH_DC
    return {
        "means": rng.uniform(np.array(LOW) + 0.2, np.array(HIGH) - 0.2, (count, 3)),
        "scales": rng.lognormal(np.log(0.012), 0.4, (count, 3)),
        "rotations": rotations / np.linalg.norm(rotations, axis=1, keepdims=True),
        "opacities": rng.uniform(0.04, 0.25, count),
        "sh": sh,
    }
