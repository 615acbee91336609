"""What stands out from a wall and belongs to it: battens, slats, panels flat or padded, mouldings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .colours import PALE, SUBDUED, random_colour
from .finishes import Finish, joinery
from .plan import Wall
from .surfaces import Array, Surface, box, rectangle, with_room_behind
from .textures import Material, chance, one_of, paint

_FREE = 0.12  # metres beside openings: their frames
_NARROWEST = 0.3


@dataclass(frozen=True)
class _Stretch:
    """A part of a wall without openings, and how far a relief stands out from it; metres, in the wall's frame.

    ``behind`` is the room behind the wall itself, see :class:`.Surface`.
    """

    left: float
    right: float
    low: float
    high: float
    depth: float
    behind: float

    @property
    def width(self) -> float:
        return self.right - self.left


def random_relief(
    wall: Wall, height: float, finish: Finish, rng: np.random.Generator, behind: float = 0.015
) -> list[Surface]:
    """A relief over a whole wall or its lower part, as thick as ``wall.relief``, in the wall's frame.

    Args:
        wall: where; beside its openings it stays bare.
        height: of the room, metres.
        finish: what the wall is made of; some reliefs are of it too.
        rng: draws the kind, the sizes and the material.
        behind: metres of room behind the wall, for Gaussians. Panels share it; others have half of what they are thick.
    """
    design = one_of(rng, (_battens, _slats, _panels, _mouldings))(height, finish, rng)
    low, high = (0.0, height) if chance(rng, 0.6) else (float(rng.uniform(0.0, 0.15)), float(rng.uniform(0.9, height)))
    stretches = (_Stretch(left, right, low, high, wall.relief, behind) for left, right in _between_openings(wall))
    return [surface for stretch in stretches if stretch.width > _NARROWEST for surface in design(stretch)]


_Design = Callable[[_Stretch], list[Surface]]


def _between_openings(wall: Wall) -> list[tuple[float, float]]:
    stretches, start = [], 0.02
    for opening in sorted(wall.openings, key=lambda opening: opening.left):
        stretches.append((start, opening.left - _FREE))
        start = opening.right + _FREE
    return [*stretches, (start, wall.length - 0.02)]


def _strip_material(finish: Finish, rng: np.random.Generator) -> Material:
    draw = rng.random()
    if draw < 0.3:
        return finish.material
    return joinery(rng) if draw < 0.7 else paint(random_colour(rng, SUBDUED), grain=0.01, gloss=rng.uniform(0, 0.2))


def _battens(height: float, finish: Finish, rng: np.random.Generator) -> _Design:
    """Upright strips far apart, single or in pairs."""
    width, step = float(rng.uniform(0.015, 0.1)), float(rng.uniform(0.25, 1.3))
    apart = 0.5 * width + float(rng.uniform(0.01, 0.08)) if chance(rng, 0.3) else 0.0
    material = _strip_material(finish, rng)

    def design(at: _Stretch) -> list[Surface]:
        count = max(1, int(at.width / step))
        middles = at.left + (np.arange(count) + 0.5) * at.width / count
        parts: list[Surface] = []
        for y in [*(middles - apart), *(middles + apart)] if apart else middles:
            low, high = (0, y - width / 2, at.low), (at.depth, y + width / 2, at.high)
            parts += box(low, high, material, 0.05, ("+x", "-y", "+y"))
        return with_room_behind(parts, min(at.depth, width) / 2)

    return design


def _slats(height: float, finish: Finish, rng: np.random.Generator) -> _Design:
    """Upright strips close together, as one folded surface."""
    period, filled = float(rng.uniform(0.05, 0.16)), float(rng.uniform(0.4, 0.7))
    material = _strip_material(finish, rng)

    def design(at: _Stretch) -> list[Surface]:
        count = max(1, round(at.width / period))
        # One period, unrolled: along the wall, out, along the strip, back.
        line = np.cumsum([0.0, (1 - filled) * period, at.depth, filled * period, at.depth])
        along, out = (0.0, 1 - filled, 1 - filled, 1.0, 1.0), (0.0, 0.0, at.depth, at.depth, 0.0)

        def shape(s: Array, t: Array) -> Array:
            place, number = np.modf(np.minimum(s, 1 - 1e-9) * count)
            y = at.left + (number + np.interp(place * line[-1], line, along)) / count * at.width
            x = np.interp(place * line[-1], line, out)
            return np.stack([x, y, at.low + t * (at.high - at.low)], axis=1)

        size, behind = (count * float(line[-1]), at.high - at.low), min(at.depth, filled * at.width / count) / 2
        folds = (np.arange(count)[:, None] + line / line[-1]).ravel() / count
        return [Surface(shape, size, material, (0.03, 0.09), behind=behind, creases=tuple(folds.tolist()))]

    return design


def _panels(height: float, finish: Finish, rng: np.random.Generator) -> _Design:
    """Panels with joints between them: narrow strips, or squat ones; none has the shape of a door's leaf.

    They have no edges: the joint between two shows the wall behind, a few centimetres deep.
    """
    narrow, padded = chance(rng, 0.35), chance(rng, 0.5)
    wide = float(rng.uniform(0.15, 0.5) if narrow else rng.uniform(0.4, 2.0))
    tall = height if narrow else float(rng.uniform(0.3, 1.3))
    joint, softness = float(rng.uniform(0.004, 0.03)), float(rng.uniform(0.2, 0.8)) if padded else 0.0
    taste = PALE if chance(rng, 0.5) else SUBDUED
    material = finish.material if chance(rng, 0.4) else paint(random_colour(rng, taste), grain=0.03)

    def panel(y: float, z: float, w: float, h: float, at: _Stretch) -> Surface:
        def shape(s: Array, t: Array) -> Array:
            bulge = softness * (1 - (2 * s - 1) ** 4) * (1 - (2 * t - 1) ** 4)
            return np.stack([at.depth * (1 - softness + bulge), y + s * w, z + t * h], axis=1)

        return Surface(shape, (w, h), material, (0.08, 0.08), behind=at.behind)

    def design(at: _Stretch) -> list[Surface]:
        columns, rows = max(1, round(at.width / wide)), max(1, round((at.high - at.low) / tall))
        width, rise = at.width / columns, (at.high - at.low) / rows
        return [
            panel(
                at.left + column * width + joint / 2, at.low + row * rise + joint / 2,
                width - joint, rise - joint, at,
            )
            for column in range(columns)
            for row in range(rows)
        ]  # fmt: skip

    return design


def _mouldings(height: float, finish: Finish, rng: np.random.Generator) -> _Design:
    """Frames of flat strips, in one row or in several."""
    width, gap = float(rng.uniform(0.02, 0.06)), float(rng.uniform(0.04, 0.2))
    wide, rows = float(rng.uniform(0.4, 1.6)), int(rng.choice([1, 2, 3, 5]))
    material = finish.material if chance(rng, 0.6) else joinery(rng)

    def frame(y0: float, z0: float, y1: float, z1: float, depth: float) -> list[Surface]:
        strips = (
            (y0, z0, y1, z0 + width), (y0, z1 - width, y1, z1),
            (y0, z0 + width, y0 + width, z1 - width), (y1 - width, z0 + width, y1, z1 - width),
        )  # fmt: skip
        return [rectangle((depth, a, b), (0, c - a, 0), (0, 0, d - b), material, 0.04) for a, b, c, d in strips]

    def design(at: _Stretch) -> list[Surface]:
        columns = max(1, round(at.width / wide))
        step, rise = at.width / columns, (at.high - at.low) / rows
        parts: list[Surface] = []
        if min(step, rise) - gap < 3 * width:
            return parts
        for column in range(columns):
            for row in range(rows):
                y, z = at.left + column * step + gap / 2, at.low + row * rise + gap / 2
                parts += frame(y, z, y + step - gap, z + rise - gap, at.depth)
        return with_room_behind(parts, min(at.depth, width) / 2)

    return design
