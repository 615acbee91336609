"""Reading cameras: 3DGS ``cameras.json``, nerfstudio ``transforms.json``, COLMAP models, ROS's ``CameraInfo``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rtgs2_trt.camera import Camera
from rtgs2_trt.camera_files import colmap, gaussian_splatting, nerfstudio
from rtgs2_trt.camera_files.gaussian_splatting import save_cameras
from rtgs2_trt.camera_files.nerfstudio import CameraWorldWarning
from rtgs2_trt.camera_files.records import located, read_json
from rtgs2_trt.camera_files.ros import load_camera_info
from rtgs2_trt.errors import CameraError, shown
from rtgs2_trt.orientation import checked_scale, orientation

__all__ = ["CameraWorldWarning", "load_camera_info", "load_cameras", "save_cameras"]


def load_cameras(path: str | Path, *, scale: float = 1.0, up: str = "z") -> dict[str, Camera]:
    """Read the cameras of a file or COLMAP folder.

    Recognised by content: a JSON list is a 3DGS ``cameras.json``, a JSON object with ``frames`` a nerfstudio
    ``transforms.json``; a folder, or a path to its ``cameras`` or ``images`` file (.bin or .txt), is a COLMAP model,
    also looked for in ``sparse/0`` and ``sparse``.

    Args:
        path: the file or folder.
        scale: metres per unit of the file; the same as for :meth:`rtgs2_trt.Scene.load`.
        up: the file's axis that points up, x, -x, y, -y, z or -z; the same as for :meth:`rtgs2_trt.Scene.load`.

    Returns:
        cameras by name, in the order of the file. Names are ``img_name`` (3DGS), the image's path as written (COLMAP),
        or the stem of ``file_path``, the whole ``file_path`` where stems clash (nerfstudio).

    Raises:
        CameraError: the file cannot be read, has no cameras or names one twice, a camera is malformed or has lens
            distortion, or an argument is impossible.

    Warns:
        CameraWorldWarning: a ``transforms.json`` whose ``applied_transform`` leads away from COLMAP's world, into which
            checkpoints of nerfstudio are read.
    """
    path = Path(path)
    rotation = orientation(up, error=CameraError)
    factor = checked_scale(scale, error=CameraError)
    cameras = _read(path)
    if up == "z" and factor == 1:
        return cameras
    transformed = {}
    for name, camera in cameras.items():
        try:
            with np.errstate(over="ignore", invalid="ignore"):
                transformed[name] = camera.transformed(factor, rotation)
        except CameraError as error:
            raise located(error, path, shown(name)) from error
    return transformed


def _read(path: Path) -> dict[str, Camera]:
    if colmap.is_model(path):
        return colmap.load(path)
    content = read_json(path)
    if isinstance(content, list):
        return gaussian_splatting.cameras_from_json(content, path)
    if isinstance(content, dict) and "frames" in content:
        return nerfstudio.cameras_from_json(content, path)
    raise CameraError(
        "no known kind of camera file",
        file=path,
        expected="a list (3DGS cameras.json) or an object with 'frames' (nerfstudio transforms.json)",
        fix="Give one of these files or a COLMAP model folder.",
    )
