"""The interface between the Segmenter and what computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from ..camera import Camera
from ..geometry_plan import GeometryPlan
from ..scene import Scene

Precision = Literal["fp32", "fp16", "bf16"]
PrecisionChoice = Literal["auto", "fp32", "fp16", "bf16"]


@dataclass(frozen=True)
class FrameRequest:
    """What a frame should bring besides labels.

    Attributes:
        confidence: softmax probability of each label.
        output: the fusion network's output, at a quarter of the padded size.
        rgb: the rendered colour.
        alpha: the coverage.
        depth: the alpha-weighted sum of z.
    """

    confidence: bool = False
    output: bool = False
    rgb: bool = False
    alpha: bool = False
    depth: bool = False


@dataclass(frozen=True)
class Frame:
    """One view of a backend, H x W pixels. What was not asked for is None.

    Attributes:
        labels: (H, W) uint8 (up to 255 classes) or uint16 class indices; None from a bundle that predicts depth.
        depth_prediction: (H, W) float32 metres from a bundle that predicts depth, else None.
        confidence: (H, W) float32.
        output: (C, h / 4, w / 4) float32 of the padded view, logits or depth.
        rgb: (3, H, W) float32, not limited to 1.
        alpha: (H, W) float32, sum of the splatting weights w.
        depth: (H, W) float32, sum of w z.
        seconds: time of each stage.
    """

    labels: npt.NDArray[Any] | None
    depth_prediction: npt.NDArray[np.float32] | None
    confidence: npt.NDArray[np.float32] | None
    output: npt.NDArray[np.float32] | None
    rgb: npt.NDArray[np.float32] | None
    alpha: npt.NDArray[np.float32] | None
    depth: npt.NDArray[np.float32] | None
    seconds: Mapping[str, float]


class Backend(Protocol):
    """Runs the two networks of one bundle. All methods may be called from several threads.

    Attributes:
        name: what :func:`create_backend` calls it.
        precision: arithmetic of the fusion network.
        golden: file of the bundle with a golden input of a size that it runs.
        encoder_precision: arithmetic of the encoder.
    """

    name: str
    precision: Precision
    golden: str
    encoder_precision: Precision

    def encode(self, plan: GeometryPlan, inputs: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return the features (voxels, D) of the voxels' representatives, whose inputs (voxels, 10) are given."""

    def frames(self, scene: Scene, cameras: Sequence[Camera], request: FrameRequest) -> list[Frame]:
        """Label views of an encoded scene, or predict their depth: what the bundle is for."""
