"""The GPU memory that views are drawn and labelled in: allocated once, for a scene and an image size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from ..camera import Camera
from ..cuda import DeviceArray
from ..scene import Scene

if TYPE_CHECKING:
    from .. import _cuda

MOST_BYTE_CLASSES = 255  # of labels in one byte; the 256th value is "unknown"
TYPICAL_FRAMES = 30  # after which the next call gives back memory that none of them needed


class DeviceScene:
    """A scene's Gaussians in GPU memory."""

    def __init__(self, core: Any, scene: Scene, half: bool) -> None:
        features = np.zeros((len(scene), 0), np.float32) if scene.features is None else scene.features
        self.gaussians: _cuda.Scene = core.Scene(
            scene.means,
            scene.scales,
            scene.rotations,
            scene.opacities,
            scene.sh,
            features,
            "half" if half else "float",
        )


class ViewRasterizer:
    """Draws one scene into the images of one size."""

    def __init__(self, core: Any, scene: DeviceScene, images: ViewImages) -> None:
        self.core: _cuda.Rasterizer = core.Rasterizer(
            scene.gaussians,
            images.width,
            images.height,
            images.rgb.address,
            images.features.address,
            images.alpha.address,
            images.depth.address,
            "planar",
            "float16" if images.rgb.dtype == np.float16 else "float32",
            "best",
        )
        self._frames, self._settled = 0, False

    def enqueue(self, camera: Camera, stream: int) -> None:
        """Put a frame on the stream, through the rasteriser's CUDA graph."""
        self.core.set_view(
            camera.width,
            camera.height,
            camera.fx,
            camera.fy,
            camera.cx,
            camera.cy,
            camera.world_to_camera,
            (0.0, 0.0, 0.0),
            stream,
        )
        self.core.launch(stream)
        self._frames += 1

    def overflowed(self) -> bool:
        """Whether a frame that has been waited for, or one after it, did not fit."""
        needs, capacities = self.core.needs(), self.core.capacities()
        return any(need > capacity for need, capacity in zip(needs, capacities, strict=True))

    def settle(self) -> None:
        """Give back memory, once, when typical frames have been drawn; nothing may be running."""
        if not self._settled and self._frames >= TYPICAL_FRAMES:
            self._settled = True
            self.core.tighten()


class ViewImages:
    """What a frame of one padded size is drawn into and computed from.

    Attributes:
        rgb: (1, 3, H, W) float16 or float32, as the fusion graph takes it.
        features: (1, D, H, W), the same type.
        alpha: (H, W) float32.
        depth: (H, W) float32, sum of w z.
        output: (1, C, H / 4, W / 4), logits or depth.
        labels: (H, W) bytes or 16 bits; a cropped view fills the first of them.
        confidence: (H, W) float32.
        rasterizers: of the scenes that were drawn at this size.
        binding: of the fusion graph to these arrays.
    """

    def __init__(
        self, width: int, height: int, channels: int, outputs: int, dtype: type, output_dtype: type, stream: int
    ) -> None:
        def array(shape: tuple[int, ...], dtype: type) -> DeviceArray:
            return DeviceArray.empty(shape, dtype, stream=stream)

        self.width, self.height = width, height
        self.rgb = array((1, 3, height, width), dtype)
        self.features = array((1, channels, height, width), dtype)
        self.alpha, self.depth = array((height, width), np.float32), array((height, width), np.float32)
        self.output = array((1, outputs, height // 4, width // 4), output_dtype)
        self.labels = array((height, width), np.uint8 if outputs <= MOST_BYTE_CLASSES else np.uint16)
        self.confidence = array((height, width), np.float32)
        self.rasterizers: WeakKeyDictionary[Scene, ViewRasterizer] = WeakKeyDictionary()
        self.binding: object = None


class HostResults:
    """One pinned buffer that a frame's results reach the host in."""

    def __init__(self, core: Any) -> None:
        self._core = core
        self._memory: Any = None
        self._places: dict[str, tuple[int, tuple[int, ...], np.dtype[Any]]] = {}

    def lay_out(self, shapes: Mapping[str, tuple[tuple[int, ...], np.dtype[Any]]]) -> None:
        """Make room for arrays of these shapes and types; what was there is lost."""
        end, self._places = 0, {}
        for name, (shape, dtype) in shapes.items():
            self._places[name] = (end, shape, dtype)
            end += -(-int(np.prod(shape)) * dtype.itemsize // 256) * 256
        if self._memory is None or end > len(self._memory.view()):
            self._memory = None  # the old memory goes first
            self._memory = self._core.PinnedMemory(end)

    def address(self, name: str) -> int:
        """Address of an array, in the GPU's address space too."""
        return int(self._memory.address) + self._places[name][0]

    def fetch(self, name: str, source: DeviceArray, stream: int) -> None:
        """Enqueue the copy of the upper left part of images (..., H, W) that fits the array `name` (..., h, w)."""
        _, shape, _ = self._places[name]
        copy_cropped(self._core, source, self.address(name), shape, stream)

    def take(self, name: str, dtype: npt.DTypeLike | None = None) -> npt.NDArray[Any]:
        """Return a copy of an array that has come."""
        begin, shape, stored = self._places[name]
        count = int(np.prod(shape))
        values = self._memory.view()[begin : begin + count * stored.itemsize].view(stored).reshape(shape)
        return np.array(values, dtype=dtype)


def copy_cropped(core: Any, source: DeviceArray, to: int, shape: tuple[int, ...], stream: int) -> None:
    """Enqueue the copy of the upper left part (..., h, w) of images (..., H, W) to the address `to`."""
    *planes, height, width = shape
    value, (rows, columns) = source.dtype.itemsize, source.shape[-2:]
    for plane in range(int(np.prod(planes, dtype=np.int64))):
        core.copy_rows(
            to + plane * height * width * value,
            width * value,
            source.address + plane * rows * columns * value,
            columns * value,
            width * value,
            height,
            stream,
        )


@dataclass
class Moments:
    """Events between a frame's stages."""

    core: Any
    events: list[Any] = field(init=False)

    def __post_init__(self) -> None:
        self.events = [self.core.Event() for _ in range(5)]

    def record(self, place: int, stream: int) -> None:
        """Record the moment before stage `place`."""
        self.events[place].record(stream)

    def seconds(self, names: tuple[str, ...]) -> dict[str, float]:
        """Time of each stage, all of which have come."""
        pairs = zip(names, self.events, self.events[1:], strict=False)
        return {name: later.seconds_since(earlier) for name, earlier, later in pairs}
