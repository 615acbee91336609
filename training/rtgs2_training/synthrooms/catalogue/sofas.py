"""Sofas: two to four seats. Single seats are chairs; cushions thrown on a sofa belong to it."""

from __future__ import annotations

import numpy as np

from ..piece import Piece, Placement
from ..shapes import SIDES, beam, bent, mirrored, rounded_box, rumpled, tube, turned
from ..surfaces import Surface, blob, lathe, moved
from ..textures import (
    Material,
    chance,
    one_of,
    random_fabric,
    random_leather,
    random_metal,
    random_upholstery,
    random_wood,
)
from .assembly import assemble, part
from .fittings import columns, cushion, legs

ROUND = 0.055
UPPER = (*SIDES, "+z")


def _sofa(surfaces: list[Surface], placement: Placement = Placement.WALL) -> Piece:
    return assemble([part("sofa", surfaces)], placement, clearance=0.7)


def _thrown(rng: np.random.Generator, x: float, y0: float, y1: float, seat: float) -> list[Surface]:
    """Up to five cushions leaning on the backrest before x."""
    surfaces: list[Surface] = []
    for _ in range(int(rng.choice([0, 0, 1, 2, 3, 5]))):
        half, thick, y = (
            float(rng.uniform(0.17, 0.25)),
            float(rng.uniform(0.06, 0.1)),
            float(rng.uniform(y0 + 0.2, y1 - 0.2)),
        )
        pillow = [blob((0, 0, half), (thick, half, half), random_fabric(rng), 0.04, 3.2)]
        surfaces += moved(
            turned(pillow, "y", float(rng.uniform(-28, -12))), (x + thick, y, seat), float(rng.uniform(-25, 25))
        )
    return surfaces


def _seats(
    rng: np.random.Generator,
    cloth: Material,
    x0: float,
    x1: float,
    stretches: list[tuple[float, float]],
    low: float,
    seat: float,
) -> list[Surface]:
    softness = float(rng.uniform(0.3, 1.0))
    return [
        surface
        for y0, y1 in stretches
        for surface in cushion(
            (x0, y0 + 0.005, low),
            (x1, y1 - 0.005, seat),
            cloth,
            softness=softness,
            spacing=0.044,
            faces=UPPER,
        )
    ]


def _backs(
    rng: np.random.Generator,
    cloth: Material,
    x: float,
    thick: float,
    stretches: list[tuple[float, float]],
    seat: float,
    top: float,
) -> list[Surface]:
    softness, lean = float(rng.uniform(0.4, 1.0)), float(rng.uniform(6, 16))
    surfaces: list[Surface] = []
    for y0, y1 in stretches:
        pad = cushion(
            (x, y0 + 0.005, seat), (x + thick, y1 - 0.005, top), cloth, softness=softness, spacing=0.044, faces=UPPER
        )
        surfaces += turned(pad, "y", -lean, (x, 0, seat))
    return surfaces


def cushioned_sofa(rng: np.random.Generator) -> Piece:
    """Two or three seats with loose cushions between padded arms, on feet or to the floor."""
    cloth, seats = random_upholstery(rng), int(rng.integers(2, 4))
    arm, depth = float(rng.uniform(0.1, 0.26)), float(rng.uniform(0.8, 1.0))
    width = seats * float(rng.uniform(0.58, 0.78))
    foot, seat, rest, top = (
        float(rng.uniform(0.02, 0.17)),
        float(rng.uniform(0.4, 0.47)),
        float(rng.uniform(0.52, 0.66)),
        float(rng.uniform(0.72, 0.92)),
    )
    low, y, back = seat - float(rng.uniform(0.12, 0.18)), width / 2, float(rng.uniform(0.14, 0.24))
    surfaces = rounded_box((0.05, -y, foot), (depth - 0.03, y, low), 0.03, cloth, 0.05, ("+x", "-y", "+y", "+z"))
    surfaces += rounded_box((0, -y - arm, foot), (back, y + arm, top - 0.06), ROUND, cloth, 0.05, UPPER)
    for s in (-1, 1):
        y0, y1 = sorted((s * y, s * (y + arm)))
        surfaces += rounded_box((0.02, y0, foot), (depth, y1, rest), ROUND, cloth, 0.046, UPPER)
    places = columns(width, seats)
    surfaces += _seats(rng, cloth, back + 0.02, depth + 0.02, places if chance(rng, 0.8) else [(-y, y)], low, seat)
    surfaces += _backs(rng, cloth, back - 0.03, 0.17, places, seat - 0.02, top)
    if foot > 0.05:
        surfaces += legs(
            rng,
            depth - 0.07,
            y + arm - 0.07,
            foot,
            one_of(rng, (random_wood, random_metal))(rng),
            x_back=0.07,
            thickness=(0.035, 0.06),
        )
    surfaces += _thrown(rng, back + 0.12, -y, y, seat)
    return _sofa(surfaces)


def corner_sofa(rng: np.random.Generator) -> Piece:
    """An L: a sofa with a chaise or a second wing along its left or right."""
    cloth, arm = random_upholstery(rng), float(rng.uniform(0.12, 0.24))
    depth, width, reach = float(rng.uniform(0.85, 1.0)), float(rng.uniform(2.1, 2.8)), float(rng.uniform(1.45, 2.1))
    foot, seat, top, rest = (
        float(rng.uniform(0.03, 0.13)),
        float(rng.uniform(0.4, 0.46)),
        float(rng.uniform(0.72, 0.88)),
        float(rng.uniform(0.55, 0.65)),
    )
    y, back, low = width / 2, 0.2, seat - 0.15
    wing = depth - 0.05
    surfaces = rounded_box((0.05, -y, foot), (depth - 0.02, y - arm, low), 0.03, cloth, 0.05, ("+x", "-y", "+y", "+z"))
    surfaces += rounded_box(
        (0.05, -y, foot), (reach - 0.02, -y + wing, low), 0.03, cloth, 0.05, ("+x", "-y", "+y", "+z")
    )
    surfaces += rounded_box((0, -y, foot), (back, y, top - 0.08), ROUND, cloth, 0.05, UPPER)
    surfaces += rounded_box((0.02, y - arm, foot), (depth, y, rest), ROUND, cloth, 0.046, UPPER)
    full = chance(rng, 0.5)
    inner = back if full else 0.0
    if full:
        surfaces += rounded_box((0, -y, foot), (reach, -y + back, top - 0.08), ROUND, cloth, 0.05, UPPER)
    main = y - arm - (-y + wing)
    stretches = [
        (a + (-y + wing) + main / 2, b + (-y + wing) + main / 2) for a, b in columns(main, max(1, round(main / 0.7)))
    ]
    surfaces += _seats(rng, cloth, back, depth, stretches, low, seat)
    surfaces += _seats(rng, cloth, back, reach, [(-y + inner, -y + wing)], low, seat)
    surfaces += _backs(rng, cloth, back - 0.03, 0.16, [*stretches, (-y + inner, -y + wing)], seat - 0.02, top)
    if full:
        pads = columns(reach - depth * 0.5, 2)
        side = _backs(rng, cloth, back - 0.03, 0.16, pads, seat - 0.02, top)
        surfaces += moved(turned(side, "z", 90), (0.5 * (reach + depth * 0.5), -y, 0))
    surfaces += _thrown(rng, back + 0.12, -y + wing, y - arm, seat)
    if foot > 0.05:
        stuff = random_wood(rng)
        surfaces += legs(rng, depth - 0.08, y - 0.08, foot, stuff, x_back=0.08, thickness=(0.04, 0.05))
        surfaces += [
            beam((reach - 0.1, a, 0), (reach - 0.1, a, foot), 0.05, 0.05, stuff) for a in (-y + 0.08, -y + wing - 0.08)
        ]
    return _sofa(surfaces if chance(rng, 0.7) else mirrored(surfaces))


def chesterfield(rng: np.random.Generator) -> Piece:
    """Arms and back equally high, rolled outwards and tufted; leather more often than cloth."""
    cloth = random_leather(rng) if chance(rng, 0.6) else random_fabric(rng)
    seats, depth, roll = int(rng.integers(2, 4)), float(rng.uniform(0.84, 0.96)), float(rng.uniform(0.08, 0.11))
    width, seat, top, foot = seats * 0.62, 0.44, float(rng.uniform(0.66, 0.76)), float(rng.uniform(0.07, 0.13))
    y = width / 2
    surfaces = rounded_box(
        (0.1, -y, foot), (depth - 0.02, y, seat - 0.13), 0.03, cloth, 0.046, ("+x", "-y", "+y", "+z")
    )
    surfaces += _seats(rng, cloth, 0.22, depth, columns(width, seats), seat - 0.13, seat)
    surfaces += rounded_box((0.1, -y - 0.1, foot), (0.24, y + 0.1, top - roll), 0.03, cloth, 0.046, UPPER)
    surfaces += [tube([(0.13, -y - 0.1, top - roll), (0.13, y + 0.1, top - roll)], roll, cloth, 0.036)]
    for s in (-1, 1):
        y0, y1 = sorted((s * y, s * (y + 0.12)))
        surfaces += rounded_box((0.1, y0, foot), (depth - 0.02, y1, top - roll), 0.03, cloth, 0.046, UPPER)
        middle = (0.0, s * (y + 0.1), top - roll)
        surfaces += [tube([(0.06, *middle[1:]), (depth, *middle[1:])], roll, cloth, 0.036)]
        ends = turned([lathe([(roll, 0.0), (0.0, 0.01)], cloth, 0.03)], "y", 90)
        surfaces += moved(ends, (depth, middle[1], middle[2]))
        surfaces += moved(
            turned([lathe([(roll, 0.0), (0.0, 0.01)], cloth, 0.04)], "y", -90), (0.06, middle[1], middle[2])
        )
    for row, z in enumerate(np.arange(seat + 0.07, top - 1.4 * roll, 0.1)):
        for a in np.arange(-y + 0.1 + 0.08 * (row % 2), y, 0.16):
            surfaces += [blob((0.245, float(a), float(z)), (0.012, 0.016, 0.016), cloth, 0.016)]
    surfaces += legs(
        rng, depth - 0.08, y + 0.04, foot, random_wood(rng), x_back=0.14, style="turned", thickness=(0.05, 0.07)
    )
    return _sofa(surfaces)


def futon(rng: np.random.Generator) -> Piece:
    """A thin mattress folded into seat and back on a wooden or metal frame with open arms."""
    cloth, stuff = random_fabric(rng), one_of(rng, (random_wood, random_metal))(rng)
    width, seat, top = float(rng.uniform(1.5, 2.0)), float(rng.uniform(0.36, 0.44)), float(rng.uniform(0.74, 0.9))
    y, depth, thick = width / 2, float(rng.uniform(0.82, 0.95)), float(rng.uniform(0.1, 0.16))
    pad = rounded_box((0.12, -y, seat - thick), (depth, y, seat), 0.05, cloth, 0.046, (*SIDES, "+z", "-z"), bulge=0.01)
    rest = rounded_box((0.08, -y, seat - 0.06), (0.08 + thick, y, top), 0.05, cloth, 0.046, UPPER, bulge=0.01)
    surfaces = rumpled([*pad, *turned(rest, "y", -14, (0.1, 0, seat))], rng, 0.008, 0.6)
    for s in (-1, 1):
        a = s * (y + 0.04)
        surfaces += [
            beam((depth - 0.04, a, 0), (depth - 0.04, a, 0.58), 0.05, 0.05, stuff),
            beam((0.06, a, 0), (0.06, a, 0.58), 0.05, 0.05, stuff),
        ]
        surfaces += [
            beam((0, a, 0.6), (depth, a, 0.6), 0.09, 0.035, stuff),
            beam((0.06, a, 0.16), (depth - 0.04, a, 0.16), 0.03, 0.05, stuff),
        ]
        if chance(rng, 0.5):
            surfaces += [
                beam((float(x), a, 0.16), (float(x), a, 0.59), 0.02, 0.03, stuff)
                for x in np.linspace(0.2, depth - 0.2, 4)
            ]
    surfaces += [
        beam((x, -y, seat - thick - 0.03), (x, y, seat - thick - 0.03), 0.03, 0.07, stuff) for x in (depth - 0.04, 0.14)
    ]
    surfaces += [beam((-0.06, -y, 0.6), (-0.06, y, 0.6), 0.03, 0.06, stuff)]
    surfaces += _thrown(rng, 0.25, -y, y, seat)
    return _sofa(surfaces)


def modules(rng: np.random.Generator) -> Piece:
    """Armless blocks in a row: every one a thick seat with a low back, some without."""
    cloth, seats, unit = random_upholstery(rng), int(rng.integers(2, 5)), float(rng.uniform(0.6, 0.85))
    depth, seat, top = float(rng.uniform(0.8, 1.0)), float(rng.uniform(0.36, 0.44)), float(rng.uniform(0.62, 0.8))
    softness = float(rng.uniform(0.3, 0.8))
    surfaces: list[Surface] = []
    for number, (a, b) in enumerate(columns(seats * unit, seats)):
        surfaces += rounded_box((0, a, 0.03), (depth, b, 0.55 * seat), 0.05, cloth, 0.048, UPPER)
        surfaces += cushion((0, a, 0.5 * seat), (depth, b, seat), cloth, softness=softness, spacing=0.048, faces=UPPER)
        if number != seats - 1 or chance(rng, 0.6):
            surfaces += cushion(
                (0, a, seat - 0.03), (0.24, b, top), cloth, softness=softness, spacing=0.046, faces=UPPER
            )
    surfaces += _thrown(rng, 0.24, -seats * unit / 2, (seats - 1.5) * unit / 2, seat)
    return _sofa(surfaces)


def lounge_sofa(rng: np.random.Generator) -> Piece:
    """Low, wide and very soft: deep seats, a back and perhaps arms hardly higher than these, many cushions."""
    cloth, depth, width = random_upholstery(rng), float(rng.uniform(0.95, 1.2)), float(rng.uniform(1.7, 3.0))
    seat, rest, top = float(rng.uniform(0.36, 0.45)), float(rng.uniform(0.48, 0.62)), float(rng.uniform(0.6, 0.78))
    arm, back, y = float(rng.uniform(0.16, 0.32)), float(rng.uniform(0.18, 0.3)), width / 2
    surfaces = rounded_box((0, -y, 0.02), (depth, y, 0.6 * seat), 0.06, cloth, 0.05, UPPER)
    arms = [s for s in (-1, 1) if chance(rng, 0.75)]
    inner = [-y + arm if -1 in arms else -y, y - arm if 1 in arms else y]
    for s in arms:
        y0, y1 = sorted((s * y, s * (y - arm)))
        surfaces += rounded_box((0, y0, 0.3 * seat), (depth, y1, rest), 0.12, cloth, 0.046, UPPER, bulge=0.02)
    surfaces += rounded_box((0, -y, 0.3 * seat), (back, y, top - 0.05), 0.12, cloth, 0.05, UPPER, bulge=0.02)
    middle, wide = (inner[0] + inner[1]) / 2, inner[1] - inner[0]
    seats = [(middle + a, middle + b) for a, b in columns(wide, int(rng.integers(1, 4)))]
    surfaces += _seats(rng, cloth, back, depth + 0.03, seats, 0.5 * seat, seat)
    pads = [(middle + a, middle + b) for a, b in columns(wide, int(rng.integers(2, 5)))]
    surfaces += _backs(rng, cloth, back - 0.04, 0.2, pads, seat - 0.03, top)
    if chance(rng, 0.4):  # a chaise on one side
        reach, end = depth + float(rng.uniform(0.4, 0.8)), min(inner[1], inner[0] + float(rng.uniform(0.8, 1.0)))
        surfaces += rounded_box((depth - 0.1, inner[0], 0.02), (reach, end, 0.6 * seat), 0.06, cloth, 0.05, UPPER)
        surfaces += _seats(rng, cloth, depth - 0.05, reach + 0.02, [(inner[0], end)], 0.5 * seat, seat)
    surfaces = rumpled(surfaces, rng, float(rng.uniform(0.004, 0.016)), 0.5)
    surfaces += _thrown(rng, back + 0.14, inner[0], inner[1], seat)
    return _sofa(surfaces if chance(rng, 0.5) else mirrored(surfaces))


def curved_sofa(rng: np.random.Generator) -> Piece:
    """An arc of a thick seat with a round back."""
    cloth, radius = random_upholstery(rng), float(rng.uniform(1.5, 2.6))
    depth, width = float(rng.uniform(0.8, 1.0)), float(rng.uniform(1.8, 2.8))
    seat, top, back = float(rng.uniform(0.38, 0.46)), float(rng.uniform(0.66, 0.82)), float(rng.uniform(0.18, 0.28))
    y = width / 2
    straight = rounded_box((0, -y, 0.03), (depth, y, seat), 0.1, cloth, 0.048, UPPER, bulge=0.02)
    straight += rounded_box((0, -y, 0.4 * seat), (back, y, top), 0.1, cloth, 0.046, UPPER, bulge=0.015)
    straight += _thrown(rng, back + 0.05, -y, y, seat)
    return _sofa(bent(straight, radius + depth))


def framed_sofa(rng: np.random.Generator) -> Piece:
    """A bench of slender wood or steel with loose cushions, the years around 1960."""
    cloth, stuff, seats = random_upholstery(rng), one_of(rng, (random_wood, random_metal))(rng), int(rng.integers(2, 4))
    unit, depth, seat, top = (
        float(rng.uniform(0.56, 0.68)),
        float(rng.uniform(0.74, 0.86)),
        0.43,
        float(rng.uniform(0.74, 0.84)),
    )
    width = seats * unit
    y, places = width / 2, columns(width, seats)
    surfaces = _seats(rng, cloth, 0.1, depth, places, seat - 0.13, seat)
    surfaces += rounded_box(
        (0.1, -y, seat - 0.15), (depth, y, seat - 0.12), 0.005, stuff, 0.05, ("+x", "-y", "+y", "+z", "-z")
    )
    surfaces += _backs(rng, cloth, 0.08, 0.13, places, seat - 0.02, top)
    surfaces += [
        beam((x, -y - 0.04, seat - 0.16), (x, y + 0.04, seat - 0.16), 0.03, 0.06, stuff) for x in (0.12, depth - 0.04)
    ]
    surfaces += legs(
        rng,
        depth - 0.06,
        y,
        seat - 0.15,
        stuff,
        x_back=0.1,
        thickness=(0.035, 0.05),
        style=one_of(rng, ("tapered", "splayed", "round")),
    )
    for s in (-1, 1):
        a = s * (y + 0.03)
        surfaces += [
            tube(
                [(depth - 0.06, a, seat - 0.18), (depth - 0.08, a, 0.6), (0.05, a, 0.57), (-0.02, a, top - 0.02)],
                0.02,
                stuff,
                0.03,
                exponent=4.0,
            )
        ]
    surfaces += [beam((-0.02, -y, z), (-0.02, y, z), 0.02, 0.05, stuff) for z in (0.55, top - 0.05)]
    surfaces += _thrown(rng, 0.22, -y, y, seat)
    return _sofa(surfaces)
