"""``load_camera_info``: the bytes are a ROS CameraInfo as YAML."""

from __future__ import annotations

from pathlib import Path

from fuzz_common import only_our_errors
from rtgs2_trt.camera_files import load_camera_info


def run(data: bytes, folder: Path) -> None:
    path = folder / "info.yaml"
    path.write_bytes(data)
    for rectified in (False, True):
        with only_our_errors(path):
            load_camera_info(path, rectified=rectified)
