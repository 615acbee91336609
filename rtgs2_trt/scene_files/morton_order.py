"""Order along a space-filling curve, so that what is stored together lies together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_BITS = 16
_SPREADS = ((16, 0x0000FF0000FF), (8, 0x00F00F00F00F), (4, 0x0C30C30C30C3), (2, 0x249249249249))


def morton_order(points: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return the permutation (N,) that sorts points (N, 3) by their Morton code of 16 bits an axis; ties by index."""
    low = points.min(axis=0).astype(np.float64)
    span = points.max(axis=0) - low
    steps = ((points - low) / np.where(span > 0, span, 1) * ((1 << _BITS) - 1)).astype(np.uint64)
    code = np.zeros(len(points), np.uint64)
    for axis in range(3):
        code |= _spread(steps[:, axis]) << np.uint64(axis)
    return np.argsort(code, kind="stable")


def _spread(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Put two zero bits after each of the lowest 16 bits."""
    for shift, mask in _SPREADS:
        values = np.bitwise_and(values | values << np.uint64(shift), np.uint64(mask))
    return values
