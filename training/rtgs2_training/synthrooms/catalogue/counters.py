"""Kitchen counters. The worktop is "counter", a splashback "wall", the units below "cabinet", a basin "sink".

Base units are 0.9 m high and 0.6 m deep, give or take, with flat sides, so that they can stand in a row.
"""

from __future__ import annotations

import itertools

import numpy as np

from ..piece import Part, Piece, Placement
from ..shapes import SIDES, disc, rounded_box, tube
from ..surfaces import IN_SHELLS, Surface, box, cylinder, moved, rectangle, with_room_behind
from ..textures import (
    Material,
    chance,
    one_of,
    paint,
    random_ceramic,
    random_concrete,
    random_front,
    random_metal,
    random_paint,
    random_panelling,
    random_stone,
    random_tiles,
    random_wood,
)
from .assembly import assemble, part
from .clutter import KITCHEN, strewn
from .fittings import Fronts, columns, front, glazed, random_fronts, tap
from .sinks import sunk_top

HEIGHT = 0.9


def worktop_material(rng: np.random.Generator) -> Material:
    """Stone, wood, laminate, steel, concrete, tiles."""
    makers = (random_stone, random_wood, random_paint, random_metal, random_concrete, random_tiles)
    return makers[int(rng.choice(6, p=[0.3, 0.28, 0.2, 0.07, 0.08, 0.07]))](rng)


def _units(rng: np.random.Generator, look: Fronts, depth: float, width: float, top: float) -> list[Surface]:
    """Doors and drawers on a plinth set back, below a worktop at ``top``."""
    y, x, foot = width / 2, depth - 0.03, 0.1
    surfaces = box((0, -y, foot), (x, y, top), look.face, 0.042, ("-y", "+y"))
    surfaces += [rectangle((x - 0.014, -y, foot), (0, width, 0), (0, 0, top - foot), look.face, 0.06)]
    surfaces += box((0, -y, 0), (x - 0.06, y, foot), random_front(rng), 0.042, ("+x", "-y", "+y"))
    style = rng.integers(3)
    for number, (a, b) in enumerate(columns(width, max(1, round(width / 0.55)))):
        if style == 0:
            levels = np.linspace(foot, top, 4)
            for low, high in itertools.pairwise(levels):
                surfaces += front(look, x, (a, float(low)), (b, float(high)), drawer=True)
        else:
            split = top - 0.16 if style == 1 else top
            if style == 1:
                surfaces += front(look, x, (a, split), (b, top), drawer=True)
            surfaces += front(look, x, (a, foot), (b, split), drawer=False, hinge=-1 if number % 2 == 0 else 1)
    return surfaces


def _slab(depth: float, width: float, stuff: Material, thick: float, *, top: bool = True) -> list[Surface]:
    faces = ("+x", "-y", "+y", "+z", "-z") if top else ("+x", "-y", "+y")
    return rounded_box((0, -width / 2, HEIGHT - thick), (depth, width / 2, HEIGHT), 0.006, stuff, 0.034, faces)


def _splashback(rng: np.random.Generator, width: float, worktop: Material) -> list[Part]:
    """A strip or a wall of tiles, stone or glass behind the worktop, most of the time; as a tiled wall is, a wall."""
    kind = rng.integers(3)
    if kind == 0:
        return []
    stuff = worktop if chance(rng, 0.4) else one_of(rng, (random_tiles, random_tiles, random_stone, random_paint))(rng)
    high = 0.08 if kind == 1 else float(rng.uniform(0.35, 0.45))
    tiles = box((0, -width / 2, HEIGHT), (0.014, width / 2, HEIGHT + high), stuff, 0.034, ("+x", "-y", "+y", "+z"))
    return [part("wall", with_room_behind(tiles, 0.007))]


def _size(rng: np.random.Generator) -> tuple[float, float]:
    return float(rng.uniform(0.58, 0.64)), float(rng.choice([0.4, 0.6, 0.8, 1.0, 1.2, 1.6]))


def base_counter(rng: np.random.Generator) -> Piece:
    """A worktop over doors and drawers, kitchen things on it."""
    depth, width = _size(rng)
    look, stuff, thick = random_fronts(rng), worktop_material(rng), float(rng.uniform(0.02, 0.05))
    slab, extra = _slab(depth, width, stuff, thick), _splashback(rng, width, stuff)
    extra += strewn(rng, KITCHEN, (0.03, -width / 2), (depth - 0.08, width / 2), HEIGHT, float(rng.uniform(0.1, 0.5)))
    units = _units(rng, look, depth - 0.01, width, HEIGHT - thick)
    return assemble([part("counter", slab), part("cabinet", units), *extra], clearance=0.5)


def hob_counter(rng: np.random.Generator) -> Piece:
    """A worktop with a hob let in and an oven below it; hob and oven are other furniture, as a cooker is."""
    depth, width = float(rng.uniform(0.58, 0.64)), float(rng.choice([0.6, 0.9, 1.2]))
    look, stuff, y = random_fronts(rng), worktop_material(rng), width / 2
    slab, extra = _slab(depth, width, stuff, 0.04), _splashback(rng, width, stuff)
    dark, metal, x = paint((0.07, 0.07, 0.08), gloss=0.3), random_metal(rng), depth - 0.03
    hob = box((0.07, -0.28, HEIGHT), (depth - 0.07, 0.28, HEIGHT + 0.012), dark, 0.03, (*SIDES, "+z"))
    for a in (-0.13, 0.13):
        for b in (0.2, depth - 0.2):
            hob += [
                cylinder((b, a, HEIGHT + 0.012), 0.07, 0.012, random_paint(rng) if chance(rng, 0.1) else metal, 0.024)
            ]
    door = metal if chance(rng, 0.5) else random_paint(rng)
    hob += glazed(
        (x, -0.29, 0.14),
        (x + 0.02, 0.29, 0.72),
        (-0.22, 0.22),
        (0.22, 0.6),
        door,
        dark,
        0.034,
        (*SIDES[2:], "+z", "-z"),
    )
    hob += box((x, -0.29, 0.72), (x + 0.02, 0.29, HEIGHT - 0.05), metal, 0.03, ("+x", "-y", "+y", "+z"))
    hob += [
        tube(
            [(x + 0.02, -0.24, 0.66), (x + 0.05, -0.24, 0.66), (x + 0.05, 0.24, 0.66), (x + 0.02, 0.24, 0.66)],
            0.01,
            metal,
            0.022,
        )
    ]
    units = box((0, -y, 0.1), (x, y, HEIGHT - 0.04), look.face, 0.042, ("-y", "+y"))
    units += [rectangle((x - 0.014, -y, 0.1), (0, width, 0), (0, 0, HEIGHT - 0.14), look.face, 0.05)]
    units += box((0, -y, 0), (x - 0.06, y, 0.1), random_front(rng), 0.042, ("+x", "-y", "+y"))
    for a, b in ((-y, -0.3), (0.3, y)):
        if b - a > 0.1:
            units += front(look, x, (a, 0.1), (b, HEIGHT - 0.04), drawer=False, hinge=1 if a < 0 else -1)
    extra += strewn(rng, KITCHEN, (0.03, 0.32), (depth - 0.06, y), HEIGHT, 0.5) if width > 1 else []
    return assemble(
        [part("counter", slab), part("cabinet", units), part("other furniture", hob), *extra], clearance=0.5
    )


def sink_counter(rng: np.random.Generator) -> Piece:
    """A worktop with a sink of steel or china let in, a tap, a draining board; units below."""
    depth, width = float(rng.uniform(0.58, 0.64)), float(rng.choice([0.8, 1.0, 1.2, 1.6]))
    look, stuff, metal, y = random_fronts(rng), worktop_material(rng), random_metal(rng), width / 2
    hollow = one_of(rng, (random_metal, random_metal, random_ceramic))(rng)
    half, cy = (0.19, float(rng.uniform(0.18, 0.24))), float(rng.choice([0.0, -0.12 * width, 0.12 * width]))
    top = sunk_top(stuff, (0, -y), (depth, y), HEIGHT, (0.52 * depth, cy), half, 0.17, hollow)
    slab, extra = [*_slab(depth, width, stuff, 0.04, top=False), *top[:-2]], _splashback(rng, width, stuff)
    rim_x, rim_y = half[0] + 0.012, half[1] + 0.012
    middle = 0.52 * depth
    ring = [(middle + sx * rim_x, cy + sy * rim_y, HEIGHT + 0.004) for sx, sy in ((1, 1), (-1, 1), (-1, -1), (1, -1))]
    sink = [*top[-2:], tube(ring, 0.012, hollow, 0.024, closed=True)]
    sink += moved(tap(metal, rng, float(rng.uniform(0.2, 0.38)), 0.19), (0.07, cy, HEIGHT))
    if chance(rng, 0.5) and width > 0.9:
        side = -1 if cy > 0 else 1
        for k in range(7):
            a = cy + side * (half[1] + 0.06 + 0.045 * k)
            if abs(a) < y - 0.03:
                sink += [
                    tube([(middle - 0.18, a, HEIGHT + 0.003), (middle + 0.18, a, HEIGHT + 0.003)], 0.007, hollow, 0.026)
                ]
    units = _units(rng, look, depth - 0.01, width, HEIGHT - 0.04)
    corner = (y - 0.25) * (1 if cy <= 0 else -1)
    if width > 1.1:
        extra += strewn(rng, KITCHEN, (0.03, corner - 0.2), (depth - 0.08, corner + 0.2), HEIGHT, 0.4)
    return assemble([part("counter", slab), part("cabinet", units), part("sink", sink), *extra], clearance=0.5)


def butler_sink(rng: np.random.Generator) -> Piece:
    """A deep china or stone sink whose front shows, between two stretches of worktop."""
    depth, width = float(rng.uniform(0.6, 0.64)), float(rng.choice([0.8, 1.2, 1.6]))
    look, stuff, y = random_fronts(rng), worktop_material(rng), width / 2
    china, metal, half = (
        one_of(rng, (random_ceramic, random_ceramic, random_stone))(rng),
        random_metal(rng),
        float(rng.uniform(0.28, 0.36)),
    )
    slab, extra = list[Surface](), _splashback(rng, width, stuff)
    for a, b in ((-y, -half), (half, y)):
        slab += rounded_box(
            (0, a, HEIGHT - 0.04), (depth, b, HEIGHT), 0.005, stuff, 0.034, ("+x", "-y", "+y", "+z", "-z")
        )
    slab += [rectangle((0, -half, HEIGHT), (0.13, 0, 0), (0, 2 * half, 0), stuff, 0.034)]
    sink = rounded_box(
        (0.12, -half, HEIGHT - 0.24),
        (depth + 0.02, half, HEIGHT - 0.01),
        0.02,
        china,
        0.03,
        ("+x", "-y", "+y", "-x", "-z"),
    )
    sink = with_room_behind(sink, IN_SHELLS)
    sink += sunk_top(
        china,
        (0.12, -half),
        (depth + 0.02, half),
        HEIGHT - 0.01,
        (0.07 + depth / 2, 0),
        (0.5 * (depth - 0.16), half - 0.03),
        0.2,
    )
    sink += moved(tap(metal, rng, float(rng.uniform(0.2, 0.36)), 0.18), (0.07, 0, HEIGHT))
    units = _units(rng, look, depth - 0.01, width, HEIGHT - 0.04)
    return assemble([part("counter", slab), part("cabinet", units), part("sink", sink), *extra], clearance=0.5)


def island(rng: np.random.Generator) -> Piece:
    """A free-standing block: a worktop that overhangs, units on one side, panelling on the others."""
    depth, width, look = float(rng.uniform(0.75, 1.0)), float(rng.uniform(1.2, 2.0)), random_fronts(rng)
    stuff, panel, y, thick = worktop_material(rng), random_panelling(rng), width / 2, float(rng.uniform(0.03, 0.06))
    slab = rounded_box((-0.05, -y - 0.04, HEIGHT - thick), (depth + 0.22, y + 0.04, HEIGHT), 0.008, stuff, 0.036)
    units = _units(rng, look, depth, width, HEIGHT - thick)
    units += [rectangle((0, y, 0), (0, -width, 0), (0, 0, HEIGHT - thick), panel, 0.036)]
    extra: list[Part] = strewn(rng, KITCHEN, (0, -y), (depth, y), HEIGHT, float(rng.uniform(0.05, 0.35)))
    return assemble([part("counter", slab), part("cabinet", units), *extra], Placement.FREE, clearance=0.6)


def bar_counter(rng: np.random.Generator) -> Piece:
    """A high bar: a slab on a panelled front or on posts, a rail for the feet; all of it counter."""
    depth, width, high = float(rng.uniform(0.4, 0.55)), float(rng.uniform(1.1, 1.8)), float(rng.uniform(1.02, 1.12))
    stuff, y = worktop_material(rng), width / 2
    base = one_of(rng, (random_panelling, random_front, random_tiles))(rng)
    slab = rounded_box((-depth / 2, -y, high - 0.05), (depth / 2, y, high), 0.01, stuff, 0.034)
    slab += box((-depth / 2 + 0.03, -y + 0.05, 0), (depth / 2 - 0.16, y - 0.05, high - 0.05), base, 0.036, SIDES)
    if chance(rng, 0.6):
        rail = [
            (depth / 2 - 0.16, -y + 0.1, 0.2),
            (depth / 2 - 0.06, -y + 0.1, 0.2),
            (depth / 2 - 0.06, y - 0.1, 0.2),
            (depth / 2 - 0.16, y - 0.1, 0.2),
        ]
        slab += [tube(rail, 0.018, random_metal(rng), 0.028)]
    extra = strewn(rng, KITCHEN, (-depth / 2, -y), (depth / 2, y), high, float(rng.uniform(0.05, 0.35)))
    return assemble([part("counter", slab), *extra], Placement.FREE, clearance=0.5)


def cooker(rng: np.random.Generator) -> Piece:
    """A free-standing cooker: plates or burners, knobs, an oven door with its window; other furniture."""
    width, depth, stuff, metal = (
        float(rng.uniform(0.5, 0.9)),
        0.6,
        one_of(rng, (random_paint, random_metal))(rng),
        random_metal(rng),
    )
    y, x, dark = width / 2, depth - 0.03, paint((0.07, 0.07, 0.08), gloss=0.3)
    surfaces = box((0, -y, 0.06), (x, y, HEIGHT), stuff, 0.04, ("+x", "-y", "+y"))
    surfaces += box(
        (0, -y, HEIGHT - 0.02), (depth, y, HEIGHT), stuff if chance(rng, 0.5) else dark, 0.034, ("+x", "-y", "+y", "+z")
    )
    surfaces += box((0.02, -y + 0.02, 0), (x - 0.04, y - 0.02, 0.06), dark, 0.04, ("+x", "-y", "+y"))
    for a in (-0.25 * width, 0.25 * width):
        for b in (0.17, depth - 0.17):
            surfaces += [
                cylinder((b, a, HEIGHT), 0.075, 0.014, dark, 0.024),
                disc((b, a, HEIGHT + 0.016), 0.03, metal, 0.018),
            ]
    for a in np.linspace(-y + 0.07, y - 0.07, 5):
        surfaces += box(
            (x, float(a) - 0.016, HEIGHT - 0.1), (x + 0.025, float(a) + 0.016, HEIGHT - 0.065), metal, 0.016
        )
    pane = (-y + 0.09, 0.32), (y - 0.09, 0.62)
    surfaces += glazed(
        (x, -y + 0.02, 0.2), (x + 0.025, y - 0.02, HEIGHT - 0.14), *pane, stuff, dark, 0.032, ("-y", "+y", "+z", "-z")
    )
    surfaces += [
        tube(
            [
                (x + 0.02, -y + 0.07, 0.7),
                (x + 0.055, -y + 0.07, 0.7),
                (x + 0.055, y - 0.07, 0.7),
                (x + 0.02, y - 0.07, 0.7),
            ],
            0.01,
            metal,
            0.022,
        )
    ]
    return assemble([part("other furniture", surfaces)], clearance=0.5)
