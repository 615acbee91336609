"""Baked light: sky and sun through the windows, lamps, ambient light with occlusion, and a hint of gloss."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .plan import FloorPlan, Opening, Wall
from .shadow_grid import CELL, ShadowGrid
from .surfaces import Array
from .surfels import Surfels

LIFT = 0.16  # metres over a surface at which its light is looked up, so that it does not shade itself
GAMMA = 2.2


@dataclass(frozen=True)
class Sun:
    """Direction towards the sun (unit vector) and its colour, linear."""

    towards: Array
    colour: Array


@dataclass(frozen=True)
class Lamp:
    """A light at a point: intensity linear, RGB; radiance falls off with the square of the distance."""

    position: Array
    intensity: Array


@dataclass(frozen=True)
class Lighting:
    """All light of a flat. ``sky`` is the radiance of its windows, ``ambient`` a row a room, ``exposure`` relative."""

    windows: Sequence[tuple[Wall, Opening]]
    sky: Array
    lamps: Sequence[Lamp]
    sun: Sun | None
    ambient: Array
    exposure: float
    balance: Array  # white balance, a factor a channel


def random_lighting(
    plan: FloorPlan,
    windows: Sequence[tuple[int, Wall, Opening]],
    view: str | None,
    glowing: Sequence[Array],
    rng: np.random.Generator,
) -> Lighting:
    """Day or night, warm or cold, dim or bright.

    Args:
        plan: the rooms.
        windows: room, wall and opening of each window.
        view: what is seen through them; at "dusk" no daylight comes in.
        glowing: positions (3,) of the lamps that are seen.
        rng: chooses the rest.
    """
    day = view != "dusk" and rng.random() < 0.85
    overcast = rng.uniform(0.6, 1.5)
    sky = overcast * np.array([2.3, 2.5, 2.8]) * np.exp(rng.normal(0, 0.06, 3)) if day else np.full(3, 0.03)
    sun = None
    if day and rng.random() < 0.35:
        angle, climb = rng.uniform(0, 2 * np.pi), np.radians(rng.uniform(18, 60))
        towards = np.array([np.cos(angle) * np.cos(climb), np.sin(angle) * np.cos(climb), np.sin(climb)])
        sun = Sun(towards, np.array([3.4, 2.9, 2.2]) * rng.uniform(0.5, 1.1))
    warmth = rng.uniform(0, 1)
    lamp_colour = np.array([1.0, 0.74 + 0.22 * warmth, 0.42 + 0.52 * warmth])
    lamps = [Lamp(position, lamp_colour * rng.uniform(0.1, 0.4)) for position in glowing]
    ambient = []
    for index, space in enumerate(plan.spaces):
        lit_by_day = sum(o.width * (o.high - o.low) for room, _, o in windows if room == index)
        if rng.random() < (0.55 if day and lit_by_day > 1 else 1.0):
            for x0, y0, x1, y1 in space.rectangles:
                at = np.array([rng.uniform(0.35, 0.65) * (x1 - x0) + x0, rng.uniform(0.35, 0.65) * (y1 - y0) + y0])
                share = (x1 - x0) * (y1 - y0) / 12
                lamps.append(Lamp(np.append(at, space.height - 0.25), lamp_colour * share * rng.uniform(0.5, 1.2)))
        own = np.sum([lamp.intensity for lamp in lamps if space.contains(*lamp.position[:2])], axis=0)
        bounced = (1.4 * own + lit_by_day * sky * 0.22) / space.area
        ambient.append(0.10 * rng.uniform(0.7, 1.5) * (0.5 * lamp_colour + 0.5) + rng.uniform(0.8, 1.6) * bounced)
    return Lighting(
        [(wall, opening) for _, wall, opening in windows],
        sky,
        lamps,
        sun,
        np.array(ambient),
        float(np.exp(rng.normal(0, 0.28))),
        np.exp(rng.normal(0, 0.035, 3)),
    )


def lit(surfels: Surfels, plan: FloorPlan, lighting: Lighting, everything: Surfels) -> tuple[Array, Array]:
    """Colour (N, 3) in sRGB 0..1 of every surfel, and its highlight (N, 3): a vector towards which it is brighter.

    ``everything`` casts shadows: these surfels and those that no photograph sees.
    """
    grid = ShadowGrid(everything, plan)
    lifted = surfels.points + LIFT * surfels.normals
    at = grid.lookup(lifted)
    openness = np.exp(-2.2 * at.value(grid.nearby))[:, None]
    up = 0.5 + 0.5 * surfels.normals[:, 2:]
    light = lighting.ambient[_room_of(plan, surfels.points)] * (0.72 + 0.28 * up) * openness
    brightness, towards = np.zeros(len(surfels)), np.zeros((len(surfels), 3))
    for source in _sources(lighting):
        run = source.position - surfels.points
        distance = np.sqrt(np.einsum("nk,nk->n", run, run))
        run /= np.maximum(distance, 0.05)[:, None]
        share = source.arriving(run, distance) * _facing(surfels, run)
        share *= at.value(grid.reach(source.position)) * (0.35 + 0.65 * openness[:, 0])
        light += share[:, None] * source.colour
        share *= float(np.mean(source.colour))
        brightness += share
        towards += (share + 1e-9)[:, None] * run
    if lighting.sun is not None:
        light += _sunlight(surfels, grid, lighting)
    light *= _exposure(light, surfels, lighting)
    linear = surfels.albedo**GAMMA * light * lighting.balance
    linear = linear * (1 + linear / 9) / (1 + linear)  # Reinhard: lights roll off towards white
    colour = np.where(surfels.glows[:, None], surfels.albedo, np.clip(linear, 0, 1) ** (1 / GAMMA))

    towards /= np.maximum(np.linalg.norm(towards, axis=1, keepdims=True), 1e-12)
    mirrored = 2 * np.sum(surfels.normals * towards, axis=1, keepdims=True) * surfels.normals - towards
    shine = surfels.gloss * np.sqrt(np.clip(brightness, 0, 1)) * ~surfels.glows
    return colour, mirrored * shine[:, None]


def _exposure(light: Array, surfels: Surfels, lighting: Lighting) -> float:
    """Like a camera's automatic exposure: the typical surface comes out at a middle level, give or take."""
    seen = light[~surfels.glows].mean(axis=1)
    return 1.05 * lighting.exposure / max(float(np.quantile(seen, 0.6)), 1e-6)


def _room_of(plan: FloorPlan, points: Array) -> NDArray[np.int64]:
    """The room (N,) that each point is in or nearest to."""
    nearest = np.full((len(plan.spaces), len(points)), np.inf)
    for index, space in enumerate(plan.spaces):
        for x0, y0, x1, y1 in space.rectangles:
            dx = np.maximum(np.maximum(x0 - points[:, 0], points[:, 0] - x1), 0)
            dy = np.maximum(np.maximum(y0 - points[:, 1], points[:, 1] - y1), 0)
            nearest[index] = np.minimum(nearest[index], dx + dy)
    return np.asarray(np.argmin(nearest, axis=0))


@dataclass(frozen=True)
class _Source:
    """A light that spreads from a point; through a window only ``inward``, by the window's ``area``."""

    position: Array
    colour: Array
    inward: Array | None = None
    area: float = 0.0

    def arriving(self, towards: Array, distance: Array) -> Array:
        """What arrives (N,) from unit directions (N, 3) to the source and distances (N,) to it."""
        if self.inward is None:
            return np.asarray(1 / (distance**2 + 0.2))
        return np.asarray(self.area / np.pi * np.maximum(-towards @ self.inward, 0) / (distance**2 + 0.2))


def _sources(lighting: Lighting) -> Iterator[_Source]:
    for wall, opening in lighting.windows:
        columns = max(1, round(opening.width))
        area = opening.width * (opening.high - opening.low) / columns
        for y in np.linspace(opening.left, opening.right, 2 * columns + 1)[1::2]:
            position = np.array([*wall.point(0.08, float(y)), 0.45 * opening.low + 0.55 * opening.high])
            yield _Source(position, lighting.sky, np.array([*wall.inward, 0.0]), area)
    for lamp in lighting.lamps:
        yield _Source(lamp.position, lamp.intensity)


def _facing(surfels: Surfels, towards: Array) -> Array:
    """Lambert's cosine (N,); both sides of thin things are lit."""
    cosine = np.einsum("nk,nk->n", surfels.normals, towards)
    return np.asarray(np.where(surfels.thin, 0.3 + 0.5 * np.abs(cosine), np.maximum(cosine, 0)))


def _sunlight(surfels: Surfels, grid: ShadowGrid, lighting: Lighting) -> Array:
    """Sunlight (N, 3) that falls through the windows."""
    assert lighting.sun is not None
    towards = lighting.sun.towards
    reaches = np.zeros(len(surfels))
    length = np.zeros(len(surfels))
    for wall, opening in lighting.windows:
        inward = np.array([*wall.inward, 0.0])
        against = -float(towards @ inward)
        if against < 0.05:
            continue
        start = np.array([*wall.start, 0.0])
        distance = (surfels.points - start) @ inward / against
        crossing = surfels.points + distance[:, None] * towards - start
        y, z = crossing @ np.array([*wall.along, 0.0]), crossing[:, 2]
        edge = np.minimum(
            np.minimum(y - opening.left, opening.right - y), np.minimum(z - opening.low, opening.high - z)
        )
        through = np.clip((edge - 0.04) / 0.05, 0, 1) * (distance > 0)
        length = np.where(through > reaches, distance, length)
        reaches = np.maximum(reaches, through)
    share = reaches * _facing(surfels, np.broadcast_to(towards, surfels.points.shape))
    asked = np.flatnonzero(share > 0)
    start = surfels.points[asked] + LIFT * surfels.normals[asked]
    crossed = np.zeros(len(asked))
    for reached in np.arange(CELL, float(length[asked].max(initial=0.0)), 1.2 * CELL):
        crossed += grid.nearest(grid.filled, start + reached * towards) * (reached < length[asked] - 0.2)
    share[asked] *= np.exp(-1.5 * crossed)
    return np.asarray(share[:, None] * lighting.sun.colour)
