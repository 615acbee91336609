"""Doors and windows, in the frame of their wall (x into the room, y along the wall, z up)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .finishes import joinery
from .piece import Part
from .plan import Opening, free_behind
from .surfaces import Array, Surface, box, lathe, moved, rectangle
from .textures import Material, glow, mix, noise, paint, random_colour, random_metal

LEAF_THICKNESS = 0.04
_APART = 0.05  # metres between what is seen through a window and the rooms beside it
_SILL = 0.005  # metres over the reveal, or which of the two is seen would be chance


@dataclass(frozen=True)
class WindowStyle:
    """What the windows of a flat have in common."""

    frame: Material
    rail: float  # width of the frame's bars
    view: str  # "outdoors", "sky" (bright), "dusk", "black" (nothing was captured)
    brightness: float


def window_style(rng: np.random.Generator) -> WindowStyle:
    """Random frames and a random view."""
    view = str(rng.choice(["outdoors", "sky", "dusk", "black"], p=[0.46, 0.24, 0.08, 0.22]))
    return WindowStyle(joinery(rng), float(rng.uniform(0.02, 0.04)), view, float(rng.uniform(0.75, 1.0)))


def lining(opening: Opening, material: Material, spacing: float = 0.05) -> list[Surface]:
    """The sides and the top of a hole through the wall, and under a window its sill's plane."""
    y0, y1, z0, z1, d = opening.left, opening.right, opening.low, opening.high, opening.depth
    parts = [
        rectangle((-d, y0, z0), (0, 0, z1 - z0), (d, 0, 0), material, spacing),
        rectangle((-d, y1, z0), (d, 0, 0), (0, 0, z1 - z0), material, spacing),
        rectangle((-d, y0, z1), (0, y1 - y0, 0), (d, 0, 0), material, spacing),
    ]
    if opening.kind == "window":
        parts.append(rectangle((-d, y0, z0), (d, 0, 0), (0, y1 - y0, 0), material, spacing))
    return parts


def window(opening: Opening, style: WindowStyle, ceiling: float, rng: np.random.Generator) -> tuple[Part, Surface]:
    """Frame and view as one part, and the pane, which is for labels alone; the view ends at the ``ceiling``."""
    y0, y1, z0, z1, d = opening.left, opening.right, opening.low, opening.high, opening.depth
    rail, back = style.rail, -d
    columns = max(1, round((y1 - y0) / rng.uniform(0.55, 1.4)))
    cross = float(rng.uniform(0.55, 0.75)) if rng.random() < 0.3 else None
    parts: list[Surface] = []
    for y in np.linspace(y0 + rail, y1 - rail, columns + 1):
        parts += box((back, y - rail, z0), (back + 0.05, y + rail, z1), style.frame, 0.03, ("+x", "-y", "+y"))
    for z in [z0 + rail, z1 - rail, *([] if cross is None else [z0 + cross * (z1 - z0)])]:
        parts += box((back, y0, z - rail), (back + 0.05, y1, z + rail), style.frame, 0.03, ("+x", "-z", "+z"))
    if rng.random() < 0.6:
        top = z0 + _SILL
        parts += box(
            (back, y0 - 0.04, top - 0.03), (0.05, y1 + 0.04, top), style.frame, 0.03, ("+x", "-y", "+y", "+z", "-z")
        )
    if rng.random() < 0.4:  # a casing on the wall
        for a, b in ((y0 - 0.07, y0), (y1, y1 + 0.07)):
            parts += box((0, a, z0), (0.02, b, z1 + 0.07), style.frame, 0.03, ("+x", "-y", "+y"))
        parts += box((0, y0, z1), (0.02, y1, z1 + 0.07), style.frame, 0.03, ("+x", "+z", "-z"))
    view = _view(opening, style, ceiling, rng)
    if view is not None:
        parts.append(view)
    pane = rectangle((back + 0.01, y0, z0), (0, y1 - y0, 0), (0, 0, z1 - z0), style.frame)
    return Part("window", tuple(parts)), pane


def _view(opening: Opening, style: WindowStyle, ceiling: float, rng: np.random.Generator) -> Surface | None:
    if style.view == "black":
        return None
    free = free_behind(opening.behind, opening.left, opening.right)
    far = min(float(rng.uniform(0.25, 1.6)), free - opening.depth - 0.1)
    reach = max(far, 0.0) * 1.1 + 0.02
    if far < 0.12:
        far, reach = 0.05, 0.0
    left, right, z0 = opening.left - reach, opening.right + reach, opening.low - reach
    for near, start, beyond, end in opening.behind:  # the other arm of an L beside it
        if near - _APART < opening.depth + far < beyond + _APART:
            left = max(left, end + _APART) if end <= opening.left else left
            right = min(right, start - _APART) if start >= opening.right else right
    width, height = right - left, min(opening.high + reach, ceiling) - z0
    texture = {"outdoors": outdoors, "sky": sky, "dusk": dusk}[style.view](rng, width, height, style.brightness)
    return rectangle((-opening.depth - far, left, z0), (0, width, 0), (0, 0, height), texture, 0.055)


def sky(rng: np.random.Generator, width: float, height: float, brightness: float) -> Material:
    """Overexposed: hardly more than white."""
    r, g, b = np.clip(brightness + rng.normal(0, 0.03, 3), 0, 1)
    return glow((float(r), float(g), float(b)))


def dusk(rng: np.random.Generator, width: float, height: float, brightness: float) -> Material:
    """A dark view with a few lights."""

    def texture(u: Array, v: Array, rng: np.random.Generator) -> Array:
        view = mix((0.05, 0.06, 0.09), (0.16, 0.18, 0.28), v / height)
        lights = noise(u * 6, v * 6, rng) > 0.75
        return mix(view, (0.9, 0.75, 0.45), lights * 1.0)

    return Material(texture, glows=True)


def outdoors(rng: np.random.Generator, width: float, height: float, brightness: float) -> Material:
    """Sky, trees or houses, ground."""
    skyline, ground = float(rng.uniform(0.25, 0.75)), float(rng.uniform(0.05, 0.3))
    near, far = random_colour(rng), random_colour(rng)
    if rng.random() < 0.6:
        near, far = (0.32, 0.48, 0.22), (0.62, 0.74, 0.42)
    blocks = rng.random() < 0.35
    lawn = random_colour(rng) if rng.random() < 0.5 else (0.60, 0.74, 0.42)
    top = (0.62, 0.80, 0.98) if rng.random() < 0.6 else (0.86, 0.88, 0.90)

    def texture(u: Array, v: Array, rng: np.random.Generator) -> Array:
        y = v / height
        view = mix((0.95, 0.97, 1.0), top, (y - 0.45) * 2.0)
        view = mix(view, (1.0, 1.0, 1.0), 0.8 * noise(u * 1.5, v * 3, rng) + 0.4 * noise(u * 4, v * 7, rng))
        line = np.floor(u / 0.5) * 0.5 if blocks else u
        crown = (
            skyline + 0.15 * noise(line * 1.4, np.zeros_like(u), rng) + 0.04 * noise(line * 6, np.zeros_like(u), rng)
        )
        leaves = mix(near, far, 0.5 + 0.5 * noise(u * 9, v * 9, rng))
        view = mix(view, leaves, (y < crown) * 1.0)
        return mix(view, lawn, (y < ground) * 1.0) * brightness

    return Material(texture, glows=True)


def door(opening: Opening, rng: np.random.Generator) -> Part:
    """Frame and leaf."""
    y0, y1, top, d = opening.left, opening.right, opening.high, opening.depth
    frame, leaf = joinery(rng), joinery(rng)
    if rng.random() < 0.55:
        leaf = frame
    wide = float(rng.uniform(0.05, 0.11))
    parts: list[Surface] = []
    if rng.random() < 0.85 or opening.leaf_degrees is None:
        for a, b in ((y0 - wide, y0 + 0.015), (y1 - 0.015, y1 + wide)):
            parts += box((-d - 0.02, a, 0), (0.02, b, top + wide), frame, 0.034, ("-x", "+x", "-y", "+y"))
        parts += box((-d - 0.02, y0, top - 0.015), (0.02, y1, top + wide), frame, 0.034, ("-x", "+x", "+z", "-z"))
    else:
        parts += lining(opening, frame)
    if opening.leaf_degrees is None:
        return Part("door", tuple(parts))
    width = y1 - y0 - 0.034
    hinged_left = rng.random() < 0.5
    surfaces = _leaf(width, top - 0.02, leaf, width - 0.07 if hinged_left else 0.11, rng)
    if hinged_left:  # the leaf runs along +y from its hinges and opens into the room
        parts += moved(surfaces, (-0.02, y0 + 0.017, 0.005), -opening.leaf_degrees)
    else:
        parts += moved(moved(surfaces, (0.0, -width, 0.0)), (-0.02, y1 - 0.017, 0.005), opening.leaf_degrees)
    return Part("door", tuple(parts))


def _leaf(width: float, height: float, material: Material, handle: float, rng: np.random.Generator) -> list[Surface]:
    """A leaf from the origin along +y, with handles on both sides at y = ``handle``."""
    x0, x1 = -LEAF_THICKNESS, 0.0
    parts = box((x0, 0, 0), (x1, width, height), material, 0.04)
    style = rng.random()
    if style < 0.55:  # panels: raised mouldings
        other = joinery(rng) if rng.random() < 0.3 else material
        rows = int(rng.integers(1, 5))
        edges = np.linspace(0.1, height - 0.1, rows + 1)
        for low, high in zip(edges[:-1] + 0.04, edges[1:] - 0.04, strict=True):
            for face, x in (("+x", (x1, x1 + 0.012)), ("-x", (x0 - 0.012, x0))):
                for a, b in ((0.11, 0.14), (width - 0.14, width - 0.11)):
                    parts += box((x[0], a, low), (x[1], b, high), other, 0.025, (face, "-y", "+y"))
                for z in (low, high - 0.03):
                    parts += box((x[0], 0.11, z), (x[1], width - 0.11, z + 0.03), other, 0.025, (face, "-z", "+z"))
    elif style < 0.7:  # a field of another material, such as frosted glass
        field = paint(random_colour(rng), gloss=0.12)
        for plane, u in ((x1 + 0.003, width - 0.26), (x0 - 0.003, -(width - 0.26))):
            start = 0.13 if u > 0 else width - 0.13
            parts.append(rectangle((plane, start, 0.35), (0, u, 0), (0, 0, height - 0.5), field, 0.045))
    fittings, z = random_metal(rng), 1.0
    for side in (-1, 1):
        at = x1 if side > 0 else x0
        near, far = sorted((at, at + side * 0.05))
        if rng.random() < 0.7:
            parts += box((near, handle - 0.11, z), (far, handle, z + 0.025), fittings, 0.014)
        else:
            knob = lathe([(0.01, 0.0), (0.01, 0.03), (0.028, 0.04), (0.028, 0.06), (0.0, 0.065)], fittings, 0.014)
            parts += _sideways(knob, (at, handle, z), side)
    return parts


def _sideways(surface: Surface, at: tuple[float, float, float], side: int) -> list[Surface]:
    """A turned shape with its axis along +x or -x."""
    lying, origin = surface.shape, np.array(at)

    def shape(s: Array, t: Array) -> Array:
        points = lying(s, t)
        return np.asarray(np.stack([side * points[:, 2], side * points[:, 0], points[:, 1]], axis=1) + origin)

    return [Surface(shape, surface.size, surface.material, surface.spacing, surface.holes, surface.inset)]
