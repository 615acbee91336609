"""Results of a frame that stay in GPU memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ..cuda import DeviceArray
from ..errors import InputError
from ._protocol import FrameRequest


@dataclass(frozen=True)
class DeviceFrame:
    """One view whose results stay in GPU memory. What was not asked for is None.

    Attributes:
        labels: (H, W) uint8 or uint16.
        confidence: (H, W) float32.
        rgb: (3, H, W) float16 or float32, as the fusion graph takes it; not limited to 1.
        alpha: (H, W) float32.
    """

    labels: DeviceArray
    confidence: DeviceArray | None
    rgb: DeviceArray | None
    alpha: DeviceArray | None


class _Stream(Protocol):
    """A CUDA stream, as the core has it."""

    @property
    def address(self) -> int: ...


def device_results(
    size: tuple[int, int],
    labels: npt.DTypeLike,
    rgb: npt.DTypeLike,
    request: FrameRequest,
    into: DeviceFrame | None,
    stream: _Stream,
) -> DeviceFrame:
    """Return arrays for what `request` asks of a view of `size` (height, width): new ones, or those of `into`.

    New ones keep `stream`, in which their readers wait, whatever becomes of the backend.

    Raises:
        InputError: `into` does not fit, or is another backend's.
        BackendError: not enough GPU memory.
    """
    wanted = {
        "labels": (size, np.dtype(labels)),
        "confidence": (size, np.dtype(np.float32)) if request.confidence else None,
        "rgb": ((3, *size), np.dtype(rgb)) if request.rgb else None,
        "alpha": (size, np.dtype(np.float32)) if request.alpha else None,
    }
    if into is None:
        return DeviceFrame(
            **{
                name: None if kind is None else DeviceArray.empty(*kind, stream=stream.address, keeps=stream)  # type: ignore[arg-type]
                for name, kind in wanted.items()
            }
        )
    for name, kind in wanted.items():
        array = getattr(into, name)
        found = None if array is None else (array.shape, array.dtype)
        if found != kind:
            raise InputError(
                "does not fit this view",
                field=f"into.{name}",
                found=found,
                expected=kind,
                fix="Give an earlier result of the same size and request, or none",
            )
    if into.labels.stream != stream.address:
        raise InputError(
            "a result of another segmenter: whoever reads it would wait for that one's stream",
            field="into",
            fix="Give an earlier result of this segmenter, or none",
        )
    return into


def given_features(features: object, gaussians: int, channels: int, stream: int) -> DeviceArray:
    """Return features that another library holds in GPU memory, without a copy.

    Raises:
        InputError: not an array (`gaussians`, `channels`) of float32 in GPU memory.
    """
    array = DeviceArray.of(features, stream=stream, field="features")
    if array.shape != (gaussians, channels) or array.dtype != np.float32:
        raise InputError(
            "not the features of this scene",
            field="features",
            found=f"{array.dtype} {array.shape}",
            expected=f"float32 {(gaussians, channels)}",
            fix="Give a row for every Gaussian of the scene, as scene.features has it",
        )
    return array
