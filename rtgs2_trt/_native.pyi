"""Types of the C++ core, ``csrc/bindings``. Arrays in are float32 in C order unless said otherwise."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

def rasterize(
    means: NDArray[np.float32],
    scales: NDArray[np.float32],
    rotations: NDArray[np.float32],
    opacities: NDArray[np.float32],
    sh: NDArray[np.float32],
    features: NDArray[np.float32],
    width: int,
    height: int,
    fx: float,
    fy: float,
    cx: float,
    cy: float,
    world_to_camera: NDArray[np.float64],
    background: tuple[float, float, float],
    threads: int,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]: ...
def upsample_argmax(
    logits: NDArray[np.float32], height: int, width: int, confidence: bool, threads: int
) -> tuple[NDArray[Any], NDArray[np.float32] | None]: ...
