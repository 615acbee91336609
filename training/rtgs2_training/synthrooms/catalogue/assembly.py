"""From surfaces to a piece: measured, centred, its back at x = 0."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ..piece import Part, Piece, Placement
from ..surfaces import Array, Surface, moved

# Where surfaces are measured: a grid with their edges, and on large ones points between, for they may be finely folded.
_SLIM, _LONG = 0.1, 1.0  # metres
_GRIDS = [np.stack(np.meshgrid(np.linspace(0, 1, nu), np.linspace(0, 1, 13)), axis=-1).reshape(-1, 2) for nu in (5, 13)]
_BETWEEN = np.arange(1, 257)[:, None] * np.array((0.7548776662, 0.5698402910)) % 1.0
_SLIM_PLACES, _PLACES = _GRIDS[0].T, np.concatenate([_GRIDS[1], _BETWEEN]).T


def part(class_name: str, *groups: Iterable[Surface] | Surface) -> Part:
    """One labelled instance of all the surfaces in the groups."""
    surfaces: list[Surface] = []
    for group in groups:
        surfaces += [group] if isinstance(group, Surface) else group
    return Part(class_name, tuple(surfaces))


def bounds(surfaces: Iterable[Surface]) -> tuple[Array, Array]:
    """The lowest and the highest coordinates (3,) of the surfaces."""
    points = np.concatenate(
        [one.shape(*(_SLIM_PLACES if one.size[0] < _SLIM and one.size[1] < _LONG else _PLACES)) for one in surfaces]
    )
    return points.min(axis=0), points.max(axis=0)


def assemble(
    parts: Sequence[Part],
    placement: Placement = Placement.WALL,
    *,
    lift: float = 0.0,
    clearance: float = 0.0,
) -> Piece:
    """The parts as a piece of the size they have, moved to where the contract of ``piece`` wants it."""
    low, high = bounds(surface for one in parts for surface in one.surfaces)
    x = -low[0] if not placement.centred else -(low[0] + high[0]) / 2
    z = -high[2] if placement is Placement.CEILING else -low[2]
    offset = (float(x), float(-(low[1] + high[1]) / 2), float(z))
    placed = tuple(Part(one.class_name, tuple(moved(one.surfaces, offset))) for one in parts)
    depth, width, height = (float(length) for length in high - low)
    return Piece(placed, width, depth, height, placement, lift, clearance)
