"""``load_labelled``: the bytes are the class table beside a labelled PLY, then, after a zero byte, the PLY."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fuzz_common import only_our_errors
from rtgs2_trt.labels_in_3d import load_labelled
from rtgs2_trt.labels_in_3d.labelled_ply import class_table_file


def run(data: bytes, folder: Path) -> None:
    path = folder / "room.ply"
    table, _, scene = data.partition(b"\0")
    class_table_file(path).write_bytes(table)
    path.write_bytes(scene)
    with only_our_errors(path, class_table_file(path)):
        labels = load_labelled(path)
        assert ((labels.labels < len(labels.classes)) | (labels.labels == labels.unknown)).all()
        assert np.isfinite(labels.confidence).all()
