"""The CPU backend: the core's rasteriser and argmax, the networks through ONNX Runtime."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..bundle import ENCODER, FUSION, Bundle
from ..camera import Camera
from ..encoder_inputs import CHANNELS
from ..errors import BackendError, BundleError, shown
from ..geometry_plan import GeometryPlan
from ..memory import release_freed_memory
from ..rasterize import Rendering, rasterize
from ..scene import Scene
from ..threads import available_threads
from ..upsample_argmax import upsample_argmax
from ._protocol import Frame, FrameRequest

_Array = npt.NDArray[np.float32]

_EXPORT_AGAIN = "Export the checkpoint again with rtgs2-export"


class CpuBackend:
    """Runs a bundle on the CPU.

    Args:
        bundle: the opened bundle.
        threads: threads of every stage, 0 for all that this process may use.
    """

    name = "cpu"

    def __init__(self, bundle: Bundle, threads: int = 0) -> None:
        self._bundle = bundle
        self._threads = threads or available_threads()
        self._lock = threading.Lock()
        self._sessions: dict[str, Any] = {}

    def encode(self, plan: GeometryPlan, inputs: _Array) -> _Array:
        """See :class:`Backend`."""
        session = self._session(ENCODER)
        feed: dict[str, npt.NDArray[Any]] = {"inputs": inputs}
        for name in (entry.name for entry in session.get_inputs()):
            if name == "inputs":
                continue
            if name not in plan.arrays:
                raise BundleError(
                    "graph has an input that no geometry plan provides",
                    file=self._bundle.file(ENCODER),
                    field=shown(name),
                    fix=_EXPORT_AGAIN,
                )
            feed[name] = plan.arrays[name]
        shape = (len(inputs), self._bundle.manifest.encoder.feature_channels)
        try:
            return self._run(session, ENCODER, "features", feed, shape)
        finally:
            release_freed_memory()  # else every thread that ever encoded keeps what the largest scene took

    def frame(self, scene: Scene, camera: Camera, request: FrameRequest) -> Frame:
        """See :class:`Backend`."""
        start = time.perf_counter()
        padded = camera.padded(32)
        rendering = rasterize(scene, padded, threads=self._threads)
        rendered = time.perf_counter()
        logits = self.fuse(rendering.rgb, rendering.features)
        fused = time.perf_counter()
        labels, confidence = upsample_argmax(
            logits, camera.height, camera.width, confidence=request.confidence, threads=self._threads
        )
        seconds = {
            "rasterize": rendered - start,
            "fuse": fused - rendered,
            "argmax": time.perf_counter() - fused,
        }
        cropped = _crop(rendering, camera.height, camera.width)
        return Frame(labels, confidence, cropped, logits if request.logits else None, seconds)

    def fuse(self, image: _Array, features: _Array) -> _Array:
        """Return the logits (C, H / 4, W / 4) of an RGB `image` (3, H, W) and `features` (D, H, W)."""
        session = self._session(FUSION)
        shape = (1, len(self._bundle.classes), image.shape[1] // 4, image.shape[2] // 4)
        logits = self._run(session, FUSION, "logits", {"image": image[None], "features": features[None]}, shape)
        first: _Array = logits[0]
        return first

    def _session(self, name: str) -> Any:
        with self._lock:
            if name not in self._sessions:
                self._sessions[name] = _create_session(self._bundle.file(name), self._threads)
                self._check_interface(name, self._sessions[name])
            return self._sessions[name]

    def _check_interface(self, name: str, session: Any) -> None:
        spec, classes = self._bundle.manifest.encoder, len(self._bundle.classes)
        if name == ENCODER:
            inputs = {"inputs": ("tensor(float)", {1: CHANNELS})}
            outputs = {"features": ("tensor(float)", {1: spec.feature_channels})}
        else:
            inputs = {
                "image": ("tensor(float)", {1: 3}),
                "features": ("tensor(float)", {1: spec.feature_channels}),
            }
            outputs = {"logits": ("tensor(float)", {1: classes})}
        for kind, wanted, found in (
            ("input", inputs, session.get_inputs()),
            ("output", outputs, session.get_outputs()),
        ):
            entries = {entry.name: entry for entry in found}
            for key, (element_type, sizes) in wanted.items():
                entry: Any = entries.get(key)
                fits = entry is not None and entry.type == element_type
                if not fits or any(len(entry.shape) <= axis or entry.shape[axis] != n for axis, n in sizes.items()):
                    raise BundleError(
                        f"graph does not have the {kind} that the manifest promises",
                        file=self._bundle.file(name),
                        field=key,
                        found="nothing" if entry is None else f"{entry.type} {entry.shape}",
                        expected=f"{element_type} with sizes {sizes}",
                        fix=_EXPORT_AGAIN,
                    )

    def _run(self, session: Any, name: str, output: str, feed: dict[str, Any], shape: tuple[int, ...]) -> _Array:
        try:
            result: _Array = session.run([output], feed)[0]
        except Exception as error:  # ONNX Runtime's exceptions have no common base of their own
            raise BackendError(
                f"{self._bundle.file(name)}: ONNX Runtime failed: {error}. "
                "If memory ran out, use fewer threads or a smaller scene"
            ) from error
        if result.shape != shape:
            raise BundleError(
                "graph computes something of another shape than the manifest promises",
                file=self._bundle.file(name),
                field=output,
                found=result.shape,
                expected=shape,
                fix=_EXPORT_AGAIN,
            )
        return result


def _create_session(path: Path, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # A scene is encoded once: memory that its shapes needed is worth more to the caller than to a pool.
    options.enable_cpu_mem_arena = path.name != ENCODER
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise BundleError(
            f"ONNX Runtime {onnxruntime.__version__} cannot load the graph: {error}",
            file=path,
            fix="Update onnxruntime, or export the checkpoint again with rtgs2-export",
        ) from error


def _crop(rendering: Rendering, height: int, width: int) -> Rendering:
    return Rendering(
        rgb=rendering.rgb[:, :height, :width],
        features=rendering.features[:, :height, :width],
        alpha=rendering.alpha[:height, :width],
        depth=rendering.depth[:height, :width],
    )
