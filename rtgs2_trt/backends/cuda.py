"""The CUDA backend: the core's rasteriser and argmax, the networks through ONNX Runtime, all on one stream.

A frame is enqueued as a whole: rasteriser (a recorded CUDA graph) -> fusion graph (bound to the images that the
rasteriser fills) -> labels, and the copy of the results to one pinned buffer. Nothing is copied between stages and the
host waits once, for the end; then it looks whether the frame fitted into the rasteriser's memory, and if it did not,
draws it again with more. Of several views the next is enqueued before the host waits for the last.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from ..bundle import FUSION_FP16, GOLDEN, OUTPUT_NAMES, Bundle
from ..camera import Camera
from ..cuda import DeviceArray, cuda_problem
from ..errors import BackendError, SceneError
from ..geometry_plan import GeometryPlan
from ..scene import Scene
from ..tensorrt.frame_interface import MOST_CHANNELS
from ..threads import available_threads
from ..upsample import upsample
from ._protocol import Frame, FrameRequest, Precision, PrecisionChoice
from .cuda_engine import CudaNetwork
from .cuda_views import DeviceScene, HostResults, Moments, ViewImages, ViewRasterizer, copy_cropped
from .device_frame import DeviceFrame, device_results, given_features
from .encoder import Encoder, EncoderOnCpuWarning
from .graphs import check_interface, encoder_file, encoder_precision, fusion_file

__all__ = ["CudaBackend", "DeviceFrame", "EncoderOnCpuWarning"]

_SIZES_KEPT = 4
_IN_FLIGHT = 2
_TYPES = {"float16": np.float16, "float32": np.float32}


@dataclass
class _Pending:
    """A frame that was enqueued."""

    camera: Camera
    images: ViewImages
    rasterizer: ViewRasterizer
    results: HostResults
    moments: Moments


class CudaBackend:
    """Runs a bundle on the current GPU.

    Args:
        bundle: the opened bundle.
        threads: of the encoder, should it have to run on the CPU; 0 for all that this process may use.
        precision: arithmetic of the networks: ``"auto"`` is FP16 if the bundle has that fusion graph, else FP32. The
            encoder's FP16 graph is taken with it where the bundle has one.

    Attributes:
        stream: address of the CUDA stream that everything runs on.

    Raises:
        BackendError: no GPU that can be used, no ONNX Runtime for it, or a precision that cannot be had.
        BundleError: a graph cannot be used.
    """

    name = "cuda"
    golden = GOLDEN

    def __init__(self, bundle: Bundle, threads: int = 0, precision: PrecisionChoice = "auto") -> None:
        problem = cuda_problem()
        if problem is not None:
            raise BackendError(problem)
        channels = bundle.manifest.encoder.feature_channels
        if channels > MOST_CHANNELS:
            raise BackendError(
                f"the bundle has {channels} feature channels, a GPU's rasteriser {MOST_CHANNELS} at most: "
                "take backend 'cpu'"
            )
        from .. import _cuda

        self._bundle, self._core = bundle, _cuda
        self.precision: Precision = _precision(bundle, precision)
        self.encoder_precision: Precision = encoder_precision(bundle, self.precision)
        self._encoder_file, self._fusion_file = (
            encoder_file(bundle, self.precision),
            fusion_file(bundle, self.precision),
        )
        self._lock = threading.Lock()
        with self._failures():
            device = _cuda.device()
            self._stream = _cuda.Stream()
            self._host = [HostResults(_cuda) for _ in range(_IN_FLIGHT)]
            self._moments = [Moments(_cuda) for _ in range(_IN_FLIGHT)]
        self.stream: int = self._stream.address
        self._device = int(device["index"])
        self._maps_host_memory = bool(device["shares_host_memory"])
        encoder = self._encoder_file
        self._encoder = Encoder(bundle, threads or available_threads(), encoder, lambda: self._network(encoder))
        self._networks: dict[str, CudaNetwork] = {}
        self._scenes: WeakKeyDictionary[Scene, DeviceScene] = WeakKeyDictionary()
        self._images: OrderedDict[tuple[int, int], ViewImages] = OrderedDict()
        self._network(self._fusion_file)  # every frame needs it: what is missing or wrong is said at once

    def encode(self, plan: GeometryPlan, inputs: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """See :class:`Backend`. On the CPU and in FP32 if the GPU fails at it, for want of memory for example.

        Warns:
            EncoderOnCpuWarning: then.
        """
        with self._lock:
            return self._encoder.encode(plan, inputs)

    def frames(self, scene: Scene, cameras: Sequence[Camera], request: FrameRequest) -> list[Frame]:
        """See :class:`Backend`."""
        frames: list[Frame] = []
        pending: deque[_Pending] = deque()
        with self._lock, self._failures(), self._drained_after():
            for number, camera in enumerate(cameras):
                frame = self._prepared(scene, camera, number % _IN_FLIGHT, settle=not pending)
                self._enqueue(frame, request)
                pending.append(frame)
                if len(pending) == _IN_FLIGHT:
                    frames.append(self._finished(pending, request))
            while pending:
                frames.append(self._finished(pending, request))
        return frames

    def device_frame(
        self, scene: Scene, camera: Camera, request: FrameRequest, into: DeviceFrame | None = None
    ) -> DeviceFrame:
        """Label one view and leave the results in GPU memory; returns when the view is drawn, labels may be on the way.

        Args:
            scene: an encoded scene.
            camera: the view.
            request: what is wanted; of it confidence, rgb and alpha.
            into: an earlier result of the same size and request, whose memory is written again.

        Raises:
            InputError: `into` does not fit.
            BackendError: the GPU failed.
        """
        with self._lock, self._failures(), self._drained_after():
            frame = self._prepared(scene, camera, 0, settle=True)
            images, size = frame.images, (camera.height, camera.width)
            result = device_results(size, images.labels.dtype, images.rgb.dtype, request, into, self._stream)
            while True:
                self._draw_and_fuse(frame)
                self._label(frame, result.labels.address, result.confidence.address if result.confidence else 0)
                for source, target in ((frame.images.rgb, result.rgb), (frame.images.alpha, result.alpha)):
                    if target is not None:
                        copy_cropped(self._core, source, target.address, target.shape, self.stream)
                frame.moments.events[1].wait()
                if not self._grown(frame):
                    return result

    def set_features(self, scene: Scene, features: object) -> None:
        """Draw `scene` from now on with features (N, D) float32 that another library holds in GPU memory.

        They are copied within the GPU, and not to the host.

        Raises:
            InputError: not such an array.
            BackendError: the GPU failed.
        """
        channels = self._bundle.manifest.encoder.feature_channels
        with self._lock, self._failures():
            array = given_features(features, len(scene), channels, self.stream)
            self._stream.wait()  # until they are computed, and no frame runs
            self._on_device(scene).gaussians.set_device_features(array.address, channels)

    def _prepared(self, scene: Scene, camera: Camera, place: int, settle: bool) -> _Pending:
        padded = camera.padded(32)
        images = self._view_images(padded.width, padded.height)
        rasterizer = images.rasterizers.get(scene)
        if rasterizer is None:
            rasterizer = ViewRasterizer(self._core, self._on_device(scene), images)
            images.rasterizers[scene] = rasterizer
        elif settle:
            rasterizer.settle()
        return _Pending(camera, images, rasterizer, self._host[place], self._moments[place])

    def _enqueue(self, frame: _Pending, request: FrameRequest) -> None:
        images, results, camera = frame.images, frame.results, frame.camera
        size = (camera.height, camera.width)
        semantic = self._bundle.manifest.task == "semantic"
        wanted: dict[str, tuple[DeviceArray, tuple[int, ...]]] = {}
        if request.rgb:
            wanted["rgb"] = (images.rgb, (3, *size))
        if request.alpha:
            wanted["alpha"] = (images.alpha, size)
        if request.depth:
            wanted["depth"] = (images.depth, size)
        if request.output or not semantic:
            wanted["output"] = (images.output, images.output.shape[1:])
        labelled = {"labels": images.labels} if semantic else {}
        if semantic and request.confidence:
            labelled["confidence"] = images.confidence
        shapes = {name: (shape, source.dtype) for name, (source, shape) in wanted.items()}
        shapes |= {name: (size, array.dtype) for name, array in labelled.items()}
        results.lay_out(shapes)

        self._draw_and_fuse(frame)
        if semantic:
            # a GPU that shares the host's memory writes the labels where the host reads them
            places = {
                name: results.address(name) if self._maps_host_memory else array.address
                for name, array in labelled.items()
            }
            self._label(frame, places["labels"], places.get("confidence", 0))
        frame.moments.record(3, self.stream)
        if not self._maps_host_memory:
            for name, array in labelled.items():  # cropped, they lie densely at its beginning
                dense = DeviceArray(array.address, size, array.dtype, owner=array, stream=self.stream)
                results.fetch(name, dense, self.stream)
        for name, (source, _) in wanted.items():
            results.fetch(name, source, self.stream)
        frame.moments.record(4, self.stream)

    def _draw_and_fuse(self, frame: _Pending) -> None:
        frame.moments.record(0, self.stream)
        frame.rasterizer.enqueue(frame.camera.padded(32), self.stream)
        frame.moments.record(1, self.stream)
        self._network(self._fusion_file).enqueue(frame.images.binding)
        frame.moments.record(2, self.stream)

    def _label(self, frame: _Pending, labels: int, confidence: int) -> None:
        output = frame.images.output
        _, classes, rows, columns = output.shape
        half = output.dtype == np.float16
        size = (frame.camera.height, frame.camera.width)
        self._core.upsample_argmax(output.address, half, classes, rows, columns, *size, labels, confidence, self.stream)

    def _finished(self, pending: deque[_Pending], request: FrameRequest) -> Frame:
        """The oldest frame, once it has come; if one did not fit, all that were enqueued are drawn again."""
        first = pending[0]
        first.moments.events[4].wait()
        while self._grown(first):
            for frame in pending:
                self._enqueue(frame, request)
            first.moments.events[4].wait()
        pending.popleft()
        results, camera = first.results, first.camera
        labels = depth = None
        if self._bundle.manifest.task == "semantic":
            labels = results.take("labels")
        else:
            depth = upsample(results.take("output", np.float32)[0], camera.height, camera.width)
        return Frame(
            labels=labels,
            depth_prediction=depth,
            confidence=results.take("confidence") if request.confidence and labels is not None else None,
            output=results.take("output", np.float32) if request.output else None,
            rgb=results.take("rgb", np.float32) if request.rgb else None,
            alpha=results.take("alpha") if request.alpha else None,
            depth=results.take("depth") if request.depth else None,
            seconds=first.moments.seconds(("rasterize", "fuse", "upsample" if labels is None else "argmax", "copy")),
        )

    def _grown(self, frame: _Pending) -> bool:
        """Whether a frame that was waited for did not fit; if so there is more memory now, and nothing runs."""
        if not frame.rasterizer.overflowed():
            return False
        self._stream.wait()
        try:
            return frame.rasterizer.core.grow()
        except ValueError as error:  # what no memory is enough for
            raise SceneError(str(error)) from error

    def _view_images(self, width: int, height: int) -> ViewImages:
        key = (width, height)
        images = self._images.get(key)
        if images is None:
            manifest, network = self._bundle.manifest, self._network(self._fusion_file)
            while len(self._images) >= _SIZES_KEPT:
                self._stream.wait()
                self._images.popitem(last=False)
            output = OUTPUT_NAMES[manifest.task]
            images = ViewImages(
                width,
                height,
                manifest.encoder.feature_channels,
                manifest.output_channels,
                _TYPES[network.inputs["image"][0]],
                _TYPES[network.outputs[output][0]],
                self.stream,
            )
            inputs = {"image": images.rgb, "features": images.features}
            images.binding = network.bind(inputs, {output: images.output})
            self._images[key] = images
        self._images.move_to_end(key)
        return images

    def _on_device(self, scene: Scene) -> DeviceScene:
        if scene not in self._scenes:
            self._scenes[scene] = DeviceScene(self._core, scene, self.precision == "fp16")
        return self._scenes[scene]

    def _network(self, name: str) -> CudaNetwork:
        if name not in self._networks:
            network = CudaNetwork(
                self._bundle.file(name),
                self.stream,
                self._device,
                content=self._bundle.read(name),
                keep_memory=name == self._fusion_file,  # a scene is encoded once, frames come in numbers
            )
            check_interface(self._bundle, name, network)
            self._networks[name] = network
        return self._networks[name]

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """Turn the core's exceptions into ours."""
        try:
            yield
        except self._core.CudaMemoryError as error:
            raise BackendError(str(error)) from error
        except self._core.CudaError as error:
            raise BackendError(f"the GPU failed: {error}") from error

    @contextmanager
    def _drained_after(self) -> Iterator[None]:
        """After an exception nothing may still write to the buffers that the next frame uses."""
        try:
            yield
        except BaseException:
            with suppress(self._core.CudaError):  # the first exception says what happened
                self._stream.wait()
            raise


def _precision(bundle: Bundle, wanted: PrecisionChoice) -> Precision:
    if wanted == "bf16":
        raise BackendError("backend 'cuda' does not compute in BF16: take precision 'fp16' or 'fp32'")
    if wanted == "auto":
        return "fp16" if FUSION_FP16 in bundle.manifest.files else "fp32"
    return wanted
