"""``open_dataset``: the bytes are ``dataset.json``; the folder has one scene, whose cameras are asked for too."""

from __future__ import annotations

import json
from pathlib import Path

from fuzz_common import only_our_errors
from rtgs2_training.datasets import open_dataset
from rtgs2_trt import Camera, save_cameras


def run(data: bytes, folder: Path) -> None:
    dataset = folder / "dataset"
    scene = dataset / "room"
    if not scene.exists():
        (scene / "point_cloud" / "iteration_1").mkdir(parents=True)
        (scene / "point_cloud" / "iteration_1" / "point_cloud.ply").write_bytes(b"")
        (scene / "semantic").mkdir()
        (scene / "semantic" / "0.png").write_bytes(b"")
        save_cameras(scene / "cameras.json", {"0": Camera.look_at((1, 2, 3), (0, 0, 0), width=8, height=6)})
    (dataset / "dataset.json").write_bytes(data)
    with only_our_errors(dataset):
        opened = open_dataset(dataset)
        for split in ("all", *opened.splits):
            for folder_ in opened.scenes(split):
                assert folder_.path.resolve().parent == dataset.resolve(), folder_.path
                assert list(folder_.cameras) == ["0"]
        json.dumps(opened.classes.to_list())
