"""Whole frames with the fusion network in PyTorch: ours around it, and the research code's way."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

from rtgs2_trt import Camera
from rtgs2_trt.backends.cuda_views import HostResults, Moments
from rtgs2_trt.cuda import DeviceArray

from .measure import WARM_UP, Drawing, core
from .peers import NotMeasuredError

STAGES = ("rasterize", "fuse", "argmax", "copy")


def full_size_network(classes: int) -> Any:
    """The full-size fusion network with random weights."""
    from rtgs2_networks.config import preset
    from rtgs2_networks.fusion import FusionNetwork

    return FusionNetwork(preset("rtgs2", classes).fusion)


class TorchFrame:
    """Our rasteriser and labels around a fusion network in PyTorch: where ONNX Runtime has no CUDA.

    All is enqueued on the drawing's stream, labels to pinned memory included, and nothing is waited for.

    Args:
        drawing: what draws; its memory must suffice for all views, which :meth:`Drawing.settle` sees to.
        network: takes `image` (1, 3, H, W) in RGB and `features`, gives logits (1, C, H / 4, W / 4).
        half: compute in FP16.

    Attributes:
        labels: (H, W) uint8 in GPU memory.
    """

    def __init__(self, drawing: Drawing, network: Any, *, half: bool = True) -> None:
        import torch

        self.torch, self.drawing = torch, drawing
        self._dtype = torch.float16 if half else torch.float32
        self._on_gpu = torch.cuda.is_available()
        self.network = network.eval().to("cuda" if self._on_gpu else "cpu", self._dtype)
        self._stream: int = drawing.stream.address
        # The images are the same memory in every frame, and PyTorch reads them in the stream that fills them.
        self._ours = torch.cuda.ExternalStream(self._stream) if self._on_gpu else None
        with self._on_our_stream():
            self._image, self._features = (torch.from_dlpack(image) for image in (drawing.rgb, drawing.features))
        self._height, self._width = drawing.rgb.shape[-2:]
        self.labels = DeviceArray.empty((self._height, self._width), np.uint8, stream=self._stream)
        self._results, self._moments = HostResults(core()), Moments(core())
        self._results.lay_out({"labels": (self.labels.shape, self.labels.dtype)})
        self._logits: Any = None
        self._recorded: Any = None

    def __call__(self, camera: Camera) -> None:
        self.drawing.set_view(camera)
        if self._recorded is None:
            self._enqueue(self.drawing.rasterizer.launch)
        else:
            with self._on_our_stream():
                self._recorded.replay()

    def on_host(self) -> np.ndarray[Any, Any]:
        """(H, W) labels of the last frame, which is waited for."""
        self.drawing.stream.wait()
        return self._results.take("labels")

    def seconds(self, cameras: Sequence[Camera], runs: int) -> dict[str, float]:
        """Medians of the stages of frames that are not recorded."""
        times = []
        for run in range(WARM_UP + runs):
            self.drawing.set_view(cameras[run % len(cameras)])
            self._enqueue(self.drawing.rasterizer.launch, self._moments)
            self._moments.events[len(STAGES)].wait()
            times.append(self._moments.seconds(STAGES))
        return {stage: statistics.median(t[stage] for t in times[WARM_UP:]) for stage in STAGES}

    def record(self, camera: Camera) -> None:
        """Record all but the view as one CUDA graph, and draw through it from here on.

        Raises:
            NotMeasuredError: PyTorch cannot, or the graph gives other labels than the frame that it recorded.
        """
        torch = self.torch
        if self._ours is None:
            raise NotMeasuredError("PyTorch has no CUDA here")
        for _ in range(3):  # libraries prepare themselves, which could not be recorded
            self(camera)
        expected = self.on_host()
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph, stream=self._ours, capture_error_mode="thread_local"):
                self._enqueue(self.drawing.rasterizer.enqueue)
        except RuntimeError as error:
            raise NotMeasuredError(f"PyTorch could not record it: {error}") from error
        self._recorded = graph
        self(camera)
        differ = float((self.on_host() != expected).mean())
        if differ > 1e-3:
            self._recorded = None
            raise NotMeasuredError(f"{differ:.2%} of the recorded frame's labels are others")

    def _enqueue(self, draw: Callable[[int], None], moments: Moments | None = None) -> None:
        torch, stream, cuda = self.torch, self._stream, core()

        def moment(place: int) -> None:
            if moments is not None:
                moments.record(place, stream)

        moment(0)
        draw(stream)
        moment(1)
        with self._on_our_stream(), torch.inference_mode():
            image = self._image.to(self._dtype).clamp(0, 1)
            # held until the next frame, so that nobody is given the memory that is read below
            logits = self._logits = self.network(image, self._features.to(self._dtype)).contiguous()
        moment(2)
        _, classes, rows, columns = logits.shape
        half = logits.dtype == torch.float16
        size = (self._height, self._width)
        cuda.upsample_argmax(logits.data_ptr(), half, classes, rows, columns, *size, self.labels.address, 0, stream)
        moment(3)
        self._results.fetch("labels", self.labels, stream)
        moment(4)

    def _on_our_stream(self) -> Any:
        return nullcontext() if self._ours is None else self.torch.cuda.stream(self._ours)


class ResearchFrame:
    """The research code's way: another rasteriser's colour, the network in PyTorch as it comes, labels by PyTorch.

    Its rasteriser draws the features too. Where only the one for colour is at hand, constant ones stand in, so that the
    whole is faster than the research code.
    """

    def __init__(self, draw: Callable[[Camera], Any], network: Any, size: tuple[int, int]) -> None:
        import torch

        self.torch, self.draw = torch, draw
        device = "cuda" if torch.cuda.is_available() else "cpu"
        self.network = network.eval().to(device)
        self.features = torch.randn(1, 32, size[1], size[0], device=device)

    def __call__(self, camera: Camera) -> Any:
        torch = self.torch
        with torch.inference_mode():
            logits = self.network(self.draw(camera)[None].clamp(0, 1), self.features)
            size = (camera.height, camera.width)
            return torch.nn.functional.interpolate(logits, size, mode="bilinear", align_corners=False).argmax(1)[0]
