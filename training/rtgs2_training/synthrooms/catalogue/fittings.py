"""What many pieces share: legs, plinths, handles, doors, drawers, carcasses of boards."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from ..shapes import AT_WALL, beam, four, rounded_box, tube
from ..surfaces import Point, Surface, blob, box, cylinder, moved, rectangle
from ..textures import Material, chance, one_of, random_front, random_metal, random_wood

BOARD = 0.022  # metres: thickness of a board


def legs(
    rng: np.random.Generator,
    x: float,
    y: float,
    height: float,
    material: Material,
    *,
    x_back: float | None = None,
    thickness: tuple[float, float] = (0.03, 0.07),
    style: str | None = None,
) -> list[Surface]:
    """Four legs whose tops stand at (x, +-y) and (x_back or -x, +-y): square, round, tapered, turned or splayed."""
    style = style or one_of(rng, ("square", "round", "tapered", "splayed", "turned"))
    wide = float(rng.uniform(*thickness))
    behind = -x if x_back is None else x_back
    if style == "splayed":
        lean = 0.12 * min(height, 0.5)
        return [
            tube(
                [(px + sx * lean, sy * (y + lean), 0), (px, sy * y, height)],
                [0.32 * wide, 0.5 * wide],
                material,
                0.025,
            )
            for px, sx in ((x, 1), (behind, -1))
            for sy in (1, -1)
        ]
    if style == "square":
        one = beam((0, 0, 0), (0, 0, height), wide, wide, material, 0.026)
    elif style == "round":
        one = tube([(0, 0, 0), (0, 0, height)], wide / 2, material, 0.024)
    elif style == "tapered":
        one = tube([(0, 0, 0), (0, 0, height)], [0.28 * wide, 0.55 * wide], material, 0.024, exponent=6.0)
    else:
        heights = np.array([0, 0.08, 0.16, 0.22, 0.5, 0.72, 0.76, 0.82, 1.0]) * height
        radii = np.array([0.3, 0.48, 0.28, 0.42, 0.6, 0.36, 0.56, 0.5, 0.55]) * wide
        one = tube([(0, 0, z) for z in heights], list(radii), material, 0.02)
    return four(one, x, y, x_back=x_back)


@dataclass(frozen=True)
class Fronts:
    """How all the doors and drawers of one piece look."""

    face: Material
    metal: Material
    panel: str  # flat, framed (a shaker's), inset (a groove all round), slatted
    handle: str  # knob, bar, cup, none (a dark gap to grip)
    gap: float


def random_fronts(rng: np.random.Generator, face: Material | None = None) -> Fronts:
    """Fronts of any style; ``face`` if they are to be of that material."""
    panel = str(rng.choice(["flat", "framed", "inset", "slatted"], p=[0.45, 0.3, 0.15, 0.1]))
    handle = str(rng.choice(["knob", "bar", "cup", "none"], p=[0.26, 0.36, 0.1, 0.28]))
    metal = random_metal(rng) if chance(rng, 0.8) else random_wood(rng)
    return Fronts(face or random_front(rng), metal, panel, handle, 0.006 if handle != "none" else 0.014)


def front(
    look: Fronts,
    x: float,
    low: tuple[float, float],
    high: tuple[float, float],
    *,
    drawer: bool,
    hinge: int = 1,
    spacing: float = 0.036,
) -> list[Surface]:
    """A door or drawer front before x over (y, z) from ``low`` to ``high``. ``hinge`` +1: hung at its +y side."""
    (y0, z0), (y1, z1) = (
        (low[0] + look.gap / 2, low[1] + look.gap / 2),
        (high[0] - look.gap / 2, high[1] - look.gap / 2),
    )
    thick, faces = 0.018, ("+x", "-y", "+y", "+z", "-z")
    surfaces: list[Surface] = []
    rail = min(0.07, 0.25 * min(y1 - y0, z1 - z0))
    if look.panel == "framed" and rail > 0.03:
        surfaces += [
            rectangle(
                (x + 0.006, y0 + rail, z0 + rail),
                (0, y1 - y0 - 2 * rail, 0),
                (0, 0, z1 - z0 - 2 * rail),
                look.face,
                spacing,
            )
        ]
        for (a, b), (c, d) in (
            ((y0, z0), (y1, z0 + rail)),
            ((y0, z1 - rail), (y1, z1)),
            ((y0, z0 + rail), (y0 + rail, z1 - rail)),
            ((y1 - rail, z0 + rail), (y1, z1 - rail)),
        ):
            surfaces += box((x, a, b), (x + thick, c, d), look.face, 0.026, ("+x", "-y", "+y", "+z"))
    elif look.panel == "slatted" and y1 - y0 > 0.2:
        count = max(3, round((y1 - y0) / 0.05))
        edges = np.linspace(y0, y1, count + 1)
        surfaces += [rectangle((x + 0.002, y0, z0), (0, y1 - y0, 0), (0, 0, z1 - z0), look.face, 0.06)]
        for a, b in itertools.pairwise(edges):
            surfaces += box((x, a + 0.004, z0), (x + thick, b - 0.012, z1), look.face, 0.036, ("+x", "+y", "-y"))
    else:
        surfaces += box((x, y0, z0), (x + thick, y1, z1), look.face, spacing, faces)
        if look.panel == "inset":
            inner_low, inner_high = (x + thick, y0 + rail, z0 + rail), (x + thick + 0.008, y1 - rail, z1 - rail)
            surfaces += box(inner_low, inner_high, look.face, spacing, faces)
    return surfaces + _handle(look, x + thick, (y0, z0), (y1, z1), drawer=drawer, hinge=hinge)


def _handle(
    look: Fronts, x: float, low: tuple[float, float], high: tuple[float, float], *, drawer: bool, hinge: int
) -> list[Surface]:
    width, height = high[0] - low[0], high[1] - low[1]
    y = (low[0] + high[0]) / 2 if drawer else (low[0] + 0.045 if hinge > 0 else high[0] - 0.045)
    z = (low[1] + high[1]) / 2 if drawer or height > 1.0 else (high[1] - 0.12 if low[1] < 1.0 else low[1] + 0.12)
    if look.handle == "knob":
        sides = (-1, 1) if drawer and width > 0.55 else (0,)
        return [
            blob((x + 0.016, y + 0.28 * side * width, z), (0.02, 0.018, 0.018), look.metal, 0.014) for side in sides
        ]
    if look.handle == "cup" and drawer:
        return [blob((x, y, z), (0.026, 0.05, 0.02), look.metal, 0.016)]
    if look.handle == "none":
        return []
    if drawer:
        half = min(0.09, 0.3 * width)
        return [
            tube(
                [(x, y - half, z), (x + 0.028, y - half, z), (x + 0.028, y + half, z), (x, y + half, z)],
                0.007,
                look.metal,
                0.016,
            )
        ]
    half = 0.07 if height < 1.2 else 0.16
    return [
        tube(
            [(x, y, z - half), (x + 0.028, y, z - half), (x + 0.028, y, z + half), (x, y, z + half)],
            0.007,
            look.metal,
            0.016,
        )
    ]


def carcass(depth: float, y0: float, y1: float, z0: float, z1: float, material: Material) -> list[Surface]:
    """The body of a cupboard from x = 0 to ``depth``: sides, top, the plane behind the gaps of its fronts."""
    body = box((0, y0, z0), (depth, y1, z1), material, 0.036, ("-y", "+y", "+z"))
    if z0 > 0.05:
        body += box((0, y0, z0), (depth, y1, z1), material, 0.06, ("-z",))
    # Well behind the fronts, or its Gaussians would shine through theirs.
    return [*body, rectangle((depth - 0.014, y0, z0), (0, y1 - y0, 0), (0, 0, z1 - z0), material, 0.06)]


def stand(rng: np.random.Generator, depth: float, width: float, height: float, body: Material) -> list[Surface]:
    """What a cupboard stands on: a plinth set back, or four legs."""
    y = width / 2
    if height < 0.05 or chance(rng, 0.4):
        return box((0, -y + 0.01, 0), (depth - 0.03, y - 0.01, height), body, 0.035, ("+x", "-y", "+y"))
    wood = body if chance(rng, 0.5) else one_of(rng, (random_wood, random_metal))(rng)
    return legs(rng, depth - 0.06, y - 0.07, height, wood, x_back=0.06, thickness=(0.025, 0.05))


def columns(width: float, count: int) -> list[tuple[float, float]]:
    """The width, centred on y = 0, as ``count`` equal stretches."""
    edges = np.linspace(-width / 2, width / 2, count + 1)
    return [(float(a), float(b)) for a, b in itertools.pairwise(edges)]


def tap(metal: Material, rng: np.random.Generator, height: float = 0.2, reach: float = 0.14) -> list[Surface]:
    """A tap at the origin, its spout towards +x: a swan's neck or an angular one, with a lever or two knobs."""
    if chance(rng, 0.5):
        bend = [
            (0, 0, 0),
            (0, 0, 0.75 * height),
            (0.3 * reach, 0, height),
            (0.75 * reach, 0, 0.95 * height),
            (reach, 0, 0.6 * height),
        ]
        surfaces = [tube(bend, 0.011, metal, 0.018)]
    else:
        surfaces = [tube([(0, 0, 0), (0, 0, 0.6 * height), (reach, 0, 0.7 * height)], 0.014, metal, 0.018)]
    if chance(rng, 0.5):
        return [*surfaces, tube([(0, 0, 0.6 * height), (-0.02, 0, 0.95 * height)], 0.009, metal, 0.016)]
    for side in (-1, 1):
        surfaces += moved([cylinder((0, 0, 0), 0.018, 0.05, metal, 0.018)], (0, side * 0.08, 0))
    return surfaces


def cushion(
    low: tuple[float, float, float],
    high: tuple[float, float, float],
    material: Material,
    *,
    softness: float = 0.5,
    spacing: float = 0.036,
    faces: tuple[str, ...] = AT_WALL,
) -> list[Surface]:
    """A stuffed cushion: rounded edges, its faces swelling."""
    least = float(np.min(np.subtract(high, low)))
    return rounded_box(
        low, high, (0.25 + 0.2 * softness) * least, material, spacing, faces, bulge=0.14 * softness * least
    )


def glazed(
    low: Point,
    high: Point,
    pane_low: tuple[float, float],
    pane_high: tuple[float, float],
    body: Material,
    pane: Material,
    spacing: float = 0.034,
    faces: tuple[str, ...] = ("-y", "+y", "+z"),
) -> list[Surface]:
    """A box whose front (+x) has a pane let in over (y, z): an oven's window, a screen. Nothing lies behind it."""
    (y0, z0), (y1, z1) = pane_low, pane_high
    hole = (y0 - low[1], z0 - low[2], y1 - low[1], z1 - low[2])
    width, height = high[1] - low[1], high[2] - low[2]
    frame = rectangle((high[0], low[1], low[2]), (0, width, 0), (0, 0, height), body, spacing, (hole,), (0.3, 0.3))
    inner = rectangle(
        (high[0] - 0.003, y0, z0), (0, y1 - y0, 0), (0, 0, z1 - z0), pane, 0.9 * spacing, inset=(0.1, 0.1)
    )
    return [*box(low, high, body, spacing, faces), frame, inner]
