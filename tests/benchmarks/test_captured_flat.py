"""The labels of the captured flat, drawn by eye, and how they become a data set."""

import json
import sys
import zipfile

import numpy as np
import pytest

from benchmarks.captured_flat import prepare
from rtgs2_training.datasets import open_dataset
from rtgs2_trt import Scene
from rtgs2_trt.classes import builtin_class_table
from rtgs2_trt.scene_files import write_scene_file


@pytest.fixture(scope="module")
def described():
    return json.loads(prepare.LABELS.read_text())


def test_areas_lie_in_the_picture_and_name_known_classes(described):
    names, (width, height) = set(builtin_class_table("synthrooms").names), described["image_size"]
    for view in described["views"]:
        for area in view["areas"]:
            corners = np.array(area["corners"])
            assert area["class"] is None or area["class"] in names
            assert len(corners) >= 3
            assert ((corners >= 0) & (corners <= (width, height))).all(), (view["name"], area)


def test_most_of_every_view_is_labelled(described):
    table = builtin_class_table("synthrooms")
    for view in described["views"]:
        labels = np.asarray(prepare.label_image(view, tuple(described["image_size"]), table))
        assert (labels > 0).mean() > 0.6, view["name"]
        assert len(np.unique(labels)) >= 5, view["name"]


def test_later_areas_lie_over_earlier_ones_and_null_takes_labels_away():
    table = builtin_class_table("synthrooms")
    whole, left = [[0, 0], [8, 0], [8, 8], [0, 8]], [[0, 0], [3, 0], [3, 8], [0, 8]]
    areas = [{"class": "wall", "corners": whole}, {"class": None, "corners": left}]
    labels = np.asarray(prepare.label_image({"areas": areas}, (8, 8), table))
    assert set(labels[:, :4].ravel()) == {0}
    assert set(labels[:, 4:].ravel()) == {table.ids[table.names.index("wall")]}


def test_cameras_look_where_the_labels_say(described):
    for view in described["views"]:
        camera = prepare.camera(view, described)
        heading, pitch = np.radians(view["heading_degrees"]), np.radians(described["pitch_degrees"])
        ahead = [np.cos(heading) * np.cos(pitch), np.sin(heading) * np.cos(pitch), np.sin(pitch)]
        point = np.array(view["position"]) + 3 * np.array(ahead)
        x, y, depth = (camera.world_to_camera @ np.append(point, 1))[:3]
        assert (x, y, depth) == pytest.approx((0, 0, 3), abs=1e-5)


def test_a_capture_becomes_a_data_set(described, tmp_path, monkeypatch):
    rng, capture = np.random.default_rng(0), tmp_path / "capture"
    for part in range(2):
        means = rng.uniform((-9, -9, prepare.FLOOR), (5, 3, 2), (200, 3))
        means[0] = 100  # far outside
        quaternions = rng.standard_normal((200, 4))
        scene = Scene(means, np.full((200, 3), 0.05), quaternions, np.full(200, 0.9), np.zeros((200, 1, 3)))
        write_scene_file(scene, tmp_path / "part.sog", "sog")
        unpacked(tmp_path / "part.sog", capture / f"1_{part}")
    monkeypatch.setattr(sys, "argv", ["prepare.py", str(capture), "-o", str(tmp_path / "data")])
    prepare.main()
    (folder,) = open_dataset(tmp_path / "data").scenes("test")
    assert len(folder.cameras) == len(described["views"])
    scene = folder.load_scene()
    assert len(scene) == 2 * 199
    assert -0.01 < scene.means[:, 2].min() < 0.2, "the floor lies at 0"
    assert (folder.labels("0000") >= 0).mean() > 0.6


def unpacked(archive, folder):
    with zipfile.ZipFile(archive) as file:
        file.extractall(folder)
