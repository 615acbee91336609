"""Batches of cached views with their labels or depths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtgs2_trt.errors import DatasetError
from rtgs2_trt.task import Task

from ..datasets import place_of
from .render_cache import CachedView


@dataclass(frozen=True, eq=False)
class StoredViews:
    """Views as the cache holds them, B of one size.

    Attributes:
        numbers: which samples of the run they are.
        image: (B, H, W, 3) uint8.
        features: (B, H, W, D) int8 or float16.
        scale: (B, D) float32, multiplies `features`.
        largest: (B, D) float32, the largest value of each channel after that.
        target: (B, H, W) int16 class indices, -1 where unlabelled; or float32 metres, NaN where unknown.
        sizes: (B, 2) height and width of the views before padding; the target knows nothing beyond.
    """

    numbers: tuple[int, ...]
    image: NDArray[np.uint8]
    features: NDArray[Any]
    scale: NDArray[np.float32]
    largest: NDArray[np.float32]
    target: NDArray[Any]
    sizes: NDArray[np.int64]


def read_views(views: Sequence[CachedView], task: Task, numbers: Sequence[int] = ()) -> StoredViews:
    """Read cached views and their labels (semantic) or depths.

    Views of several sizes are padded to the largest with black, zero and unlabelled pixels.

    Raises:
        DatasetError: a label or depth image cannot be used.
        InputError: a damaged cache.
    """
    height = max(view.camera.height for view in views)
    width = max(view.camera.width for view in views)
    count, channels = len(views), views[0].channels
    semantic = task == "semantic"
    image = np.zeros((count, height, width, 3), np.uint8)
    features = np.zeros((count, height, width, channels), np.int8 if views[0].storage == "int8" else np.float16)
    scale = np.zeros((count, channels), np.float32)
    target = np.full((count, height, width), -1 if semantic else np.nan, np.int16 if semantic else np.float32)
    largest = np.zeros((count, channels), np.float32)
    sizes = np.zeros((count, 2), np.int64)
    for i, view in enumerate(views):
        colours, values, scale[i] = view.read()
        image[i, : colours.shape[0], : colours.shape[1]] = colours
        features[i, : values.shape[0], : values.shape[1]] = values
        largest[i] = scale[i] * (127 if features.dtype == np.int8 else np.abs(values).max(axis=(0, 1)))
        known = view.scene.labels(view.name) if semantic else view.scene.depth(view.name)
        target[i, : known.shape[0], : known.shape[1]] = known
        sizes[i] = known.shape
    return StoredViews(tuple(numbers), image, features, scale, largest, target, sizes)


def class_weights(views: Sequence[CachedView], classes: int) -> NDArray[np.float32]:
    """Return (K,) weights that fall with the square root of a class's share of the pixels; their mean pixel weighs 1.

    Raises:
        DatasetError: no pixel has a label, or a label image cannot be used.
    """
    counts = np.zeros(classes, np.int64)
    for view in views:
        labels = view.scene.labels(view.name)
        counts += np.bincount(labels[labels >= 0], minlength=classes)
    if not counts.any():
        raise DatasetError(
            "no pixel of the data set has a label",
            file=place_of([view.scene for view in views]),
            field="loss.class_weighting",
            fix="Set it to none",
        )
    share = np.maximum(counts / counts.sum(), 1e-4)
    weights = share**-0.5
    return np.asarray(weights / (weights * share).sum(), np.float32)
