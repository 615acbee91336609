"""The room's shell (walls, floor, window, door) and what stands where."""

from __future__ import annotations

import numpy as np

from rtgs2_training.synthrooms.surfaces import Surface, box, moved, rectangle
from rtgs2_training.synthrooms.textures import BLACK, BRASS, CHINA, WHITE, abstract, outdoors, paint, planks, rug

from . import furniture, objects

LOW, HIGH = (-3.0, -2.5, 0.0), (3.0, 2.5, 2.7)  # the room, metres
WINDOW = (-1.7, 0.7, 0.85, 2.3)  # opening in the north wall (y = 2.5): x0, x1, z0, z1
DOOR = (1.45, 2.35, 2.05)  # in the south wall: x0, x1, height
RUG = (-2.2, -1.6, 2.2, 2.6)  # x0, y0, width, length
PICTURE = (1.3, 0.85, -0.25, 1.3)  # on the west wall: width, height, centre y, lower edge
PRINT = (0.5, 0.7, -1.1, 1.35)  # on the east wall, likewise
SILL = 0.22  # depth of the window's reveal


def shell() -> list[Surface]:
    """Floor, walls, ceiling, skirting, door, window and the view outside."""
    x0, x1, z0, z1 = WINDOW
    wall, accent = paint((0.90, 0.87, 0.81), grain=0.006), paint((0.54, 0.62, 0.58), grain=0.008)
    rug_hole = (RUG[0] - LOW[0], RUG[1] - LOW[1], RUG[0] - LOW[0] + RUG[2], RUG[1] - LOW[1] + RUG[3])
    parts = [
        rectangle(LOW, (6, 0, 0), (0, 5, 0), planks((0.66, 0.47, 0.30)), (0.095, 0.027), [rug_hole]),
        rectangle((RUG[0], RUG[1], 0.012), (RUG[2], 0, 0), (0, RUG[3], 0), rug(RUG[2], RUG[3]), 0.029),
        rectangle((-3, 2.5, 2.7), (6, 0, 0), (0, -5, 0), paint((0.95, 0.94, 0.92), grain=0.005), 0.09),
        rectangle(LOW, (0, 5, 0), (0, 0, 2.7), accent, 0.065, [_hole(PICTURE[2] + 2.5, PICTURE[3], PICTURE)]),
        rectangle((3, 2.5, 0), (0, -5, 0), (0, 0, 2.7), wall, 0.065, [_hole(2.5 - PRINT[2], PRINT[3], PRINT)]),
        rectangle((-3, 2.5, 0), (6, 0, 0), (0, 0, 2.7), wall, 0.065, [(x0 + 3, z0, x1 + 3, z1)]),
        rectangle((3, -2.5, 0), (-6, 0, 0), (0, 0, 2.7), wall, 0.065, [(3 - DOOR[1], 0, 3 - DOOR[0], DOOR[2])]),
    ]
    return parts + _skirting() + _window() + _door()


def _hole(centre: float, lower: float, frame: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """The part of a wall behind a picture, a little smaller than its frame."""
    width, height = frame[:2]
    return (centre - width / 2 + 0.03, lower + 0.03, centre + width / 2 - 0.03, lower + height - 0.03)


def _skirting() -> list[Surface]:
    height, depth = 0.09, 0.015
    parts = box((-3, -2.5, 0), (-3 + depth, 2.5, height), WHITE, 0.06, ("+x", "+z"))
    parts += box((3 - depth, -2.5, 0), (3, 2.5, height), WHITE, 0.06, ("-x", "+z"))
    parts += box((-3, 2.5 - depth, 0), (3, 2.5, height), WHITE, 0.06, ("-y", "+z"))
    for x0, x1 in ((-3, DOOR[0] - 0.08), (DOOR[1] + 0.08, 3)):
        parts += box((x0, -2.5, 0), (x1, -2.5 + depth, height), WHITE, 0.06, ("+y", "+z"))
    return parts


def _window() -> list[Surface]:
    x0, x1, z0, z1 = WINDOW
    y, back = HIGH[1], HIGH[1] + SILL
    parts = [
        rectangle((x0, y, z0), (0, SILL, 0), (0, 0, z1 - z0), WHITE, 0.04),
        rectangle((x1, back, z0), (0, -SILL, 0), (0, 0, z1 - z0), WHITE, 0.04),
        rectangle((x0, back, z1), (x1 - x0, 0, 0), (0, -SILL, 0), WHITE, 0.04),
    ]
    parts += box((x0 - 0.05, y - 0.06, z0 - 0.03), (x1 + 0.05, back, z0), WHITE, 0.03, ("-x", "+x", "-y", "+z", "-z"))
    bar = 0.035
    for x in (x0 + bar, (x0 + x1) / 2, x1 - bar):
        parts += box((x - bar, back - 0.05, z0), (x + bar, back, z1), WHITE, 0.035, ("-x", "+x", "-y"))
    for z in (z0 + bar, z0 + 0.68 * (z1 - z0), z1 - bar):
        parts += box((x0, back - 0.05, z - bar), (x1, back, z + bar), WHITE, 0.035, ("-z", "+z", "-y"))
    width, height = x1 - x0 + 3.2, z1 - z0 + 2.0
    view = rectangle((x0 - 1.6, y + 1.2, z0 - 1.0), (width, 0, 0), (0, 0, height), outdoors(width, height), 0.07)
    return [*parts, view]


def _door() -> list[Surface]:
    x0, x1, height = DOOR
    y, leaf = LOW[1], paint((0.86, 0.85, 0.82), gloss=0.03)
    parts = [rectangle((x1, y - 0.02, 0), (x0 - x1, 0, 0), (0, 0, height), leaf, 0.045)]
    for a, b in ((x0 - 0.08, x0), (x1, x1 + 0.08)):
        parts += box((a, y - 0.02, 0), (b, y + 0.025, height + 0.08), WHITE, 0.03, ("-x", "+x", "+y"))
    parts += box((x0, y - 0.02, height), (x1, y + 0.025, height + 0.08), WHITE, 0.03, ("+y", "+z", "-z"))
    panel = paint((0.78, 0.77, 0.74), gloss=0.02)
    for low, high in ((0.18, 0.92), (1.08, 1.92)):
        for a, b in ((x0 + 0.13, x0 + 0.15), (x1 - 0.15, x1 - 0.13)):
            parts += box((a, y - 0.02, low), (b, y - 0.008, high), panel, 0.02, ("+y",))
        for z in (low, high - 0.02):
            parts += box((x0 + 0.13, y - 0.02, z), (x1 - 0.13, y - 0.008, z + 0.02), panel, 0.02, ("+y",))
    parts += box((x0 + 0.05, y, 1.01), (x0 + 0.17, y + 0.045, 1.035), BRASS, 0.012)
    parts += box((x0 + 0.04, y - 0.02, 0.94), (x0 + 0.075, y, 1.10), BRASS, 0.015, ("+y",))
    switch = box((x0 - 0.28, y, 1.06), (x0 - 0.20, y + 0.012, 1.14), CHINA, 0.02)
    return parts + switch


def furnishings(rng: np.random.Generator) -> list[Surface]:
    """Everything that stands, hangs or lies in the room."""
    table = (1.55, 0.95, 0.0)
    parts = moved(furniture.dining_table([(-0.42, -0.25), (0.44, -0.25), (-0.40, 0.25), (0.42, 0.25)]), table)
    for x, y, yaw in ((-0.42, -0.62, 90), (0.44, -0.66, 84), (-0.40, 0.66, -86), (0.42, 0.62, -93)):
        parts += moved(furniture.chair(), (table[0] + x, table[1] + y, 0), yaw)
    parts += moved(objects.fruit_bowl(), (table[0], table[1], 0.752))
    parts += moved(objects.mug((0.80, 0.34, 0.24)), (table[0] - 0.17, table[1] - 0.28, 0.752))
    parts += moved(objects.mug((0.86, 0.84, 0.78)), (table[0] + 0.66, table[1] + 0.14, 0.752))
    parts += moved(objects.pendant_lamp(0.95), (table[0], table[1], 2.7))
    parts += moved(objects.ceiling_lamp(), (-0.9, -0.4, 2.7))

    parts += moved(furniture.sofa(), (-2.5, -0.3, 0))
    parts += moved(furniture.coffee_table(rng), (-1.15, -0.3, 0.012))
    parts += moved(objects.picture(PICTURE[0], PICTURE[1]), (-2.995, PICTURE[2], PICTURE[3]))
    parts += moved(objects.house_plant(rng), (-2.5, 1.95, 0))
    parts += moved(objects.basket(), (-2.6, -1.75, 0))

    parts += moved(furniture.bookshelf(rng), (-1.3, -2.495, 0), 90)
    parts += moved(furniture.sideboard(rng), (2.995, -1.1, 0), 180)
    prints = objects.picture(PRINT[0], PRINT[1], abstract(PRINT[0] - 0.09, PRINT[1] - 0.09))
    parts += moved(prints, (2.995, PRINT[2], PRINT[3]), 180)
    parts += moved(objects.clock(), (2.995, 0.9, 2.0), 180)
    x0, x1, _, top = WINDOW
    parts += moved(furniture.radiator(), ((x0 + x1) / 2, 2.49, 0), -90)
    for x in (x0 - 0.25, x1 + 0.25):
        parts += moved(furniture.curtain(0.6, top, 5), (x, 2.38, 0.05), -90)
    rod = box((x0 - 0.65, 2.365, top + 0.06), (x1 + 0.65, 2.395, top + 0.09), BLACK, 0.03)
    return parts + rod
