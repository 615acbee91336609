"""ONNX Runtime on the GPU: graphs that read and write our device memory, on our stream."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..cuda import DeviceArray
from ..errors import BackendError, BundleError
from ..tensorrt.platforms import is_jetson
from .engines import Arrays, signature


@dataclass(frozen=True)
class ExecutionProvider:
    """What ONNX Runtime calls a device, and how it is to use it.

    Attributes:
        name: of the execution provider.
        memory: of the memory that inputs and outputs are bound in.
        arena: of its memory pool.
        options: of the provider, besides stream and device.
    """

    name: str
    memory: str
    arena: str
    options: Mapping[str, str]


CUDA = ExecutionProvider(
    name="CUDAExecutionProvider",
    memory="cuda",
    arena="gpu",
    options={
        "arena_extend_strategy": "kSameAsRequested",  # not twice what a frame needs
        "cudnn_conv_algo_search": "HEURISTIC",  # trying all of them takes seconds for every new size
        "use_tf32": "0",  # FP32 means FP32; what may be less is decided in the graph
    },
)

_OUT_OF_MEMORY = "If GPU memory ran out, use a smaller image or scene, or end other programs on this GPU"


def provider_problem() -> str | None:
    """Return why ONNX Runtime cannot compute on the GPU here, with the cure; None if it offers to."""
    try:
        import onnxruntime
    except ImportError as error:
        return f"ONNX Runtime cannot be loaded ({error}): pip install onnxruntime-gpu"
    if CUDA.name in onnxruntime.get_available_providers():
        return None
    if is_jetson():
        return (
            f"ONNX Runtime {onnxruntime.__version__} has no CUDA, as none of PyPI's has on a Jetson: TensorRT does "
            "its work (rtgs2-export --tensorrt, then rtgs2 build)"
        )
    return (
        f"ONNX Runtime {onnxruntime.__version__} is a build without CUDA: pip uninstall onnxruntime, then pip install "
        "onnxruntime-gpu"
    )


class CudaNetwork:
    """A graph in ONNX Runtime's CUDA execution provider. Not to be run from several threads.

    Args:
        path: the ONNX file.
        stream: address of the CUDA stream that it runs on.
        device: number of the GPU.
        content: the file's bytes, checked.
        keep_memory: keep the memory of a run for the next one.

    Attributes:
        inputs: see :class:`rtgs2_trt.backends.engines.Network`; so `outputs`, `metadata`.

    Raises:
        BackendError: ONNX Runtime cannot compute on this GPU.
        BundleError: the graph cannot be loaded.
    """

    def __init__(self, path: Path, stream: int, device: int, *, content: bytes, keep_memory: bool) -> None:
        problem = provider_problem()
        if problem is not None:
            raise BackendError(problem)
        import onnxruntime

        onnxruntime.disable_telemetry_events()
        self._path, self._device = path, device
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        _load_libraries(onnxruntime)
        provider_options = {**CUDA.options, "device_id": str(device), "user_compute_stream": str(stream)}
        try:
            self._session = onnxruntime.InferenceSession(
                content, options, providers=[(CUDA.name, provider_options), "CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime's exceptions have no common base of their own
            if _is_of_cuda(error):
                raise BackendError(
                    f"ONNX Runtime {onnxruntime.__version__} failed on the GPU: {error}. {_OUT_OF_MEMORY}"
                ) from error
            raise BundleError(
                f"ONNX Runtime {onnxruntime.__version__} cannot load the graph: {error}",
                file=path,
                fix="Update onnxruntime-gpu, or export the checkpoint again with rtgs2-export",
            ) from error
        if self._session.get_providers()[0] != CUDA.name:  # it goes on with the CPU, quietly
            raise BackendError(
                f"ONNX Runtime {onnxruntime.__version__} could not start on the GPU: cuDNN or CUDA libraries that it "
                "needs are missing or of another version: pip install 'onnxruntime-gpu[cuda,cudnn]'"
            )
        self.inputs = signature(self._session.get_inputs())
        self.outputs = signature(self._session.get_outputs())
        self.metadata: Mapping[str, str] = self._session.get_modelmeta().custom_metadata_map
        self._waiting, self._enqueuing = onnxruntime.RunOptions(), onnxruntime.RunOptions()
        self._enqueuing.add_run_config_entry("disable_synchronize_execution_providers", "1")
        if not keep_memory:
            self._waiting.add_run_config_entry("memory.enable_memory_arena_shrinkage", f"{CUDA.arena}:{device}")

    def run(self, feed: Arrays) -> npt.NDArray[np.float32]:
        """Return the first output for arrays of the host, and wait for it; others' entries of `feed` are ignored.

        Raises:
            BackendError: the engine failed.
        """
        with self._failures():
            wanted = {name: feed[name] for name in self.inputs}
            result: npt.NDArray[np.float32] = self._session.run([next(iter(self.outputs))], wanted, self._waiting)[0]
        return result

    def bind(self, inputs: Mapping[str, DeviceArray], outputs: Mapping[str, DeviceArray]) -> object:
        """Return a binding of the graph's inputs and outputs to arrays, for :meth:`enqueue`; they must outlive it.

        Raises:
            BackendError: the arrays do not fit the graph.
        """
        with self._failures():
            binding = self._session.io_binding()
            for bind, arrays in ((binding.bind_input, inputs), (binding.bind_output, outputs)):
                for name, array in arrays.items():
                    bind(name, CUDA.memory, self._device, array.dtype.type, list(array.shape), array.address)
        return binding

    def enqueue(self, binding: object) -> None:
        """Put a run on the stream and return; the host waits for nothing.

        Raises:
            BackendError: the engine failed.
        """
        with self._failures():
            self._session.run_with_iobinding(binding, self._enqueuing)

    @contextlib.contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            raise BackendError(f"{self._path}: ONNX Runtime failed: {error}. {_OUT_OF_MEMORY}") from error


def _is_of_cuda(error: Exception) -> bool:
    return any(word in str(error) for word in ("CUDA", "CUDNN", "cuDNN", "CUBLAS", "cublas"))


def _load_libraries(onnxruntime: Any) -> None:
    """Let ONNX Runtime find the CUDA libraries that came as Python packages; it prints what it misses."""
    preload = getattr(onnxruntime, "preload_dlls", None)
    if preload is not None:
        with contextlib.redirect_stdout(io.StringIO()):
            preload(directory="")
