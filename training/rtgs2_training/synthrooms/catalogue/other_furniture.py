"""Furniture that is none of the named classes: pouffes, pianos, tall clocks."""

from __future__ import annotations

import math

import numpy as np

from ..piece import Part, Piece, Placement
from ..shapes import SIDES, disc, rounded_box, tube, turned
from ..surfaces import Array, Surface, blob, box, lathe, moved, rectangle
from ..textures import (
    Material,
    chance,
    one_of,
    paint,
    random_front,
    random_leather,
    random_metal,
    random_plastic,
    random_upholstery,
    random_wood,
)
from .assembly import assemble, part
from .clutter import SIDEBOARD, strewn
from .fittings import glazed, legs

CLASS = "other furniture"
FRONT = ("+x", "-y", "+y", "+z")


def as_piece(
    surfaces: list[Surface],
    placement: Placement = Placement.WALL,
    extra: list[Part] | None = None,
    clearance: float = 0.2,
    lift: float = 0.0,
) -> Piece:
    """The surfaces as one piece of other furniture, with the parts that stand on it."""
    return assemble([part(CLASS, surfaces), *(extra or [])], placement, clearance=clearance, lift=lift)


def ottoman(rng: np.random.Generator) -> Piece:
    """A pouffe: a padded cube, a drum, or a round one of leather."""
    cloth, r, h = random_upholstery(rng), float(rng.uniform(0.2, 0.36)), float(rng.uniform(0.34, 0.46))
    kind = rng.integers(3)
    if kind == 0:
        surfaces = rounded_box((-r, -r * 1.2, 0.08), (r, r * 1.2, h), 0.06, cloth, 0.036, (*SIDES, "+z"), bulge=0.02)
        surfaces += legs(rng, 0.8 * r, r, 0.09, random_wood(rng), thickness=(0.03, 0.05))
    elif kind == 1:
        surfaces = [lathe([(r, 0), (r, 0.9 * h), (0.85 * r, h), (0, h + 0.01)], cloth, 0.034)]
    else:
        surfaces = [
            blob(
                (0, 0, 0.5 * h),
                (1.1 * r, 1.1 * r, 0.5 * h),
                random_leather(rng) if chance(rng, 0.5) else cloth,
                0.034,
                2.6,
            )
        ]
    return as_piece(surfaces, Placement.FREE)


def upright_piano(rng: np.random.Generator) -> Piece:
    """A piano: case, keyboard of white and black keys, pedals, music rest."""
    stuff = one_of(rng, (random_wood, random_wood, random_plastic))(rng)
    y, h, d = 0.74, float(rng.uniform(1.1, 1.3)), 0.3
    surfaces = box((0, -y, 0), (d, y, h), stuff, 0.042, FRONT)
    surfaces += box((-0.0, -y - 0.02, h), (d + 0.03, y + 0.02, h + 0.025), stuff, 0.036, (*FRONT, "-z"))
    surfaces += box((d, -y, 0.6), (d + 0.28, y, 0.7), stuff, 0.034, ("+x", "-y", "+y", "+z", "-z"))
    for s in (-1, 1):
        a, b = sorted((s * y, s * (y - 0.06)))
        surfaces += box((d, a, 0.7), (d + 0.28, b, 0.78), stuff, 0.034, FRONT)
        surfaces += [
            tube([(d + 0.24, s * (y - 0.05), 0), (d + 0.24, s * (y - 0.05), 0.6)], [0.025, 0.035], stuff, 0.028)
        ]
        surfaces += box((d, a, 0), (d + 0.28, b, 0.06), stuff, 0.034, FRONT)

    def keys(u: Array, v: Array, rng: np.random.Generator) -> Array:
        place = (u / 0.0235) % 7
        black = (np.abs(place[:, None] - np.array((1, 2, 4, 5, 6))) < 0.28).any(axis=1) & (v > 0.055)
        return np.where(black[:, None], (0.06, 0.06, 0.06), (0.93, 0.92, 0.87))

    surfaces += [
        rectangle((d + 0.26, -y + 0.06, 0.72), (0, 2 * y - 0.12, 0), (-0.15, 0, 0), Material(keys, 0.1), (0.012, 0.05))
    ]
    surfaces += [rectangle((d + 0.11, -y + 0.06, 0.72), (0, 2 * y - 0.12, 0), (-0.11, 0, 0.0), stuff, 0.034)]
    surfaces += turned(box((d + 0.02, -0.3, 0.85), (d + 0.035, 0.3, 1.05), stuff, 0.034), "y", -12, (d, 0, 0.85))
    surfaces += box((d, -0.1, 0.05), (d + 0.08, 0.1, 0.07), random_metal(rng), 0.02, FRONT)
    return as_piece(surfaces, extra=strewn(rng, SIDEBOARD, (0, -y), (d, y), h + 0.025, 0.3), clearance=0.6)


def grandfather_clock(rng: np.random.Generator) -> Piece:
    """A tall clock with its face behind a hood, a slim case and a wider foot."""
    stuff, h, y = random_wood(rng) if chance(rng, 0.8) else random_front(rng), float(rng.uniform(1.8, 2.15)), 0.24
    surfaces = box((0, -y, 0), (0.26, y, 0.5), stuff, 0.036, FRONT)
    glass = paint((0.2, 0.16, 0.12), gloss=0.25) if chance(rng, 0.5) else stuff
    surfaces += glazed((0.02, -0.17, 0.5), (0.23, 0.17, h - 0.5), (-0.11, 0.6), (0.11, h - 0.58), stuff, glass, 0.034)
    surfaces += box((0, -y, h - 0.5), (0.27, y, h - 0.06), stuff, 0.034, (*FRONT, "-z"))
    surfaces += box((0, -y - 0.03, h - 0.06), (0.3, y + 0.03, h), stuff, 0.034, (*FRONT, "-z"))
    dial = [
        disc((0, 0, 0.02), 0.17, paint(one_of(rng, ((0.93, 0.91, 0.84), (0.75, 0.62, 0.3)))), 0.022),
        lathe([(0.19, 0), (0.19, 0.03), (0.17, 0.03)], random_metal(rng), 0.02),
    ]
    surfaces += moved(turned(dial, "y", 90), (0.275, 0, h - 0.28))
    hands = paint((0.1, 0.09, 0.08))
    surfaces += [
        tube([(0.305, 0, h - 0.28), (0.305, r * math.cos(a), h - 0.28 + r * math.sin(a))], 0.006, hands, 0.018)
        for r, a in ((0.13, rng.uniform(0, 6)), (0.09, rng.uniform(0, 6)))
    ]
    return as_piece(surfaces)
