"""The CPU backend: the core's rasteriser and argmax, the networks through ONNX Runtime or OpenVINO."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..bundle import FUSION, GOLDEN, Bundle
from ..camera import Camera
from ..geometry_plan import GeometryPlan
from ..rasterize import rasterize
from ..scene import Scene
from ..threads import available_threads
from ..upsample import upsample
from ..upsample_argmax import upsample_argmax
from ._protocol import Frame, FrameRequest, Precision, PrecisionChoice
from .engines import Network, OnnxRuntimeNetwork, OpenVinoNetwork
from .graphs import check_interface, check_shape, encoder_file, encoder_precision, fusion_file, run_encoder

_Array = npt.NDArray[np.float32]


class CpuBackend:
    """Runs a bundle on the CPU.

    Args:
        bundle: the opened bundle.
        threads: threads of every stage, 0 for all that this process may use.
        precision: arithmetic of the fusion network, ``"auto"`` is FP32; the encoder, once a scene, computes in FP32.
            ``"fp16"`` runs the graphs that are meant for GPUs, to see what they give; on a CPU they are the slowest.

    Raises:
        BundleError: a graph cannot be used.
        BackendError: the precision cannot be had here.
    """

    name = "cpu"
    golden = GOLDEN

    def __init__(self, bundle: Bundle, threads: int = 0, precision: PrecisionChoice = "auto") -> None:
        self._bundle = bundle
        self._threads = threads or available_threads()
        self._lock = threading.Lock()
        self.precision: Precision = "fp32" if precision == "auto" else precision
        self._networks: dict[str, Network] = {}
        self.encoder_precision: Precision = encoder_precision(bundle, self.precision)
        self._encoder, self._fusion = encoder_file(bundle, self.precision), fusion_file(bundle, self.precision)
        self._network(self._fusion)  # every frame needs it: what is missing or wrong is said at once

    def encode(self, plan: GeometryPlan, inputs: _Array) -> _Array:
        """See :class:`Backend`."""
        return run_encoder(self._bundle, self._encoder, self._network(self._encoder), plan, inputs)

    def frames(self, scene: Scene, cameras: Sequence[Camera], request: FrameRequest) -> list[Frame]:
        """See :class:`Backend`."""
        return [self._frame(scene, camera, request) for camera in cameras]

    def _frame(self, scene: Scene, camera: Camera, request: FrameRequest) -> Frame:
        start = time.perf_counter()
        rendering = rasterize(scene, camera.padded(32), threads=self._threads)
        rendered = time.perf_counter()
        output = self.fuse(rendering.rgb, rendering.features)
        fused = time.perf_counter()
        labels = confidence = depth = None
        if self._bundle.manifest.task == "depth":
            depth = upsample(output[0], camera.height, camera.width)
        else:
            labels, confidence = upsample_argmax(
                output, camera.height, camera.width, confidence=request.confidence, threads=self._threads
            )
        seconds = {
            "rasterize": rendered - start,
            "fuse": fused - rendered,
            "argmax" if depth is None else "upsample": time.perf_counter() - fused,
        }

        def cropped(image: _Array, wanted: bool) -> _Array | None:
            return np.ascontiguousarray(image[..., : camera.height, : camera.width]) if wanted else None

        return Frame(
            labels=labels,
            depth_prediction=depth,
            confidence=confidence,
            output=output if request.output else None,
            rgb=cropped(rendering.rgb, request.rgb),
            alpha=cropped(rendering.alpha, request.alpha),
            depth=cropped(rendering.depth, request.depth),
            seconds=seconds,
        )

    def fuse(self, image: _Array, features: _Array) -> _Array:
        """Return the output (C, H / 4, W / 4) for an RGB `image` (3, H, W) and `features` (D, H, W)."""
        output = self._network(self._fusion).run({"image": image[None], "features": features[None]})
        shape = (1, self._bundle.manifest.output_channels, image.shape[1] // 4, image.shape[2] // 4)
        check_shape(self._bundle, self._fusion, output.shape, shape)
        first: _Array = output[0]
        return first

    def _network(self, name: str) -> Network:
        with self._lock:
            if name not in self._networks:
                path, content = self._bundle.file(name), self._bundle.read(name)
                network: Network
                if name == FUSION and self.precision == "bf16":
                    network = OpenVinoNetwork(path, self._threads, content=content)
                else:
                    # a scene is encoded once, frames come in numbers
                    network = OnnxRuntimeNetwork(path, self._threads, content=content, keep_memory=name == self._fusion)
                check_interface(self._bundle, name, network)
                self._networks[name] = network
            return self._networks[name]
