"""From surfaces to a piece: measured, centred, its back at x = 0."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ..piece import Part, Piece, Placement
from ..surfaces import Array, Surface, moved

# Finer than that, what a curved surface bulges out between two steps is under a millimetre.
STEPS = 13


def part(class_name: str, *groups: Iterable[Surface] | Surface) -> Part:
    """One labelled instance of all the surfaces in the groups."""
    surfaces: list[Surface] = []
    for group in groups:
        surfaces += [group] if isinstance(group, Surface) else group
    return Part(class_name, tuple(surfaces))


def bounds(surfaces: Iterable[Surface]) -> tuple[Array, Array]:
    """The lowest and the highest coordinates (3,) of the surfaces."""
    s, t = (grid.ravel() for grid in np.meshgrid(np.linspace(0, 1, STEPS), np.linspace(0, 1, STEPS)))
    points = np.concatenate([surface.shape(s, t) for surface in surfaces])
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
