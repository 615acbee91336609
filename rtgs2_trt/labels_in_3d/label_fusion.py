"""From the class probabilities of views to one class for every Gaussian."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from rtgs2_trt.camera import Camera
from rtgs2_trt.classes import ClassTable
from rtgs2_trt.errors import InputError
from rtgs2_trt.labels_in_3d.gaussian_labels import GaussianLabels, label_type
from rtgs2_trt.lift import Lifted, lift
from rtgs2_trt.rasterize import GaussianArrays
from rtgs2_trt.scene import Scene
from rtgs2_trt.segmenter import Segmenter

LEAST_PROBABILITY = 1e-3
"""A class that a pixel rules out counts as so probable: one wrong pixel cannot outvote all others."""

_BLOCK = 1 << 16


class LabelFusion:
    """Gathers views' class probabilities on the Gaussians of one scene.

    A Gaussian's evidence for a class is the mean of the logarithm of the class's probability over the pixels that show
    it, each weighted with the Gaussian's share w of the pixel's light (alpha times transmittance), over all views: the
    pixels are taken as independent witnesses, as in a naive Bayes classifier. The class with most evidence wins; the
    softmax of the evidence is its confidence.

    Args:
        scene: N Gaussians.
        classes: C classes. 4 (C + 1) bytes a Gaussian are held.
        threads: CPU threads, 0 for all.

    Attributes:
        views: how many were added.
    """

    def __init__(self, scene: GaussianArrays, classes: ClassTable, *, threads: int = 0) -> None:
        self.views = 0
        self._scene = scene
        self._classes = classes
        self._threads = threads
        self._evidence = Lifted.nothing(len(scene.means), len(classes))

    def add(self, camera: Camera, probabilities: NDArray[np.float32]) -> None:
        """Add a view.

        Args:
            camera: the view.
            probabilities: (C, H, W), of the camera's size.

        Raises:
            InputError: another number of classes, another size, or values that are not finite.
            SceneError: as :func:`rtgs2_trt.lift.lift`; then the view was not added.
        """
        if len(probabilities) != len(self._classes):
            found, expected = len(probabilities), len(self._classes)
            raise InputError("another number of classes", field="probabilities", found=found, expected=expected)
        if not np.isfinite(probabilities).all():
            raise InputError("a probability is not finite", field="probabilities", fix="Check the bundle: rtgs2 info")
        logarithms = np.log(np.maximum(probabilities, np.float32(LEAST_PROBABILITY)))
        lift(self._scene, camera, logarithms, into=self._evidence, threads=self._threads)
        self.views += 1

    @property
    def weights(self) -> NDArray[np.float32]:
        """(N,) float32: in how many pixels' worth of light each Gaussian was seen; 0 if by no view."""
        return self._evidence.weights

    def labels(self) -> GaussianLabels:
        """Return the class of every Gaussian by the views added so far; unknown of what none of them saw."""
        dtype = label_type(self._classes)
        labels = np.full(len(self.weights), np.iinfo(dtype).max, dtype)
        confidence = np.zeros(len(labels), np.float32)
        for start in range(0, len(labels), _BLOCK):
            rows = slice(start, start + _BLOCK)
            seen = self.weights[rows] > 0
            evidence = self._evidence.sums[rows][seen] / self.weights[rows][seen, None]
            exponentials = np.exp(evidence - evidence.max(axis=1, keepdims=True))
            labels[rows][seen] = evidence.argmax(axis=1)
            confidence[rows][seen] = np.minimum(1 / exponentials.sum(axis=1), 1)
        return GaussianLabels(labels, confidence, self._classes)


def label_gaussians(
    segmenter: Segmenter,
    scene: Scene,
    cameras: Mapping[str, Camera] | Sequence[Camera],
    *,
    threads: int = 0,
    track: Callable[[Sequence[Camera], str], Iterable[Camera]] = lambda cameras, name: cameras,
) -> GaussianLabels:
    """Return a class for every Gaussian of an encoded scene, by what the bundle says of several views.

    Args:
        segmenter: a bundle of the semantic task. It runs on its own backend, lifting always on the CPU.
        scene: what ``segmenter.load`` or ``segmenter.encode`` returned.
        cameras: the views; the more sides of a thing they show, the better.
        threads: CPU threads for lifting, 0 for all.
        track: wraps the loop over the cameras, to show progress.

    Raises:
        InputError: the bundle predicts depth, or there is no camera.
        SceneError: the scene is not encoded, or by another encoder.
        BackendError: the backend failed.
    """
    views = list(cameras.values()) if isinstance(cameras, Mapping) else list(cameras)
    if not views:
        raise InputError("no views to label Gaussians by", field="cameras", expected="at least one")
    if segmenter.task == "depth":
        raise InputError("a depth prediction has no classes", field="bundle", fix="Give a bundle of the semantic task")
    fusion = LabelFusion(scene, segmenter.classes, threads=threads)
    for camera in track(views, "label views"):
        fusion.add(camera, segmenter.probabilities(scene, camera))
    return fusion.labels()
