"""What can be evaluated: a PyTorch checkpoint, an exported bundle, or a baseline, behind one small protocol.

All render their inputs with :func:`rtgs2_trt.rasterize`, so what differs between a checkpoint and its bundle is what
the export and the arithmetic cost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rtgs2_networks.config import Inputs
from rtgs2_trt.backends import PrecisionChoice
from rtgs2_trt.camera import Camera
from rtgs2_trt.classes import ClassTable
from rtgs2_trt.errors import InputError
from rtgs2_trt.rasterize import rasterize
from rtgs2_trt.scene import Scene
from rtgs2_trt.segmenter import BackendName, Segmenter
from rtgs2_trt.task import Task


@dataclass(frozen=True, eq=False)
class ViewPrediction:
    """What is predicted for one view of H x W pixels.

    Attributes:
        labels: (H, W) unsigned integers, class indices; None of the depth task.
        depth: (H, W) float32 metres; None of the semantic task.
        rgb: (3, H, W) float32, the rendered colour.
    """

    labels: NDArray[Any] | None
    depth: NDArray[np.float32] | None
    rgb: NDArray[np.float32]


class Predictor(Protocol):
    """Predicts labels or depth of views.

    Attributes:
        task: which of both.
        classes: what labels mean; None of the depth task.
        description: plain values that say what it is, for reports.
    """

    task: Task
    classes: ClassTable | None
    description: Mapping[str, Any]

    def encode(self, scene: Scene) -> Scene:
        """Return `scene` with what :meth:`predict` needs of it; called once a scene."""

    def predict(self, scene: Scene, camera: Camera) -> ViewPrediction:
        """Predict one view of an encoded scene."""


class BundlePredictor:
    """An exported bundle on one of its backends.

    Args:
        path: the bundle's folder.
        backend: what computes.
        precision: arithmetic of the fusion network.
        threads: CPU threads, 0 for all.

    Raises:
        BundleError: the bundle cannot be used.
        BackendError: the backend or the precision cannot be had.
    """

    def __init__(
        self, path: Path, backend: BackendName = "auto", precision: PrecisionChoice = "fp32", threads: int = 0
    ) -> None:
        self._segmenter = Segmenter(path, backend, threads=threads, precision=precision)
        self.task = self._segmenter.task
        self.classes = self._segmenter.bundle.classes
        self.description: Mapping[str, Any] = {
            "kind": "bundle",
            "path": str(path),
            "weights": self._segmenter.bundle.manifest.description,
            "checkpoint_sha256": self._segmenter.bundle.manifest.checkpoint_sha256,
            "backend": self._segmenter.backend_name,
            "precision": self._segmenter.precision,
        }

    def encode(self, scene: Scene) -> Scene:
        """See :class:`Predictor`."""
        return self._segmenter.encode(scene)

    def predict(self, scene: Scene, camera: Camera) -> ViewPrediction:
        """See :class:`Predictor`."""
        result = self._segmenter(scene, camera, rgb=True)
        assert result.rgb is not None
        return ViewPrediction(result.labels, result.depth_prediction, result.rgb)


class CheckpointPredictor:
    """A checkpoint's networks in PyTorch, on the CPU in float32; logits are upsampled and compared at full size.

    Args:
        path: the checkpoint.
        inputs: what the fusion network gets to see of what it was trained with.
        threads: CPU threads of the rasteriser and of PyTorch, 0 for all.

    Raises:
        CheckpointError: the checkpoint cannot be used.
        InputError: `inputs` that the network was not trained with.
    """

    def __init__(self, path: Path, inputs: Inputs = "fusion", threads: int = 0) -> None:
        import torch

        from rtgs2_networks.checkpoint import load_checkpoint

        if threads:
            torch.set_num_threads(threads)
        checkpoint = load_checkpoint(path)
        self._threads = threads
        self._config = checkpoint.config
        trained = checkpoint.config.fusion.inputs
        if "fusion" not in (inputs, trained) and inputs != trained:
            raise InputError(
                f"the network was trained with {trained} alone: it would see nothing",
                file=path,
                field="inputs",
                found=inputs,
                expected=f"fusion or {trained}",
                fix="Leave it out",
            )
        self._inputs = trained if inputs == "fusion" else inputs
        self._encoder = checkpoint.build_encoder()
        self._fusion = checkpoint.build_fusion()
        self.task = checkpoint.config.task
        self.classes = checkpoint.classes
        self.description: Mapping[str, Any] = {
            "kind": "checkpoint",
            "path": str(path),
            "weights": checkpoint.description,
            "checkpoint_sha256": checkpoint.sha256,
            "backend": "pytorch",
            "precision": "fp32",
            **({} if self._inputs == "fusion" else {"inputs": self._inputs}),
        }

    def encode(self, scene: Scene) -> Scene:
        """See :class:`Predictor`."""
        from .scene_features import scene_features

        if self._inputs == "colour":
            return scene.with_features(np.zeros((len(scene), self._config.encoder.out_channels), np.float32))
        return scene.with_features(scene_features(self._encoder, scene))

    def predict(self, scene: Scene, camera: Camera) -> ViewPrediction:
        """See :class:`Predictor`."""
        import torch

        from rtgs2_networks.fusion import full_size_logits

        rendering = rasterize(scene, camera.padded(32), threads=self._threads)
        image = torch.from_numpy(rendering.rgb)[None].clamp(0, 1)
        if self._config.trained_on == "bgr":
            image = image.flip(1)
        if self._inputs == "features":
            image = torch.zeros_like(image)
        with torch.inference_mode():
            output = self._fusion(image, torch.from_numpy(rendering.features)[None])
            full = full_size_logits(output)[0, :, : camera.height, : camera.width]
            labels = None if self.task == "depth" else full.argmax(0).numpy().astype(np.uint16)
            depth = np.ascontiguousarray(full[0].numpy()) if self.task == "depth" else None
        return ViewPrediction(labels, depth, rendering.rgb[:, : camera.height, : camera.width])


def open_predictor(
    path: str | Path,
    *,
    backend: BackendName = "auto",
    precision: PrecisionChoice = "fp32",
    inputs: Inputs = "fusion",
    threads: int = 0,
) -> Predictor:
    """Open a bundle (a folder) or a checkpoint (a file).

    Args:
        path: which.
        backend: of a bundle.
        precision: of a bundle.
        inputs: what the fusion network of a checkpoint gets to see of what it was trained with.
        threads: CPU threads, 0 for all.

    Raises:
        CheckpointError: the checkpoint cannot be used.
        InputError: `inputs` that the network was not trained with.
        BundleError: the bundle cannot be used.
        BackendError: the backend or the precision cannot be had.
    """
    path = Path(path)
    if path.is_dir():
        return BundlePredictor(path, backend, precision, threads)
    return CheckpointPredictor(path, inputs, threads)
