"""Desks: with drawers, L-shaped, on trestles, secretaries. What stands on them is "other object"."""

from __future__ import annotations

import itertools

import numpy as np

from ..piece import Part, Piece, Placement
from ..shapes import SIDES, beam, mirrored, rounded_box, tube
from ..surfaces import Surface, box, moved, rectangle
from ..textures import Material, chance, one_of, random_front, random_metal, random_wood
from .assembly import assemble, part
from .books import book_row
from .clutter import DESK, strewn
from .electronics import computer, keyboard, laptop, monitor
from .fittings import BOARD, Fronts, carcass, columns, front, legs, random_fronts
from .lamps import table_lamp

OBJECT = "other object"


def _workplace(rng: np.random.Generator, depth: float, y0: float, y1: float, top: float) -> list[Part]:
    """A screen or two with a keyboard, or a laptop; a lamp, books and mugs beside them; now and then nothing."""
    if chance(rng, 0.05):
        return []
    middle, parts = 0.5 * (y0 + y1) + float(rng.uniform(-0.08, 0.08)), []
    if chance(rng, 0.75):
        twin = y1 - y0 > 1.3 and chance(rng, 0.3)
        for shift, yaw in ((-0.34, 12.0), (0.34, -12.0)) if twin else ((0.0, float(rng.uniform(-8, 8))),):
            parts.append(part(OBJECT, moved(monitor(rng), (0.2, middle + shift, top), yaw)))
        parts.append(part(OBJECT, moved(keyboard(rng), (min(0.45, depth - 0.09), middle, top))))
    elif chance(rng, 0.8):
        parts.append(part(OBJECT, moved(laptop(rng), (0.5 * depth, middle, top), float(rng.uniform(-10, 10)))))
    if chance(rng, 0.45):
        lamp = moved(table_lamp(rng), (0.17, y1 - 0.16, top), float(rng.uniform(-40, 10)))
        parts.append(part(OBJECT, lamp))
    for a, b in ((y0, middle - 0.38), (middle + 0.38, y1 - 0.3)):
        if b - a > 0.2:
            parts += strewn(rng, DESK, (0.03, a), (depth - 0.03, b), top, float(rng.uniform(0.1, 0.5)), 0.26)
    return parts


def _desk(surfaces: list[Surface], extra: list[Part], placement: Placement = Placement.WALL) -> Piece:
    return assemble([part("desk", surfaces), *extra], placement, clearance=0.7)


def _top(depth: float, y0: float, y1: float, height: float, stuff: Material, thick: float = 0.028) -> list[Surface]:
    return rounded_box((0, y0, height - thick), (depth, y1, height), 0.006, stuff, 0.034)


def _drawers(look: Fronts, depth: float, y0: float, y1: float, foot: float, top: float, count: int) -> list[Surface]:
    """A pedestal of drawers under a desk."""
    surfaces = [
        *carcass(depth - 0.04, y0, y1, foot, top, look.face),
        *box((0.02, y0, foot), (depth - 0.04, y1, top), look.face, 0.05, ("-x",)),
    ]
    levels = np.linspace(foot, top, count + 1)
    for low, high in itertools.pairwise(levels):
        surfaces += front(look, depth - 0.04, (y0, float(low)), (y1, float(high)), drawer=True)
    return surfaces


def pedestal_desk(rng: np.random.Generator) -> Piece:
    """Drawers at one side or both, a panel at the back, old or plain."""
    depth, width, height = float(rng.uniform(0.55, 0.8)), float(rng.uniform(1.1, 1.7)), float(rng.uniform(0.72, 0.77))
    look, y, wide = random_fronts(rng), width / 2, float(rng.uniform(0.34, 0.44))
    top = look.face if chance(rng, 0.5) else random_front(rng)
    surfaces, under, both = _top(depth, -y, y, height, top), height - 0.028, chance(rng, 0.5) and width > 1.25
    surfaces += _drawers(look, depth, -y + 0.02, -y + wide, 0.04, under, int(rng.integers(3, 5)))
    if both:
        surfaces += _drawers(look, depth, y - wide, y - 0.02, 0.04, under, int(rng.integers(2, 5)))
    else:
        surfaces += box((0.03, y - 0.045, 0), (depth - 0.05, y - 0.02, under), look.face, 0.04, SIDES)
    surfaces += box(
        (0.03, -y + wide, 0.25), (0.05, y - (wide if both else 0.04), under), look.face, 0.042, ("+x", "-x", "-z")
    )
    if chance(rng, 0.5):
        surfaces += front(
            look, depth - 0.04, (-y + wide, under - 0.12), (y - (wide if both else 0.045), under), drawer=True
        )
    surfaces = surfaces if chance(rng, 0.5) else mirrored(surfaces)
    return _desk(surfaces, _workplace(rng, depth, -y, y, height))


def plain_desk(rng: np.random.Generator) -> Piece:
    """A top on four legs, an A-frame of steel or trestles; one flat drawer now and then, a computer below."""
    depth, width, height = float(rng.uniform(0.5, 0.8)), float(rng.uniform(0.9, 1.7)), float(rng.uniform(0.71, 0.76))
    stuff, base, y = random_front(rng), one_of(rng, (random_front, random_metal, random_metal))(rng), width / 2
    surfaces, under, kind = (
        _top(depth, -y, y, height, stuff, float(rng.uniform(0.018, 0.04))),
        height - 0.03,
        rng.integers(3),
    )
    if kind == 0:
        surfaces += legs(rng, depth - 0.06, y - 0.06, under, base, x_back=0.06, thickness=(0.035, 0.06))
        surfaces += box((0.05, -y + 0.05, under - 0.08), (depth - 0.05, y - 0.05, under), base, 0.036, SIDES)
    elif kind == 1:
        for s in (-1, 1):
            a = s * (y - 0.06)
            foot = [(depth - 0.06, a, 0.015), (depth - 0.06, a, under), (0.06, a, under), (0.06, a, 0.015)]
            surfaces += [tube(foot, 0.018, base, 0.03, exponent=6.0, closed=True)]
        surfaces += [beam((0.06, -y + 0.06, under - 0.12), (0.06, y - 0.06, under - 0.12), 0.02, 0.06, base)]
    else:
        for s in (-1, 1):
            for shift in (-0.15, 0.15):
                for x in (0.08, depth - 0.08):
                    surfaces += [beam((x, s * (y - 0.28) + shift, 0), (x, s * (y - 0.28), under), 0.045, 0.045, base)]
            surfaces += [
                beam(
                    (0.05, s * (y - 0.28), under - 0.025),
                    (depth - 0.05, s * (y - 0.28), under - 0.025),
                    0.06,
                    0.05,
                    base,
                )
            ]
            surfaces += [
                beam((0.08, s * (y - 0.28) + k, 0.3), (depth - 0.08, s * (y - 0.28) + k, 0.3), 0.03, 0.045, base)
                for k in (-0.09, 0.09)
            ]
    if kind != 2 and chance(rng, 0.4):
        look = random_fronts(rng, stuff)
        surfaces += box((0.05, -0.3, under - 0.12), (depth - 0.03, 0.3, under), stuff, 0.036, ("-y", "+y", "-z", "-x"))
        surfaces += front(look, depth - 0.03, (-0.3, under - 0.12), (0.3, under), drawer=True)
    extra = _workplace(rng, depth, -y, y, height)
    if chance(rng, 0.35):
        extra.append(part(OBJECT, moved(computer(rng), (0.4, y - 0.2, 0))))
    return _desk(surfaces, extra)


def corner_desk(rng: np.random.Generator) -> Piece:
    """An L of two tops that meet in the corner, drawers under one of them."""
    depth, width, reach, height = (
        float(rng.uniform(0.55, 0.7)),
        float(rng.uniform(1.4, 1.9)),
        float(rng.uniform(1.2, 1.7)),
        0.74,
    )
    stuff, base, look, y = (
        random_front(rng),
        one_of(rng, (random_front, random_metal))(rng),
        random_fronts(rng),
        width / 2,
    )
    wing = float(rng.uniform(0.45, 0.6))
    surfaces = _top(depth, -y, y, height, stuff)
    surfaces += rounded_box((depth, -y, height - 0.028), (reach, -y + wing, height), 0.004, stuff, 0.034)
    under = height - 0.028
    for x, a in (
        (0.05, -y + 0.05),
        (reach - 0.05, -y + 0.05),
        (reach - 0.05, -y + wing - 0.05),
        (depth - 0.05, y - 0.05),
        (0.05, y - 0.05),
    ):
        surfaces += [beam((x, a, 0), (x, a, under), 0.045, 0.045, base)]
    if chance(rng, 0.7):
        surfaces += _drawers(look, depth, y - 0.5, y - 0.09, 0.06, under, 3)
    surfaces += [rectangle((0.03, -y + 0.05, 0.3), (0, width - 0.1, 0), (0, 0, under - 0.3), base, 0.045)]
    extra = _workplace(rng, depth, -y + wing, y, height)
    extra += strewn(rng, DESK, (depth, -y), (reach, -y + wing), height, 0.4, 0.28)
    return _desk(surfaces, extra, Placement.CORNER)


def secretary(rng: np.random.Generator) -> Piece:
    """An old bureau: drawers below, a flap let down to write on, pigeonholes behind it."""
    width, depth, fold, height = (
        float(rng.uniform(0.8, 1.1)),
        float(rng.uniform(0.42, 0.5)),
        0.74,
        float(rng.uniform(1.05, 1.25)),
    )
    look, y = random_fronts(rng), width / 2
    stuff, x = look.face, depth - 0.02
    surfaces = [
        *carcass(x, -y, y, 0.1, fold - 0.02, stuff),
        *legs(rng, x - 0.05, y - 0.05, 0.1, stuff, x_back=0.05, thickness=(0.05, 0.07)),
    ]
    levels = np.linspace(0.11, fold - 0.03, 4)
    for low, high in itertools.pairwise(levels):
        surfaces += front(look, x, (-y, float(low)), (y, float(high)), drawer=True)
    surfaces += rounded_box((x - 0.02, -y + 0.03, fold), (x + 0.36, y - 0.03, fold + 0.025), 0.006, stuff, 0.034)
    surfaces += [
        beam((x, s * (y - 0.05), fold - 0.03), (x + 0.28, s * (y - 0.05), fold - 0.03), 0.025, 0.05, stuff)
        for s in (-1, 1)
    ]
    shallow = 0.6 * depth
    surfaces += [rectangle((0.01, -y, fold), (0, width, 0), (0, 0, height - fold), stuff, 0.045)]
    surfaces += box((0, -y, height - BOARD), (shallow, y, height), stuff, 0.036)
    for a in (-y, y - BOARD):
        surfaces += box((0, a, fold), (shallow, a + BOARD, height), stuff, 0.036, (*SIDES, "+z"))
    for number, (a, b) in enumerate(columns(width - 0.04, int(rng.integers(3, 6)))):
        surfaces += box(
            (0.02, b - 0.006, fold), (shallow - 0.04, b + 0.006, height - BOARD), stuff, 0.034, ("+x", "-y", "+y")
        )
        middle = 0.5 * (fold + height) + 0.04 * (number % 2)
        surfaces += box((0.02, a, middle), (shallow - 0.04, b, middle + 0.012), stuff, 0.034, ("+x", "+z", "-z"))
        if chance(rng, 0.6):
            surfaces += moved(
                book_row(rng, b - a - 0.03, middle - fold - 0.03, 0.14), (shallow - 0.05, a + 0.015, fold + 0.026)
            )
    extra = strewn(rng, DESK, (x, -y + 0.06), (x + 0.34, y - 0.06), fold + 0.025, 0.4, 0.26)
    extra += strewn(rng, DESK, (0, -y), (shallow, y), height, 0.4, 0.26)
    return _desk(surfaces, extra)


def desk_with_hutch(rng: np.random.Generator) -> Piece:
    """A desk with a rack of shelves over its back."""
    depth, width, height, top = (
        float(rng.uniform(0.55, 0.68)),
        float(rng.uniform(1.0, 1.4)),
        0.74,
        float(rng.uniform(1.2, 1.5)),
    )
    stuff, look, y = random_front(rng), random_fronts(rng), width / 2
    surfaces, under, rack = _top(depth, -y, y, height, stuff), height - 0.028, 0.24
    surfaces += _drawers(look, depth, -y + 0.02, -y + 0.4, 0.05, under, 3)
    surfaces += box((0.02, y - 0.04, 0), (depth - 0.04, y - 0.015, under), stuff, 0.04, SIDES)
    surfaces += [rectangle((0.03, -y + 0.4, 0.2), (0, width - 0.44, 0), (0, 0, under - 0.2), stuff, 0.05)]
    for a in (-y, y - BOARD):
        surfaces += box((0, a, height), (rack, a + BOARD, top), stuff, 0.036, (*SIDES, "+z"))
    surfaces += [rectangle((0.006, -y, height), (0, width, 0), (0, 0, top - height), stuff, 0.05)]
    for z in (*((0.5 * (height + 0.3 + top),) if top > 1.35 else ()), height + 0.42 if top > 1.4 else top - 0.02):
        surfaces += box((0, -y + BOARD, z - 0.02), (rack, y - BOARD, z), stuff, 0.036)
    shelf = box((0, -y + BOARD, top - 0.02), (rack, y - BOARD, top), stuff, 0.036)
    extra = (
        _workplace(rng, depth, -y, y, height)
        if top > 1.3
        else strewn(rng, DESK, (rack, -y), (depth, y), height, 0.4, 0.28)
    )
    if chance(rng, 0.7):
        extra.append(
            part(
                OBJECT,
                moved(book_row(rng, float(rng.uniform(0.3, 0.8)) * width, 0.28, 0.18), (rack - 0.02, -y + 0.06, top)),
            )
        )
    return _desk(surfaces + shelf, extra)


def kneehole_bureau(rng: np.random.Generator) -> Piece:
    """A writing table on turned or tapered legs with two or three flat drawers under its top."""
    depth, width, height = float(rng.uniform(0.5, 0.65)), float(rng.uniform(0.95, 1.4)), float(rng.uniform(0.74, 0.79))
    stuff, y = random_wood(rng) if chance(rng, 0.7) else random_front(rng), width / 2
    look, low = random_fronts(rng, stuff), height - 0.17
    surfaces = _top(depth, -y, y, height, stuff)
    surfaces += box(
        (0.03, -y + 0.03, low), (depth - 0.04, y - 0.03, height - 0.028), stuff, 0.036, ("-x", "-y", "+y", "-z")
    )
    for a, b in columns(width - 0.06, int(rng.integers(2, 4))):
        surfaces += front(look, depth - 0.04, (a, low), (b, height - 0.03), drawer=True)
    surfaces += legs(
        rng,
        depth - 0.07,
        y - 0.06,
        low,
        stuff,
        x_back=0.06,
        style=one_of(rng, ("turned", "tapered", "square")),
        thickness=(0.045, 0.065),
    )
    return _desk(surfaces, _workplace(rng, depth, -y, y, height))
