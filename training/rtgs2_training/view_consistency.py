"""How often the same surface point keeps its label between views.

Every sampled pixel of one view is lifted to its surface point by the data set's exact depth and projected into another
view. The point is visible there if the depth that the other view has at the pixel hit agrees with the point's own. Of
the visible points whose true labels are known and equal in both views (at the edge of an object the neighbouring pixel
may show another surface), the view consistency is the share whose predicted labels are equal, whether right or wrong.
The truth itself is thus 1, and a single-view flicker counts in every pair it takes part in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtgs2_trt.camera import Camera

MAX_VIEWS = 24
"""More views of a scene than this are not compared: every pair of views costs a projection."""

_SAMPLES = 19200  # pixels of a view: every second one in both directions at 320x240
_RELATIVE_TOLERANCE = 0.01
_ABSOLUTE_TOLERANCE = 0.005  # metres; stored depths are rounded to millimetres

Matches = tuple[NDArray[np.intp], NDArray[np.intp]]


@dataclass(frozen=True, eq=False)
class ComparedView:
    """One view of a scene.

    Attributes:
        camera: the view.
        depth: (H, W) float32, z of the surface seen, metres; NaN where unknown.
        truth: (H, W) integers, true class; negative where unknown.
        labels: (H, W) integers, predicted class.
    """

    camera: Camera
    depth: NDArray[np.float32]
    truth: NDArray[Any]
    labels: NDArray[Any]


@dataclass(frozen=True)
class Consistency:
    """What views of one scene, or of several, agree on.

    Attributes:
        points: surface points compared, each in one pair of views.
        kept: those with the same label in both.
    """

    points: int = 0
    kept: int = 0

    @property
    def share(self) -> float:
        """Share of points kept, NaN without points."""
        return self.kept / self.points if self.points else float("nan")

    def __add__(self, other: Consistency) -> Consistency:
        return Consistency(self.points + other.points, self.kept + other.kept)


def view_consistency(views: Sequence[ComparedView]) -> Consistency:
    """Compare every pair of `views` (of one scene), from the earlier to the later one."""
    total = Consistency()
    for first, second in combinations(views, 2):
        total += _compare(first, second)
    return total


def match_pixels(
    camera: Camera, depth: NDArray[np.float32], other: Camera, other_depth: NDArray[np.float32]
) -> Matches:
    """Find the pixels of two views that show the same surface point.

    Args:
        camera: the first view.
        depth: (H, W) its exact depth, NaN where unknown.
        other: the second view, of the same scene.
        other_depth: (H', W') its exact depth.

    Returns:
        Flat pixel indices of the first view and, of the same length, of the second one. Pixels of the first are
        sampled on a regular grid of about 20,000 where there are more: every second of a row and a column at 320x240,
        every fourth at 640x480.
    """
    height, width = depth.shape
    step = max(1, int(np.sqrt(depth.size / _SAMPLES)))
    y, x = (grid.ravel() for grid in np.mgrid[step // 2 : height : step, step // 2 : width : step])
    z = depth[y, x].astype(np.float64)
    known = np.isfinite(z) & (z > 0)
    y, x, z = y[known], x[known], z[known]
    points = np.stack([(x + 0.5 - camera.cx) / camera.fx * z, (y + 0.5 - camera.cy) / camera.fy * z, z])
    between = other.world_to_camera @ np.linalg.inv(camera.world_to_camera)
    moved = between[:3, :3] @ points + between[:3, 3:]
    ahead = moved[2] > 1e-6
    y, x, moved = y[ahead], x[ahead], moved[:, ahead]
    # a point far to the side of a camera that it nearly touches projects anywhere: clipped before it becomes a pixel
    column = np.floor(np.clip(other.fx * moved[0] / moved[2] + other.cx, -1, other.width)).astype(np.intp)
    row = np.floor(np.clip(other.fy * moved[1] / moved[2] + other.cy, -1, other.height)).astype(np.intp)
    inside = (column >= 0) & (column < other.width) & (row >= 0) & (row < other.height)
    y, x, row, column, z = y[inside], x[inside], row[inside], column[inside], moved[2][inside]
    with np.errstate(invalid="ignore"):  # NaN depths agree with nothing
        seen = np.abs(other_depth[row, column] - z) <= _ABSOLUTE_TOLERANCE + _RELATIVE_TOLERANCE * z
    return (y * width + x)[seen], (row * other.width + column)[seen]


def _compare(first: ComparedView, second: ComparedView) -> Consistency:
    here, there = match_pixels(first.camera, first.depth, second.camera, second.depth)
    truth, other_truth = first.truth.ravel()[here], second.truth.ravel()[there]
    same_surface = (truth == other_truth) & (truth >= 0)
    kept = (first.labels.ravel()[here] == second.labels.ravel()[there])[same_surface]
    return Consistency(points=len(kept), kept=int(np.count_nonzero(kept)))
