"""What the frame graph, the rasteriser plugin and the backend agree on: names, shapes and the camera's layout.

The graph ``frame.fp16.onnx`` draws a view in one node, the plugin ``RtgsRasterizeGaussians``, and labels it with the
FP16 fusion network. Its inputs are the plugin's, in the plugin's order; see ``csrc/tensorrt``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..camera import Camera
from ..errors import SceneError
from ..scene import Scene

PLUGIN = "RtgsRasterizeGaussians"
PLUGIN_VERSION = "1"
PLUGIN_NAMESPACE = ""

GAUSSIAN_INPUTS = ("means", "scales", "rotations", "opacities", "sh", "gaussian_features")
CAMERA_INPUT = "camera"
INPUTS = (*GAUSSIAN_INPUTS, CAMERA_INPUT)
"""(N, 3), (N, 3), (N, 4) wxyz, (N,), (N, K, 3) float32; (N, :func:`stored_channels`) float16; (19,) float32."""

IMAGE, FEATURES, ALPHA, VIEW_DEPTH, NEEDS = "image", "features", "alpha", "view_depth", "needs"
PLUGIN_OUTPUTS = (IMAGE, FEATURES, ALPHA, VIEW_DEPTH, NEEDS)
"""(1, 3, H, W) and (1, C, H, W) float16; (1, H, W) float32 twice; (2,) int64: visible Gaussians and pairs needed."""

CAMERA_NUMBERS = 19

FEWEST_GAUSSIANS, TYPICAL_GAUSSIANS, MOST_GAUSSIANS = 1, 500_000, 4_000_000
"""The optimisation profile. Nothing but the plugin sees the number, so small scenes cost nothing to allow."""

SH_COEFFICIENTS = (1, 16, 16)
"""Fewest, typical and most spherical-harmonics coefficients a Gaussian and colour."""

MOST_CHANNELS = 64
"""Of the features that the rasteriser draws on a GPU; the core's ``kMaxDeviceChannels``."""

_CHANNEL_TILE = 8


def stored_channels(channels: int) -> int:
    """Columns of the features of a Gaussian in GPU memory: 8, 16, 32 or 64, the last ones zero.

    Raises:
        ValueError: more than 64 channels.
    """
    if not 1 <= channels <= MOST_CHANNELS:
        raise ValueError(f"the rasteriser draws 1 to {MOST_CHANNELS} channels on a GPU, not {channels}")
    columns = _CHANNEL_TILE
    while columns < channels:
        columns *= 2
    return columns


def stored_features(features: npt.NDArray[np.float32]) -> npt.NDArray[np.float16]:
    """Return features (N, D) as the plugin takes them: float16, with columns of zeros behind."""
    rows, channels = features.shape
    stored = np.zeros((rows, stored_channels(channels)), np.float16)
    with np.errstate(over="ignore"):  # what FP16 cannot hold is infinite, and is looked for by whoever asks
        stored[:, :channels] = features
    return stored


def scene_arrays(scene: Scene) -> dict[str, npt.NDArray[Any]]:
    """Return the inputs of an encoded scene by name, in the plugin's order, as the plugin takes them.

    Raises:
        SceneError: it is not encoded, or its features do not fit FP16.
    """
    if scene.features is None:
        raise SceneError("scene is not encoded", field="features", fix="Call segmenter.encode(scene) first")
    stored = stored_features(scene.features)
    if not np.isfinite(stored).all():
        raise SceneError(
            "features leave the range of FP16",
            field="features",
            found=f"{float(np.abs(scene.features).max()):.3g}",
            expected="at most 65504",
            fix="Take backend 'cpu', or encode the scene again",
        )
    arrays = (scene.means, scene.scales, scene.rotations, scene.opacities, scene.sh, stored)
    return {name: np.ascontiguousarray(array) for name, array in zip(GAUSSIAN_INPUTS, arrays, strict=True)}


def camera_numbers(camera: Camera) -> npt.NDArray[np.float32]:
    """Return the plugin's input ``camera``: fx, fy, cx, cy, rows 0 to 2 of world_to_camera, a black background."""
    intrinsics = (camera.fx, camera.fy, camera.cx, camera.cy)
    pose = np.asarray(camera.world_to_camera)[:3].ravel()
    return np.concatenate([intrinsics, pose, (0.0, 0.0, 0.0)]).astype(np.float32)


def camera_of(numbers: npt.NDArray[np.float32], width: int, height: int) -> Camera:
    """Return the camera that :func:`camera_numbers` wrote, of an image of `width` x `height` pixels."""
    fx, fy, cx, cy, *rest = (float(value) for value in numbers)
    pose = np.eye(4)
    pose[:3] = np.reshape(rest[:12], (3, 4))
    return Camera(width, height, fx, fy, cx, cy, pose)
