"""``Scene.load`` of a checkpoint of gsplat or nerfstudio, as for ``fuzz_checkpoint``."""

from __future__ import annotations

from pathlib import Path

from fuzz_checkpoint import archive
from fuzz_common import only_our_errors
from rtgs2_trt.scene import Scene


def run(data: bytes, folder: Path) -> None:
    path = folder / "scene.ckpt"
    path.write_bytes(data if data[:2] == b"PK" else archive(data))
    with only_our_errors(path):
        Scene.load(path)
