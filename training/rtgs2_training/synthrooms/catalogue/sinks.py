"""Washbasins: on a column, on the wall, on legs, on a cabinet; and basins sunk into worktops."""

from __future__ import annotations

import numpy as np

from ..piece import Piece, Placement
from ..shapes import SIDES, Section, disc, loft, rounded_box, swept, tube
from ..surfaces import IN_SHELLS, Surface, box, moved, rectangle, with_room_behind
from ..textures import (
    Material,
    chance,
    one_of,
    paint,
    random_ceramic,
    random_fabric,
    random_metal,
    random_stone,
    random_wood,
)
from .assembly import assemble, part
from .clutter import BATH, strewn
from .fittings import carcass, columns, front, legs, random_fronts, tap


def basin(
    china: Material, x: float, y: float, depth: float, *, squarish: float = 0.0, wall: float = 0.02
) -> list[Surface]:
    """A basin centred on the origin with its rim at z = 0: outside, rim, and the hollow with its drain."""
    power = 2.2 + squarish

    def level(z: float, k: float, inner: float = 0.0) -> Section:
        return Section(z, k * x - inner, k * x - inner, k * y - inner, 0, power)

    outside = loft([level(-depth, 0.0), level(-depth, 0.5), level(-0.4 * depth, 0.9), level(0, 1.0)], china, 0.026)
    hollow = [
        level(0, 1.0),
        level(0.0, 1.0, wall),
        level(-0.45 * depth, 0.84, wall),
        level(-0.82 * depth, 0.5, wall),
        level(-0.85 * depth, 0.0),
    ]
    drain = disc((0, 0, -0.84 * depth), 0.025, paint((0.4, 0.4, 0.42), gloss=0.3), 0.016)
    return [outside, loft(hollow, china, 0.024), drain]


def sunk_top(
    stuff: Material,
    low: tuple[float, float],
    high: tuple[float, float],
    z: float,
    centre: tuple[float, float],
    half: tuple[float, float],
    depth: float = 0.14,
    hollow: Material | None = None,
) -> list[Surface]:
    """A level top from ``low`` to ``high`` with a square basin sunk into it: four strips around the hollow."""
    (x0, y0), (x1, y1), (cx, cy), (a, b) = low, high, centre, half
    inner = hollow or stuff
    surfaces: list[Surface] = []
    for (p, q), (r, s) in (
        ((x0, y0), (x1, cy - b)),
        ((x0, cy + b), (x1, y1)),
        ((x0, cy - b), (cx - a, cy + b)),
        ((cx + a, cy - b), (x1, cy + b)),
    ):
        if r - p > 0.005 and s - q > 0.005:
            surfaces += [rectangle((p, q, z), (r - p, 0, 0), (0, s - q, 0), stuff, 0.03, inset=(0.25, 0.25))]

    def level(drop: float, k: float) -> Section:
        return Section(z - drop, k * a, k * a, k * b, cx, 14.0)

    bowl = loft([level(0, 1.0), level(0.7 * depth, 0.95), level(depth, 0.88), level(depth + 0.004, 0.0)], inner, 0.026)
    return [
        *surfaces,
        *moved([bowl], (0, cy, 0)),
        disc((cx, cy, z - depth + 0.004), 0.028, paint((0.35, 0.35, 0.37), gloss=0.3), 0.018),
    ]


def pedestal_sink(rng: np.random.Generator) -> Piece:
    """A washbasin on a column."""
    china, x, y = random_ceramic(rng), float(rng.uniform(0.21, 0.25)), float(rng.uniform(0.25, 0.33))
    rim, squarish = float(rng.uniform(0.8, 0.87)), float(rng.choice([0.0, 1.0, 3.0]))
    surfaces = moved(basin(china, x, y, 0.18, squarish=squarish), (x, 0, rim))
    surfaces += rounded_box((0, -0.8 * y, rim - 0.07), (0.12, 0.8 * y, rim + 0.015), 0.02, china, 0.03)
    column = [
        Section(0, 0.1, 0.1, 0.11, 0.17, 2.6),
        Section(0.05, 0.08, 0.08, 0.09, 0.17, 2.6),
        Section(0.55 * rim, 0.07, 0.07, 0.08, 0.17, 2.4),
        Section(rim - 0.13, 0.11, 0.11, 0.13, 0.18, 2.4),
    ]
    surfaces += [loft(column, china, 0.028)]
    surfaces += moved(tap(random_metal(rng), rng, float(rng.uniform(0.12, 0.2)), 0.12), (0.06, 0, rim + 0.012))
    return assemble([part("sink", surfaces)], clearance=0.4)


def wall_hung_sink(rng: np.random.Generator) -> Piece:
    """A washbasin on the wall, its trap and pipes showing below it, or a half column before them."""
    china, x, y = random_ceramic(rng), float(rng.uniform(0.18, 0.25)), float(rng.uniform(0.2, 0.33))
    rim, metal = float(rng.uniform(0.8, 0.87)), random_metal(rng)
    if chance(rng, 0.5):
        surfaces = moved(basin(china, x, y, 0.16, squarish=float(rng.choice([0.0, 1.0]))), (x, 0, rim))
        surfaces += rounded_box((0, -0.7 * y, rim - 0.08), (0.1, 0.7 * y, rim + 0.012), 0.02, china, 0.03)
    else:
        outside = rounded_box((0, -y, rim - 0.12), (2 * x, y, rim), 0.02, china, 0.032, (*SIDES, "-z"))
        surfaces = with_room_behind(outside, IN_SHELLS)
        surfaces += sunk_top(china, (0, -y), (2 * x, y), rim, (x + 0.03, 0), (0.72 * x, 0.78 * y), 0.1)
    surfaces += [
        tube(
            [(x, 0, rim - 0.14), (x, 0, rim - 0.26), (0.6 * x, 0, rim - 0.3), (0.02, 0, rim - 0.24)], 0.02, metal, 0.024
        )
    ]
    surfaces += moved(tap(metal, rng, float(rng.uniform(0.1, 0.18)), 0.11), (0.055, 0, rim + 0.008))
    return assemble([part("sink", surfaces)], Placement.MOUNTED, lift=rim - 0.33, clearance=0.4)


def vanity_sink(rng: np.random.Generator) -> Piece:
    """A basin on a cabinet: a bowl standing on the top, or one sunk into it. The cabinet is class cabinet."""
    width, depth, high = float(rng.uniform(0.55, 1.2)), float(rng.uniform(0.44, 0.55)), float(rng.uniform(0.74, 0.86))
    look, china, metal, y = random_fronts(rng), random_ceramic(rng), random_metal(rng), width / 2
    foot, x = float(rng.choice([0.05, 0.14, 0.34])), depth - 0.02
    low = high - 0.03
    cabinet = carcass(x, -y, y, foot, low, look.face)
    if foot < 0.3:
        cabinet += box((0, -y + 0.02, 0), (x - 0.04, y - 0.02, foot), look.face, 0.04, ("+x", "-y", "+y"))
    fields = 1 if width < 0.6 else 2
    if chance(rng, 0.5):
        for z0, z1 in ((foot, 0.5 * (foot + low)), (0.5 * (foot + low), low)):
            cabinet += front(look, x, (-y, z0), (y, z1), drawer=True)
    else:
        for number, (a, b) in enumerate(columns(width, fields)):
            cabinet += front(look, x, (a, foot), (b, low), drawer=False, hinge=-1 if number % 2 == 0 else 1)
    top = one_of(rng, (random_stone(rng), random_wood(rng), china))
    if chance(rng, 0.5):
        cabinet += rounded_box((0, -y - 0.005, low), (depth, y + 0.005, high), 0.008, top, 0.034)
        r, tall = float(rng.uniform(0.17, 0.21)), float(rng.uniform(0.11, 0.15))
        sink = moved(
            basin(china, r, r * float(rng.choice([1.0, 1.3])), tall, squarish=float(rng.choice([0.0, 4.0]))),
            (0.54 * depth, 0, high + tall),
        )
        sink += moved(tap(metal, rng, tall + 0.16, 0.14), (0.05, 0, high))
        extra = strewn(rng, BATH, (0.02, 0.24), (depth - 0.05, max(y, 0.3)), high, 0.4, 0.2) if y > 0.42 else []
    else:
        sink = rounded_box(
            (0, -y - 0.005, low), (depth, y + 0.005, high), 0.008, china, 0.034, ("-x", "+x", "-y", "+y")
        )
        sink += sunk_top(
            china, (0, -y - 0.005), (depth, y + 0.005), high, (0.55 * depth, 0), (0.32 * depth, min(0.28, 0.75 * y))
        )
        sink += moved(tap(metal, rng, 0.16, 0.12), (0.06, 0, high))
        extra = []
    if foot > 0.3:  # hangs on the wall: its lower edge is what stands on z = 0
        return assemble(
            [part("sink", sink), part("cabinet", cabinet), *extra], Placement.MOUNTED, lift=foot, clearance=0.4
        )
    return assemble([part("sink", sink), part("cabinet", cabinet), *extra], clearance=0.4)


def console_sink(rng: np.random.Generator) -> Piece:
    """A square basin of china, steel or stone on a frame of legs, a rail for a towel before it."""
    stuff, metal = one_of(rng, (random_ceramic, random_ceramic, random_stone))(rng), random_metal(rng)
    x, y, rim = float(rng.uniform(0.42, 0.5)), float(rng.uniform(0.28, 0.5)), float(rng.uniform(0.82, 0.88))
    outside = rounded_box((0, -y, rim - 0.13), (x, y, rim), 0.02, stuff, 0.032, (*SIDES, "-z"))
    surfaces = with_room_behind(outside, IN_SHELLS)
    surfaces += sunk_top(stuff, (0, -y), (x, y), rim, (0.55 * x, 0), (0.33 * x, 0.8 * y), 0.11)
    surfaces += legs(
        rng,
        x - 0.04,
        y - 0.04,
        rim - 0.12,
        metal,
        x_back=0.04,
        style=one_of(rng, ("square", "round")),
        thickness=(0.024, 0.036),
    )
    surfaces += [tube([(x - 0.04, -y + 0.04, 0.5), (x - 0.04, y - 0.04, 0.5)], 0.01, metal, 0.026)]
    if chance(rng, 0.4):
        surfaces += [
            swept(
                [(x - 0.06, 0.2), (x - 0.045, 0.52), (x - 0.02, 0.53), (x - 0.01, 0.12)][::-1],
                -0.15,
                0.18,
                random_fabric(rng, thin=True),
                0.03,
            )
        ]
    surfaces += moved(tap(metal, rng, 0.16, 0.13), (0.06, 0, rim))
    return assemble([part("sink", surfaces)], clearance=0.4)
