"""Views that nobody took: orbits around a place, and smooth paths through given cameras."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rtgs2_trt.camera import Camera
from rtgs2_trt.errors import CameraError, shown
from rtgs2_trt.quaternions import matrix_from_quaternion, quaternion_from_matrix
from rtgs2_trt.scene import Scene

MAX_VIEWS = 100_000


def orbit(
    target: ArrayLike,
    radius: float,
    count: int,
    *,
    elevation_degrees: float = 20.0,
    width: int = 640,
    height: int = 480,
    fov_degrees: float = 60.0,
) -> dict[str, Camera]:
    """Return views from a level circle, all looking at `target`.

    Args:
        target: (3,) what is looked at, metres, z up.
        radius: distance from it, metres.
        count: how many views, evenly around, counter-clockwise seen from above, the first from +x.
        elevation_degrees: how high above the target's level, -89 to 89.
        width: pixels.
        height: pixels.
        fov_degrees: horizontal angle of view.

    Returns:
        cameras named orbit_0000 and so on.

    Raises:
        CameraError: an impossible argument.
    """
    _check_count(count)
    if not (math.isfinite(radius) and radius > 0):
        raise CameraError("not a distance", field="radius", found=shown(radius), expected="a positive number of metres")
    if not -89 <= elevation_degrees <= 89:
        raise CameraError("not an elevation", field="elevation_degrees", found=shown(elevation_degrees))
    centre = np.asarray(target, dtype=np.float64)
    if centre.shape != (3,):
        raise CameraError("not a point", field="target", found=centre.shape, expected="(3,)")
    elevation = math.radians(elevation_degrees)
    cameras = {}
    for index in range(count):
        angle = 2 * math.pi * index / count
        level = radius * math.cos(elevation)
        offset = np.array([level * math.cos(angle), level * math.sin(angle), radius * math.sin(elevation)])
        eye = centre + offset
        cameras[f"orbit_{index:04}"] = Camera.look_at(eye, centre, width=width, height=height, fov_degrees=fov_degrees)
    return cameras


def orbit_of_scene(scene: Scene, count: int, *, width: int = 640, height: int = 480) -> dict[str, Camera]:
    """Return an orbit around the middle of a scene in metres.

    In what has the size of a room (1.8 to 4 m high, hardly narrower than high) the circle lies inside, at a quarter of
    the lesser width and 1.4 m above the floor; anything else is seen from outside as a whole.

    Raises:
        CameraError: an impossible argument.
    """
    low, high = np.percentile(scene.means.astype(np.float64), (2, 98), axis=0)
    centre, size = (low + high) / 2, high - low
    if 1.8 <= size[2] <= 4 and min(size[:2]) > 0.8 * size[2]:
        radius = float(min(size[:2]) / 4)
        eye_level = np.array([centre[0], centre[1], low[2] + 1.4])
        return orbit(eye_level, radius, count, elevation_degrees=0, width=width, height=height, fov_degrees=75)
    aspect = min(1.0, height / width)
    radius = float(np.linalg.norm(size) / 2 / math.sin(math.radians(25)) / aspect)
    return orbit(centre, radius, count, width=width, height=height, fov_degrees=60)


def interpolated(cameras: Mapping[str, Camera] | Sequence[Camera], between: int) -> dict[str, Camera]:
    """Return a smooth path through given cameras, in their order.

    Positions follow a centripetal Catmull-Rom spline, which passes every camera and makes no loops (Yuksel et al.
    2011); directions turn at an even rate along the shortest way (slerp); focal lengths and principal points change
    evenly.

    Args:
        cameras: two or more, of one image size.
        between: how many views to put between each two, 0 or more.

    Returns:
        cameras named path_0000 and so on, the given ones among them.

    Raises:
        CameraError: fewer than two cameras, different sizes, or an impossible number.
    """
    given = list(cameras.values()) if isinstance(cameras, Mapping) else list(cameras)
    if len(given) < 2:
        raise CameraError("a path needs two cameras", field="cameras", found=len(given))
    sizes = {(camera.width, camera.height) for camera in given}
    if len(sizes) > 1:
        raise CameraError(
            "cameras of one image size are needed",
            field="cameras",
            found=", ".join(f"{w}x{h}" for w, h in sorted(sizes)[:4]),
            fix="Give them one size: Camera.resized, or --size on the command line.",
        )
    if type(between) is not int or between < 0:
        raise CameraError("not a number of views", field="between", found=shown(between), expected="0 or more")
    _check_count((len(given) - 1) * (between + 1) + 1, field="between")
    positions = np.array([camera.position for camera in given])
    turns = [quaternion_from_matrix(camera.world_to_camera[:3, :3]) for camera in given]
    path = []
    for index in range(len(given) - 1):
        first, second = given[index], given[index + 1]
        for step in range(between + 1):
            share = step / (between + 1)
            if step == 0:
                path.append(first)
                continue
            pose = np.eye(4)
            pose[:3, :3] = matrix_from_quaternion(_slerp(turns[index], turns[index + 1], share))
            pose[:3, 3] = -pose[:3, :3] @ _spline(positions, index, share)
            fx, fy, cx, cy = (
                (1 - share) * getattr(first, name) + share * getattr(second, name) for name in ("fx", "fy", "cx", "cy")
            )
            path.append(Camera(first.width, first.height, fx, fy, cx, cy, pose))
    path.append(given[-1])
    return {f"path_{index:04}": camera for index, camera in enumerate(path)}


def _check_count(count: int, *, field: str = "count") -> None:
    if type(count) is not int or not 1 <= count <= MAX_VIEWS:
        raise CameraError("not a number of views", field=field, found=shown(count), expected=f"1 to {MAX_VIEWS}")


def _slerp(first: NDArray[np.float64], second: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    cosine = float(first @ second)
    if cosine < 0:  # the same rotation, the shorter way
        second, cosine = -second, -cosine
    angle = math.acos(min(1.0, cosine))
    if angle < 1e-6:
        return first
    mixed: NDArray[np.float64] = math.sin((1 - share) * angle) * first + math.sin(share * angle) * second
    return np.asarray(mixed / np.linalg.norm(mixed))


def _spline(points: NDArray[np.float64], index: int, share: float) -> NDArray[np.float64]:
    """Return the point between `index` and the next; ends go on as they came."""
    start, end = points[index], points[index + 1]
    before = points[index - 1] if index > 0 else 2 * start - end
    after = points[index + 2] if index + 2 < len(points) else 2 * end - start
    control = [before, start, end, after]
    knots = [0.0]
    for a, b in pairwise(control):
        knots.append(knots[-1] + max(math.sqrt(float(np.linalg.norm(b - a))), 1e-9))
    at = knots[1] + share * (knots[2] - knots[1])
    level = control
    for width in (1, 2, 3):  # Barry and Goldman's pyramid; its last step is over the middle span
        low, high = (knots[:-width], knots[width:]) if width < 3 else (knots[1:2], knots[2:3])
        level = [
            a if h == lo else ((h - at) * a + (at - lo) * b) / (h - lo)
            for a, b, lo, h in zip(level[:-1], level[1:], low, high, strict=True)
        ]
    return np.asarray(level[0])
