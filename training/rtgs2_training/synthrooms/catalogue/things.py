"""Things that lie, stand and hang about in rooms as pieces of their own, and rugs. Rugs are "floor"."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ..piece import Piece, Placement
from ..shapes import rounded_box
from ..surfaces import BEYOND_FLOORS, Surface, box, lathe, moved, with_room_behind
from ..textures import chance, random_carpet, random_fabric, rug
from . import household, small_things
from .assembly import assemble, part
from .electronics import computer

OBJECT = "other object"


def standing(make: Callable[[np.random.Generator], list[Surface]]) -> Callable[[np.random.Generator], Piece]:
    """The design of a thing that stands anywhere on the floor."""

    def design(rng: np.random.Generator) -> Piece:
        return assemble([part(OBJECT, make(rng))], Placement.FREE)

    design.__name__, design.__doc__ = make.__name__, make.__doc__
    return design


def boxes(rng: np.random.Generator) -> Piece:
    """One to four boxes, some on top of each other."""
    surfaces: list[Surface] = []
    x = z = 0.0
    for _ in range(int(rng.integers(1, 5))):
        scale = float(rng.uniform(1.2, 2.4))
        half, high = 0.11 * scale, 0.14 * scale
        one = box(
            (-half, -1.3 * half, 0), (half, 1.3 * half, high), random_fabric(rng), 0.034, ("-x", "+x", "-y", "+y", "+z")
        )
        if z > 0.4 or chance(rng, 0.4):
            x, z = x + 0.55, 0.0
        surfaces += moved(one, (x, 0, z), float(rng.uniform(-25, 25)))
        z += high
    return assemble([part(OBJECT, surfaces)], Placement.FREE)


def floor_cushion(rng: np.random.Generator) -> Piece:
    """A flat cushion on the floor, square or round as it swells."""
    half, high = float(rng.uniform(0.24, 0.36)), float(rng.uniform(0.1, 0.2))
    surfaces = rounded_box((-half, -half, 0), (half, half, high), 0.45 * high, random_fabric(rng), 0.034, bulge=0.03)
    return assemble([part(OBJECT, surfaces)], Placement.FREE)


def wall_clock(rng: np.random.Generator) -> Piece:
    """A round clock on the wall."""
    return assemble([part(OBJECT, small_things.clock(rng))], Placement.MOUNTED, lift=float(rng.uniform(1.5, 1.9)))


def rectangular_rug(rng: np.random.Generator) -> Piece:
    """A rug or runner: bordered and patterned, or plain."""
    x, y = float(rng.uniform(0.35, 1.3)), float(rng.uniform(0.6, 1.8))
    stuff = rug(2 * y, 2 * x) if chance(rng, 0.2) else (random_carpet(rng) if chance(rng, 0.6) else random_fabric(rng))
    thick = 0.014 if chance(rng, 0.6) else float(rng.uniform(0.01, 0.04))
    return _laid(box((-x, -y, 0), (x, y, thick), stuff, 0.034, ("-x", "+x", "-y", "+y", "+z")))


def round_rug(rng: np.random.Generator) -> Piece:
    """A round rug."""
    r, stuff = float(rng.uniform(0.5, 1.2)), random_carpet(rng)
    spacing = 0.036 * math.sqrt(max(1.0, r))
    return _laid([lathe([(r, 0.0), (r, 0.012), (0.0, 0.012)], stuff, (1.6 * spacing, spacing))])


def bath_mat(rng: np.random.Generator) -> Piece:
    """A small thick mat."""
    x, y = float(rng.uniform(0.22, 0.32)), float(rng.uniform(0.35, 0.5))
    return _laid(
        rounded_box((-x, -y, 0), (x, y, 0.025), 0.012, random_carpet(rng), 0.032, ("-x", "+x", "-y", "+y", "+z"))
    )


def _laid(surfaces: list[Surface]) -> Piece:
    return assemble([part("floor", with_room_behind(surfaces, BEYOND_FLOORS))], Placement.FLOOR)


ON_THE_FLOOR = tuple(
    standing(make)
    for make in (
        small_things.basket,
        small_things.pedal_bin,
        small_things.shoes,
        small_things.bag,
        small_things.suitcase,
        small_things.pile,
        household.step_stool,
        household.ironing_board,
        computer,
    )
)
