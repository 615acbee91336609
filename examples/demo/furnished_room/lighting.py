"""Baked light: sky and sun through the window, lamps, ambient light with occlusion, and a hint of gloss.

Shadows come from a grid that counts the surfels of the furniture in cells of 5 cm: a ray is dimmed by the cells it
crosses. That is coarse, but soft like real shadows indoors, and needs no list of occluders.
"""

from __future__ import annotations

import numpy as np

from rtgs2_training.synthrooms.surfaces import Array, Surfels
from rtgs2_training.synthrooms.textures import Colour

from .layout import HIGH, LOW, SILL, WINDOW

CELL = 0.05  # metres
SUN = np.array([0.30, 1.0, 0.85]) / np.linalg.norm([0.30, 1.0, 0.85])  # direction towards the sun
SUN_COLOUR = (3.6, 3.0, 2.2)
SKY_COLOUR = (2.3, 2.6, 3.0)  # radiance of the window
AMBIENT_ABOVE, AMBIENT_BELOW = (0.52, 0.51, 0.50), (0.34, 0.29, 0.24)  # from the white ceiling, from the wooden floor
LAMPS: tuple[tuple[Colour, Colour], ...] = (  # position, intensity
    ((1.55, 0.95, 1.55), (0.75, 0.56, 0.34)),
    ((-0.9, -0.4, 2.45), (0.95, 0.80, 0.60)),
    ((2.775, -1.72, 1.18), (0.16, 0.115, 0.06)),
)
EXPOSURE = 1.35
GAMMA = 2.2


def lit(surfels: Surfels) -> tuple[Array, Array]:
    """Colour (N, 3) in sRGB 0..1 of every surfel, and its highlight (N, 3): a vector towards which it is brighter."""
    grid = ShadowGrid(surfels)
    openness = grid.openness(surfels) * corner_openness(surfels)
    above = 0.5 + 0.5 * surfels.normals[:, 2:]
    light = (above * np.array(AMBIENT_ABOVE) + (1 - above) * np.array(AMBIENT_BELOW)) * openness[:, None]
    sky, towards = _from_window(surfels, grid)
    light += sky * (0.4 + 0.6 * openness[:, None])
    light += _from_sun(surfels, grid) + _from_lamps(surfels, grid)
    linear = surfels.albedo**GAMMA * light * EXPOSURE
    linear = linear * (1 + linear / 9) / (1 + linear)  # Reinhard: lights roll off towards white
    colour = np.where(surfels.glows[:, None], surfels.albedo, np.clip(linear, 0, 1) ** (1 / GAMMA))

    mirrored = 2 * np.sum(surfels.normals * towards, axis=1, keepdims=True) * surfels.normals - towards
    return colour, mirrored * (surfels.gloss * np.sqrt(np.clip(sky.mean(axis=1), 0, 1)))[:, None]


def degree_one(highlight: Array) -> Array:
    """SH coefficients (N, 3, 3) of degree 1 that add ``highlight . (direction to the viewer)`` to each channel.

    The direction d of SH points from the viewer to the Gaussian, and colour = ... - y sh[1] + z sh[2] - x sh[3].
    """
    x, y, z = highlight.T / 0.4886025119029199
    return np.repeat(np.stack([y, -z, x], axis=1)[:, :, None], 3, axis=2)


def corner_openness(surfels: Surfels) -> Array:
    """The share (N,) of ambient light left near walls, floor and ceiling (1 = free)."""
    openness = np.ones(len(surfels.points))
    for axis in range(3):
        beside = 1 - np.abs(surfels.normals[:, axis])
        for plane in (LOW[axis], HIGH[axis]):
            distance = np.abs(surfels.points[:, axis] - plane)
            openness *= 1 - 0.38 * beside * np.exp(-distance / 0.22)
    return openness


class ShadowGrid:
    """How much of each cell of the room the furniture fills."""

    def __init__(self, surfels: Surfels) -> None:
        self.origin = np.array(LOW) - 4 * CELL
        self.shape = np.ceil((np.array(HIGH) - np.array(LOW)) / CELL).astype(int) + 8
        cast = ~(surfels.shell | surfels.glows)
        area = np.zeros(self.shape)
        np.add.at(area, self._cells(surfels.points[cast]), np.prod(surfels.radii[cast], axis=1) * 2)
        self.filled = _blurred(np.minimum(area / CELL**2, 1.0), 1)
        self.nearby = _blurred(self.filled, 2)

    def _cells(self, points: Array) -> tuple[Array, ...]:
        cells = np.clip((points - self.origin) / CELL, 0, self.shape - 1).astype(np.int32)
        return tuple(cells.T)

    def openness(self, surfels: Surfels) -> Array:
        """The share (N,) of ambient light that furniture nearby leaves, looked up 15 cm above the surface."""
        nearby = self.nearby[self._cells(surfels.points + 0.15 * surfels.normals)]
        return np.exp(-3.0 * nearby)

    def dimmed(self, share: Array, surfels: Surfels, towards: Array, distance: Array) -> Array:
        """What (N,) of the light ``share`` (N,) arrives from ``distance`` (N,) away along ``towards`` (N, 3)."""
        asked = np.flatnonzero(share > 0)
        normals, towards, distance = surfels.normals[asked], towards[asked], distance[asked]
        side = np.sign(np.sum(normals * towards, axis=1, keepdims=True))
        start = surfels.points[asked] + 1.6 * CELL * side * normals
        crossed = np.zeros(len(asked))
        step = 1.5 * CELL
        for reached in np.arange(step, float(np.max(distance, initial=0.0)), step):
            filled = self.filled[self._cells(start + reached * towards)]
            crossed += filled * (reached < distance)
        result = np.zeros_like(share)
        result[asked] = share[asked] * np.exp(-1.2 * step / CELL * crossed)
        return result


def _blurred(volume: Array, radius: int) -> Array:
    """The volume averaged over a cube of 2 radius + 1 cells."""
    for axis in range(3):
        volume = np.mean([np.roll(volume, shift, axis) for shift in range(-radius, radius + 1)], axis=0)
    return volume


def _facing(surfels: Surfels, towards: Array) -> Array:
    """Lambert's cosine (N,); both sides of thin things are lit."""
    cosine = np.sum(surfels.normals * towards, axis=1)
    return np.where(surfels.thin, 0.3 + 0.5 * np.abs(cosine), np.maximum(cosine, 0))


def _from_window(surfels: Surfels, grid: ShadowGrid) -> tuple[Array, Array]:
    """Light (N, 3) of the sky through six parts of the window, and the unit direction (N, 3) it comes from."""
    x0, x1, z0, z1 = WINDOW
    total, weighted = np.zeros(len(surfels.points)), np.zeros_like(surfels.points)
    parts = [(x, z) for x in np.linspace(x0, x1, 7)[1::2] for z in np.linspace(z0, z1, 5)[1::2]]
    for x, z in parts:
        run = np.array([x, HIGH[1], z]) - surfels.points
        distance = np.linalg.norm(run, axis=1)
        towards = run / np.maximum(distance, 0.05)[:, None]
        solid_angle = (x1 - x0) * (z1 - z0) / len(parts) * np.maximum(towards[:, 1], 0) / (distance**2 + 0.15)
        share = grid.dimmed(solid_angle / np.pi * _facing(surfels, towards), surfels, towards, distance)
        total += share
        weighted += (share + 1e-9)[:, None] * towards
    return total[:, None] * np.array(SKY_COLOUR), weighted / np.linalg.norm(weighted, axis=1, keepdims=True)


def _from_sun(surfels: Surfels, grid: ShadowGrid) -> Array:
    """Sunlight (N, 3) that falls through the panes of the window."""
    x0, x1, z0, z1 = WINDOW
    distance = (HIGH[1] + SILL - surfels.points[:, 1]) / SUN[1]
    x, _, z = (surfels.points + distance[:, None] * SUN).T

    def inside(value: Array, low: float, high: float) -> Array:
        return np.clip((np.minimum(value - low, high - value)) / 0.05, 0, 1)

    middle, rail = (x0 + x1) / 2, z0 + 0.68 * (z1 - z0)
    across = inside(x, x0 + 0.07, middle - 0.035) + inside(x, middle + 0.035, x1 - 0.07)
    upright = inside(z, z0 + 0.07, rail - 0.035) + inside(z, rail + 0.035, z1 - 0.07)
    reaches = across * upright * (distance > 0)
    towards = np.tile(SUN, (len(x), 1))
    share = grid.dimmed(reaches * _facing(surfels, towards), surfels, towards, distance)
    return share[:, None] * np.array(SUN_COLOUR)


def _from_lamps(surfels: Surfels, grid: ShadowGrid) -> Array:
    """Light (N, 3) of the lamps, falling off with the square of the distance."""
    light = np.zeros_like(surfels.points)
    for position, intensity in LAMPS:
        run = np.array(position) - surfels.points
        distance = np.linalg.norm(run, axis=1)
        towards = run / np.maximum(distance, 0.05)[:, None]
        share = _facing(surfels, towards) / (distance**2 + 0.08)
        light += grid.dimmed(share, surfels, towards, distance - 0.25)[:, None] * np.array(intensity)
    return light
