"""Refrigerators: one or two doors, side by side, round old ones."""

from __future__ import annotations

import numpy as np

from ..piece import Piece, Placement
from ..shapes import SIDES, rounded_box, tube
from ..surfaces import Surface, box, rectangle
from ..textures import (
    Material,
    chance,
    one_of,
    paint,
    random_artwork,
    random_colour,
    random_metal,
    random_steel,
)
from .assembly import assemble, part
from .fittings import glazed

DARK = paint((0.06, 0.06, 0.07), gloss=0.25)
DOOR_FACES = ("+x", "-y", "+y", "+z", "-z")


def shell(rng: np.random.Generator) -> Material:
    """White enamel, steel, black, or any colour."""
    kind = rng.choice(4, p=[0.5, 0.36, 0.08, 0.06])
    if kind == 1:
        return random_steel(rng)
    colour = ((0.93, 0.93, 0.92), (0.93, 0.93, 0.92), (0.08, 0.08, 0.09), random_colour(rng))[int(kind)]
    return paint(colour, grain=0.01, gloss=0.15)


def _handle(x: float, y: float, low: float, high: float, metal: Material, style: int) -> list[Surface]:
    if style == 0:
        return [
            tube(
                [(x, y, low), (x + 0.04, y, low + 0.02), (x + 0.04, y, high - 0.02), (x, y, high)], 0.011, metal, 0.022
            )
        ]
    return box((x, y - 0.014, low), (x + 0.03, y + 0.014, high), metal, 0.024)


Field = tuple[float, float, float, float]


def _doors(rng: np.random.Generator, x: float, stuff: Material, metal: Material, fields: list[Field]) -> list[Surface]:
    """Doors over (y0, z0, y1, z1), each with its handle; hinged away from the middle, or all on one side.

    Handles are bars, bows, or dark grips let into the door's edge; a note may be pinned to a door.
    """
    style, one_side, front = int(rng.integers(3)), one_of(rng, (-1, 1)), x + 0.055
    surfaces: list[Surface] = []
    for y0, z0, y1, z1 in fields:
        low, high = (x, y0 + 0.004, z0 + 0.005), (front, y1 - 0.004, z1 - 0.005)
        side = one_side if abs(y0 + y1) < 0.02 else (-1 if y0 + y1 > 0 else 1)
        y = y1 - 0.045 if side > 0 else y0 + 0.045
        if z0 > 0.9:
            grip = z0 + 0.06, min(z0 + 0.4, z1 - 0.05)
        elif z1 - z0 < 0.75:
            grip = max(z1 - 0.4, z0 + 0.05), z1 - 0.06
        else:
            grip = z1 - 0.65, z1 - 0.15
        faces = ("-y", "+y", "+z", "-z")
        if style == 2:
            surfaces += glazed(low, high, (y - 0.02, grip[0]), (y + 0.02, grip[1]), stuff, DARK, 0.042, faces)
            continue
        surfaces += _handle(front, y, *grip, metal, style)
        if z1 - z0 > 0.6 and chance(rng, 0.3):
            w, h = (float(v) for v in rng.uniform(0.1, 0.22, 2))
            at, up = (
                float(rng.uniform(y0 + 0.08, max(y0 + 0.081, y1 - 0.08 - w))),
                float(rng.uniform(0.45 * z0 + 0.55 * z1, z1 - 0.02 - h)),
            )
            sheet = random_artwork(rng, w, h) if chance(rng, 0.5) else paint((0.92, 0.9, 0.82))
            surfaces += glazed(low, high, (at, up), (at + w, up + h), stuff, sheet, 0.042, faces)
        else:
            surfaces += rounded_box(low, high, 0.012, stuff, 0.042, ("+x", *faces))
    return surfaces


def _body(depth: float, y: float, foot: float, height: float, stuff: Material) -> list[Surface]:
    surfaces = box((0, -y, foot), (depth, y, height), stuff, 0.042, ("-y", "+y", "+z"))
    surfaces += [rectangle((depth - 0.02, -y, foot), (0, 2 * y, 0), (0, 0, height - foot), stuff, 0.06)]
    return surfaces + box(
        (0, -y + 0.01, 0), (depth - 0.03, y - 0.01, foot), paint((0.15, 0.15, 0.16)), 0.04, ("+x", "-y", "+y")
    )


def combined_refrigerator(rng: np.random.Generator) -> Piece:
    """Fridge and freezer above each other: the freezer below or on top."""
    width, height, depth = float(rng.uniform(0.54, 0.72)), float(rng.uniform(1.45, 2.02)), float(rng.uniform(0.58, 0.7))
    stuff, metal, y, x = shell(rng), random_metal(rng), width / 2, depth - 0.055
    split = height * (float(rng.uniform(0.3, 0.42)) if chance(rng, 0.7) else float(rng.uniform(0.66, 0.74)))
    surfaces = _body(x, y, 0.04, height, stuff) + _doors(
        rng, x, stuff, metal, [(-y, 0.05, y, split), (-y, split, y, height)]
    )
    return assemble([part("refrigerator", surfaces)], clearance=0.5)


def single_refrigerator(rng: np.random.Generator) -> Piece:
    """One door: tall, or low enough to go under a worktop."""
    tall = chance(rng, 0.65)
    width, depth = float(rng.uniform(0.5, 0.62)), float(rng.uniform(0.55, 0.66))
    height = float(rng.uniform(1.4, 1.9)) if tall else float(rng.uniform(0.83, 1.25))
    stuff, y, x = shell(rng), width / 2, depth - 0.055
    surfaces = _body(x, y, 0.04, height, stuff) + _doors(rng, x, stuff, random_metal(rng), [(-y, 0.05, y, height)])
    if not tall:
        surfaces += rounded_box((0, -y - 0.004, height - 0.02), (depth, y + 0.004, height + 0.012), 0.01, stuff, 0.036)
    return assemble([part("refrigerator", surfaces)], clearance=0.5)


def side_by_side(rng: np.random.Generator) -> Piece:
    """A wide one with two tall doors, or four; an ice dispenser in one of them now and then."""
    width, height, depth = (
        float(rng.uniform(0.85, 0.95)),
        float(rng.uniform(1.74, 1.88)),
        float(rng.uniform(0.66, 0.76)),
    )
    stuff, metal, y, x = shell(rng), random_metal(rng), width / 2, depth - 0.055
    middle, low = float(rng.choice([0.0, -0.08])), 0.05
    fields = [(-y, low, middle, height), (middle, low, y, height)]
    if chance(rng, 0.4):
        split = float(rng.uniform(0.55, 0.75))
        drawers = [(-y, low, y, split)] if chance(rng, 0.5) else [(-y, low, middle, split), (middle, low, y, split)]
        fields = [*drawers, (-y, split, middle, height), (middle, split, y, height)]
    surfaces = _body(x, y, 0.04, height, stuff) + _doors(rng, x, stuff, metal, fields)
    if chance(rng, 0.5):
        a = 0.5 * (middle - y)
        surfaces += box((depth, a - 0.1, 1.0), (depth + 0.03, a + 0.08, 1.38), DARK, 0.026, DOOR_FACES)
    return assemble([part("refrigerator", surfaces)], clearance=0.6)


def retro_refrigerator(rng: np.random.Generator) -> Piece:
    """The round one of the fifties: rounded all over, a long lever, a badge; of any colour half of the time."""
    width, height, depth = float(rng.uniform(0.54, 0.66)), float(rng.uniform(1.2, 1.75)), float(rng.uniform(0.6, 0.7))
    enamel = paint(random_colour(rng), grain=0.01, gloss=0.15) if chance(rng, 0.5) else shell(rng)
    stuff, metal, y = enamel, random_metal(rng), width / 2
    surfaces = rounded_box((0, -y, 0.05), (depth - 0.06, y, height), 0.09, stuff, 0.04, (*SIDES, "+z"))
    split = float(rng.choice([0.0, 0.72])) * height
    for low, high in ((0.1, split - 0.01), (split, height - 0.01)) if split else ((0.1, height - 0.01),):
        surfaces += rounded_box(
            (depth - 0.13, -y + 0.008, low), (depth, y - 0.008, high), 0.065, stuff, 0.036, DOOR_FACES, bulge=0.015
        )
        surfaces += [
            tube(
                [
                    (depth + 0.005, y - 0.08, low + 0.55 * (high - low)),
                    (depth + 0.04, y - 0.08, low + 0.56 * (high - low)),
                    (depth + 0.035, y - 0.2, low + 0.6 * (high - low)),
                ],
                0.014,
                metal,
                0.022,
            )
        ]
    surfaces += box((depth + 0.012, -0.1, height - 0.2), (depth + 0.024, 0.04, height - 0.17), metal, 0.018)
    surfaces += [
        tube([(a, s * (y - 0.08), 0), (a, s * (y - 0.08), 0.09)], 0.02, metal, 0.024)
        for a in (0.1, depth - 0.12)
        for s in (-1, 1)
    ]
    return assemble([part("refrigerator", surfaces)], Placement.WALL, clearance=0.5)
