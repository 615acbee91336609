"""What a capture's photographs saw. A Gaussian stays only where one of them looks, so captures have one layer a thing:
a duvet without the mattress below it, a floor with gaps below sofas.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from rtgs2_trt.camera import Camera

from .floor_space import FloorSpace
from .surfaces import Array
from .viewpoints import random_camera
from .zbuffer import NEAR, front_surface

SIZE = (320, 240)  # pixels
FEWEST, MOST = 12, 60  # beside the labelled views
_SLACK = 0.01  # metres of the view's z behind the front surface that are seen, too
_CORNER = 0.75  # pixels from its centre, across and down: half a pixel, and half as much for curved surfaces


class Photographs:
    """Depth images of all of a capture's cameras.

    Args:
        triangles: (M, 3, 3) what hides what, without glass.
        cameras: of the photographs; they are drawn at ``SIZE``.
        threads: how many photographs are drawn at once.
    """

    def __init__(self, triangles: Array, cameras: Sequence[Camera], threads: int = 1) -> None:
        self.cameras = [camera.resized(*SIZE) for camera in cameras]
        with ThreadPoolExecutor(threads) as pool:
            fronts = pool.map(lambda camera: front_surface(triangles, camera).depth, self.cameras)
            self.depths = [_farthest_within(depth) for depth in fronts]

    def see(self, points: Array) -> NDArray[np.bool_]:
        """Which of the points (N, 3) some photograph sees: in its image, no deeper than the surface at their pixel."""
        seen = np.zeros(len(points), dtype=bool)
        remaining = np.arange(len(points))
        for camera, depth in zip(self.cameras, self.depths, strict=True):
            found = _in_front(points[remaining], camera, depth)
            seen[remaining[found]] = True
            remaining = remaining[~found]
        return seen


def random_photographs(rooms: list[FloorSpace], rng: np.random.Generator) -> list[Camera]:
    """Cameras of a casual or a thorough capture: as many in every room as its area asks for, one or more.

    In a room so full that cameras rarely find a place there may be fewer.
    """
    wanted = np.exp(rng.uniform(np.log(FEWEST), np.log(MOST)))
    areas = np.array([room.space.area for room in rooms])
    cameras: list[Camera] = []
    for index, share in enumerate(areas / areas.sum()):
        number = max(1, round(float(wanted * share)))
        tries = (random_camera(rooms, index, SIZE, rng) for _ in range(50 * number))
        cameras += itertools.islice((camera for camera in tries if camera is not None), number)
    return cameras


def _farthest_within(depth: Array) -> NDArray[np.float32]:
    """The depth (H, W) of a surface at the far corner of each pixel; its slope is the lesser one to both sides."""
    slope = np.zeros_like(depth)
    for axis in (0, 1):
        with np.errstate(invalid="ignore"):  # inf - inf, where nothing is
            step = np.abs(np.diff(depth, axis=axis))
        none = np.full_like(step.take([0], axis), np.inf)  # beyond the image
        lesser = np.fmin(np.concatenate([none, step], axis), np.concatenate([step, none], axis))
        slope += np.where(np.isfinite(lesser), lesser, 0)
    return np.asarray(depth + _CORNER * slope, np.float32)


def _in_front(points: Array, camera: Camera, depth: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which of the points (N, 3) lie in the image and no farther than ``depth`` (H, W), metres of the view's z."""
    # Sums written out: a library's product may round otherwise, and a point more would change all that is drawn after.
    x, y, z = (
        row[0] * points[:, 0] + row[1] * points[:, 1] + row[2] * points[:, 2] + row[3]
        for row in camera.world_to_camera[:3]
    )
    ahead = z > NEAR
    inverse = 1 / np.where(ahead, z, 1)
    column = np.floor(x * inverse * camera.fx + camera.cx)
    row = np.floor(y * inverse * camera.fy + camera.cy)
    inside = ahead & (column >= 0) & (column < camera.width) & (row >= 0) & (row < camera.height)
    found = np.zeros(len(points), dtype=bool)
    found[inside] = z[inside] <= depth[row[inside].astype(np.int64), column[inside].astype(np.int64)] + _SLACK
    return found
