"""Unit quaternions (w, x, y, z) of rotations that multiply column vectors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def quaternion_from_matrix(rotation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return one of the two unit quaternions (4,) of a (3, 3) rotation."""
    (a, b, c), (d, e, f), (g, h, i) = rotation
    # 4 q q^T; its row with the largest diagonal is a multiple of q and far from zero.
    products = np.array(
        [
            [1 + a + e + i, h - f, c - g, d - b],
            [h - f, 1 + a - e - i, b + d, c + g],
            [c - g, b + d, 1 - a + e - i, f + h],
            [d - b, c + g, f + h, 1 - a - e + i],
        ]
    )
    row = products[np.argmax(np.diagonal(products))]
    quaternion: NDArray[np.float64] = row / np.linalg.norm(row)
    return quaternion


def matrix_from_quaternion(quaternion: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the (3, 3) rotation of a unit quaternion (4,)."""
    w, x, y, z = quaternion
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def rotate_quaternions(rotation: NDArray[np.float64], quaternions: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the (N, 4) quaternions of `rotation` (3, 3) applied after each of `quaternions` (N, 4)."""
    w, x, y, z = quaternion_from_matrix(rotation)
    left = np.array([[w, -x, -y, -z], [x, w, -z, y], [y, z, w, -x], [z, -y, x, w]])
    rotated: NDArray[np.float32] = (quaternions @ left.T).astype(np.float32)
    return rotated
