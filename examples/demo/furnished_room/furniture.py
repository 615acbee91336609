"""Furniture, composed of primitives. Each piece stands on z = 0 around the origin; its front looks along +x."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from rtgs2_training.synthrooms.surfaces import Array, Surface, blob, box, cylinder, lathe, moved, rectangle
from rtgs2_training.synthrooms.textures import BLACK, BRASS, OAK, WALNUT, WHITE, Material, fabric, striped

from .objects import book_pile, book_row, bowl, mug, photograph, plant_pot, plate, storage_box, table_lamp, twigs, vase


def dining_table(places: Sequence[tuple[float, float]], length: float = 1.7, width: float = 0.9) -> list[Surface]:
    """A table, long along x and 0.75 m tall, with a plate at each of the ``places`` (x, y)."""
    x, y, leg, height = length / 2, width / 2, 0.07, 0.75
    parts = box((-x, -y, height - 0.035), (x, y, height), OAK, 0.035, ("-x", "+x", "-y", "+y", "-z"))
    covered = [(px + x - 0.09, py + y - 0.09, px + x + 0.09, py + y + 0.09) for px, py in places]
    parts += [rectangle((-x, -y, height), (length, 0, 0), (0, width, 0), OAK, 0.027, covered, (0.3, 0.3))]
    for px, py in places:
        parts += moved(plate(), (px, py, height + 0.004))
    parts += box(
        (-x + 0.1, -y + 0.1, height - 0.11), (x - 0.1, y - 0.1, height - 0.035), OAK, 0.05, ("-x", "+x", "-y", "+y")
    )
    for sx in (-1, 1):
        for sy in (-1, 1):
            cx, cy = sx * (x - 0.1), sy * (y - 0.1)
            low, high = (cx - leg / 2, cy - leg / 2, 0.0), (cx + leg / 2, cy + leg / 2, height - 0.035)
            parts += box(low, high, OAK, 0.03, ("-x", "+x", "-y", "+y"))
    return parts


def chair() -> list[Surface]:
    """A dining chair with an upholstered seat and a slatted back."""
    sides = ("-x", "+x", "-y", "+y")
    parts = box((-0.21, -0.21, 0.42), (0.21, 0.21, 0.45), WALNUT, 0.035, (*sides, "-z"))
    parts += [blob((0.0, 0.0, 0.455), (0.205, 0.205, 0.035), fabric((0.80, 0.74, 0.62)), 0.03, 5)]
    for y in (-0.19, 0.19):
        parts += box((0.16, y - 0.02, 0.0), (0.20, y + 0.02, 0.42), WALNUT, 0.025, sides)
        parts += box((-0.21, y - 0.02, 0.0), (-0.17, y + 0.02, 0.92), WALNUT, 0.025, (*sides, "+z"))
    for z, depth in ((0.58, 0.06), (0.69, 0.06), (0.80, 0.10)):
        parts += box((-0.205, -0.18, z), (-0.18, 0.18, z + depth), WALNUT, 0.028)
    return parts


def sofa(width: float = 2.1) -> list[Surface]:
    """A two-seat sofa with seat and back cushions and three throw pillows."""
    cloth, w = fabric((0.40, 0.47, 0.54)), width / 2
    parts = box((-0.43, -w, 0.08), (0.42, w, 0.30), cloth, 0.042, ("+x", "-y", "+y", "+z"))
    parts += box((-0.45, -w, 0.08), (-0.25, w, 0.78), cloth, 0.042, ("+x", "-x", "-y", "+y", "+z"))
    for side in (-1, 1):
        y0, y1 = sorted((side * w, side * (w - 0.2)))
        parts += box((-0.43, y0, 0.08), (0.43, y1, 0.60), cloth, 0.042, ("+x", "-y", "+y", "+z"))
        y = side * (w - 0.2) / 2
        parts += [blob((0.09, y, 0.38), (0.36, (w - 0.2) / 2, 0.10), cloth, 0.04, 5)]
        parts += [blob((-0.18, y, 0.65), (0.12, (w - 0.22) / 2, 0.24), cloth, 0.04, 4)]
        parts += [cylinder((0.36, side * (w - 0.06), 0.0), 0.025, 0.09, WALNUT)]
        parts += [cylinder((-0.38, side * (w - 0.06), 0.0), 0.025, 0.09, WALNUT)]
    pillows: list[tuple[float, Material, float]] = [
        (0.62, fabric((0.85, 0.62, 0.20)), 20),
        (0.30, striped((0.90, 0.87, 0.80), (0.25, 0.36, 0.44), period=0.09), 5),
        (-0.64, fabric((0.66, 0.30, 0.22)), -25),
    ]
    for y, material, yaw in pillows:
        parts += moved([blob((0.0, 0.0, 0.0), (0.10, 0.21, 0.20), material, 0.028, 3.2)], (0.06, y, 0.64), yaw)
    return parts


def coffee_table(rng: np.random.Generator) -> list[Surface]:
    """A low round table with books, a mug and a small bowl."""
    parts = [lathe([(0.42, 0.37), (0.42, 0.40), (0.0, 0.40)], WALNUT, 0.022)]
    parts += [lathe([(0.0, 0.37), (0.42, 0.37)], WALNUT, 0.04)]
    for angle in (45, 165, 285):
        x, y = 0.3 * math.cos(math.radians(angle)), 0.3 * math.sin(math.radians(angle))
        parts += [cylinder((x, y, 0.0), 0.022, 0.37, WALNUT)]
    parts += moved(book_pile(rng, 3), (-0.05, -0.16, 0.40), 25)
    parts += moved(mug((0.20, 0.42, 0.46)), (0.2, 0.1, 0.40), 0)
    parts += moved(bowl(0.1, (0.82, 0.74, 0.60)), (-0.12, 0.2, 0.40), 0)
    return parts


def bookshelf(rng: np.random.Generator, width: float = 1.8, height: float = 2.1, depth: float = 0.32) -> list[Surface]:
    """A shelf of five boards, filled with books, here and there a vase, a box or a leaning gap."""
    w, board, levels = width / 2, 0.025, 5
    parts = box((0, -w, 0), (depth, -w + board, height), WHITE, 0.05)
    parts += box((0, w - board, 0), (depth, w, height), WHITE, 0.05)
    parts += box((0, -w, height - board), (depth, w, height), WHITE, 0.05)
    parts += [rectangle((0.01, -w, 0), (0, width, 0), (0, 0, height), WHITE, 0.06)]
    parts += box((0, -w, 0), (depth - 0.01, w, 0.08), WHITE, 0.035, ("+x",))
    pitch = (height - board - 0.08) / levels
    for level in range(levels):
        z = 0.08 + level * pitch
        parts += box((0, -w + board, z - board), (depth, w - board, z), WHITE, 0.042, ("+x", "+z", "-z"))
        for half in (0, 1):
            start = -w + board + 0.01 + half * (w - board)
            books = rng.uniform(0.5, 0.92) * (w - board)
            parts += moved(book_row(rng, books, pitch - 0.07), (depth, start, z), 0)
            middle, free = start + (books + w - board) / 2, w - board - books
            if free > 0.22:
                ornament = [vase((0.24, 0.44, 0.50), 0.9), plant_pot(), storage_box()][(level + half) % 3]
                parts += moved(ornament, (depth / 2, middle, z), 0)
    return parts


def sideboard(rng: np.random.Generator, width: float = 1.7) -> list[Surface]:
    """A cabinet with two doors and three drawers; on it a table lamp, a vase, a photograph and books."""
    w, depth, top = width / 2, 0.45, 0.78
    parts = box((0, -w, 0.12), (depth, w, top), OAK, 0.036, ("-y", "+y", "+z"))
    for y in (-w + 0.06, w - 0.06):
        for x in (0.06, depth - 0.06):
            parts += [lathe([(0.014, 0), (0.024, 0.12)], BLACK, 0.02, (x, y, 0))]
    parts += [rectangle((depth - 0.1, -w, 0.12), (0, width, 0), (0, 0, top - 0.12), OAK, 0.05)]
    thirds = np.linspace(-w, w, 4)
    for column in (0, 2):
        low, high = (depth - 0.02, thirds[column] + 0.008, 0.13), (depth, thirds[column + 1] - 0.008, top - 0.03)
        parts += box(low, high, WHITE, 0.038, ("+x", "-y", "+y", "+z"))
        y = thirds[column + 1] - 0.06 if column == 0 else thirds[column] + 0.06
        parts += box((depth, y - 0.012, 0.42), (depth + 0.02, y + 0.012, 0.56), BRASS, 0.014)
    for z in np.linspace(0.13, top - 0.03, 4)[:3]:
        low, high = (depth - 0.02, thirds[1] + 0.008, z), (depth, thirds[2] - 0.008, z + 0.195)
        parts += box(low, high, WHITE, 0.038, ("+x", "-y", "+y", "+z"))
        parts += box((depth, -0.07, z + 0.09), (depth + 0.02, 0.07, z + 0.112), BRASS, 0.014)
    parts += moved(table_lamp(), (0.22, 0.62, top), 0)
    parts += moved(vase((0.28, 0.40, 0.52), 1.3), (0.22, -0.6, top), 0)
    parts += moved(twigs(rng), (0.22, -0.6, top + 0.3), 0)
    parts += moved(photograph(), (0.18, 0.12, top), -8)
    parts += moved(book_pile(rng, 4), (0.24, -0.22, top), 80)
    return parts


def radiator(width: float = 1.4, height: float = 0.55) -> list[Surface]:
    """A ribbed radiator under a window, its back at x = 0."""
    parts: list[Surface] = []
    for y in np.arange(-width / 2, width / 2 - 0.01, 0.1):
        parts += box((0.03, y, 0.12), (0.10, y + 0.085, 0.12 + height), WHITE, 0.038, ("+x", "-y", "+y", "+z"))
    return parts


def curtain(width: float, height: float, folds: float) -> list[Surface]:
    """A curtain in folds, hanging at x = 0, centred on y = 0."""

    def shape(s: Array, t: Array) -> Array:
        depth = (0.02 + 0.025 * (1 - t)) * np.sin(2 * np.pi * folds * s)
        return np.stack([depth, (s - 0.5) * width, height * t], axis=1)

    return [Surface(shape, (width * 1.6, height), fabric((0.88, 0.84, 0.76), grain=0.03, thin=True), (0.024, 0.06))]
