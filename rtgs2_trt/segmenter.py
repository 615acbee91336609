"""The face of the SDK: a bundle in, labels (or depth) out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from weakref import WeakSet

import numpy as np
import numpy.typing as npt

from .backends import Frame, FrameRequest, Precision, PrecisionChoice, select_backend
from .bundle import Bundle
from .camera import Camera
from .classes import ClassTable
from .encoder_inputs import encoder_inputs
from .errors import BackendError, InputError, SceneError, shown
from .geometry_plan import GeometryPlan
from .scene import Scene
from .task import Task
from .threads import available_threads, check_threads
from .upsample_softmax import upsample_softmax

if TYPE_CHECKING:
    from .backends.cuda import CudaBackend
    from .backends.device_frame import DeviceFrame
    from .backends.tensorrt import TensorRtBackend
    from .label_stream import LabelStream, StreamedLabels
    from .scene_files.read_progress import ProgressCallback

BackendName = Literal["auto", "tensorrt", "cuda", "cpu"]


@dataclass(frozen=True)
class Segmentation:
    """What a bundle predicts of one view, H x W pixels.

    A bundle of the semantic task gives `labels` and `classes`, one of the depth task `depth_prediction`; the others are
    None. (Their types say ``| Any``, so that code for the one task need not ask about the other.)

    Attributes:
        labels: (H, W) uint8 or uint16, class indices of `classes`; 255 / 65535 where ``unknown_below`` said so.
        classes: the bundle's class table; ``classes.ids[labels]`` are the table's ids.
        depth_prediction: (H, W) float32, z of the surface seen as the network predicts it, metres; NaN where
            ``unknown_below`` said so. (`depth` is what the Gaussians' splatting gives, without a network.)
        confidence: (H, W) float32, softmax probability of the label, or None.
        rgb: (3, H, W) float32, the rendered colour (not clipped), or None.
        depth: (H, W) float32, expected view-space z in metres, NaN where nothing is, or None.
        alpha: (H, W) float32, how much of each pixel is covered, or None.
        seconds: time of each stage: rasterize, fuse, argmax or upsample, and on a GPU copy (of the results to the
            host); with TensorRT frame (the first three in one) and copy.
    """

    labels: npt.NDArray[Any] | Any
    classes: ClassTable | Any
    depth_prediction: npt.NDArray[np.float32] | Any
    confidence: npt.NDArray[np.float32] | None
    rgb: npt.NDArray[np.float32] | None
    depth: npt.NDArray[np.float32] | None
    alpha: npt.NDArray[np.float32] | None
    seconds: Mapping[str, float]


class Segmenter:
    """Labels every pixel of any view of a Gaussian scene, or predicts its depth. May be used from several threads.

    Args:
        bundle: a bundle folder, or an opened :class:`Bundle`.
        backend: ``"auto"`` takes the best that works here: :attr:`backend_name` says which, :attr:`passed_over` why
            not a better one.
        threads: CPU threads of each call, 0 for all that this process may use.
        precision: arithmetic of the fusion network. ``"fp32"`` equals PyTorch; ``"fp16"`` is for GPUs and bundles with
            that graph; ``"bf16"`` takes about half the time on CPUs that have it and needs the extra
            ``rtgs2-trt[openvino]``. ``"auto"`` is FP16 where backend and bundle can, else FP32. The encoder computes in
            FP16 with ``"fp16"`` where the bundle has that graph too, else in FP32.

    Attributes:
        bundle: the opened bundle.
        passed_over: why ``"auto"`` did not take each better backend, by its name.

    Raises:
        BundleError: the bundle cannot be used.
        BackendError: the backend or the precision cannot be had.
        InputError: an impossible number of threads.
    """

    def __init__(
        self,
        bundle: str | Path | Bundle,
        backend: BackendName = "auto",
        *,
        threads: int = 0,
        precision: PrecisionChoice = "auto",
    ) -> None:
        self.bundle = bundle if isinstance(bundle, Bundle) else Bundle(bundle)
        check_threads(threads)
        self._threads = threads or available_threads()
        self._backend, self.passed_over = select_backend(backend, self.bundle, self._threads, precision)
        self._with_gpu_features: WeakSet[Scene] = WeakSet()

    @property
    def backend_name(self) -> str:
        """The backend in use."""
        return self._backend.name

    @property
    def precision(self) -> Precision:
        """Arithmetic of the fusion network."""
        return self._backend.precision

    @property
    def task(self) -> Task:
        """What the bundle predicts: ``"semantic"`` (labels) or ``"depth"``."""
        return self.bundle.manifest.task

    @property
    def classes(self) -> ClassTable | Any:
        """The bundle's class table; None if it predicts depth."""
        return self.bundle.classes

    def load(
        self,
        path: str | Path,
        *,
        scale: float = 1.0,
        up: str = "z",
        invalid: Literal["error", "drop"] = "error",
        reencode: bool = False,
        progress: ProgressCallback | None = None,
    ) -> Scene:
        """Read a scene and encode it, unless the file already holds this encoder's features.

        Args:
            path: a scene of any format that :meth:`Scene.load` reads.
            scale: metres a unit of the file.
            up: the file's axis that points up.
            invalid: what to do with Gaussians that hold NaN: refuse the file, or drop them with a warning that says
                how many.
            reencode: ignore features that the file holds.
            progress: told how much has been read, see :meth:`Scene.load`; of the encoding nothing is told.

        Raises:
            SceneError: the file cannot be used, or its features are another encoder's.
            BackendError: the encoder failed.
        """
        scene = Scene.load(path, scale=scale, up=up, invalid=invalid, threads=self._threads, progress=progress)
        if scene.features is None or reencode:
            return self.encode(scene)
        self.check_encoded(scene, file=path)
        return scene

    def plan(self, scene: Scene) -> GeometryPlan:
        """Return the geometry plan that this bundle's encoder takes for `scene`."""
        return self.bundle.manifest.encoder.build_plan(scene, self._threads)

    def encode(self, scene: Scene) -> Scene:
        """Return `scene` with the view-independent features (N, D) of its Gaussians; needed once a scene.

        Gaussians too far away for the voxel grid keep zero features.

        Raises:
            SceneError: the scene cannot be cut into voxels.
            BackendError: the encoder failed, for want of memory for example.
        """
        plan = self.plan(scene)
        inputs = np.ascontiguousarray(encoder_inputs(scene)[plan.representatives])
        by_voxel = self._backend.encode(plan, inputs)
        return scene.with_features(plan.to_gaussians(by_voxel), self.bundle.encoder_hash)

    def __call__(
        self,
        scene: Scene,
        camera: Camera,
        *,
        confidence: bool = False,
        rgb: bool = False,
        depth: bool = False,
        alpha: bool = False,
        unknown_below: float | None = None,
    ) -> Segmentation:
        """Label the view of an encoded `scene` from `camera`, of any size, or predict its depth.

        Args:
            scene: what :meth:`load` or :meth:`encode` returned.
            camera: the view.
            confidence: also return the probability of each label.
            rgb: also return the rendered colour.
            depth: also return the expected depth.
            alpha: also return the coverage.
            unknown_below: pixels with a coverage below this get label 255 (65535 with more than 255 classes), or
                depth NaN.

        Raises:
            SceneError: the scene is not encoded, or by another encoder.
            InputError: an impossible `unknown_below`, or `confidence` asked of a bundle that predicts depth.
            BackendError: the backend failed.
        """
        (result,) = self.batch(
            scene,
            [camera],
            confidence=confidence,
            rgb=rgb,
            depth=depth,
            alpha=alpha,
            unknown_below=unknown_below,
        )
        return result

    def batch(
        self,
        scene: Scene,
        cameras: Sequence[Camera],
        *,
        confidence: bool = False,
        rgb: bool = False,
        depth: bool = False,
        alpha: bool = False,
        unknown_below: float | None = None,
    ) -> list[Segmentation]:
        """Label several views, of any sizes, in their order; the same as one call a camera.

        On a GPU the next view is on its way before the host waits for the last. All results are held at once: give
        long flights in parts.

        Args:
            scene: as of a call; so all but `cameras`.
            cameras: the views.
            confidence: see there.
            rgb: see there.
            depth: see there.
            alpha: see there.
            unknown_below: see there.

        Raises:
            SceneError: as a call; so InputError, BackendError.
        """
        self.check_encoded(scene)
        check_unknown_below(unknown_below)
        if confidence and self.task == "depth":
            raise InputError("a depth prediction has no class probabilities", field="confidence", fix="Leave it out")
        covered = alpha or depth or unknown_below is not None
        request = FrameRequest(confidence=confidence, rgb=rgb, alpha=covered, depth=depth)
        frames = self._backend.frames(scene, cameras, request)
        return [self._segmentation(frame, alpha, unknown_below) for frame in frames]

    def probabilities(self, scene: Scene, camera: Camera) -> npt.NDArray[np.float32]:
        """Return the probability of every class in every pixel of a view: what fusing views or labels takes.

        Args:
            scene: an encoded scene, as of a call.
            camera: the view.

        Returns:
            (C, H, W) float32, softmax over the classes; 4 C bytes a pixel. Its argmax are the labels.

        Raises:
            SceneError: the scene is not encoded, or by another encoder.
            InputError: the bundle predicts depth.
            BackendError: the backend failed.
        """
        self.check_encoded(scene)
        if self.task == "depth":
            raise InputError("a depth prediction has no class probabilities", field="bundle", fix="Call the segmenter")
        (frame,) = self._backend.frames(scene, [camera], FrameRequest(output=True))
        if frame.output is None:
            raise BackendError(f"backend {self.backend_name!r} gave no logits")
        return upsample_softmax(frame.output, camera.height, camera.width, threads=self._threads)

    def _segmentation(self, frame: Frame, alpha: bool, unknown_below: float | None) -> Segmentation:
        labels, predicted = frame.labels, frame.depth_prediction
        if unknown_below is not None and frame.alpha is not None:
            empty = frame.alpha < unknown_below
            if labels is not None:
                labels[empty] = np.iinfo(labels.dtype).max
            if predicted is not None:
                predicted[empty] = np.nan
        return Segmentation(
            labels=labels,
            classes=self.classes,
            depth_prediction=predicted,
            confidence=frame.confidence,
            rgb=frame.rgb,
            depth=None if frame.depth is None or frame.alpha is None else _expected_depth(frame.depth, frame.alpha),
            alpha=frame.alpha if alpha else None,
            seconds=frame.seconds,
        )

    @property
    def only_size(self) -> tuple[int, int] | None:
        """Width and height of views, where the backend draws no others; None where it draws all."""
        from .backends.tensorrt import TensorRtBackend

        return (self._backend.width, self._backend.height) if isinstance(self._backend, TensorRtBackend) else None

    @property
    def stream(self) -> int | None:
        """Address of the CUDA stream that results in GPU memory belong to; None of a backend without."""
        return getattr(self._backend, "stream", None)

    def on_gpu(
        self,
        scene: Scene,
        camera: Camera,
        *,
        confidence: bool = False,
        rgb: bool = False,
        alpha: bool = False,
        into: DeviceFrame | None = None,
    ) -> DeviceFrame:
        """Label a view and leave the results in GPU memory, as arrays that other CUDA libraries take without a copy.

        Returns once the view is drawn; the labels may still be on their way, in :attr:`stream`. Readers that take them
        through DLPack or ``__cuda_array_interface__`` wait in their own stream.

        Args:
            scene: an encoded scene.
            camera: the view.
            confidence: also the probability of each label.
            rgb: also the rendered colour, float16 or float32 as the fusion graph takes it, not limited to 1.
            alpha: also the coverage.
            into: an earlier result of this segmenter, of the same size and request, whose memory is written again; new
                memory without. :attr:`stream` must wait for whoever still reads it on a stream of their own.

        Raises:
            SceneError: the scene is not encoded, or by another encoder.
            InputError: `into` does not fit, or the bundle predicts depth, which is upsampled on the host.
            BackendError: not the backend ``"cuda"`` or ``"tensorrt"``, or the GPU failed.
        """
        backend = self._gpu_backend()
        self.check_encoded(scene)
        if self.task == "depth":
            raise InputError("depth predictions are upsampled on the host", field="bundle", fix="Call the segmenter")
        return backend.device_frame(scene, camera, FrameRequest(confidence=confidence, rgb=rgb, alpha=alpha), into)

    def set_features(self, scene: Scene, features: object) -> None:
        """Use features that another CUDA library holds for `scene`, from now on, in place of its own.

        The scene need not be encoded. Nothing records which encoder computed the features: that is up to the caller.

        Args:
            scene: N Gaussians.
            features: (N, D) float32 in GPU memory and C order, with ``__dlpack__`` or ``__cuda_array_interface__``;
                they are copied within the GPU.

        Raises:
            InputError: not such an array.
            BackendError: not the backend ``"cuda"`` or ``"tensorrt"``, or the GPU failed.
        """
        self._gpu_backend().set_features(scene, features)
        self._with_gpu_features.add(scene)

    def _gpu_backend(self) -> CudaBackend | TensorRtBackend:
        from .backends.cuda import CudaBackend
        from .backends.tensorrt import TensorRtBackend

        if isinstance(self._backend, CudaBackend | TensorRtBackend):
            return self._backend
        reason = self.passed_over.get("cuda")
        raise BackendError(
            f"backend {self.backend_name!r} has nothing in GPU memory: take backend 'cuda'"
            + (f", which was passed over here: {reason}" if reason else "")
        )

    def label_stream(
        self, scene: Scene, on_result: Callable[[StreamedLabels], None] | None = None, **options: Any
    ) -> LabelStream:
        """Return a stream that labels the newest of many poses in a thread of its own: docs/streaming.md.

        Args:
            scene: an encoded scene.
            on_result: called with each result, in that thread; without it :meth:`LabelStream.wait` gives them.
            options: those of a call: ``confidence``, ``rgb``, ``depth``, ``alpha``, ``unknown_below``.

        Raises:
            SceneError: the scene is not encoded, or by another encoder.
        """
        from .label_stream import LabelStream

        return LabelStream(self, scene, on_result, **options)

    def check_encoded(self, scene: Scene, file: str | Path | None = None) -> None:
        """Refuse a scene that this bundle's encoder has not encoded.

        Args:
            scene: the scene.
            file: where it comes from, for the message.

        Raises:
            SceneError: no features, or another encoder's.
        """
        if scene in self._with_gpu_features:
            return
        if scene.features is None:
            raise SceneError("scene is not encoded", field="features", fix="Call segmenter.encode(scene) first")
        if scene.features_encoder != self.bundle.encoder_hash:
            unknown = scene.features_encoder is None
            raise SceneError(
                "features have no record of their encoder" if unknown else "features were computed by another encoder",
                file=file,
                field="features",
                found=None if unknown else str(scene.features_encoder)[:16],
                expected=self.bundle.encoder_hash[:16],
                fix="Encode the scene with this bundle: load(path, reencode=True), on the command line --reencode",
            )
        channels = self.bundle.manifest.encoder.feature_channels
        if scene.features.shape[1] != channels:
            raise SceneError(
                "wrong number of features a Gaussian",
                field="features",
                found=scene.features.shape[1],
                expected=channels,
                fix="Encode the scene again",
            )


def _expected_depth(weighted: npt.NDArray[np.float32], alpha: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Sum of w z / sum of w, NaN where the sum of w is 0."""
    depth = np.full_like(weighted, np.nan)
    return np.divide(weighted, alpha, out=depth, where=alpha > 0)


def check_unknown_below(unknown_below: float | None) -> None:
    """Refuse what is no coverage to :meth:`Segmenter.__call__`; None is none.

    Raises:
        InputError: not a number of 0 to 1.
    """
    if unknown_below is None:
        return
    if not _is_finite(unknown_below):
        raise InputError("not a finite number", field="unknown_below", found=shown(unknown_below))
    if not 0 <= unknown_below <= 1:
        raise InputError("not a coverage", field="unknown_below", found=shown(unknown_below), expected="0 to 1")


def _is_finite(value: object) -> bool:
    try:
        return isinstance(value, Real) and math.isfinite(value)
    except OverflowError:  # a whole number of hundreds of digits
        return False
