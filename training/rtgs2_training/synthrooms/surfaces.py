"""Surfaces: parametric patches with a material, and the primitives made of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .textures import Material

Array = NDArray[Any]
Point = tuple[float, float, float]
Shape = Callable[[Array, Array], Array]

BOX_FACES = ("-x", "+x", "-y", "+y", "-z", "+z")
MOST_BEHIND = 0.1  # metres of room behind walls, unless they are thinner
BEYOND_FLOORS = 0.4  # metres of room below floors and above ceilings
IN_SHELLS = 0.015  # metres of room behind the skin of what may be hollow
EDGE_INSET = 0.3  # cells the outermost discs of a solid are drawn in by, so that edges do not fray


@dataclass(frozen=True)
class Surface:
    """A parametric patch: ``shape`` maps s, t in 0..1 to points; d/ds x d/dt is the side that is lit.

    ``size`` is its extent in metres along s and t, ``spacing`` the size of its cells, one surfel each; ``holes``
    are rectangles (u0, v0, u1, v1) in metres left free, because another object lies right on top; ``inset`` is how
    many cells the outermost surfels along s and t are drawn in by; ``behind`` is how many metres behind it a capture
    may have put Gaussians without their coming out on another side, waves apart; ``creases`` are the s of the folds of
    a folded surface, which is flat between them.
    """

    shape: Shape
    size: tuple[float, float]
    material: Material
    spacing: tuple[float, float]
    holes: tuple[tuple[float, float, float, float], ...] = ()
    inset: tuple[float, float] = (0.0, 0.0)
    behind: float = IN_SHELLS
    creases: tuple[float, ...] = ()


def with_room_behind(surfaces: Iterable[Surface], metres: float) -> list[Surface]:
    """The surfaces with so much room for Gaussians behind them."""
    return [replace(surface, behind=metres) for surface in surfaces]


def _pair(spacing: float | tuple[float, float]) -> tuple[float, float]:
    return spacing if isinstance(spacing, tuple) else (spacing, spacing)


def rectangle(
    corner: Point | Array,
    u: Point | Array,
    v: Point | Array,
    material: Material,
    spacing: float | tuple[float, float] = 0.03,
    holes: Sequence[tuple[float, float, float, float]] = (),
    inset: tuple[float, float] = (0.0, 0.0),
) -> Surface:
    """A flat rectangle from ``corner`` along the edges u and v, facing u x v."""
    origin, edge_u, edge_v = np.array(corner), np.array(u), np.array(v)
    size = (float(np.linalg.norm(u)), float(np.linalg.norm(v)))
    return Surface(
        lambda s, t: origin + s[:, None] * edge_u + t[:, None] * edge_v,
        size,
        material,
        _pair(spacing),
        tuple(holes),
        inset,
    )


def box(
    low: Point, high: Point, material: Material, spacing: float = 0.03, faces: Iterable[str] = BOX_FACES
) -> list[Surface]:
    """The faces of an axis-aligned box, each with its texture's u along the longer side (so grain runs along)."""
    extent = np.subtract(high, low)
    surfaces = []
    for face in faces:
        axis, outward = "xyz".index(face[1]), face[0] == "+"
        first, second = (i for i in range(3) if i != axis)
        if extent[second] > extent[first]:
            first, second = second, first
        corner, u, v = np.array(low, dtype=float), np.zeros(3), np.zeros(3)
        corner[axis] = high[axis] if outward else low[axis]
        u[first], v[second] = extent[first], extent[second]
        if ((first + 1) % 3 == second) != outward:
            corner[second], v = high[second], -v
        surfaces.append(rectangle(corner, u, v, material, spacing, inset=(EDGE_INSET, EDGE_INSET)))
    return surfaces


def lathe(
    profile: Sequence[tuple[float, float]],
    material: Material,
    spacing: float | tuple[float, float] = 0.02,
    base: Point = (0.0, 0.0, 0.0),
) -> Surface:
    """A surface of revolution: ``profile`` is a line of (radius, z) turned about the vertical through ``base``.

    Going up the outside is lit, going down the inside; going inwards at one height makes a disc that faces up.
    """
    radius, height = np.array(profile, dtype=float).T
    steps = np.hypot(np.diff(radius), np.diff(height))
    along = np.concatenate([[0.0], np.cumsum(steps)]) / steps.sum()

    def shape(s: Array, t: Array) -> Array:
        angle, r = 2 * np.pi * s, np.interp(t, along, radius)
        points = np.stack([r * np.cos(angle), r * np.sin(angle), np.interp(t, along, height)], axis=1)
        return np.asarray(points + np.array(base))

    size = (2 * math.pi * float(radius.max()), float(steps.sum()))
    return Surface(shape, size, material, _pair(spacing), inset=(0.0, EDGE_INSET))


def cylinder(base: Point, radius: float, height: float, material: Material, spacing: float = 0.02) -> Surface:
    """An upright cylinder with a lid."""
    return lathe([(radius, 0.0), (radius, height), (0.0, height)], material, spacing, base)


def blob(centre: Point, radii: Point, material: Material, spacing: float = 0.03, exponent: float = 2.0) -> Surface:
    """A superellipsoid |x|^e + |y|^e + |z|^e = 1, stretched: an ellipsoid at ``exponent`` 2, a stuffed cushion at 4."""

    def shape(s: Array, t: Array) -> Array:
        angle, latitude = 2 * np.pi * s, np.pi * (t - 0.5)
        ring = np.cos(latitude)
        unit = np.stack([ring * np.cos(angle), ring * np.sin(angle), np.sin(latitude)], axis=1)
        unit /= np.sum(np.abs(unit) ** exponent, axis=1, keepdims=True) ** (1 / exponent)
        return np.asarray(unit * np.array(radii) + np.array(centre))

    girth = math.pi * (radii[0] + radii[1])
    size = (girth, girth / 4 + math.pi * radii[2] / 2)
    return Surface(shape, size, material, _pair(spacing))


def moved(surfaces: Iterable[Surface], offset: Point, yaw_degrees: float = 0.0) -> list[Surface]:
    """The surfaces turned about z by ``yaw_degrees`` (x towards y), then shifted by ``offset``."""
    cos, sin = math.cos(math.radians(yaw_degrees)), math.sin(math.radians(yaw_degrees))

    def place(points: Array) -> Array:
        x, y, z = points.T
        return np.asarray(np.stack([cos * x - sin * y, sin * x + cos * y, z], axis=1) + np.array(offset))

    def placed(shape: Shape) -> Shape:
        return lambda s, t: place(shape(s, t))

    return [replace(surface, shape=placed(surface.shape)) for surface in surfaces]
