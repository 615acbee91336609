"""Bookshelves: open, ladder, cubes, wall boards. What fills them belongs to them."""

from __future__ import annotations

import itertools
import math

import numpy as np

from ..piece import Piece, Placement
from ..shapes import SIDES, beam
from ..surfaces import Surface, box, moved, rectangle
from ..textures import chance, one_of, random_front, random_metal, random_wood
from .assembly import assemble, bounds, part
from .books import book_row
from .fittings import columns
from .small_things import basket, carton, photograph, pile, vase

SHELF = ("+x", "+z", "-z", "-y", "+y")


def _filled(
    rng: np.random.Generator, x: float, y0: float, y1: float, z: float, room: float, depth: float, share: float
) -> list[Surface]:
    """Books from y0 on, an ornament in what is left; x is the front edge of the board at z."""
    surfaces: list[Surface] = []
    books = float(np.clip(rng.normal(share, 0.25), 0.0, 0.98)) * (y1 - y0)
    if books > 0.08:
        surfaces += moved(book_row(rng, books, min(room - 0.03, 0.33), min(0.2, depth - 0.06)), (x - 0.02, y0, z))
    else:
        books = 0.0
    free = y1 - y0 - books
    if free > 0.16 and chance(rng, 0.7):
        thing = one_of(rng, (vase, carton, photograph, basket, pile))(rng)
        low, high = bounds(thing)
        size = high - low
        if size[2] < room - 0.02 and size[1] < free and size[0] < depth:
            where = (x - depth / 2 - (low[0] + high[0]) / 2, y0 + books + free / 2 - (low[1] + high[1]) / 2, z - low[2])
            surfaces += moved(thing, (float(where[0]), float(where[1]), float(where[2])))
    return surfaces


def _shelf(surfaces: list[Surface], placement: Placement = Placement.WALL, lift: float = 0.0) -> Piece:
    return assemble([part("bookshelf", surfaces)], placement, lift=lift, clearance=0.4 if lift == 0 else 0.0)


def bookcase(rng: np.random.Generator) -> Piece:
    """A tall case of boards with a back, in one to three bays, full or half empty."""
    bays, height, depth = int(rng.integers(1, 4)), float(rng.uniform(1.1, 2.3)), float(rng.uniform(0.24, 0.36))
    width, stuff = bays * float(rng.uniform(0.5, 0.85)), random_front(rng)
    back = stuff if chance(rng, 0.7) else random_front(rng)
    board, plinth, share = (
        float(rng.uniform(0.018, 0.03)),
        float(rng.uniform(0.03, 0.1)),
        float(rng.uniform(0.55, 0.97)),
    )
    y, levels = width / 2, max(3, round(height / float(rng.uniform(0.3, 0.4))))
    surfaces = [rectangle((0.006, -y, 0), (0, width, 0), (0, 0, height), back, 0.06)]
    surfaces += box((0, -y, height - board), (depth, y, height), stuff, 0.04, SHELF)
    surfaces += box((0, -y, 0), (depth - 0.01, y, plinth), stuff, 0.04, ("+x",))
    edges = np.linspace(-y, y - board, bays + 1)
    for number, a in enumerate(edges):
        faces = ("+x", "-y", "+y") if 0 < number < bays else (*SIDES, "+z")
        surfaces += box((0, float(a), 0), (depth, float(a) + board, height), stuff, 0.045, faces)
    heights = np.linspace(plinth, height - board, levels + 1)
    for a, b in itertools.pairwise(edges):
        for low, high in itertools.pairwise(heights):
            inner = (float(a) + board, float(b))
            surfaces += box(
                (0.01, inner[0], float(low) - board),
                (depth - 0.003, inner[1], float(low)),
                stuff,
                0.045,
                ("+x", "+z", "-z"),
            )
            surfaces += _filled(
                rng, depth, inner[0] + 0.01, inner[1] - 0.01, float(low), float(high - low) - board, depth, share
            )
    return _shelf(surfaces)


def cube_shelf(rng: np.random.Generator) -> Piece:
    """A grid of square compartments, some with books, baskets or closed inserts."""
    across, up, depth = int(rng.integers(2, 6)), int(rng.integers(2, 6)), float(rng.uniform(0.32, 0.4))
    cell, rim, stuff = float(rng.uniform(0.34, 0.38)), float(rng.uniform(0.02, 0.045)), random_front(rng)
    width, height = across * cell + rim, up * cell + rim
    y, insert = width / 2, random_front(rng)
    surfaces: list[Surface] = []
    if chance(rng, 0.7):
        surfaces += [rectangle((0.006, -y, 0), (0, width, 0), (0, 0, height), stuff, 0.06)]
    for number in range(across + 1):
        a = -y + number * cell
        surfaces += box((0, a, 0), (depth, a + rim, height), stuff, 0.045, ("+x", "-y", "+y"))
    for number in range(up + 1):
        z = number * cell
        surfaces += box((0, -y, z), (depth, y, z + rim), stuff, 0.045, ("+x", "+z", "-z"))
    for row in range(up):
        for column in range(across):
            a, z = -y + column * cell + rim, row * cell + rim
            low, high = (0.02, a + 0.004, z), (depth - 0.01, a + cell - rim - 0.004, z + cell - rim - 0.02)
            if chance(rng, 0.2):
                surfaces += box(low, high, insert, 0.04, ("+x", "+z", "-y", "+y"))
            else:
                surfaces += _filled(
                    rng, depth, a + 0.01, a + cell - rim - 0.01, z, cell - rim, depth, float(rng.uniform(0.2, 1.0))
                )
    return _shelf(surfaces)


def ladder_shelf(rng: np.random.Generator) -> Piece:
    """Boards between two leaning or upright ladders, deeper below than above, no back."""
    width, height, levels = float(rng.uniform(0.5, 1.0)), float(rng.uniform(1.5, 2.0)), int(rng.integers(4, 6))
    frame, board = one_of(rng, (random_metal, random_wood))(rng), random_front(rng)
    y, deep, shallow = width / 2, float(rng.uniform(0.38, 0.5)), float(rng.uniform(0.2, 0.3))
    surfaces: list[Surface] = []
    for s in (-1, 1):
        surfaces += [beam((deep, s * y, 0), (shallow, s * y, height), 0.025, 0.04, frame, 0.034)]
        surfaces += [beam((0.02, s * y, 0), (0.02, s * y, height), 0.025, 0.04, frame, 0.034)]
    for number in range(levels):
        z = 0.12 + number * (height - 0.2) / (levels - 1) * 0.98
        depth = deep + (shallow - deep) * z / height
        surfaces += box((0.02, -y + 0.01, z - 0.025), (depth, y - 0.01, z), board, 0.036)
        room = (height - 0.2) / (levels - 1) - 0.03
        surfaces += _filled(rng, depth, -y + 0.03, y - 0.03, z, room, depth - 0.02, float(rng.uniform(0.2, 0.9)))
    return _shelf(surfaces)


def steel_shelf(rng: np.random.Generator) -> Piece:
    """Boards on four posts with cross braces, open on all sides."""
    width, height, depth = float(rng.uniform(0.7, 1.3)), float(rng.uniform(1.2, 1.95)), float(rng.uniform(0.28, 0.4))
    frame, board, levels = random_metal(rng), one_of(rng, (random_front, random_metal))(rng), int(rng.integers(3, 6))
    y = width / 2
    surfaces = [
        beam((x, s * y, 0), (x, s * y, height), 0.03, 0.03, frame, 0.034)
        for x in (0.015, depth - 0.015)
        for s in (-1, 1)
    ]
    surfaces += [
        beam((0.01, -y, 0.1), (0.01, y, height - 0.1), 0.008, 0.02, frame, 0.034),
        beam((0.01, y, 0.1), (0.01, -y, height - 0.1), 0.008, 0.02, frame, 0.034),
    ]
    for number in range(levels):
        z = 0.12 + number * (height - 0.16) / (levels - 1)
        surfaces += box((0, -y + 0.01, z - 0.03), (depth, y - 0.01, z), board, 0.04)
        if number < levels - 1:
            surfaces += _filled(
                rng,
                depth,
                -y + 0.04,
                y - 0.04,
                z,
                (height - 0.16) / (levels - 1) - 0.04,
                depth - 0.02,
                float(rng.uniform(0.3, 1.0)),
            )
    return _shelf(surfaces)


def stepped_shelf(rng: np.random.Generator) -> Piece:
    """A case whose columns rise like stairs."""
    steps, cell, depth, stuff = (
        int(rng.integers(3, 5)),
        float(rng.uniform(0.32, 0.4)),
        float(rng.uniform(0.28, 0.36)),
        random_front(rng),
    )
    surfaces: list[Surface] = []
    for number, (a, b) in enumerate(columns(steps * cell, steps)):
        top = (number + 1) * cell
        surfaces += [rectangle((0.006, a, 0), (0, cell, 0), (0, 0, top), stuff, 0.06)]
        surfaces += box((0, a, 0), (depth, a + 0.025, top), stuff, 0.045, ("+x", "-y", "+y"))
        surfaces += box((0, b - 0.025, 0), (depth, b, top), stuff, 0.045, ("+x", "-y", "+y"))
        for row in range(number + 2):
            surfaces += box(
                (0, a, row * cell - (0.025 if row else 0.0)),
                (depth, b, row * cell + (0.0 if row else 0.025)),
                stuff,
                0.045,
                SHELF,
            )
            if row <= number:
                surfaces += _filled(
                    rng, depth, a + 0.035, b - 0.035, row * cell + (0.0 if row else 0.025), cell - 0.03, depth, 0.6
                )
    return _shelf(surfaces)


def wall_shelves(rng: np.random.Generator) -> Piece:
    """One to three boards on the wall with books and ornaments."""
    width, boards, depth = float(rng.uniform(0.6, 1.5)), int(rng.integers(1, 4)), float(rng.uniform(0.2, 0.28))
    stuff, pitch, y = random_front(rng), float(rng.uniform(0.3, 0.38)), width / 2
    surfaces: list[Surface] = []
    for number in range(boards):
        z = number * pitch
        shift = float(rng.uniform(-0.1, 0.1)) if chance(rng, 0.3) else 0.0
        surfaces += box((0, -y + shift, z), (depth, y + shift, z + 0.03), stuff, 0.036, SHELF)
        surfaces += _filled(
            rng, depth, -y + shift + 0.02, y + shift - 0.02, z + 0.03, 0.3, depth, float(rng.uniform(0.4, 0.9))
        )
    return _shelf(surfaces, Placement.MOUNTED, float(rng.uniform(1.15, 1.5)))


def revolving_bookcase(rng: np.random.Generator) -> Piece:
    """A low square tower with books facing all four sides."""
    half, height, stuff = float(rng.uniform(0.24, 0.3)), float(rng.uniform(0.8, 1.3)), random_front(rng)
    levels: list[float] = list(np.linspace(0.08, height - 0.03, int(height / 0.36) + 1))
    surfaces = box((-half, -half, height - 0.03), (half, half, height), stuff, 0.036)
    surfaces += box((-0.03, -0.03, 0), (0.03, 0.03, 0.08), stuff, 0.04, SIDES)
    for low, high in itertools.pairwise(levels):
        surfaces += box((-half, -half, low - 0.025), (half, half, low), stuff, 0.04)
        for quarter in range(4):
            row = book_row(rng, 2 * half - 0.12, high - low - 0.05, 0.18)
            turned_row = moved(moved(row, (half - 0.02, -half + 0.1, low)), (0, 0, 0), 90.0 * quarter)
            surfaces += turned_row
            angle = math.radians(90 * quarter + 45)
            post = (math.cos(angle) * half * 1.36, math.sin(angle) * half * 1.36)
            surfaces += [beam((*post, low), (*post, high), 0.03, 0.03, stuff, 0.034)]
    return assemble([part("bookshelf", surfaces)], Placement.FREE, clearance=0.3)
