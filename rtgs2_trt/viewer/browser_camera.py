"""Cameras of browser windows: viser gives and takes a pose and a vertical angle of view, we a pinhole in pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rtgs2_trt.camera import Camera
from rtgs2_trt.errors import CameraError, shown
from rtgs2_trt.quaternions import matrix_from_quaternion

_UP = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True, eq=False)
class BrowserPose:
    """Where a browser's camera is put.

    Attributes:
        position: (3,) of the camera, world, metres.
        look_at: (3,) a point in the middle of the view, which the camera turns around.
        up: (3,) the direction that appears upwards; +z unless the camera is tilted or looks straight up or down.
        vertical_fov: radians.
    """

    position: NDArray[np.float64]
    look_at: NDArray[np.float64]
    up: NDArray[np.float64]
    vertical_fov: float


def camera_of_window(wxyz: ArrayLike, position: ArrayLike, vertical_fov: float, width: int, height: int) -> Camera:
    """Return the camera whose picture fills a browser's window.

    Args:
        wxyz: (4,) quaternion, camera (OpenCV axes) to world; of any length but 0.
        position: (3,) of the camera, world, metres.
        vertical_fov: radians.
        width: of the window, pixels.
        height: of the window, pixels.

    Raises:
        CameraError: values that are no such camera: a browser may send anything.
    """
    try:
        quaternion = np.asarray(wxyz, dtype=np.float64)
        centre = np.asarray(position, dtype=np.float64)
        fov = float(vertical_fov)
    except (TypeError, ValueError, OverflowError) as problem:
        raise CameraError("not numbers", field="camera", found=shown((wxyz, position, vertical_fov))) from problem
    if quaternion.shape != (4,) or centre.shape != (3,):
        found = f"{quaternion.shape}, {centre.shape}"
        raise CameraError("wrong shape", field="wxyz, position", found=found, expected="(4,), (3,)")
    with np.errstate(over="ignore"):
        length = float(np.linalg.norm(quaternion))
    if not (math.isfinite(length) and length > 1e-6):
        raise CameraError("not a rotation", field="wxyz", found=shown(quaternion.tolist()))
    if not 1e-6 < fov < math.pi:
        raise CameraError("not an angle of view", field="fov", found=shown(fov), expected="0 to pi")
    pose = np.eye(4)
    pose[:3, :3] = matrix_from_quaternion(quaternion / length).T
    with np.errstate(over="ignore", invalid="ignore"):  # Camera refuses what is not finite
        pose[:3, 3] = -pose[:3, :3] @ centre
    size = _pixels("width", width), _pixels("height", height)
    focal = size[1] / 2 / math.tan(fov / 2)
    return Camera(*size, focal, focal, world_to_camera=pose)


def browser_pose(camera: Camera, *, distance: float = 2.0, window: Sequence[int] | None = None) -> BrowserPose:
    """Return how a browser's camera stands where `camera` does and shows all that it sees.

    Args:
        camera: what is to be seen.
        distance: from the camera to the point that it turns around, metres.
        window: width and height of the browser's window; None takes the shape of the camera's picture.
    """
    rotation = camera.world_to_camera[:3, :3]
    right, down, forward = rotation
    up = _UP - (_UP @ right) * right  # keeps the camera's horizontal as it is
    length = float(np.linalg.norm(up))
    up = up / length if length > 0.05 and up @ -down > 0.05 * length else -down
    half_width = max(camera.cx, camera.width - camera.cx) / camera.fx
    half_height = max(camera.cy, camera.height - camera.cy) / camera.fy
    aspect = half_width / half_height if window is None else max(1, window[0]) / max(1, window[1])
    tangent = max(half_height, half_width / aspect)
    position = camera.position
    return BrowserPose(position, position + distance * forward, up, 2 * math.atan(tangent))


def _pixels(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise CameraError("not a number of pixels", field=name, found=shown(value))
    return int(value)
