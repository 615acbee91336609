"""Cabinets: wardrobes, cupboards, sideboards, chests of drawers, nightstands, TV benches, wall cupboards."""

from __future__ import annotations

import itertools

import numpy as np

from ..piece import Part, Piece, Placement
from ..shapes import SIDES, Section, beam, curved, loft, rounded_box, tube
from ..surfaces import Surface, box, lathe, moved, rectangle
from ..textures import Material, chance, one_of, paint, random_front, random_metal, random_stone, random_wood
from .assembly import assemble, part
from .clutter import BEDSIDE, KITCHEN, SIDEBOARD, strewn
from .electronics import television
from .fittings import Fronts, carcass, columns, front, legs, random_fronts, stand
from .small_things import bag, glazed

OBJECT = "other object"


def _cabinet(
    surfaces: list[Surface], extra: list[Part] | None = None, placement: Placement = Placement.WALL, **more: float
) -> Piece:
    return assemble([part("cabinet", surfaces), *(extra or [])], placement, **more)


def _body(rng: np.random.Generator, look: Fronts) -> Material:
    return look.face if chance(rng, 0.6) else random_front(rng)


def _cornice(rng: np.random.Generator, depth: float, y: float, height: float, stuff: Material) -> list[Surface]:
    """A rim around the top, half of the time."""
    if chance(rng, 0.5):
        return []
    return box(
        (0, -y - 0.025, height), (depth + 0.025, y + 0.025, height + 0.05), stuff, 0.036, ("+x", "-y", "+y", "+z", "-z")
    )


def wardrobe(rng: np.random.Generator) -> Piece:
    """A wardrobe with one to four hinged doors, drawers below now and then."""
    doors, height, depth = int(rng.integers(1, 5)), float(rng.uniform(1.75, 2.3)), float(rng.uniform(0.5, 0.64))
    width, foot = doors * float(rng.uniform(0.42, 0.55)) + 0.04, float(rng.uniform(0.03, 0.14))
    look = random_fronts(rng)
    body, y, x = _body(rng, look), width / 2, depth - 0.02
    surfaces = [
        *carcass(x, -y, y, foot, height, body),
        *stand(rng, x, width, foot, body),
        *_cornice(rng, x, y, height, body),
    ]
    low = foot + 0.01
    if chance(rng, 0.35):
        drawer = float(rng.uniform(0.18, 0.26))
        for a, b in columns(width, max(1, doors // 2)):
            surfaces += front(look, x, (a, low), (b, low + drawer), drawer=True, spacing=0.04)
        low += drawer
    for number, (a, b) in enumerate(columns(width, doors)):
        surfaces += front(
            look, x, (a, low), (b, height - 0.01), drawer=False, hinge=-1 if number % 2 == 0 else 1, spacing=0.045
        )
    return _cabinet(surfaces, clearance=0.5)


def sliding_wardrobe(rng: np.random.Generator) -> Piece:
    """A wide wardrobe with two or three sliding doors, one of them a mirror now and then."""
    doors, height, depth = int(rng.integers(2, 4)), float(rng.uniform(2.0, 2.4)), float(rng.uniform(0.58, 0.68))
    width, body, face, metal = (
        doors * float(rng.uniform(0.7, 1.0)),
        random_front(rng),
        random_front(rng),
        random_metal(rng),
    )
    y, x = width / 2, depth - 0.05
    surfaces = [*carcass(x, -y, y, 0.04, height, body), *box((0, -y, 0), (x, y, 0.04), body, 0.05, ("+x", "-y", "+y"))]
    mirror = paint((0.66, 0.70, 0.72), grain=0.01, gloss=0.4)
    for number, (a, b) in enumerate(columns(width, doors)):
        plane = x + 0.025 * (number % 2)
        stuff = mirror if chance(rng, 0.25) else (face if chance(rng, 0.8) else random_front(rng))
        surfaces += box((plane, a, 0.05), (plane + 0.025, b, height - 0.02), stuff, 0.048, ("+x", "-y", "+y"))
        for edge in (a, b - 0.03):
            surfaces += box(
                (plane + 0.025, edge, 0.05),
                (plane + 0.032, edge + 0.03, height - 0.02),
                metal,
                0.03,
                ("+x", "-y", "+y"),
            )
    surfaces += box((x, -y, height - 0.03), (depth, y, height), body, 0.034, ("+x", "+z", "-z", "-y", "+y"))
    surfaces += box((x, -y, 0.02), (depth, y, 0.05), metal, 0.034, ("+x", "+z", "-y", "+y"))
    return _cabinet(surfaces, clearance=0.5)


def armoire(rng: np.random.Generator) -> Piece:
    """An old wardrobe: two panelled doors, cornice, turned feet."""
    width, height, depth = float(rng.uniform(0.95, 1.4)), float(rng.uniform(1.75, 2.1)), float(rng.uniform(0.48, 0.6))
    stuff, y, foot = random_front(rng), width / 2, 0.1
    look, x = Fronts(stuff, random_metal(rng), "inset", "knob", 0.008), depth - 0.02
    surfaces = [
        *carcass(x, -y, y, foot, height - 0.1, stuff),
        *legs(rng, x - 0.06, y - 0.06, foot, stuff, x_back=0.06, style="turned", thickness=(0.07, 0.09)),
    ]
    bow = [(x + 0.001, -y, height - 0.1), (x, 0, height + 0.04), (x, y, height - 0.1)]
    surfaces += box(
        (0, -y - 0.04, height - 0.12),
        (depth + 0.03, y + 0.04, height - 0.04),
        stuff,
        0.036,
        ("+x", "-y", "+y", "+z", "-z"),
    )
    surfaces += [tube(curved(bow, 10), 0.025, stuff, 0.03)] if chance(rng, 0.5) else []
    split = foot + float(rng.choice([0.02, 0.28]))
    if split > 0.2:
        surfaces += front(look, x, (-y, foot), (y, split), drawer=True)
    middle = 0.5 * (split + height - 0.12)
    for (a, b), hinge in zip(columns(width - 0.04, 2), (-1, 1), strict=True):
        surfaces += front(look, x, (a, split), (b, height - 0.13), drawer=False, hinge=hinge, spacing=0.04)
        for low, high in ((split + 0.12, middle - 0.04), (middle + 0.04, height - 0.25)):
            surfaces += box(
                (x + 0.018, a + 0.1, low), (x + 0.034, b - 0.1, high), stuff, 0.036, ("+x", *SIDES[2:], "+z", "-z")
            )
    return _cabinet(surfaces, clearance=0.5)


def glass_cabinet(rng: np.random.Generator) -> Piece:
    """A tall cupboard: glazed doors with things behind them above, closed doors or drawers below."""
    width, height, depth = float(rng.uniform(0.75, 1.3)), float(rng.uniform(1.7, 2.1)), float(rng.uniform(0.36, 0.46))
    look = random_fronts(rng)
    stuff, y, x, foot, split = look.face, width / 2, depth - 0.02, 0.08, float(rng.uniform(0.65, 0.9))
    surfaces = [
        *carcass(x, -y, y, foot, split, stuff),
        *stand(rng, x, width, foot, stuff),
        *_cornice(rng, x, y, height, stuff),
    ]
    back = random_front(rng)
    surfaces += [rectangle((0.01, -y, split), (0, width, 0), (0, 0, height - split), back, 0.05)]
    for a in (-y, y - 0.03):
        surfaces += box((0, a, split), (x, a + 0.03, height), stuff, 0.04, (*SIDES, "+z"))
    surfaces += box((0, -y, height - 0.04), (x, y, height), stuff, 0.04, ("+x", "+z", "-z"))
    for z in np.linspace(split, height, 4)[1:-1]:
        surfaces += box(
            (0.02, -y + 0.03, float(z)), (x - 0.02, y - 0.03, float(z) + 0.02), stuff, 0.05, ("+x", "+z", "-z")
        )
    for a, b in columns(width, 2):
        for p, q in ((a, a + 0.05), (b - 0.05, b)):
            surfaces += box(
                (x, p + 0.003, split + 0.003), (x + 0.02, q - 0.003, height - 0.04), stuff, 0.03, ("+x", "-y", "+y")
            )
        for z in (split + 0.003, height - 0.09, *((0.5 * (split + height),) if chance(rng, 0.5) else ())):
            surfaces += box((x, a + 0.003, z), (x + 0.02, b - 0.003, z + 0.045), stuff, 0.03, ("+x", "+z", "-z"))
        surfaces += front(look, x, (a, foot), (b, split), drawer=chance(rng, 0.3), hinge=-1 if a < -0.1 else 1)
    extra: list[Surface] = []
    for z in np.linspace(split, height, 4)[:-1]:
        for a in np.arange(-y + 0.16, y - 0.1, 0.24):
            if chance(rng, 0.6):
                extra += moved(_crockery(rng, 0.8 * (height - split) / 3), (0.5 * depth, float(a), float(z) + 0.022))
    return _cabinet(surfaces + extra, clearance=0.4)


def _crockery(rng: np.random.Generator, room: float) -> list[Surface]:
    """A pile of plates or a jug, at most ``room`` tall."""
    r, h, glaze = float(rng.uniform(0.05, 0.1)), float(rng.uniform(0.4, 0.9)) * room, glazed(rng)
    return [lathe([(0.7 * r, 0), (r, 0.5 * h), (0.6 * r, h), (0, h)], glaze, 0.028)]


def tall_cupboard(rng: np.random.Generator) -> Piece:
    """A narrow tall cupboard for kitchens, halls and bathrooms: one column of doors above each other."""
    width, height, depth = float(rng.uniform(0.3, 0.62)), float(rng.uniform(1.5, 2.2)), float(rng.uniform(0.3, 0.6))
    look = random_fronts(rng)
    body, y, x, foot = _body(rng, look), width / 2, depth - 0.02, float(rng.uniform(0.04, 0.12))
    surfaces = [*carcass(x, -y, y, foot, height, body), *stand(rng, x, width, foot, body)]
    edges, hinge = np.sort(rng.uniform(0.25, 0.8, int(rng.integers(1, 3)))), one_of(rng, (-1, 1))
    levels = [foot + 0.01, *(float(foot + e * (height - foot)) for e in edges), height - 0.01]
    for low, high in itertools.pairwise(levels):
        surfaces += front(look, x, (-y, low), (y, high), drawer=high - low < 0.3, hinge=hinge)
    return _cabinet(surfaces, clearance=0.4)


def sideboard(rng: np.random.Generator) -> Piece:
    """A low wide cupboard of doors and drawers on feet or a plinth, things on it."""
    width, height, depth = float(rng.uniform(1.1, 2.0)), float(rng.uniform(0.65, 0.95)), float(rng.uniform(0.38, 0.5))
    look, fields = random_fronts(rng), int(rng.integers(2, 5))
    body, y, x, foot = _body(rng, look), width / 2, depth - 0.02, float(rng.uniform(0.05, 0.22))
    surfaces = [*carcass(x, -y, y, foot, height, body), *stand(rng, x, width, foot, body)]
    for number, (a, b) in enumerate(columns(width - 0.03, fields)):
        if chance(rng, 0.35):
            levels = np.linspace(foot + 0.01, height - 0.03, int(rng.integers(3, 5)))
            for low, high in itertools.pairwise(levels):
                surfaces += front(look, x, (a, float(low)), (b, float(high)), drawer=True)
        else:
            surfaces += front(
                look, x, (a, foot + 0.01), (b, height - 0.03), drawer=False, hinge=-1 if number % 2 == 0 else 1
            )
    extra = strewn(rng, SIDEBOARD, (0.04, -y), (x, y), height, float(rng.uniform(0.1, 0.7)), 0.36)
    return _cabinet(surfaces, extra, clearance=0.4)


def chest_of_drawers(rng: np.random.Generator) -> Piece:
    """Three to six rows of drawers, the upper ones halved now and then."""
    width, height, depth = float(rng.uniform(0.6, 1.4)), float(rng.uniform(0.72, 1.3)), float(rng.uniform(0.4, 0.52))
    look = random_fronts(rng)
    body, y, x, foot = _body(rng, look), width / 2, depth - 0.02, float(rng.uniform(0.04, 0.16))
    surfaces = [*carcass(x, -y, y, foot, height, body), *stand(rng, x, width, foot, body)]
    surfaces += _cornice(rng, x, y, height, body) if chance(rng, 0.3) else []
    levels = np.linspace(foot + 0.01, height - 0.025, max(3, round((height - foot) / 0.22)) + 1)
    split = 1 if width < 0.95 else int(rng.integers(1, 3))
    for row, (low, high) in enumerate(itertools.pairwise(levels)):
        parts = 2 * split if row == len(levels) - 2 and chance(rng, 0.4) else split
        for a, b in columns(width - 0.03, parts):
            surfaces += front(look, x, (a, float(low)), (b, float(high)), drawer=True)
    extra = strewn(rng, SIDEBOARD, (0.04, -y), (x, y), height, float(rng.uniform(0.0, 0.6)), 0.34)
    return _cabinet(surfaces, extra, clearance=0.4)


def nightstand(rng: np.random.Generator) -> Piece:
    """A bedside cupboard: drawers, a door or an open niche; a lamp or books on it."""
    width, height, depth = (
        float(rng.uniform(0.36, 0.55)),
        float(rng.uniform(0.42, 0.66)),
        float(rng.uniform(0.32, 0.44)),
    )
    look, kind = random_fronts(rng), rng.integers(3)
    body, y, x, foot = _body(rng, look), width / 2, depth - 0.02, float(rng.uniform(0.04, 0.2))
    surfaces, split = stand(rng, x, width, foot, body), 0.55 * (foot + height)
    if kind == 0:
        surfaces += carcass(x, -y, y, foot, height, body)
        for low, high in ((foot + 0.01, split), (split, height - 0.02)):
            surfaces += front(look, x, (-y + 0.01, low), (y - 0.01, high), drawer=True)
    elif kind == 1:
        surfaces += carcass(x, -y, y, foot, height, body)
        surfaces += front(look, x, (-y + 0.01, foot + 0.01), (y - 0.01, height - 0.02), drawer=False)
    else:
        surfaces += [
            *carcass(x, -y, y, split, height, body),
            *front(look, x, (-y + 0.01, split + 0.01), (y - 0.01, height - 0.02), drawer=True),
        ]
        surfaces += box((0, -y, foot), (x, y, foot + 0.025), body, 0.034)
        surfaces += [rectangle((0.005, -y, foot), (0, width, 0), (0, 0, split - foot), body, 0.04)]
        for a in (-y, y - 0.025):
            surfaces += box((0, a, foot), (x, a + 0.025, split), body, 0.034, SIDES)
    extra = strewn(rng, BEDSIDE, (0.02, -y), (x, y), height, 0.8, 0.22)
    return _cabinet(surfaces, extra, clearance=0.3)


def tv_bench(rng: np.random.Generator) -> Piece:
    """A long low cupboard with a television on it."""
    width, height, depth = float(rng.uniform(1.1, 2.1)), float(rng.uniform(0.34, 0.58)), float(rng.uniform(0.36, 0.48))
    look, fields = random_fronts(rng), int(rng.integers(2, 5))
    body, y, x, foot = _body(rng, look), width / 2, depth - 0.02, float(rng.uniform(0.04, 0.16))
    surfaces = [*carcass(x, -y, y, foot, height, body), *stand(rng, x, width, foot, body)]
    dark = paint((0.07, 0.07, 0.07))
    for number, (a, b) in enumerate(columns(width - 0.03, fields)):
        if fields > 2 and number == fields // 2 and chance(rng, 0.6):
            surfaces += [
                rectangle(
                    (x + 0.004, a + 0.01, foot + 0.03), (0, b - a - 0.02, 0), (0, 0, height - foot - 0.06), dark, 0.04
                )
            ]
        else:
            surfaces += front(look, x, (a, foot + 0.01), (b, height - 0.03), drawer=chance(rng, 0.5))
    extra: list[Part] = []
    if chance(rng, 0.85):
        screen = television(rng)
        extra += [part(OBJECT, moved(screen, (0.55 * depth, 0, height)))]
    return _cabinet(surfaces, extra, clearance=0.6)


def wall_cabinet(rng: np.random.Generator) -> Piece:
    """Hanging kitchen cupboards, one to four doors, as deep as a plate."""
    doors, height, depth = int(rng.integers(1, 5)), float(rng.uniform(0.5, 0.9)), float(rng.uniform(0.3, 0.37))
    width, look = doors * float(rng.uniform(0.4, 0.6)), random_fronts(rng)
    y, x = width / 2, depth - 0.02
    surfaces = carcass(x, -y, y, 0.0, height, _body(rng, look))
    surfaces += box((0, -y, 0), (x, y, height), look.face, 0.045, ("-z",))
    for number, (a, b) in enumerate(columns(width, doors)):
        surfaces += front(look, x, (a, 0.0), (b, height), drawer=False, hinge=-1 if number % 2 == 0 else 1)
    return _cabinet(surfaces, placement=Placement.MOUNTED, lift=float(rng.uniform(1.35, 1.5)))


def bathroom_cabinet(rng: np.random.Generator) -> Piece:
    """A small hanging cupboard with mirrored or plain doors."""
    width, height, depth = float(rng.uniform(0.45, 1.0)), float(rng.uniform(0.5, 0.8)), float(rng.uniform(0.12, 0.18))
    body, mirror, y = random_front(rng), paint((0.68, 0.72, 0.74), grain=0.02, gloss=0.4), width / 2
    face = mirror if chance(rng, 0.3) else body
    surfaces = box((0, -y, 0), (depth - 0.02, y, height), body, 0.04, ("-y", "+y", "+z", "-z", "+x"))
    for a, b in columns(width, 1 if width < 0.6 else 2):
        surfaces += box(
            (depth - 0.02, a + 0.004, 0), (depth, b - 0.004, height), face, 0.036, ("+x", "-y", "+y", "+z", "-z")
        )
    return _cabinet(surfaces, placement=Placement.MOUNTED, lift=float(rng.uniform(1.2, 1.4)))


def dresser(rng: np.random.Generator) -> Piece:
    """A kitchen dresser: a cupboard with an open rack of plates above it."""
    width, height, depth, split = (
        float(rng.uniform(0.95, 1.5)),
        float(rng.uniform(1.7, 2.05)),
        float(rng.uniform(0.42, 0.52)),
        0.88,
    )
    look = random_fronts(rng)
    stuff, y, x, rack = look.face, width / 2, depth - 0.02, 0.24
    surfaces = [*carcass(x, -y, y, 0.06, split, stuff), *stand(rng, x, width, 0.06, stuff)]
    surfaces += rounded_box(
        (0, -y - 0.02, split - 0.03),
        (depth + 0.015, y + 0.02, split),
        0.01,
        random_stone(rng) if chance(rng, 0.2) else random_wood(rng),
        0.036,
    )
    for number, (a, b) in enumerate(columns(width, int(rng.integers(2, 4)))):
        surfaces += front(look, x, (a, 0.68), (b, split - 0.03), drawer=True)
        surfaces += front(look, x, (a, 0.07), (b, 0.68), drawer=False, hinge=-1 if number % 2 == 0 else 1)
    surfaces += [rectangle((0.008, -y, split), (0, width, 0), (0, 0, height - split), stuff, 0.05)]
    for a in (-y, y - 0.025):
        surfaces += box((0, a, split), (rack, a + 0.025, height), stuff, 0.036, (*SIDES, "+z"))
    for z in (*np.linspace(split + 0.36, height - 0.3, 2), height - 0.03):
        surfaces += box((0, -y, float(z)), (rack, y, float(z) + 0.025), stuff, 0.036)
        for a in np.arange(-y + 0.15, y - 0.1, 0.25):
            if z < height - 0.1 and chance(rng, 0.7):
                surfaces += moved(_crockery(rng, 0.26), (0.13, float(a), float(z) + 0.026))
    return _cabinet(surfaces, strewn(rng, KITCHEN, (rack, -y), (x, y), split, 0.3), clearance=0.4)


def blanket_chest(rng: np.random.Generator) -> Piece:
    """A blanket chest: a box with a flat or domed lid, a bag on it now and then."""
    y, d, h, stuff = (
        float(rng.uniform(0.42, 0.65)),
        float(rng.uniform(0.4, 0.5)),
        float(rng.uniform(0.36, 0.46)),
        random_front(rng),
    )
    surfaces, metal = box((0, -y, 0), (d, y, h), stuff, 0.036, ("-x", "+x", "-y", "+y")), random_metal(rng)
    if chance(rng, 0.4):
        surfaces += [
            loft(
                [
                    Section(h, d / 2, d / 2, y, d / 2, 12),
                    Section(h + 0.07, 0.4 * d, 0.4 * d, y, d / 2, 12),
                    Section(h + 0.12, 0.1 * d, 0.1 * d, 0.98 * y, d / 2, 12),
                    Section(h + 0.12, 0, 0, 0.9 * y, d / 2, 12),
                ],
                stuff,
                0.036,
            )
        ]
    else:
        surfaces += rounded_box((-0.015, -y - 0.015, h), (d + 0.015, y + 0.015, h + 0.04), 0.012, stuff, 0.034)
    surfaces += [beam((d + 0.006, a, 0), (d + 0.006, a, h), 0.04, 0.012, metal, 0.028) for a in (-0.6 * y, 0.6 * y)]
    extra = [part(OBJECT, moved(bag(rng), (d / 2, 0, h + 0.04)))] if chance(rng, 0.15) else []
    return _cabinet(surfaces, extra)
