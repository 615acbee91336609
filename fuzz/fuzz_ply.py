"""``Scene.load``: the bytes are a PLY file. What loads must also save and load again."""

from __future__ import annotations

from pathlib import Path

from fuzz_common import only_our_errors
from rtgs2_trt.scene import Scene


def run(data: bytes, folder: Path) -> None:
    path = folder / "scene.ply"
    path.write_bytes(data)
    with only_our_errors(path):
        Scene.load(path)
    with only_our_errors(path):
        scene = Scene.load(path, invalid="drop", scale=0.5, up="-y")
        again = folder / "again.ply"
        scene.save(again)
        assert len(Scene.load(again)) == len(scene)
