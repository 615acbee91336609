"""The CPU backend: the core's rasteriser and argmax, the networks through ONNX Runtime or OpenVINO."""

from __future__ import annotations

import threading
import time

import numpy as np
import numpy.typing as npt

from ..bundle import ENCODER, ENCODER_HASH, FUSION, FUSION_FP16, OUTPUT_NAMES, Bundle
from ..camera import Camera
from ..encoder_inputs import CHANNELS
from ..errors import BundleError, shown
from ..geometry_plan import GeometryPlan
from ..memory import release_freed_memory
from ..rasterize import Rendering, rasterize
from ..scene import Scene
from ..threads import available_threads
from ..upsample import upsample
from ..upsample_argmax import upsample_argmax
from ._protocol import Frame, FrameRequest, Precision
from .engines import Network, OnnxRuntimeNetwork, OpenVinoNetwork

_Array = npt.NDArray[np.float32]

_EXPORT_AGAIN = "Export the checkpoint again with rtgs2-export"


class CpuBackend:
    """Runs a bundle on the CPU.

    Args:
        bundle: the opened bundle.
        threads: threads of every stage, 0 for all that this process may use.
        precision: arithmetic of the fusion network; the encoder, once a scene, computes in FP32. ``"fp16"`` runs the
            graph that is meant for GPUs, to see what it gives; on a CPU it is the slowest.
    """

    name = "cpu"

    def __init__(self, bundle: Bundle, threads: int = 0, precision: Precision = "fp32") -> None:
        self._bundle = bundle
        self._threads = threads or available_threads()
        self._lock = threading.Lock()
        self.precision: Precision = precision
        self._networks: dict[str, Network] = {}
        self._fusion = FUSION_FP16 if precision == "fp16" else FUSION
        if self._fusion not in bundle.manifest.files:
            raise BundleError(
                "bundle has no FP16 graph",
                file=bundle.path,
                found=f"precision {list(bundle.manifest.precision)}",
                fix="Export the checkpoint again with rtgs2-export --precision both, or take precision 'fp32'",
            )
        self._network(self._fusion)  # every frame needs it: what is missing or wrong is said at once

    def encode(self, plan: GeometryPlan, inputs: _Array) -> _Array:
        """See :class:`Backend`."""
        network = self._network(ENCODER)
        unknown = [name for name in network.inputs if name != "inputs" and name not in plan.arrays]
        if unknown:
            raise BundleError(
                "graph has an input that no geometry plan provides",
                file=self._bundle.file(ENCODER),
                field=shown(unknown[0]),
                fix=_EXPORT_AGAIN,
            )
        try:
            features = network.run({"inputs": inputs, **plan.arrays})
        finally:
            release_freed_memory()  # else every thread that ever encoded keeps what the largest scene took
        self._check_shape(ENCODER, features, (len(inputs), self._bundle.manifest.encoder.feature_channels))
        return features

    def frame(self, scene: Scene, camera: Camera, request: FrameRequest) -> Frame:
        """See :class:`Backend`."""
        start = time.perf_counter()
        padded = camera.padded(32)
        rendering = rasterize(scene, padded, threads=self._threads)
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
        cropped = _crop(rendering, camera.height, camera.width)
        return Frame(labels, depth, confidence, cropped, output if request.output else None, seconds)

    def fuse(self, image: _Array, features: _Array) -> _Array:
        """Return the output (C, H / 4, W / 4) for an RGB `image` (3, H, W) and `features` (D, H, W)."""
        output = self._network(self._fusion).run({"image": image[None], "features": features[None]})
        shape = (1, self._bundle.manifest.output_channels, image.shape[1] // 4, image.shape[2] // 4)
        self._check_shape(self._fusion, output, shape)
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
                    network = OnnxRuntimeNetwork(path, self._threads, content=content, keep_memory=name != ENCODER)
                self._check_interface(name, network)
                self._networks[name] = network
            return self._networks[name]

    def _check_interface(self, name: str, network: Network) -> None:
        manifest = self._bundle.manifest
        spec = manifest.encoder
        if name == ENCODER:
            inputs = {"inputs": {1: CHANNELS}}
            outputs = {"features": {1: spec.feature_channels}}
        else:
            inputs = {"image": {1: 3}, "features": {1: spec.feature_channels}}
            outputs = {OUTPUT_NAMES[manifest.task]: {1: manifest.output_channels}}
        input_type = "float16" if name == FUSION_FP16 else "float32"
        output_type = "float32" if manifest.task == "depth" else input_type
        for kind, wanted, found, expected_type in (
            ("input", inputs, network.inputs, input_type),
            ("output", outputs, network.outputs, output_type),
        ):
            for key, sizes in wanted.items():
                element_type, shape = found.get(key, ("nothing", ()))
                fits = element_type == expected_type
                if not fits or any(len(shape) <= axis or shape[axis] != size for axis, size in sizes.items()):
                    raise BundleError(
                        f"graph does not have the {kind} that the manifest promises",
                        file=self._bundle.file(name),
                        field=key,
                        found=f"{element_type} {list(shape)}" if key in found else "nothing",
                        expected=f"{expected_type} with sizes {sizes}",
                        fix=_EXPORT_AGAIN,
                    )
        if name == ENCODER and network.metadata.get(ENCODER_HASH) != spec.hash:
            raise BundleError(
                "graph is not the encoder that the manifest describes",
                file=self._bundle.file(name),
                field=ENCODER_HASH,
                found=shown(network.metadata.get(ENCODER_HASH, "nothing")),
                expected=shown(spec.hash),
                fix=_EXPORT_AGAIN,
            )

    def _check_shape(self, name: str, result: _Array, expected: tuple[int, ...]) -> None:
        if result.shape != expected:
            raise BundleError(
                "graph computes something of another shape than the manifest promises",
                file=self._bundle.file(name),
                field="features" if name == ENCODER else OUTPUT_NAMES[self._bundle.manifest.task],
                found=result.shape,
                expected=expected,
                fix=_EXPORT_AGAIN,
            )


def _crop(rendering: Rendering, height: int, width: int) -> Rendering:
    return Rendering(
        rgb=rendering.rgb[:, :height, :width],
        features=rendering.features[:, :height, :width],
        alpha=rendering.alpha[:height, :width],
        depth=rendering.depth[:height, :width],
    )
