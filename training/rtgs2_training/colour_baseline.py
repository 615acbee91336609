"""How far the colours of single pixels go: a classifier that sees nothing else.

The posterior over classes is counted in a quantised RGB cube over rendered training views; a pixel gets the class of
the largest posterior of its cell. Rooms in which this works say nothing about a network that learns shapes and context.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtgs2_trt.camera import Camera
from rtgs2_trt.classes import ClassTable
from rtgs2_trt.errors import InputError
from rtgs2_trt.rasterize import rasterize
from rtgs2_trt.scene import Scene
from rtgs2_trt.task import Task

from .predictors import ViewPrediction

_LEVELS = 32  # a channel
_COARSE_LEVELS = 8
_COARSE_WEIGHT = 10.0  # pixels that the coarse cell's posterior counts for in each of its fine cells


class ColourBaseline:
    """Labels by the colour of the pixel alone; a predictor like any other (:mod:`rtgs2_training.predictors`).

    Args:
        classes: what labels mean.
        views: rendered colours (3, H, W) float in 0..1 and labels (H, W), negative where ignored, to count.
        balanced: classes count the same however many pixels they have; else as often as they occur.

    Raises:
        InputError: no labelled pixel in `views`.
    """

    task: Task = "semantic"

    def __init__(
        self,
        classes: ClassTable,
        views: Iterable[tuple[NDArray[np.float32], NDArray[np.int16]]],
        *,
        balanced: bool = False,
    ) -> None:
        self.classes: ClassTable | None = classes
        counts = np.zeros((_LEVELS**3, len(classes)), np.float64)
        for rgb, labels in views:
            known = labels >= 0
            pairs = _cells(rgb)[known] * len(classes) + labels[known]
            counts += np.bincount(pairs, minlength=counts.size).reshape(counts.shape)
        if not counts.any():
            raise InputError("no labelled pixel to learn colours from", field="views")
        if balanced:
            counts /= np.maximum(counts.sum(axis=0), 1)
            counts /= counts[counts > 0].min()  # pixels again, at least one
        self._label_of_cell = _smoothed(counts).argmax(axis=1).astype(np.uint16)
        self.description: Mapping[str, Any] = {"kind": "colour baseline", "levels": _LEVELS, "balanced": balanced}

    def label(self, rgb: NDArray[np.float32]) -> NDArray[np.uint16]:
        """Return the classes (H, W) of colours (3, H, W) in 0..1."""
        labels: NDArray[np.uint16] = self._label_of_cell[_cells(rgb)]
        return labels

    def encode(self, scene: Scene) -> Scene:
        """Return `scene` without features: colours need none."""
        return scene.with_features(None)

    def predict(self, scene: Scene, camera: Camera) -> ViewPrediction:
        """Label one view by its rendered colours."""
        rgb = rasterize(scene, camera).rgb
        return ViewPrediction(self.label(rgb), None, rgb)


def _cells(rgb: NDArray[np.float32]) -> NDArray[np.intp]:
    """(H, W) the cell of each colour: red, green, blue from the most significant digit on."""
    levels = np.clip((np.nan_to_num(rgb) * _LEVELS).astype(np.intp), 0, _LEVELS - 1)
    cells: NDArray[np.intp] = (levels[0] * _LEVELS + levels[1]) * _LEVELS + levels[2]
    return cells


def _smoothed(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Counts plus a few pixels of the surrounding coarse cell's posterior, and of all colours' where that is empty."""
    classes, ratio = counts.shape[1], _LEVELS // _COARSE_LEVELS
    split = counts.reshape(*(_COARSE_LEVELS, ratio) * 3, classes)
    coarse = split.sum(axis=(1, 3, 5))
    overall = counts.sum(axis=0) / counts.sum()
    coarse = (coarse + overall) / (coarse.sum(axis=-1, keepdims=True) + 1)
    smoothed: NDArray[np.float64] = split + _COARSE_WEIGHT * coarse[:, None, :, None, :, None]
    return smoothed.reshape(counts.shape)
