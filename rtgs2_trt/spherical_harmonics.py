"""Real spherical harmonics of degree 0 to 3 in the convention of 3D Gaussian Splatting."""

from __future__ import annotations

import math
from functools import cache
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

MAX_DEGREE = 3
DC_FACTOR = 0.5 * math.sqrt(1 / math.pi)
"""The constant basis function: a Gaussian's mean colour is ``DC_FACTOR * coefficient + 0.5``."""

_Float = TypeVar("_Float", np.float32, np.float64)


def sh_basis(directions: ArrayLike, degree: int) -> NDArray[np.float64]:
    """Evaluate the basis functions at unit directions.

    The orthonormal real spherical harmonics, ordered by degree and then m = -degree..degree, with the signs of the
    3DGS rasteriser (Kerbl et al. 2023, after Plenoxels): degree 1 is (-y, +z, -x). A Gaussian's colour seen along d
    is ``max(0, sh_basis(d, degree) @ coefficients + 0.5)``.

    Args:
        directions: (..., 3) unit vectors.
        degree: 0 to 3.

    Returns:
        (..., (degree + 1) ** 2) float64.

    Raises:
        ValueError: a degree outside 0 to 3.
    """
    if not 0 <= degree <= MAX_DEGREE:
        raise ValueError(f"degree {degree}: spherical harmonics of degree 0 to {MAX_DEGREE} are supported")
    x, y, z = np.moveaxis(np.asarray(directions, dtype=np.float64), -1, 0)
    xx, yy, zz = x * x, y * y, z * z
    pi = math.pi
    functions = [np.full_like(x, DC_FACTOR)]
    if degree >= 1:
        c = math.sqrt(3 / (4 * pi))
        functions += [-c * y, c * z, -c * x]
    if degree >= 2:
        c = 0.5 * math.sqrt(15 / pi)
        functions += [
            c * x * y,
            -c * y * z,
            0.25 * math.sqrt(5 / pi) * (2 * zz - xx - yy),
            -c * x * z,
            0.5 * c * (xx - yy),
        ]
    if degree >= 3:
        c1, c2, c3 = math.sqrt(35 / (2 * pi)) / 4, math.sqrt(105 / pi) / 4, math.sqrt(21 / (2 * pi)) / 4
        functions += [
            -c1 * y * (3 * xx - yy),
            2 * c2 * x * y * z,
            -c3 * y * (4 * zz - xx - yy),
            0.25 * math.sqrt(7 / pi) * z * (2 * zz - 3 * xx - 3 * yy),
            -c3 * x * (4 * zz - xx - yy),
            c2 * z * (xx - yy),
            -c1 * x * (xx - 3 * yy),
        ]
    return np.stack(functions, axis=-1)


def rotate_sh(coefficients: NDArray[_Float], rotation: ArrayLike) -> NDArray[_Float]:
    """Rotate the coefficients along with the Gaussians: the new colour along R d is the old colour along d.

    Args:
        coefficients: (N, K, 3), K = 1, 4, 9 or 16.
        rotation: (3, 3), the rotation R. The exact identity gives `coefficients` back, untouched.

    Returns:
        (N, K, 3) of the same dtype. The values of a degree mix only among themselves; degree 0 stays as it is.
    """
    matrix = np.asarray(rotation, dtype=np.float64)
    count = coefficients.shape[1]
    if count == 1 or np.array_equal(matrix, np.eye(3)):
        return coefficients
    directions = _spread_directions()
    degree = math.isqrt(count) - 1
    before, after = sh_basis(directions, degree), sh_basis(directions @ matrix.T, degree)
    mix = np.zeros((count, count))
    mix[0, 0] = 1
    for band in range(1, degree + 1):
        part = slice(band * band, (band + 1) * (band + 1))
        # after @ mix = before within a degree: well conditioned, since the directions cover the sphere.
        mix[part, part] = np.linalg.lstsq(after[:, part], before[:, part], rcond=None)[0]
    # One product for all coefficients and channels, much faster than many small ones.
    mix_channels = np.kron(mix, np.eye(3)).astype(coefficients.dtype)
    rotated: NDArray[_Float] = coefficients.reshape(len(coefficients), -1) @ mix_channels.T
    return rotated.reshape(coefficients.shape)


@cache
def _spread_directions(count: int = 64) -> NDArray[np.float64]:
    """Return (count, 3) unit vectors spread evenly over the sphere (a Fibonacci lattice)."""
    index = np.arange(count) + 0.5
    z = 1 - 2 * index / count
    angle = math.pi * (1 + math.sqrt(5)) * index
    radius = np.sqrt(1 - z * z)
    directions: NDArray[np.float64] = np.stack([radius * np.cos(angle), radius * np.sin(angle), z], axis=-1)
    return directions
