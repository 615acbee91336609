"""Furniture for shoes and clothes; it is other furniture, what hangs and stands on it other object."""

from __future__ import annotations

import math

import numpy as np

from ..piece import Part, Piece, Placement
from ..shapes import Section, beam, loft, tube
from ..surfaces import Surface, blob, box, moved, rectangle
from ..textures import (
    Material,
    chance,
    one_of,
    random_fabric,
    random_front,
    random_metal,
    random_paint,
    random_wood,
)
from .assembly import part
from .other_furniture import as_piece
from .small_things import shoes


def shoe_rack(rng: np.random.Generator) -> Piece:
    """A low rack of two or three grids with shoes on them."""
    stuff, y, d, levels = (
        one_of(rng, (random_front, random_metal))(rng),
        float(rng.uniform(0.32, 0.5)),
        0.3,
        int(rng.integers(2, 4)),
    )
    surfaces, extra, pitch = list[Surface](), list[Part](), 0.22
    for s in (-1, 1):
        surfaces += box((0, s * y - 0.015, 0), (d, s * y + 0.015, levels * pitch), stuff, 0.036)
    for level in range(levels):
        z = 0.08 + level * pitch
        surfaces += [beam((x, -y, z), (x, y, z), 0.045, 0.02, stuff, 0.03) for x in (0.03, 0.1, 0.17, 0.24)]
        for a in np.arange(-y + 0.16, y - 0.12, 0.29):
            if chance(rng, 0.7):
                extra.append(part("other object", moved(shoes(rng), (0.15, float(a), z + 0.012))))
    return as_piece(surfaces, extra=extra)


def coat_stand(rng: np.random.Generator) -> Piece:
    """A pole with arms, coats and a hat on it."""
    stuff, h, extra = one_of(rng, (random_wood, random_metal))(rng), float(rng.uniform(1.6, 1.85)), list[Part]()
    surfaces = [tube([(0, 0, 0.1), (0, 0, h)], 0.02, stuff, 0.026)]
    for number in range(4):
        a = number * math.pi / 2
        c, s = math.cos(a), math.sin(a)
        surfaces += [tube([(0, 0, 0.15), (0.14 * c, 0.14 * s, 0.1), (0.26 * c, 0.26 * s, 0.012)], 0.014, stuff, 0.024)]
        surfaces += [
            tube([(0, 0, h - 0.1), (0.12 * c, 0.12 * s, h - 0.08), (0.17 * c, 0.17 * s, h - 0.01)], 0.012, stuff, 0.022)
        ]
        if chance(rng, 0.55):
            coat, low = random_fabric(rng), h - float(rng.uniform(0.7, 1.1))
            hang = [
                Section(low, 0.1, 0.1, 0.17, 0, 2.5),
                Section(low + 0.4, 0.09, 0.09, 0.15, 0, 2.5),
                Section(h - 0.18, 0.07, 0.07, 0.17, 0, 2.5),
                Section(h - 0.08, 0, 0, 0),
            ]
            extra.append(
                part("other object", moved([loft(hang, coat, 0.036)], (0.13 * c, 0.13 * s, 0), math.degrees(a)))
            )
    return as_piece(surfaces, Placement.FREE, extra)


def dressing_screen(rng: np.random.Generator) -> Piece:
    """A folding screen of three or four leaves."""
    panels, wide, h = int(rng.integers(3, 5)), float(rng.uniform(0.4, 0.5)), float(rng.uniform(1.6, 1.85))
    frame, sheet, surfaces = random_front(rng), one_of(rng, (random_fabric, random_front))(rng), list[Surface]()
    lean = 24.0
    step = wide * math.cos(math.radians(lean))
    for number in range(panels):
        sign = 1 if number % 2 == 0 else -1
        leaf = [
            *(
                beam((0, s * (wide / 2 - 0.02), 0), (0, s * (wide / 2 - 0.02), h), 0.035, 0.035, frame, 0.03)
                for s in (-1, 1)
            )
        ]
        leaf += [beam((0, -wide / 2, z), (0, wide / 2, z), 0.025, 0.04, frame, 0.03) for z in (0.1, h - 0.02)]
        leaf += [
            rectangle(
                (0.0, -wide / 2 + 0.03, 0.1),
                (0, wide - 0.06, 0),
                (0, 0, h - 0.12),
                Material(sheet.colour, sheet.gloss, thin=True),
                0.042,
            )
        ]
        surfaces += moved(leaf, (0, (number - (panels - 1) / 2) * step, 0), sign * lean)
    return as_piece(surfaces, Placement.FREE)


def clothes_rail(rng: np.random.Generator) -> Piece:
    """A rail on a frame, clothes hanging from it."""
    y, h, metal = (
        float(rng.uniform(0.4, 0.65)),
        float(rng.uniform(1.45, 1.7)),
        one_of(rng, (random_metal, random_wood))(rng),
    )
    surfaces = [tube([(0, -y, 0.05), (0, -y, h), (0, y, h), (0, y, 0.05)], 0.014, metal, 0.028)]
    surfaces += [tube([(-0.22, s * y, 0.02), (0.22, s * y, 0.02)], 0.014, metal, 0.028) for s in (-1, 1)]
    extra: list[Part] = []
    a = -y + 0.08
    while a < y - 0.08:
        cloth, low, thick = random_fabric(rng), h - float(rng.uniform(0.6, 1.1)), float(rng.uniform(0.02, 0.035))
        shirt = [
            Section(low, 0.2, 0.2, thick, 0, 4),
            Section(h - 0.2, 0.2, 0.2, thick, 0, 4),
            Section(h - 0.06, 0.04, 0.04, 0.6 * thick, 0, 3),
            Section(h - 0.04, 0, 0, 0),
        ]
        extra.append(part("other object", moved([loft(shirt, cloth, 0.036)], (0, a, 0), float(rng.uniform(-8, 8)))))
        a += float(rng.uniform(0.07, 0.16))
    return as_piece(surfaces, Placement.FREE, extra)


def laundry_basket(rng: np.random.Generator) -> Piece:
    """A tall basket with a lid or clothes spilling out."""
    stuff, r, h, power = (
        one_of(rng, (random_fabric, random_wood, random_paint))(rng),
        float(rng.uniform(0.19, 0.26)),
        float(rng.uniform(0.5, 0.68)),
        float(rng.choice([2.0, 7.0])),
    )
    side = [Section(0, 0.85 * r, 0.85 * r, r, 0, power), Section(h, r, r, 1.15 * r, 0, power)]
    if chance(rng, 0.5):
        surfaces = [
            loft(
                [
                    *side,
                    Section(h + 0.03, 0.97 * r, 0.97 * r, 1.12 * r, 0, power),
                    Section(h + 0.04, 0, 0, 0, 0, power),
                ],
                stuff,
                0.034,
            )
        ]
    else:
        surfaces = [
            loft(
                [
                    *side,
                    Section(h, 0.93 * r, 0.93 * r, 1.08 * r, 0, power),
                    Section(h - 0.12, 0.9 * r, 0.9 * r, 1.05 * r, 0, power),
                    Section(h - 0.12, 0, 0, 0, 0, power),
                ],
                stuff,
                0.034,
            )
        ]
        surfaces += [blob((0.02, 0.0, h - 0.06), (0.8 * r, 0.9 * r, 0.13), random_fabric(rng), 0.034, 2.4)]
    return as_piece(surfaces, Placement.FREE)
