"""Frames drawn and labels found on the GPU, brought back as arrays; for tests only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rasterizer_scenes import Gaussians
from rtgs2_trt.camera import Camera
from rtgs2_trt.cuda import cuda_problem
from rtgs2_trt.rasterize import Rendering

PROBLEM = cuda_problem()
if PROBLEM is None:
    from rtgs2_trt import _cuda


class DeviceArray:
    """An array in device memory that starts as NaN (or 255 in every byte), so that what is not written shows."""

    def __init__(self, shape: tuple[int, ...], dtype: type) -> None:
        self.shape, self.dtype = shape, dtype
        self.memory = _cuda.Memory(int(np.prod(shape)) * np.dtype(dtype).itemsize)
        self.memory.write(np.full(int(np.prod(shape)) * np.dtype(dtype).itemsize, 255, np.uint8))

    @classmethod
    def of(cls, values: NDArray[Any]) -> DeviceArray:
        array = cls(values.shape, values.dtype.type)
        array.memory.write(np.ascontiguousarray(values).reshape(-1).view(np.uint8))
        return array

    @property
    def address(self) -> int:
        return self.memory.address

    def read(self) -> NDArray[Any]:
        return self.memory.read().view(self.dtype).reshape(self.shape)


class Frames:
    """A scene on the GPU and the images that it is drawn into."""

    def __init__(
        self,
        scene: Gaussians,
        camera: Camera,
        *,
        storage: Literal["half", "float"] = "float",
        layout: Literal["planar", "channels_last"] = "planar",
        dtype: Literal["float32", "float16"] = "float32",
        blend: Literal["best", "plain", "tensor_cores"] = "best",
    ) -> None:
        count = len(scene.means)
        features = np.zeros((count, 0), np.float32) if scene.features is None else scene.features
        arrays = (scene.means, scene.scales, scene.rotations, scene.opacities, scene.sh, features)
        self.scene = _cuda.Scene(*(np.ascontiguousarray(values, np.float32) for values in arrays), storage=storage)
        self.stream = _cuda.Stream()
        self.camera, self.layout = camera, layout
        size = (camera.height, camera.width)
        value = np.float16 if dtype == "float16" else np.float32

        def image(channels: int) -> DeviceArray:
            return DeviceArray((channels, *size) if layout == "planar" else (*size, channels), value)

        self.rgb, self.features = image(3), image(self.scene.channels)
        self.alpha, self.depth = DeviceArray(size, np.float32), DeviceArray(size, np.float32)
        addresses = [array.address for array in (self.rgb, self.features, self.alpha, self.depth)]
        self.rasterizer = _cuda.Rasterizer(self.scene, camera.width, camera.height, *addresses, layout, dtype, blend)

    def set_view(self, camera: Camera, background: Sequence[float] = (0.0, 0.0, 0.0)) -> None:
        red, green, blue = background
        self.rasterizer.set_view(
            camera.width,
            camera.height,
            camera.fx,
            camera.fy,
            camera.cx,
            camera.cy,
            camera.world_to_camera,
            (red, green, blue),
            self.stream.address,
        )

    def draw(
        self, camera: Camera | None = None, background: Sequence[float] = (0.0, 0.0, 0.0), *, graph: bool = False
    ) -> Rendering:
        """Draw until it fits."""
        self.set_view(self.camera if camera is None else camera, background)
        while True:
            run = self.rasterizer.launch if graph else self.rasterizer.enqueue
            run(self.stream.address)
            self.stream.wait()
            if not self.rasterizer.grow():
                return self.read()

    def read(self) -> Rendering:
        rgb, features = (image.read().astype(np.float32) for image in (self.rgb, self.features))
        if self.layout == "channels_last":
            rgb, features = np.moveaxis(rgb, -1, 0), np.moveaxis(features, -1, 0)
        return Rendering(rgb, features, self.alpha.read(), self.depth.read())


def label_on_gpu(
    logits: NDArray[Any], height: int, width: int
) -> tuple[NDArray[np.uint8] | NDArray[np.uint16], NDArray[np.float32]]:
    """Labels and confidence of float32 or float16 logits (C, h, w)."""
    classes, rows, columns = logits.shape
    values, stream = DeviceArray.of(logits), _cuda.Stream()
    labels = DeviceArray((height, width), np.uint8 if classes <= 255 else np.uint16)
    confidence = DeviceArray((height, width), np.float32)
    half = logits.dtype == np.float16
    _cuda.upsample_argmax(
        values.address,
        half,
        classes,
        rows,
        columns,
        height,
        width,
        labels.address,
        confidence.address,
        stream.address,
    )
    stream.wait()
    return labels.read(), confidence.read()
