"""How many pixels a frame gets: few while the camera moves, so that it stays fluid, all of them once it rests."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

MOVING_SECONDS = 0.1
"""What a frame may take while the camera moves."""
FIRST_REST_SECONDS = 0.25
"""What a frame may take that nobody need be sure of the camera's rest for."""
LONGEST_JUMP_SECONDS = 0.5
"""What the full frame may take to come next, whatever is shown; if it takes longer, a frame between the two does."""
SHARES = tuple(0.5**step for step in range(6))
"""Shares of all pixels that a frame can have."""

_LEAST_SIDE = 32


class FrameTimes:
    """Predicts how long a frame takes: a fixed part and one for each pixel, learned from the frames that were drawn.

    A Kalman filter of these two numbers: the last frames count most, since other work on the machine comes and goes,
    and what they say nothing about (the slope, while all frames are of one size) stays as it was.
    """

    def __init__(self) -> None:
        self._parts: NDArray[np.float64] | None = None  # seconds: fixed, and of all pixels
        self._covariance = np.zeros((2, 2))

    def took(self, share: float, seconds: float) -> None:
        """Learn that a frame of this share of all pixels took so long."""
        if not (math.isfinite(seconds) and seconds > 0):
            return
        if self._parts is None:
            self._parts = np.array([0.0, seconds / share])
            self._covariance = np.diag((0.5 * seconds, 0.5 * seconds / share)) ** 2
            return
        row = np.array([1.0, share])
        predicted = float(row @ self._parts)
        self._covariance = self._covariance + np.diag((0.1 * predicted, 0.1 * predicted / share)) ** 2
        gain = self._covariance @ row / (row @ self._covariance @ row + (0.1 * seconds) ** 2)
        self._parts = np.maximum(self._parts + gain * (seconds - predicted), 0.0)
        self._covariance = self._covariance - np.outer(gain, row @ self._covariance)

    def predicted(self, share: float) -> float:
        """Return the seconds that a frame of this share of all pixels will take; 0 before the first was drawn."""
        return 0.0 if self._parts is None else float(self._parts[0] + share * self._parts[1])


Seconds = Callable[[float], float]
"""Predicts the seconds that a frame of a share of all pixels will take."""


def moving_share(seconds: Seconds, last: float | None) -> float:
    """Return the share of all pixels of the next frame of a moving camera.

    Args:
        seconds: what is known of this scene on this machine.
        last: the share of the frame before, which is kept while it nearly fits, so that sizes do not flicker; None for
            the first.
    """
    if last in SHARES and seconds(last) <= 1.25 * MOVING_SECONDS:
        return max((share for share in SHARES if share > last and seconds(share) <= 0.8 * MOVING_SECONDS), default=last)
    return max((share for share in SHARES if seconds(share) <= MOVING_SECONDS), default=SHARES[-1])


def resting_share(seconds: Seconds, shown: float) -> float:
    """Return the share of the next, better frame of a resting camera, of which one of share `shown` is shown.

    Args:
        seconds: what is known of this scene on this machine.
        shown: 0 where nothing is shown of this camera yet: then what is quick comes first.
    """
    if shown > 0 and seconds(1.0) <= LONGEST_JUMP_SECONDS:
        return 1.0
    first = max((share for share in SHARES if seconds(share) <= FIRST_REST_SECONDS), default=SHARES[-1])
    return first if first > shown else 1.0


def frame_size(window: tuple[int, int], most: int, share: float) -> tuple[int, int]:
    """Return width and height of a frame in the shape of a window, at least 32 pixels a side.

    Args:
        window: width and height of the window, pixels.
        most: the most pixels of a frame; a smaller window gets no more than it has.
        share: of these pixels.
    """
    width, height = window
    factor = math.sqrt(share * min(1.0, most / (width * height)))
    long_side = max(_LEAST_SIDE, math.isqrt(max(1, most)) * 4)  # of absurdly narrow windows
    return tuple(min(long_side, max(_LEAST_SIDE, round(side * factor))) for side in (width, height))  # type: ignore[return-value]
