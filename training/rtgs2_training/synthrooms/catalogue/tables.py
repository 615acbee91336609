"""Tables: dining, coffee and side tables. What stands on them is "other object"."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ..piece import Part, Piece, Placement
from ..shapes import SIDES, Section, beam, curved, four, loft, rounded_box, tube
from ..surfaces import Array, Surface, box, cylinder, lathe
from ..textures import (
    Material,
    chance,
    one_of,
    paint,
    random_fabric,
    random_front,
    random_metal,
    random_stone,
    random_wood,
)
from .assembly import assemble, part
from .clutter import DINING, LIVING, strewn
from .fittings import legs


def top_material(rng: np.random.Generator) -> Material:
    """Wood most of the time, paint, stone, or glass that mirrors the room."""
    kind = rng.choice(4, p=[0.6, 0.15, 0.13, 0.12])
    if kind == 3:
        return paint(one_of(rng, ((0.62, 0.70, 0.69), (0.12, 0.13, 0.14), (0.8, 0.84, 0.83))), gloss=0.35)
    return (random_wood, random_front, random_stone)[int(kind)](rng)


def square_top(
    x: float, y: float, height: float, thick: float, stuff: Material, *, rounding: float = 0.008
) -> list[Surface]:
    """A rectangular top with its underside."""
    return rounded_box((-x, -y, height - thick), (x, y, height), rounding, stuff, 0.034)


def oval_top(x: float, y: float, height: float, thick: float, stuff: Material, exponent: float = 2.0) -> list[Surface]:
    """A round, oval or superelliptic top with its underside."""
    low, edge, high = (
        [Section(z0, a * x, a * x, a * y, 0, exponent), Section(z1, b * x, b * x, b * y, 0, exponent)]
        for z0, z1, a, b in (
            (height - thick, height - thick, 0, 1),
            (height - thick, height, 1, 1),
            (height, height, 1, 0),
        )
    )
    under, rim, top = loft(low, stuff, (0.06, 0.06)), loft(edge, stuff, (0.03, 0.02)), loft(high, stuff, 0.034)
    girth, reach = top.size

    def grain_along_y(u: Array, v: Array, rng: np.random.Generator) -> Array:
        angle, radius = 2 * np.pi * u / girth, 1 - v / reach
        return stuff.colour(y * (1 + radius * np.sin(angle)), x * (1 + radius * np.cos(angle)), rng)

    cells = (0.034 * max(1.0, (x + y) / 0.7), 0.034)
    return [under, rim, replace(top, material=replace(stuff, colour=grain_along_y), spacing=cells)]


def _table(
    rng: np.random.Generator,
    surfaces: list[Surface],
    low: tuple[float, float],
    high: tuple[float, float],
    height: float,
    *,
    dining: bool,
    placement: Placement = Placement.FREE,
) -> Piece:
    parts: list[Part] = [part("table", surfaces)]
    if chance(rng, 0.75):
        parts += strewn(rng, DINING if dining else LIVING, low, high, height, float(rng.uniform(0.1, 0.6)))
    return assemble(parts, placement, clearance=0.5 if dining else 0.3)


def dining_table(rng: np.random.Generator) -> Piece:
    """A rectangular table on four legs with an apron, bare, or under a cloth now and then."""
    x, y, height = float(rng.uniform(0.38, 0.5)), float(rng.uniform(0.45, 1.05)), float(rng.uniform(0.72, 0.77))
    stuff, top = random_front(rng), float(rng.uniform(0.02, 0.05))
    base = stuff if chance(rng, 0.6) else one_of(rng, (random_front, random_metal))(rng)
    surfaces = square_top(x, y, height, top, stuff if chance(rng, 0.6) else top_material(rng))
    inset = float(rng.uniform(0.03, 0.12))
    a, b = x - inset, y - inset
    if chance(rng, 0.7):
        surfaces += box((-a, -b, height - top - 0.09), (a, b, height - top), base, 0.034, SIDES)
    surfaces += legs(rng, a - 0.02, b - 0.02, height - top, base, thickness=(0.045, 0.085))
    if chance(rng, 0.15):
        cloth, drop = random_fabric(rng), float(rng.uniform(0.15, 0.35))
        surfaces += rounded_box(
            (-x - 0.015, -y - 0.015, height - drop),
            (x + 0.015, y + 0.015, height + 0.006),
            0.02,
            cloth,
            0.034,
            (*SIDES, "+z"),
        )
        height += 0.006
    return _table(rng, surfaces, (-x, -y), (x, y), height, dining=True)


def round_table(rng: np.random.Generator) -> Piece:
    """A round or oval dining table on a pedestal, a tulip foot or legs."""
    height, x = float(rng.uniform(0.71, 0.76)), float(rng.uniform(0.42, 0.62))
    y = x * float(rng.choice([1.0, 1.0, 1.4, 1.7]))
    stuff, base = top_material(rng), one_of(rng, (random_front, random_metal))(rng)
    surfaces = oval_top(x, y, height, float(rng.uniform(0.02, 0.04)), stuff, float(rng.choice([2.0, 2.0, 3.0])))
    kind = rng.integers(3)
    under = height - 0.03
    if kind == 0:
        surfaces += [
            lathe(
                [(0.5 * x, 0), (0.45 * x, 0.015), (0.1 * x, 0.1), (0.055, 0.3), (0.05, 0.55), (0.3 * x, under)],
                base,
                0.03,
            )
        ]
    elif kind == 1:
        surfaces += [lathe([(0.055, 0.14), (0.075, 0.3), (0.05, 0.38), (0.07, under)], base, 0.028)]
        for angle in np.arange(4) * math.pi / 2 + math.pi / 4:
            reach = (0.6 * x * math.cos(angle), 0.6 * x * math.sin(angle))
            surfaces += [
                tube(
                    [(0, 0, 0.24), (0.5 * reach[0], 0.5 * reach[1], 0.16), (*reach, 0.03)],
                    [0.04, 0.035, 0.026],
                    base,
                    0.028,
                )
            ]
    else:
        surfaces += legs(rng, 0.62 * x, 0.62 * y, under, base, thickness=(0.045, 0.07))
    return _table(rng, surfaces, (-0.7 * x, -0.7 * y), (0.7 * x, 0.7 * y), height, dining=True)


def trestle_table(rng: np.random.Generator) -> Piece:
    """A long top on two trestles, X-shaped, A-shaped or slabs, joined by a rail."""
    x, y, height = float(rng.uniform(0.38, 0.48)), float(rng.uniform(0.75, 1.1)), float(rng.uniform(0.72, 0.77))
    stuff, base = random_wood(rng), one_of(rng, (random_front, random_metal))(rng)
    surfaces, kind, under = square_top(x, y, height, 0.04, stuff), rng.integers(3), height - 0.04
    for s in (-1, 1):
        a, k = s * (y - 0.25), x - 0.08
        if kind == 0:
            surfaces += [
                beam((k, a, 0), (-k, a, under), 0.08, 0.05, base),
                beam((-k, a, 0), (k, a, under), 0.08, 0.05, base),
            ]
        elif kind == 1:
            surfaces += [beam((k, a + d, 0), (k - 0.1, a, under), 0.05, 0.05, base) for d in (-0.16, 0.16)]
            surfaces += [beam((-k, a + d, 0), (-k + 0.1, a, under), 0.05, 0.05, base) for d in (-0.16, 0.16)]
            surfaces += [beam((-k, a, under - 0.04), (k, a, under - 0.04), 0.07, 0.06, base)]
        else:
            surfaces += box((-0.6 * k, a - 0.025, 0.05), (0.6 * k, a + 0.025, under), base, 0.036, SIDES)
            surfaces += rounded_box((-k, a - 0.05, 0), (k, a + 0.05, 0.06), 0.02, base, 0.034, (*SIDES, "+z"))
    if kind != 1:
        surfaces += [beam((0, -y + 0.25, 0.5 * under), (0, y - 0.25, 0.5 * under), 0.04, 0.1, base)]
    return _table(rng, surfaces, (-x, -y), (x, y), height, dining=True)


def coffee_table(rng: np.random.Generator) -> Piece:
    """A low table: rectangular or square, a shelf below now and then, or a solid block."""
    x, y, height = float(rng.uniform(0.28, 0.45)), float(rng.uniform(0.4, 0.65)), float(rng.uniform(0.3, 0.46))
    stuff, base = top_material(rng), one_of(rng, (random_front, random_metal))(rng)
    if chance(rng, 0.2):
        surfaces = rounded_box((-x, -y, 0.03), (x, y, height), 0.02, stuff, 0.034, (*SIDES, "+z"))
        surfaces += box((-x + 0.05, -y + 0.05, 0), (x - 0.05, y - 0.05, 0.04), base, 0.04, SIDES)
        return _table(rng, surfaces, (-x, -y), (x, y), height, dining=False)
    surfaces = square_top(x, y, height, float(rng.uniform(0.015, 0.05)), stuff)
    surfaces += legs(rng, x - 0.05, y - 0.06, height - 0.02, base, thickness=(0.03, 0.06))
    if chance(rng, 0.45):
        surfaces += box((-x + 0.05, -y + 0.06, 0.12), (x - 0.05, y - 0.06, 0.14), base, 0.034)
    return _table(rng, surfaces, (-x, -y), (x, y), height, dining=False)


def round_coffee_table(rng: np.random.Generator) -> Piece:
    """A low round table: three or four legs, a drum, or a wire frame."""
    r, height = float(rng.uniform(0.3, 0.48)), float(rng.uniform(0.32, 0.48))
    stuff, base, kind = top_material(rng), one_of(rng, (random_front, random_metal))(rng), rng.integers(3)
    surfaces = oval_top(r, r * float(rng.choice([1.0, 1.3])), height, 0.025, stuff)
    if kind == 0:
        surfaces += legs(rng, 0.55 * r, 0.55 * r, height - 0.02, base, thickness=(0.035, 0.05), style="splayed")
    elif kind == 1:
        surfaces += [lathe([(0.75 * r, 0), (0.85 * r, 0.5 * height), (0.75 * r, height - 0.02)], base, 0.034)]
    else:
        ring = [(0.75 * r * math.cos(a), 0.75 * r * math.sin(a), 0.012) for a in np.linspace(0, 2 * math.pi, 17)[:-1]]
        surfaces += [tube(ring, 0.011, base, 0.026, closed=True)]
        surfaces += [tube([ring[i], (*ring[i][:2], height - 0.02)], 0.011, base, 0.028) for i in (0, 4, 8, 12)]
    return _table(rng, surfaces, (-0.65 * r, -0.65 * r), (0.65 * r, 0.65 * r), height, dining=False)


def disc_table(rng: np.random.Generator) -> Piece:
    """A large disc near the floor, thick, with a round edge, on a drum, a bowl or three blocks."""
    r, height, thick = float(rng.uniform(0.4, 0.65)), float(rng.uniform(0.26, 0.42)), float(rng.uniform(0.03, 0.09))
    stuff, base, kind = top_material(rng), one_of(rng, (random_front, random_metal, random_stone))(rng), rng.integers(3)
    under, half = height - thick, thick / 2
    turn = np.linspace(-0.5, 0.5, 7) * math.pi
    edge = [(r - half + half * math.cos(a), under + half + half * math.sin(a)) for a in turn]
    surfaces = [lathe([(0.0, under), *edge], stuff, 0.034), lathe([edge[-1], (0.0, height)], stuff, (0.06, 0.034))]
    if kind == 0:
        surfaces += [lathe([(0.6 * r, 0.0), (0.6 * r, under)], base, 0.034)]
    elif kind == 1:
        surfaces += [lathe([(0.3 * r, 0.0), (0.45 * r, 0.4 * under), (0.8 * r, under)], base, 0.034)]
    else:
        for angle in np.arange(3) * 2 * math.pi / 3:
            surfaces += [
                cylinder((0.6 * r * math.cos(angle), 0.6 * r * math.sin(angle), 0), 0.16 * r, under, base, 0.03)
            ]
    return _table(rng, surfaces, (-0.65 * r, -0.65 * r), (0.65 * r, 0.65 * r), height, dining=False)


def drum_table(rng: np.random.Generator) -> Piece:
    """A small solid table: a cylinder, a waisted drum or a column that widens upwards."""
    r, height = float(rng.uniform(0.16, 0.27)), float(rng.uniform(0.38, 0.6))
    stuff, waist = top_material(rng), float(rng.choice([1.0, 0.6, 0.8]))
    foot = r * float(rng.choice([1.0, 0.7]))
    line = [(foot, 0.0), (waist * r, 0.5 * height), (r, height - 0.04), (r, height), (0.0, height)]
    return _table(rng, [lathe(line, stuff, 0.03)], (-0.7 * r, -0.7 * r), (0.7 * r, 0.7 * r), height, dining=False)


def side_table(rng: np.random.Generator) -> Piece:
    """A small table beside a sofa: round or square, a pedestal, legs or a C of steel."""
    r, height = float(rng.uniform(0.18, 0.28)), float(rng.uniform(0.42, 0.62))
    stuff, base, kind = top_material(rng), one_of(rng, (random_front, random_metal))(rng), rng.integers(3)
    surfaces = oval_top(r, r, height, 0.02, stuff, float(rng.choice([2.0, 8.0])))
    if kind == 0:
        surfaces += [lathe([(0.75 * r, 0), (0.7 * r, 0.015), (0.025, 0.03), (0.025, height - 0.02)], base, 0.026)]
    elif kind == 1:
        surfaces += legs(rng, 0.6 * r, 0.6 * r, height - 0.02, base, thickness=(0.025, 0.04))
    else:
        surfaces += [
            tube(
                [
                    (0.8 * r, s * 0.8 * r, 0.012),
                    (-0.8 * r, s * 0.8 * r, 0.012),
                    (-0.8 * r, s * 0.8 * r, height - 0.025),
                    (0.6 * r, s * 0.8 * r, height - 0.025),
                ],
                0.011,
                base,
                0.026,
            )
            for s in (-1, 1)
        ]
    return _table(rng, surfaces, (-0.7 * r, -0.7 * r), (0.7 * r, 0.7 * r), height, dining=False)


def console_table(rng: np.random.Generator) -> Piece:
    """A narrow table against a wall, in a hall or behind a sofa."""
    x, y, height = float(rng.uniform(0.14, 0.2)), float(rng.uniform(0.4, 0.7)), float(rng.uniform(0.74, 0.86))
    stuff, base = top_material(rng), one_of(rng, (random_front, random_metal))(rng)
    surfaces = square_top(x, y, height, 0.03, stuff)
    surfaces += box((-x + 0.03, -y + 0.04, height - 0.12), (x - 0.03, y - 0.04, height - 0.03), base, 0.034, SIDES)
    if chance(rng, 0.4):
        bow = curved([(x - 0.05, -y + 0.1, height - 0.1), (x - 0.02, -y + 0.12, 0.4), (x - 0.08, -y + 0.08, 0.0)], 8)
        surfaces += four(
            [tube([p - np.array((x - 0.05, -y + 0.1, 0)) for p in bow], [0.03] * 4 + [0.018] * 4, base, 0.026)],
            x - 0.05,
            y - 0.1,
        )
    else:
        surfaces += legs(
            rng,
            x - 0.04,
            y - 0.05,
            height - 0.03,
            base,
            thickness=(0.03, 0.05),
            style=one_of(rng, ("square", "tapered", "turned")),
        )
    return _table(rng, surfaces, (-x, -y), (x, y), height, dining=False, placement=Placement.WALL)


def trolley(rng: np.random.Generator) -> Piece:
    """A serving trolley: two or three trays in a frame on castors."""
    x, y, h = float(rng.uniform(0.18, 0.25)), float(rng.uniform(0.26, 0.4)), float(rng.uniform(0.7, 0.85))
    frame, tray = random_metal(rng), one_of(rng, (random_front, random_metal))(rng)
    surfaces = [
        tube([(sx * x, sy * y, 0.05), (sx * x, sy * y, h)], 0.013, frame, 0.026) for sx in (-1, 1) for sy in (-1, 1)
    ]
    surfaces += [tube([(sx * x, s * y, h) for sx in (-1, 1)], 0.013, frame, 0.026) for s in (-1, 1)]
    surfaces += [
        cylinder((sx * x, sy * y, 0), 0.025, 0.05, paint((0.12, 0.12, 0.12)), 0.022) for sx in (-1, 1) for sy in (-1, 1)
    ]
    extra: list[Part] = []
    for z in np.linspace(0.14, h - 0.1, int(rng.integers(2, 4))):
        surfaces += box((-x, -y, float(z)), (x, y, float(z) + 0.025), tray, 0.034)
        extra += strewn(rng, LIVING, (-x, -y), (x, y), float(z) + 0.025, 0.3, 0.3)[:2]
    return assemble([part("table", surfaces), *(one for one in extra if chance(rng, 0.8))], Placement.FREE)
