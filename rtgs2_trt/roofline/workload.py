"""How much there is to do in a frame, counted: Gaussians that are seen, tiles they reach, pixels they fill."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..camera import Camera
from ..scene import Scene

NEAR, LEAST_ALPHA, MOST_ALPHA, LEAST_TRANSMITTANCE, TILE, BLUR, MARGIN = 0.2, 1 / 255, 0.99, 1e-4, 16, 0.3, 0.15
_AT_ONCE = 64  # Gaussians of a tile
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Workload:
    """What a frame has to do.

    Attributes:
        gaussians: of the scene.
        in_front: of them, opaque enough and before the near plane.
        visible: of them, touching the image.
        pairs: of a visible Gaussian and a 16 x 16 tile that it reaches.
        reached: of these pairs, those that come before all pixels of their tile are full.
        hits: of a pixel and a Gaussian that changes it.
        pixels: of the image.
        tiles: of the image.
        sh_count: spherical-harmonics coefficients a channel.
        channels: features a Gaussian.
        sampled_tiles: tiles that `reached` and `hits` were counted in; the rest is taken to be like them.
    """

    gaussians: int
    in_front: int
    visible: int
    pairs: int
    reached: int
    hits: int
    pixels: int
    tiles: int
    sh_count: int
    channels: int
    sampled_tiles: int


def count_work(
    scene: Scene, camera: Camera, *, channels: int | None = None, sampled_tiles: int = 48, seed: int = 0
) -> Workload:
    """Count what a view takes, by the rules of docs/conventions.md, in NumPy.

    Args:
        scene: need not be encoded.
        camera: the view, of the size that is rendered.
        channels: features a Gaussian, those of the scene by default.
        sampled_tiles: in how many tiles is looked which Gaussians fill which pixels; in all, if there are no more.
        seed: of the choice of tiles.
    """
    if channels is None:
        channels = 0 if scene.features is None else scene.features.shape[1]
    splats = _project(scene, camera)
    columns, rows = -(-camera.width // TILE), -(-camera.height // TILE)
    owner, tile = _pairs(splats, columns, rows)
    tiles = columns * rows
    chosen = np.arange(tiles)
    if tiles > sampled_tiles:
        chosen = np.random.default_rng(seed).choice(tiles, sampled_tiles, replace=False)
    order = np.lexsort((splats["depth"][owner], tile))
    owner, tile = owner[order], tile[order]
    begins, ends = np.searchsorted(tile, chosen, "left"), np.searchsorted(tile, chosen, "right")
    blended = [
        _blend(splats, owner[begin:end], int(number) % columns, int(number) // columns, camera)
        for number, begin, end in zip(chosen, begins, ends, strict=True)
    ]
    scale = tiles / len(chosen)
    return Workload(
        gaussians=len(scene),
        in_front=int(splats["in_front"]),
        visible=len(splats["depth"]),
        pairs=len(owner),
        reached=round(scale * sum(reached for reached, _ in blended)),
        hits=round(scale * sum(hits for _, hits in blended)),
        pixels=camera.width * camera.height,
        tiles=tiles,
        sh_count=scene.sh.shape[1],
        channels=channels,
        sampled_tiles=len(chosen),
    )


def _project(scene: Scene, camera: Camera) -> dict[str, Any]:
    """Centre, inverse covariance, squared reach, depth and tile rectangle of what touches the image."""
    pose = camera.world_to_camera
    view = scene.means.astype(np.float64) @ pose[:3, :3].T + pose[:3, 3]
    kept = np.flatnonzero((view[:, 2] > NEAR) & (scene.opacities >= LEAST_ALPHA))
    in_front, view = len(kept), view[kept]
    x, y, z = view.T
    limits = [
        ((-c - MARGIN * size) / f, (size - c + MARGIN * size) / f)
        for c, size, f in ((camera.cx, camera.width, camera.fx), (camera.cy, camera.height, camera.fy))
    ]
    u, v = np.clip(x / z, *limits[0]), np.clip(y / z, *limits[1])
    zero = np.zeros_like(z)
    jacobian = np.stack([camera.fx / z, zero, -camera.fx * u / z, zero, camera.fy / z, -camera.fy * v / z], axis=1)
    to_screen = jacobian.reshape(-1, 2, 3) @ pose[:3, :3]
    axes = to_screen @ _rotations(scene.rotations[kept].astype(np.float64)) * scene.scales[kept][:, None, :]
    a = np.sum(axes[:, 0] ** 2, axis=1) + BLUR
    b = np.sum(axes[:, 0] * axes[:, 1], axis=1)
    c = np.sum(axes[:, 1] ** 2, axis=1) + BLUR
    determinant = a * c - b * b
    half_trace = (a + c) / 2
    radius = np.ceil(3 * np.sqrt(half_trace + np.sqrt(np.maximum(0.1, half_trace**2 - determinant))))
    centre = np.stack([camera.fx * x / z + camera.cx - 0.5, camera.fy * y / z + camera.cy - 0.5], axis=1)
    tiles = np.array([-(-camera.width // TILE), -(-camera.height // TILE)])
    first = np.clip(np.trunc((centre - radius[:, None]) / TILE), 0, tiles).astype(np.int64)
    last = np.clip(np.trunc((centre + radius[:, None] + TILE - 1) / TILE), 0, tiles).astype(np.int64)
    seen = (last > first).all(axis=1) & (determinant > 0)
    inverse = np.stack([c, -b, a], axis=1) / determinant[:, None]
    opacity = scene.opacities[kept].astype(np.float64)
    values = {
        "centre": centre,
        "inverse": inverse,
        "opacity": opacity,
        "reach": 2 * np.log(255 * opacity),
        "depth": z,
        "first": first,
        "last": last,
    }
    return {"in_front": in_front, **{name: array[seen] for name, array in values.items()}}


def _rotations(quaternions: Array) -> Array:
    w, x, y, z = (quaternions / np.linalg.norm(quaternions, axis=1, keepdims=True)).T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), -1, 0)


def _pairs(splats: dict[str, Any], columns: int, rows: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(owner, tile) of every tile that the core lists: where the ellipse alpha = 1/255 meets the tile's rows of pixels.

    Columns count up to the next tile's first pixel, and a single tile is not looked at more closely.
    """
    size = splats["last"] - splats["first"]
    counts = size[:, 0] * size[:, 1]
    owner = np.repeat(np.arange(len(counts)), counts)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    column = splats["first"][owner, 0] + within % size[owner, 0]
    row = splats["first"][owner, 1] + within // size[owner, 0]
    low = np.stack([column, row], axis=1) * TILE - splats["centre"][owner]
    high = low + np.array([TILE, TILE - 1])
    met = _least_distance(splats["inverse"][owner], low, high) <= splats["reach"][owner]
    met |= counts[owner] == 1
    return owner[met], (row * columns + column)[met]


def _least_distance(inverse: Array, low: Array, high: Array) -> Array:
    """Least x A x over rectangles, A = (a, b, c) symmetric: at the origin, or on the edges."""
    a, b, c = inverse.T
    least = np.full(len(a), np.inf)
    for x in (low[:, 0], high[:, 0]):
        y = np.clip(-b * x / c, low[:, 1], high[:, 1])
        least = np.minimum(least, a * x * x + 2 * b * x * y + c * y * y)
    for y in (low[:, 1], high[:, 1]):
        x = np.clip(-b * y / a, low[:, 0], high[:, 0])
        least = np.minimum(least, a * x * x + 2 * b * x * y + c * y * y)
    inside = ((low <= 0) & (high >= 0)).all(axis=1)
    return np.where(inside, 0.0, least)


def _blend(
    splats: dict[str, Any], members: NDArray[np.int64], column: int, row: int, camera: Camera
) -> tuple[int, int]:
    """(Gaussians until all pixels are full, pairs of pixel and Gaussian that change it) of one tile."""
    x, y = np.meshgrid(np.arange(TILE) + column * TILE, np.arange(TILE) + row * TILE)
    inside = ((x < camera.width) & (y < camera.height)).ravel()
    pixels = np.stack([x.ravel(), y.ravel()], axis=1)[inside].astype(np.float64)
    transmittance, alive = np.ones(len(pixels)), np.ones(len(pixels), bool)
    reached = hits = 0
    for begin in range(0, len(members), _AT_ONCE):
        part = members[begin : begin + _AT_ONCE]
        dx, dy = (pixels[None] - splats["centre"][part][:, None]).transpose(2, 0, 1)
        a, b, c = splats["inverse"][part].T[..., None]
        power = -0.5 * (a * dx * dx + 2 * b * dx * dy + c * dy * dy)
        alphas = np.minimum(MOST_ALPHA, splats["opacity"][part][:, None] * np.exp(power))
        for alpha in alphas:
            if not alive.any():
                return reached, hits
            reached += 1
            after = transmittance * (1 - alpha)
            counts = alive & (alpha >= LEAST_ALPHA)
            alive &= ~(counts & (after < LEAST_TRANSMITTANCE))
            counts &= alive
            transmittance = np.where(counts, after, transmittance)
            hits += int(counts.sum())
    return reached, hits
