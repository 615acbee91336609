"""What walls, floors, ceilings, doors and windows are made of: random materials, none with a colour of its own."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np

from .textures import (
    Colour,
    Material,
    chance,
    one_of,
    paint,
    random_brick,
    random_carpet,
    random_colour,
    random_concrete,
    random_floorboards,
    random_front,
    random_paint,
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


def pale_colour(rng: np.random.Generator) -> Colour:
    """White with a hint of colour."""
    return colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.0, 0.13), rng.uniform(0.78, 0.97))


def wall_finish(rng: np.random.Generator, kind: str) -> Finish:
    """Paint mostly; wallpaper, panels, bricks, plaster, in wet rooms tiles."""
    draw = rng.random()
    if kind in WET and draw < 0.45:
        return Finish(random_tiles(rng), (0.045, 0.045))
    if draw < 0.58:
        return Finish(paint(pale_colour(rng), grain=float(rng.uniform(0.004, 0.02))), (0.095, 0.095))
    if draw < 0.74:
        return Finish(paint(random_colour(rng), grain=float(rng.uniform(0.004, 0.03))), (0.09, 0.09))
    if draw < 0.82:
        return Finish(random_wallpaper(rng), (0.05, 0.05))
    if draw < 0.88:
        return Finish(random_panelling(rng), (0.045, 0.08))
    if draw < 0.93:
        return Finish(random_brick(rng), (0.05, 0.038))
    return Finish(random_plaster(rng) if chance(rng, 0.7) else random_concrete(rng), (0.08, 0.08))


def floor_finish(rng: np.random.Generator, kind: str) -> Finish:
    """Boards, parquet, tiles, carpet, stone, concrete, linoleum."""
    draw = rng.random()
    if kind in WET or draw < 0.2:
        draw = rng.random()
        if draw < 0.6:
            return Finish(random_tiles(rng), (0.05, 0.05))
        return Finish(random_stone(rng) if draw < 0.75 else random_paint(rng), (0.06, 0.06))
    if draw < 0.6:
        return Finish(random_floorboards(rng), (0.09, 0.036))
    if draw < 0.88:
        return Finish(random_carpet(rng), (0.055, 0.055))
    return Finish(one_of(rng, (random_concrete, random_stone, random_paint))(rng), (0.06, 0.06))


def ceiling_finish(rng: np.random.Generator) -> Finish:
    """White mostly; now and then coloured, boards or plaster."""
    draw = rng.random()
    if draw < 0.85:
        return Finish(paint(pale_colour(rng), grain=0.006), (0.12, 0.12))
    if draw < 0.92:
        return Finish(random_floorboards(rng), (0.1, 0.05))
    return Finish(random_plaster(rng), (0.11, 0.11))


def joinery(rng: np.random.Generator) -> Material:
    """Doors, frames, skirting: white lacquer, wood, any paint."""
    if chance(rng, 0.5):
        return paint(pale_colour(rng), grain=0.01, gloss=float(rng.uniform(0, 0.06)))
    return random_wood(rng) if chance(rng, 0.5) else random_front(rng)
