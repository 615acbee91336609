"""Which triangle is in front at the centre of every pixel, and how far away it is: exact, without blending."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtgs2_trt.camera import Camera

from .surfaces import Array

NEAR = 0.02  # metres in front of the camera
_WIDE = 96  # pixels: triangles with a wider bounding box are drawn in a loop
_CHUNK = 1 << 21  # pixels of bounding boxes at a time


@dataclass(frozen=True)
class FrontSurface:
    """What a camera sees: triangle (H, W) int32, -1 where nothing is; depth (H, W) float64, view z in metres, inf there."""

    triangle: NDArray[np.int32]
    depth: NDArray[np.float64]


def front_surface(triangles: Array, camera: Camera) -> FrontSurface:
    """Draw triangles (M, 3, 3), seen from both sides, at the pixel centres of a camera.

    A pixel centre on the edge between two triangles belongs to at least one of them; of equally near ones the first
    wins. Depth is interpolated with perspective: 1/z is linear in the image.
    """
    pose = camera.world_to_camera
    points = triangles @ pose[:3, :3].T + pose[:3, 3]
    index = np.flatnonzero(points[:, :, 2].max(axis=1) > NEAR)
    points = points[index]
    cut = points[:, :, 2].min(axis=1) <= NEAR
    pieces, parents = _clipped(points[cut])
    points = np.concatenate([points[~cut], pieces])
    index = np.concatenate([index[~cut], index[cut][parents]])

    inverse_z = 1.0 / points[:, :, 2]
    x = points[:, :, 0] * inverse_z * camera.fx + (camera.cx - 0.5)  # in pixel indices: centres at whole numbers
    y = points[:, :, 1] * inverse_z * camera.fy + (camera.cy - 0.5)
    x0 = np.ceil(np.clip(x.min(axis=1), 0, camera.width)).astype(np.int64)
    x1 = np.floor(np.clip(x.max(axis=1), -1, camera.width - 1)).astype(np.int64)
    y0 = np.ceil(np.clip(y.min(axis=1), 0, camera.height)).astype(np.int64)
    y1 = np.floor(np.clip(y.max(axis=1), -1, camera.height - 1)).astype(np.int64)
    area = (x[:, 1] - x[:, 0]) * (y[:, 2] - y[:, 0]) - (x[:, 2] - x[:, 0]) * (y[:, 1] - y[:, 0])
    seen = np.flatnonzero((x1 >= x0) & (y1 >= y0) & (np.abs(area) > 1e-12))
    x, y, inverse_z, index, area = x[seen], y[seen], inverse_z[seen], index[seen], area[seen]
    x0, x1, y0, y1 = x0[seen], x1[seen], y0[seen], y1[seen]

    # Weight of corner k at a pixel: edge[k] . (column, row, 1); their sum is 1.
    edge = np.empty((len(x), 3, 3))
    for k in range(3):
        i, j = (k + 1) % 3, (k + 2) % 3
        edge[:, k, 0] = (y[:, i] - y[:, j]) / area
        edge[:, k, 1] = (x[:, j] - x[:, i]) / area
        edge[:, k, 2] = (x[:, i] * y[:, j] - x[:, j] * y[:, i]) / area
    plane = np.einsum("mk,mkc->mc", inverse_z, edge)  # 1/z at a pixel, likewise

    buffer = _Buffer(camera.width, camera.height)
    wide = (x1 - x0 > _WIDE) | (y1 - y0 > _WIDE)
    for m in np.flatnonzero(wide):
        buffer.draw_one(edge[m], plane[m], int(index[m]), (x0[m], x1[m], y0[m], y1[m]))
    small = np.flatnonzero(~wide)
    sizes = (x1[small] - x0[small] + 1) * (y1[small] - y0[small] + 1)
    ends = np.cumsum(sizes)
    start = 0
    while start < len(small):
        stop = max(start + 1, int(np.searchsorted(ends, (ends[start - 1] if start else 0) + _CHUNK)))
        chosen = small[start:stop]
        buffer.draw(edge[chosen], plane[chosen], index[chosen], x0[chosen], x1[chosen], y0[chosen], sizes[start:stop])
        start = stop
    return buffer.result()


class _Buffer:
    """Nearest 1/z so far, with the triangle it belongs to."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.inverse_z = np.zeros(width * height)
        self.triangle = np.full(width * height, -1, dtype=np.int32)

    def draw_one(self, edge: Array, plane: Array, index: int, box: tuple[Any, Any, Any, Any]) -> None:
        x0, x1, y0, y1 = (int(side) for side in box)
        column, row = np.arange(x0, x1 + 1.0), np.arange(y0, y1 + 1.0)[:, None]
        inside = np.ones((y1 - y0 + 1, x1 - x0 + 1), dtype=bool)
        for a, b, c in edge:
            inside &= column * a + (row * b + c) >= -1e-9
        inverse_z = column * plane[0] + (row * plane[1] + plane[2])
        where = (slice(y0, y1 + 1), slice(x0, x1 + 1))
        depth, triangle = (array.reshape(self.height, self.width)[where] for array in (self.inverse_z, self.triangle))
        nearer = inside & ((inverse_z > depth) | ((inverse_z == depth) & (index < triangle)))
        depth[nearer] = inverse_z[nearer]
        triangle[nearer] = index

    def draw(self, edge: Array, plane: Array, index: Array, x0: Array, x1: Array, y0: Array, sizes: Array) -> None:
        """All pixels of all bounding boxes at once."""
        which = np.repeat(np.arange(len(sizes)), sizes)
        offset = np.arange(len(which)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        wide = (x1 - x0 + 1)[which]
        row = offset // wide
        column = offset - row * wide + x0[which]
        row += y0[which]
        inside = np.ones(len(which), dtype=bool)
        for k in range(3):
            a, b, c = edge[:, k].T
            inside &= a[which] * column + (b[which] * row + c[which]) >= -1e-9
        which, column, row = which[inside], column[inside], row[inside]
        inverse_z = plane[which, 0] * column + (plane[which, 1] * row + plane[which, 2])
        pixel, triangle = row * self.width + column, index[which]
        order = np.lexsort((triangle, -inverse_z, pixel))
        pixel, inverse_z, triangle = pixel[order], inverse_z[order], triangle[order]
        first = np.flatnonzero(np.diff(pixel, prepend=-1))
        pixel, inverse_z, triangle = pixel[first], inverse_z[first], triangle[first]
        known, owner = self.inverse_z[pixel], self.triangle[pixel]
        nearer = (inverse_z > known) | ((inverse_z == known) & (triangle < owner))
        self.inverse_z[pixel[nearer]] = inverse_z[nearer]
        self.triangle[pixel[nearer]] = triangle[nearer]

    def result(self) -> FrontSurface:
        depth = np.full(self.inverse_z.shape, np.inf)
        np.divide(1.0, self.inverse_z, out=depth, where=self.triangle >= 0)
        shape = (self.height, self.width)
        return FrontSurface(self.triangle.reshape(shape), depth.reshape(shape))


def _clipped(points: Array) -> tuple[Array, NDArray[np.int64]]:
    """What lies beyond the near plane of triangles that cross it: triangles (K, 3, 3) and their parents (K,)."""
    pieces: list[Array] = []
    parents: list[int] = []
    for parent, corners in enumerate(points):
        kept: list[Array] = []
        for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            if a[2] > NEAR:
                kept.append(a)
            if (a[2] > NEAR) != (b[2] > NEAR):
                kept.append(a + (b - a) * (NEAR - a[2]) / (b[2] - a[2]))
        for k in range(1, len(kept) - 1):
            pieces.append(np.stack([kept[0], kept[k], kept[k + 1]]))
            parents.append(parent)
    return np.array(pieces).reshape(-1, 3, 3), np.array(parents, dtype=np.int64)
