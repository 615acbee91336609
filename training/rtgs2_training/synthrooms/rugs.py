"""Rugs: class floor, as what one walks on."""

from __future__ import annotations

import numpy as np

from .piece import Part, Piece, Placement
from .surfaces import Surface, lathe, rectangle
from .textures import chance, random_carpet, random_fabric, rug

THICKNESS = 0.012  # metres


def random_rug(rng: np.random.Generator) -> Piece:
    """A rectangular or round rug: woven, plain, striped or patterned."""
    width, depth = float(rng.uniform(0.6, 2.6)), float(rng.uniform(0.6, 1.9))
    stuff = random_carpet(rng) if chance(rng, 0.5) else random_fabric(rng)
    if chance(rng, 0.25):
        stuff = rug(depth, width)
    if chance(rng, 0.2):
        width = depth
        surface: Surface = lathe([(depth / 2, THICKNESS), (0.0, THICKNESS)], stuff, 0.04)
    else:
        corner = (-depth / 2, -width / 2, THICKNESS)
        surface = rectangle(corner, (depth, 0, 0), (0, width, 0), stuff, 0.035, inset=(0.3, 0.3))
    return Piece((Part("floor", (surface,)),), width, depth, THICKNESS, Placement.FLOOR)
