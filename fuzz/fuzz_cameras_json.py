"""``load_cameras``: the bytes are a ``cameras.json`` (3DGS) or ``transforms.json`` (nerfstudio)."""

from __future__ import annotations

from pathlib import Path

from fuzz_common import only_our_errors
from rtgs2_trt.camera_files import load_cameras, save_cameras


def run(data: bytes, folder: Path) -> None:
    path = folder / "cameras.json"
    path.write_bytes(data)
    with only_our_errors(path):
        cameras = load_cameras(path)
        for camera in cameras.values():
            camera.padded(32)
        again = folder / "again.json"
        save_cameras(again, cameras)
        assert list(load_cameras(again)) == list(cameras)
    with only_our_errors(path):
        load_cameras(path, scale=1e3, up="x")
