"""Surfaces as triangles: what label and depth images are drawn from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .surfaces import Array, Surface

TOLERANCE = 0.002  # metres between a curved surface and its triangles, about; up to 0.03 in a wide curtain's pleats
_LINES = 49  # along each side of a curved surface, before those that are not needed are left out
_PROBE = np.array([0.0, 0.31, 0.5, 0.77, 1.0])


@dataclass(frozen=True)
class Mesh:
    """M triangles: corners (M, 3, 3) in metres and for each the number (M,) of what it belongs to."""

    triangles: Array
    owner: NDArray[np.int32]


def tessellate(groups: Iterable[tuple[int, Iterable[Surface]]]) -> Mesh:
    """The triangles of all surfaces; the holes of a surface stay open.

    Args:
        groups: the number that the triangles get as owner, and the surfaces.
    """
    corners: list[Array] = []
    owners: list[NDArray[np.int32]] = []
    for owner, surfaces in groups:
        for surface in surfaces:
            triangles = triangles_of(surface)
            corners.append(triangles)
            owners.append(np.full(len(triangles), owner, np.int32))
    return Mesh(np.concatenate(corners), np.concatenate(owners))


def triangles_of(surface: Surface) -> Array:
    """Triangles (M, 3, 3) of one surface."""
    s, t = _lines(surface)
    for u0, v0, u1, v1 in surface.holes:
        s = np.append(s, np.clip([u0 / surface.size[0], u1 / surface.size[0]], 0, 1))
        t = np.append(t, np.clip([v0 / surface.size[1], v1 / surface.size[1]], 0, 1))
    s, t = np.unique(s), np.unique(t)
    grid = surface.shape(np.repeat(s, len(t)), np.tile(t, len(s))).reshape(len(s), len(t), 3)
    a, b, c, d = grid[:-1, :-1], grid[1:, :-1], grid[1:, 1:], grid[:-1, 1:]
    quads = np.stack([a, b, c, a, c, d], axis=2)
    if surface.holes:
        u, v = (s[:-1] + s[1:]) / 2 * surface.size[0], (t[:-1] + t[1:]) / 2 * surface.size[1]
        keep = np.ones((len(u), len(v)), dtype=bool)
        for u0, v0, u1, v1 in surface.holes:
            keep &= ~(((u > u0) & (u < u1))[:, None] & ((v > v0) & (v < v1))[None])
        quads = quads[keep]
    triangles = quads.reshape(-1, 3, 3)
    if len(s) > 2 or len(t) > 2:  # the poles of round things are points
        area = np.linalg.norm(np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]), axis=1)
        triangles = triangles[area > 1e-10]
    return np.asarray(triangles)


def _lines(surface: Surface) -> tuple[Array, Array]:
    """The s and the t at which a surface is cut so that the pieces are as good as flat."""
    if surface.creases:
        return np.unique([0.0, *surface.creases, 1.0]), np.array([0.0, 1.0])
    s, t = np.repeat(_PROBE, 5), np.tile(_PROBE, 5)
    probe = surface.shape(s, t).reshape(5, 5, 3)
    weight_s, weight_t = _PROBE[:, None, None], _PROBE[None, :, None]
    low = probe[:1, :1] * (1 - weight_s) + probe[-1:, :1] * weight_s
    flat = low + (probe[:1, -1:] - probe[:1, :1]) * weight_t
    ends = np.array([0.0, 1.0])
    if np.abs(probe - flat).max() < 1e-9:
        return ends, ends
    even = np.linspace(0, 1, _LINES)
    grid = surface.shape(np.repeat(even, _LINES), np.tile(even, _LINES)).reshape(_LINES, _LINES, 3)
    return even[_needed(grid)], even[_needed(grid.transpose(1, 0, 2))]


def _needed(grid: Array) -> NDArray[Any]:
    """Which rows (K, L, 3) cannot be left out: between those kept, all others lie on straight lines."""
    kept, start, last = [0], 0, len(grid) - 1
    while start < last:
        step = last - start
        while step > 1 and not _straight(grid[start : start + step + 1]):
            step //= 2
        start += step
        kept.append(start)
    return np.array(kept)


def _straight(rows: Array) -> bool:
    share = (np.arange(len(rows)) / (len(rows) - 1))[:, None, None]
    return bool(np.abs(rows - (rows[0] + (rows[-1] - rows[0]) * share)).max() < TOLERANCE)
