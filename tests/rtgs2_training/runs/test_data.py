"""Training on captured data, as it comes: without labels, with foreign ones, with too few."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("lightning_fabric")

from box_room import CEILING, box_views, write_box_dataset, write_box_scene
from rtgs2_training.cli import main
from rtgs2_training.gaussian_classes import STORED
from rtgs2_trt import Scene

PLY = "point_cloud/iteration_30000/point_cloud.ply"

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
    folder = next(parent for parent in captured.parents if (parent / "fusion.yaml").exists())
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


@pytest.mark.parametrize(
    ("kind", "damage", "message"),
    [
        ("semantic", "id", "pixel (5, 3): a label id that the class table 'synthrooms' does not have"),
        ("semantic", "size", "the image's size is not that of its camera"),
        ("depth", "size", "the image's size is not that of its camera"),
        ("depth", "gone", "there is no such file"),
    ],
)
def test_one_bad_image_is_told_before_anything_is_rendered(kind, damage, message, captured, capsys):
    """Mended later, it would be another data set than the run's; the first view of the first scene is fine."""
    boxes = write_box_dataset(captured / "boxes", {"train": ["a", "b"]})
    last = sorted((boxes / "b" / kind).glob("*.png"))[-1]
    if damage == "gone":
        last.unlink()
    elif damage == "size":
        with Image.open(last) as image:
            image.resize((40, 30), Image.Resampling.NEAREST).save(last)
    else:
        with Image.open(last) as image:
            labels = np.array(image)
        labels[3, 5] = 99
        Image.fromarray(labels).save(last)
    cache = ["--cache", str(captured / "cache")]
    task = ["--set", f"task={kind}", "--set", "augmentation.zoom=[1, 1]", "--set", "augmentation.perspective=0"]
    assert train("fusion", boxes, *task, *cache, "--quiet") == 2
    printed = capsys.readouterr().err
    assert last.name in printed
    assert message in printed
    assert not list((captured / "cache").glob("*.npy"))
    if (kind, damage) == ("semantic", "id"):  # in a cache that another run has filled
        damaged = last.with_suffix(".damaged")
        last.rename(damaged)
        Image.fromarray(np.where(labels == 99, 1, labels).astype(np.uint8)).save(last)
        assert train("fusion", boxes, *task, *cache, "--quiet") == 0
        damaged.rename(last)
        assert train("fusion", boxes, *task, *cache, "--quiet", "--restart", "--set", "steps=2") == 2
        assert message in capsys.readouterr().err
    if (kind, damage) == ("semantic", "size"):
        (captured.parent / "tune.yaml").write_text("{steps: 1, calibration_scenes: 1, parts: {max_points: 256}}")
        assert train("tune", boxes, "--quiet") == 2
        assert message in capsys.readouterr().err


def test_data_without_any_label_are_refused(captured, capsys):
    for scene in captured.iterdir():
        for view in box_views():
            Image.fromarray(np.zeros((60, 80), np.uint8)).save(scene / "semantic" / f"{view}.png")
    assert train("fusion", captured, "--classes", "scannet", "--quiet") == 2
    assert "captured: no pixel has a label (found none in 6 views" in capsys.readouterr().err
    (captured.parent / "tune.yaml").write_text("{steps: 1, calibration_scenes: 1, parts: {max_points: 256}}")
    assert train("tune", captured, "--classes", "scannet", "--quiet") == 2
    message = "captured: no pixel and no Gaussian has a label (found none in 2 scenes"
    assert message in capsys.readouterr().err
    for scene in captured.iterdir():
        np.savez(scene / STORED, class_id=np.zeros(3000, np.int64))
    assert train("tune", captured, "--classes", "scannet", "--quiet") == 2
    assert message in capsys.readouterr().err


def test_a_scene_too_small_for_the_encoder_is_named(captured, capsys):
    file = captured / "a" / PLY
    scene = Scene.load(file)
    Scene(scene.means / 5, scene.scales, scene.rotations, scene.opacities, scene.sh).save(file)
    for kind, options in (("encoder", []), ("tune", ["--ignore-foreign"])):
        (captured.parent / "tune.yaml").write_text("{steps: 1, calibration_scenes: 1, parts: {max_points: 256}}")
        assert train(kind, captured, "--classes", "scannet", "--quiet", *options) == 2
        message = capsys.readouterr().err
        assert "point_cloud.ply: the scene is too small for the encoder (found 1 voxel of 1.12 m" in message
        assert "--scale" in message


def test_views_without_enough_in_common_are_told_of_the_scene_that_was_given(captured, capsys):
    apart = ["--set", "views.min_iou=0.998", "--set", "views.max_iou=0.999"]
    assert train("encoder", captured / "a", "--classes", "scannet", "--quiet", *apart) == 2
    assert f"{captured / 'a'}: views: no two views of a scene" in capsys.readouterr().err
    assert train("encoder", captured, "--classes", "scannet", "--quiet", *apart, "--restart") == 2
    assert f"{captured}: views: no two views of a scene" in capsys.readouterr().err


def test_fewer_positives_than_a_pair_must_have_are_refused(captured, capsys):
    assert train("encoder", captured, "--classes", "scannet", "--quiet", "--set", "loss.positives=16") == 2
    assert "loss.positives: impossible run configuration (found 16, expected 32 to 65536)" in capsys.readouterr().err


def test_a_split_that_is_not_there_is_refused(tmp_path, captured, capsys):
    boxes = write_box_dataset(captured / "boxes", {"train": ["a"], "held out": ["b"]})
    measured = ["--set", "validation.samples=1", "--set", "data.validation_split=val"]
    assert train("fusion", boxes, "-o", str(tmp_path / "run"), "--quiet", *measured) == 2
    assert "no such split (found 'val', expected all, train, held out)" in capsys.readouterr().err
    assert train("fusion", boxes, "-o", str(tmp_path / "run"), "--quiet", *measured[:2]) == 0  # none is by default


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
