"""Lamps: on tables, on floors, hanging from ceilings. What shines is a material that glows."""

from __future__ import annotations

import math

import numpy as np

from ..piece import Piece, Placement
from ..shapes import tube
from ..surfaces import Surface, blob, box, cylinder, lathe
from ..textures import (
    BLACK,
    Material,
    chance,
    glow,
    one_of,
    random_ceramic,
    random_colour,
    random_fabric,
    random_metal,
    random_paint,
    random_wood,
)
from .assembly import assemble, part

OBJECT = "other object"


def shade(rng: np.random.Generator) -> Material:
    """A lampshade: lit from within, or cloth while the lamp is off."""
    if chance(rng, 0.35):
        return random_fabric(rng, thin=True)
    warm = np.array((1.0, rng.uniform(0.82, 0.97), rng.uniform(0.6, 0.92)))
    tint = np.array(random_colour(rng)) if chance(rng, 0.2) else np.ones(3)
    r, g, b = (float(v) for v in np.clip(warm * (0.35 * tint + 0.65), 0, 1))
    return glow((r, g, b))


def foot_material(rng: np.random.Generator) -> Material:
    """Metal, wood, pottery or lacquer."""
    return one_of(rng, (random_metal, random_wood, random_ceramic, random_paint))(rng)


def table_lamp(rng: np.random.Generator) -> list[Surface]:
    """A lamp for a table: a bellied or slender foot under a shade, or a desk lamp with a bent arm."""
    stuff = foot_material(rng)
    if chance(rng, 0.3):
        reach = float(rng.uniform(0.12, 0.22))
        arm = [(-0.05, 0, 0.02), (-0.12, 0, 0.3), (reach, 0, 0.45)]
        head = lathe([(0.07, -0.07), (0.05, 0.02), (0.0, 0.04)], stuff, 0.02, (reach, 0, 0.43))
        bulb = blob((reach, 0, 0.38), (0.035, 0.035, 0.03), glow((1.0, 0.95, 0.82)), 0.02)
        return [cylinder((-0.05, 0, 0), 0.08, 0.02, stuff), tube(arm, 0.01, stuff, 0.022), head, bulb]
    size = float(rng.uniform(0.8, 1.4))
    feet = (
        [(0.07, 0), (0.07, 0.01), (0.03, 0.04), (0.05, 0.12), (0.015, 0.22), (0.01, 0.3)],
        [(0.06, 0), (0.06, 0.015), (0.012, 0.02), (0.012, 0.3)],
        [(0.04, 0), (0.09, 0.08), (0.08, 0.14), (0.02, 0.2), (0.012, 0.3)],
    )
    foot = lathe([(r * size, z * size) for r, z in one_of(rng, feet)], stuff, 0.022)
    low, high = float(rng.uniform(0.1, 0.17)), float(rng.uniform(0.06, 0.14))
    top = float(rng.uniform(0.4, 0.5))
    profile = [(low, 0.27), (min(high, low), top), (0.03, top)]
    return [foot, lathe([(r * size, z * size) for r, z in profile], shade(rng), 0.026)]


def standard_lamp(rng: np.random.Generator) -> Piece:
    """A floor lamp: a round foot, a pole, a wide shade."""
    stuff, height = foot_material(rng), float(rng.uniform(1.4, 1.75))
    low, high, tall = (float(v) for v in rng.uniform((0.18, 0.1, 0.22), (0.27, 0.2, 0.36)))
    surfaces = [
        lathe([(0.15, 0), (0.15, 0.02), (0.014, 0.035), (0.014, height - tall)], stuff, 0.026),
        lathe([(low, height - tall), (min(low, high), height), (0.04, height)], shade(rng), 0.03),
        lathe([(0.05, height - tall + 0.04), (low, height - tall + 0.002)], glow((1.0, 0.95, 0.82)), 0.05),
    ]
    return assemble([part(OBJECT, surfaces)], Placement.FREE)


def arc_lamp(rng: np.random.Generator) -> Piece:
    """A floor lamp whose arm bends far over, a dome at its end."""
    stuff, reach, height = random_metal(rng), float(rng.uniform(0.5, 0.9)), float(rng.uniform(1.6, 1.95))
    bend = [(reach * 0.5 * (1 - math.cos(a)), 0.0, height * math.sin(a) ** 0.8) for a in np.linspace(0.02, 2.5, 14)]
    end = bend[-1]
    surfaces = [
        cylinder((0, 0, 0), 0.16, 0.06, stuff, 0.026),
        tube(bend, 0.012, stuff, 0.026),
        lathe([(0.17, -0.12), (0.15, -0.04), (0.06, 0.02), (0.0, 0.03)], one_of(rng, (random_metal, random_paint))(rng), 0.026, end),
        blob((end[0], 0, end[2] - 0.09), (0.06, 0.06, 0.05), glow((1.0, 0.96, 0.86)), 0.024),
    ]
    return assemble([part(OBJECT, surfaces)], Placement.FREE)


def tripod_lamp(rng: np.random.Generator) -> Piece:
    """A floor lamp on three splayed legs."""
    stuff, height = foot_material(rng), float(rng.uniform(1.3, 1.6))
    top, r = height - 0.3, float(rng.uniform(0.18, 0.26))
    surfaces = [
        tube([(0.3 * math.cos(a), 0.3 * math.sin(a), 0), (0.03 * math.cos(a), 0.03 * math.sin(a), top)], 0.014, stuff, 0.026)
        for a in (0.3, 2.4, 4.5)
    ]
    surfaces += [lathe([(r, top), (r, height), (0.03, height)], shade(rng), 0.03)]
    return assemble([part(OBJECT, surfaces)], Placement.FREE)


def dome_pendant(rng: np.random.Generator) -> Piece:
    """A pendant lamp: cord, dome or cone, bulb."""
    drop, r, h = (float(v) for v in rng.uniform((0.5, 0.14, 0.12), (1.1, 0.28, 0.3)))
    stuff = one_of(rng, (random_metal, random_paint, random_ceramic))(rng)
    belly = float(rng.uniform(0.5, 0.95))
    surfaces = [
        cylinder((0, 0, -0.03), 0.05, 0.03, stuff),
        tube([(0, 0, -drop), (0, 0, -0.02)], 0.006, BLACK, 0.04),
        lathe([(r, -h), (belly * r, -0.4 * h), (0.04, 0), (0, 0.02)], stuff, 0.026, (0, 0, -drop)),
        lathe([(0.04, -0.03), (0.9 * belly * r, -0.42 * h), (0.97 * r, -h + 0.01)], glow((1.0, 0.9, 0.7)), 0.034, (0, 0, -drop)),
        blob((0, 0, -drop - 0.6 * h), (0.05, 0.05, 0.06), glow((1.0, 0.97, 0.88)), 0.024),
    ]
    return assemble([part(OBJECT, surfaces)], Placement.CEILING)


def globe_pendant(rng: np.random.Generator) -> Piece:
    """A pendant lamp: a paper globe or a drum."""
    drop, r = float(rng.uniform(0.3, 0.8)), float(rng.uniform(0.15, 0.28))
    surfaces = [tube([(0, 0, -drop), (0, 0, 0)], 0.006, BLACK, 0.04)]
    if chance(rng, 0.5):
        surfaces += [blob((0, 0, -drop - 0.8 * r), (r, r, 0.85 * r), shade(rng), 0.034)]
    else:
        surfaces += [lathe([(0, -0.8 * r), (r, -0.8 * r), (r, 0), (0.04, 0)], shade(rng), 0.034, (0, 0, -drop))]
    return assemble([part(OBJECT, surfaces)], Placement.CEILING)


def ceiling_dome(rng: np.random.Generator) -> Piece:
    """A flat dome or square panel right under the ceiling."""
    r, light = float(rng.uniform(0.14, 0.26)), glow((1.0, 0.97, 0.9))
    if chance(rng, 0.35):
        return assemble([part(OBJECT, box((-r, -r, -0.06), (r, r, 0), light, 0.034, ("-x", "+x", "-y", "+y", "-z")))], Placement.CEILING)
    profile = [(0.0, -0.09), (0.6 * r, -0.075), (0.95 * r, -0.03), (r, 0.0)]
    return assemble([part(OBJECT, [lathe(profile, light, 0.028)])], Placement.CEILING)


def spotlights(rng: np.random.Generator) -> Piece:
    """A rail under the ceiling with three or four spots."""
    stuff, count = random_metal(rng), int(rng.integers(3, 5))
    half = 0.14 * count
    surfaces = box((-0.02, -half, -0.025), (0.02, half, 0), stuff, 0.024, ("-x", "+x", "-y", "+y", "-z"))
    for y in np.linspace(-half + 0.1, half - 0.1, count):
        tip = (float(rng.uniform(-0.06, 0.06)), float(y + rng.uniform(-0.04, 0.04)), -0.15)
        surfaces += [tube([(0, y, -0.02), tip], [0.012, 0.04], stuff, 0.022), blob(tip, (0.035, 0.035, 0.015), glow((1, 0.97, 0.9)), 0.02)]
    return assemble([part(OBJECT, surfaces)], Placement.CEILING)
