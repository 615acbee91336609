"""Shadows: a grid of the flat that says how full its cells are, and how much light of a source gets to each.

Light is carried outwards from cell to cell. Soft like real shadows indoors, and the cost does not grow with the number
of surfels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .plan import FloorPlan
from .surfaces import Array
from .surfels import Surfels

CELL = 0.1  # metres
DENSITY = 4.0  # a full cell lets exp(-DENSITY) through


@dataclass(frozen=True)
class Lookup:
    """Where points lie between the centres of the cells: flat indices (8, N) and weights (8, N)."""

    cells: NDArray[np.int32]
    weights: NDArray[np.float32]

    def value(self, volume: Array) -> Array:
        """The volume, interpolated, at the points (N,)."""
        flat = volume.ravel()
        total = flat[self.cells[0]] * self.weights[0]
        for cell, weight in zip(self.cells[1:], self.weights[1:], strict=True):
            total += flat[cell] * weight
        return np.asarray(total)


class ShadowGrid:
    """How much of each cell of the flat is filled, 0..1."""

    def __init__(self, surfels: Surfels, plan: FloorPlan) -> None:
        x0, y0, x1, y1 = plan.bounds
        self.origin = np.array([x0, y0, 0.0]) - 3 * CELL
        self.shape = np.ceil((np.array([x1, y1, plan.height]) + 3 * CELL - self.origin) / CELL).astype(int)
        cast = surfels.taken(~surfels.glows)
        area = 2 * np.pi * cast.radii.prod(axis=1) * 0.6
        cells = self._cells(cast.points)
        filled = np.bincount(cells, area, minlength=int(self.shape.prod())).reshape(self.shape) / CELL**2
        self.filled = np.minimum(filled, 1.0).astype(np.float32)
        self.nearby = _blurred(self.filled)

    def _cells(self, points: Array) -> NDArray[np.int64]:
        i, j, k = np.clip((points - self.origin) / CELL, 0, self.shape - 1).astype(np.int64).T
        return np.asarray((i * self.shape[1] + j) * self.shape[2] + k)

    def nearest(self, volume: Array, points: Array) -> Array:
        """The volume (N,) in the cells of the points (N, 3)."""
        return np.asarray(volume.ravel()[self._cells(points)])

    def lookup(self, points: Array) -> Lookup:
        """How to interpolate at points (N, 3)."""
        position = np.clip((points - self.origin) / CELL - 0.5, 0, self.shape - 1.001)
        low = position.astype(np.int32)
        rest = (position - low).astype(np.float32)
        cells, weights = [], []
        for dx, dy, dz in np.ndindex(2, 2, 2):
            i, j, k = low[:, 0] + dx, low[:, 1] + dy, low[:, 2] + dz
            cells.append((i * self.shape[1] + j) * self.shape[2] + k)
            x, y, z = (rest[:, axis] if d else 1 - rest[:, axis] for axis, d in enumerate((dx, dy, dz)))
            weights.append(x * y * z)
        return Lookup(np.array(cells, np.int32), np.array(weights, np.float32))

    def reach(self, source: Array) -> Array:
        """The share of light from a point that arrives in each cell.

        Cells in rings (Chebyshev) around the source: each takes what the ring before it has on the line to the source,
        interpolated, and dims it by what it holds. The rings next to the source are lit whatever is there.
        """
        centre = np.clip((source - self.origin) / CELL, 0, self.shape - 1).astype(np.int64)
        away = [np.arange(n) - c for n, c in zip(self.shape, centre, strict=True)]
        across, along, up = (np.abs(axis) for axis in away)
        ring = np.maximum(np.maximum(across[:, None, None], along[None, :, None]), up[None, None, :]).ravel()
        order = np.argsort(ring.astype(np.int16), kind="stable")
        bounds = np.searchsorted(ring[order], np.arange(int(ring.max()) + 2))
        strides = (int(self.shape[1] * self.shape[2]), int(self.shape[2]), 1)
        light = np.ones(ring.size, np.float32)
        through = np.exp(np.float32(-DENSITY) * self.filled).ravel()
        for distance in range(3, len(bounds) - 1):
            cells = order[bounds[distance] : bounds[distance + 1]]
            low, share, rest = np.zeros(len(cells), np.int64), [], cells
            for axis, stride in enumerate(strides):
                index, rest = np.divmod(rest, stride)
                exact = (index - centre[axis]) * (1 - 1 / distance)
                whole = np.floor(exact + 1e-4)
                share.append(np.maximum(exact - whole, 0).astype(np.float32))
                low += (whole.astype(np.int64) + centre[axis]) * stride
            total = np.zeros(len(cells), np.float32)
            for corner in np.ndindex(2, 2, 2):
                x, y, z = (part if c else 1 - part for part, c in zip(share, corner, strict=True))
                step = int(np.dot(corner, strides))
                total += x * y * z * light[np.minimum(low + step, light.size - 1)]
            light[cells] = total * through[cells]
        return light.reshape(self.shape)


def _blurred(volume: Array) -> Array:
    """The volume averaged over a cube of 3 cells."""
    for axis in range(3):
        volume = (np.roll(volume, -1, axis) + volume + np.roll(volume, 1, axis)) / 3
    return volume
