"""Baked light: sky and sun through the windows, lamps, ambient light with occlusion, and a hint of gloss.

Shadows come from a grid that counts the surfels in cells of 10 cm. The light that reaches the cells from a source is
carried outwards from cell to cell, each a step further from the source than the one it is taken from; a cell dims it by
what it holds. Soft like real shadows indoors, and the cost does not grow with the number of surfels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .plan import FloorPlan, Opening, Wall
from .surfaces import Array
from .surfels import Surfels

CELL = 0.1  # metres
LIFT = 0.16  # metres over a surface at which its light is looked up, so that it does not shade itself
DENSITY = 4.0  # a full cell lets exp(-DENSITY) through
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


def lit(surfels: Surfels, plan: FloorPlan, lighting: Lighting) -> tuple[Array, Array]:
    """Colour (N, 3) in sRGB 0..1 of every surfel, and its highlight (N, 3): a vector towards which it is brighter."""
    grid = ShadowGrid(surfels, plan)
    lifted = surfels.points + LIFT * surfels.normals
    at = grid.lookup(lifted)
    openness = np.exp(-2.2 * at.value(grid.nearby))[:, None]
    up = 0.5 + 0.5 * surfels.normals[:, 2:]
    light = lighting.ambient[_room_of(plan, surfels.points)] * (0.72 + 0.28 * up) * openness
    brightness, towards = np.zeros(len(surfels)), np.zeros((len(surfels), 3))
    for source, colour, share_of in _sources(lighting):
        run = source - surfels.points
        distance = np.sqrt(np.einsum("nk,nk->n", run, run))
        run /= np.maximum(distance, 0.05)[:, None]
        share = share_of(run, distance) * _facing(surfels, run)
        share *= at.value(grid.reach(source)) * (0.35 + 0.65 * openness[:, 0])
        light += share[:, None] * colour
        share *= float(np.mean(colour))
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
    return np.argmin(nearest, axis=0)


def _sources(lighting: Lighting):  # type: ignore[no-untyped-def]
    """Position, colour and share(direction to it, distance) of every light that spreads from a point."""
    for wall, opening in lighting.windows:
        columns = max(1, round(opening.width / 1.0))
        area = opening.width * (opening.high - opening.low) / columns
        inward = np.array([*wall.inward, 0.0])
        for y in np.linspace(opening.left, opening.right, 2 * columns + 1)[1::2]:
            source = np.array([*wall.point(0.08, float(y)), 0.45 * opening.low + 0.55 * opening.high])

            def through(run: Array, distance: Array, area: float = area, inward: Array = inward) -> Array:
                return area / np.pi * np.maximum(-run @ inward, 0) / (distance**2 + 0.2)

            yield source, lighting.sky, through
    for lamp in lighting.lamps:
        yield lamp.position, lamp.intensity, lambda run, distance: 1 / (distance**2 + 0.2)


def _facing(surfels: Surfels, towards: Array) -> Array:
    """Lambert's cosine (N,); both sides of thin things are lit."""
    cosine = np.einsum("nk,nk->n", surfels.normals, towards)
    return np.where(surfels.thin, 0.3 + 0.5 * np.abs(cosine), np.maximum(cosine, 0))


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
    return share[:, None] * lighting.sun.colour


@dataclass(frozen=True)
class Lookup:
    """Where points lie between the centres of the cells: flat indices (8, N) and weights (8, N)."""

    cells: NDArray[np.int32]
    weights: NDArray[np.float32]

    def value(self, volume: Array) -> Array:
        """The volume, interpolated, at the points (N,)."""
        flat = volume.ravel()
        total = flat[self.cells[0]] * self.weights[0]
        for cell, weight in zip(self.cells[1:], self.weights[1:], strict=True):
            total += flat[cell] * weight
        return np.asarray(total)


class ShadowGrid:
    """How much of each cell of the flat is filled, 0..1."""

    def __init__(self, surfels: Surfels, plan: FloorPlan) -> None:
        x0, y0, x1, y1 = plan.bounds
        self.origin = np.array([x0, y0, 0.0]) - 3 * CELL
        self.shape = np.ceil((np.array([x1, y1, plan.height]) + 3 * CELL - self.origin) / CELL).astype(int)
        cast = surfels.taken(~surfels.glows)
        area = 2 * np.pi * cast.radii.prod(axis=1) * 0.6
        cells = self._cells(cast.points)
        filled = np.bincount(cells, area, minlength=int(self.shape.prod())).reshape(self.shape) / CELL**2
        self.filled = np.minimum(filled, 1.0).astype(np.float32)
        self.nearby = _blurred(self.filled)

    def _cells(self, points: Array) -> NDArray[np.int64]:
        i, j, k = np.clip((points - self.origin) / CELL, 0, self.shape - 1).astype(np.int64).T
        return np.asarray((i * self.shape[1] + j) * self.shape[2] + k)

    def nearest(self, volume: Array, points: Array) -> Array:
        """The volume (N,) in the cells of the points (N, 3)."""
        return np.asarray(volume.ravel()[self._cells(points)])

    def lookup(self, points: Array) -> Lookup:
        """How to interpolate at points (N, 3)."""
        position = np.clip((points - self.origin) / CELL - 0.5, 0, self.shape - 1.001)
        low = position.astype(np.int32)
        rest = (position - low).astype(np.float32)
        cells, weights = [], []
        for dx, dy, dz in np.ndindex(2, 2, 2):
            i, j, k = low[:, 0] + dx, low[:, 1] + dy, low[:, 2] + dz
            cells.append((i * self.shape[1] + j) * self.shape[2] + k)
            x, y, z = (rest[:, axis] if d else 1 - rest[:, axis] for axis, d in enumerate((dx, dy, dz)))
            weights.append(x * y * z)
        return Lookup(np.array(cells, np.int32), np.array(weights, np.float32))

    def reach(self, source: Array) -> Array:
        """The share of light from a point that arrives in each cell."""
        centre = np.clip((source - self.origin) / CELL, 0, self.shape - 1).astype(np.int32)
        i, j, k = (np.arange(n, dtype=np.int32) - c for n, c in zip(self.shape, centre, strict=True))
        ring = np.maximum(np.maximum(np.abs(i)[:, None, None], np.abs(j)[None, :, None]), np.abs(k)[None, None, :])
        ring = ring.ravel()
        order = np.argsort(ring.astype(np.int16), kind="stable")
        bounds = np.searchsorted(ring[order], np.arange(int(ring.max()) + 2))
        flat = np.ones(ring.size, np.float32)
        through = np.exp(np.float32(-DENSITY) * self.filled).ravel()
        _, ny, nz = (int(side) for side in self.shape)
        for distance in range(3, len(bounds) - 1):
            cells = order[bounds[distance] : bounds[distance + 1]]
            a, rest = np.divmod(cells, ny * nz)
            b, c = np.divmod(rest, nz)
            back = np.float32(1 - 1 / distance)  # one ring nearer to the source
            base, shares, steps = None, [], []
            total = None
            position = []
            for axis, stride, middle in ((a, ny * nz, centre[0]), (b, nz, centre[1]), (c, 1, centre[2])):
                exact = (axis - middle) * back
                low = np.floor(exact + 1e-4)
                position.append((low.astype(np.int64) + middle) * stride)
                shares.append(np.maximum(exact - low, 0).astype(np.float32))
                steps.append(stride)
            base = position[0] + position[1] + position[2]
            total = np.zeros(len(cells), np.float32)
            for dx, dy, dz in np.ndindex(2, 2, 2):
                weight = np.ones(len(cells), np.float32)
                for share, d in zip(shares, (dx, dy, dz), strict=True):
                    weight *= share if d else 1 - share
                index = base + dx * steps[0] + dy * steps[1] + dz * steps[2]
                total += weight * flat[np.minimum(index, flat.size - 1)]
            flat[cells] = total * through[cells]
        return flat.reshape(self.shape)


def _blurred(volume: Array) -> Array:
    """The volume averaged over a cube of 3 cells."""
    for axis in range(3):
        volume = (np.roll(volume, -1, axis) + volume + np.roll(volume, 1, axis)) / 3
    return volume
