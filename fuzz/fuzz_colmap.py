"""``load_cameras``: a COLMAP model. The first byte says binary or text, the next two the length of ``cameras``; the
rest is ``cameras`` followed by ``images``."""

from __future__ import annotations

import shutil
from pathlib import Path

from fuzz_common import only_our_errors
from rtgs2_trt.camera_files import load_cameras


def pack(cameras: bytes, images: bytes, *, binary: bool) -> bytes:
    return bytes([binary]) + len(cameras).to_bytes(2, "little") + cameras + images


def run(data: bytes, folder: Path) -> None:
    if len(data) < 3:
        return
    suffix, length, rest = (".txt", ".bin")[data[0] & 1], int.from_bytes(data[1:3], "little"), data[3:]
    model = folder / "sparse"
    shutil.rmtree(model, ignore_errors=True)
    model.mkdir()
    cameras, images = model / f"cameras{suffix}", model / f"images{suffix}"
    cameras.write_bytes(rest[:length])
    images.write_bytes(rest[length:])
    with only_our_errors(cameras, images):
        load_cameras(model)
