"""A class and a confidence for every Gaussian of a scene."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtgs2_trt.camera import Camera
from rtgs2_trt.class_map import LabelRules
from rtgs2_trt.classes import ClassTable
from rtgs2_trt.errors import ClassTableError, InputError, shown
from rtgs2_trt.rasterize import GaussianArrays, rasterize


@dataclass(frozen=True, eq=False)
class GaussianLabels:
    """What N Gaussians are.

    Args:
        labels: (N,) class indices of `classes`: uint8 with up to 255 classes, else uint16. The greatest value of the
            type, 255 or 65535, is unknown: no view saw the Gaussian, or a rule said so.
        confidence: (N,) float32, 0 to 1: the probability of the class; 0 where it is unknown.
        classes: what labels mean.

    Raises:
        InputError: arrays of other types or sizes, a label outside the table, or a confidence outside 0 to 1.
    """

    labels: NDArray[Any]
    confidence: NDArray[np.float32]
    classes: ClassTable

    def __post_init__(self) -> None:
        dtype = label_type(self.classes)
        for name, array, type_ in (("labels", self.labels, dtype), ("confidence", self.confidence, np.float32)):
            if array.ndim != 1 or len(array) != len(self.labels) or array.dtype != type_:
                found, expected = f"{array.shape} {array.dtype}", f"({len(self.labels)},) {np.dtype(type_)}"
                raise InputError("not the labels of Gaussians", field=name, found=found, expected=expected)
        outside = (self.labels >= len(self.classes)) & (self.labels != self.unknown)
        if outside.any():
            expected = f"0 to {len(self.classes) - 1}, or {self.unknown}"
            raise InputError(
                "a label outside the class table", field="labels", found=self.labels[outside][0], expected=expected
            )
        if not ((self.confidence >= 0) & (self.confidence <= 1)).all():
            raise InputError("not probabilities", field="confidence", expected="0 to 1")

    def __len__(self) -> int:
        """Number of Gaussians."""
        return len(self.labels)

    @property
    def unknown(self) -> int:
        """The label of unknown."""
        return int(np.iinfo(self.labels.dtype).max)

    @property
    def counts(self) -> NDArray[np.int64]:
        """(C + 1,) int64: Gaussians of each class, unknown ones last."""
        counts = np.bincount(self.labels, minlength=self.unknown + 1)
        return np.append(counts[: len(self.classes)], counts[self.unknown])

    def of_classes(self, names: Sequence[str]) -> NDArray[np.bool_]:
        """Return which Gaussians (N,) are of one of the classes with these names.

        Raises:
            ClassTableError: the table has no class of such a name.
        """
        known = {entry.name: entry.index for entry in self.classes}
        missing = [name for name in names if name not in known]
        if missing:
            raise ClassTableError(
                "there is no such class in the table", field="class", found=shown(missing[0]), expected=", ".join(known)
            )
        return np.isin(self.labels, [known[name] for name in names])

    def under(self, rules: LabelRules) -> GaussianLabels:
        """Return the labels after thresholds and merging (:class:`rtgs2_trt.class_map.LabelRules`)."""
        labels = rules.apply(self.labels, self.confidence)
        confidence = np.where(labels == self.unknown, np.float32(0), self.confidence)
        return GaussianLabels(labels.astype(label_type(rules.table)), confidence, rules.table)

    def drawn(self, scene: GaussianArrays, camera: Camera, *, threads: int = 0) -> NDArray[Any]:
        """Return the labels as a camera sees them: of each pixel the class that most of its light speaks for.

        A Gaussian counts with its splatting weight times its confidence; unknown ones do not. Where no labelled
        Gaussian is, the pixel is unknown.

        Args:
            scene: the N Gaussians.
            camera: the view.
            threads: CPU threads, 0 for all.

        Returns:
            (H, W) labels, of the type of :attr:`labels`.

        Raises:
            InputError: another number of Gaussians.
            SceneError: as :func:`rtgs2_trt.rasterize`.
        """
        if len(scene.means) != len(self):
            raise InputError("another scene's labels", field="labels", found=len(self), expected=len(scene.means))
        known = self.labels != self.unknown
        shares = np.zeros((len(self), len(self.classes)), np.float32)
        shares[np.flatnonzero(known), self.labels[known]] = self.confidence[known]
        seen = rasterize(scene, camera, shares, threads=threads).features
        labels: NDArray[Any] = seen.argmax(axis=0).astype(self.labels.dtype)
        labels[seen.max(axis=0) <= 0] = self.unknown
        return labels


def label_type(classes: ClassTable) -> type[np.uint8] | type[np.uint16]:
    """Return the type of class indices of this table, which leaves its greatest value free for unknown."""
    return np.uint8 if len(classes) <= np.iinfo(np.uint8).max else np.uint16
