"""Smaller objects, composed of primitives. Each stands on z = 0 around the origin; its front looks along +x."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from rtgs2_training.synthrooms.surfaces import Array, Point, Surface, blob, box, cylinder, lathe, moved, rectangle
from rtgs2_training.synthrooms.textures import (
    BLACK,
    CHINA,
    LEAF,
    WHITE,
    Material,
    abstract,
    fabric,
    glow,
    landscape,
    paint,
    spine,
    striped,
)


def book_row(rng: np.random.Generator, length: float, room: float) -> list[Surface]:
    """Books side by side along +y from the origin, backs at x = 0 looking along +x."""
    parts: list[Surface] = []
    y = 0.0
    while True:
        thickness, tall, deep = rng.uniform(0.028, 0.056), rng.uniform(0.62, 1.0) * room, rng.uniform(0.17, 0.23)
        if y + thickness > length:
            return parts
        cover, band = _book_colours(rng)
        front = -rng.uniform(0.015, 0.045)
        back = spine(cover, band, tall)
        parts += [
            rectangle(
                (front, y + thickness, 0), (0, 0, tall), (0, -thickness, 0), back, (0.024, 0.018), inset=(0.3, 0.3)
            )
        ]
        low, high = (front - deep, y, 0.0), (front, y + thickness, tall)
        parts += box(low, high, paint((0.90, 0.86, 0.76)), 0.045, ("+z",))
        if y == 0.0 or y + thickness + 0.03 > length:
            parts += box(low, high, paint(cover), 0.03, ("-y", "+y"))
        y += thickness + 0.002


def _book_colours(rng: np.random.Generator) -> tuple[Point, Point]:
    """A cover colour from a library's palette, varied, and the colour of its title band."""
    palette = (
        (0.70, 0.18, 0.16), (0.14, 0.30, 0.52), (0.88, 0.68, 0.22), (0.16, 0.42, 0.32), (0.85, 0.82, 0.74),
        (0.12, 0.13, 0.16), (0.82, 0.44, 0.20), (0.42, 0.60, 0.70), (0.55, 0.36, 0.22), (0.70, 0.72, 0.46),
        (0.44, 0.22, 0.40), (0.80, 0.52, 0.54),
    )  # fmt: skip
    r, g, b = np.clip(
        np.array(palette[rng.integers(len(palette))]) * rng.uniform(0.75, 1.05) + rng.normal(0, 0.03, 3), 0, 1
    )
    bright = 0.3 * r + 0.6 * g + 0.1 * b > 0.45
    return (float(r), float(g), float(b)), ((0.16, 0.14, 0.14) if bright else (0.90, 0.80, 0.52))


def book_pile(rng: np.random.Generator, count: int) -> list[Surface]:
    """Books lying on each other."""
    parts: list[Surface] = []
    z = 0.0
    for _ in range(count):
        thickness, yaw = rng.uniform(0.025, 0.04), rng.uniform(-12, 12)
        cover, _band = _book_colours(rng)
        parts += moved(box((-0.12, -0.085, 0), (0.12, 0.085, thickness), paint(cover), 0.018), (0, 0, z), yaw)
        z += thickness
    return parts


def photograph() -> list[Surface]:
    """A small framed photograph that stands."""
    parts = box((0, -0.11, 0), (0.02, 0.11, 0.28), BLACK, 0.016)
    return [*parts, rectangle((0.024, -0.08, 0.03), (0, 0.16, 0), (0, 0, 0.22), abstract(0.16, 0.22), 0.012)]


def picture(width: float, height: float, subject: Material | None = None) -> list[Surface]:
    """A framed picture hanging on a wall at x = 0, its lower edge at z = 0."""
    w, edge = width / 2, 0.045
    rails = [
        ((-w, 0), (w, edge)),
        ((-w, height - edge), (w, height)),
        ((-w, 0), (-w + edge, height)),
        ((w - edge, 0), (w, height)),
    ]
    parts: list[Surface] = []
    for (y0, z0), (y1, z1) in rails:
        parts += box((0, y0, z0), (0.03, y1, z1), BLACK, 0.02, ("+x", "-y", "+y", "-z", "+z"))
    inner_w, inner_h = width - 2 * edge, height - 2 * edge
    material = subject or landscape(inner_w, inner_h)
    return [*parts, rectangle((0.015, -w + edge, edge), (0, inner_w, 0), (0, 0, inner_h), material, 0.02)]


def clock() -> list[Surface]:
    """A wall clock on a wall at x = 0, centred at z = 0."""
    face = [lathe([(0.16, 0.0), (0.16, 0.035), (0.14, 0.035)], BLACK, 0.018)]
    face += [lathe([(0.14, 0.03), (0.0, 0.03)], WHITE, 0.018)]
    face += box((-0.007, -0.01, 0.036), (0.007, 0.08, 0.042), BLACK, 0.01, ("+z",))
    face += box((-0.01, -0.007, 0.036), (0.11, 0.007, 0.042), BLACK, 0.01, ("+z",))
    return [_upright(surface) for surface in face]


def _upright(surface: Surface) -> Surface:
    """The surface turned so that what looked up looks along +x."""
    lying = surface.shape
    return replace(surface, shape=lambda s, t: lying(s, t)[:, [2, 0, 1]])


def mug(colour: Point) -> list[Surface]:
    """A mug, dark inside."""
    wall = lathe([(0.038, 0), (0.042, 0.10)], paint(colour, gloss=0.1), 0.013)
    return [wall, lathe([(0.042, 0.10), (0.037, 0.085), (0.0, 0.08)], paint((0.25, 0.16, 0.10)), 0.013)]


def plate() -> list[Surface]:
    """A dinner plate."""
    return [lathe([(0.13, 0.02), (0.09, 0.008), (0.0, 0.008)], CHINA, 0.016)]


def bowl(radius: float, colour: Point) -> list[Surface]:
    """An open bowl, one layer thin."""
    profile = [(1.0, 0.6), (0.8, 0.25), (0.45, 0.1), (0.0, 0.1)]
    return [lathe([(radius * r, radius * z) for r, z in profile], paint(colour, gloss=0.08, thin=True), 0.014)]


def fruit_bowl() -> list[Surface]:
    """A bowl of oranges and green apples."""
    parts = bowl(0.17, (0.30, 0.36, 0.42))
    fruit = [(0.05, 0.05, 0), (-0.06, 0.04, 1), (0.0, -0.07, 0), (0.075, -0.045, 1), (-0.08, -0.05, 0), (0.0, 0.0, 0)]
    for index, (x, y, kind) in enumerate(fruit):
        skin = paint((0.55, 0.68, 0.20) if kind else (0.94, 0.52, 0.10), gloss=0.08)
        parts += [blob((x, y, 0.15 if index == 5 else 0.085), (0.042, 0.042, 0.04), skin, 0.013)]
    return parts


def vase(colour: Point, size: float) -> list[Surface]:
    """A bellied vase, about 0.24 m tall at size 1."""
    profile = [
        (0.045, 0),
        (0.08, 0.07),
        (0.085, 0.12),
        (0.05, 0.19),
        (0.032, 0.21),
        (0.042, 0.24),
        (0.034, 0.235),
        (0.028, 0.2),
    ]
    return [lathe([(r * size, z * size) for r, z in profile], paint(colour, gloss=0.15), 0.016)]


def twigs(rng: np.random.Generator) -> list[Surface]:
    """Dry twigs with leaves, rising from a vase's neck."""
    parts: list[Surface] = []
    for angle in np.linspace(0, 2 * np.pi, 7, endpoint=False):
        reach, rise = rng.uniform(0.08, 0.2), rng.uniform(0.25, 0.45)
        for share in (0.5, 0.75, 1.0):
            root = (share * reach * math.cos(angle), share * reach * math.sin(angle), share * rise)
            parts += [_leaf(root, angle + rng.normal(0, 0.5), 0.11, 0.045, 0.9, paint((0.56, 0.58, 0.36), thin=True))]
        parts += [_stem((0, 0, -0.05), (reach * math.cos(angle), reach * math.sin(angle), rise))]
    return parts


def plant_pot() -> list[Surface]:
    """A little succulent in a white pot."""
    parts = [lathe([(0.04, 0), (0.055, 0.09), (0.0, 0.085)], CHINA, 0.016)]
    return parts + [_leaf((0, 0, 0.085), angle, 0.10, 0.04, 1.6) for angle in np.linspace(0, 2 * np.pi, 9)[:-1]]


def storage_box() -> list[Surface]:
    """A lidded cardboard box."""
    return box((-0.09, -0.09, 0), (0.11, 0.09, 0.14), fabric((0.62, 0.52, 0.40)), 0.025)


def house_plant(rng: np.random.Generator) -> list[Surface]:
    """A rubber plant as tall as a child, in a clay pot."""
    clay, soil = paint((0.70, 0.42, 0.30), grain=0.05), paint((0.16, 0.11, 0.08), grain=0.2)
    parts = [lathe([(0.13, 0), (0.19, 0.32), (0.2, 0.34), (0.18, 0.34), (0.175, 0.30)], clay, 0.025)]
    parts += [lathe([(0.175, 0.30), (0.0, 0.30)], soil, 0.03)]
    for trunk, (x, y, top) in enumerate(((0.04, 0.02, 1.45), (-0.05, 0.04, 1.15), (0.0, -0.06, 0.95))):
        tip = (2.2 * x, 2.2 * y, top)
        parts += [_stem((x, y, 0.3), tip)]
        for number, z in enumerate(np.linspace(0.5, top, 15 - 3 * trunk)):
            share = (z - 0.3) / (top - 0.3)
            root = (x + share * (tip[0] - x), y + share * (tip[1] - y), float(z))
            heading = number * 2.4 + trunk
            parts += [_leaf(root, heading, rng.uniform(0.26, 0.38), rng.uniform(0.12, 0.16), rng.uniform(0.5, 1.1))]
    return parts


def _leaf(root: Point, heading: float, length: float, width: float, rise: float, material: Material = LEAF) -> Surface:
    """A pointed leaf that leaves ``root`` along ``heading`` (radians), climbs by ``rise`` and droops at its tip."""
    start, forward = np.array(root), np.array([math.cos(heading), math.sin(heading), 0.0])
    side = np.array([-forward[1], forward[0], 0.0])

    def shape(s: Array, t: Array) -> Array:
        half = width * np.sin(np.pi * np.clip(t, 0.03, 0.97)) * (s - 0.5)
        lift = length * (rise * t - 0.9 * t * t) + 0.6 * np.abs(half)
        run = length * t * (1 - 0.25 * t)
        return start + run[:, None] * forward + half[:, None] * side + lift[:, None] * np.array([0, 0, 1.0])

    return Surface(shape, (width, length), material, (0.028, 0.028))


def _stem(foot: Point, tip: Point) -> Surface:
    start, run = np.array(foot), np.subtract(tip, foot)

    def shape(s: Array, t: Array) -> Array:
        ring = 0.005 * np.stack([np.cos(2 * np.pi * s), np.sin(2 * np.pi * s), np.zeros_like(s)], axis=1)
        return start + t[:, None] * run + ring

    return Surface(shape, (0.03, float(np.linalg.norm(run))), paint((0.36, 0.30, 0.16)), (0.015, 0.03))


def table_lamp() -> list[Surface]:
    """A lamp with a china foot and a glowing shade."""
    foot = lathe([(0.07, 0), (0.07, 0.01), (0.03, 0.04), (0.05, 0.12), (0.015, 0.22), (0.01, 0.3)], CHINA, 0.018)
    return [foot, lathe([(0.15, 0.27), (0.10, 0.45), (0.03, 0.45)], glow((1.0, 0.90, 0.70)), 0.022)]


def pendant_lamp(drop: float) -> list[Surface]:
    """A pendant hanging down by ``drop`` from the ceiling at z = 0: cord, dark shade, glowing inside."""
    bulb = (0.0, 0.0, -drop)
    parts = [cylinder((0, 0, -0.03), 0.05, 0.03, BLACK), _stem(bulb, (0, 0, -0.03))]
    parts += [lathe([(0.23, -0.22), (0.20, -0.10), (0.06, 0.0), (0.0, 0.01)], BLACK, 0.022, bulb)]
    parts += [lathe([(0.04, -0.04), (0.16, -0.11), (0.19, -0.20)], glow((1.0, 0.88, 0.66)), 0.025, bulb)]
    return [*parts, blob((0, 0, -drop - 0.15), (0.06, 0.06, 0.07), glow((1.0, 0.97, 0.88)), 0.02)]


def ceiling_lamp() -> list[Surface]:
    """A flat frosted dome under the ceiling at z = 0."""
    return [lathe([(0.0, -0.09), (0.13, -0.075), (0.21, -0.03), (0.22, 0.0)], glow((1.0, 0.97, 0.90)), 0.025)]


def basket() -> list[Surface]:
    """A wicker basket with a folded blanket."""
    wicker = striped((0.70, 0.54, 0.34), (0.52, 0.37, 0.22), period=0.05)
    parts = [lathe([(0.17, 0), (0.21, 0.2), (0.2, 0.34), (0.18, 0.34), (0.18, 0.26)], wicker, 0.022)]
    return [*parts, blob((0, 0, 0.30), (0.17, 0.17, 0.10), fabric((0.78, 0.70, 0.66)), 0.03, 3)]
