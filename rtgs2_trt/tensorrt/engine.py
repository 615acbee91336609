"""A loaded engine, and the contexts that run it; each context is for one thread at a time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import BackendError
from .library import load_plugin, log_of, said, start

_TYPES = {"FLOAT": "float32", "HALF": "float16", "INT64": "int64", "INT32": "int32", "BOOL": "bool"}


class Engine:
    """An engine in GPU memory. Contexts of it may run at the same time.

    Args:
        module: TensorRT.
        content: the serialised engine.
        name: what messages call it.
        plugin: the plugin library; None where the graph has no node of ours.

    Attributes:
        inputs: element type and shape by name; dynamic sizes are -1.
        outputs: the same of the outputs.
        device_memory: bytes of GPU memory that a context takes, for the largest shapes.

    Raises:
        BackendError: TensorRT refuses the engine.
    """

    def __init__(self, module: Any, content: bytes, name: str, plugin: Path | None) -> None:
        self._module, self._name = module, name
        log = log_of(module)
        with log.collecting() as errors:
            # The library lies in the engine, and TensorRT may refuse a creator that is there already. Where it does not
            # take the engine's own, once more with the installed one.
            for file in (None, plugin) if plugin is not None else (None,):
                self._runtime = start(module, "Runtime", log)
                self._runtime.engine_host_code_allowed = True
                if file is not None:
                    load_plugin(module, self._runtime.get_plugin_registry(), file)
                self._engine = self._runtime.deserialize_cuda_engine(content)
                if self._engine is not None:
                    break
        if self._engine is None:
            raise BackendError(
                f"{name}: TensorRT {module.__version__} cannot load the engine{said(errors)}: rtgs2 build --force"
            )
        self.inputs, self.outputs = {}, {}
        for place in range(self._engine.num_io_tensors):
            tensor = self._engine.get_tensor_name(place)
            is_input = self._engine.get_tensor_mode(tensor) == module.TensorIOMode.INPUT
            dtype = self._engine.get_tensor_dtype(tensor)
            kind = _TYPES.get(dtype.name, dtype.name)
            shape = tuple(int(size) for size in self._engine.get_tensor_shape(tensor))
            (self.inputs if is_input else self.outputs)[tensor] = (kind, shape)
        self.device_memory = int(self._engine.device_memory_size_v2)

    inputs: dict[str, tuple[str, tuple[int, ...]]]
    outputs: dict[str, tuple[str, tuple[int, ...]]]

    def context(self, *, with_memory: bool = True) -> EngineContext:
        """Return a new context.

        Args:
            with_memory: for all shapes that the engine takes. Without, the caller lends what the bound shapes need.

        Raises:
            BackendError: not enough GPU memory.
        """
        with log_of(self._module).collecting() as errors:
            if with_memory:
                context = self._engine.create_execution_context()
            else:
                managed = self._module.ExecutionContextAllocationStrategy.USER_MANAGED
                context = self._engine.create_execution_context(managed)
        if context is None:
            size = f" of {self.device_memory >> 20} MiB" if with_memory else ""
            raise BackendError(
                f"{self._name}: no context{size} can be made{said(errors)}. If GPU memory ran out, use fewer threads "
                "or end other programs, or build for smaller scenes (rtgs2 build --help)"
            )
        return EngineContext(context, log_of(self._module), self._name)

    def layers(self) -> str:
        """Return what the engine inspector tells of all layers, as JSON."""
        inspector = self._engine.create_engine_inspector()
        told = inspector and inspector.get_engine_information(self._module.LayerInformationFormat.JSON)
        return str(told or "{}")  # only a dump for people: not worth an engine


class EngineContext:
    """What one thread runs an engine with."""

    def __init__(self, context: Any, log: Any, name: str) -> None:
        self._context, self._log, self._name = context, log, name

    def bind(self, shapes: Mapping[str, tuple[int, ...]], addresses: Mapping[str, int]) -> None:
        """Set the shapes of the inputs and the addresses of all inputs and outputs.

        Raises:
            BackendError: the engine does not take them.
        """
        with self._log.collecting() as errors:
            for name, shape in shapes.items():
                if not self._context.set_input_shape(name, shape):
                    raise BackendError(f"{self._name}: input {name!r} cannot be of shape {shape}{said(errors)}")
            for name, address in addresses.items():
                if not self._context.set_tensor_address(name, address):
                    raise BackendError(f"{self._name}: {name!r} cannot lie at {address:#x}{said(errors)}")
            try:
                missing = self._context.infer_shapes()
            except RuntimeError as error:  # where sizes do not go together
                raise BackendError(f"{self._name}: shapes do not go together ({error}){said(errors)}") from error
        if missing:
            raise BackendError(f"{self._name}: inputs {list(missing)} have no shape or address{said(errors)}")

    def memory_for_shapes(self) -> int:
        """Return how many bytes of GPU memory the bound shapes need.

        Raises:
            BackendError: TensorRT cannot tell.
        """
        with self._log.collecting() as errors:
            size = int(self._context.update_device_memory_size_for_shapes())
        if size <= 0:
            raise BackendError(f"{self._name}: TensorRT does not tell how much memory a run needs{said(errors)}")
        return size

    def lend_memory(self, address: int, size: int) -> None:
        """Let runs work in `size` bytes at `address`, which must live until they have ended; before :meth:`enqueue`."""
        self._context.set_device_memory(address, size)

    def enqueue(self, stream: int) -> None:
        """Put a run on the stream and return.

        Raises:
            BackendError: the engine failed.
        """
        with self._log.collecting() as errors:
            done = self._context.execute_async_v3(stream)
        if not done:
            raise BackendError(f"{self._name}: TensorRT failed{said(errors)}")
