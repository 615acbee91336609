"""Single easy chairs; they are of class chair."""

from __future__ import annotations

import math

import numpy as np

from ..piece import Piece
from ..shapes import SIDES, beam, rounded_box, tube, turned
from ..surfaces import Array, Surface, lathe, moved
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
from .chairs import ALL, as_chair
from .fittings import cushion, legs


def armchair(rng: np.random.Generator) -> Piece:
    """A single easy chair: padded arms to the floor or open ones, seat and back cushion, high or low."""
    cloth, w = random_upholstery(rng), float(rng.uniform(0.26, 0.31))
    foot, seat, top, arm = (
        0.12,
        float(rng.uniform(0.4, 0.46)),
        float(rng.uniform(0.72, 1.05)),
        float(rng.uniform(0.08, 0.16)),
    )
    d, rest = float(rng.uniform(0.3, 0.38)), float(rng.uniform(0.55, 0.64))
    surfaces = rounded_box((-d, -w, foot), (d, w, seat - 0.14), 0.03, cloth, 0.04, ALL)
    surfaces += cushion((-d + 0.08, -w + 0.005, seat - 0.14), (d + 0.01, w - 0.005, seat), cloth, faces=(*SIDES, "+z"))
    back = rounded_box(
        (-d - 0.08, -w - 0.5 * arm, seat - 0.2), (-d + 0.08, w + 0.5 * arm, top), 0.07, cloth, 0.04, ALL, bulge=0.015
    )
    surfaces += turned(back, "y", -float(rng.uniform(6, 16)), (-d, 0, seat))
    stuff = random_wood(rng)
    if chance(rng, 0.6):
        for s in (-1, 1):
            y0, y1 = sorted((s * w, s * (w + arm)))
            surfaces += rounded_box((-d - 0.05, y0, foot), (d, y1, rest), 0.055, cloth, 0.04, ALL)
        surfaces += legs(rng, d - 0.06, w + 0.4 * arm, foot, stuff, thickness=(0.035, 0.055))
    else:
        for s in (-1, 1):
            y = s * (w + 0.03)
            surfaces += [
                beam((d - 0.04, y, 0), (d - 0.06, y, rest), 0.03, 0.04, stuff, 0.028),
                beam((-d - 0.06, y, 0), (-d + 0.02, y, rest), 0.03, 0.04, stuff, 0.028),
            ]
            surfaces += [
                beam((-d - 0.04, y, rest), (d, y, rest), 0.05, 0.025, stuff, 0.028),
                beam((-d, y, foot + 0.06), (d - 0.05, y, foot + 0.06), 0.025, 0.05, stuff, 0.028),
            ]
    if chance(rng, 0.3):
        surfaces += turned(
            rounded_box(
                (-d + 0.07, -0.2, seat + 0.01),
                (-d + 0.17, 0.2, seat + 0.36),
                0.05,
                random_fabric(rng),
                0.034,
                ALL,
                bulge=0.02,
            ),
            "y",
            -14,
            (-d, 0, seat),
        )
    return as_chair(surfaces, 0.5)


def wing_chair(rng: np.random.Generator) -> Piece:
    """A tall easy chair with wings and rolled arms on short turned legs."""
    cloth, w, d, seat, top = (
        random_upholstery(rng),
        float(rng.uniform(0.27, 0.31)),
        float(rng.uniform(0.3, 0.35)),
        0.45,
        float(rng.uniform(1.0, 1.18)),
    )
    surfaces = rounded_box((-d, -w, 0.15), (d, w, seat - 0.1), 0.03, cloth, 0.04, ALL)
    surfaces += cushion(
        (-d + 0.06, -w + 0.01, seat - 0.1), (d + 0.01, w - 0.01, seat + 0.02), cloth, faces=(*SIDES, "+z")
    )
    surfaces += turned(
        rounded_box((-d - 0.06, -w, seat - 0.2), (-d + 0.07, w, top), 0.06, cloth, 0.04, ALL, bulge=0.02),
        "y",
        -8,
        (-d, 0, seat),
    )
    for s in (-1, 1):
        y0, y1 = sorted((s * w, s * (w + 0.07)))
        surfaces += rounded_box((-d - 0.05, y0, 0.15), (d - 0.02, y1, 0.6), 0.03, cloth, 0.04, ALL)
        surfaces += [tube([(-d, s * (w + 0.05), 0.61), (d, s * (w + 0.05), 0.61)], 0.06, cloth, 0.032)]
        surfaces += moved(turned(lathe_cap(cloth), "y", 90), (d, s * (w + 0.05), 0.61))
        surfaces += turned(
            rounded_box((-d - 0.06, y0, 0.55), (-d + 0.2, y1, top - 0.04), 0.034, cloth, 0.04, ALL),
            "y",
            -8,
            (-d, 0, seat),
        )
    surfaces += legs(
        rng,
        d - 0.05,
        w + 0.01,
        0.15,
        random_wood(rng),
        thickness=(0.04, 0.06),
        style=one_of(rng, ("turned", "tapered")),
    )
    return as_chair(surfaces, 0.5)


def tub_chair(rng: np.random.Generator) -> Piece:
    """A single chair whose arms and back are one round shell."""
    cloth, r, seat, top = (
        random_upholstery(rng),
        float(rng.uniform(0.32, 0.38)),
        float(rng.uniform(0.4, 0.46)),
        float(rng.uniform(0.68, 0.82)),
    )
    half, thick = float(rng.uniform(1.9, 2.3)), 0.09

    def wall(radius: float, outward: bool) -> Surface:
        def shape(s: Array, t: Array) -> Array:
            angle = np.pi + half * (2 * (s if outward else 1 - s) - 1)
            rise = seat - 0.25 + t * (top - 0.1 * (1 - np.cos(angle - np.pi)) - seat + 0.25)
            return np.stack([radius * np.cos(angle), radius * np.sin(angle), rise], axis=1)

        return Surface(shape, (2 * half * radius, top - seat + 0.25), cloth, (0.036, 0.036))

    def rim(s: Array, t: Array) -> Array:
        angle = np.pi + half * (2 * s - 1)
        high = top - 0.1 * (1 - np.cos(angle - np.pi))
        radius = r - thick / 2 + thick / 2 * np.cos(np.pi * t)
        return np.stack([radius * np.cos(angle), radius * np.sin(angle), high + 0.03 * np.sin(np.pi * t)], axis=1)

    surfaces = [wall(r, True), wall(r - thick, False), Surface(rim, (2 * half * r, 1.4 * thick), cloth, (0.036, 0.03))]
    for s in (-1, 1):
        angle = math.pi + s * half
        x, y, high = (
            (r - thick / 2) * math.cos(angle),
            (r - thick / 2) * math.sin(angle),
            top - 0.1 * (1 - math.cos(half)),
        )
        surfaces += [tube([(x, y, seat - 0.25), (x, y, high)], [thick / 2, thick / 2], cloth, 0.034)]
    surfaces += [
        lathe(
            [(r - 0.03, seat - 0.25), (r - thick, seat - 0.02), (0.8 * (r - thick), seat), (0, seat + 0.02)],
            cloth,
            0.036,
        )
    ]
    surfaces += [lathe([(0, seat - 0.25), (r - 0.02, seat - 0.25)], cloth, 0.06)]
    stuff = one_of(rng, (random_wood, random_metal))(rng)
    surfaces += legs(rng, 0.6 * r, 0.6 * r, seat - 0.25, stuff, thickness=(0.03, 0.045))
    return as_chair(surfaces, 0.5)


def block_chair(rng: np.random.Generator) -> Piece:
    """A low, deep chair of thick blocks: arms and back about equally high, down to the floor or on a plinth."""
    cloth, w, d = random_upholstery(rng), float(rng.uniform(0.24, 0.34)), float(rng.uniform(0.34, 0.46))
    arm, seat = float(rng.uniform(0.1, 0.22)), float(rng.uniform(0.34, 0.44))
    rest = seat + float(rng.uniform(0.12, 0.26))
    top, foot = rest + float(rng.choice([0.0, 0.08, 0.16])), float(rng.choice([0.02, 0.1]))
    edge = float(rng.uniform(0.02, 0.08))
    surfaces = rounded_box((-d, -w, foot), (d - 0.03, w, seat - 0.14), 0.02, cloth, 0.042, ALL)
    surfaces += cushion((-d + 0.1, -w + 0.005, seat - 0.15), (d, w - 0.005, seat), cloth, faces=(*SIDES, "+z"))
    back = rounded_box((-d - 0.1, -w, foot), (-d + 0.12, w, top), edge, cloth, 0.042, ALL, bulge=0.01)
    surfaces += turned(back, "y", -float(rng.uniform(0, 12)), (-d, 0, foot))
    for s in (-1, 1):
        y0, y1 = sorted((s * w, s * (w + arm)))
        surfaces += rounded_box((-d - 0.08, y0, foot), (d, y1, rest), edge, cloth, 0.042, ALL)
    if foot > 0.05:
        surfaces += legs(rng, d - 0.06, w + 0.4 * arm, foot, random_front(rng), thickness=(0.04, 0.08))
    return as_chair(surfaces, 0.5)


def hoop_chair(rng: np.random.Generator) -> Piece:
    """A round padded seat with a thick hoop for back and arms, on thick padded legs or slim ones."""
    cloth, r, seat = random_upholstery(rng), float(rng.uniform(0.24, 0.33)), float(rng.uniform(0.42, 0.47))
    thick, high, half = float(rng.uniform(0.045, 0.1)), float(rng.uniform(0.62, 0.78)), float(rng.uniform(1.5, 2.3))
    deep = float(rng.uniform(0.08, 0.18))
    drum = [
        (0, seat - deep),
        (0.92 * r, seat - deep),
        (r, seat - 0.6 * deep),
        (r, seat - 0.03),
        (0.9 * r, seat),
        (0, seat + 0.01),
    ]
    surfaces: list[Surface] = [lathe(drum, cloth, 0.036)]
    around = np.pi + half * np.linspace(-1, 1, 22)
    dip = float(rng.uniform(0.0, 0.12))
    hoop = [(r * math.cos(a), r * math.sin(a), high - dip * (1 - math.cos(a - math.pi)) / 2) for a in around]
    rounded = [0.05 * thick, 0.8 * thick, *[thick] * (len(hoop) - 4), 0.8 * thick, 0.05 * thick]
    surfaces += [tube(hoop, rounded, cloth, 0.036, aspect=float(rng.uniform(0.7, 1.6)))]
    padded = chance(rng, 0.5)
    stuff = cloth if padded else one_of(rng, (random_wood, random_metal))(rng)
    radius = float(rng.uniform(0.05, 0.085)) if padded else float(rng.uniform(0.014, 0.025))
    for angle in (math.pi - 0.55 * half, math.pi + 0.55 * half, 0.6, -0.6):
        x, y = (r - 0.03) * math.cos(angle), (r - 0.03) * math.sin(angle)
        tall = math.cos(angle) < 0 or chance(rng, 0.2)
        surfaces += [tube([(x, y, 0), (x, y, high - 0.02 if tall else seat - 0.5 * deep)], radius, stuff, 0.03)]
    return as_chair(surfaces, 0.4)


def lathe_cap(stuff: Material) -> list[Surface]:
    """The round end of a rolled arm, facing up until turned."""
    return [lathe([(0.06, 0.0), (0.0, 0.004)], stuff, 0.028)]
