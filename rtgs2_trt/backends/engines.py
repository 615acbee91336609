"""What computes the networks on a CPU: ONNX Runtime, and OpenVINO for reduced precision."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ..errors import BackendError, BundleError

Arrays = Mapping[str, npt.NDArray[Any]]
Signature = dict[str, tuple[str, tuple[int | None, ...]]]
_Sizes = tuple[tuple[str, tuple[int, ...]], ...]

_SIZES_KEPT = 4
_OUT_OF_MEMORY = "If memory ran out, use fewer threads, a smaller image or a smaller scene"


class Network(Protocol):
    """A loaded graph. May be run from several threads.

    Attributes:
        inputs: element type (``float32``, ``float16``, ``int32``) and sizes of each input, None where they are dynamic.
        outputs: the same of each output.
        metadata: texts that the exporter left in the graph.
    """

    inputs: Signature
    outputs: Signature
    metadata: Mapping[str, str]

    def run(self, feed: Arrays) -> npt.NDArray[np.float32]:
        """Return the first output as float32; entries of `feed` that the graph does not take are ignored.

        Where the graph takes float16, float32 entries are rounded to it.

        Raises:
            BackendError: the engine failed.
        """


class OnnxRuntimeNetwork:
    """A graph in ONNX Runtime, in the arithmetic that it spells out.

    Args:
        path: the ONNX file.
        threads: threads of a run.
        content: the file's bytes if they are at hand, checked; nothing is read then.
        keep_memory: keep the memory of a run for the next one. Without, it goes back to the system after each run;
            within a run it is pooled in any case, since pages fresh from the system cost more than the arithmetic.

    Raises:
        BundleError: the graph cannot be loaded.
    """

    def __init__(
        self, path: str | Path, threads: int, *, content: bytes | None = None, keep_memory: bool = False
    ) -> None:
        import onnxruntime

        onnxruntime.disable_telemetry_events()
        self._path = Path(path)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.enable_cpu_mem_arena = True
        # idle threads would wait busily for the next run, on the CPUs that argmax and rasteriser want
        options.add_session_config_entry("session.force_spinning_stop", "1")
        self._run_options = onnxruntime.RunOptions()
        if not keep_memory:
            self._run_options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        try:
            graph = str(path) if content is None else content
            self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's exceptions have no common base of their own
            raise BundleError(
                f"ONNX Runtime {onnxruntime.__version__} cannot load the graph: {error}",
                file=path,
                fix="Update onnxruntime, or export the checkpoint again with rtgs2-export",
            ) from error
        self.inputs = signature(self._session.get_inputs())
        self.outputs = signature(self._session.get_outputs())
        self.metadata: Mapping[str, str] = self._session.get_modelmeta().custom_metadata_map

    def run(self, feed: Arrays) -> npt.NDArray[np.float32]:
        """See :class:`Network`."""
        try:
            wanted = {
                name: feed[name].astype(np.float16, copy=False) if element_type == "float16" else feed[name]
                for name, (element_type, _) in self.inputs.items()
            }
            (output,) = self._session.run([next(iter(self.outputs))], wanted, self._run_options)
            result: npt.NDArray[np.float32] = output.astype(np.float32, copy=False)
        except Exception as error:
            raise BackendError(f"{self._path}: ONNX Runtime failed: {error}. {_OUT_OF_MEMORY}") from error
        return result


def signature(entries: list[Any]) -> Signature:
    """Return what ONNX Runtime tells of a session's inputs or outputs."""
    types = {"tensor(float)": "float32", "tensor(float16)": "float16", "tensor(int32)": "int32"}
    return {
        entry.name: (
            types.get(entry.type, entry.type),
            tuple(size if isinstance(size, int) else None for size in entry.shape),
        )
        for entry in entries
    }


class OpenVinoNetwork:
    """A graph in OpenVINO with BF16 arithmetic: inputs and outputs stay FP32.

    OpenVINO is faster with fixed sizes, so each new size of the inputs is compiled, which takes about a second; the
    last few are kept.

    Args:
        path: the ONNX file.
        threads: threads of a run.
        content: the file's bytes if they are at hand, checked; nothing is read then.

    Raises:
        BackendError: OpenVINO is not installed, or this CPU has no BF16.
        BundleError: the graph cannot be loaded.
    """

    def __init__(self, path: str | Path, threads: int, *, content: bytes | None = None) -> None:
        try:
            import openvino
        except ImportError as error:
            raise BackendError(
                "precision 'bf16' needs OpenVINO: pip install 'rtgs2-trt[openvino]', or take precision 'fp32'"
            ) from error
        self._path = Path(path)
        self._core = openvino.Core()
        if "BF16" not in self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise BackendError("this CPU does not compute in BF16; take precision 'fp32'")
        self._options = {
            "INFERENCE_PRECISION_HINT": "bf16",
            "INFERENCE_NUM_THREADS": threads,
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": 1,
            "ENABLE_CPU_PINNING": False,  # other stages' and processes' threads want the same CPUs
        }
        try:
            self._model = self._core.read_model(str(path) if content is None else content)
        except Exception as error:  # OpenVINO raises RuntimeError and its subclasses for a graph it does not take
            raise BundleError(
                f"OpenVINO {openvino.__version__} cannot load the graph: {error}",
                file=path,
                fix="Take precision 'fp32', or export the checkpoint again with rtgs2-export",
            ) from error
        self.inputs = _openvino_signature(self._model.inputs)
        self.outputs = _openvino_signature(self._model.outputs)
        self.metadata: Mapping[str, str] = {}  # only the encoder's is looked at, which runs in FP32
        self._lock = threading.Lock()
        self._compiled: OrderedDict[_Sizes, _Compiled] = OrderedDict()

    def run(self, feed: Arrays) -> npt.NDArray[np.float32]:
        """See :class:`Network`."""
        try:
            compiled = self._compile(tuple((name, feed[name].shape) for name in self.inputs))
            try:
                request = compiled.idle.pop()
            except IndexError:  # all are at work; to look first would be too late, another thread may take the last
                request = compiled.model.create_infer_request()
            request.infer({name: feed[name] for name in self.inputs}, share_inputs=True)
            result: npt.NDArray[np.float32] = request.get_output_tensor(0).data.copy()
        except Exception as error:
            raise BackendError(f"{self._path}: OpenVINO failed: {error}. {_OUT_OF_MEMORY}") from error
        compiled.idle.append(request)
        return result

    def _compile(self, sizes: _Sizes) -> _Compiled:
        with self._lock:
            if sizes not in self._compiled:
                model = self._model.clone()
                model.reshape({name: list(shape) for name, shape in sizes})
                self._compiled[sizes] = _Compiled(self._core.compile_model(model, "CPU", self._options))
                if len(self._compiled) > _SIZES_KEPT:
                    self._compiled.popitem(last=False)
            self._compiled.move_to_end(sizes)
            return self._compiled[sizes]


class _Compiled:
    """A model compiled for one size. A request holds a run's memory; as many are made as threads run at once."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.idle: list[Any] = []


def _openvino_signature(ports: list[Any]) -> Signature:
    types = {"f32": "float32", "i32": "int32"}
    return {
        port.any_name: (
            types.get(port.element_type.get_type_name(), port.element_type.get_type_name()),
            tuple(size.get_length() if size.is_static else None for size in port.partial_shape),
        )
        for port in ports
    }
