"""The encoder's engine: once a scene, from arrays of the host to arrays of the host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..backends.engines import Arrays, Signature
from ..backends.graphs import check_interface
from ..bundle import ENCODER_FP16, ENCODER_HASH, Bundle
from ..cuda import DeviceArray
from ..errors import BackendError
from .engine import Engine


class EncoderEngine:
    """A :class:`rtgs2_trt.backends.engines.Network`. Not to be run from several threads.

    A run takes the GPU memory that its scene needs and gives it back; between runs only the weights stay.

    Args:
        core: the CUDA core.
        module: TensorRT.
        content: the serialised engine.
        name: what messages call it.
        bundle: whose encoder it is.

    Attributes:
        inputs: see :class:`Network`; so `outputs`, `metadata`.
        device_memory: bytes of GPU memory that the largest scene takes.

    Raises:
        BackendError: TensorRT refuses the engine.
        BundleError: it is no encoder of this bundle.
    """

    def __init__(self, core: Any, module: Any, content: bytes, name: str, bundle: Bundle) -> None:
        self._core, self._name = core, name
        self._engine = Engine(module, content, name, None)
        self._stream = core.Stream()
        self.device_memory = self._engine.device_memory
        self.inputs, self.outputs = _signature(self._engine.inputs), _signature(self._engine.outputs)
        # Engines keep no metadata. The graph that this one was built from is part of its key, and of the manifest.
        self.metadata: Mapping[str, str] = {ENCODER_HASH: bundle.manifest.encoder.hash}
        check_interface(bundle, ENCODER_FP16, self)

    def layers(self) -> str:
        """Return what the engine inspector tells of all layers, as JSON."""
        return self._engine.layers()

    def run(self, feed: Arrays) -> npt.NDArray[np.float32]:
        """See :class:`Network`; waits for the result.

        Raises:
            BackendError: the engine was not built for such a scene, or failed.
        """
        stream = self._stream.address
        context = self._engine.context(with_memory=False)
        shapes: dict[str, tuple[int, ...]] = {}
        memory: dict[str, Any] = {}
        for name, (kind, _) in self.inputs.items():
            array = np.ascontiguousarray(feed[name])
            if array.dtype != kind:
                raise BackendError(f"{self._name}: input {name!r} is {array.dtype}, the engine takes {kind}")
            shapes[name], memory[name] = array.shape, self._core.Memory(array.nbytes)
            memory[name].write(array.reshape(-1).view(np.uint8))
        ((output, (_, (_, channels))),) = self._engine.outputs.items()
        features = DeviceArray.empty((len(feed["inputs"]), channels), np.float32, stream=stream)
        addresses = {name: part.address for name, part in memory.items()}
        context.bind(shapes, {**addresses, output: features.address})
        size = context.memory_for_shapes()
        scratch = self._core.Memory(size)
        context.lend_memory(scratch.address, size)
        context.enqueue(stream)
        return features.numpy()


def _signature(tensors: Mapping[str, tuple[str, tuple[int, ...]]]) -> Signature:
    return {
        name: (kind, tuple(None if size == -1 else size for size in shape)) for name, (kind, shape) in tensors.items()
    }
