"""``cameras.json`` as the 3D Gaussian Splatting training code writes it: a list of cameras with OpenCV axes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rtgs2_trt.atomic import atomic_file
from rtgs2_trt.camera import Camera
from rtgs2_trt.camera_files.records import Record, named_camera, not_empty
from rtgs2_trt.errors import CameraError, shown


def cameras_from_json(content: list[Any], file: Path) -> dict[str, Camera]:
    """Return the cameras of a ``cameras.json``; `file` is for messages.

    ``position`` is the camera's centre, ``rotation`` the rows of the camera-to-world rotation. The principal point is
    the image's centre unless the extra keys ``cx`` and ``cy`` give it, in pixels.

    Raises:
        CameraError: a malformed camera, a name that appears twice, or no cameras.
    """
    cameras: dict[str, Camera] = {}
    for index, values in enumerate(content):
        record = Record(values, file, f"camera {index}")
        name = record.text("img_name")
        record.label += f" ({shown(name)})"
        world_to_camera = np.eye(4)
        world_to_camera[:3, :3] = record.array("rotation", (3, 3)).T
        with np.errstate(over="ignore", invalid="ignore"):  # Camera refuses what is not finite
            world_to_camera[:3, 3] = -world_to_camera[:3, :3] @ record.array("position", (3,))
        named_camera(
            cameras,
            name,
            file,
            record.label,
            width=record.whole("width"),
            height=record.whole("height"),
            fx=record.number("fx"),
            fy=record.number("fy"),
            cx=record.number("cx") if "cx" in record else None,
            cy=record.number("cy") if "cy" in record else None,
            world_to_camera=world_to_camera,
        )
    return not_empty(cameras, file)


def save_cameras(path: str | Path, cameras: Mapping[str, Camera]) -> None:
    """Write cameras as a 3DGS ``cameras.json``, whole or not at all.

    A principal point off the image's centre, which the format cannot hold, goes into extra keys ``cx`` and ``cy``
    that other readers ignore.

    Raises:
        CameraError: no cameras, or the file cannot be written.
    """
    if not cameras:
        raise CameraError("there are no cameras to write", file=path)
    with atomic_file(path, CameraError) as file:
        file.write(cameras_to_json(cameras).encode())


def cameras_to_json(cameras: Mapping[str, Camera]) -> str:
    """Return the text of the ``cameras.json`` that :func:`save_cameras` writes."""
    content = []
    for index, (name, camera) in enumerate(cameras.items()):
        entry: dict[str, Any] = {
            "id": index,
            "img_name": name,
            "width": int(camera.width),
            "height": int(camera.height),
            "position": camera.position.tolist(),
            "rotation": camera.world_to_camera[:3, :3].T.tolist(),
            "fx": float(camera.fx),
            "fy": float(camera.fy),
        }
        for key, value, centre in (("cx", camera.cx, camera.width / 2), ("cy", camera.cy, camera.height / 2)):
            if value is not None and value != centre:
                entry[key] = float(value)
        content.append(entry)
    return "[\n" + ",\n".join(json.dumps(entry) for entry in content) + "\n]\n"
