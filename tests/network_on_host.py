"""Graphs run by ONNX Runtime's CPU on copies of what lies in GPU memory: where ONNX Runtime has no CUDA."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from rtgs2_trt.backends.engines import Arrays, signature
from rtgs2_trt.cuda import DeviceArray


class NetworkOnHost:
    """In the place of :class:`rtgs2_trt.backends.cuda_engine.CudaNetwork`; waits in every frame, as that never does."""

    def __init__(self, path: Path, stream: int, device: int, *, content: bytes, keep_memory: bool) -> None:
        self._session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        self.inputs = signature(self._session.get_inputs())
        self.outputs = signature(self._session.get_outputs())
        self.metadata: Mapping[str, str] = self._session.get_modelmeta().custom_metadata_map

    def run(self, feed: Arrays) -> Any:
        return self._session.run([next(iter(self.outputs))], {name: feed[name] for name in self.inputs})[0]

    def bind(self, inputs: Mapping[str, DeviceArray], outputs: Mapping[str, DeviceArray]) -> object:
        return tuple({name: _Copy(array) for name, array in arrays.items()} for arrays in (inputs, outputs))

    def enqueue(self, binding: Any) -> None:
        inputs, outputs = binding
        found = self._session.run(list(outputs), {name: copy.read() for name, copy in inputs.items()})
        for value, copy in zip(found, outputs.values(), strict=True):
            copy.write(value)


@dataclass
class _Copy:
    """An array of the GPU and pinned memory of its size; copying allocates nothing."""

    array: DeviceArray

    def __post_init__(self) -> None:
        from rtgs2_trt import _cuda

        self._core = _cuda
        self._memory, self._moment = _cuda.PinnedMemory(self.array.nbytes), _cuda.Event()

    def read(self) -> np.ndarray[Any, Any]:
        self._copy(self._memory.address, self.array.address)
        return self._memory.view().view(self.array.dtype).reshape(self.array.shape)

    def write(self, values: np.ndarray[Any, Any]) -> None:
        assert (values.shape, values.dtype) == (self.array.shape, self.array.dtype)
        self._memory.view()[:] = np.ascontiguousarray(values).reshape(-1).view(np.uint8)
        self._copy(self.array.address, self._memory.address)

    def _copy(self, to: int, source: int) -> None:
        count, stream = self.array.nbytes, self.array.stream
        self._core.copy_rows(to, count, source, count, count, 1, stream)
        self._moment.record(stream)
        self._moment.wait()
