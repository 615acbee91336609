"""Training on captured data, as it comes: without labels, with foreign ones, with too few."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("lightning_fabric")

from box_room import CEILING, box_views, write_box_scene
from rtgs2_training.cli import main

ENCODER = """
steps: 1
calibration_scenes: 1
views: {max_points: 256, min_iou: 0.0, max_iou: 1.0}
loss: {positives: 32}
validation: {samples: 0}
"""
FUSION = """
steps: 1
batch_size: 1
crop: [64, 96]
average: 0
validation: {samples: 0}
"""


@pytest.fixture
def captured(tmp_path):
    """Two scenes without dataset.json; the ceilings' id is none of ScanNet's."""
    for seed, name in enumerate(("a", "b")):
        write_box_scene(tmp_path / "captured" / name, seed)
    (tmp_path / "encoder.yaml").write_text(ENCODER)
    (tmp_path / "fusion.yaml").write_text(FUSION)
    return tmp_path / "captured"


def train(kind, captured, *more):
    folder = captured.parent
    source = [] if kind == "encoder" else ["--encoder", "untrained"]
    fixed = ["--data", str(captured), "-o", str(folder / "run"), "--threads", "1", "--json"]
    return main([kind, str(folder / f"{kind}.yaml"), *fixed, *source, *more])


def test_the_encoder_needs_no_labels(captured, capsys):
    for scene in captured.iterdir():
        shutil.rmtree(scene / "semantic")
    assert train("encoder", captured, "--classes", "scannet", "--quiet") == 0
    assert json.loads(capsys.readouterr().out)["finished"]


def test_foreign_ids_are_refused_or_ignored(captured, capsys):
    assert train("fusion", captured, "--classes", "scannet", "--quiet") == 2
    message = capsys.readouterr().err
    assert f"found id {CEILING}" in message
    assert "--ignore-foreign" in message
    assert train("fusion", captured, "--classes", "scannet", "--quiet", "--ignore-foreign") == 0
    assert json.loads(capsys.readouterr().out)["finished"]


def test_data_without_any_label_are_refused(captured, capsys):
    for scene in captured.iterdir():
        for view in box_views():
            Image.fromarray(np.zeros((60, 80), np.uint8)).save(scene / "semantic" / f"{view}.png")
    assert train("fusion", captured, "--classes", "scannet", "--quiet") == 2
    assert "captured: no pixel has a label (found none in 6 views" in capsys.readouterr().err


def test_views_without_labels_are_counted(captured, capsys):
    (captured / "b" / "semantic" / "0001.png").unlink()
    (captured.parent / "tune.yaml").write_text("{steps: 1, calibration_scenes: 1, parts: {max_points: 256}}")
    assert train("tune", captured, "--classes", "scannet", "--ignore-foreign") == 0
    assert "views without a label image or without a camera, left out: 1" in capsys.readouterr().err
    assert train("fusion", captured, "--classes", "scannet", "--ignore-foreign", "--restart") == 0
    assert "views without a label image or without a camera, left out: 1" in capsys.readouterr().err


def test_data_that_have_a_class_table_need_none(captured, capsys):
    (captured / "dataset.json").write_text("{}")
    assert train("encoder", captured, "--classes", "scannet", "--quiet") == 2
    assert "dataset.json: --classes: the data set says itself what its labels mean" in capsys.readouterr().err
