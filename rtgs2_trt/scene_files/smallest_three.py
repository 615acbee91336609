"""Quaternions without their largest component, which follows from the other three: how most formats pack rotations."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_ROOT = np.float32(np.sqrt(0.5))  # no component but the largest exceeds it
# Where the three stored components go for each largest component, all in order.
_OTHERS = np.array([[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]])


def rotations_of_smallest(smallest: NDArray[np.float32], largest: NDArray[np.integer]) -> NDArray[np.float32]:
    """Return quaternions (n, 4).

    Args:
        smallest: (n, 3) the other components in order, divided by the square root of 1/2: -1..1.
        largest: (n,) which component is left out, 0..3; it is positive.
    """
    stored = smallest * _ROOT
    left_out = np.sqrt(np.maximum(0, 1 - np.einsum("ij,ij->i", stored, stored)))
    rotations = np.empty((len(stored), 4), np.float32)
    for component in range(4):  # masks of columns are several times faster here than fancy indices of rows
        rotations[:, component] = np.where(
            largest == component,
            left_out,
            np.where(largest > component, stored[:, min(component, 2)], stored[:, max(component - 1, 0)]),
        )
    return rotations


def smallest_of_rotations(rotations: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Return `smallest` and `largest` as :func:`rotations_of_smallest` takes them, of unit quaternions (n, 4)."""
    largest = np.abs(rotations).argmax(axis=1)
    rows = np.arange(len(rotations))
    signs = np.where(rotations[rows, largest] < 0, np.float32(-1), np.float32(1))
    return rotations[rows[:, None], _OTHERS[largest]] * (signs / _ROOT)[:, None], largest
