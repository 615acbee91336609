"""Weights of classes by how much of the views they cover."""

from __future__ import annotations

import numpy as np
import pytest

from rtgs2_training.fusion.view_batches import class_weights
from rtgs2_trt.errors import DatasetError


class Scene:
    """Views by name: their labels."""

    def __init__(self, path, **labels):
        self.path, self._labels = path, labels

    def labels(self, name):
        return self._labels[name]


class View:
    def __init__(self, scene, name):
        self.scene, self.name = scene, name


def views(path, **labels):
    scene = Scene(path, **labels)
    return [View(scene, name) for name in labels]


def test_weights_fall_with_the_root_of_the_share(tmp_path):
    first = np.full((10, 10), 0, np.int16)
    second = np.full((10, 10), 1, np.int16)
    first[:2] = 1  # 80 pixels of class 0, 20 of 1
    second[:4], second[9] = 0, -1  # 40 of class 0, 50 of 1, 10 unlabelled: 120 and 70 together
    weights = class_weights(views(tmp_path, a=first, b=second), 3)
    share = np.asarray([120, 70]) / 190
    assert weights[1] / weights[0] == pytest.approx((120 / 70) ** 0.5)
    assert (weights[:2] * share).sum() == pytest.approx(1, abs=0.02)  # class 2, which never occurs, counts for 1e-4
    assert weights[2] > weights[1]


def test_without_labels_there_are_no_weights(tmp_path):
    with pytest.raises(DatasetError, match=r"loss\.class_weighting: no pixel of the data set has a label"):
        class_weights(views(tmp_path / "scene", a=np.full((4, 4), -1, np.int16)), 3)
