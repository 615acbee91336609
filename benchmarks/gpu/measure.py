"""Times on the GPU: the rasteriser alone by CUDA events, frames of the CUDA backend, the encoder."""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from rtgs2_trt import BackendError, Bundle, Camera, Scene, Segmenter
from rtgs2_trt.backends import create_backend
from rtgs2_trt.backends.cuda import EncoderOnCpuWarning
from rtgs2_trt.backends.cuda_views import TYPICAL_FRAMES
from rtgs2_trt.cuda import DeviceArray
from rtgs2_trt.encoder_inputs import encoder_inputs
from rtgs2_trt.self_check import relative_difference

WARM_UP = 8


def core() -> Any:
    """The CUDA core, where there is one."""
    from rtgs2_trt import _cuda

    return _cuda


class Drawing:
    """A scene drawn by our rasteriser into images of one size, through its CUDA graph.

    `channels` 3 draws colour alone, 35 colour and 32 features; `blend` as of the core; `storage` of the features, and
    the type of the images with it.
    """

    def __init__(
        self,
        scene: Scene,
        size: tuple[int, int],
        *,
        channels: int,
        blend: str = "best",
        storage: Literal["half", "float"] = "half",
    ) -> None:
        cuda, (width, height) = core(), size
        assert scene.features is not None
        features = scene.features if channels > 3 else np.zeros((len(scene), 0), np.float32)
        self.stream = cuda.Stream()
        arrays = (scene.means, scene.scales, scene.rotations, scene.opacities, scene.sh, features)
        self.scene = cuda.Scene(*arrays, storage)
        value = np.float16 if storage == "half" else np.float32

        def image(count: int, dtype: type) -> DeviceArray:
            return DeviceArray.empty((1, count, height, width), dtype, stream=self.stream.address)

        self.rgb, self.features = image(3, value), image(features.shape[1], value)
        self.alpha, self.depth = image(1, np.float32), image(1, np.float32)
        places = [array.address for array in (self.rgb, self.features, self.alpha, self.depth)]
        if channels == 3:
            places[1] = 0
        self.rasterizer = cuda.Rasterizer(self.scene, width, height, *places, "planar", np.dtype(value).name, blend)

    def set_view(self, camera: Camera) -> None:
        """The view of what is enqueued from here on."""
        pose = camera.world_to_camera
        view = (camera.width, camera.height, camera.fx, camera.fy, camera.cx, camera.cy, pose, (0.0, 0.0, 0.0))
        self.rasterizer.set_view(*view, self.stream.address)

    def enqueue(self, camera: Camera) -> None:
        """Put a frame on the stream."""
        self.set_view(camera)
        self.rasterizer.launch(self.stream.address)

    def settle(self, cameras: Sequence[Camera]) -> None:
        """Draw all views until they fit, and give back what none of them needed."""
        while True:
            for camera in cameras:
                self.enqueue(camera)
            self.stream.wait()
            if not self.rasterizer.grow():
                break
        if self.rasterizer.tighten():
            self.settle(cameras)


def milliseconds(
    frames: dict[str, Callable[[Camera], None]],
    streams: dict[str, int],
    cameras: Sequence[Camera],
    runs: int,
) -> dict[str, dict[str, float]]:
    """Median and 90th percentile of each frame's time on the GPU; the frames take turns, view by view."""
    cuda = core()
    times: dict[str, list[float]] = {name: [] for name in frames}
    first, last = cuda.Event(), cuda.Event()
    for run in range(WARM_UP + runs):
        camera = cameras[run % len(cameras)]
        for name, frame in frames.items():
            first.record(streams[name])
            frame(camera)
            last.record(streams[name])
            last.wait()
            if run >= WARM_UP:
                times[name].append(1000 * last.seconds_since(first))
    return {
        name: {"median": statistics.median(t), "p90": float(np.percentile(t, 90)), "runs": len(t)}
        for name, t in times.items()
    }


def settle(segmenter: Segmenter, scene: Scene, cameras: Sequence[Camera]) -> None:
    """Draw until the backend's rasteriser has taken and given back memory, which the next call after so many does."""
    for _ in range(-(-TYPICAL_FRAMES // len(cameras)) + 1):
        segmenter.batch(scene, cameras)


def frame_seconds(segmenter: Segmenter, scene: Scene, cameras: Sequence[Camera], runs: int) -> dict[str, Any]:
    """Stages of a frame, medians of single views; and frames a second of a batch, by the host's clock."""
    free = int(core().device()["free_memory"])  # context and weights are there, the scene and the frame are not
    settle(segmenter, scene, cameras)
    taken = free - int(core().device()["free_memory"])
    singles = [segmenter(scene, cameras[run % len(cameras)]).seconds for run in range(runs)]
    begin = time.perf_counter()
    count = 0
    while count < runs:
        count += len(segmenter.batch(scene, cameras))
    return {
        "seconds": {stage: statistics.median(s[stage] for s in singles) for stage in singles[0]},
        "frames_per_second": count / (time.perf_counter() - begin),
        "scene_memory": scene_bytes(scene),
        "frame_memory": taken - scene_bytes(scene),
    }


def scene_bytes(scene: Scene) -> int:
    """Bytes of a scene in GPU memory, features in FP16."""
    assert scene.features is not None
    cuda = core()
    arrays = (scene.means, scene.scales, scene.rotations, scene.opacities, scene.sh, scene.features)
    return int(cuda.Scene(*arrays, "half").bytes)


def encoder(bundle: Path, scene: Scene, runs: int, precision: Literal["fp16", "fp32"]) -> dict[str, Any]:
    """Milliseconds of the encoder without its plan, by the host's clock, and how far it is from the CPU's in FP32.

    Raises:
        BackendError: the GPU cannot run it.
    """
    backend = create_backend("cuda", Bundle(bundle), 0, precision)
    plan = Bundle(bundle).manifest.encoder.build_plan(scene)
    inputs = np.ascontiguousarray(encoder_inputs(scene)[plan.representatives])
    times = []
    for run in range(runs + 2):
        begin = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("error", EncoderOnCpuWarning)
            try:
                features = backend.encode(plan, inputs)
            except EncoderOnCpuWarning as error:
                raise BackendError(str(error)) from error
        if run >= 2:
            times.append(1000 * (time.perf_counter() - begin))
    expected = create_backend("cpu", Bundle(bundle), 0, "fp32").encode(plan, inputs)
    return {
        "milliseconds": {"median": statistics.median(times), "p90": float(np.percentile(times, 90)), "runs": runs},
        "voxels": len(inputs),
        "difference": relative_difference(features, expected),
    }
