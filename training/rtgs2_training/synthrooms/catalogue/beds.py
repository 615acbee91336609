"""Beds: divans, slatted wooden ones, metal frames, four-posters, bunks. The bedding belongs to the bed."""

from __future__ import annotations

import numpy as np

from ..piece import Piece, Placement
from ..shapes import SIDES, beam, curved, outline_along_x, prism, rounded_box, rumpled, tube
from ..surfaces import IN_SHELLS, Surface, blob, box, moved, with_room_behind
from ..textures import (
    Material,
    chance,
    one_of,
    random_fabric,
    random_front,
    random_metal,
    random_upholstery,
    random_wood,
)
from .assembly import assemble, part
from .fittings import legs

WIDTHS = (0.9, 1.2, 1.4, 1.6, 1.8)


def bedding(rng: np.random.Generator, x0: float, x1: float, width: float, top: float, sleepers: int) -> list[Surface]:
    """Mattress, duvet and pillows on a bed whose head is at x0; ``top`` is the mattress's upper side."""
    y, thick = width / 2, float(rng.uniform(0.16, 0.26))
    sheet, cover = random_fabric(rng), random_fabric(rng)
    surfaces = rounded_box((x0, -y, top - thick), (x1, y, top), 0.05, sheet, 0.05, ("+x", "-y", "+y"))
    covered, start = chance(rng, 0.88), x0 + float(rng.uniform(0.35, 0.75))
    surfaces += box((x0, -y + 0.02, 0), (start + 0.1 if covered else x1, y - 0.02, top), sheet, 0.045, ("+z",))
    if covered:
        turned_back = chance(rng, 0.4)
        if turned_back:
            surfaces += box((x1 - 0.35, -y + 0.02, 0), (x1, y - 0.02, top), sheet, 0.045, ("+z",))
        overhang, puff = float(rng.uniform(-0.02, 0.05)), float(rng.uniform(0.05, 0.11))
        drop = top - float(rng.choice([0.06, 0.12, thick + 0.05]))
        end = x1 + (-0.25 if turned_back else 0.03)
        duvet = rounded_box(
            (start, -y - overhang, drop),
            (end, y + overhang, top + puff),
            0.09,
            cover,
            0.05,
            ("-x", "+x", "-y", "+y", "+z"),
        )
        surfaces += rumpled(duvet, rng, float(rng.uniform(0.005, 0.03)), float(rng.uniform(0.3, 0.7)))
        if chance(rng, 0.4):
            fold = rounded_box(
                (start - 0.02, -y - overhang - 0.01, top),
                (start + 0.22, y + overhang + 0.01, top + puff + 0.03),
                0.05,
                sheet,
                0.05,
                ("-x", "+x", "-y", "+y", "+z"),
            )
            surfaces += rumpled(fold, rng, 0.008, 0.5)
        if chance(rng, 0.3):
            throw_x = x1 - float(rng.uniform(0.5, 0.8))
            surfaces += rounded_box(
                (throw_x, -y - overhang - 0.02, drop),
                (throw_x + 0.4, y + overhang + 0.02, top + puff + 0.04),
                0.08,
                random_fabric(rng),
                0.05,
                ("-x", "+x", "-y", "+y", "+z"),
            )
    case = sheet if chance(rng, 0.5) else random_fabric(rng)
    for row in range(1 + int(chance(rng, 0.35))):
        for number in range(sleepers):
            wide = width / sleepers
            middle = -y + (number + 0.5) * wide
            radii = (0.2, 0.44 * wide, 0.085)
            pillow = [blob((0, 0, 0), radii, case, 0.042, 3.0)]
            tilt = float(rng.uniform(-8, 8))
            surfaces += moved(pillow, (x0 + 0.26 + 0.02 * row, middle, top + 0.07 + 0.12 * row), tilt)
        case = random_fabric(rng)
    return surfaces


def _size(rng: np.random.Generator) -> tuple[float, float, int]:
    width = one_of(rng, WIDTHS) + float(rng.uniform(-0.03, 0.03))
    return width, float(rng.uniform(1.92, 2.06)), 2 if width > 1.3 else 1


def _headboard(rng: np.random.Generator, width: float, low: float, high: float, stuff: Material) -> list[Surface]:
    """A padded, panelled, slatted or arched headboard at x = -0.07..0."""
    y, kind = width / 2 + 0.03, rng.integers(4)
    if kind == 0:
        pads, columns = [], int(rng.integers(2, 7))
        for a in np.linspace(-y, y, columns + 1)[:-1]:
            pads += rounded_box(
                (-0.09, a, low), (0, a + 2 * y / columns, high), 0.035, stuff, 0.05, ("+x", "-y", "+y", "+z", "-x")
            )
        return pads
    if kind == 1:
        return box((-0.05, -y, 0), (0, y, high), stuff, 0.05, (*SIDES, "+z"))
    if kind == 2:
        bars = [
            beam((-0.03, a, low), (-0.03, a, high), 0.06, 0.03, stuff, 0.034)
            for a in np.linspace(-y + 0.03, y - 0.03, max(5, int(width / 0.14)))
        ]
        posts = [beam((-0.03, s * y, 0), (-0.03, s * y, high + 0.03), 0.06, 0.06, stuff, 0.034) for s in (-1, 1)]
        return [*bars, *posts, *box((-0.05, -y, high - 0.08), (0, y, high), stuff, 0.034)]
    arch = [(-y, low), *((-y * np.cos(a), high - 0.3 + 0.3 * np.sin(a)) for a in np.linspace(0, np.pi, 15)), (y, low)]
    outline = [(float(b), float(a)) for a, b in arch]
    lying = prism(outline, -0.06, 0.0, stuff, 0.05)  # drawn in (z, x); turned upright
    return outline_along_x(lying)


def divan(rng: np.random.Generator) -> Piece:
    """A box-spring bed: an upholstered base to the floor or on short feet, a padded headboard or none."""
    width, length, sleepers = _size(rng)
    cloth, y = random_upholstery(rng), width / 2
    foot, base = float(rng.choice([0.02, 0.1])), float(rng.uniform(0.28, 0.38))
    surfaces = rounded_box((0, -y, foot), (length, y, base), 0.03, cloth, 0.05, ("+x", "-y", "+y", "+z"))
    if foot > 0.05:
        surfaces += legs(rng, length - 0.1, y - 0.1, foot, random_wood(rng), x_back=0.1, style="tapered")
    if chance(rng, 0.75):
        surfaces += _headboard(rng, width, base - 0.1, float(rng.uniform(0.85, 1.3)), cloth)
    surfaces += bedding(rng, 0.01, length, width - 0.02, base + float(rng.uniform(0.17, 0.24)), sleepers)
    return assemble([part("bed", surfaces)], clearance=0.6)


def wooden_bed(rng: np.random.Generator) -> Piece:
    """A frame of boards on legs with a headboard, a footboard now and then."""
    width, length, sleepers = _size(rng)
    stuff, y = random_front(rng), width / 2 + 0.02
    rail = float(rng.uniform(0.26, 0.4))
    surfaces = box((0, -y, rail - 0.16), (length + 0.02, y, rail), stuff, 0.036, ("+x", "-y", "+y"))
    surfaces += legs(rng, length - 0.03, y - 0.05, rail - 0.16, stuff, x_back=0.05, thickness=(0.06, 0.09))
    surfaces += box((0, -y, rail - 0.16), (length, y, rail - 0.1), stuff, 0.06, ("-z",))
    surfaces += _headboard(rng, width, rail - 0.16, float(rng.uniform(0.75, 1.2)), stuff)
    if chance(rng, 0.4):
        surfaces += moved(
            _headboard(rng, width, rail - 0.16, float(rng.uniform(0.5, 0.75)), stuff), (length + 0.09, 0, 0)
        )
    surfaces += bedding(rng, 0.01, length, width, rail + float(rng.uniform(0.08, 0.16)), sleepers)
    return assemble([part("bed", surfaces)], clearance=0.6)


def metal_bed(rng: np.random.Generator) -> Piece:
    """A frame of tubes: bars or a bow at the head, a lower one at the foot."""
    width, length, sleepers = _size(rng)
    metal, y, rail = random_metal(rng), width / 2 + 0.02, float(rng.uniform(0.32, 0.42))
    surfaces: list[Surface] = []
    for x, high in ((-0.02, float(rng.uniform(0.95, 1.25))), (length + 0.02, float(rng.uniform(0.6, 0.85)))):
        bow = high + float(rng.choice([0.0, 0.15]))
        surfaces += [
            tube(curved([(x, -y, high), (x, -0.5 * y, bow), (x, 0.5 * y, bow), (x, y, high)], 12), 0.016, metal, 0.028)
        ]
        surfaces += [tube([(x, s * y, 0), (x, s * y, high)], 0.02, metal, 0.03) for s in (-1, 1)]
        surfaces += [blob((x, s * y, high + 0.02), (0.032, 0.032, 0.032), metal, 0.024) for s in (-1, 1)]
        surfaces += [tube([(x, -y, rail), (x, y, rail)], 0.014, metal, 0.03)]
        surfaces += [
            tube([(x, a, rail), (x, a, 0.5 * (high + bow))], 0.009, metal, 0.03)
            for a in np.linspace(-0.75 * y, 0.75 * y, 7)
        ]
    surfaces += [beam((0, s * y, rail - 0.03), (length, s * y, rail - 0.03), 0.03, 0.06, metal, 0.034) for s in (-1, 1)]
    surfaces += bedding(rng, 0.02, length, width, rail + 0.16, sleepers)
    return assemble([part("bed", surfaces)], clearance=0.6)


def four_poster(rng: np.random.Generator) -> Piece:
    """A bed with posts at its corners, joined by rails overhead, cloth over them now and then."""
    width, length = float(rng.uniform(1.4, 1.85)), float(rng.uniform(1.95, 2.08))
    stuff, y, rail, high = (
        one_of(rng, (random_wood, random_metal))(rng),
        width / 2 + 0.05,
        0.38,
        float(rng.uniform(1.75, 2.1)),
    )
    surfaces = legs(
        rng,
        length,
        y,
        high,
        stuff,
        x_back=0.0,
        thickness=(0.05, 0.08),
        style=one_of(rng, ("square", "round", "turned")),
    )
    surfaces += [
        beam((0, s * y, z), (length, s * y, z), 0.05, 0.06, stuff, 0.034) for s in (-1, 1) for z in (high, rail - 0.05)
    ]
    surfaces += [beam((x, -y, high), (x, y, high), 0.05, 0.06, stuff, 0.034) for x in (0, length)]
    surfaces += box((0, -y, rail - 0.15), (length, y, rail), stuff, 0.036, ("+x", "-y", "+y"))
    surfaces += box((0, -y, 0.5 * rail), (0.04, y, float(rng.uniform(0.9, 1.2))), stuff, 0.05)
    if chance(rng, 0.4):
        cloth = random_fabric(rng, thin=True)
        low, top = (-0.02, -y - 0.03, high - 0.1), (length + 0.03, y + 0.03, high + 0.06)
        canopy = rounded_box(low, top, 0.04, cloth, 0.05, (*SIDES, "+z"))
        surfaces += rumpled(with_room_behind(canopy, IN_SHELLS), rng, 0.01)
    surfaces += bedding(rng, 0.05, length - 0.04, width, rail + 0.17, 2)
    return assemble([part("bed", surfaces)], clearance=0.6)


def bunk_bed(rng: np.random.Generator) -> Piece:
    """Two single beds above each other with a ladder, its long side against the wall."""
    width, length, stuff = 0.92, float(rng.uniform(1.98, 2.1)), one_of(rng, (random_front, random_metal))(rng)
    y, low, high = width / 2 + 0.03, 0.3, float(rng.uniform(1.25, 1.45))
    surfaces = legs(rng, length, y, high + 0.34, stuff, x_back=0.0, thickness=(0.05, 0.08), style="square")
    for level in (low, high):
        surfaces += box((0, -y, level - 0.12), (length, y, level), stuff, 0.036, SIDES)
        surfaces += box((0, -y, level - 0.12), (length, y, level), stuff, 0.06, ("+z", "-z"))
        surfaces += moved(bedding(rng, 0.03, length - 0.03, width, level + 0.11, 1), (0, 0, 0))
    for z in (high + 0.18, high + 0.3):
        surfaces += [beam((0, s * y, z), (length, s * y, z), 0.025, 0.06, stuff, 0.034) for s in (-1, 1)]
        surfaces += [beam((x, -y, z), (x, y, z), 0.025, 0.06, stuff, 0.034) for x in (0, length)]
    at = length - 0.25
    surfaces += [
        beam((at + s * 0.19, -y - 0.12, 0), (at + s * 0.19, -y - 0.02, high + 0.3), 0.03, 0.05, stuff, 0.03)
        for s in (-1, 1)
    ]
    for z in np.arange(0.25, high, 0.27):
        lean = -y - 0.12 + 0.1 * z / (high + 0.3)
        surfaces += [beam((at - 0.19, lean, float(z)), (at + 0.19, lean, float(z)), 0.05, 0.03, stuff, 0.03)]
    return assemble([part("bed", moved(surfaces, (0, 0, 0), 90))], Placement.WALL, clearance=0.6)


def low_bed(rng: np.random.Generator) -> Piece:
    """A low bed: a mattress on a platform of slats that reaches beyond it."""
    width, length, sleepers = _size(rng)
    stuff, y, high = random_wood(rng), width / 2 + float(rng.uniform(0.04, 0.18)), float(rng.uniform(0.12, 0.24))
    surfaces = box((0, -y, high - 0.05), (length + 0.1, y, high), stuff, 0.05, ("+x", "-y", "+y", "+z"))
    surfaces += box((0.05, -y + 0.12, 0), (length - 0.02, y - 0.12, high - 0.05), stuff, 0.05, ("+x", "-y", "+y"))
    surfaces += bedding(rng, 0.02, length, width, high + float(rng.uniform(0.18, 0.26)), sleepers)
    return assemble([part("bed", surfaces)], clearance=0.6)
