"""``transforms.json`` of nerfstudio (and Instant-NGP): camera-to-world matrices with OpenGL axes."""

from __future__ import annotations

import math
import warnings
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtgs2_trt.camera import Camera
from rtgs2_trt.camera_files.records import Record, named_camera, not_empty, undistorted
from rtgs2_trt.errors import shown

# All are pinholes once their distortion is zero.
_MODELS = ("PINHOLE", "SIMPLE_PINHOLE", "SIMPLE_RADIAL", "RADIAL", "OPENCV", "PERSPECTIVE")
_DISTORTION = ("k1", "k2", "k3", "k4", "k5", "k6", "p1", "p2")


class CameraWorldWarning(UserWarning):
    """The cameras of a file may be in another world than the scene; the message says which."""


def cameras_from_json(content: dict[str, Any], file: Path) -> dict[str, Camera]:
    """Return the cameras of a ``transforms.json``; `file` is for messages.

    Intrinsics (``fl_x fl_y cx cy w h``, or ``camera_angle_x``, ``camera_angle_y``) stand in the frame or else at the
    top. ``fl_y`` is ``fl_x`` and the principal point the image's centre where they are missing. The cameras are in
    the file's world, so the scene must be too: nerfstudio trains in a normalised world of its own. An
    ``applied_transform`` leads from COLMAP's world to the file's: it is not undone, while nerfstudio's checkpoints are
    read into COLMAP's.

    Raises:
        CameraError: a malformed frame, lens distortion or a fisheye model, a name that appears twice, or no frames.

    Warns:
        CameraWorldWarning: there is an ``applied_transform`` other than the identity.
    """
    top = Record(content, file, "top level")
    frames = top.value("frames")
    if not isinstance(frames, list):
        raise top.error("frames", "not a list of frames")
    records = [Record(values, file, f"frame {index}") for index, values in enumerate(frames)]
    paths = [record.text("file_path") for record in records]
    stems = [PurePosixPath(path.replace("\\", "/")).stem for path in paths]
    occurrences = Counter(stems)
    cameras: dict[str, Camera] = {}
    for frame, path, stem in zip(records, paths, stems, strict=True):
        frame.label += f" ({shown(path)})"
        _refuse_distortion(frame, top)
        width, height = (_holder(frame, top, key).whole(key) for key in ("w", "h"))
        fx = _focal(frame, top, "x", width)
        fy = _focal(frame, top, "y", height)
        if fx is None:
            raise frame.error("fl_x", "there is no focal length", fix="Add fl_x (pixels) or camera_angle_x (radians).")
        named_camera(
            cameras,
            stem if stem and occurrences[stem] == 1 else path,
            file,
            frame.label,
            width=width,
            height=height,
            fx=fx,
            fy=fx if fy is None else fy,
            cx=_holder(frame, top, "cx").number("cx") if "cx" in frame or "cx" in top else None,
            cy=_holder(frame, top, "cy").number("cy") if "cy" in frame or "cy" in top else None,
            world_to_camera=_world_to_camera(frame),
        )
    not_empty(cameras, file)
    _warn_of_another_world(top)
    return cameras


def _warn_of_another_world(top: Record) -> None:
    if "applied_transform" not in top:
        return
    applied = top.array("applied_transform", (3, 4), (4, 4))
    if not np.allclose(applied, np.eye(4)[: len(applied)]):
        warnings.warn(
            f"{top.file}: cameras are in transforms.json's own world (applied_transform); a splatfacto checkpoint is "
            "read into COLMAP's: give the COLMAP model with it",
            CameraWorldWarning,
            stacklevel=5,  # the caller of load_cameras
        )


def _holder(frame: Record, top: Record, key: str) -> Record:
    """Return the record that gives `key`: the frame, or the top for all frames."""
    return top if key not in frame and key in top else frame


def _focal(frame: Record, top: Record, axis: str, size: int) -> float | None:
    """Return the focal length in pixels, None if the file does not say."""
    for record in (frame, top):
        if f"fl_{axis}" in record:
            return record.number(f"fl_{axis}")
        if (key := f"camera_angle_{axis}") in record:
            angle = record.number(key)
            half = math.tan(angle / 2) if 0 < angle < math.pi else 0.0
            if half <= 0:  # also of an angle too small to be halved
                raise record.error(key, "not a field of view", "radians between 0 and pi")
            return size / 2 / half
    return None


def _refuse_distortion(frame: Record, top: Record) -> None:
    for record in (frame, top):
        if "camera_model" in record:
            if record.value("camera_model") not in _MODELS:
                raise record.error(
                    "camera_model",
                    "this camera model is not supported",
                    "one of " + ", ".join(_MODELS),
                    "Undistort the images and cameras to pinhole cameras first.",
                )
            break
    for key in _DISTORTION:
        if key in frame or key in top:
            holder = _holder(frame, top, key)
            undistorted({key: holder.number(key)}, holder.file, holder.label)
    for key in ("is_fisheye", "distortion_params"):
        holder = _holder(frame, top, key)
        if key in holder and (value := holder.value(key)) and not (isinstance(value, list) and not any(value)):
            raise holder.error(
                key,
                "lens distortion is not supported",
                fix="Undistort the images and cameras to pinhole cameras first.",
            )


def _world_to_camera(frame: Record) -> NDArray[np.float64]:
    matrix = frame.array("transform_matrix", (4, 4), (3, 4))
    if len(matrix) == 4 and not np.allclose(matrix[3], (0, 0, 0, 1)):
        raise frame.error("transform_matrix", "not a pose", "a last row of 0, 0, 0, 1")
    world_to_camera = np.eye(4)
    # OpenGL cameras have y up and look along -z.
    world_to_camera[:3, :3] = (matrix[:3, :3] * (1, -1, -1)).T
    with np.errstate(over="ignore", invalid="ignore"):  # Camera refuses what is not finite
        world_to_camera[:3, 3] = -world_to_camera[:3, :3] @ matrix[:3, 3]
    return world_to_camera
