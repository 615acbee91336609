"""What walls, floors, ceilings, doors and windows are made of: random materials, none with a colour of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .colours import PALE, SUBDUED, random_colour
from .textures import (
    Material,
    chance,
    one_of,
    paint,
    random_brick,
    random_carpet,
    random_concrete,
    random_floorboards,
    random_front,
    random_panelling,
    random_plaster,
    random_stone,
    random_tiles,
    random_wallpaper,
    random_wood,
)

WET = ("bathroom", "kitchen")


@dataclass(frozen=True)
class Finish:
    """A material and the size of the cells (metres along u and v) that shows its pattern."""

    material: Material
    spacing: tuple[float, float]


def wall_finish(rng: np.random.Generator, kind: str) -> Finish:
    """Pale paint mostly; coloured paint, wallpaper, panels, bricks, plaster, in wet rooms tiles."""
    draw = rng.random()
    if kind in WET and draw < 0.5:
        return Finish(random_tiles(rng), (0.045, 0.045))
    if draw < 0.72:
        return Finish(paint(random_colour(rng, PALE), grain=float(rng.uniform(0.004, 0.02))), (0.095, 0.095))
    if draw < 0.82:
        return Finish(paint(random_colour(rng, SUBDUED), grain=float(rng.uniform(0.004, 0.03))), (0.09, 0.09))
    if draw < 0.87:
        return Finish(random_wallpaper(rng), (0.05, 0.05))
    if draw < 0.91:
        return Finish(random_panelling(rng), (0.045, 0.08))
    if draw < 0.94:
        return Finish(random_brick(rng), (0.05, 0.038))
    make = one_of(rng, (random_plaster, random_plaster, random_concrete, random_stone, random_wood))
    return Finish(make(rng), (0.08, 0.08))


def floor_finish(rng: np.random.Generator, kind: str) -> Finish:
    """Boards, parquet, tiles, carpet, stone, concrete, linoleum."""
    draw = rng.random()
    if kind in WET or draw < 0.15:
        draw = rng.random()
        if draw < 0.7:
            return Finish(random_tiles(rng), (0.05, 0.05))
        if draw < 0.85:
            return Finish(random_floorboards(rng), (0.09, 0.036))
        return Finish(random_stone(rng) if draw < 0.93 else paint(random_colour(rng, SUBDUED)), (0.06, 0.06))
    if draw < 0.62:
        return Finish(random_floorboards(rng), (0.09, 0.036))
    if draw < 0.84:
        return Finish(random_carpet(rng), (0.055, 0.055))
    return Finish(one_of(rng, (random_concrete, random_stone))(rng), (0.06, 0.06))


def ceiling_finish(rng: np.random.Generator) -> Finish:
    """White mostly; now and then boards or plaster."""
    draw = rng.random()
    if draw < 0.92:
        return Finish(paint(random_colour(rng, PALE), grain=0.006), (0.12, 0.12))
    if draw < 0.96:
        return Finish(random_floorboards(rng), (0.1, 0.05))
    return Finish(random_plaster(rng), (0.11, 0.11))


def joinery(rng: np.random.Generator) -> Material:
    """Doors, frames, skirting: white lacquer, wood, now and then any paint."""
    if chance(rng, 0.52):
        return paint(random_colour(rng, PALE), grain=0.01, gloss=float(rng.uniform(0, 0.06)))
    return random_wood(rng) if chance(rng, 0.8) else random_front(rng)
