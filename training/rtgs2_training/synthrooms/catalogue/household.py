"""Household things that stand about and are no furniture: step stools, ironing boards. Each stands on z = 0."""

from __future__ import annotations

import numpy as np

from ..shapes import Section, beam, loft, tube
from ..surfaces import Surface, box
from ..textures import one_of, random_fabric, random_front, random_metal


def step_stool(rng: np.random.Generator) -> list[Surface]:
    """Two or three steps of wood or steel."""
    stuff, y, steps = (
        one_of(rng, (random_front, random_metal))(rng),
        float(rng.uniform(0.18, 0.23)),
        int(rng.integers(2, 4)),
    )
    surfaces: list[Surface] = []
    for number in range(steps):
        z, x = 0.22 * (number + 1), 0.2 * (steps - 1 - number)
        surfaces += box((x, -y, z - 0.025), (x + 0.22, y, z), stuff, 0.03)
    high, deep = 0.22 * steps, 0.2 * steps + 0.02
    for s in (-1, 1):
        surfaces += [
            beam((0.03, s * (y - 0.01), 0), (0.03, s * (y - 0.01), high), 0.03, 0.04, stuff),
            beam((deep - 0.02, s * (y - 0.01), 0), (0.15, s * (y - 0.01), high), 0.03, 0.04, stuff),
        ]
    return surfaces


def ironing_board(rng: np.random.Generator) -> list[Surface]:
    """An ironing board on crossed legs."""
    cloth, metal, h = random_fabric(rng), random_metal(rng), float(rng.uniform(0.8, 0.95))
    level = [
        Section(h - 0.025, 0.18, 0.18, 0.6, 0, 3.2),
        Section(h, 0.18, 0.18, 0.6, 0, 3.2),
        Section(h + 0.004, 0, 0, 0, 0, 3.2),
    ]
    surfaces = [loft(level, cloth, 0.036), loft([Section(h - 0.025, 0, 0, 0, 0, 3.2), level[0]], cloth, 0.05)]
    for s in (-1, 1):
        surfaces += [
            tube([(s * 0.16, -0.45, 0.012), (s * 0.08, 0.4, h - 0.03)], 0.012, metal, 0.028),
            tube([(s * 0.12, 0.45, 0.012), (s * 0.06, -0.4, h - 0.03)], 0.012, metal, 0.028),
        ]
    surfaces += [tube([(-0.18, a, 0.014), (0.18, a, 0.014)], 0.014, metal, 0.028) for a in (-0.45, 0.45)]
    return surfaces
