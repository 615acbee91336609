"""``Scene.load`` of compressed PLY, ``.splat``, ``.spz`` and SOG: the kind is in the bytes. What loads saves in all.

Bytes that start with ``NGSP`` and a version before 4 are packed with gzip first, whose checksum would otherwise hide
them from the fuzzer.
"""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

from fuzz_common import only_our_errors
from rtgs2_trt.scene import Scene

MOST_SAVED = 2000


def run(data: bytes, folder: Path) -> None:
    path = folder / "scene"
    is_unpacked = data[:4] == b"NGSP" and int.from_bytes(data[4:8], "little") < 4
    path.write_bytes(gzip.compress(data, 1) if is_unpacked else data)
    with only_our_errors(path):
        Scene.load(path)
    with only_our_errors(path, folder / "again"):
        scene = Scene.load(path, invalid="drop")
        if len(scene) > MOST_SAVED:
            return
        if np.abs(scene.means).max() < 1000 and np.abs(scene.sh).max() < 100:  # what every format holds
            for kind in ("compressed-ply", "splat", "spz", "sog"):
                scene.save(folder / "again", kind)  # type: ignore[arg-type]
                assert len(Scene.load(folder / "again")) == len(scene)
