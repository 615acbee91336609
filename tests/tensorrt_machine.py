"""A machine with TensorRT, made of stand-ins behind the real classes: builds "engines" and runs them on the CPU.

What a stand-in checks is what TensorRT would: shapes within the profile, all inputs bound, versions that fit. An engine
is the graph behind a header; running it executes the plugin's node with our rasteriser and the rest with ONNX Runtime,
on the very addresses that were bound, which are host memory where the GPU is emulated.
"""

from __future__ import annotations

import ctypes
import json
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper

from tensorrt_specified import Specification, Specified, SpecifiedModule

HEADER = b"STANDIN1"
NEEDED_BYTES = 12_345  # of a context without memory of its own
DTYPES = {"float32": "FLOAT", "float16": "HALF", "int64": "INT64", "int32": "INT32"}


class Machine:
    """Stand-ins for everything that our code uses.

    Attributes:
        module: what takes the place of ``tensorrt``.
        specification: records what was used.
        distort: changes what engines give.
        steps: of a build; `on_step` is called in each.
        fails: what TensorRT says when it cannot build a frame's engine; None if it can. So `encoder_fails`.
        refuses_second_plugin: whether a library that was loaded may not lie in the engine too.
        null: what of a build is a null pointer: ``"timing cache of bytes"``, ``"timing cache"``, ``"attached timing
            cache"``, ``"timings"``, ``"inspector"``; or a class that does not start.
    """

    _networks: ClassVar[dict[bytes, Any]] = {}  # of all machines: a graph takes its time to load
    _lock = threading.Lock()

    def __init__(self, real: Any, hidden: frozenset[tuple[str, str]] = frozenset(), version: str | None = None) -> None:
        self.specification = Specification(real, hidden)
        makers: Mapping[str, Callable[..., Any]] = {
            "Builder": lambda logger: self._started("Builder", Builder(self, logger), logger),
            "OnnxParser": lambda network, logger: self._started("OnnxParser", Parser(self, network), logger),
            "Runtime": lambda logger: self._started("Runtime", Runtime(self, logger), logger),
        }
        self.real = real
        self.module = SpecifiedModule(self.specification, makers, version)
        self.distort: Callable[[dict[str, Any]], dict[str, Any]] = lambda outputs: outputs
        self.steps, self.on_step = 3, lambda step: None
        self.fails: str | None = None
        self.encoder_fails: str | None = None
        self.refuses_second_plugin = False
        self.null: set[str] = set()
        self.builds = self.contexts = self.runs = 0
        self.log: list[str] = []
        self.device_timings = b"timings of this device"
        self.needs = (0, 0)
        self.last_config: Config | None = None

    def _started(self, name: str, stand_in: Any, logger: Any) -> Any:
        if name in self.null:
            logger.log(self.real.ILogger.Severity.ERROR, "CUDA initialization failure with error: 2")
            raise TypeError("pybind11::init(): factory function returned nullptr")
        return stand_in

    def make(self, name: str, stand_in: Any) -> Specified:
        return Specified(self.specification, name, stand_in)

    def network(self, graph: bytes) -> Any:
        """What runs a graph: with its plugin's node, or without one."""
        from rtgs2_export.frame_on_cpu import FrameOnCpu

        with self._lock:
            if graph not in self._networks:
                model = onnx.load_from_string(graph)
                plugin = any(node.domain == "rtgs2" for node in model.graph.node)
                self._networks[graph] = FrameOnCpu(model, 1) if plugin else PlainNetwork(graph)
            return self._networks[graph]


def install(machine: Machine, plugin: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ``import tensorrt`` find the machine's, and our code the plugin library."""
    monkeypatch.setitem(sys.modules, "tensorrt", machine.module)
    monkeypatch.setenv("RTGS2_TENSORRT_PLUGIN", str(plugin))


class PlainNetwork:
    """A graph without a plugin, in ONNX Runtime."""

    def __init__(self, graph: bytes) -> None:
        self.session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])

    def run(self, feed: dict[str, Any]) -> dict[str, Any]:
        names = [output.name for output in self.session.get_outputs()]
        return dict(zip(names, self.session.run(names, feed), strict=True))


class Registry:
    def __init__(self, machine: Machine) -> None:
        self.machine, self.loaded = machine, False

    def load_library(self, path: str) -> Any:
        self.loaded = Path(path).read_bytes().startswith(b"plugin")
        return self if self.loaded else None

    def get_creator(self, kind: str, version: str, namespace: str = "") -> Any:
        return self if self.loaded and (kind, version, namespace) == ("RtgsRasterizeGaussians", "1", "") else None


class Memory:
    def __init__(self, content: bytes) -> None:
        self.content = content


class Builder:
    def __init__(self, machine: Machine, logger: Any) -> None:
        self.machine, self.logger, self.registry = machine, logger, Registry(machine)

    def get_plugin_registry(self) -> Any:
        return self.machine.make("IPluginRegistry", self.registry)

    def create_network(self, flags: int = 0) -> Any:
        kinds = self.machine.real.NetworkDefinitionCreationFlag
        assert flags == 1 << int(kinds.STRONGLY_TYPED), "precision must be that of the graph, and nothing else set"
        return self.machine.make("INetworkDefinition", Network(self.machine))

    def create_builder_config(self) -> Any:
        return self.machine.make("IBuilderConfig", Config(self.machine))

    def create_optimization_profile(self) -> Any:
        return self.machine.make("IOptimizationProfile", Profile())

    def build_serialized_network(self, network: Any, config: Any) -> Any:
        machine, settings = self.machine, config._stand_in
        machine.builds += 1
        machine.last_config = settings
        has_plugin = any(node.domain == "rtgs2" for node in onnx.load_from_string(network._stand_in.graph).graph.node)
        assert self.registry.loaded or not has_plugin, "the parser would not find the plugin"
        assert settings.profiles, "dynamic inputs want a profile"
        monitor = settings.progress_monitor
        monitor.phase_start("Building", None, machine.steps)
        monitor.phase_start("Kernels", "Building", 1)
        monitor.step_complete("Kernels", 0)
        monitor.phase_finish("Kernels")
        for step in range(machine.steps):
            machine.on_step(step)
            if not monitor.step_complete("Building", step):
                monitor.phase_finish("Building")
                return None
        monitor.phase_finish("Building")
        fails = machine.fails if self.registry.loaded else machine.encoder_fails
        if fails is not None:
            self.logger.log(machine.real.ILogger.Severity.ERROR, fails)
            return None
        head = {
            "version": machine.module.__version__,
            "profile": settings.profiles[0],
            "plugins": len(settings.plugins),
            "wants_plugin": has_plugin,
        }
        text = json.dumps(head).encode()
        content = HEADER + len(text).to_bytes(4, "little") + text + network._stand_in.graph
        return machine.make("IHostMemory", Memory(content))


class Network:
    def __init__(self, machine: Machine) -> None:
        self.machine, self.graph = machine, b""
        self.inputs: list[Any] = []

    @property
    def num_inputs(self) -> int:
        return len(self.inputs)

    def get_input(self, index: int) -> Any:
        return self.machine.make("ITensor", self.inputs[index])


class Tensor:
    def __init__(self, name: str, shape: tuple[int, ...]) -> None:
        self.name, self.shape = name, shape


class Parser:
    def __init__(self, machine: Machine, network: Any) -> None:
        self.machine, self.network = machine, network._stand_in
        self.errors: list[str] = []

    def parse(self, model: bytes) -> bool:
        graph = onnx.load_from_string(model).graph
        bad = [node.name for node in graph.node if node.op_type == "NonZero"]
        self.errors = bad
        self.network.graph = model
        self.network.inputs = [Tensor(name, shape) for name, (_, shape) in _tensors(graph.input).items()]
        return not bad

    @property
    def num_errors(self) -> int:
        return len(self.errors)

    def get_error(self, index: int) -> Any:
        return self.machine.make("ParserError", ParserError(self.errors[index]))


class ParserError:
    def __init__(self, node: str) -> None:
        self._node = node

    def node_name(self) -> str:
        return self._node

    def node_operator(self) -> str:
        return "NonZero"

    def desc(self) -> str:
        return "not supported"


class Profile:
    def __init__(self) -> None:
        self.shapes: dict[str, list[tuple[int, ...]]] = {}

    def set_shape(self, name: str, low: Any, typical: Any, high: Any) -> None:
        assert all(a <= b <= c for a, b, c in zip(low, typical, high, strict=True))
        self.shapes[name] = [tuple(low), tuple(typical), tuple(high)]


class Config:
    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.profiles: list[dict[str, Any]] = []
        self.pools: dict[str, int] = {}
        self.cleared: set[str] = set()
        self.plugins: list[str] = []
        self.progress_monitor: Any = None
        self.builder_optimization_level = 3
        self.profiling_verbosity: Any = None
        self.cache: Any = None

    @property
    def plugins_to_serialize(self) -> list[str]:
        return self.plugins

    @plugins_to_serialize.setter
    def plugins_to_serialize(self, paths: list[str]) -> None:
        self.plugins = list(paths)

    def set_memory_pool_limit(self, pool: Any, size: int) -> None:
        self.pools[pool.name] = size

    def clear_flag(self, flag: Any) -> None:
        self.cleared.add(flag.name)

    def create_timing_cache(self, content: bytes) -> Any:
        if {"timing cache", "timing cache of bytes" if content else "timing cache"} & self.machine.null:
            return None
        return self.machine.make("ITimingCache", TimingCache(self.machine, bytes(content)))

    def set_timing_cache(self, cache: Any, ignore_mismatch: bool) -> bool:
        assert not ignore_mismatch
        if cache._stand_in.content not in (b"", self.machine.device_timings):
            return False
        self.cache = cache
        return True

    def get_timing_cache(self) -> Any:
        return None if "attached timing cache" in self.machine.null else self.cache

    def add_optimization_profile(self, profile: Any) -> int:
        self.profiles.append(profile._stand_in.shapes)
        return len(self.profiles) - 1


class TimingCache:
    def __init__(self, machine: Machine, content: bytes) -> None:
        self.machine, self.content = machine, content

    def serialize(self) -> Any:
        if "timings" in self.machine.null:
            return None
        return self.machine.make("IHostMemory", Memory(self.machine.device_timings))


class Runtime:
    def __init__(self, machine: Machine, logger: Any) -> None:
        self.machine, self.logger, self.registry = machine, logger, Registry(machine)
        self.engine_host_code_allowed = False

    def get_plugin_registry(self) -> Any:
        return self.machine.make("IPluginRegistry", self.registry)

    def deserialize_cuda_engine(self, content: bytes) -> Any:
        content, machine = bytes(content), self.machine
        length = int.from_bytes(content[8:12], "little")
        head = json.loads(content[12 : 12 + length]) if content.startswith(HEADER) else None
        twice = self.registry.loaded and machine.refuses_second_plugin
        missing = head is not None and head["wants_plugin"] and not self.registry.loaded and not head["plugins"]
        if (
            twice
            or missing
            or head is None
            or head["version"] != machine.module.__version__
            or not self.engine_host_code_allowed
        ):
            self.logger.log(machine.real.ILogger.Severity.ERROR, "the engine is of another version")
            return None
        return machine.make("ICudaEngine", Engine(machine, head["profile"], content[12 + length :]))


class Engine:
    def __init__(self, machine: Machine, profile: dict[str, Any], graph: bytes) -> None:
        self.machine, self.profile, self.graph = machine, profile, graph
        model = onnx.load_from_string(graph).graph
        self.inputs, self.outputs = _tensors(model.input), _tensors(model.output)
        self.names = [*self.inputs, *self.outputs]
        self.device_memory_size_v2 = 123 << 20

    @property
    def num_io_tensors(self) -> int:
        return len(self.names)

    def get_tensor_name(self, index: int) -> str:
        return self.names[index]

    def get_tensor_mode(self, name: str) -> Any:
        modes = self.machine.real.TensorIOMode
        return modes.INPUT if name in self.inputs else modes.OUTPUT

    def get_tensor_dtype(self, name: str) -> Any:
        return getattr(self.machine.real.DataType, DTYPES[{**self.inputs, **self.outputs}[name][0]])

    def get_tensor_shape(self, name: str) -> Any:
        return {**self.inputs, **self.outputs}[name][1]

    def create_execution_context(self, strategy: Any = None) -> Any:
        self.machine.contexts += 1
        managed = strategy is not None and strategy.name == "USER_MANAGED"
        return self.machine.make("IExecutionContext", Context(self.machine, self, lent=managed))

    def create_engine_inspector(self) -> Any:
        if "inspector" in self.machine.null:
            return None
        return self.machine.make("EngineInspector", Inspector())


class Inspector:
    def get_engine_information(self, kind: Any) -> str:
        assert kind.name == "JSON"
        return '{"Layers": ["rasterize"]}'


class Context:
    def __init__(self, machine: Machine, engine: Engine, *, lent: bool) -> None:
        self.machine, self.engine = machine, engine
        self.missing_bytes = NEEDED_BYTES if lent else 0
        self.shapes = {name: shape for name, (_, shape) in engine.inputs.items() if -1 not in shape}
        self.addresses: dict[str, int] = {}

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        declared = self.engine.inputs[name][1]
        low, _, high = self.engine.profile.get(name, (declared, declared, declared))
        if len(shape) != len(low) or not all(a <= b <= c for a, b, c in zip(low, shape, high, strict=True)):
            return False
        self.shapes[name] = tuple(shape)
        return True

    def set_tensor_address(self, name: str, memory: int) -> bool:
        if name not in self.engine.names or memory == 0:
            return False
        self.addresses[name] = int(memory)
        return True

    def infer_shapes(self) -> list[str]:
        return [name for name in self.engine.inputs if name not in self.shapes or name not in self.addresses]

    def update_device_memory_size_for_shapes(self) -> int:
        assert not self.infer_shapes(), "shapes come first"
        return NEEDED_BYTES

    def set_device_memory(self, memory: int, size: int) -> None:
        self.missing_bytes = max(NEEDED_BYTES - size, 0)

    def execute_async_v3(self, stream_handle: int) -> bool:
        machine, engine = self.machine, self.engine
        assert self.missing_bytes == 0, "nothing to work in"
        assert stream_handle != 0, "graphs cannot be recorded on the default stream"
        machine.runs += 1
        feed = {
            name: _at(self.addresses[name], kind, self.shapes[name]).copy() for name, (kind, _) in engine.inputs.items()
        }
        outputs = machine.distort({**machine.network(engine.graph).run(feed), "needs": np.asarray(machine.needs)})
        for name, (kind, shape) in engine.outputs.items():
            array = np.asarray(outputs[name])
            assert all(declared in (-1, size) for declared, size in zip(shape, array.shape, strict=True))
            _at(self.addresses[name], kind, array.shape)[...] = array
        return True


def _at(address: int, kind: str, shape: tuple[int, ...]) -> Any:
    size = int(np.prod(shape)) * np.dtype(kind).itemsize
    return np.frombuffer((ctypes.c_uint8 * size).from_address(address), kind).reshape(shape)


def _tensors(entries: Any) -> dict[str, tuple[str, tuple[int, ...]]]:
    return {
        entry.name: (
            str(helper.tensor_dtype_to_np_dtype(entry.type.tensor_type.elem_type)),
            tuple(-1 if size.dim_param else size.dim_value for size in entry.type.tensor_type.shape.dim),
        )
        for entry in entries
    }
