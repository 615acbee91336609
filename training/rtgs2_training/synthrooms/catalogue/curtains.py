"""Curtains and blinds at windows, and shower curtains. They hang at a wall; lower edge at z = 0 until lifted."""

from __future__ import annotations

import numpy as np

from ..colours import SUBDUED
from ..piece import Piece, Placement
from ..shapes import SIDES, beam, pleated, rumpled, swept, tube
from ..surfaces import Array, Surface, blob, box, moved, rectangle
from ..textures import (
    Material,
    chance,
    one_of,
    paint,
    random_colour,
    random_fabric,
    random_front,
    random_metal,
    random_wood,
)
from .assembly import assemble, bounds, part

FRONT = ("+x", "-y", "+y", "+z", "-z")


def _cloth(rng: np.random.Generator) -> Material:
    """Thin cloth; two times in five a plain white or cream veil."""
    if chance(rng, 0.4):
        r, g, b = (float(v) for v in np.array((0.93, 0.92, 0.89)) * rng.uniform(0.92, 1.02))
        return paint((r, g, b), grain=0.03, thin=True)
    return random_fabric(rng, SUBDUED, thin=True)


def _rod(rng: np.random.Generator, width: float, z: float, x: float = 0.07) -> list[Surface]:
    stuff, y = one_of(rng, (random_metal, random_wood))(rng), width / 2
    surfaces = [tube([(x, -y, z), (x, y, z)], 0.013, stuff, 0.03)]
    surfaces += [blob((x, s * y, z), (0.025, 0.03, 0.025), stuff, 0.02) for s in (-1, 1)]
    return surfaces + [beam((0, s * 0.9 * y, z), (x, s * 0.9 * y, z), 0.02, 0.03, stuff) for s in (-1, 1)]


def _drape(
    rng: np.random.Generator, cloth: Material, width: float, height: float, *, tied: bool = False
) -> list[Surface]:
    folds = width / float(rng.uniform(0.1, 0.2))
    depth = float(rng.uniform(0.05, 0.1))
    waist = float(rng.uniform(0.35, 0.55)) if tied else 1.0
    drape = pleated(
        width,
        height,
        folds,
        depth,
        cloth,
        (0.03, 0.08),
        flare=float(rng.uniform(1.0, 1.6)),
        waist=waist,
        phase=float(rng.uniform(0, 6)),
    )
    return moved(rumpled([drape], rng, 0.01, 0.9), (0.07, 0, 0))


def _hung(class_name: str, surfaces: list[Surface], top: float) -> Piece:
    low, high = bounds(surfaces)
    return assemble([part(class_name, surfaces)], Placement.MOUNTED, lift=max(0.01, top - float(high[2] - low[2])))


def single_drape(rng: np.random.Generator) -> Piece:
    """One drape, gathered at a window's side, to the floor or to the sill; tied back now and then."""
    height, width = float(rng.choice([2.3, 2.2, 1.5])) + float(rng.uniform(-0.1, 0.15)), float(rng.uniform(0.3, 0.75))
    surfaces = _drape(rng, _cloth(rng), width, height, tied=chance(rng, 0.25))
    return _hung("curtain", surfaces, 2.45 if height > 2 else 2.35)


def drawn_curtain(rng: np.random.Generator) -> Piece:
    """A pair of drapes drawn all the way, on a rod."""
    width, height = float(rng.uniform(1.3, 2.4)), float(rng.choice([2.25, 1.5])) + float(rng.uniform(-0.1, 0.15))
    cloth, gap = _cloth(rng), float(rng.choice([0.0, 0.06]))
    surfaces = _rod(rng, width + 0.1, height + 0.01)
    for s in (-1, 1):
        surfaces += moved(_drape(rng, cloth, width / 2, height), (0, s * (width / 4 + gap / 2), 0))
    return _hung("curtain", surfaces, 2.45)


def open_pair(rng: np.random.Generator) -> Piece:
    """A pair of drapes at both ends of a rod, the window free between them; a valance over it now and then."""
    width, height = float(rng.uniform(1.6, 2.6)), float(rng.choice([2.25, 2.25, 1.5])) + float(rng.uniform(-0.1, 0.15))
    cloth, tied = _cloth(rng), chance(rng, 0.3)
    surfaces = _rod(rng, width, height + 0.01)
    for s in (-1, 1):
        wide = float(rng.uniform(0.3, 0.55))
        surfaces += moved(_drape(rng, cloth, wide, height, tied=tied), (0, s * (width / 2 - wide / 2 - 0.02), 0))
    if chance(rng, 0.3):
        valance = pleated(width, float(rng.uniform(0.2, 0.35)), width / 0.14, 0.04, cloth, (0.03, 0.05))
        surfaces += moved([valance], (0.1, 0, height - 0.2))
    return _hung("curtain", surfaces, 2.45)


def veil(rng: np.random.Generator) -> Piece:
    """One wide pale sheet in fine folds before the whole window."""
    width, height = float(rng.uniform(1.2, 2.2)), float(rng.uniform(1.4, 2.4))
    pale = paint(one_of(rng, ((0.94, 0.93, 0.91), (0.90, 0.87, 0.80), random_colour(rng))), grain=0.03, thin=True)
    sheet = pleated(width, height, width / float(rng.uniform(0.07, 0.12)), 0.045, pale, (0.028, 0.09), flare=1.2)
    surfaces = moved([sheet], (0.06, 0, 0)) + _rod(rng, width + 0.08, height + 0.01)
    return _hung("curtain", surfaces, 2.45)


def curtain_wall(rng: np.random.Generator, width: float, height: float) -> Piece:
    """Drapes or a veil from one end of a wall to the other, in sheets of about a metre, below a rail or a box."""
    cloth, count = _cloth(rng), max(2, round(width / float(rng.uniform(0.8, 1.2))))
    fold, depth, flare = float(rng.uniform(0.1, 0.16)), float(rng.uniform(0.05, 0.09)), float(rng.uniform(1.0, 1.3))
    other = random_fabric(rng, SUBDUED) if chance(rng, 0.35) else cloth  # at both ends
    surfaces: list[Surface] = []
    for number in range(count):
        stuff = other if number in (0, count - 1) else cloth
        sheet = pleated(width / count, height - 0.04, width / count / fold, depth, stuff, (0.03, 0.08), flare=flare)
        y = (number + 0.5) * width / count - width / 2
        surfaces += moved(rumpled([sheet], rng, 0.01, 0.9), (0.09, y, 0))
    rail = random_front(rng)
    if chance(rng, 0.5):
        surfaces += box(
            (0.0, -width / 2, height - 0.12), (0.18, width / 2, height), rail, 0.05, ("+x", "-y", "+y", "-z")
        )
    else:
        surfaces += [beam((0.09, -width / 2, height - 0.02), (0.09, width / 2, height - 0.02), 0.03, 0.03, rail)]
    return assemble([part("curtain", surfaces)], Placement.MOUNTED, lift=0.01)


def roller_blind(rng: np.random.Generator) -> Piece:
    """A roll of cloth let down part of the way, a bar at its hem."""
    width, height, cloth = float(rng.uniform(0.8, 1.6)), float(rng.uniform(0.5, 1.5)), random_fabric(rng, thin=True)
    y = width / 2
    surfaces = [rectangle((0.04, -y, 0), (0, width, 0), (0, 0, height), cloth, 0.04, inset=(0.3, 0.3))]
    surfaces += [
        tube([(0.045, -y - 0.02, height), (0.045, y + 0.02, height)], 0.03, cloth, 0.03),
        beam((0.04, -y, 0), (0.04, y, 0), 0.015, 0.025, random_metal(rng)),
    ]
    return _hung("curtain", surfaces, 2.3)


def roman_blind(rng: np.random.Generator) -> Piece:
    """Cloth gathered in flat folds across, deeper ones at the hem."""
    width, height, cloth = float(rng.uniform(0.8, 1.5)), float(rng.uniform(0.5, 1.3)), random_fabric(rng, thin=True)
    profile, z, x = [(0.05, 0.0)], 0.0, 0.05
    while z < height - 0.12:
        step = 0.06 if z < 0.2 else 0.2
        profile += [(x + 0.03, z + 0.3 * step), (x, z + step)]
        z += step
    profile += [(0.03, height)]
    surfaces = [swept(profile, -width / 2, width / 2, cloth, 0.036)]
    surfaces += box((0, -width / 2, height - 0.03), (0.05, width / 2, height), random_wood(rng), 0.03, FRONT)
    return _hung("curtain", surfaces, 2.3)


def slatted_blind(rng: np.random.Generator) -> Piece:
    """A Venetian blind: tilted slats of wood or metal, cords, a head rail."""
    width, height, stuff = (
        float(rng.uniform(0.8, 1.6)),
        float(rng.uniform(0.7, 1.5)),
        one_of(rng, (random_front, random_metal))(rng),
    )
    y, pitch, tilt = width / 2, 0.055, float(rng.uniform(0.4, 1.1))
    surfaces = box((0.02, -y, height - 0.05), (0.07, y, height), stuff, 0.03, FRONT)
    for z in np.arange(0.03, height - 0.06, pitch):
        dx, dz = 0.025 * np.cos(tilt), 0.025 * np.sin(tilt)
        surfaces += [
            rectangle(
                (0.045 + dx, -y, float(z) - dz),
                (0, width, 0),
                (-2 * dx, 0, 2 * dz),
                stuff,
                (0.06, 0.025),
                inset=(0.3, 0.1),
            )
        ]
    for a in (-0.35 * width, 0.35 * width):
        surfaces += [tube([(0.072, a, 0.02), (0.072, a, height)], 0.004, stuff, 0.04)]
    surfaces += box((0.025, -y, 0), (0.065, y, 0.02), stuff, 0.03, (*SIDES, "+z", "-z"))
    return _hung("curtain", surfaces, 2.3)


# Shower curtains


def _shower_cloth(rng: np.random.Generator) -> Material:
    """Pale half-clear plastic, or printed cloth."""
    if chance(rng, 0.4):
        tone = float(rng.uniform(0.78, 0.92))
        return paint((tone, tone * 1.01, tone * float(rng.uniform(0.98, 1.04))), grain=0.05, gloss=0.15, thin=True)
    return random_fabric(rng, thin=True)


def _rings(y0: float, y1: float, z: float, x: float, metal: Material) -> list[Surface]:
    return [
        tube(
            [
                (x, float(a), z),
                (x + 0.028, float(a), z - 0.03),
                (x, float(a), z - 0.06),
                (x - 0.028, float(a), z - 0.03),
            ],
            0.004,
            metal,
            0.02,
            closed=True,
        )
        for a in np.linspace(y0, y1, max(4, int((y1 - y0) / 0.13)))
    ]


def shower_curtain(rng: np.random.Generator) -> Piece:
    """A curtain drawn along a straight rail from wall to wall, hung from rings."""
    width, height = float(rng.uniform(1.1, 1.7)), float(rng.uniform(1.7, 1.9))
    metal, cover = random_metal(rng), float(rng.uniform(0.75, 1.0))
    wide = width * cover
    sheet = pleated(
        wide,
        height,
        wide / float(rng.uniform(0.13, 0.22)),
        0.07,
        _shower_cloth(rng),
        (0.03, 0.07),
        flare=1.2,
        phase=float(rng.uniform(0, 6)),
    )
    shift = 0.5 * (width - wide) * one_of(rng, (-1, 1))
    surfaces = moved(rumpled([sheet], rng, 0.008, 0.8), (0.05, shift, 0))
    surfaces += [tube([(0.05, -width / 2, height + 0.05), (0.05, width / 2, height + 0.05)], 0.0125, metal, 0.03)]
    surfaces += _rings(shift - wide / 2 + 0.03, shift + wide / 2 - 0.03, height + 0.06, 0.05, metal)
    return _hung("shower curtain", surfaces, 2.05)


def gathered_shower_curtain(rng: np.random.Generator) -> Piece:
    """A curtain pushed together at one end of its rail."""
    width, height, wide = float(rng.uniform(1.2, 1.7)), float(rng.uniform(1.7, 1.9)), float(rng.uniform(0.35, 0.6))
    metal = random_metal(rng)
    sheet = pleated(
        wide, height, wide / 0.09, 0.11, _shower_cloth(rng), (0.024, 0.07), flare=1.1, phase=float(rng.uniform(0, 6))
    )
    shift = (0.5 * width - 0.5 * wide - 0.03) * one_of(rng, (-1, 1))
    surfaces = moved(rumpled([sheet], rng, 0.008, 0.8), (0.07, shift, 0))
    surfaces += [tube([(0.07, -width / 2, height + 0.05), (0.07, width / 2, height + 0.05)], 0.0125, metal, 0.03)]
    surfaces += _rings(shift - wide / 2 + 0.03, shift + wide / 2 - 0.03, height + 0.06, 0.07, metal)
    return _hung("shower curtain", surfaces, 2.05)


def corner_shower_curtain(rng: np.random.Generator) -> Piece:
    """A curtain on a quarter-circle rail around a low tray in a corner. The tray is other furniture."""
    r, height, metal = float(rng.uniform(0.75, 0.95)), float(rng.uniform(1.75, 1.9)), random_metal(rng)
    cloth, folds, start = _shower_cloth(rng), float(rng.uniform(9, 13)), 0.14

    def shape(s: Array, t: Array) -> Array:
        angle = 0.5 * np.pi * s
        reach = r + 0.03 * (1.3 - 0.3 * t) * np.sin(2 * np.pi * folds * s)
        return np.stack([reach * np.cos(angle), reach * np.sin(angle), start + height * t], axis=1)

    sheet = Surface(shape, (0.5 * np.pi * r * 1.6, height), cloth, (0.03, 0.07))
    bend = [(r * np.cos(a), r * np.sin(a), start + height + 0.05) for a in np.linspace(0, np.pi / 2, 12)]
    rail = [sheet, tube([(float(a), float(b), float(c)) for a, b, c in bend], 0.0125, metal, 0.03)]
    for a in np.linspace(0.05, np.pi / 2 - 0.05, 9):
        x, y = r * np.cos(a), r * np.sin(a)
        rail += [tube([(x, y, start + height), (x, y, start + height + 0.05)], 0.006, metal, 0.02)]

    def tray(s: Array, t: Array) -> Array:
        angle, reach = 0.5 * np.pi * s, (r + 0.02) * np.minimum(1.0, 1.08 * (1 - t))
        height_ = 0.1 * np.clip(t / 0.08, 0, 1) - 0.04 * np.clip((t - 0.12) / 0.04, 0, 1)
        return np.stack([reach * np.cos(angle), reach * np.sin(angle), height_], axis=1)

    basin = [Surface(tray, (0.5 * np.pi * r, r), paint((0.92, 0.92, 0.9), gloss=0.15), (0.036, 0.024))]
    return assemble([part("shower curtain", rail), part("other furniture", basin)], Placement.CORNER, clearance=0.4)


def tray_shower_curtain(rng: np.random.Generator) -> Piece:
    """A curtain on a U-shaped rail around a square tray at a wall, with the shower's pipe and head."""
    x, y, height, metal = (
        float(rng.uniform(0.75, 0.9)),
        float(rng.uniform(0.4, 0.5)),
        float(rng.uniform(1.75, 1.9)),
        random_metal(rng),
    )
    cloth, start = _shower_cloth(rng), 0.1
    surfaces = [
        tube(
            [
                (0, -y, start + height + 0.04),
                (x, -y, start + height + 0.04),
                (x, y, start + height + 0.04),
                (0, y, start + height + 0.04),
            ],
            0.0125,
            metal,
            0.03,
        )
    ]
    sheet = pleated(2 * y - 0.04, height, 2 * y / 0.15, 0.06, cloth, (0.03, 0.07), flare=1.2)
    surfaces += moved([sheet], (x, 0, start))
    for s in (-1, 1):
        wing = pleated(float(rng.uniform(0.3, 0.8)) * x, height, 5, 0.06, cloth, (0.03, 0.07))
        surfaces += moved(moved([wing], (0, 0, start), 90), (0.62 * x, s * y, 0))
    tray = box(
        (0, -y - 0.03, 0),
        (x + 0.04, y + 0.03, 0.1),
        paint((0.92, 0.92, 0.9), gloss=0.15),
        0.036,
        ("+x", "-y", "+y", "+z"),
    )
    pipe = [
        tube([(0.03, 0.1, 1.0), (0.03, 0.1, start + height - 0.05), (0.25, 0.1, start + height)], 0.011, metal, 0.03),
        blob((0.26, 0.1, start + height - 0.02), (0.07, 0.07, 0.02), metal, 0.02),
    ]
    return assemble([part("shower curtain", surfaces), part("other furniture", [*tray, *pipe])], clearance=0.4)
