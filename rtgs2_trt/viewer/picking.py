"""A click into a frame: which class, how sure, and where in the world."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtgs2_trt.camera import Camera
from rtgs2_trt.errors import InputError, shown
from rtgs2_trt.viewer.painting import LabelledFrame


@dataclass(frozen=True, eq=False)
class PickedPixel:
    """What is at a pixel.

    Attributes:
        column: of the frame, from 0 at the left.
        row: from 0 at the top.
        name: of the class, ``"unknown"`` without one; None of a bundle that predicts depth.
        class_id: the table's id; None where there is no class.
        confidence: the label's probability in 0..1; None where there is no class.
        depth: metres along the camera's axis by the Gaussians; None where nothing is.
        predicted_depth: metres, of a bundle that predicts depth; else None.
        point: (3,) in the world, metres, z up; None where nothing is.
    """

    column: int
    row: int
    name: str | None
    class_id: int | None
    confidence: float | None
    depth: float | None
    predicted_depth: float | None
    point: NDArray[np.float64] | None


def pick(frame: LabelledFrame, x: float, y: float) -> PickedPixel:
    """Return what is at a position of a frame.

    Args:
        frame: what the client sees.
        x: 0 at the left edge, 1 at the right.
        y: 0 at the top, 1 at the bottom.

    Raises:
        InputError: no position in the picture: a browser may send anything.
    """
    if not all(isinstance(value, int | float) and math.isfinite(value) and 0 <= value <= 1 for value in (x, y)):
        raise InputError("not a position in the picture", field="x, y", found=shown((x, y)), expected="0 to 1")
    camera, result = frame.camera, frame.result
    column = min(int(x * camera.width), camera.width - 1)
    row = min(int(y * camera.height), camera.height - 1)
    name = class_id = confidence = None
    if result.labels is not None:
        index = int(result.labels[row, column])
        known = index < len(result.classes)
        name = result.classes.names[index] if known else "unknown"
        class_id = int(result.classes.ids[index]) if known else None
        if known and result.confidence is not None:
            confidence = _finite(result.confidence[row, column])
    depth = None if result.depth is None else _finite(result.depth[row, column])
    return PickedPixel(
        column=column,
        row=row,
        name=name,
        class_id=class_id,
        confidence=confidence,
        depth=depth,
        predicted_depth=None if result.depth_prediction is None else _finite(result.depth_prediction[row, column]),
        point=None if depth is None else point_at(camera, column, row, depth),
    )


def point_at(camera: Camera, column: int, row: int, depth: float) -> NDArray[np.float64]:
    """Return the world's point (3,) seen in the middle of a pixel at `depth` metres along the camera's axis."""
    ray = np.array([(column + 0.5 - camera.cx) / camera.fx, (row + 0.5 - camera.cy) / camera.fy, 1.0])
    pose = camera.world_to_camera
    point: NDArray[np.float64] = pose[:3, :3].T @ (depth * ray - pose[:3, 3])
    return point


def _finite(value: np.float32) -> float | None:
    return float(value) if math.isfinite(value) else None
