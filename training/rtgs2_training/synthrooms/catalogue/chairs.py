"""Chairs: slatted, wheelbacks, upholstered, shells, cantilevers, office swivels, tall stools, benches."""

from __future__ import annotations

import math

import numpy as np

from ..piece import Piece, Placement
from ..shapes import SIDES, Section, beam, curved, loft, rounded_box, tube, turned
from ..surfaces import Array, Surface, box, cylinder, lathe, moved
from ..textures import (
    Material,
    chance,
    one_of,
    paint,
    random_colour,
    random_fabric,
    random_front,
    random_metal,
    random_plastic,
    random_upholstery,
    random_wood,
)
from .assembly import assemble, part
from .fittings import columns, cushion, legs

ALL = ("-x", "+x", "-y", "+y", "+z", "-z")


def as_chair(surfaces: list[Surface], clearance: float = 0.3) -> Piece:
    """The surfaces as one chair."""
    return assemble([part("chair", surfaces)], Placement.FREE, clearance=clearance)


def _seat(rng: np.random.Generator, w: float, d: float, height: float, stuff: Material) -> list[Surface]:
    """A seat of wood, with a cushion half of the time."""
    board = rounded_box((-d, -w, height - 0.04), (d, w, height), 0.02, stuff, 0.034, ALL)
    if chance(rng, 0.5):
        cloth = random_upholstery(rng)
        board += cushion(
            (-d + 0.01, -w + 0.01, height),
            (d - 0.01, w - 0.01, height + 0.045),
            cloth,
            spacing=0.034,
            faces=(*SIDES, "+z"),
        )
    return board


def wooden_chair(rng: np.random.Generator) -> Piece:
    """A dining chair of wood: four legs, a back of slats, bars or rungs."""
    stuff, (w, d) = random_front(rng), (float(rng.uniform(0.2, 0.235)), float(rng.uniform(0.19, 0.225)))
    height, top, bar = float(rng.uniform(0.43, 0.47)), float(rng.uniform(0.8, 1.08)), float(rng.uniform(0.032, 0.045))
    lean = float(rng.uniform(0.02, 0.1))
    surfaces = _seat(rng, w, d, height, stuff)
    surfaces += [
        beam((d - 0.03, s * (w - 0.03), 0), (d - 0.03, s * (w - 0.03), height - 0.03), bar, bar, stuff, 0.026)
        for s in (-1, 1)
    ]
    for s in (-1, 1):
        y = s * (w - 0.025)
        surfaces += [
            tube([(-d - 0.03, y, 0), (-d + 0.02, y, height), (-d - lean, y, top)], bar / 2, stuff, 0.026, exponent=7)
        ]

    def at(z: float) -> float:
        return -d + 0.02 - (lean + 0.02) * (z - height) / (top - height)

    inner = w - 0.045
    if chance(rng, 0.5):
        for z in np.linspace(height + 0.13, top - 0.05, int(rng.integers(2, 5))):
            thick = float(rng.uniform(0.05, 0.09))
            surfaces += [beam((at(z), -inner, float(z)), (at(z), inner, float(z)), 0.02, thick, stuff, 0.028)]
    else:
        low, high = height + 0.12, top - 0.04
        surfaces += [beam((at(z), -inner, z), (at(z), inner, z), 0.022, 0.06, stuff, 0.028) for z in (low, high)]
        count = int(rng.choice([1, 3, 5, 7]))
        wide = 0.16 if count == 1 else 0.6 * 2 * inner / count
        for y in np.linspace(-inner, inner, count + 2)[1:-1]:
            surfaces += [
                beam((at(low), float(y), low), (at(high), float(y), high), min(wide, 0.16), 0.014, stuff, 0.026)
            ]
    if chance(rng, 0.5):
        z = 0.4 * height
        surfaces += [
            beam((d - 0.03, s * (w - 0.03), z), (-d, s * (w - 0.03), z), 0.022, 0.022, stuff, 0.028) for s in (-1, 1)
        ]
    return as_chair(surfaces)


def wheelback_chair(rng: np.random.Generator) -> Piece:
    """A Windsor: a round or saddled seat, splayed turned legs, a bow filled with sticks."""
    stuff, r = random_front(rng), float(rng.uniform(0.2, 0.235))
    height, top = 0.44, float(rng.uniform(0.85, 1.05))
    seat = [
        Section(height - 0.035, 0.9 * r, 0.8 * r, 0.95 * r, 0, 2.6),
        Section(height, r, 0.9 * r, r, 0, 2.6),
        Section(height - 0.01, 0, 0, 0, 0, 2.6),
    ]
    surfaces = [
        loft(seat, stuff, 0.03),
        loft(
            [Section(height - 0.035, 0, 0, 0), Section(height - 0.035, 0.9 * r, 0.8 * r, 0.95 * r, 0, 2.6)], stuff, 0.05
        ),
    ]
    surfaces += legs(rng, 0.55 * r, 0.5 * r, height - 0.03, stuff, style="splayed", thickness=(0.04, 0.05))
    bow = [
        (-0.5 * r, -0.85 * r, height),
        (-0.8 * r, -0.9 * r, 0.5 * (height + top)),
        (-r, 0, top),
        (-0.8 * r, 0.9 * r, 0.5 * (height + top)),
        (-0.5 * r, 0.85 * r, height),
    ]
    surfaces += [tube(curved(bow, 18), 0.013, stuff, 0.024)]
    for y in np.linspace(-0.62 * r, 0.62 * r, int(rng.integers(5, 9))):
        high = top - 0.3 * (top - height) * (y / (0.9 * r)) ** 2 - 0.01
        surfaces += [
            tube([(-0.65 * r, float(y) * 0.8, height), (-0.95 * r, float(y), float(high))], 0.008, stuff, 0.028)
        ]
    if chance(rng, 0.4):
        arm = [
            (0.5 * r, -1.1 * r, height + 0.2),
            (-0.4 * r, -1.05 * r, height + 0.22),
            (-0.9 * r, 0, height + 0.24),
            (-0.4 * r, 1.05 * r, height + 0.22),
            (0.5 * r, 1.1 * r, height + 0.2),
        ]
        surfaces += [tube(curved(arm, 18), 0.018, stuff, 0.026)]
        surfaces += [
            tube([(0.3 * r, s * 0.85 * r, height), (0.4 * r, s * 1.08 * r, height + 0.2)], 0.011, stuff, 0.026)
            for s in (-1, 1)
        ]
    return as_chair(surfaces)


def upholstered_chair(rng: np.random.Generator) -> Piece:
    """A dining chair padded on seat and back, on slim legs."""
    cloth, (w, d) = random_upholstery(rng), (float(rng.uniform(0.21, 0.26)), float(rng.uniform(0.21, 0.25)))
    height, top, lean = float(rng.uniform(0.45, 0.49)), float(rng.uniform(0.8, 1.1)), float(rng.uniform(4, 14))
    surfaces = rounded_box((-d, -w, height - 0.1), (d, w, height), 0.04, cloth, 0.034, ALL, bulge=0.012)
    gap = float(rng.choice([0.0, 0.1]))
    back = rounded_box((-d - 0.02, -w, height - 0.08 + gap), (-d + 0.06, w, top), 0.04, cloth, 0.034, ALL, bulge=0.01)
    surfaces += turned(back, "y", -lean, (-d, 0, height))
    stuff = one_of(rng, (random_wood, random_metal))(rng)
    surfaces += legs(rng, d - 0.04, w - 0.04, height - 0.09, stuff, thickness=(0.03, 0.05))
    if gap:
        surfaces += [
            tube([(-d + 0.04, s * (w - 0.06), height - 0.08), (-d, s * (w - 0.06), height + gap)], 0.014, stuff, 0.026)
            for s in (-1, 1)
        ]
    return as_chair(surfaces)


def _bent_shell(w: float, d: float, height: float, top: float, dish: float, stuff: Material) -> Surface:
    """One bent sheet: seat, curve, back; its rims turned up by ``dish``."""
    line = np.array(
        curved(
            [
                (d, 0, height - 0.03),
                (0.6 * d, 0, height),
                (-0.6 * d, 0, height - 0.015),
                (-d, 0, height + 0.1),
                (-1.15 * d, 0, 0.5 * (height + top)),
                (-1.35 * d, 0, top),
            ],
            24,
        )
    )
    steps = np.linalg.norm(np.diff(line, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(steps)]) / steps.sum()

    def shape(s: Array, t: Array) -> Array:
        across = 2 * s - 1
        round_off = np.minimum(1.0, 0.55 + 5 * np.minimum(t, 1 - t))
        x, z = np.interp(t, along, line[:, 0]), np.interp(t, along, line[:, 2])
        rising = np.clip((t - 0.35) / 0.25, 0, 1)
        rim = dish * across**2 * np.sin(np.pi * np.clip(t, 0, 1))
        return np.stack([x + rim * rising, w * across * round_off, z + rim * (1 - rising)], axis=1)

    return Surface(shape, (2 * w, float(steps.sum())), stuff, (0.024, 0.024), inset=(0.5, 0.5))


def shell_chair(rng: np.random.Generator) -> Piece:
    """A bent shell of plastic or plywood on wooden, wire or sledge legs."""
    plain = random_wood(rng) if chance(rng, 0.3) else paint(random_colour(rng), gloss=0.1)
    stuff = Material(plain.colour, plain.gloss, thin=True)
    w, d, height, top = (
        float(rng.uniform(0.22, 0.27)),
        float(rng.uniform(0.2, 0.23)),
        0.45,
        float(rng.uniform(0.76, 0.88)),
    )
    surfaces = [_bent_shell(w, d, height, top, float(rng.uniform(0.03, 0.14)), stuff)]
    frame = one_of(rng, (random_wood, random_metal))(rng)
    if chance(rng, 0.3):
        for s in (-1, 1):
            y = s * (w - 0.03)
            surfaces += [
                tube(
                    [
                        (0.6 * d, 0.6 * y, height - 0.02),
                        (d, y, 0.012),
                        (-d, y, 0.012),
                        (-0.6 * d, 0.6 * y, height - 0.03),
                    ],
                    0.012,
                    frame,
                    0.026,
                )
            ]
    else:
        surfaces += legs(
            rng,
            0.55 * d,
            0.55 * w,
            height - 0.02,
            frame,
            style=one_of(rng, ("splayed", "splayed", "round")),
            thickness=(0.03, 0.045),
        )
    return as_chair(surfaces)


def cantilever_chair(rng: np.random.Generator) -> Piece:
    """A frame of one bent tube without back legs; seat and back of cane, leather or cloth."""
    metal, cloth = random_metal(rng), random_upholstery(rng)
    w, d, height, top = (
        float(rng.uniform(0.21, 0.25)),
        float(rng.uniform(0.21, 0.24)),
        0.45,
        float(rng.uniform(0.8, 0.9)),
    )
    surfaces = rounded_box((-d, -w, height - 0.02), (d, w, height + 0.015), 0.015, cloth, 0.034, ALL)
    surfaces += turned(
        rounded_box((-d - 0.01, -w, top - 0.32), (-d + 0.015, w, top), 0.012, cloth, 0.034, ALL),
        "y",
        -7,
        (-d, 0, height),
    )
    for s in (-1, 1):
        side = [
            (-d - 0.02, s * w, 0.014),
            (d - 0.02, s * w, 0.014),
            (d, s * w, 0.1),
            (d, s * w, height - 0.06),
            (d - 0.05, s * w, height),
            (-d + 0.02, s * w, height),
            (-d - 0.06, s * w, top - 0.02),
        ]
        surfaces += [tube(side, 0.0125, metal, 0.026)]
    surfaces += [tube([(-d - 0.02, -w, 0.014), (-d - 0.02, w, 0.014)], 0.0125, metal, 0.026)]
    return as_chair(surfaces)


def office_chair(rng: np.random.Generator) -> Piece:
    """A swivel chair: a star of five feet on castors, a column, padded seat and back, arms now and then."""
    cloth, dark = (
        random_upholstery(rng),
        one_of(rng, (random_metal, random_metal, random_plastic))(rng),
    )
    w, d, height = float(rng.uniform(0.23, 0.27)), float(rng.uniform(0.22, 0.26)), float(rng.uniform(0.44, 0.54))
    top = height + float(rng.uniform(0.45, 0.75))
    surfaces: list[Surface] = [tube([(0, 0, 0.1), (0, 0, height - 0.1)], 0.03, dark, 0.028)]
    for number in range(5):
        angle = 2 * math.pi * number / 5 + 0.2
        x, y = 0.3 * math.cos(angle), 0.3 * math.sin(angle)
        surfaces += [tube([(0, 0, 0.12), (x, y, 0.075)], [0.03, 0.018], dark, 0.026)]
        surfaces += moved([cylinder((0, 0, 0), 0.026, 0.055, paint((0.08, 0.08, 0.08)), 0.024)], (x, y, 0))
    surfaces += rounded_box((-d, -w, height - 0.09), (d, w, height), 0.045, cloth, 0.034, ALL, bulge=0.01)
    waist = float(rng.choice([0.0, 0.1]))
    back = rounded_box(
        (-d - 0.02, -w + 0.02, height + waist), (-d + 0.06, w - 0.02, top), 0.045, cloth, 0.034, ALL, bulge=0.012
    )
    surfaces += turned(back, "y", -8, (-d, 0, height))
    surfaces += [beam((-0.5 * d, 0, height - 0.09), (-d - 0.03, 0, height + 0.2), 0.08, 0.025, dark, 0.028)]
    if chance(rng, 0.6):
        for s in (-1, 1):
            y, z = s * (w + 0.03), height + 0.2
            surfaces += [
                tube(
                    [(0.05, s * (w - 0.05), height - 0.07), (0.05, y, height - 0.06), (0.03, y, z)], 0.016, dark, 0.026
                )
            ]
            surfaces += rounded_box((-0.12, y - 0.035, z), (0.13, y + 0.035, z + 0.035), 0.016, dark, 0.03)
    return as_chair(surfaces)


def folding_chair(rng: np.random.Generator) -> Piece:
    """A folding chair: crossed legs, a flat seat, a narrow back."""
    stuff, board = one_of(rng, (random_metal, random_wood))(rng), one_of(rng, (random_front, random_fabric))(rng)
    w, height, top = float(rng.uniform(0.2, 0.23)), 0.45, float(rng.uniform(0.76, 0.86))
    surfaces = box((-0.19, -w, height - 0.02), (0.2, w, height), board, 0.034)
    for s in (-1, 1):
        surfaces += [beam((0.25, s * w, 0), (-0.24, s * w, top), 0.02, 0.032, stuff, 0.028)]
        surfaces += [beam((-0.24, s * (w - 0.025), 0), (0.17, s * (w - 0.025), height), 0.02, 0.032, stuff, 0.028)]
    surfaces += [
        beam((-0.245 + 0.4 * (top - z), -w, z), (-0.245 + 0.4 * (top - z), w, z), 0.018, 0.1, board, 0.03)
        for z in (top - 0.06, top - 0.2)
    ]
    surfaces += [tube([(x, -w, 0.12), (x, w, 0.12)], 0.01, stuff, 0.03) for x in (0.18, -0.14)]
    return as_chair(surfaces)


def bar_stool(rng: np.random.Generator) -> Piece:
    """A tall stool with a low back."""
    stuff, cloth = one_of(rng, (random_wood, random_metal))(rng), random_upholstery(rng)
    r, height = float(rng.uniform(0.17, 0.2)), float(rng.uniform(0.62, 0.78))
    surfaces = [
        loft(
            [
                Section(height - 0.06, 0.96 * r, 0.96 * r, r, 0, 3),
                Section(height - 0.02, r, r, r, 0, 3),
                Section(height, 0.9 * r, 0.9 * r, 0.9 * r, 0, 3),
                Section(height + 0.01, 0, 0, 0),
            ],
            cloth,
            0.028,
        )
    ]
    surfaces += [
        loft([Section(height - 0.06, 0, 0, 0), Section(height - 0.06, 0.96 * r, 0.96 * r, r, 0, 3)], cloth, 0.05)
    ]
    if chance(rng, 0.35):
        surfaces += [lathe([(0.2, 0), (0.2, 0.015), (0.03, 0.035), (0.03, height - 0.05)], stuff, 0.026)]
        surfaces += [tube([(0.02, 0, 0.3), (0.18, -0.1, 0.3), (0.18, 0.1, 0.3)], 0.01, stuff, 0.026, closed=True)]
    else:
        surfaces += legs(
            rng,
            0.7 * r,
            0.7 * r,
            height - 0.05,
            stuff,
            style=one_of(rng, ("splayed", "square")),
            thickness=(0.03, 0.042),
        )
        k = 0.7 * r + 0.03
        surfaces += [
            tube([(k, -k, 0.26), (k, k, 0.26), (-k, k, 0.26), (-k, -k, 0.26)], 0.01, stuff, 0.028, closed=True)
        ]
    high = height + float(rng.uniform(0.14, 0.3))
    bow = [
        (-0.5 * r, -0.95 * r, high - 0.04),
        (-r, -0.6 * r, high - 0.03),
        (-1.1 * r, 0, high - 0.03),
        (-r, 0.6 * r, high - 0.03),
        (-0.5 * r, 0.95 * r, high - 0.04),
    ]
    surfaces += [tube(curved(bow, 12), 0.015, cloth, 0.028, exponent=4.0, aspect=3.2)]
    surfaces += [
        tube([(-0.75 * r, s * 0.6 * r, height - 0.04), (-0.98 * r, s * 0.6 * r, high - 0.03)], 0.011, stuff, 0.026)
        for s in (-1, 1)
    ]
    return as_chair(surfaces)


def padded_bench(rng: np.random.Generator) -> Piece:
    """An upholstered bench as it stands before a bed: a thick pad, plain or of ribs, on legs or to the floor."""
    x, y, h = float(rng.uniform(0.18, 0.26)), float(rng.uniform(0.55, 0.85)), float(rng.uniform(0.4, 0.5))
    cloth, thick = random_upholstery(rng), float(rng.uniform(0.1, 0.22))
    to_floor = chance(rng, 0.25)
    low = 0.03 if to_floor else h - thick
    if to_floor or chance(rng, 0.6):
        surfaces = rounded_box((-x, -y, low), (x, y, h), 0.05, cloth, 0.036, bulge=0.012)
    else:
        ribs = columns(2 * y, int(rng.integers(6, 14)))
        surfaces = [one for a, b in ribs for one in rounded_box((-x, a, low), (x, b, h), 0.05, cloth, 0.036)]
    if not to_floor:
        stuff = one_of(rng, (random_wood, random_metal))(rng)
        surfaces += legs(rng, x - 0.04, y - 0.06, low, stuff, thickness=(0.03, 0.06))
    return as_chair(surfaces)


def bench(rng: np.random.Generator) -> Piece:
    """A bench without a back, of wood or padded."""
    x, y, h = float(rng.uniform(0.16, 0.22)), float(rng.uniform(0.45, 0.75)), float(rng.uniform(0.4, 0.48))
    stuff = random_front(rng)
    surfaces = rounded_box((-x, -y, h - 0.05), (x, y, h), 0.01, stuff, 0.034)
    if chance(rng, 0.5):
        surfaces += rounded_box(
            (-x, -y, h), (x, y, h + 0.07), 0.03, random_upholstery(rng), 0.034, (*SIDES, "+z"), bulge=0.01
        )
    surfaces += legs(
        rng, x - 0.04, y - 0.08, h - 0.05, stuff if chance(rng, 0.5) else random_metal(rng), thickness=(0.035, 0.06)
    )
    return as_chair(surfaces)
