"""Toilets, washbasins and bathtubs, with their taps, seats, cisterns and pipes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..piece import Part, Piece, Placement
from ..shapes import SIDES, Section, disc, loft, rounded_box, swept, tube, turned
from ..surfaces import Array, Surface, blob, box, cylinder, lathe, moved, rectangle
from ..textures import (
    Material,
    chance,
    one_of,
    paint,
    random_ceramic,
    random_fabric,
    random_front,
    random_metal,
    random_stone,
    random_tiles,
    random_wood,
)
from .assembly import assemble, part
from .clutter import BATH, strewn
from .fittings import carcass, columns, front, legs, random_fronts, tap

# Toilets


def _bowl(china: Material, front_x: float, back_x: float, side: float, rim: float, *, hung: bool, squarish: float) -> list[Surface]:
    """The pan: an egg in plan, its rim at height ``rim``, its foot on the floor or its belly in the air."""
    middle = back_x + 0.45 * (front_x - back_x)
    front, back = front_x - middle, middle - back_x
    power = 2.0 + squarish
    if hung:
        outside = [Section(rim - 0.32, 0.1, back, 0.1, middle, power), Section(rim - 0.26, 0.55 * front, back, 0.7 * side, middle, power), Section(rim - 0.1, 0.92 * front, back, 0.97 * side, middle, power)]
    else:
        foot = 0.62 if squarish < 1 else 0.85
        outside = [Section(0, 0.6 * front, back, foot * side, middle, power + 0.5), Section(0.12, 0.5 * front, back, foot * 0.85 * side, middle, power), Section(rim - 0.16, 0.72 * front, back, 0.8 * side, middle, power), Section(rim - 0.07, 0.96 * front, back, side, middle, power)]
    outside += [Section(rim, front, back, side, middle, power)]
    inside = [Section(rim, 0.72 * front, 0.6 * back, 0.7 * side, middle, 2.2), Section(rim - 0.1, 0.6 * front, 0.5 * back, 0.6 * side, middle, 2.2), Section(rim - 0.2, 0.25 * front, 0.25 * back, 0.3 * side, middle - 0.02, 2.0), Section(rim - 0.2, 0, 0, 0, middle - 0.02, 2.0)]
    surfaces = [loft(outside, china, 0.024), loft([outside[-1], *inside], china, 0.024)]
    if hung:
        under = outside[0]
        surfaces += [loft([under._replace(front=0, back=0, side=0), under], china, 0.05)]
    return surfaces


def _seat(rng: np.random.Generator, china: Material, front_x: float, back_x: float, side: float, rim: float, squarish: float) -> list[Surface]:
    """Seat and lid: closed on the pan or the lid up, in china's colour, wood or paint."""
    stuff = china if chance(rng, 0.6) else one_of(rng, (random_wood, random_front))(rng)
    middle = back_x + 0.45 * (front_x - back_x)
    front, back, power = front_x - middle + 0.008, middle - back_x - 0.07, 2.0 + squarish

    def level(z: float, k: float, hole: bool = False) -> Section:
        if hole:
            return Section(z, 0.66 * front, 0.6 * back, 0.62 * side, middle, 2.2)
        return Section(z, k * front, k * back, k * (side + 0.008), middle, power)

    if chance(rng, 0.55):
        return [loft([level(rim + 0.004, 0.97), level(rim + 0.035, 1.0), level(rim + 0.048, 0.93), level(rim + 0.052, 0.0)], stuff, 0.026)]
    ring = loft([level(rim + 0.004, 0.97), level(rim + 0.026, 1.0), level(rim + 0.03, 0, True), level(rim + 0.004, 0, True)], stuff, 0.024)
    lid = [loft([level(rim + 0.03, 0.0), level(rim + 0.03, 0.98), level(rim + 0.05, 0.98), level(rim + 0.05, 0.0)], stuff, 0.026)]
    return [ring, *turned(lid, "y", -float(rng.uniform(88, 97)), (back_x + 0.07, 0, rim + 0.03))]


def close_coupled_toilet(rng: np.random.Generator) -> Piece:
    """A pan on the floor with the cistern right on its back, a button or a lever to flush."""
    china, squarish = random_ceramic(rng), float(rng.choice([0.0, 0.0, 1.5]))
    rim, side, depth = float(rng.uniform(0.38, 0.43)), float(rng.uniform(0.17, 0.2)), float(rng.uniform(0.64, 0.74))
    tank, wide, top = float(rng.uniform(0.16, 0.2)), float(rng.uniform(0.17, 0.23)), rim + float(rng.uniform(0.34, 0.44))
    surfaces = _bowl(china, depth, 0.1, side, rim, hung=False, squarish=squarish)
    surfaces += rounded_box((0.05, -0.13, 0.18), (0.24, 0.13, rim + 0.02), 0.03, china, 0.03)
    surfaces += rounded_box((0.0, -wide, rim + 0.01), (tank, wide, top - 0.03), 0.03, china, 0.03)
    surfaces += rounded_box((-0.0, -wide - 0.01, top - 0.035), (tank + 0.012, wide + 0.01, top), 0.014, china, 0.03)
    metal = random_metal(rng)
    if chance(rng, 0.5):
        surfaces += [cylinder((tank / 2, 0, top), 0.022, 0.008, metal, 0.016)]
    else:
        surfaces += [tube([(tank + 0.01, 0.6 * wide, top - 0.08), (tank + 0.03, 0.6 * wide, top - 0.08), (tank + 0.03, 0.2 * wide, top - 0.09)], 0.008, metal, 0.016)]
    surfaces += _seat(rng, china, depth, tank + 0.01, side, rim, squarish)
    return assemble([part("toilet", surfaces)], clearance=0.5)


def wall_hung_toilet(rng: np.random.Generator) -> Piece:
    """A pan that hangs on a boxed-in cistern with a flush plate, or on the bare wall."""
    china, squarish = random_ceramic(rng), float(rng.choice([0.0, 1.0, 2.0]))
    boxed = float(rng.choice([0.0, 0.16, 0.2]))
    rim, side, reach = float(rng.uniform(0.4, 0.45)), float(rng.uniform(0.17, 0.195)), float(rng.uniform(0.48, 0.56))
    surfaces = _bowl(china, boxed + reach, boxed, side, rim, hung=True, squarish=squarish)
    surfaces += _seat(rng, china, boxed + reach, boxed, side, rim, squarish)
    plate = rounded_box((boxed, -0.12, 0.95), (boxed + 0.014, 0.12, 1.1), 0.006, random_metal(rng), 0.026, ("+x", *SIDES[2:], "+z", "-z"))
    groups: list[Part] = []
    if boxed:
        half, top = float(rng.uniform(0.3, 0.5)), float(rng.uniform(1.12, 1.25))
        surfaces += [*box((0, -half, 0), (boxed, half, top), one_of(rng, (random_tiles, random_front))(rng), 0.036, ("+x", "-y", "+y", "+z")), *plate]
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
    surfaces += [tube([(0.1, 0.22, top - 0.3), (0.1, 0.22, 1.0)], 0.005, metal, 0.04), blob((0.1, 0.22, 0.97), (0.018, 0.018, 0.04), random_wood(rng), 0.018)]
    surfaces += _seat(rng, china, depth, 0.15, side, rim, 0.0)
    return assemble([part("toilet", surfaces)], clearance=0.5)


def low_cistern_toilet(rng: np.random.Generator) -> Piece:
    """A pan on the floor, the cistern on the wall above it, a bent pipe between."""
    china, metal, side = random_ceramic(rng), random_metal(rng), float(rng.uniform(0.17, 0.2))
    rim, depth, low = float(rng.uniform(0.38, 0.42)), float(rng.uniform(0.6, 0.7)), float(rng.uniform(0.62, 0.85))
    surfaces = _bowl(china, depth, 0.12, side, rim, hung=False, squarish=float(rng.choice([0.0, 1.0])))
    wide, tank = float(rng.uniform(0.2, 0.25)), float(rng.uniform(0.13, 0.17))
    surfaces += rounded_box((0, -wide, low), (tank, wide, low + float(rng.uniform(0.32, 0.4))), 0.035, china, 0.03)
    surfaces += [tube([(0.07, 0, low + 0.01), (0.06, 0, rim + 0.05), (0.08, 0, rim - 0.05), (0.2, 0, rim - 0.07)], 0.026, metal if chance(rng, 0.4) else china, 0.024)]
    surfaces += _seat(rng, china, depth, 0.16, side, rim, 0.0)
    return assemble([part("toilet", surfaces)], clearance=0.5)


# Washbasins


def basin(china: Material, x: float, y: float, depth: float, *, squarish: float = 0.0, wall: float = 0.02) -> list[Surface]:
    """A basin centred on the origin with its rim at z = 0: outside, rim, and the hollow with its drain."""
    power = 2.2 + squarish

    def level(z: float, k: float, inner: float = 0.0) -> Section:
        return Section(z, k * x - inner, k * x - inner, k * y - inner, 0, power)

    outside = loft([level(-depth, 0.0), level(-depth, 0.5), level(-0.4 * depth, 0.9), level(0, 1.0)], china, 0.026)
    hollow = [level(0, 1.0), level(0.0, 1.0, wall), level(-0.45 * depth, 0.84, wall), level(-0.82 * depth, 0.5, wall), level(-0.85 * depth, 0.0)]
    drain = disc((0, 0, -0.84 * depth), 0.025, paint((0.4, 0.4, 0.42), gloss=0.3), 0.016)
    return [outside, loft(hollow, china, 0.024), drain]


def pedestal_sink(rng: np.random.Generator) -> Piece:
    """A washbasin on a column."""
    china, x, y = random_ceramic(rng), float(rng.uniform(0.21, 0.25)), float(rng.uniform(0.25, 0.33))
    rim, squarish = float(rng.uniform(0.8, 0.87)), float(rng.choice([0.0, 1.0, 3.0]))
    surfaces = moved(basin(china, x, y, 0.18, squarish=squarish), (x, 0, rim))
    surfaces += rounded_box((0, -0.8 * y, rim - 0.07), (0.12, 0.8 * y, rim + 0.015), 0.02, china, 0.03)
    column = [Section(0, 0.1, 0.1, 0.11, 0.17, 2.6), Section(0.05, 0.08, 0.08, 0.09, 0.17, 2.6), Section(0.55 * rim, 0.07, 0.07, 0.08, 0.17, 2.4), Section(rim - 0.13, 0.11, 0.11, 0.13, 0.18, 2.4)]
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
        surfaces = rounded_box((0, -y, rim - 0.12), (2 * x, y, rim), 0.02, china, 0.032, ("-x", "+x", "-y", "+y", "-z"))
        surfaces += sunk_top(china, (0, -y), (2 * x, y), rim, (x + 0.03, 0), (0.72 * x, 0.78 * y))
    surfaces += [tube([(x, 0, rim - 0.14), (x, 0, rim - 0.26), (0.6 * x, 0, rim - 0.3), (0.02, 0, rim - 0.24)], 0.02, metal, 0.024)]
    surfaces += moved(tap(metal, rng, float(rng.uniform(0.1, 0.18)), 0.11), (0.055, 0, rim + 0.008))
    return assemble([part("sink", surfaces)], Placement.MOUNTED, lift=rim - 0.33, clearance=0.4)


def sunk_top(stuff: Material, low: tuple[float, float], high: tuple[float, float], z: float, centre: tuple[float, float], half: tuple[float, float], depth: float = 0.14, hollow: Material | None = None) -> list[Surface]:
    """A level top from ``low`` to ``high`` with a square basin sunk into it: four strips around the hollow."""
    (x0, y0), (x1, y1), (cx, cy), (a, b) = low, high, centre, half
    inner = hollow or stuff
    surfaces: list[Surface] = []
    for (p, q), (r, s) in (((x0, y0), (x1, cy - b)), ((x0, cy + b), (x1, y1)), ((x0, cy - b), (cx - a, cy + b)), ((cx + a, cy - b), (x1, cy + b))):
        if r - p > 0.005 and s - q > 0.005:
            surfaces += [rectangle((p, q, z), (r - p, 0, 0), (0, s - q, 0), stuff, 0.03, inset=(0.25, 0.25))]
    def level(drop: float, k: float) -> Section:
        return Section(z - drop, k * a, k * a, k * b, cx, 14.0)

    bowl = loft([level(0, 1.0), level(0.7 * depth, 0.95), level(depth, 0.88), level(depth + 0.004, 0.0)], inner, 0.026)
    return [*surfaces, *moved([bowl], (0, cy, 0)), disc((cx, cy, z - depth + 0.004), 0.028, paint((0.35, 0.35, 0.37), gloss=0.3), 0.018)]


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
    top = one_of(rng, (random_stone, random_wood, lambda r: china))(rng)
    if chance(rng, 0.5):
        cabinet += rounded_box((0, -y - 0.005, low), (depth, y + 0.005, high), 0.008, top, 0.034)
        r, tall = float(rng.uniform(0.17, 0.21)), float(rng.uniform(0.11, 0.15))
        sink = moved(basin(china, r, r * float(rng.choice([1.0, 1.3])), tall, squarish=float(rng.choice([0.0, 4.0]))), (0.54 * depth, 0, high + tall))
        sink += moved(tap(metal, rng, tall + 0.16, 0.14), (0.05, 0, high))
        extra = strewn(rng, BATH, (0.02, 0.24), (depth - 0.05, max(y, 0.3)), high, 0.4, 0.2) if y > 0.42 else []
    else:
        sink = rounded_box((0, -y - 0.005, low), (depth, y + 0.005, high), 0.008, china, 0.034, ("-x", "+x", "-y", "+y"))
        sink += sunk_top(china, (0, -y - 0.005), (depth, y + 0.005), high, (0.55 * depth, 0), (0.32 * depth, min(0.28, 0.75 * y)))
        sink += moved(tap(metal, rng, 0.16, 0.12), (0.06, 0, high))
        extra = []
    if foot > 0.3:  # hangs on the wall: its lower edge is what stands on z = 0
        return assemble([part("sink", sink), part("cabinet", cabinet), *extra], Placement.MOUNTED, lift=foot, clearance=0.4)
    return assemble([part("sink", sink), part("cabinet", cabinet), *extra], clearance=0.4)


def console_sink(rng: np.random.Generator) -> Piece:
    """A square basin of china, steel or stone on a frame of legs, a rail for a towel before it."""
    stuff, metal = one_of(rng, (random_ceramic, random_ceramic, random_stone))(rng), random_metal(rng)
    x, y, rim = float(rng.uniform(0.42, 0.5)), float(rng.uniform(0.28, 0.5)), float(rng.uniform(0.82, 0.88))
    surfaces = rounded_box((0, -y, rim - 0.13), (x, y, rim), 0.02, stuff, 0.032, ("-x", "+x", "-y", "+y", "-z"))
    surfaces += sunk_top(stuff, (0, -y), (x, y), rim, (0.55 * x, 0), (0.33 * x, 0.8 * y), 0.11)
    surfaces += legs(rng, x - 0.04, y - 0.04, rim - 0.12, metal, x_back=0.04, style=one_of(rng, ("square", "round")), thickness=(0.024, 0.036))
    surfaces += [tube([(x - 0.04, -y + 0.04, 0.5), (x - 0.04, y - 0.04, 0.5)], 0.01, metal, 0.026)]
    if chance(rng, 0.4):
        surfaces += [swept([(x - 0.06, 0.2), (x - 0.045, 0.52), (x - 0.02, 0.53), (x - 0.01, 0.12)][::-1], -0.15, 0.18, random_fabric(rng, thin=True), 0.03)]
    surfaces += moved(tap(metal, rng, 0.16, 0.13), (0.06, 0, rim))
    return assemble([part("sink", surfaces)], clearance=0.4)


# Bathtubs


def _tub_hollow(stuff: Material, x0: float, y0: float, x1: float, y1: float, rim: float, edge: float, *, power: float = 5.0) -> list[Surface]:
    """The rim and the inside of a tub; the rim is as wide as ``edge``, square without, rounded within."""
    cx, cy, a, b = (x0 + x1) / 2, (y0 + y1) / 2, (x1 - x0) / 2, (y1 - y0) / 2

    def level(z: float, k: float, inner: float, exponent: float) -> Section:
        return Section(z, k * a - inner, k * a - inner, k * b - inner, cx, exponent)

    sections = [level(rim, 1.0, 0.0, 30.0), level(rim, 1.0, edge, power), level(rim - 0.25, 0.95, edge, power), level(0.16, 0.86, edge, power), level(0.13, 0.7, edge, power), level(0.13, 0.0, 0.0, power)]
    return moved([loft(sections, stuff, 0.04)], (0, cy, 0))


def _wall_tap(rng: np.random.Generator, x: float, y: float, rim: float, yaw: float) -> list[Surface]:
    """A mixer standing on the rim, now and then with a shower's rod and head over it."""
    metal = random_metal(rng)
    surfaces = tap(metal, rng, 0.14, 0.15)
    if chance(rng, 0.4):
        surfaces += [tube([(-0.03, 0, 0), (-0.03, 0, 1.35), (0.12, 0, 1.42)], 0.011, metal, 0.03)]
        surfaces += [lathe([(0.09, 1.38), (0.09, 1.395), (0.02, 1.42)], metal, 0.022, (0.12, 0, 0))]
    return moved(surfaces, (x, y, rim), yaw)


def built_in_bathtub(rng: np.random.Generator) -> Piece:
    """A tub along a wall behind a tiled or panelled apron."""
    depth, length, rim = float(rng.uniform(0.68, 0.82)), float(rng.uniform(1.5, 1.85)), float(rng.uniform(0.5, 0.6))
    china, y = random_ceramic(rng), length / 2
    apron = china if chance(rng, 0.45) else one_of(rng, (random_tiles, random_front, random_stone))(rng)
    surfaces = box((0, -y, 0), (depth - 0.02, y, rim - 0.04), apron, 0.036, ("+x", "-y", "+y"))
    surfaces += rounded_box((0, -y, rim - 0.05), (depth, y, rim), 0.015, china, 0.036, ("+x", "-y", "+y", "-x"))
    surfaces += _tub_hollow(china, 0, -y, depth, y, rim, float(rng.uniform(0.05, 0.09)))
    surfaces += _wall_tap(rng, depth / 2, -y + 0.06, rim, 90) if chance(rng, 0.6) else _wall_tap(rng, 0.06, 0.1, rim, 0)
    return assemble([part("bathtub", surfaces), *strewn(rng, BATH, (0.0, y - 0.12), (depth, y), rim, 0.3, 0.12)], clearance=0.4)


def _free_tub(rng: np.random.Generator, china: Material, outside: Material, x: float, y: float, low: float, rim: float, flare: float) -> list[Surface]:
    """The double skin of a free-standing tub, centred; its ends rise a little if ``flare``."""
    def skin(z: float, k: float, inner: float = 0.0) -> Section:
        return Section(z, k * x - inner, k * x - inner, k * y - inner, 0, 2.8)

    body = [skin(low, 0.0), skin(low, 0.62), skin(low + 0.08, 0.78), skin(0.5 * (low + rim), 0.88), skin(rim - 0.02, 1.0 - 0.04 * flare), skin(rim, 1.03)]
    inside = [skin(rim, 1.03), skin(rim + 0.01, 1.0), skin(rim - 0.01, 1.0, 0.045), skin(0.5 * (low + rim), 0.87, 0.05), skin(low + 0.12, 0.72, 0.06), skin(low + 0.09, 0.0)]
    shell = [loft(body, outside, 0.038), loft(inside, china, 0.038)]

    def raised(surface: Surface) -> Surface:
        shape = surface.shape

        def lifted(s: Array, t: Array) -> Array:
            points = shape(s, t)
            points[:, 2] += flare * 0.12 * (points[:, 1] / y) ** 2 * np.clip((points[:, 2] - low) / (rim - low), 0, 1)
            return points

        return replace(surface, shape=lifted)

    return [raised(one) for one in shell]


def clawfoot_bathtub(rng: np.random.Generator) -> Piece:
    """A free-standing tub with a rolled rim on four feet."""
    china = random_ceramic(rng)
    outside = china if chance(rng, 0.5) else random_front(rng)
    x, y, rim = float(rng.uniform(0.34, 0.4)), float(rng.uniform(0.75, 0.88)), float(rng.uniform(0.54, 0.62))
    surfaces = _free_tub(rng, china, outside, x, y, 0.14, rim, float(rng.choice([0.0, 1.0])))
    metal = random_metal(rng)
    for sx in (-1, 1):
        for sy in (-1, 1):
            a, b = sx * 0.55 * x, sy * 0.62 * y
            surfaces += [tube([(1.35 * a, 1.03 * b, 0.02), (1.4 * a, 1.06 * b, 0.08), (1.1 * a, b, 0.2)], [0.035, 0.025, 0.045], metal, 0.024)]
    surfaces += moved(tap(metal, rng, 0.22, 0.16), (-x - 0.02, 0, rim + 0.01))
    return assemble([part("bathtub", surfaces)], clearance=0.4)


def freestanding_bathtub(rng: np.random.Generator) -> Piece:
    """A modern free-standing tub, an egg or a slab, its tap rising from the floor."""
    china = one_of(rng, (random_ceramic, random_ceramic, random_stone))(rng)
    x, y, rim = float(rng.uniform(0.36, 0.44)), float(rng.uniform(0.75, 0.9)), float(rng.uniform(0.52, 0.6))
    if chance(rng, 0.5):
        surfaces = _free_tub(rng, china, china if chance(rng, 0.6) else random_front(rng), x, y, 0.0, rim, float(rng.choice([0.0, 0.6, 1.2])))
    else:
        surfaces = rounded_box((-x, -y, 0), (x, y, rim), 0.05, china, 0.036, SIDES)
        surfaces += _tub_hollow(china, -x + 0.015, -y + 0.015, x - 0.015, y - 0.015, rim - 0.004, 0.05, power=4.0)
    metal = random_metal(rng)
    if chance(rng, 0.7):
        post = [(-x - 0.12, 0, 0), (-x - 0.12, 0, rim + 0.28), (-x - 0.06, 0, rim + 0.34), (-x + 0.1, 0, rim + 0.3)]
        surfaces += [tube(post, 0.018, metal, 0.028)]
    else:
        surfaces += moved(tap(metal, rng, 0.16, 0.16), (-x + 0.03, 0, rim))
    return assemble([part("bathtub", surfaces)], clearance=0.4)


def corner_bathtub(rng: np.random.Generator) -> Piece:
    """A tub that fills a corner, its front cut off in a bow."""
    china, side, rim = random_ceramic(rng), float(rng.uniform(1.25, 1.5)), float(rng.uniform(0.5, 0.58))
    apron = china if chance(rng, 0.6) else one_of(rng, (random_tiles, random_front))(rng)

    def outline(s: Array, inset: float) -> Array:
        corner = 0.36 * side
        angle = 2 * np.pi * s
        square = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        reach = np.where((angle < 0.5 * np.pi), 1.0, (np.abs(square) ** 16).sum(axis=1) ** (-1 / 16))
        return square * (reach * (side - corner) - inset)[:, None] + corner

    def ring(levels: list[tuple[float, float, float]], stuff: Material) -> Surface:
        table = np.array(levels)
        steps = np.hypot(np.diff(table[:, 0]), np.diff(table[:, 1]) + (side * 0.6) * np.diff(table[:, 2]))
        along = np.concatenate([[0.0], np.cumsum(steps)]) / steps.sum()

        def shape(s: Array, t: Array) -> Array:
            z, inset, shrink = (np.interp(t, along, column) for column in table.T)
            edge = outline(s % 1.0, 0.0) - 0.36 * side
            flat = edge * (1 - shrink)[:, None] * (1 - inset / (0.64 * side))[:, None] + 0.36 * side
            return np.column_stack([flat, z])

        return Surface(shape, (2.2 * np.pi * 0.55 * side, float(steps.sum())), stuff, (0.042, 0.036))

    surfaces = [ring([(0, 0.03, 0), (rim - 0.03, 0.02, 0), (rim - 0.03, 0, 0), (rim, 0, 0)], apron)]
    surfaces += [ring([(rim, 0, 0), (rim, 0.1, 0), (rim - 0.28, 0.16, 0), (0.16, 0.22, 0), (0.13, 0.3, 0), (0.13, 0.3, 1.0)], china)]
    surfaces += _wall_tap(rng, 0.06, 0.5 * side, rim, 0)
    return assemble([part("bathtub", surfaces)], Placement.CORNER, clearance=0.4)
