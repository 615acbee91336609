"""Pictures on walls: framed, as posters, in groups, and mirrors in frames. Lower edge at z = 0 until lifted."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ..piece import Piece, Placement
from ..shapes import tube, turned
from ..surfaces import Array, Surface, lathe, moved, rectangle, with_room_behind
from ..surfaces import box as solid
from ..textures import (
    Material,
    chance,
    noise,
    one_of,
    paint,
    random_artwork,
    random_front,
    random_metal,
    random_wood,
)
from .assembly import assemble, part

FACES = ("+x", "-y", "+y", "+z", "-z")
_FLAT = 0.006  # metres of room behind what is in a frame: less than to the wall


def _hung(groups: list[list[Surface]], height: float, rng: np.random.Generator, name: str = "picture") -> Piece:
    lift = max(0.6, float(rng.uniform(1.45, 1.7)) - height / 2)
    return assemble([part(name, group) for group in groups], Placement.MOUNTED, lift=lift)


def framed(rng: np.random.Generator, width: float, height: float, subject: Material | None = None) -> list[Surface]:
    """A framed picture, its back at x = 0, centred on y = 0, standing on z = 0; with a mount half of the time."""
    edge, thick = float(rng.uniform(0.02, 0.07)) * (0.6 + 0.5 * min(width, height)), float(rng.uniform(0.015, 0.04))
    stuff, y = one_of(rng, (random_wood, random_metal, random_front))(rng), width / 2
    rails = [
        ((-y, 0), (y, edge)),
        ((-y, height - edge), (y, height)),
        ((-y, edge), (-y + edge, height - edge)),
        ((y - edge, edge), (y, height - edge)),
    ]
    surfaces: list[Surface] = []
    for (a, b), (c, d) in rails:
        surfaces += solid((0, a, b), (thick, c, d), stuff, 0.02, FACES)
    surfaces = with_room_behind(surfaces, thick / 2)
    inner_w, inner_h = width - 2 * edge, height - 2 * edge
    mount = float(rng.uniform(0.12, 0.22)) * min(inner_w, inner_h) if subject is None and chance(rng, 0.45) else 0.0
    if mount:
        card = paint(one_of(rng, ((0.94, 0.93, 0.9), (0.86, 0.83, 0.76), (0.15, 0.15, 0.16))))
        sheet = rectangle((0.008, -y + edge, edge), (0, inner_w, 0), (0, 0, inner_h), card, 0.026)
        surfaces += with_room_behind([sheet], _FLAT)
    w, h = inner_w - 2 * mount, inner_h - 2 * mount
    spacing = float(np.clip(0.03 * max(w, h), 0.012, 0.022))
    picture = subject or random_artwork(rng, w, h)
    sheet = rectangle((0.013, -w / 2, edge + mount), (0, w, 0), (0, 0, h), picture, spacing)
    return [*surfaces, *with_room_behind([sheet], _FLAT)]


def large_picture(rng: np.random.Generator) -> Piece:
    """One large framed picture, lying or upright."""
    width, height = sorted(float(v) for v in rng.uniform((0.55, 0.8), (1.05, 1.6)))
    if chance(rng, 0.5):
        width, height = height, width
    return _hung([framed(rng, width, height)], height, rng)


def small_picture(rng: np.random.Generator) -> Piece:
    """A smaller framed picture, print or photograph."""
    width, height = (float(v) for v in rng.uniform(0.24, 0.55, 2))
    return _hung([framed(rng, width, height)], height, rng)


def poster(rng: np.random.Generator) -> Piece:
    """A sheet with a white margin and without a frame, or a canvas on its stretcher."""
    width = float(rng.uniform(0.45, 1.0))
    height, thick = width * float(rng.choice([1.41, 1.5, 0.71, 1.0])), float(rng.choice([0.004, 0.03]))
    y, edge = width / 2, paint((0.93, 0.92, 0.89))
    surfaces = solid((0, -y, 0), (thick, y, height), edge, 0.02, ("-y", "+y", "+z", "-z"))
    margin = float(rng.uniform(0.02, 0.06)) if thick < 0.01 else 0.0
    if margin:
        surfaces += [rectangle((0.5 * thick, -y, 0), (0, width, 0), (0, 0, height), edge, 0.026)]
    w, h = width - 2 * margin, height - 2 * margin
    picture = random_artwork(rng, w, h)
    surfaces += [rectangle((thick, -w / 2, margin), (0, w, 0), (0, 0, h), picture, 0.022, inset=(0.3, 0.3))]
    return _hung([with_room_behind(surfaces, thick / 2)], height, rng)


def picture_row(rng: np.random.Generator) -> Piece:
    """Two to four pictures of one size side by side, or above each other."""
    count, gap = int(rng.integers(2, 5)), float(rng.uniform(0.05, 0.14))
    width = float(rng.uniform(0.25, 0.45))
    height, stacked = width * float(rng.choice([1.0, 1.35])), chance(rng, 0.2)
    count = min(count, 3) if stacked else count
    groups = []
    for number in range(count):
        step = number * ((height if stacked else width) + gap)
        groups.append(moved(framed(rng, width, height), (0, 0 if stacked else step, step if stacked else 0)))
    return _hung(groups, height * (count if stacked else 1), rng)


def gallery(rng: np.random.Generator) -> Piece:
    """Five to nine pictures of all sizes, hung close."""
    groups, y = [], 0.0
    for _ in range(int(rng.integers(2, 5))):
        column, z = float(rng.uniform(0.25, 0.5)), float(rng.uniform(0.0, 0.15))
        for _ in range(2):
            height = float(rng.uniform(0.25, 0.55))
            groups.append(moved(framed(rng, column * float(rng.uniform(0.8, 1.0)), height), (0, y + column / 2, z)))
            z += height + 0.07
        y += column + 0.07
    return _hung(groups, 1.1, rng)


def mirror_surface(rng: np.random.Generator, height: float) -> Material:
    """Silvered glass of this height: the wall opposite, its floor below and ceiling above, things that stand there."""
    wall, floor, ceiling = (float(v) for v in rng.uniform((0.45, 0.2, 0.7), (0.8, 0.5, 0.9)))
    tint = np.clip(1 + rng.normal(0, 0.04, 3), 0.9, 1.1)
    skirting, cornice = float(rng.uniform(0.05, 0.3)), float(rng.uniform(0.75, 1.1))
    tones = rng.uniform(0.1, 0.9, 3)

    def texture(u: Array, v: Array, rng: np.random.Generator) -> Array:
        level = v / height
        grey = np.where(level < skirting, floor, np.where(level > cornice, ceiling, wall))
        for number, tone in enumerate(tones):
            top = 0.5 + 0.3 * noise(3 * u, np.full_like(u, number), rng)
            stands = (noise(4 * u + 7 * number, np.zeros_like(u), rng) > 0.25) & (level < top)
            grey = np.where(stands, tone, grey)
        return np.asarray(grey[:, None] * tint)

    return Material(texture, gloss=0.45)


def wall_mirror(rng: np.random.Generator) -> Piece:
    """A mirror in a frame: round, oval or upright; ScanNet's twenty classes have none for it."""
    width = float(rng.uniform(0.35, 0.8))
    if chance(rng, 0.5):
        height = width * float(rng.choice([1.0, 1.5, 2.0]))
        return _hung([framed(rng, width, height, mirror_surface(rng, height))], height, rng, "other object")
    r, stuff = width / 2, one_of(rng, (random_wood, random_metal, random_front))(rng)
    stretch = float(rng.choice([1.0, 1.0, 1.4]))
    ring = [(0.02, r * math.cos(a), stretch * r * math.sin(a)) for a in np.linspace(0, 2 * math.pi, 25)[:-1]]
    glass = turned([lathe([(r, 0.012), (0, 0.012)], mirror_surface(rng, 2 * r), 0.026)], "y", 90)

    def stretched(surface: Surface) -> Surface:
        shape = surface.shape
        return replace(surface, shape=lambda s, t: shape(s, t) * np.array((1.0, 1.0, stretch)))

    round_mirror = [tube(ring, 0.028, stuff, 0.022, closed=True), *(stretched(one) for one in glass)]
    return _hung([round_mirror], 2 * r, rng, "other object")
