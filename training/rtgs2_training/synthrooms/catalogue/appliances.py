"""Radiators, fireplaces, stoves and washing machines; all of them are other furniture."""

from __future__ import annotations

import numpy as np

from ..piece import Piece, Placement
from ..shapes import Section, beam, loft, rounded_box, tube, turned
from ..surfaces import Surface, box, cylinder, lathe, moved, rectangle
from ..textures import (
    chance,
    glow,
    one_of,
    paint,
    random_brick,
    random_front,
    random_metal,
    random_paint,
    random_plastic,
    random_stone,
    random_tiles,
    random_wood,
)
from .clutter import SIDEBOARD, strewn
from .fittings import glazed, legs
from .other_furniture import FRONT, as_piece


def radiator(rng: np.random.Generator) -> Piece:
    """A radiator: ribs of iron, a flat panel, or a ladder of tubes for towels."""
    stuff = (
        paint((0.92, 0.91, 0.89), gloss=0.08) if chance(rng, 0.7) else one_of(rng, (random_metal, random_paint))(rng)
    )
    kind, surfaces = rng.integers(3), list[Surface]()
    if kind == 2:
        y, h = float(rng.uniform(0.22, 0.32)), float(rng.uniform(0.9, 1.6))
        surfaces += [tube([(0.05, s * y, 0), (0.05, s * y, h)], 0.018, stuff, 0.028) for s in (-1, 1)]
        for z in np.arange(0.05, h - 0.02, 0.075):
            if not 0.45 < (z / h) % 0.5 < 0.49:
                surfaces += [tube([(0.05, -y, float(z)), (0.07, 0, float(z)), (0.05, y, float(z))], 0.011, stuff, 0.03)]
        return as_piece(surfaces, Placement.MOUNTED, lift=float(rng.uniform(0.4, 0.8)))
    y, low, h = float(rng.uniform(0.3, 0.8)), float(rng.uniform(0.1, 0.15)), float(rng.uniform(0.42, 0.62))
    if kind == 0:
        pitch = float(rng.uniform(0.06, 0.09))
        for a in np.arange(-y, y - 0.01, pitch):
            surfaces += rounded_box(
                (0.04, float(a), low), (0.16, float(a) + 0.8 * pitch, low + h), 0.02, stuff, 0.03, (*FRONT, "-z")
            )
        surfaces += [
            beam((0.1, -y + 0.03, z), (0.1, y - 0.03, z), 0.05, 0.05, stuff) for z in (low + 0.06, low + h - 0.06)
        ]
        surfaces += [
            beam((0.1, s * (y - 0.08), 0), (0.1, s * (y - 0.08), low + 0.05), 0.05, 0.04, stuff) for s in (-1, 1)
        ]
    else:
        surfaces += rounded_box((0.03, -y, low), (0.13, y, low + h), 0.012, stuff, 0.036, (*FRONT, "-z"))
        for a in np.arange(-y + 0.05, y - 0.02, 0.06):
            surfaces += box(
                (0.13, float(a), low + 0.05), (0.138, float(a) + 0.03, low + h - 0.05), stuff, 0.034, ("+x", "-y", "+y")
            )
        surfaces += [
            tube([(0.08, s * (y - 0.05), 0), (0.08, s * (y - 0.05), low + 0.02)], 0.012, random_metal(rng), 0.024)
            for s in (-1, 1)
        ]
    return as_piece(surfaces)


def washing_machine(rng: np.random.Generator) -> Piece:
    """A front loader: a round window in a white or dark cube, a strip of knobs."""
    stuff = (
        paint((0.93, 0.93, 0.92), gloss=0.12) if chance(rng, 0.75) else one_of(rng, (random_metal, random_paint))(rng)
    )
    y, x, h, dark = 0.3, float(rng.uniform(0.52, 0.6)), 0.85, paint((0.08, 0.08, 0.09), gloss=0.3)
    rim, middle, r = random_metal(rng), (x, 0.0, 0.44), float(rng.uniform(0.16, 0.2))
    hole = (y - 0.7 * r, 0.44 - 0.7 * r, y + 0.7 * r, 0.44 + 0.7 * r)
    surfaces = rounded_box((0, -y, 0), (x, y, h), 0.01, stuff, 0.038, ("-y", "+y", "+z"))
    surfaces += [rectangle((x, -y, 0), (0, 2 * y, 0), (0, 0, h), stuff, 0.036, (hole,), (0.3, 0.3))]
    door = [
        lathe([(r + 0.025, 0.0), (r + 0.02, 0.03), (0.8 * r, 0.035)], rim, 0.024),
        lathe([(0.8 * r, 0.032), (0.5 * r, 0.02), (0, 0.012)], dark, 0.026),
    ]
    surfaces += moved(turned(door, "y", 90), middle)
    surfaces += box(
        (x, -y + 0.02, h - 0.13),
        (x + 0.02, y - 0.02, h - 0.02),
        stuff if chance(rng, 0.5) else dark,
        0.03,
        (*FRONT, "-z"),
    )
    surfaces += moved(turned([cylinder((0, 0, 0), 0.03, 0.025, rim, 0.018)], "y", 90), (x + 0.02, 0.06, h - 0.075))
    surfaces += box((x + 0.02, -y + 0.04, h - 0.11), (x + 0.03, -0.1, h - 0.04), rim, 0.024, (*FRONT, "-z"))
    return as_piece(surfaces, clearance=0.4)


def fireplace(rng: np.random.Generator) -> Piece:
    """A chimneypiece of stone, brick or painted wood around a dark hearth with a fire or logs."""
    y, h, d = float(rng.uniform(0.55, 0.85)), float(rng.uniform(0.95, 1.3)), float(rng.uniform(0.2, 0.4))
    stuff = one_of(rng, (random_stone, random_brick, random_front, random_tiles))(rng)
    inner, top, soot = 0.55 * y, 0.66 * h, paint((0.07, 0.06, 0.06), grain=0.2)
    surfaces: list[Surface] = []
    for s in (-1, 1):
        a, b = sorted((s * y, s * inner))
        surfaces += box((0, a, 0), (d, b, top), stuff, 0.036, ("+x", "-y", "+y"))
    surfaces += box((0, -y, top), (d, y, h - 0.05), stuff, 0.036, ("+x", "-y", "+y", "-z"))
    mantel = stuff if chance(rng, 0.5) else random_front(rng)
    surfaces += rounded_box((0, -y - 0.06, h - 0.05), (d + 0.07, y + 0.06, h), 0.01, mantel, 0.034)
    surfaces += [
        rectangle((0.03, -inner, 0), (0, 2 * inner, 0), (0, 0, top), soot, 0.045),
        rectangle((0.03, -inner, 0.012), (d, 0, 0), (0, 2 * inner, 0), soot, 0.045),
    ]
    surfaces += rounded_box((d, -y, 0), (d + 0.25, y, 0.03), 0.005, random_stone(rng), 0.036, FRONT)
    for k in range(3):
        surfaces += [
            tube(
                [
                    (0.1 + 0.05 * k, -0.6 * inner, 0.06 + 0.05 * (k == 1)),
                    (0.1 + 0.05 * (2 - k), 0.6 * inner, 0.06 + 0.05 * (k == 1)),
                ],
                0.04,
                random_wood(rng),
                0.03,
            )
        ]
    if chance(rng, 0.4):
        for _ in range(5):
            a = float(rng.uniform(-0.5, 0.5)) * inner
            flame = [
                Section(0.1, 0.05, 0.05, 0.06),
                Section(0.18, 0.06, 0.06, 0.07),
                Section(float(rng.uniform(0.28, 0.42)), 0, 0, 0),
            ]
            surfaces += moved([loft(flame, glow((1.0, float(rng.uniform(0.5, 0.85)), 0.2)), 0.03)], (0.14, a, 0))
    return as_piece(surfaces, extra=strewn(rng, SIDEBOARD, (0, -y), (d, y), h, 0.35), clearance=0.5)


def stove(rng: np.random.Generator) -> Piece:
    """A wood-burning stove: an iron box with a glass door on legs, its pipe going up."""
    y, d, h, iron = (
        float(rng.uniform(0.22, 0.32)),
        float(rng.uniform(0.36, 0.46)),
        float(rng.uniform(0.65, 1.0)),
        one_of(rng, (random_plastic, random_paint))(rng),
    )
    x0 = 0.12
    pane = glow((0.95, 0.5, 0.15)) if chance(rng, 0.4) else paint((0.05, 0.05, 0.05), gloss=0.3)
    surfaces = glazed(
        (x0, -y, 0.14),
        (x0 + d, y, h),
        (-0.65 * y, 0.3),
        (0.65 * y, 0.72 * h),
        iron,
        pane,
        0.034,
        ("-x", "-y", "+y", "+z", "-z"),
    )
    surfaces += legs(rng, x0 + d - 0.05, y - 0.05, 0.15, iron, x_back=x0 + 0.05, thickness=(0.03, 0.05), style="square")
    surfaces += [
        tube(
            [(x0 + 0.12, 0, h), (x0 + 0.12, 0, h + float(rng.uniform(0.6, 1.1))), (0.0, 0, h + 1.15)],
            0.065,
            iron,
            0.034,
        )
    ]
    return as_piece(surfaces, clearance=0.6)
