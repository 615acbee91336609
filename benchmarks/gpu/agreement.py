"""How far the GPU is from the CPU: images of the rasteriser, and labels of whole frames with the demo's network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from rtgs2_trt import BackendError, Camera, Scene, Segmenter, rasterize

from .measure import Drawing
from .names import BUT_FLIPPED

NEAR_TIE = 0.02
"""Two classes whose probabilities on the CPU lie within this are nearly tied."""

Labelling = Callable[[Camera], np.ndarray[Any, Any]]


def images(scene: Scene, camera: Camera, storage: Literal["half", "float"]) -> dict[str, float]:
    """Largest differences of our GPU rasteriser from the CPU's, as parts of each channel's largest value.

    Once of all pixels, and once of all but a thousandth of them. "float" is features and images in FP32, blended
    without tensor cores.
    """
    blend = "best" if storage == "half" else "plain"
    drawing = Drawing(scene, (camera.width, camera.height), channels=35, storage=storage, blend=blend)
    drawing.settle([camera])
    assert scene.features is not None
    if storage == "half":
        scene = scene.with_features(scene.features.astype(np.float16), scene.features_encoder)
    expected = rasterize(scene, camera)
    result = {}
    for name in ("rgb", "features", "alpha", "depth"):
        found = getattr(drawing, name).numpy()[0].astype(np.float32)
        wanted = getattr(expected, name).reshape(found.shape)
        channels = (-1, camera.height, camera.width)
        difference, size = (np.abs(values).reshape(channels) for values in (found - wanted, wanted))
        largest = np.maximum(size.max(axis=(1, 2), keepdims=True), 1e-3)  # a channel of nothing is no measure
        errors = (difference / largest).max(axis=0)
        result[name] = float(errors.max())
        result[name + BUT_FLIPPED] = float(np.quantile(errors, 0.999))
    return result


class Demo:
    """A trained network and views of a scene, labelled on the CPU.

    Args:
        checkpoint: the network's.
        bundle: what was exported of it.
        scene: not encoded yet.
        cameras: all of one size, a multiple of 32.
    """

    def __init__(self, checkpoint: Path, bundle: Path, scene: Scene, cameras: Sequence[Camera]) -> None:
        self.checkpoint, self.bundle, self.cameras = checkpoint, bundle, cameras
        self.cpu = Segmenter(bundle, "cpu")
        self.scene = self.cpu.encode(scene)

    def with_backend(self, precision: Literal["fp16", "fp32"]) -> Labelling:
        """Labels of the CUDA backend.

        Raises:
            BackendError: it cannot be had.
        """
        segmenter = Segmenter(self.bundle, "cuda", precision=precision)
        return lambda camera: segmenter(self.scene, camera).labels

    def with_pytorch(self, precision: Literal["fp16", "fp32"]) -> Labelling:
        """Labels of our rasteriser around the network in PyTorch; FP32 means FP32, without TF32."""
        import torch

        from rtgs2_networks.checkpoint import load_checkpoint

        from .torch_frames import TorchFrame

        checkpoint = load_checkpoint(self.checkpoint)
        assert checkpoint.config.trained_on == "rgb"
        size = (self.cameras[0].width, self.cameras[0].height)
        storage: Literal["half", "float"] = "half" if precision == "fp16" else "float"
        drawing = Drawing(self.scene, size, channels=35, storage=storage)
        drawing.settle(self.cameras)
        frame = TorchFrame(drawing, checkpoint.build_fusion(), half=precision == "fp16")

        def labels(camera: Camera) -> np.ndarray[Any, Any]:
            allowed, torch.backends.cudnn.allow_tf32 = torch.backends.cudnn.allow_tf32, False
            try:
                frame(camera)
                return frame.on_host()
            finally:
                torch.backends.cudnn.allow_tf32 = allowed

        return labels

    def differences(self, labelling: Labelling) -> dict[str, float]:
        """Share of pixels whose label differs from the CPU's in FP32, and of those that are no near-ties."""
        differ = untied = pixels = 0
        for camera in self.cameras:
            probabilities = self.cpu.probabilities(self.scene, camera)
            expected, found = self.cpu(self.scene, camera).labels, labelling(camera)
            rows, columns = np.nonzero(found != expected)
            others = (probabilities[labels[rows, columns], rows, columns] for labels in (expected, found))
            differ += len(rows)
            untied += int(np.count_nonzero(np.abs(np.subtract(*others)) > NEAR_TIE))
            pixels += expected.size
        return {"labels": differ / pixels, "labels, near-ties apart": untied / pixels}


def labels(demo: Demo) -> dict[str, float | str]:
    """The differences in FP16 and FP32: of the CUDA backend if it can be had, else with PyTorch as the engine.

    Raises:
        BackendError: neither can be had.
    """
    found: dict[str, float | str] = {}
    precision: Literal["fp16", "fp32"]
    for precision in ("fp16", "fp32"):
        try:
            labelling, engine = demo.with_backend(precision), "ONNX Runtime"
        except BackendError as error:
            try:
                labelling, engine = demo.with_pytorch(precision), "PyTorch"
            except ImportError as missing:
                raise BackendError(f"{error}; and {missing}") from error
        found |= {f"{name} ({precision})": share for name, share in demo.differences(labelling).items()}
        found[f"engine ({precision})"] = engine
    return found
