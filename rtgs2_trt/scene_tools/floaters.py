"""Gaussians that float where nothing else is: what training leaves in the air and far outside."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rtgs2_trt.errors import SceneError
from rtgs2_trt.orientation import checked_scale
from rtgs2_trt.scene import Scene

_REACH = tuple((x, y, z) for x in (-1, 0, 1) for y in (-1, 0, 1) for z in (-1, 0, 1))
_MOST_CELLS = 1 << 20  # a side: three of them make a number of 60 bits


def floaters(scene: Scene, cell: float = 0.15, neighbours: int = 12) -> NDArray[np.bool_]:
    """Return which Gaussians have too few others around.

    Space is cut into cubes; a Gaussian is a floater if its cube and the 26 around hold fewer than `neighbours` others.

    Args:
        scene: N Gaussians.
        cell: side of a cube in the scene's metres.
        neighbours: others that a Gaussian needs, 1 or more.

    Returns:
        (N,) bool.

    Raises:
        SceneError: an impossible argument.
    """
    side = checked_scale(cell, error=SceneError)
    if type(neighbours) is not int or neighbours < 1:
        raise SceneError("not a number of neighbours", field="neighbours", found=neighbours, expected="1 or more")
    # Around the median, so that one Gaussian at the end of the world does not coarsen the grid; those are alone anyway.
    middle = np.median(scene.means.astype(np.float64), axis=0)
    cells = np.floor((scene.means - middle) / side)
    inside: NDArray[np.bool_] = np.logical_and.reduce(np.abs(cells) < _MOST_CELLS // 2 - 2, axis=1)
    alone = ~inside
    steps = np.array([1, _MOST_CELLS, _MOST_CELLS**2], np.int64)
    keys = (cells[inside].astype(np.int64) + _MOST_CELLS // 2) @ steps
    occupied, cell_of, counts = np.unique(keys, return_inverse=True, return_counts=True)
    around = np.zeros(len(occupied), np.int64)
    for offset in _REACH:
        wanted = occupied + int(np.array(offset, np.int64) @ steps)
        at = np.minimum(np.searchsorted(occupied, wanted), max(0, len(occupied) - 1))
        around += np.where(occupied[at] == wanted, counts[at], 0) if len(occupied) else 0
    alone[inside] = around[cell_of] - 1 < neighbours
    return alone
