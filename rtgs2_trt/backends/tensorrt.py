"""The TensorRT backend: one engine draws a view and labels it, repeated as a CUDA graph.

A frame is one graph: camera from pinned memory -> engine (rasteriser plugin, fusion network) -> labels. Then come the
copies of what was asked for, to one pinned buffer. Stream, memory and graph are those of the CUDA core. Threads share
the engine; each frame on its way has a lane of its own: context, stream and buffers.
"""

from __future__ import annotations

import threading
import warnings
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary, ref

import numpy as np
import numpy.typing as npt

from ..bundle import ENCODER_FP16, FRAME_FP16, FRAME_GOLDEN, OUTPUT_NAMES, Bundle
from ..camera import Camera
from ..cuda import DeviceArray, cuda_problem
from ..errors import BackendError, CameraError, SceneError
from ..geometry_plan import GeometryPlan
from ..scene import Scene
from ..tensorrt.encoder_engine import EncoderEngine
from ..tensorrt.engine import Engine, EngineContext
from ..tensorrt.engine_store import ENCODER_ENGINE, ENGINE, engine_key, find_engine
from ..tensorrt.frame_interface import (
    ALPHA,
    CAMERA_INPUT,
    CAMERA_NUMBERS,
    IMAGE,
    INPUTS,
    NEEDS,
    VIEW_DEPTH,
    camera_numbers,
    scene_arrays,
)
from ..tensorrt.library import check_platform, load_tensorrt, plugin_library
from ..tensorrt.memory import pair_capacity
from ..threads import available_threads
from ..upsample import upsample
from ._protocol import Frame, FrameRequest, Precision, PrecisionChoice
from .cuda_engine import CudaNetwork
from .cuda_views import MOST_BYTE_CLASSES, HostResults, Moments, copy_cropped
from .device_frame import DeviceFrame, device_results, given_features
from .encoder import Encoder
from .graphs import check_interface, encoder_file, encoder_precision, run_encoder

_IN_FLIGHT = 2


class EncoderEngineWarning(UserWarning):
    """The encoder's engine did not take a scene; the message says why."""


class TensorRtBackend:
    """Runs a bundle's engine on the current GPU.

    Args:
        bundle: the opened bundle.
        threads: of the encoder, should it have to run on the CPU; 0 for all that this process may use.
        precision: ``"auto"`` or ``"fp16"``: the engine's graph decides.
        engine: a serialised engine to use in place of the bundle's, and the most Gaussians that it takes; ONNX Runtime
            encodes then.

    Attributes:
        width: of the engine's images in pixels; so `height`.
        stream: address of the CUDA stream that results in GPU memory belong to.

    Raises:
        BackendError: no GPU, no TensorRT, no engine that fits them; says what to do.
    """

    name = "tensorrt"
    golden = FRAME_GOLDEN
    precision: Precision = "fp16"

    def __init__(
        self,
        bundle: Bundle,
        threads: int = 0,
        precision: PrecisionChoice = "auto",
        *,
        engine: tuple[bytes, int] | None = None,
    ) -> None:
        if precision not in ("auto", "fp16"):
            raise BackendError(f"backend 'tensorrt' computes in FP16, not {precision!r}: take another backend for it")
        if FRAME_FP16 not in bundle.manifest.files:
            raise BackendError(f"{bundle.path} has no graph for TensorRT: export it with rtgs2-export --tensorrt")
        problem = cuda_problem()
        if problem is not None:
            raise BackendError(problem)
        module = load_tensorrt()
        from .. import _cuda

        self._bundle, self._core = bundle, _cuda
        with self._failures():
            device = _cuda.device()
        check_platform(module, device["compute_capability"])
        plugin = plugin_library(module)
        content, self._most_gaussians, name, encoder = _engines_of(bundle, device, module, plugin, engine)
        self._engine = Engine(module, content, name, plugin)
        self.width, self.height = _check_engine(self._engine, bundle, name)
        self._encoder_file = encoder_file(bundle, self.precision)
        self.encoder_precision: Precision = encoder_precision(bundle, self.precision)
        itself = ref(self)  # a cycle would keep the engine's memory until Python looks for cycles

        def encoder_on_gpu() -> CudaNetwork:
            backend = itself()
            assert backend is not None  # it is what encodes
            return backend._encoder_on_gpu()

        self._encoder = Encoder(bundle, threads or available_threads(), self._encoder_file, encoder_on_gpu)
        self._encoder_stream: Any = None
        self._encoder_engine: EncoderEngine | None = None
        if encoder is not None:
            try:
                with self._failures():
                    self._encoder_engine = EncoderEngine(_cuda, module, *encoder, bundle)
            except BackendError as error:
                text = f"ONNX Runtime encodes scenes, the encoder's engine cannot be loaded: {error}"
                warnings.warn(text, EncoderEngineWarning, 2)
        self._encoding, self._guard = threading.Lock(), threading.Lock()
        self._encoder_network: CudaNetwork | None = None
        self._device_index = int(device["index"])
        self._scenes: WeakKeyDictionary[Scene, _DeviceGaussians] = WeakKeyDictionary()
        with self._failures():
            self._results_stream = _cuda.Stream()  # of results that have come: whoever waits for it waits for nothing
        self.stream: int = self._results_stream.address
        self._idle: list[_Lane] = [self._new_lane()]  # what is missing is said at once

    def encode(self, plan: GeometryPlan, inputs: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """See :class:`Backend`. Through the encoder's engine if there is one, else through ONNX Runtime.

        Warns:
            EncoderEngineWarning: the engine does not take this scene, which ONNX Runtime encodes then.
        """
        with self._encoding:
            if self._encoder_engine is not None:
                try:
                    with self._failures():
                        return run_encoder(self._bundle, ENCODER_FP16, self._encoder_engine, plan, inputs)
                except BackendError as error:
                    text = f"ONNX Runtime encodes this scene of {len(inputs)} voxels, its engine does not: {error}"
                    warnings.warn(text, EncoderEngineWarning, 2)
            return self._encoder.encode(plan, inputs)

    def frames(self, scene: Scene, cameras: Sequence[Camera], request: FrameRequest) -> list[Frame]:
        """See :class:`Backend`.

        Raises:
            CameraError: a view of another padded size than the engine's.
            SceneError: more Gaussians than the engine takes, or a view that shows more than there is room for.
            BackendError: the GPU failed.
        """
        for camera in cameras:
            self._check_size(camera)
        frames: list[Frame] = []
        with self._failures(), self._lanes(min(_IN_FLIGHT, len(cameras))) as lanes:
            pending: deque[tuple[_Lane, Camera]] = deque()
            for number, camera in enumerate(cameras):
                lane = lanes[number % len(lanes)]
                if len(pending) == len(lanes):
                    frames.append(self._finished(*pending.popleft(), request, len(scene)))
                lane.enqueue(self._on_device(scene), camera, request)
                pending.append((lane, camera))
            while pending:
                frames.append(self._finished(*pending.popleft(), request, len(scene)))
        return frames

    def device_frame(
        self, scene: Scene, camera: Camera, request: FrameRequest, into: DeviceFrame | None = None
    ) -> DeviceFrame:
        """Label one view and leave the results in GPU memory; returns when they are there.

        Args:
            scene: an encoded scene.
            camera: the view.
            request: what is wanted; of it confidence, rgb and alpha.
            into: an earlier result of the same size and request, whose memory is written again.

        Raises:
            InputError: `into` does not fit.
            CameraError: as :meth:`frames`; so SceneError, BackendError.
        """
        self._check_size(camera)
        size, nothing = (camera.height, camera.width), FrameRequest(confidence=request.confidence)
        with self._failures(), self._lanes(1) as lanes:
            (lane,) = lanes
            result = device_results(size, lane.labels.dtype, np.float16, request, into, self._results_stream)
            if into is not None:  # whoever reads the earlier result is waited for where its stream was told to
                self._core.let_wait(lane.stream.address, self.stream)
            lane.enqueue(self._on_device(scene), camera, nothing, result)
            lane.moments.events[2].wait()
            self._check_needs(lane, len(scene))
            return result

    def set_features(self, scene: Scene, features: object) -> None:
        """Draw `scene` from now on with features (N, D) float32 that another library holds in GPU memory.

        They are rounded to FP16, once, which goes through the host.

        Raises:
            InputError: not such an array.
            SceneError: the scene is too large, or the features do not fit FP16.
            BackendError: the GPU failed.
        """
        channels = self._bundle.manifest.encoder.feature_channels
        with self._failures():
            array = given_features(features, len(scene), channels, self.stream)
            self._check_count(scene)
            gaussians = _DeviceGaussians(self._core, scene.with_features(array.numpy()))
        with self._guard:
            self._scenes[scene] = gaussians

    def _check_needs(self, lane: _Lane, gaussians: int) -> None:
        """Refuse a frame that has come but is not whole."""
        _, pairs = (int(need) for need in lane.results.take(NEEDS)[0])
        capacity = pair_capacity(self.width, self.height, gaussians)
        if pairs > capacity:
            raise SceneError(
                "view lists more than this engine has room for: its Gaussians are large on the screen",
                field="scene",
                found=f"{pairs} pairs of Gaussian and tile",
                expected=f"at most {capacity}",
                fix="Check the scene's scale, draw a smaller image, or take backend 'cuda', which makes room as it "
                "goes, where ONNX Runtime has CUDA",
            )

    def _finished(self, lane: _Lane, camera: Camera, request: FrameRequest, gaussians: int) -> Frame:
        lane.moments.events[2].wait()
        self._check_needs(lane, gaussians)
        results = lane.results
        labels = depth = None
        if lane.semantic:
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
            seconds=lane.moments.seconds(("frame", "copy")),
        )

    def _check_size(self, camera: Camera) -> None:
        padded = camera.padded(32)
        if (padded.width, padded.height) != (self.width, self.height):
            raise CameraError(
                "engine draws one size",
                field="camera",
                found=f"{camera.width} x {camera.height} pixels",
                expected=f"a size that made up to multiples of 32 is {self.width} x {self.height}",
                fix="Draw at that size (--size, camera.resized(width, height)), export with rtgs2-export --tensorrt "
                "--image-size WxH for this one, or take another backend",
            )

    def _check_count(self, scene: Scene) -> None:
        if len(scene) > self._most_gaussians:
            raise SceneError(
                "scene is larger than the engine was built for",
                field="scene",
                found=f"{len(scene)} Gaussians",
                expected=f"at most {self._most_gaussians}",
                fix=f"Build again with rtgs2 build --force --most-gaussians {len(scene)}",
            )

    def _on_device(self, scene: Scene) -> _DeviceGaussians:
        self._check_count(scene)
        with self._guard:
            if scene not in self._scenes:
                self._scenes[scene] = _DeviceGaussians(self._core, scene)
            return self._scenes[scene]

    @contextmanager
    def _lanes(self, count: int) -> Iterator[list[_Lane]]:
        """As many lanes as are idle, new ones for what is missing; after an exception nothing still writes to them."""
        lanes: list[_Lane] = []
        try:
            for _ in range(count):
                with self._guard:
                    idle = self._idle.pop() if self._idle else None
                lanes.append(idle or self._new_lane())
            yield lanes
        except BaseException:
            for lane in lanes:
                with suppress(self._core.CudaError):  # the first exception says what happened
                    lane.stream.wait()
            raise
        finally:
            with self._guard:
                self._idle.extend(lanes)

    def _new_lane(self) -> _Lane:
        manifest = self._bundle.manifest
        with self._failures():
            return _Lane(
                self._core,
                self._engine,
                OUTPUT_NAMES[manifest.task],
                manifest.task == "semantic",
                manifest.output_channels,
            )

    def _encoder_on_gpu(self) -> CudaNetwork:
        if self._encoder_network is None:
            with self._failures():
                self._encoder_stream = self._core.Stream()
            network = CudaNetwork(
                self._bundle.file(self._encoder_file),
                self._encoder_stream.address,
                self._device_index,
                content=self._bundle.read(self._encoder_file),
                keep_memory=False,
            )
            check_interface(self._bundle, self._encoder_file, network)
            self._encoder_network = network
        return self._encoder_network

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """Turn the core's exceptions into ours."""
        try:
            yield
        except self._core.CudaMemoryError as error:
            raise BackendError(str(error)) from error
        except self._core.CudaError as error:
            raise BackendError(f"the GPU failed: {error}") from error


class _DeviceGaussians:
    """A scene in GPU memory, as the engine takes it."""

    def __init__(self, core: Any, scene: Scene) -> None:
        self._memory: list[Any] = []
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.addresses: dict[str, int] = {}
        for name, array in scene_arrays(scene).items():
            memory = core.Memory(array.nbytes)
            memory.write(array.reshape(-1).view(np.uint8))
            self._memory.append(memory)
            self.shapes[name], self.addresses[name] = array.shape, memory.address


class _Lane:
    """What one frame at a time runs in."""

    def __init__(self, core: Any, engine: Engine, output: str, semantic: bool, classes: int) -> None:
        self._core = core
        self.semantic, self._output = semantic, output
        self.stream = core.Stream()
        self.context: EngineContext = engine.context()
        self.results, self.moments = HostResults(core), Moments(core)
        stream = self.stream.address
        self._camera_on_host = core.PinnedMemory(4 * CAMERA_NUMBERS)
        self._camera = DeviceArray.empty((CAMERA_NUMBERS,), np.float32, stream=stream)
        self._outputs = {
            name: DeviceArray.empty(shape, kind, stream=stream) for name, (kind, shape) in engine.outputs.items()
        }
        height, width = self._outputs[IMAGE].shape[2:]
        labels = np.uint8 if classes <= MOST_BYTE_CLASSES else np.uint16
        self.labels = DeviceArray.empty((height, width), labels, stream=stream)
        self._confidence = DeviceArray.empty((height, width), np.float32, stream=stream)
        self._bound: ref[_DeviceGaussians] | None = None
        self._graphs: dict[tuple[int, ...], Any] = {}

    def enqueue(
        self,
        gaussians: _DeviceGaussians,
        camera: Camera,
        request: FrameRequest,
        into: DeviceFrame | None = None,
    ) -> None:
        """Put a whole frame on the stream; the one before must have been waited for.

        What `request` asks for is copied to the host, or, if `into` is given, what that holds to it.
        """
        core, stream, size = self._core, self.stream.address, (camera.height, camera.width)
        to_device: list[tuple[DeviceArray, DeviceArray | None]] = []
        wanted = self._wanted(size, request)
        labelled = {"labels": self.labels} if self.semantic else {}
        if self.semantic and request.confidence:
            labelled["confidence"] = self._confidence
        if into is not None:
            outputs = {"rgb": self._outputs[IMAGE], "alpha": self._outputs[ALPHA]}
            to_device = [(_dense(array, size), getattr(into, name)) for name, array in labelled.items()]
            to_device += [(_without_batch(array), getattr(into, name)) for name, array in outputs.items()]
            labelled = {}
        shapes = {name: (shape, source.dtype) for name, (source, shape) in wanted.items()}
        shapes |= {name: (size, array.dtype) for name, array in labelled.items()}
        self.results.lay_out(shapes)
        numbers = camera_numbers(camera.padded(32))
        self._camera_on_host.view()[:] = numbers.view(np.uint8)
        self.moments.record(0, stream)
        self._frame(gaussians, size, confidence=request.confidence)
        self.moments.record(1, stream)
        for name, array in labelled.items():
            self.results.fetch(name, _dense(array, size), stream)
        for source, target in to_device:
            if target is not None:
                copy_cropped(core, source, target.address, target.shape, stream)
        for name, (source, shape) in wanted.items():
            copy_cropped(core, source, self.results.address(name), shape, stream)
        self.moments.record(2, stream)

    def _wanted(
        self, size: tuple[int, int], request: FrameRequest
    ) -> Mapping[str, tuple[DeviceArray, tuple[int, ...]]]:
        outputs = self._outputs
        needs = outputs[NEEDS]
        row = DeviceArray(needs.address, (1, 2), needs.dtype, owner=needs, stream=needs.stream)
        wanted: dict[str, tuple[DeviceArray, tuple[int, ...]]] = {NEEDS: (row, row.shape)}
        if request.rgb:
            wanted["rgb"] = (_without_batch(outputs[IMAGE]), (3, *size))
        if request.alpha:
            wanted["alpha"] = (_without_batch(outputs[ALPHA]), size)
        if request.depth:
            wanted["depth"] = (_without_batch(outputs[VIEW_DEPTH]), size)
        if request.output or not self.semantic:
            output = _without_batch(outputs[self._output])
            wanted["output"] = (output, output.shape)
        return wanted

    def _frame(self, gaussians: _DeviceGaussians, size: tuple[int, int], *, confidence: bool) -> None:
        """Camera, engine, labels: recorded once for a scene and a size, then repeated."""
        if self._bound is None or self._bound() is not gaussians:
            self._graphs.clear()  # they hold the old scene's addresses
            self._bound = None
            addresses = {name: array.address for name, array in self._outputs.items()}
            addresses |= {**gaussians.addresses, CAMERA_INPUT: self._camera.address}
            self.context.bind({**gaussians.shapes, CAMERA_INPUT: (CAMERA_NUMBERS,)}, addresses)
            self._run(size, confidence)  # TensorRT wants a run with new shapes before one is recorded
            self._bound = ref(gaussians)
            return
        key = (*size, confidence)
        if key not in self._graphs:
            self._graphs[key] = self._recorded(size, confidence)
        graph = self._graphs[key]
        if graph is None:
            self._run(size, confidence)
        else:
            graph.launch(self.stream.address)

    def _recorded(self, size: tuple[int, int], confidence: bool) -> Any:
        """Return a frame as one CUDA graph; None where TensorRT cannot be recorded: slower, but right."""
        try:
            return self._core.Graph(self.stream.address, lambda: self._run(size, confidence))
        except (self._core.CudaError, BackendError):
            return None

    def _run(self, size: tuple[int, int], confidence: bool) -> None:
        core, stream = self._core, self.stream.address
        nbytes = self._camera.nbytes
        core.copy_rows(self._camera.address, nbytes, self._camera_on_host.address, nbytes, nbytes, 1, stream)
        self.context.enqueue(stream)
        if self.semantic:
            output = self._outputs[self._output]
            _, classes, rows, columns = output.shape
            core.upsample_argmax(
                output.address,
                output.dtype == np.float16,
                classes,
                rows,
                columns,
                *size,
                self.labels.address,
                self._confidence.address if confidence else 0,
                stream,
            )


def _dense(array: DeviceArray, size: tuple[int, int]) -> DeviceArray:
    """What fills the beginning of an image: labels of a cropped view lie without gaps."""
    return DeviceArray(array.address, size, array.dtype, owner=array, stream=array.stream)


def _without_batch(array: DeviceArray) -> DeviceArray:
    return DeviceArray(array.address, array.shape[1:], array.dtype, owner=array, stream=array.stream)


def _engines_of(
    bundle: Bundle, device: Mapping[str, Any], module: Any, plugin: Path, given: tuple[bytes, int] | None
) -> tuple[bytes, int, str, tuple[bytes, str] | None]:
    """The frame's engine, the most Gaussians that it takes and its name for messages; the encoder's and its name."""
    if given is not None:
        return (*given, f"new engine of {bundle.path}", None)
    stored = find_engine(bundle, engine_key(bundle, device, str(module.__version__), plugin))
    encoder = stored.read_encoder()
    named = None if encoder is None else (encoder, str(stored.path / ENCODER_ENGINE))
    return stored.read(), stored.most_gaussians, str(stored.path / ENGINE), named


def _check_engine(engine: Engine, bundle: Bundle, name: str) -> tuple[int, int]:
    """Return the engine's image size; refuse an engine that is not of the bundle's frame graph."""
    manifest = bundle.manifest
    output = OUTPUT_NAMES[manifest.task]
    _, shape = engine.outputs.get(IMAGE, ("nothing", ()))
    height, width = shape[2:] if len(shape) == 4 else (0, 0)
    output_type = "float32" if manifest.task == "depth" else "float16"
    expected = {
        IMAGE: ("float16", (1, 3, height, width)),
        ALPHA: ("float32", (1, height, width)),
        VIEW_DEPTH: ("float32", (1, height, width)),
        NEEDS: ("int64", (2,)),
        output: (output_type, (1, manifest.output_channels, height // 4, width // 4)),
    }
    if set(engine.inputs) != set(INPUTS) or engine.outputs != expected or not width:
        found = {**engine.inputs, **engine.outputs}
        raise BackendError(f"{name}: engine is not of this bundle's {FRAME_FP16}, it has {found}: rtgs2 build --force")
    return width, height
