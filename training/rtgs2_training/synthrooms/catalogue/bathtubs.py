"""Bathtubs: behind an apron, on claws, free-standing, in a corner; their taps belong to them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..piece import Piece, Placement
from ..shapes import SIDES, Section, loft, rounded_box, tube
from ..surfaces import IN_SHELLS, Array, Surface, box, lathe, moved, with_room_behind
from ..textures import (
    Material,
    chance,
    one_of,
    random_ceramic,
    random_front,
    random_metal,
    random_stone,
    random_tiles,
)
from .assembly import assemble, part
from .clutter import BATH, strewn
from .fittings import tap


def _tub_hollow(
    stuff: Material, x0: float, y0: float, x1: float, y1: float, rim: float, edge: float, *, power: float = 5.0
) -> list[Surface]:
    """The rim and the inside of a tub; the rim is as wide as ``edge``, square without, rounded within."""
    cx, cy, a, b = (x0 + x1) / 2, (y0 + y1) / 2, (x1 - x0) / 2, (y1 - y0) / 2

    def level(z: float, k: float, inner: float, exponent: float) -> Section:
        return Section(z, k * a - inner, k * a - inner, k * b - inner, cx, exponent)

    sections = [
        level(rim, 1.0, 0.0, 30.0),
        level(rim, 1.0, edge, power),
        level(rim - 0.25, 0.95, edge, power),
        level(0.16, 0.86, edge, power),
        level(0.13, 0.7, edge, power),
        level(0.13, 0.0, 0.0, power),
    ]
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
    return assemble(
        [part("bathtub", surfaces), *strewn(rng, BATH, (0.0, y - 0.12), (depth, y), rim, 0.3, 0.12)], clearance=0.4
    )


def _free_tub(
    rng: np.random.Generator,
    china: Material,
    outside: Material,
    x: float,
    y: float,
    low: float,
    rim: float,
    flare: float,
) -> list[Surface]:
    """The double skin of a free-standing tub, centred; its ends rise a little if ``flare``."""

    def skin(z: float, k: float, inner: float = 0.0) -> Section:
        return Section(z, k * x - inner, k * x - inner, k * y - inner, 0, 2.8)

    body = [
        skin(low, 0.0),
        skin(low, 0.62),
        skin(low + 0.08, 0.78),
        skin(0.5 * (low + rim), 0.88),
        skin(rim - 0.02, 1.0 - 0.04 * flare),
        skin(rim, 1.03),
    ]
    inside = [
        skin(rim, 1.03),
        skin(rim + 0.01, 1.0),
        skin(rim - 0.01, 1.0, 0.045),
        skin(0.5 * (low + rim), 0.87, 0.05),
        skin(low + 0.12, 0.72, 0.06),
        skin(low + 0.09, 0.0),
    ]
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
            surfaces += [
                tube(
                    [(1.35 * a, 1.03 * b, 0.02), (1.4 * a, 1.06 * b, 0.08), (1.1 * a, b, 0.2)],
                    [0.035, 0.025, 0.045],
                    metal,
                    0.024,
                )
            ]
    surfaces += moved(tap(metal, rng, 0.22, 0.16), (-x - 0.02, 0, rim + 0.01))
    return assemble([part("bathtub", surfaces)], clearance=0.4)


def freestanding_bathtub(rng: np.random.Generator) -> Piece:
    """A modern free-standing tub, an egg or a slab, its tap rising from the floor."""
    china = one_of(rng, (random_ceramic, random_ceramic, random_stone))(rng)
    x, y, rim = float(rng.uniform(0.36, 0.44)), float(rng.uniform(0.75, 0.9)), float(rng.uniform(0.52, 0.6))
    if chance(rng, 0.5):
        surfaces = _free_tub(
            rng,
            china,
            china if chance(rng, 0.6) else random_front(rng),
            x,
            y,
            0.0,
            rim,
            float(rng.choice([0.0, 0.6, 1.2])),
        )
    else:
        surfaces = with_room_behind(rounded_box((-x, -y, 0), (x, y, rim), 0.05, china, 0.036, SIDES), IN_SHELLS)
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
    surfaces += [
        ring(
            [(rim, 0, 0), (rim, 0.1, 0), (rim - 0.28, 0.16, 0), (0.16, 0.22, 0), (0.13, 0.3, 0), (0.13, 0.3, 1.0)],
            china,
        )
    ]
    surfaces += _wall_tap(rng, 0.06, 0.5 * side, rim, 0)
    return assemble([part("bathtub", surfaces)], Placement.CORNER, clearance=0.4)
