"""Pairs of views: who sees what, which views pair up, which points are positives, how views are changed."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

pytest.importorskip("torch")

from box_room import SIZE, write_box_dataset
from rtgs2_networks.config import preset
from rtgs2_training.datasets import open_dataset
from rtgs2_training.encoder.cloud_augmentation import augment_cloud, random_rotation
from rtgs2_training.encoder.encoder_clouds import one_a_voxel
from rtgs2_training.encoder.view_pairs import ViewPairs, in_view, overlapping_pairs
from rtgs2_training.runs.config import CloudAugmentationConfig, ViewPairConfig
from rtgs2_trt import Camera
from rtgs2_trt.errors import DatasetError
from still_clouds import STILL


def samples(folder, views=None, augmentation=None):
    data = open_dataset(write_box_dataset(folder / "boxes", {"train": ["a", "b"]}))
    views = views or ViewPairConfig(min_iou=0.0, max_iou=1.0, max_points=800)
    return ViewPairs(data.scenes("train"), preset("tiny", 22).encoder, views, augmentation or STILL, 200, seed=3)


def test_frustum_is_that_of_the_image():
    camera = Camera.look_at((0, 0, 1), (1, 0, 1), width=80, height=60, fov_degrees=90)
    means = np.float32([[2, 0, 1], [-2, 0, 1], [2, 1.9, 1], [2, 2.1, 1], [0.1, 0, 1], [2, 0, 2.4], [2, 0, 2.6]])
    assert in_view(means, camera).tolist() == [True, False, True, False, False, True, False]


def test_overlap_by_counting():
    seen = np.zeros((3, 10), bool)
    seen[0, :6], seen[1, 3:9], seen[2, 9] = True, True, True  # IoU of the first two 3 / 9
    assert overlapping_pairs(seen, 0.3, 0.8).tolist() == [[0, 1]]
    assert overlapping_pairs(seen, 0.34, 0.8).tolist() == []


def test_one_point_a_voxel_is_the_most_opaque():
    inputs = np.zeros((3, 10), np.float32)
    inputs[:, 0], inputs[:, 6] = [0, 0.01, 0.2], [0.2, 0.9, 0.1]
    assert one_a_voxel(inputs, 0.05).tolist() == [1, 2]


def test_positives_are_the_same_gaussian_in_both_views_and_alone_in_their_voxels(tmp_path):
    pair = samples(tmp_path).sample(5)
    for view in (pair.a, pair.b):
        assert len(view.inputs) <= 800
        assert len(np.unique(view.rows)) == len(view.rows) >= 32
    a, b = pair.a.inputs[pair.a.rows], pair.b.inputs[pair.b.rows]
    assert np.array_equal(a[:, 3:], b[:, 3:])  # colour, opacity and scales are unchanged here
    # each view was turned on its own: distances between its points are what stays
    distances = [np.linalg.norm(v[:, None, :3] - v[None, :, :3], axis=-1) for v in (a, b)]
    assert np.allclose(*distances, atol=1e-4)


def test_sample_is_the_same_whenever_it_is_asked_for(tmp_path):
    first = samples(tmp_path / "one", augmentation=CloudAugmentationConfig())
    second = samples(tmp_path / "two", augmentation=CloudAugmentationConfig())
    first.sample(0)
    one, other = first.sample(7), second.sample(7)
    assert np.array_equal(one.a.inputs, other.a.inputs)
    assert np.array_equal(one.b.rows, other.b.rows)
    assert not np.array_equal(one.a.inputs[:50], first.sample(8).a.inputs[:50])


def test_scenes_without_overlapping_views_are_refused(tmp_path):
    with pytest.raises(DatasetError, match="no two views of a scene"):
        samples(tmp_path, ViewPairConfig(min_iou=0.998, max_iou=0.999)).sample(0)


def test_augmentation_scales_gaussians_with_the_scene():
    rng = np.random.default_rng(0)
    inputs = rng.random((200, 10), dtype=np.float32)
    inputs[:, :3] *= SIZE
    changed = augment_cloud(inputs, dataclasses.replace(STILL, scale=(0.5, 0.5)), rng)
    assert np.allclose(changed[:, 2], 0.5 * inputs[:, 2], atol=1e-5)  # floors stay floors
    assert np.allclose(changed[:, 7:] - inputs[:, 7:], np.log(0.5), atol=1e-6)
    assert np.array_equal(changed[:, 3:7], inputs[:, 3:7])
    spread = np.linalg.norm(changed[0, :3] - changed[1, :3]) / np.linalg.norm(inputs[0, :3] - inputs[1, :3])
    assert spread == pytest.approx(0.5, rel=1e-4)


def test_colours_stay_in_range_and_rotations_are_rotations():
    rng = np.random.default_rng(1)
    inputs = rng.random((500, 10), dtype=np.float32)
    for _ in range(10):
        changed = augment_cloud(inputs, CloudAugmentationConfig(), rng)
        assert changed.dtype == np.float32
        assert 0 <= changed[:, 3:6].min() <= changed[:, 3:6].max() <= 1
        turn = random_rotation(10, rng)
        assert np.allclose(turn @ turn.T, np.eye(3))
        assert np.degrees(np.arccos(turn[2, 2])) <= 15
