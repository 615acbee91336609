"""Screens and computers. Each stands on z = 0 around the origin, its front along +x."""

from __future__ import annotations

import numpy as np

from ..piece import Piece, Placement
from ..shapes import OPEN_BELOW, tube, turned
from ..surfaces import Surface, box, moved, rectangle
from ..textures import Material, chance, glow, one_of, paint, random_artwork, random_metal, random_paint
from .assembly import assemble, part
from .fittings import glazed

AROUND = ("-x", "-y", "+y", "+z", "-z")
DARK = paint((0.05, 0.05, 0.06), gloss=0.3)


def screen(rng: np.random.Generator, width: float, height: float) -> Material:
    """A screen: dark, or showing something."""
    if chance(rng, 0.55):
        return DARK
    shown = random_artwork(rng, width, height)
    if chance(rng, 0.3):
        return glow((0.9, 0.93, 0.96))
    return Material(shown.colour, gloss=0.2, glows=True)


def monitor(rng: np.random.Generator) -> list[Surface]:
    """A computer's monitor on a foot."""
    y, h, lift = float(rng.uniform(0.24, 0.42)), float(rng.uniform(0.28, 0.4)), float(rng.uniform(0.1, 0.18))
    rim = one_of(rng, (random_metal, random_paint, lambda r: paint((0.08, 0.08, 0.09))))(rng)
    surfaces = glazed((-0.04, -y, lift), (0, y, lift + h), (-y + 0.015, lift + 0.02), (y - 0.015, lift + h - 0.015), rim, screen(rng, 2 * y, h), 0.03, AROUND)
    surfaces += [tube([(-0.05, 0, 0), (-0.05, 0, lift + 0.1)], 0.022, rim, 0.028, exponent=5.0)]
    return [*surfaces, *box((-0.14, -0.13, 0), (0.06, 0.13, 0.014), rim, 0.03, OPEN_BELOW)]


def keyboard(rng: np.random.Generator) -> list[Surface]:
    """A keyboard and a mouse beside it."""
    stuff = one_of(rng, (random_metal, random_paint, lambda r: paint((0.1, 0.1, 0.1))))(rng)
    surfaces = box((-0.07, -0.21, 0), (0.07, 0.21, 0.02), stuff, 0.024, OPEN_BELOW)
    return [*surfaces, *box((-0.05, 0.26, 0), (0.05, 0.32, 0.03), stuff, 0.02, OPEN_BELOW)]


def laptop(rng: np.random.Generator) -> list[Surface]:
    """An open laptop."""
    shell, y, d = one_of(rng, (random_metal, random_paint))(rng), float(rng.uniform(0.15, 0.19)), float(rng.uniform(0.21, 0.26))
    surfaces = box((0, -y, 0), (d, y, 0.018), shell, 0.026, OPEN_BELOW)
    surfaces += [rectangle((0.03, -y + 0.02, 0.02), (0.45 * d, 0, 0), (0, 2 * y - 0.04, 0), DARK, 0.026)]
    lid = glazed((-0.008, -y, 0.01), (0, y, d), (-y + 0.012, 0.025), (y - 0.012, d - 0.012), shell, screen(rng, 2 * y, d), 0.025, AROUND)
    return moved([*surfaces, *turned(lid, "y", -float(rng.uniform(5, 35)))], (-d / 2, 0, 0))


def television(rng: np.random.Generator) -> list[Surface]:
    """A flat television on a foot or two, 0.8 to 1.5 m wide."""
    y = float(rng.uniform(0.4, 0.75))
    h = 2 * y * 0.565
    surfaces = glazed((-0.05, -y, 0.06), (0, y, 0.06 + h), (-y + 0.015, 0.075), (y - 0.015, 0.045 + h), DARK, screen(rng, 2 * y, h), 0.042, AROUND)
    if chance(rng, 0.5):
        return surfaces + box((-0.14, -0.25, 0), (0.1, 0.25, 0.015), DARK, 0.034, OPEN_BELOW) + box((-0.04, -0.05, 0), (-0.01, 0.05, 0.08), DARK, 0.03)
    for side in (-1, 1):
        a = side * 0.6 * y
        surfaces += [tube([(-0.12, a, 0.008), (-0.025, a, 0.07), (0.1, a, 0.008)], 0.009, DARK, 0.024)]
    return surfaces


def wall_television(rng: np.random.Generator) -> Piece:
    """A television on the wall."""
    y = float(rng.uniform(0.45, 0.8))
    h = 2 * y * 0.565
    surfaces = glazed((0, -y, 0), (0.06, y, h), (-y + 0.015, 0.015), (y - 0.015, h - 0.015), DARK, screen(rng, 2 * y, h), 0.042, AROUND[1:])
    return assemble([part("other object", surfaces)], Placement.MOUNTED, lift=float(rng.uniform(0.9, 1.2)))


def computer(rng: np.random.Generator) -> list[Surface]:
    """A tower case for beside or under a desk."""
    h, d = float(rng.uniform(0.36, 0.48)), float(rng.uniform(0.36, 0.46))
    shell = one_of(rng, (random_paint, lambda r: paint((0.09, 0.09, 0.1))))(rng)
    lid = (-0.07, 0.55 * h), (0.07, 0.9 * h)
    return glazed((-d / 2, -0.1, 0), (d / 2, 0.1, h), *lid, shell, one_of(rng, (DARK, random_metal(rng))), 0.034, AROUND[:4])
