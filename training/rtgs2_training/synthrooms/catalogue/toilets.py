"""Toilets: pans on the floor or on the wall, with seat, lid, cistern and pipes."""

from __future__ import annotations

import numpy as np

from ..piece import Part, Piece
from ..shapes import SIDES, Section, loft, rounded_box, tube, turned
from ..surfaces import Surface, blob, box, cylinder
from ..textures import (
    Material,
    chance,
    one_of,
    random_ceramic,
    random_front,
    random_metal,
    random_tiles,
    random_wood,
)
from .assembly import assemble, part
from .clutter import BATH, strewn


def _bowl(
    china: Material, front_x: float, back_x: float, side: float, rim: float, *, hung: bool, squarish: float
) -> list[Surface]:
    """The pan: an egg in plan, its rim at height ``rim``, its foot on the floor or its belly in the air."""
    middle = back_x + 0.45 * (front_x - back_x)
    front, back = front_x - middle, middle - back_x
    power = 2.0 + squarish
    if hung:
        outside = [
            Section(rim - 0.32, 0.1, back, 0.1, middle, power),
            Section(rim - 0.26, 0.55 * front, back, 0.7 * side, middle, power),
            Section(rim - 0.1, 0.92 * front, back, 0.97 * side, middle, power),
        ]
    else:
        foot = 0.62 if squarish < 1 else 0.85
        outside = [
            Section(0, 0.6 * front, back, foot * side, middle, power + 0.5),
            Section(0.12, 0.5 * front, back, foot * 0.85 * side, middle, power),
            Section(rim - 0.16, 0.72 * front, back, 0.8 * side, middle, power),
            Section(rim - 0.07, 0.96 * front, back, side, middle, power),
        ]
    outside += [Section(rim, front, back, side, middle, power)]
    inside = [
        Section(rim, 0.72 * front, 0.6 * back, 0.7 * side, middle, 2.2),
        Section(rim - 0.1, 0.6 * front, 0.5 * back, 0.6 * side, middle, 2.2),
        Section(rim - 0.2, 0.25 * front, 0.25 * back, 0.3 * side, middle - 0.02, 2.0),
        Section(rim - 0.2, 0, 0, 0, middle - 0.02, 2.0),
    ]
    surfaces = [loft(outside, china, 0.024), loft([outside[-1], *inside], china, 0.024)]
    if hung:
        under = outside[0]
        surfaces += [loft([under._replace(front=0, back=0, side=0), under], china, 0.05)]
    return surfaces


def _seat(
    rng: np.random.Generator, china: Material, front_x: float, back_x: float, side: float, rim: float, squarish: float
) -> list[Surface]:
    """Seat and lid: closed on the pan or the lid up, in china's colour, wood or paint."""
    stuff = china if chance(rng, 0.6) else one_of(rng, (random_wood, random_front))(rng)
    middle = back_x + 0.45 * (front_x - back_x)
    front, back, power = front_x - middle + 0.008, middle - back_x - 0.07, 2.0 + squarish

    def level(z: float, k: float, hole: bool = False) -> Section:
        if hole:
            return Section(z, 0.66 * front, 0.6 * back, 0.62 * side, middle, 2.2)
        return Section(z, k * front, k * back, k * (side + 0.008), middle, power)

    if chance(rng, 0.55):
        return [
            loft(
                [level(rim + 0.004, 0.97), level(rim + 0.035, 1.0), level(rim + 0.048, 0.93), level(rim + 0.052, 0.0)],
                stuff,
                0.026,
            )
        ]
    ring = loft(
        [level(rim + 0.004, 0.97), level(rim + 0.026, 1.0), level(rim + 0.03, 0, True), level(rim + 0.004, 0, True)],
        stuff,
        0.024,
    )
    lid = [
        loft(
            [level(rim + 0.03, 0.0), level(rim + 0.03, 0.98), level(rim + 0.05, 0.98), level(rim + 0.05, 0.0)],
            stuff,
            0.026,
        )
    ]
    return [ring, *turned(lid, "y", -float(rng.uniform(88, 97)), (back_x + 0.07, 0, rim + 0.03))]


def close_coupled_toilet(rng: np.random.Generator) -> Piece:
    """A pan on the floor with the cistern right on its back, a button or a lever to flush."""
    china, squarish = random_ceramic(rng), float(rng.choice([0.0, 0.0, 1.5]))
    rim, side, depth = float(rng.uniform(0.38, 0.43)), float(rng.uniform(0.17, 0.2)), float(rng.uniform(0.64, 0.74))
    tank, wide, top = (
        float(rng.uniform(0.16, 0.2)),
        float(rng.uniform(0.17, 0.23)),
        rim + float(rng.uniform(0.34, 0.44)),
    )
    surfaces = _bowl(china, depth, 0.1, side, rim, hung=False, squarish=squarish)
    surfaces += rounded_box((0.05, -0.13, 0.18), (0.24, 0.13, rim + 0.02), 0.03, china, 0.03)
    surfaces += rounded_box((0.0, -wide, rim + 0.01), (tank, wide, top - 0.03), 0.03, china, 0.03)
    surfaces += rounded_box((-0.0, -wide - 0.01, top - 0.035), (tank + 0.012, wide + 0.01, top), 0.014, china, 0.03)
    metal = random_metal(rng)
    if chance(rng, 0.5):
        surfaces += [cylinder((tank / 2, 0, top), 0.022, 0.008, metal, 0.016)]
    else:
        surfaces += [
            tube(
                [
                    (tank + 0.01, 0.6 * wide, top - 0.08),
                    (tank + 0.03, 0.6 * wide, top - 0.08),
                    (tank + 0.03, 0.2 * wide, top - 0.09),
                ],
                0.008,
                metal,
                0.016,
            )
        ]
    surfaces += _seat(rng, china, depth, tank + 0.01, side, rim, squarish)
    return assemble([part("toilet", surfaces)], clearance=0.5)


def wall_hung_toilet(rng: np.random.Generator) -> Piece:
    """A pan that hangs on a boxed-in cistern with a flush plate, or on the bare wall."""
    china, squarish = random_ceramic(rng), float(rng.choice([0.0, 1.0, 2.0]))
    boxed = float(rng.choice([0.0, 0.16, 0.2]))
    rim, side, reach = float(rng.uniform(0.4, 0.45)), float(rng.uniform(0.17, 0.195)), float(rng.uniform(0.48, 0.56))
    surfaces = _bowl(china, boxed + reach, boxed, side, rim, hung=True, squarish=squarish)
    surfaces += _seat(rng, china, boxed + reach, boxed, side, rim, squarish)
    plate = rounded_box(
        (boxed, -0.12, 0.95),
        (boxed + 0.014, 0.12, 1.1),
        0.006,
        random_metal(rng),
        0.026,
        ("+x", *SIDES[2:], "+z", "-z"),
    )
    groups: list[Part] = []
    if boxed:
        half, top = float(rng.uniform(0.3, 0.5)), float(rng.uniform(1.12, 1.25))
        surfaces += [
            *box(
                (0, -half, 0),
                (boxed, half, top),
                one_of(rng, (random_tiles, random_front))(rng),
                0.036,
                ("+x", "-y", "+y", "+z"),
            ),
            *plate,
        ]
        groups = strewn(rng, BATH, (0.0, -half), (boxed, half), top, 0.3, 0.15)
    else:
        surfaces += plate
    return assemble([part("toilet", surfaces), *groups], clearance=0.5)


def high_cistern_toilet(rng: np.random.Generator) -> Piece:
    """An old one: the cistern high on the wall, a pipe down to the pan, a chain, a wooden seat more often than not."""
    china, metal, side = random_ceramic(rng), random_metal(rng), float(rng.uniform(0.17, 0.19))
    rim, depth, top = 0.4, float(rng.uniform(0.58, 0.66)), float(rng.uniform(1.75, 2.05))
    surfaces = _bowl(china, depth, 0.14, side, rim, hung=False, squarish=0.0)
    surfaces += [tube([(0.07, 0, rim - 0.04), (0.2, 0, rim - 0.06)], 0.045, china, 0.026)]
    tank = china if chance(rng, 0.5) else one_of(rng, (random_wood, random_front))(rng)
    surfaces += rounded_box((0, -0.25, top - 0.3), (0.2, 0.25, top), 0.03, tank, 0.034)
    surfaces += [tube([(0.06, 0, rim - 0.05), (0.06, 0, top - 0.29)], 0.02, metal, 0.026)]
    surfaces += [
        tube([(0.1, 0.22, top - 0.3), (0.1, 0.22, 1.0)], 0.005, metal, 0.04),
        blob((0.1, 0.22, 0.97), (0.018, 0.018, 0.04), random_wood(rng), 0.018),
    ]
    surfaces += _seat(rng, china, depth, 0.15, side, rim, 0.0)
    return assemble([part("toilet", surfaces)], clearance=0.5)


def low_cistern_toilet(rng: np.random.Generator) -> Piece:
    """A pan on the floor, the cistern on the wall above it, a bent pipe between."""
    china, metal, side = random_ceramic(rng), random_metal(rng), float(rng.uniform(0.17, 0.2))
    rim, depth, low = float(rng.uniform(0.38, 0.42)), float(rng.uniform(0.6, 0.7)), float(rng.uniform(0.62, 0.85))
    surfaces = _bowl(china, depth, 0.12, side, rim, hung=False, squarish=float(rng.choice([0.0, 1.0])))
    wide, tank = float(rng.uniform(0.2, 0.25)), float(rng.uniform(0.13, 0.17))
    surfaces += rounded_box((0, -wide, low), (tank, wide, low + float(rng.uniform(0.32, 0.4))), 0.035, china, 0.03)
    surfaces += [
        tube(
            [(0.07, 0, low + 0.01), (0.06, 0, rim + 0.05), (0.08, 0, rim - 0.05), (0.2, 0, rim - 0.07)],
            0.026,
            metal if chance(rng, 0.4) else china,
            0.024,
        )
    ]
    surfaces += _seat(rng, china, depth, 0.16, side, rim, 0.0)
    return assemble([part("toilet", surfaces)], clearance=0.5)
