"""The CPU backend: the core's rasteriser and argmax, the networks through ONNX Runtime or OpenVINO."""

from __future__ import annotations

import os
import threading
import time

import numpy as np
import numpy.typing as npt

from ..bundle import ENCODER, FUSION, Bundle
from ..camera import Camera
from ..encoder_inputs import CHANNELS
from ..errors import BackendError, BundleError
from ..geometry_plan import GeometryPlan
from ..rasterize import Rendering, rasterize
from ..scene import Scene
from ..upsample_argmax import upsample_argmax
from ._protocol import Frame, FrameRequest, Precision
from .engines import Network, OnnxRuntimeNetwork, OpenVinoNetwork

_Array = npt.NDArray[np.float32]


def available_threads() -> int:
    """Number of CPU threads that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class CpuBackend:
    """Runs a bundle on the CPU.

    Args:
        bundle: the opened bundle.
        threads: threads of every stage, 0 for all that this process may use.
        precision: arithmetic of the fusion network; the encoder, once a scene, computes in FP32.
    """

    name = "cpu"

    def __init__(self, bundle: Bundle, threads: int = 0, precision: Precision = "fp32") -> None:
        if threads < 0:
            raise BackendError(f"threads is {threads}; give the number of threads, or 0 for all")
        self._bundle = bundle
        self._threads = threads or available_threads()
        self._lock = threading.Lock()
        self.precision: Precision = precision
        self._networks: dict[str, Network] = {}
        if precision == "bf16":
            self._network(FUSION)  # what is missing is said at once

    def encode(self, plan: GeometryPlan, inputs: _Array) -> _Array:
        """See :class:`Backend`."""
        return self._network(ENCODER).run({"inputs": inputs, **plan.arrays})

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
        logits: _Array = self._network(FUSION).run({"image": image[None], "features": features[None]})[0]
        return logits

    def _network(self, name: str) -> Network:
        with self._lock:
            if name not in self._networks:
                path = self._bundle.file(name)
                network: Network
                if name == FUSION and self.precision == "bf16":
                    network = OpenVinoNetwork(path, self._threads)
                else:
                    # a scene is encoded once, frames come in numbers
                    network = OnnxRuntimeNetwork(path, self._threads, keep_memory=name == FUSION)
                self._check_interface(name, network)
                self._networks[name] = network
            return self._networks[name]

    def _check_interface(self, name: str, network: Network) -> None:
        spec, classes = self._bundle.manifest.encoder, len(self._bundle.classes)
        if name == ENCODER:
            inputs = {"inputs": {1: CHANNELS}}
            outputs = {"features": {1: spec.feature_channels}}
        else:
            inputs = {"image": {1: 3}, "features": {1: spec.feature_channels}}
            outputs = {"logits": {1: classes}}
        for kind, wanted, found in (("input", inputs, network.inputs), ("output", outputs, network.outputs)):
            for key, sizes in wanted.items():
                element_type, shape = found.get(key, ("nothing", ()))
                fits = element_type == "float32"
                if not fits or any(len(shape) <= axis or shape[axis] != size for axis, size in sizes.items()):
                    raise BundleError(
                        f"graph does not have the {kind} that the manifest promises",
                        file=self._bundle.file(name),
                        field=key,
                        found=f"{element_type} {list(shape)}" if key in found else "nothing",
                        expected=f"float32 with sizes {sizes}",
                        fix="Export the checkpoint again with rtgs2-export",
                    )


def _crop(rendering: Rendering, height: int, width: int) -> Rendering:
    return Rendering(
        rgb=rendering.rgb[:, :height, :width],
        features=rendering.features[:, :height, :width],
        alpha=rendering.alpha[:height, :width],
        depth=rendering.depth[:height, :width],
    )
