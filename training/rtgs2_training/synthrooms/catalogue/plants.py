"""Plants in pots: succulents and ferns for tables, trees for the floor."""

from __future__ import annotations

import math

import numpy as np

from ..piece import Piece, Placement
from ..shapes import Section, disc, leaf, loft, rumpled, tube
from ..surfaces import Surface, blob, lathe
from ..textures import Material, chance, one_of, paint, random_ceramic, random_colour, random_metal, random_paint, random_wood
from .assembly import assemble, part

SOIL, BARK = paint((0.16, 0.11, 0.08), grain=0.2), paint((0.36, 0.30, 0.18), grain=0.12)


def foliage(rng: np.random.Generator) -> Material:
    """Green of any kind, now and then dry or red."""
    greens = ((0.20, 0.42, 0.18), (0.34, 0.52, 0.22), (0.13, 0.28, 0.16), (0.46, 0.55, 0.36), (0.50, 0.44, 0.26), (0.42, 0.16, 0.2))
    share = rng.choice(6, p=[0.3, 0.25, 0.2, 0.15, 0.06, 0.04])
    r, g, b = np.clip(np.array(greens[int(share)]) * rng.uniform(0.8, 1.25), 0, 1)
    return paint((float(r), float(g), float(b)), grain=0.18, gloss=0.05, thin=True)


def pot(rng: np.random.Generator, r: float, h: float) -> list[Surface]:
    """A pot with soil, wider at the top, straight, bellied or square."""
    stuff = one_of(rng, (random_ceramic, random_paint, random_metal, random_wood, lambda g: paint((0.7, 0.42, 0.3), grain=0.05)))(rng)
    kind = rng.integers(3)
    soil = disc((0, 0, 0.88 * h), 0.93 * r, SOIL, 0.03)
    if kind == 0:
        return [lathe([(0.7 * r, 0), (r, h), (0.92 * r, h), (0.92 * r, 0.86 * h)], stuff, 0.024), soil]
    if kind == 1:
        return [lathe([(0.6 * r, 0), (1.1 * r, 0.35 * h), (1.1 * r, 0.6 * h), (0.95 * r, h), (0.9 * r, h), (0.9 * r, 0.86 * h)], stuff, 0.024), soil]
    square = [Section(z * h, k * r, k * r, k * r, 0, 9.0) for z, k in ((0, 0.85), (1, 0.95), (1, 0.88), (0.86, 0.88))]
    return [loft(square, stuff, 0.024), soil]


def pot_plant(rng: np.random.Generator) -> list[Surface]:
    """A small plant: rosette, fern or bush."""
    r, h = float(rng.uniform(0.04, 0.09)), float(rng.uniform(0.07, 0.15))
    green, kind, surfaces = foliage(rng), rng.integers(3), pot(rng, r, h)
    if kind == 2:
        size = float(rng.uniform(0.06, 0.12))
        for number in range(6):
            angle = 1.1 * number
            where = (0.6 * size * math.cos(angle), 0.6 * size * math.sin(angle), h + size * (0.5 + 0.25 * (number % 3)))
            surfaces += [blob(where, (0.55 * size,) * 3, green, 0.024)]
        return surfaces
    length, rise = (float(rng.uniform(0.08, 0.14)), 1.7) if kind == 0 else (float(rng.uniform(0.16, 0.28)), 1.1)
    return surfaces + [
        leaf((0, 0, 0.88 * h), 2.4 * number + rng.normal(0, 0.2), length * float(rng.uniform(0.8, 1.1)), 0.3 * length, rise, green, 0.022)
        for number in range(int(rng.integers(8, 14)))
    ]


def _pot_size(rng: np.random.Generator) -> tuple[float, float]:
    return float(rng.uniform(0.13, 0.2)), float(rng.uniform(0.24, 0.38))


def rubber_plant(rng: np.random.Generator) -> Piece:
    """Stems with broad leaves, 1 to 1.8 m tall."""
    r, h = _pot_size(rng)
    green, surfaces, tall = foliage(rng), pot(rng, r, h), float(rng.uniform(0.95, 1.7))
    for number in range(int(rng.integers(1, 4))):
        angle = 2.1 * number + float(rng.uniform(0, 1))
        x, y, top = 0.05 * math.cos(angle), 0.05 * math.sin(angle), tall * (1 - 0.2 * number)
        tip = (2.5 * x, 2.5 * y, top)
        surfaces += [tube([(x, y, 0.85 * h), tip], 0.01, BARK, 0.03)]
        for index, z in enumerate(np.linspace(h + 0.1, top, int((top - h) / 0.09))):
            share = (z - 0.85 * h) / (top - 0.85 * h)
            root = (x + share * (tip[0] - x), y + share * (tip[1] - y), float(z))
            surfaces += [leaf(root, 2.4 * index + number, float(rng.uniform(0.24, 0.36)), float(rng.uniform(0.1, 0.16)), float(rng.uniform(0.5, 1.1)), green, 0.034)]
    return assemble([part("other object", surfaces)], Placement.FREE)


def palm(rng: np.random.Generator) -> Piece:
    """Long arching fronds out of one point, or of a short trunk."""
    r, h = _pot_size(rng)
    green, surfaces, trunk = foliage(rng), pot(rng, r, h), float(rng.choice([0.05, 0.4, 0.8]))
    surfaces += [tube([(0, 0, 0.85 * h), (0, 0, h + trunk)], [0.035, 0.022], BARK, 0.03)]
    for number in range(int(rng.integers(12, 20))):
        length, rise = float(rng.uniform(0.4, 0.7)), float(rng.uniform(0.7, 1.9))
        surfaces += [leaf((0, 0, h + trunk), 2.4 * number, length, float(rng.uniform(0.05, 0.1)), rise, green, 0.034)]
    return assemble([part("other object", surfaces)], Placement.FREE)


def snake_plant(rng: np.random.Generator) -> Piece:
    """Upright swords in a pot."""
    r, h = _pot_size(rng)
    green, surfaces = foliage(rng), pot(rng, r, h)
    for number in range(int(rng.integers(8, 15))):
        angle, tall = 2.4 * number, float(rng.uniform(0.35, 0.8))
        x, y = (0.2 + 0.04 * number) * r * math.cos(angle), (0.2 + 0.04 * number) * r * math.sin(angle)
        tip = (1.8 * x, 1.8 * y, h + tall)
        surfaces += [tube([(x, y, 0.85 * h), (1.3 * x, 1.3 * y, h + 0.5 * tall), tip], [0.02, 0.026, 0.004], green, 0.03, aspect=0.4)]
    return assemble([part("other object", surfaces)], Placement.FREE)


def little_tree(rng: np.random.Generator) -> Piece:
    """A trunk with a clipped or loose crown."""
    r, h = _pot_size(rng)
    green, surfaces, tall, size = foliage(rng), pot(rng, r, h), float(rng.uniform(0.8, 1.5)), float(rng.uniform(0.18, 0.3))
    surfaces += [tube([(0, 0, 0.85 * h), (0.02, 0.01, tall)], 0.018, BARK, 0.03)]
    crown: list[Surface] = []
    if chance(rng, 0.4):
        crown += [blob((0, 0, tall + 0.4 * size), (size, size, size), green, 0.03)]
    else:
        for number in range(9):
            angle, lift = 2.4 * number, 0.5 * size * math.cos(1.7 * number)
            crown += [blob((0.6 * size * math.cos(angle), 0.6 * size * math.sin(angle), tall + lift), (0.45 * size, 0.45 * size, 0.4 * size), green, 0.034)]
    surfaces += rumpled(crown, rng, 0.025, 0.15)
    if chance(rng, 0.2):
        fruit = paint(random_colour(rng))
        surfaces += [blob((size * math.cos(a), size * math.sin(a), tall + 0.1), (0.03, 0.03, 0.03), fruit, 0.022) for a in range(6)]
    return assemble([part("other object", surfaces)], Placement.FREE)
