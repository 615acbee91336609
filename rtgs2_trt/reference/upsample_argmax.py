"""Reference of the upsampling and argmax in float64, with all full-size logits in memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

UPSAMPLING = 4


def upsample_reference(logits: ArrayLike) -> NDArray[np.float64]:
    """Upsample (C, h, w) bilinearly to (C, 4 h, 4 w); pixel centres at +0.5, edges repeated."""
    values = np.asarray(logits, dtype=np.float64)
    return _upsample_axis(_upsample_axis(values, 1), 2)


def upsample_argmax_reference(
    logits: ArrayLike, height: int, width: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Class of the largest upsampled logit, ties to the lowest, and its softmax probability; both (height, width).

    The logits are finite; their size is a quarter of the result's, rounded up at least.
    """
    full = upsample_reference(logits)[:, :height, :width]
    confidence = 1 / np.exp(full - full.max(axis=0)).sum(axis=0)
    return full.argmax(axis=0), confidence


def upsample_softmax_reference(logits: ArrayLike, height: int, width: int) -> NDArray[np.float64]:
    """Softmax over the classes of the upsampled logits, which are finite: (C, height, width)."""
    full = upsample_reference(logits)[:, :height, :width]
    exponentials = np.exp(full - full.max(axis=0))
    probabilities: NDArray[np.float64] = exponentials / exponentials.sum(axis=0)
    return probabilities


def _upsample_axis(values: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    size = values.shape[axis]
    positions = (np.arange(UPSAMPLING * size) + 0.5) / UPSAMPLING - 0.5
    before = np.floor(positions).astype(int)
    weight_after = positions - before
    shape = [1, 1, 1]
    shape[axis] = -1
    weight_after = weight_after.reshape(shape)
    first = values.take(before.clip(0, size - 1), axis=axis)
    second = values.take((before + 1).clip(0, size - 1), axis=axis)
    upsampled: NDArray[np.float64] = (1 - weight_after) * first + weight_after * second
    return upsampled
