"""``load_class_map``: the bytes are a map of ScanNet's classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fuzz_common import only_our_errors
from rtgs2_trt.class_map import load_class_map
from rtgs2_trt.classes import builtin_class_table

TABLE = builtin_class_table("scannet")


def run(data: bytes, folder: Path) -> None:
    path = folder / "map.txt"
    path.write_bytes(data)
    with only_our_errors(path):
        mapped = load_class_map(path, TABLE)
        labels = mapped.apply(np.arange(len(TABLE), dtype=np.uint8))
        assert ((labels < len(mapped.table)) | (labels == 255)).all()
