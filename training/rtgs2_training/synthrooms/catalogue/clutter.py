"""Things strewn over tables, desks, worktops and shelves: each one a part of its own, class "other object"."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..piece import Part
from ..surfaces import Surface, moved
from ..textures import chance, one_of
from .assembly import bounds, part
from .electronics import laptop
from .lamps import table_lamp
from .plants import pot_plant
from .small_things import bottle, bowl, carton, kettle, microwave, mug, photograph, pile, plate, toaster, vase

Thing = Callable[[np.random.Generator], list[Surface]]
OBJECT = "other object"

DINING: tuple[Thing, ...] = (plate, plate, mug, bowl, vase, bottle, pile)
LIVING: tuple[Thing, ...] = (pile, pile, mug, bowl, vase, pot_plant, carton)
SIDEBOARD: tuple[Thing, ...] = (table_lamp, vase, photograph, pile, pot_plant, bowl, carton)
BEDSIDE: tuple[Thing, ...] = (table_lamp, table_lamp, pile, mug, photograph, pot_plant)
KITCHEN: tuple[Thing, ...] = (toaster, kettle, microwave, bottle, bowl, mug, carton, plate)
DESK: tuple[Thing, ...] = (pile, mug, table_lamp, photograph, pot_plant, carton, laptop)
BATH: tuple[Thing, ...] = (bottle, bottle, mug, pot_plant, carton)


def strewn(
    rng: np.random.Generator, things: Sequence[Thing], low: tuple[float, float], high: tuple[float, float], top: float,
    share: float = 0.6, cell: float = 0.3,
) -> list[Part]:  # fmt: skip
    """Things on the level area (x, y) from ``low`` to ``high`` at z = ``top``, one in ``share`` of its cells."""
    rows, lanes = (max(1, int((b - a) / cell)) for a, b in zip(low, high, strict=True))
    parts: list[Part] = []
    for row in range(rows):
        for lane in range(lanes):
            if not chance(rng, share):
                continue
            surfaces = moved(one_of(rng, things)(rng), (0, 0, 0), float(rng.uniform(-40, 40)))
            least, most = bounds(surfaces)
            middle, half = (least + most) / 2, (most - least) / 2
            place = [
                (a + (index + 0.5) * (b - a) / count + rng.uniform(-0.03, 0.03))
                for a, b, index, count in zip(low, high, (row, lane), (rows, lanes), strict=True)
            ]
            room = [(b - a) / 2 for a, b in zip(low, high, strict=True)]
            if half[0] > room[0] or half[1] > room[1] or max(half[0] / rows, half[1] / lanes) > cell:
                continue
            x, y = (
                float(np.clip(p, a + h, b - h)) - float(m)
                for p, a, b, h, m in zip(place, low, high, half, middle, strict=False)
            )
            parts.append(part(OBJECT, moved(surfaces, (x, y, top - float(least[2])))))
    return parts
