"""Furniture that is none of the named classes: stools, pianos, fireplaces, radiators, machines, racks, screens."""

from __future__ import annotations

import math

import numpy as np

from ..piece import Part, Piece, Placement
from ..shapes import SIDES, Section, beam, disc, loft, rounded_box, tube, turned
from ..surfaces import Array, Surface, blob, box, cylinder, lathe, moved, rectangle
from ..textures import (
    Material,
    chance,
    glow,
    one_of,
    paint,
    random_brick,
    random_fabric,
    random_front,
    random_leather,
    random_metal,
    random_paint,
    random_stone,
    random_tiles,
    random_upholstery,
    random_wood,
)
from .assembly import assemble, part
from .clutter import SIDEBOARD, strewn
from .fittings import glazed, legs
from .small_things import bag, shoes

CLASS = "other furniture"
FRONT = ("+x", "-y", "+y", "+z")


def _piece(surfaces: list[Surface], placement: Placement = Placement.WALL, extra: list[Part] | None = None, clearance: float = 0.2, lift: float = 0.0) -> Piece:
    return assemble([part(CLASS, surfaces), *(extra or [])], placement, clearance=clearance, lift=lift)


def ottoman(rng: np.random.Generator) -> Piece:
    """A pouffe: a padded cube, a drum, or a round one of leather."""
    cloth, r, h = random_upholstery(rng), float(rng.uniform(0.2, 0.36)), float(rng.uniform(0.34, 0.46))
    kind = rng.integers(3)
    if kind == 0:
        surfaces = rounded_box((-r, -r * 1.2, 0.08), (r, r * 1.2, h), 0.06, cloth, 0.036, (*SIDES, "+z"), bulge=0.02)
        surfaces += legs(rng, 0.8 * r, r, 0.09, random_wood(rng), thickness=(0.03, 0.05))
    elif kind == 1:
        surfaces = [lathe([(r, 0), (r, 0.9 * h), (0.85 * r, h), (0, h + 0.01)], cloth, 0.034)]
    else:
        surfaces = [blob((0, 0, 0.5 * h), (1.1 * r, 1.1 * r, 0.5 * h), random_leather(rng) if chance(rng, 0.5) else cloth, 0.034, 2.6)]
    return _piece(surfaces, Placement.FREE)


def bench(rng: np.random.Generator) -> Piece:
    """A bench without a back, of wood or padded."""
    x, y, h = float(rng.uniform(0.16, 0.22)), float(rng.uniform(0.45, 0.75)), float(rng.uniform(0.4, 0.48))
    stuff = random_front(rng)
    surfaces = rounded_box((-x, -y, h - 0.05), (x, y, h), 0.01, stuff, 0.034)
    if chance(rng, 0.5):
        surfaces += rounded_box((-x, -y, h), (x, y, h + 0.07), 0.03, random_upholstery(rng), 0.034, (*SIDES, "+z"), bulge=0.01)
    surfaces += legs(rng, x - 0.04, y - 0.08, h - 0.05, stuff if chance(rng, 0.5) else random_metal(rng), thickness=(0.035, 0.06))
    return _piece(surfaces, Placement.FREE)


def step_stool(rng: np.random.Generator) -> Piece:
    """Two or three steps of wood or steel."""
    stuff, y, steps = one_of(rng, (random_front, random_metal))(rng), float(rng.uniform(0.18, 0.23)), int(rng.integers(2, 4))
    surfaces: list[Surface] = []
    for number in range(steps):
        z, x = 0.22 * (number + 1), 0.2 * (steps - 1 - number)
        surfaces += box((x, -y, z - 0.025), (x + 0.22, y, z), stuff, 0.03)
    high, deep = 0.22 * steps, 0.2 * steps + 0.02
    for s in (-1, 1):
        surfaces += [beam((0.03, s * (y - 0.01), 0), (0.03, s * (y - 0.01), high), 0.03, 0.04, stuff), beam((deep - 0.02, s * (y - 0.01), 0), (0.15, s * (y - 0.01), high), 0.03, 0.04, stuff)]
    return _piece(surfaces, Placement.FREE)


def radiator(rng: np.random.Generator) -> Piece:
    """A radiator: ribs of iron, a flat panel, or a ladder of tubes for towels."""
    stuff = paint((0.92, 0.91, 0.89), gloss=0.08) if chance(rng, 0.7) else one_of(rng, (random_metal, random_paint))(rng)
    kind, surfaces = rng.integers(3), list[Surface]()
    if kind == 2:
        y, h = float(rng.uniform(0.22, 0.32)), float(rng.uniform(0.9, 1.6))
        surfaces += [tube([(0.05, s * y, 0), (0.05, s * y, h)], 0.018, stuff, 0.028) for s in (-1, 1)]
        for z in np.arange(0.05, h - 0.02, 0.075):
            if not 0.45 < (z / h) % 0.5 < 0.49:
                surfaces += [tube([(0.05, -y, float(z)), (0.07, 0, float(z)), (0.05, y, float(z))], 0.011, stuff, 0.03)]
        return _piece(surfaces, Placement.MOUNTED, lift=float(rng.uniform(0.4, 0.8)))
    y, low, h = float(rng.uniform(0.3, 0.8)), float(rng.uniform(0.1, 0.15)), float(rng.uniform(0.42, 0.62))
    if kind == 0:
        pitch = float(rng.uniform(0.06, 0.09))
        for a in np.arange(-y, y - 0.01, pitch):
            surfaces += rounded_box((0.04, float(a), low), (0.16, float(a) + 0.8 * pitch, low + h), 0.02, stuff, 0.03, (*FRONT, "-z"))
        surfaces += [beam((0.1, -y + 0.03, z), (0.1, y - 0.03, z), 0.05, 0.05, stuff) for z in (low + 0.06, low + h - 0.06)]
        surfaces += [beam((0.1, s * (y - 0.08), 0), (0.1, s * (y - 0.08), low + 0.05), 0.05, 0.04, stuff) for s in (-1, 1)]
    else:
        surfaces += rounded_box((0.03, -y, low), (0.13, y, low + h), 0.012, stuff, 0.036, (*FRONT, "-z"))
        for a in np.arange(-y + 0.05, y - 0.02, 0.06):
            surfaces += box((0.13, float(a), low + 0.05), (0.138, float(a) + 0.03, low + h - 0.05), stuff, 0.034, ("+x", "-y", "+y"))
        surfaces += [tube([(0.08, s * (y - 0.05), 0), (0.08, s * (y - 0.05), low + 0.02)], 0.012, random_metal(rng), 0.024) for s in (-1, 1)]
    return _piece(surfaces)


def washing_machine(rng: np.random.Generator) -> Piece:
    """A front loader: a round window in a white or dark cube, a strip of knobs."""
    stuff = paint((0.93, 0.93, 0.92), gloss=0.12) if chance(rng, 0.75) else one_of(rng, (random_metal, random_paint))(rng)
    y, x, h, dark = 0.3, float(rng.uniform(0.52, 0.6)), 0.85, paint((0.08, 0.08, 0.09), gloss=0.3)
    rim, middle, r = random_metal(rng), (x, 0.0, 0.44), float(rng.uniform(0.16, 0.2))
    hole = (y - 0.7 * r, 0.44 - 0.7 * r, y + 0.7 * r, 0.44 + 0.7 * r)
    surfaces = rounded_box((0, -y, 0), (x, y, h), 0.01, stuff, 0.038, ("-y", "+y", "+z"))
    surfaces += [rectangle((x, -y, 0), (0, 2 * y, 0), (0, 0, h), stuff, 0.036, (hole,), (0.3, 0.3))]
    door = [lathe([(r + 0.025, 0.0), (r + 0.02, 0.03), (0.8 * r, 0.035)], rim, 0.024), lathe([(0.8 * r, 0.032), (0.5 * r, 0.02), (0, 0.012)], dark, 0.026)]
    surfaces += moved(turned(door, "y", 90), middle)
    surfaces += box((x, -y + 0.02, h - 0.13), (x + 0.02, y - 0.02, h - 0.02), stuff if chance(rng, 0.5) else dark, 0.03, (*FRONT, "-z"))
    surfaces += moved(turned([cylinder((0, 0, 0), 0.03, 0.025, rim, 0.018)], "y", 90), (x + 0.02, 0.06, h - 0.075))
    surfaces += box((x + 0.02, -y + 0.04, h - 0.11), (x + 0.03, -0.1, h - 0.04), rim, 0.024, (*FRONT, "-z"))
    return _piece(surfaces, clearance=0.4)


def upright_piano(rng: np.random.Generator) -> Piece:
    """A piano: case, keyboard of white and black keys, pedals, music rest."""
    stuff = one_of(rng, (random_wood, random_wood, lambda r: paint((0.07, 0.07, 0.07), gloss=0.25)))(rng)
    y, h, d = 0.74, float(rng.uniform(1.1, 1.3)), 0.3
    surfaces = box((0, -y, 0), (d, y, h), stuff, 0.042, FRONT)
    surfaces += box((-0.0, -y - 0.02, h), (d + 0.03, y + 0.02, h + 0.025), stuff, 0.036, (*FRONT, "-z"))
    surfaces += box((d, -y, 0.6), (d + 0.28, y, 0.7), stuff, 0.034, ("+x", "-y", "+y", "-z"))
    for s in (-1, 1):
        a, b = sorted((s * y, s * (y - 0.06)))
        surfaces += box((d, a, 0.7), (d + 0.28, b, 0.78), stuff, 0.034, FRONT)
        surfaces += [tube([(d + 0.24, s * (y - 0.05), 0), (d + 0.24, s * (y - 0.05), 0.6)], [0.025, 0.035], stuff, 0.028)]
        surfaces += box((d, a, 0), (d + 0.28, b, 0.06), stuff, 0.034, FRONT)
    def keys(u: Array, v: Array, rng: np.random.Generator) -> Array:
        place = (u / 0.0235) % 7
        black = (np.abs(place[:, None] - np.array((1, 2, 4, 5, 6))) < 0.28).any(axis=1) & (v > 0.055)
        return np.where(black[:, None], (0.06, 0.06, 0.06), (0.93, 0.92, 0.87))

    surfaces += [rectangle((d + 0.26, -y + 0.06, 0.72), (0, 2 * y - 0.12, 0), (-0.15, 0, 0), Material(keys, 0.1), (0.012, 0.05))]
    surfaces += [rectangle((d + 0.11, -y + 0.06, 0.72), (0, 2 * y - 0.12, 0), (-0.11, 0, 0.0), stuff, 0.034)]
    surfaces += turned(box((d + 0.02, -0.3, 0.85), (d + 0.035, 0.3, 1.05), stuff, 0.034), "y", -12, (d, 0, 0.85))
    surfaces += box((d, -0.1, 0.05), (d + 0.08, 0.1, 0.07), random_metal(rng), 0.02, FRONT)
    return _piece(surfaces, extra=strewn(rng, SIDEBOARD, (0, -y), (d, y), h + 0.025, 0.3), clearance=0.6)


def fireplace(rng: np.random.Generator) -> Piece:
    """A chimneypiece of stone, brick or painted wood around a dark hearth with a fire or logs."""
    y, h, d = float(rng.uniform(0.55, 0.85)), float(rng.uniform(0.95, 1.3)), float(rng.uniform(0.2, 0.4))
    stuff = one_of(rng, (random_stone, random_brick, random_front, random_tiles))(rng)
    inner, top, soot = 0.55 * y, 0.66 * h, paint((0.07, 0.06, 0.06), grain=0.2)
    surfaces: list[Surface] = []
    for s in (-1, 1):
        a, b = sorted((s * y, s * inner))
        surfaces += box((0, a, 0), (d, b, top), stuff, 0.036, ("+x", "-y", "+y"))
    surfaces += box((0, -y, top), (d, y, h - 0.05), stuff, 0.036, ("+x", "-y", "+y", "-z"))
    mantel = stuff if chance(rng, 0.5) else random_front(rng)
    surfaces += rounded_box((0, -y - 0.06, h - 0.05), (d + 0.07, y + 0.06, h), 0.01, mantel, 0.034)
    surfaces += [rectangle((0.03, -inner, 0), (0, 2 * inner, 0), (0, 0, top), soot, 0.045), rectangle((0.03, -inner, 0.012), (d, 0, 0), (0, 2 * inner, 0), soot, 0.045)]
    surfaces += rounded_box((d, -y, 0), (d + 0.25, y, 0.03), 0.005, random_stone(rng), 0.036, FRONT)
    for k in range(3):
        surfaces += [tube([(0.1 + 0.05 * k, -0.6 * inner, 0.06 + 0.05 * (k == 1)), (0.1 + 0.05 * (2 - k), 0.6 * inner, 0.06 + 0.05 * (k == 1))], 0.04, random_wood(rng), 0.03)]
    if chance(rng, 0.4):
        for k in range(5):
            a = float(rng.uniform(-0.5, 0.5)) * inner
            flame = [Section(0.1, 0.05, 0.05, 0.06), Section(0.18, 0.06, 0.06, 0.07), Section(float(rng.uniform(0.28, 0.42)), 0, 0, 0)]
            surfaces += moved([loft(flame, glow((1.0, float(rng.uniform(0.5, 0.85)), 0.2)), 0.03)], (0.14, a, 0))
    return _piece(surfaces, extra=strewn(rng, SIDEBOARD, (0, -y), (d, y), h, 0.35), clearance=0.5)


def stove(rng: np.random.Generator) -> Piece:
    """A wood-burning stove: an iron box with a glass door on legs, its pipe going up."""
    y, d, h, iron = float(rng.uniform(0.22, 0.32)), float(rng.uniform(0.36, 0.46)), float(rng.uniform(0.65, 1.0)), one_of(rng, (lambda r: paint((0.11, 0.11, 0.11)), random_paint))(rng)
    x0 = 0.12
    pane = glow((0.95, 0.5, 0.15)) if chance(rng, 0.4) else paint((0.05, 0.05, 0.05), gloss=0.3)
    surfaces = glazed((x0, -y, 0.14), (x0 + d, y, h), (-0.65 * y, 0.3), (0.65 * y, 0.72 * h), iron, pane, 0.034, ("-x", "-y", "+y", "+z", "-z"))
    surfaces += legs(rng, x0 + d - 0.05, y - 0.05, 0.15, iron, x_back=x0 + 0.05, thickness=(0.03, 0.05), style="square")
    surfaces += [tube([(x0 + 0.12, 0, h), (x0 + 0.12, 0, h + float(rng.uniform(0.6, 1.1))), (0.0, 0, h + 1.15)], 0.065, iron, 0.034)]
    return _piece(surfaces, clearance=0.6)


def shoe_rack(rng: np.random.Generator) -> Piece:
    """A low rack of two or three grids with shoes on them."""
    stuff, y, d, levels = one_of(rng, (random_front, random_metal))(rng), float(rng.uniform(0.32, 0.5)), 0.3, int(rng.integers(2, 4))
    surfaces, extra, pitch = list[Surface](), list[Part](), 0.22
    for s in (-1, 1):
        surfaces += box((0, s * y - 0.015, 0), (d, s * y + 0.015, levels * pitch), stuff, 0.036)
    for level in range(levels):
        z = 0.08 + level * pitch
        surfaces += [beam((x, -y, z), (x, y, z), 0.045, 0.02, stuff, 0.03) for x in (0.03, 0.1, 0.17, 0.24)]
        for a in np.arange(-y + 0.16, y - 0.12, 0.29):
            if chance(rng, 0.7):
                extra.append(part("other object", moved(shoes(rng), (0.15, float(a), z + 0.012))))
    return _piece(surfaces, extra=extra)


def coat_stand(rng: np.random.Generator) -> Piece:
    """A pole with arms, coats and a hat on it."""
    stuff, h, extra = one_of(rng, (random_wood, random_metal))(rng), float(rng.uniform(1.6, 1.85)), list[Part]()
    surfaces = [tube([(0, 0, 0.1), (0, 0, h)], 0.02, stuff, 0.026)]
    for number in range(4):
        a = number * math.pi / 2
        c, s = math.cos(a), math.sin(a)
        surfaces += [tube([(0, 0, 0.15), (0.14 * c, 0.14 * s, 0.1), (0.26 * c, 0.26 * s, 0.012)], 0.014, stuff, 0.024)]
        surfaces += [tube([(0, 0, h - 0.1), (0.12 * c, 0.12 * s, h - 0.08), (0.17 * c, 0.17 * s, h - 0.01)], 0.012, stuff, 0.022)]
        if chance(rng, 0.55):
            coat, low = random_fabric(rng), h - float(rng.uniform(0.7, 1.1))
            hang = [Section(low, 0.1, 0.1, 0.17, 0, 2.5), Section(low + 0.4, 0.09, 0.09, 0.15, 0, 2.5), Section(h - 0.18, 0.07, 0.07, 0.17, 0, 2.5), Section(h - 0.08, 0, 0, 0)]
            extra.append(part("other object", moved([loft(hang, coat, 0.036)], (0.13 * c, 0.13 * s, 0), math.degrees(a))))
    return _piece(surfaces, Placement.FREE, extra)


def dressing_screen(rng: np.random.Generator) -> Piece:
    """A folding screen of three or four leaves."""
    panels, wide, h = int(rng.integers(3, 5)), float(rng.uniform(0.4, 0.5)), float(rng.uniform(1.6, 1.85))
    frame, sheet, surfaces = random_front(rng), one_of(rng, (random_fabric, random_front))(rng), list[Surface]()
    lean = 24.0
    step = wide * math.cos(math.radians(lean))
    for number in range(panels):
        sign = 1 if number % 2 == 0 else -1
        leaf = [*(beam((0, s * (wide / 2 - 0.02), 0), (0, s * (wide / 2 - 0.02), h), 0.035, 0.035, frame, 0.03) for s in (-1, 1))]
        leaf += [beam((0, -wide / 2, z), (0, wide / 2, z), 0.025, 0.04, frame, 0.03) for z in (0.1, h - 0.02)]
        leaf += [rectangle((0.0, -wide / 2 + 0.03, 0.1), (0, wide - 0.06, 0), (0, 0, h - 0.12), Material(sheet.colour, sheet.gloss, thin=True), 0.042)]
        surfaces += moved(leaf, (0, (number - (panels - 1) / 2) * step, 0), sign * lean)
    return _piece(surfaces, Placement.FREE)


def clothes_rail(rng: np.random.Generator) -> Piece:
    """A rail on a frame, clothes hanging from it."""
    y, h, metal = float(rng.uniform(0.4, 0.65)), float(rng.uniform(1.45, 1.7)), one_of(rng, (random_metal, random_wood))(rng)
    surfaces = [tube([(0, -y, 0.05), (0, -y, h), (0, y, h), (0, y, 0.05)], 0.014, metal, 0.028)]
    surfaces += [tube([(-0.22, s * y, 0.02), (0.22, s * y, 0.02)], 0.014, metal, 0.028) for s in (-1, 1)]
    extra: list[Part] = []
    a = -y + 0.08
    while a < y - 0.08:
        cloth, low, thick = random_fabric(rng), h - float(rng.uniform(0.6, 1.1)), float(rng.uniform(0.02, 0.035))
        shirt = [Section(low, 0.2, 0.2, thick, 0, 4), Section(h - 0.2, 0.2, 0.2, thick, 0, 4), Section(h - 0.06, 0.04, 0.04, 0.6 * thick, 0, 3), Section(h - 0.04, 0, 0, 0)]
        extra.append(part("other object", moved([loft(shirt, cloth, 0.036)], (0, a, 0), float(rng.uniform(-8, 8)))))
        a += float(rng.uniform(0.07, 0.16))
    return _piece(surfaces, Placement.FREE, extra)


def trolley(rng: np.random.Generator) -> Piece:
    """A serving trolley: two or three trays in a frame on castors."""
    x, y, h = float(rng.uniform(0.18, 0.25)), float(rng.uniform(0.26, 0.4)), float(rng.uniform(0.7, 0.85))
    frame, tray = random_metal(rng), one_of(rng, (random_front, random_metal))(rng)
    surfaces = [tube([(sx * x, sy * y, 0.05), (sx * x, sy * y, h)], 0.013, frame, 0.026) for sx in (-1, 1) for sy in (-1, 1)]
    surfaces += [tube([(sx * x, s * y, h) for sx in (-1, 1)], 0.013, frame, 0.026) for s in (-1, 1)]
    surfaces += [cylinder((sx * x, sy * y, 0), 0.025, 0.05, paint((0.12, 0.12, 0.12)), 0.022) for sx in (-1, 1) for sy in (-1, 1)]
    extra: list[Part] = []
    for z in np.linspace(0.14, h - 0.1, int(rng.integers(2, 4))):
        surfaces += box((-x, -y, float(z)), (x, y, float(z) + 0.025), tray, 0.034)
        extra += strewn(rng, SIDEBOARD, (-x, -y), (x, y), float(z) + 0.025, 0.3, 0.3)[:2]
    return _piece(surfaces, Placement.FREE, [one for one in extra if chance(rng, 0.8)])


def ironing_board(rng: np.random.Generator) -> Piece:
    """An ironing board on crossed legs."""
    cloth, metal, h = random_fabric(rng), random_metal(rng), float(rng.uniform(0.8, 0.95))
    level = [Section(h - 0.025, 0.18, 0.18, 0.6, 0, 3.2), Section(h, 0.18, 0.18, 0.6, 0, 3.2), Section(h + 0.004, 0, 0, 0, 0, 3.2)]
    surfaces = [loft(level, cloth, 0.036), loft([Section(h - 0.025, 0, 0, 0, 0, 3.2), level[0]], cloth, 0.05)]
    for s in (-1, 1):
        surfaces += [tube([(s * 0.16, -0.45, 0.012), (s * 0.08, 0.4, h - 0.03)], 0.012, metal, 0.028), tube([(s * 0.12, 0.45, 0.012), (s * 0.06, -0.4, h - 0.03)], 0.012, metal, 0.028)]
    surfaces += [tube([(-0.18, a, 0.014), (0.18, a, 0.014)], 0.014, metal, 0.028) for a in (-0.45, 0.45)]
    return _piece(surfaces, Placement.FREE)


def grandfather_clock(rng: np.random.Generator) -> Piece:
    """A tall clock with its face behind a hood, a slim case and a wider foot."""
    stuff, h, y = random_wood(rng) if chance(rng, 0.8) else random_front(rng), float(rng.uniform(1.8, 2.15)), 0.24
    surfaces = box((0, -y, 0), (0.26, y, 0.5), stuff, 0.036, FRONT)
    glass = paint((0.2, 0.16, 0.12), gloss=0.25) if chance(rng, 0.5) else stuff
    surfaces += glazed((0.02, -0.17, 0.5), (0.23, 0.17, h - 0.5), (-0.11, 0.6), (0.11, h - 0.58), stuff, glass, 0.034)
    surfaces += box((0, -y, h - 0.5), (0.27, y, h - 0.06), stuff, 0.034, (*FRONT, "-z"))
    surfaces += box((0, -y - 0.03, h - 0.06), (0.3, y + 0.03, h), stuff, 0.034, (*FRONT, "-z"))
    dial = [disc((0, 0, 0.02), 0.17, paint(one_of(rng, ((0.93, 0.91, 0.84), (0.75, 0.62, 0.3)))), 0.022), lathe([(0.19, 0), (0.19, 0.03), (0.17, 0.03)], random_metal(rng), 0.02)]
    surfaces += moved(turned(dial, "y", 90), (0.275, 0, h - 0.28))
    hands = paint((0.1, 0.09, 0.08))
    surfaces += [tube([(0.305, 0, h - 0.28), (0.305, r * math.cos(a), h - 0.28 + r * math.sin(a))], 0.006, hands, 0.018) for r, a in ((0.13, rng.uniform(0, 6)), (0.09, rng.uniform(0, 6)))]
    return _piece(surfaces)


def laundry_basket(rng: np.random.Generator) -> Piece:
    """A tall basket with a lid or clothes spilling out."""
    stuff, r, h, power = one_of(rng, (random_fabric, random_wood, random_paint))(rng), float(rng.uniform(0.19, 0.26)), float(rng.uniform(0.5, 0.68)), float(rng.choice([2.0, 7.0]))
    side = [Section(0, 0.85 * r, 0.85 * r, r, 0, power), Section(h, r, r, 1.15 * r, 0, power)]
    if chance(rng, 0.5):
        surfaces = [loft([*side, Section(h + 0.03, 0.97 * r, 0.97 * r, 1.12 * r, 0, power), Section(h + 0.04, 0, 0, 0, 0, power)], stuff, 0.034)]
    else:
        surfaces = [loft([*side, Section(h, 0.93 * r, 0.93 * r, 1.08 * r, 0, power), Section(h - 0.12, 0.9 * r, 0.9 * r, 1.05 * r, 0, power), Section(h - 0.12, 0, 0, 0, 0, power)], stuff, 0.034)]
        surfaces += [blob((0.02, 0.0, h - 0.06), (0.8 * r, 0.9 * r, 0.13), random_fabric(rng), 0.034, 2.4)]
    return _piece(surfaces, Placement.FREE)


def blanket_chest(rng: np.random.Generator) -> Piece:
    """A blanket chest: a box with a flat or domed lid, a bag on it now and then."""
    y, d, h, stuff = float(rng.uniform(0.42, 0.65)), float(rng.uniform(0.4, 0.5)), float(rng.uniform(0.36, 0.46)), random_front(rng)
    surfaces, metal = box((0, -y, 0), (d, y, h), stuff, 0.036, ("-x", "+x", "-y", "+y")), random_metal(rng)
    if chance(rng, 0.4):
        surfaces += [loft([Section(h, d / 2, d / 2, y, d / 2, 12), Section(h + 0.07, 0.4 * d, 0.4 * d, y, d / 2, 12), Section(h + 0.12, 0.1 * d, 0.1 * d, 0.98 * y, d / 2, 12), Section(h + 0.12, 0, 0, 0.9 * y, d / 2, 12)], stuff, 0.036)]
    else:
        surfaces += rounded_box((-0.015, -y - 0.015, h), (d + 0.015, y + 0.015, h + 0.04), 0.012, stuff, 0.034)
    surfaces += [beam((d + 0.006, a, 0), (d + 0.006, a, h), 0.04, 0.012, metal, 0.028) for a in (-0.6 * y, 0.6 * y)]
    extra = [part("other object", moved(bag(rng), (d / 2, 0, h + 0.04)))] if chance(rng, 0.15) else []
    return _piece(surfaces, extra=extra)
