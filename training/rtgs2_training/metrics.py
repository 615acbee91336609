"""What a prediction is worth: mIoU, accuracies and depth errors, added up view by view."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtgs2_trt.errors import InputError


@dataclass(frozen=True, eq=False)
class Scores:
    """What a confusion matrix says.

    Attributes:
        miou: mean IoU over the classes that occur in the ground truth, 0..1; NaN if none does.
        iou: (C,) float64, TP / (TP + FP + FN); NaN for classes that do not occur in the ground truth.
        recall: (C,) float64, TP / (TP + FN), how much of a class is found; NaN as for `iou`.
        precision: (C,) float64, TP / (TP + FP), how often it is right where it is predicted; NaN where it never is.
        pixel_accuracy: share of labelled pixels that are right.
        class_accuracy: mean over the present classes of the share of their pixels that are right.
        pixels: (C,) int64, labelled pixels of each class.
    """

    miou: float
    iou: NDArray[np.float64]
    recall: NDArray[np.float64]
    precision: NDArray[np.float64]
    pixel_accuracy: float
    class_accuracy: float
    pixels: NDArray[np.int64]


class ConfusionMatrix:
    """Counts of (true class, predicted class) over any number of views.

    Attributes:
        counts: (C, C) int64, rows are true classes, columns predicted ones.
    """

    def __init__(self, classes: int) -> None:
        """Start with nothing counted.

        Raises:
            InputError: not 1 to 4096 classes.
        """
        if not 1 <= classes <= 4096:
            raise InputError("impossible number of classes", field="classes", found=classes, expected="1 to 4096")
        self.counts: NDArray[np.int64] = np.zeros((classes, classes), np.int64)

    def add(self, truth: NDArray[Any], predicted: NDArray[Any]) -> None:
        """Count the pixels of a view.

        Args:
            truth: integers of any shape, class indices; negative ones are ignored.
            predicted: integers of the same shape, class indices.

        Raises:
            InputError: arrays of different shapes or no integers, or a class outside 0..C-1 where `truth` counts.
        """
        if truth.shape != predicted.shape:
            raise InputError(
                "truth and prediction differ in size", field="predicted", found=predicted.shape, expected=truth.shape
            )
        for name, values in (("truth", truth), ("predicted", predicted)):
            if values.dtype.kind not in "iu":
                raise InputError("not class indices", field=name, found=values.dtype, expected="integers")
        classes = len(self.counts)
        counted = truth >= 0
        rows, columns = truth[counted].astype(np.intp), predicted[counted].astype(np.intp)
        for name, values in (("truth", rows), ("predicted", columns)):
            if values.size and not 0 <= values.min() <= values.max() < classes:
                outside = values[(values < 0) | (values >= classes)][0]
                raise InputError("no such class", field=name, found=int(outside), expected=f"0 to {classes - 1}")
        self.counts += np.bincount(rows * classes + columns, minlength=classes**2).reshape(classes, classes)

    def merge(self, other: ConfusionMatrix) -> None:
        """Add what `other`, of as many classes, has counted."""
        self.counts += other.counts

    def scores(self) -> Scores:
        """Return the metrics of what was counted so far."""
        right = np.diag(self.counts).astype(np.float64)
        pixels = self.counts.sum(axis=1)
        predicted = self.counts.sum(axis=0)
        present = pixels > 0
        iou, recall, precision = np.full((3, len(right)), np.nan)
        np.divide(right, pixels + predicted - right, out=iou, where=present)
        np.divide(right, pixels, out=recall, where=present)
        np.divide(right, predicted, out=precision, where=predicted > 0)
        return Scores(
            miou=_mean(iou[present]),
            iou=iou,
            recall=recall,
            precision=precision,
            pixel_accuracy=_ratio(right.sum(), pixels.sum()),
            class_accuracy=_mean(recall[present]),
            pixels=pixels,
        )


class DepthError:
    """Differences between predicted and true depth over any number of views.

    Attributes:
        pixels: pixels whose depth is known.
    """

    def __init__(self) -> None:
        self.pixels = 0
        self._squares = 0.0
        self._relative = 0.0

    def add(self, truth: NDArray[np.floating[Any]], predicted: NDArray[np.floating[Any]]) -> None:
        """Count the pixels of a view.

        Args:
            truth: metres, NaN where unknown; such pixels are ignored.
            predicted: metres, of the same shape.

        Raises:
            InputError: arrays of different shapes, or a prediction that is not finite where `truth` is known.
        """
        if truth.shape != predicted.shape:
            raise InputError(
                "truth and prediction differ in size", field="predicted", found=predicted.shape, expected=truth.shape
            )
        known = np.isfinite(truth) & (truth > 0)
        true = truth[known].astype(np.float64)
        difference = predicted[known].astype(np.float64) - true
        if not np.isfinite(difference).all():
            raise InputError("a predicted depth is not finite", field="predicted", expected="metres")
        self.pixels += difference.size
        self._squares += float((difference**2).sum())
        self._relative += float((np.abs(difference) / true).sum())

    def merge(self, other: DepthError) -> None:
        """Add what `other` has counted."""
        self.pixels += other.pixels
        self._squares += other._squares
        self._relative += other._relative

    @property
    def rmse(self) -> float:
        """Root of the mean squared difference, metres; NaN without pixels."""
        return float(np.sqrt(_ratio(self._squares, self.pixels)))

    @property
    def absolute_relative(self) -> float:
        """Mean of |difference| / true depth; NaN without pixels."""
        return _ratio(self._relative, self.pixels)


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if values.size else float("nan")
