"""Times on the GPU, by CUDA events: the rasteriser alone, and frames with ONNX Runtime or PyTorch as the engine."""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Literal

import numpy as np

from rtgs2_trt import BackendError, Bundle, Camera, Scene, Segmenter, rasterize, upsample_argmax
from rtgs2_trt.backends import create_backend
from rtgs2_trt.backends.cuda import EncoderOnCpuWarning
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

    `channels` 3 draws colour alone, 35 colour and 32 features; `blend` as of the core.
    """

    def __init__(self, scene: Scene, size: tuple[int, int], *, channels: int, blend: str = "best") -> None:
        cuda, (width, height) = core(), size
        assert scene.features is not None
        features = scene.features if channels > 3 else np.zeros((len(scene), 0), np.float32)
        self.stream = cuda.Stream()
        arrays = (scene.means, scene.scales, scene.rotations, scene.opacities, scene.sh, features)
        self.scene = cuda.Scene(*arrays, "half")

        def image(count: int, dtype: type) -> DeviceArray:
            return DeviceArray.empty((1, count, height, width), dtype, stream=self.stream.address)

        self.rgb, self.features = image(3, np.float16), image(features.shape[1], np.float16)
        self.alpha, self.depth = image(1, np.float32), image(1, np.float32)
        places = [array.address for array in (self.rgb, self.features, self.alpha, self.depth)]
        if channels == 3:
            places[1] = 0
        self.rasterizer = cuda.Rasterizer(self.scene, width, height, *places, "planar", "float16", blend)

    def enqueue(self, camera: Camera) -> None:
        pose = camera.world_to_camera
        view = (camera.width, camera.height, camera.fx, camera.fy, camera.cx, camera.cy, pose, (0.0, 0.0, 0.0))
        self.rasterizer.set_view(*view, self.stream.address)
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


def frame_seconds(segmenter: Segmenter, scene: Scene, cameras: Sequence[Camera], runs: int) -> dict[str, Any]:
    """Stages of a frame, medians of single views; and frames a second of a batch, by the host's clock."""
    free = int(core().device()["free_memory"])  # context and weights are there, the scene and the frame are not
    for _ in range(max(2, 32 // len(cameras))):  # as many as the rasteriser needs to settle
        segmenter.batch(scene, cameras)
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


class TorchFrame:
    """Our rasteriser and labels around the fusion network in PyTorch: where ONNX Runtime has no CUDA."""

    def __init__(self, drawing: Drawing, classes: int, *, half: bool = True) -> None:
        import torch

        from rtgs2_networks.config import preset
        from rtgs2_networks.fusion import FusionNetwork

        self.torch, self.drawing = torch, drawing
        dtype = torch.float16 if half else torch.float32
        device = "cuda" if torch.cuda.is_available() else "cpu"
        self.network = FusionNetwork(preset("rtgs2", classes).fusion).eval().to(device, dtype)
        self.dtype = dtype
        height, width = drawing.rgb.shape[-2:]
        self.labels = DeviceArray.empty((height, width), np.uint8, stream=drawing.stream.address)
        self.classes = classes

    def __call__(self, camera: Camera) -> None:
        torch, drawing = self.torch, self.drawing
        stream = drawing.stream.address
        drawing.enqueue(camera)
        on_ours = torch.cuda.stream(torch.cuda.ExternalStream(stream)) if torch.cuda.is_available() else nullcontext()
        with on_ours, torch.inference_mode():
            image = torch.from_dlpack(drawing.rgb).to(self.dtype).clamp(0, 1)
            logits = self.network(image, torch.from_dlpack(drawing.features).to(self.dtype)).contiguous()
        _, classes, rows, columns = logits.shape
        size = (camera.height, camera.width)
        half = logits.dtype == torch.float16
        place = (logits.data_ptr(), half, classes, rows, columns, *size, self.labels.address, 0, stream)
        core().upsample_argmax(*place)


class ResearchFrame:
    """The research code's way: another rasteriser's colour, the network in PyTorch as it comes, labels by PyTorch.

    Its rasteriser draws the features too. Where only the one for colour is at hand, constant ones stand in, so that the
    whole is faster than the research code.
    """

    def __init__(self, draw: Callable[[Camera], Any], classes: int, size: tuple[int, int]) -> None:
        import torch

        from rtgs2_networks.config import preset
        from rtgs2_networks.fusion import FusionNetwork

        self.torch, self.draw = torch, draw
        device = "cuda" if torch.cuda.is_available() else "cpu"
        self.network = FusionNetwork(preset("rtgs2", classes).fusion).eval().to(device)
        self.features = torch.randn(1, 32, size[1], size[0], device=device)

    def __call__(self, camera: Camera) -> Any:
        torch = self.torch
        with torch.inference_mode():
            logits = self.network(self.draw(camera)[None].clamp(0, 1), self.features)
            size = (camera.height, camera.width)
            return torch.nn.functional.interpolate(logits, size, mode="bilinear", align_corners=False).argmax(1)[0]


def agreement(scene: Scene, camera: Camera) -> dict[str, float]:
    """Largest differences of our GPU rasteriser from the CPU's, as parts of each channel's largest value."""
    drawing = Drawing(scene, (camera.width, camera.height), channels=35)
    drawing.settle([camera])
    assert scene.features is not None
    halves = scene.with_features(scene.features.astype(np.float16), scene.features_encoder)
    expected = rasterize(halves, camera)
    result = {}
    for name in ("rgb", "features", "alpha", "depth"):
        found = getattr(drawing, name).numpy()[0].astype(np.float32)
        wanted = getattr(expected, name).reshape(found.shape)
        result[name] = float(np.abs(found - wanted).max() / np.abs(wanted).max())
    return result


def label_agreement(classes: int, size: tuple[int, int]) -> float:
    """Share of equal labels of smooth random logits on GPU and CPU."""
    width, height = size
    rng = np.random.default_rng(0)
    logits = rng.standard_normal((classes, height // 4, width // 4)).astype(np.float32)
    cuda = core()
    stream = cuda.Stream()
    memory = cuda.Memory(logits.nbytes)
    memory.write(logits.reshape(-1).view(np.uint8))
    labels = DeviceArray.empty((height, width), np.uint8, stream=stream.address)
    place = (memory.address, False, classes, height // 4, width // 4, height, width, labels.address, 0, stream.address)
    cuda.upsample_argmax(*place)
    expected, _ = upsample_argmax(logits, height, width)
    return float((labels.numpy() == expected).mean())
