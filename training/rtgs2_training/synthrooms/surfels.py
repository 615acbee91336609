"""Surfaces sampled into surfels: small discs, each of which becomes a Gaussian."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from .surfaces import Array, Surface

OVERLAP = 0.73  # standard deviation of a disc per cell: neighbours blend into a surface without holes
JITTER = 0.18  # cells
_UNEVEN = 0.3  # standard deviation of the logarithm of a surface's share of the Gaussians


@dataclass(frozen=True)
class Surfels:
    """N small discs. Row i of every array belongs to disc i; the frame is (tangent, normal x tangent, normal)."""

    points: Array  # (N, 3)
    tangents: Array  # (N, 3)
    normals: Array  # (N, 3)
    radii: Array  # (N, 2) standard deviations in the plane, metres
    albedo: Array  # (N, 3) sRGB, 0..1; of a glowing one: the colour itself
    gloss: Array  # (N,) strength of the mirror-like reflection
    thin: NDArray[np.bool_]  # (N,) lit from both sides
    glows: NDArray[np.bool_]  # (N,) light source: not lit, casts no shadow
    owner: NDArray[np.int32]  # (N,) number of the part it belongs to
    behind: Array  # (N,) metres of room behind it

    def __len__(self) -> int:
        return len(self.points)

    def taken(self, rows: Array) -> Surfels:
        """The surfels at the given indices or where a mask is true."""
        return Surfels(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    def changed(self, **arrays: Array) -> Surfels:
        """A copy with other arrays."""
        return replace(self, **arrays)


def sample(groups: Sequence[tuple[int, Sequence[Surface]]], count: int, rng: np.random.Generator) -> Surfels:
    """About ``count`` surfels, a jittered one a cell of every surface.

    Args:
        groups: the number of each part, which its surfels get as owner, and its surfaces.
        count: how many surfels; the cells of all surfaces grow or shrink together for it.
        rng: jitter, textures, and how unevenly the surfaces are covered.
    """
    surfaces = [surface for _, part in groups for surface in part]
    owners = np.repeat([owner for owner, _ in groups], [len(part) for _, part in groups])
    share = np.exp(
        rng.normal(0, _UNEVEN / 2, len(surfaces))
        + rng.normal(0, _UNEVEN, len(groups)).repeat([len(part) for _, part in groups])
    )
    cells = np.array([surface.size for surface in surfaces]) / np.array([surface.spacing for surface in surfaces])
    cells *= np.sqrt(share)[:, None]
    free = np.array([_free_share(surface) for surface in surfaces])
    grid = _grid(cells, free, count)
    sampled = [
        _sample_one(surface, int(nu), int(nv), int(owner), rng)
        for surface, (nu, nv), owner in zip(surfaces, grid, owners, strict=True)
    ]
    return Surfels(*(np.concatenate([getattr(part, field.name) for part in sampled]) for field in fields(Surfels)))


def _free_share(surface: Surface) -> float:
    taken = sum((u1 - u0) * (v1 - v0) for u0, v0, u1, v1 in surface.holes)
    return max(0.0, 1 - taken / (surface.size[0] * surface.size[1]))


def _grid(cells: Array, free: Array, count: int) -> NDArray[np.int64]:
    """Rows and columns of each surface so that there are about ``count`` cells: the common factor by bisection."""
    low, high = 1e-3, 1e3
    for _ in range(40):
        factor = math.sqrt(low * high)
        grid = np.maximum(2, np.rint(cells * factor)).astype(np.int64)
        if float((grid.prod(axis=1) * free).sum()) > count:
            high = factor
        else:
            low = factor
    return np.maximum(2, np.rint(cells * low)).astype(np.int64)


def _sample_one(surface: Surface, nu: int, nv: int, owner: int, rng: np.random.Generator) -> Surfels:
    cell = np.arange(nu * nv)
    row = cell // nu
    jitter = rng.uniform(-JITTER, JITTER, (2, nu * nv))
    s = (cell - row * nu + 0.5 + jitter[0]) / nu
    t = (row + 0.5 + jitter[1]) / nv
    s = 0.5 + (s - 0.5) * (1 - 2 * surface.inset[0] / nu)
    t = 0.5 + (t - 0.5) * (1 - 2 * surface.inset[1] / nv)
    u, v = s * surface.size[0], t * surface.size[1]
    if surface.holes:
        keep = np.ones(s.shape, dtype=bool)
        for u0, v0, u1, v1 in surface.holes:
            keep &= ~((u > u0) & (u < u1) & (v > v0) & (v < v1))
        s, t, u, v = s[keep], t[keep], u[keep], v[keep]

    count, step, material = len(s), 1e-3, surface.material
    points = surface.shape(np.concatenate([s, s + step, s]), np.concatenate([t, t, t + step]))
    points, beyond_s, beyond_t = points[:count], points[count : 2 * count], points[2 * count :]
    along_s, along_t = (beyond_s - points) / step, (beyond_t - points) / step
    length = np.sqrt(np.einsum("nk,nk->n", along_s, along_s))
    tangent = along_s / np.maximum(length, 1e-9)[:, None]
    normal = _cross(along_s, along_t)
    area = np.sqrt(np.einsum("nk,nk->n", normal, normal))
    normal /= np.maximum(area, 1e-12)[:, None]
    radii = OVERLAP * np.stack([length / nu, area / np.maximum(length, 1e-9) / nv], axis=1)
    return Surfels(
        points=points,
        tangents=tangent,
        normals=normal,
        radii=radii,
        albedo=_albedo(surface, u, v, (nu, nv), rng),
        gloss=np.full(count, material.gloss),
        thin=np.full(count, material.thin),
        glows=np.full(count, material.glows),
        owner=np.full(count, owner, np.int32),
        behind=np.full(count, surface.behind),
    )


def _albedo(surface: Surface, u: Array, v: Array, cells: tuple[int, int], rng: np.random.Generator) -> Array:
    """The texture averaged over four places of each cell: joints and stripes finer than a cell do not become specks."""
    across, along = surface.size[0] / cells[0] / 4, surface.size[1] / cells[1] / 4
    us = (u + np.array([[-across], [across], [-across], [across]])).ravel()
    vs = (v + np.array([[-along], [-along], [along], [along]])).ravel()
    colour = np.clip(surface.material.colour(us, vs, rng), 0.0, 1.0)
    return np.asarray(colour.reshape(4, len(u), 3).mean(axis=0))


def _cross(a: Array, b: Array) -> Array:
    """np.cross for rows of three, without its overhead."""
    (ax, ay, az), (bx, by, bz) = a.T, b.T
    return np.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], axis=1)
