"""Quaternions without their largest component, which follows from the other three: how most formats pack rotations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_ROOT = np.float32(np.sqrt(0.5))  # no component but the largest exceeds it
# Where the three stored components go for each largest component, all in order.
_OTHERS = np.array([[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]])


def rotations_of_smallest(
    smallest: Sequence[NDArray[np.float32]], largest: NDArray[np.integer], out: NDArray[np.float32]
) -> None:
    """Write quaternions into `out` (n, 4).

    Args:
        smallest: the other three components in order, (n,) each, divided by the square root of 1/2: -1..1.
        largest: (n,) which component is left out, 0..3; it is positive.
        out: where to write.
    """
    a, b, c = (component * _ROOT for component in smallest)
    left_out = 1 - (a * a + b * b + c * c)
    np.sqrt(np.maximum(left_out, 0, out=left_out), out=left_out)
    # Whole columns: several times faster than indices of rows.
    out[:, 0] = np.where(largest == 0, left_out, a)
    out[:, 1] = np.where(largest == 0, a, np.where(largest == 1, left_out, b))
    out[:, 2] = np.where(largest <= 1, b, np.where(largest == 2, left_out, c))
    out[:, 3] = np.where(largest == 3, left_out, c)


def smallest_of_rotations(rotations: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Return `smallest` as (n, 3) and `largest` (n,) of unit quaternions (n, 4); see :func:`rotations_of_smallest`."""
    largest = np.abs(rotations).argmax(axis=1)
    rows = np.arange(len(rotations))
    signs = np.where(rotations[rows, largest] < 0, np.float32(-1), np.float32(1))
    return rotations[rows[:, None], _OTHERS[largest]] * (signs / _ROOT)[:, None], largest
