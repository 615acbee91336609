"""Types of the CUDA core, which only some builds have; see ``csrc/bindings/cuda`` and :mod:`rtgs2_trt.cuda`."""

from typing import Literal

import numpy as np
import numpy.typing as npt

_Float32 = npt.NDArray[np.float32]

class CudaError(RuntimeError): ...
class CudaMemoryError(MemoryError): ...

class Scene:
    def __init__(
        self,
        means: _Float32,
        scales: _Float32,
        rotations: _Float32,
        opacities: _Float32,
        sh: _Float32,
        features: _Float32,
        storage: Literal["half", "float"],
    ) -> None: ...
    def set_features(self, features: _Float32) -> None: ...
    def set_device_features(self, features: int, channels: int) -> None: ...
    @property
    def count(self) -> int: ...
    @property
    def channels(self) -> int: ...
    @property
    def features_are_finite(self) -> bool: ...
    @property
    def bytes(self) -> int: ...

class Rasterizer:
    def __init__(
        self,
        scene: Scene,
        width: int,
        height: int,
        rgb: int,
        features: int,
        alpha: int,
        depth: int,
        layout: Literal["planar", "channels_last"],
        dtype: Literal["float32", "float16"],
        blend: Literal["best", "plain", "tensor_cores"],
    ) -> None: ...
    def set_view(
        self,
        width: int,
        height: int,
        fx: float,
        fy: float,
        cx: float,
        cy: float,
        world_to_camera: npt.NDArray[np.float64],
        background: tuple[float, float, float],
        stream: int,
    ) -> None: ...
    def enqueue(self, stream: int) -> None: ...
    def launch(self, stream: int) -> None: ...
    def grow(self) -> bool: ...
    def tighten(self) -> bool: ...
    def needs(self) -> tuple[int, int]: ...
    def capacities(self) -> tuple[int, int]: ...
    @property
    def bytes(self) -> int: ...

class Memory:
    def __init__(self, bytes: int) -> None: ...
    @property
    def address(self) -> int: ...
    def write(self, values: npt.NDArray[np.uint8]) -> None: ...
    def read(self) -> npt.NDArray[np.uint8]: ...

class Stream:
    def __init__(self) -> None: ...
    @property
    def address(self) -> int: ...
    def wait(self) -> None: ...

def problem() -> str | None: ...
def device() -> dict[str, object]: ...
def upsample_argmax(
    logits: int,
    half: bool,
    classes: int,
    rows: int,
    columns: int,
    height: int,
    width: int,
    labels: int,
    confidence: int,
    stream: int,
) -> None: ...
