"""More shapes than ``surfaces`` has: rounded boxes, tubes, lofts, swept profiles, folds, and ways to bend them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from .surfaces import BOX_FACES, EDGE_INSET, Array, Point, Shape, Surface, lathe, moved
from .textures import Material

SIDES = ("-x", "+x", "-y", "+y")
OPEN_BELOW = (*SIDES, "+z")  # what stands on the floor shows no underside
AT_WALL = ("+x", "-y", "+y", "+z")  # nor a back
_MOST_INSIDE = 0.15  # metres of room behind the faces of what is stuffed or solid


class Section(NamedTuple):
    """A level cut through a loft: it reaches ``front`` towards +x, ``back`` towards -x and ``side`` both ways in y.

    ``exponent`` 2 makes it of half ellipses, larger ones squarer; ``x`` is where the middle lies.
    """

    z: float
    front: float
    back: float
    side: float
    x: float = 0.0
    exponent: float = 2.0


def rounded_box(
    low: Point,
    high: Point,
    radius: float,
    material: Material,
    spacing: float = 0.03,
    faces: Iterable[str] = BOX_FACES,
    bulge: float = 0.0,
) -> list[Surface]:
    """The faces of a box whose edges and corners have a ``radius``; they meet in the middle of the rounding.

    ``bulge`` metres is how far the middle of every face swells out, as on cushions (beyond the box). The box counts as
    solid: Gaussians may lie as deep in it as half of its least extent.
    """
    middle, half = np.add(low, high) / 2, np.subtract(high, low) / 2
    core = np.maximum(half - min(radius, float(half.min()) * 0.98), 0.0)
    inside = min(float(half.min()), _MOST_INSIDE)
    surfaces = []
    for face in faces:
        axis, sign = "xyz".index(face[1]), (1.0 if face[0] == "+" else -1.0)
        first, second = (i for i in range(3) if i != axis)
        if half[second] > half[first]:
            first, second = second, first
        cross = np.zeros(3)
        cross[3 - first - second] = np.cross(np.eye(3)[first], np.eye(3)[second])[axis]
        flip = 1.0 if cross[axis] == sign else -1.0

        def shape(
            s: Array, t: Array, axis: int = axis, first: int = first, second: int = second, sign: float = sign,
            flip: float = flip,
        ) -> Array:  # fmt: skip
            cube = np.empty((len(s), 3))
            cube[:, axis], cube[:, first], cube[:, second] = sign, 2 * s - 1, flip * (2 * t - 1)
            point = cube * half
            nearest = np.clip(point, -core, core)
            out = point - nearest
            point = nearest + out * ((half - core).min() / np.maximum(np.linalg.norm(out, axis=1), 1e-9))[:, None]
            if bulge:
                point[:, axis] += sign * bulge * (1 - cube[:, first] ** 2) * (1 - cube[:, second] ** 2)
            return np.asarray(point + middle)

        size = (2 * float(half[first]), 2 * float(half[second]))
        surfaces.append(Surface(shape, size, material, (spacing, spacing), behind=inside))
    return surfaces


def tube(
    path: Sequence[Point | Array],
    radius: float | Sequence[float],
    material: Material,
    spacing: float = 0.025,
    *,
    exponent: float = 2.0,
    aspect: float = 1.0,
    closed: bool = False,
) -> Surface:
    """A bar along a line of points: round, or square at a larger ``exponent``; ``radius`` for all or for each point.

    ``aspect`` stretches it across the vertical plane of the path. A ``closed`` path runs back to its start.
    """
    line = np.array([*path, path[0]] if closed else path, dtype=float)
    steps = np.linalg.norm(np.diff(line, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(steps)]) / steps.sum()
    direction = np.gradient(line, along, axis=0) if len(line) > 2 else np.repeat(np.diff(line, axis=0), 2, axis=0)
    if closed:
        direction[0] = direction[-1] = direction[0] + direction[-1]
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    # Across the plane of the path; across the vertical plane of a straight one.
    spread, axes = np.linalg.eigh(direction.T @ direction)
    reference = axes[:, 0]
    if spread[1] < 1e-6 * spread[2]:
        reference = np.cross((1.0, 0.0, 0.0) if abs(direction[0, 2]) > 0.9 else (0.0, 0.0, 1.0), direction[0])
    side = reference - (direction @ reference)[:, None] * direction
    side /= np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-6)
    radii = np.broadcast_to(np.asarray(radius, dtype=float), (len(line) - closed,))
    radii = np.append(radii, radii[0]) if closed else radii

    def across(t: Array, values: Array) -> Array:
        return np.stack([np.interp(t, along, column) for column in values.T], axis=1)

    def shape(s: Array, t: Array) -> Array:
        angle = 2 * np.pi * s + np.pi / 4
        ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        ring /= np.sum(np.abs(ring) ** exponent, axis=1, keepdims=True) ** (1 / exponent)
        forward, first = across(t, direction), across(t, side)
        second = np.cross(forward, first)
        size = np.interp(t, along, radii)[:, None]
        return np.asarray(across(t, line) + size * (aspect * ring[:, :1] * first + ring[:, 1:] * second))

    # At least six discs around, or thin bars look thick; the longer ones are covered by longer discs.
    girth, length = 2 * math.pi * float(radii.max()) * (1 + aspect) / 2, float(steps.sum())
    cells = (min(spacing, girth / 6), max(spacing, min(0.05, length / 16)))
    return Surface(shape, (girth, length), material, cells, inset=(0.0, 0.0 if closed else 0.4))


def beam(
    start: Point, end: Point, width: float, thickness: float, material: Material, spacing: float = 0.03
) -> Surface:
    """A bar of rectangular section between two points, ``width`` across the vertical plane it runs in."""
    return tube([start, end], thickness / 2, material, spacing, exponent=9.0, aspect=width / thickness)


def curved(points: Sequence[Point | Array], count: int = 16, *, closed: bool = False) -> list[Array]:
    """A smooth line through the points (Catmull-Rom), as ``count`` points."""
    known = np.array([*points, points[0]] if closed else points, dtype=float)
    ends = (known[-2], known[1]) if closed else (2 * known[0] - known[1], 2 * known[-1] - known[-2])
    padded = np.concatenate([ends[0][None], known, ends[1][None]])
    position = np.linspace(0, len(known) - 1, count, endpoint=not closed)
    index = np.minimum(position.astype(int), len(known) - 2)
    t = (position - index)[:, None]
    a, b, c, d = (padded[index + k] for k in range(4))
    line = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    return list(line)


def loft(
    sections: Sequence[Section],
    material: Material,
    spacing: float | tuple[float, float] = 0.025,
    base: Point = (0, 0, 0),
) -> Surface:
    """A surface through level sections. Going up its outside is lit, going down its inside; sizes of 0 close it."""
    values = np.array(sections, dtype=float)
    z, front, back, side, x, exponent = values.T
    steps = np.hypot(np.abs(np.diff(values[:, 1:4], axis=0)).max(axis=1), np.hypot(np.diff(z), 0.5 * np.diff(x)))
    along = np.concatenate([[0.0], np.cumsum(steps)]) / steps.sum()

    def shape(s: Array, t: Array) -> Array:
        cos, sin = np.cos(2 * np.pi * s), np.sin(2 * np.pi * s)
        power = np.interp(t, along, exponent)
        norm = (np.abs(cos) ** power + np.abs(sin) ** power) ** (-1 / power)
        reach = np.where(cos > 0, np.interp(t, along, front), np.interp(t, along, back))
        points = [
            np.interp(t, along, x) + norm * cos * reach,
            norm * sin * np.interp(t, along, side),
            np.interp(t, along, z),
        ]
        return np.asarray(np.stack(points, axis=1) + np.array(base))

    girth = math.pi * float(((front + back) / 2 + side).max())
    pair = spacing if isinstance(spacing, tuple) else (spacing, spacing)
    return Surface(shape, (girth, float(steps.sum())), material, pair, inset=(0.0, EDGE_INSET))


def swept(
    profile: Sequence[tuple[float, float]], y0: float, y1: float, material: Material, spacing: float = 0.03
) -> Surface:
    """A line of points (x, z) drawn along y. Going up, the side towards +x is lit; going towards -x, the upper side."""
    x, z = np.array(profile, dtype=float).T
    steps = np.hypot(np.diff(x), np.diff(z))
    along = np.concatenate([[0.0], np.cumsum(steps)]) / steps.sum()

    def shape(s: Array, t: Array) -> Array:
        return np.stack([np.interp(t, along, x), y0 + s * (y1 - y0), np.interp(t, along, z)], axis=1)

    return Surface(shape, (abs(y1 - y0), float(steps.sum())), material, (spacing, spacing), inset=(EDGE_INSET, 0.0))


def fan(profile: Sequence[tuple[float, float]], y: float, material: Material, spacing: float = 0.03) -> Surface:
    """The end of what ``swept`` made of a closed line: the area inside it, flat at ``y``. Turned to +y if it runs
    counter-clockwise as seen from -y.
    """
    outline = np.array([*profile, profile[0]], dtype=float)
    steps = np.linalg.norm(np.diff(outline, axis=0), axis=1)
    along, middle = np.concatenate([[0.0], np.cumsum(steps)]) / steps.sum(), outline[:-1].mean(axis=0)

    def shape(s: Array, t: Array) -> Array:
        edge = np.stack([np.interp(s % 1.0, along, column) for column in outline.T], axis=1)
        inner = middle + t[:, None] * (edge - middle)
        return np.stack([inner[:, 0], np.full(len(s), y), inner[:, 1]], axis=1)

    reach = float(np.linalg.norm(outline - middle, axis=1).mean())
    return Surface(shape, (float(steps.sum()), reach), material, (spacing * 1.5, spacing), inset=(0.0, EDGE_INSET))


def prism(
    profile: Sequence[tuple[float, float]], y0: float, y1: float, material: Material, spacing: float = 0.03
) -> list[Surface]:
    """A solid of the closed line of points (x, z), counter-clockwise as seen from -y, between y0 < y1."""
    sides = swept([*profile, profile[0]], y0, y1, material, spacing)
    return [sides, fan(profile[::-1], y0, material, spacing), fan(profile, y1, material, spacing)]


def pleated(
    width: float,
    height: float,
    folds: float,
    depth: float,
    material: Material,
    spacing: tuple[float, float] = (0.028, 0.06),
    *,
    flare: float = 1.0,
    waist: float = 1.0,
    phase: float = 0.0,
) -> Surface:
    """Cloth hanging in folds at x = 0 over y from -width / 2 to width / 2, z from 0 to height.

    ``flare`` is how much deeper the folds are at the hem, ``waist`` the share of the width left where it is tied.
    """

    def shape(s: Array, t: Array) -> Array:
        swing = np.sin(2 * np.pi * folds * s + phase) + 0.3 * np.sin(2 * np.pi * 2.3 * folds * s + 2 * phase)
        tied = 1 - (1 - waist) * np.exp(-(((t - 0.4) / 0.22) ** 2))
        x = depth / 2.6 * (1 + (flare - 1) * (1 - t)) * swing
        return np.stack([x, (s - 0.5) * width * tied, height * t], axis=1)

    stretch = 1 + min(1.2, 12 * (folds * depth / width) ** 2)
    return Surface(shape, (width * stretch, height), material, spacing, inset=(0.2, 0.45))


def leaf(
    root: Point, heading: float, length: float, width: float, rise: float, material: Material, spacing: float = 0.03
) -> Surface:
    """A pointed leaf that leaves ``root`` along ``heading`` (radians), climbs by ``rise`` and droops at its tip."""
    start, forward = np.array(root), np.array([math.cos(heading), math.sin(heading), 0.0])
    side, up = np.array([-forward[1], forward[0], 0.0]), np.array([0.0, 0.0, 1.0])

    def shape(s: Array, t: Array) -> Array:
        half = width * np.sin(np.pi * np.clip(t, 0.04, 0.96)) * (s - 0.5)
        lift = length * (rise * t - 0.9 * t * t) + 0.6 * np.abs(half)
        run = length * t * (1 - 0.25 * t)
        return np.asarray(start + run[:, None] * forward + half[:, None] * side + lift[:, None] * up)

    return Surface(shape, (width, length), material, (spacing, spacing))


def disc(
    centre: Point, radius: float, material: Material, spacing: float = 0.025, *, facing_up: bool = True
) -> Surface:
    """A level disc."""
    profile = [(radius, 0.0), (0.0, 0.0)] if facing_up else [(0.0, 0.0), (radius, 0.0)]
    return lathe(profile, material, (1.6 * spacing, spacing), centre)


def turned(surfaces: Iterable[Surface], axis: str, degrees: float, pivot: Point = (0.0, 0.0, 0.0)) -> list[Surface]:
    """The surfaces turned about the axis "x", "y" or "z" through ``pivot`` (x to y, y to z, z to x)."""
    first, second = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    cos, sin, origin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees)), np.array(pivot)
    rotation = np.eye(3)
    rotation[first, first] = rotation[second, second] = cos
    rotation[first, second], rotation[second, first] = -sin, sin
    return _mapped(surfaces, lambda points: (points - origin) @ rotation.T + origin)


def mirrored(surfaces: Iterable[Surface]) -> list[Surface]:
    """The surfaces mirrored from y to -y, lit on the mirrored sides."""

    def flipped(shape: Shape) -> Shape:
        return lambda s, t: shape(1 - s, t) * np.array((1.0, -1.0, 1.0))

    return [replace(surface, shape=flipped(surface.shape)) for surface in surfaces]


def rumpled(
    surfaces: Iterable[Surface], rng: np.random.Generator, amplitude: float, wavelength: float = 0.4
) -> list[Surface]:
    """The surfaces bent by smooth waves in all directions; what met before meets still."""
    waves = rng.normal(0, 2 * np.pi / wavelength, (6, 3)) * np.array((1.0, 1.0, 0.4))
    phases, pushes = rng.uniform(0, 2 * np.pi, 6), rng.normal(0, amplitude / 2.4, (6, 3)) * np.array((0.4, 0.4, 1.0))
    return _mapped(surfaces, lambda points: points + np.sin(points @ waves.T + phases) @ pushes)


def bent(surfaces: Iterable[Surface], radius: float) -> list[Surface]:
    """The surfaces bent around an upright axis ``radius`` metres before x = 0: their ends in y come forward."""

    def around(points: Array) -> Array:
        angle, reach = points[:, 1] / radius, radius - points[:, 0]
        return np.stack([radius - reach * np.cos(angle), reach * np.sin(angle), points[:, 2]], axis=1)

    return _mapped(surfaces, around)


def _mapped(surfaces: Iterable[Surface], mapping: Callable[[Array], Array]) -> list[Surface]:
    def through(shape: Shape) -> Shape:
        return lambda s, t: np.asarray(mapping(shape(s, t)))

    return [replace(surface, shape=through(surface.shape)) for surface in surfaces]


def four(make: Sequence[Surface] | Surface, x: float, y: float, *, x_back: float | None = None) -> list[Surface]:
    """Copies of what stands at the origin at (x, y), (x, -y) and, mirrored in y alike, at ``x_back`` (else -x)."""
    part = [make] if isinstance(make, Surface) else list(make)
    behind = -x if x_back is None else x_back
    return [surface for px in (x, behind) for py in (y, -y) for surface in moved(part, (px, py, 0))]


def outline_along_x(surfaces: Iterable[Surface]) -> list[Surface]:
    """What was drawn as (x, z) and extruded along y, with that line now as (z, y) and extruded along x."""
    return _mapped(surfaces, lambda points: points[:, [1, 2, 0]])
