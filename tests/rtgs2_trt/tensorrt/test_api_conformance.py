"""All that our code asks of TensorRT is there in the real bindings, of both majors, with that signature."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper

from rtgs2_trt.errors import BackendError
from rtgs2_trt.tensorrt import builder
from rtgs2_trt.tensorrt.builder import BuildOptions, build_engine
from rtgs2_trt.tensorrt.engine import Engine
from rtgs2_trt.tensorrt.library import try_plugin
from rtgs2_trt.tensorrt.profiles import frame_profile
from tensorrt_machine import Machine
from tensorrt_real import VARIABLE, VERSIONS, chosen_version
from tensorrt_specified import Specified, signatures


def graph(operator: str = "Relu") -> bytes:
    """A graph with the dynamic inputs that a frame has."""
    inputs = [
        helper.make_tensor_value_info("means", TensorProto.FLOAT, ["n", 3]),
        helper.make_tensor_value_info("sh", TensorProto.FLOAT, ["n", "k", 3]),
        helper.make_tensor_value_info("camera", TensorProto.FLOAT, [19]),
    ]
    node = helper.make_node(operator, ["means"], ["image"], name="node")
    output = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3])
    return helper.make_model(helper.make_graph([node], "g", inputs, [output])).SerializeToString()


def use_everything(machine: Machine, plugin: Path) -> str:
    """Every call that our code makes to TensorRT, errors included; nothing is computed."""
    module = machine.module
    with pytest.raises(BackendError, match=r"refuses the graph: node \(NonZero\): not supported"):
        build_engine(module, graph("NonZero"), "bad", plugin, BuildOptions(1 << 30))
    try_plugin(module, plugin)
    built = build_engine(module, graph(), "good", plugin, BuildOptions(1 << 30), timing_cache=b"of another device")
    engine = Engine(module, built.engine, "engine", plugin)
    context = engine.context()
    context.bind({"means": (5, 3), "sh": (5, 4, 3), "camera": (19,)}, dict.fromkeys([*engine.inputs, "image"], 1))
    with pytest.raises(AssertionError, match="default stream"):  # as far as a run goes without a frame's graph
        context.enqueue(0)
    lent = engine.context(with_memory=False)
    lent.bind({"means": (5, 3), "sh": (5, 4, 3), "camera": (19,)}, dict.fromkeys([*engine.inputs, "image"], 1))
    lent.lend_memory(256, lent.memory_for_shapes())
    return engine.layers()


@pytest.fixture
def used(real_tensorrt: Any, plugin: Path) -> set[tuple[str, str]]:
    machine = Machine(real_tensorrt)
    assert "rasterize" in use_everything(machine, plugin)
    return machine.specification.used


def test_everything_used_is_there(used: set[tuple[str, str]]) -> None:
    print("\n".join(sorted(f"{owner}.{name}" for owner, name in used)))
    assert len(used) > 50
    assert {
        ("Builder", "build_serialized_network"),
        ("IBuilderConfig", "plugins_to_serialize"),
        ("IProgressMonitor", "step_complete"),
        ("Runtime", "engine_host_code_allowed"),
        ("IExecutionContext", "execute_async_v3"),
        ("IExecutionContext", "update_device_memory_size_for_shapes"),
        ("ExecutionContextAllocationStrategy", "USER_MANAGED"),
        ("NetworkDefinitionCreationFlag", "STRONGLY_TYPED"),
    } <= used


NOT_TENSORRTS = {"append", "device_memory", "engine", "plugin", "start", "ERROR", "INTERNAL_ERROR", "Severity"}
"""Of lists, of our own objects, and of the real ``ILogger``, where a name that is missing fails without our help."""


def test_nothing_of_tensorrt_stands_in_the_code_that_was_not_used(
    real_tensorrt: Any, used: set[tuple[str, str]]
) -> None:
    """Each name in what talks to TensorRT that any of its classes has is one that the run above asked for."""
    written = {
        node.attr
        for name in ("builder", "engine", "library", "progress")
        for node in ast.walk(ast.parse((Path(builder.__file__).with_name(f"{name}.py")).read_text("utf-8")))
        if isinstance(node, ast.Attribute)
    }
    classes = [value for value in vars(real_tensorrt.tensorrt).values() if isinstance(value, type)]
    known = {name for value in classes for name in vars(value) if not name.startswith("_")}
    assert written & known - {name for _, name in used} <= NOT_TENSORRTS
    assert {"execute_async_v3", "plugins_to_serialize"} <= written & known


def test_every_name_that_breaks_is_noticed(real_tensorrt: Any, plugin: Path, used: set[tuple[str, str]]) -> None:
    unnoticed = []
    for name in sorted(used):
        machine = Machine(real_tensorrt, hidden=frozenset([name]))
        try:
            use_everything(machine, plugin)
        except AttributeError:
            continue
        except AssertionError:  # where there is no such flag any more all networks are; the stand-in wants it here
            if name == ("NetworkDefinitionCreationFlag", "STRONGLY_TYPED"):
                continue
        unnoticed.append(name)
    assert unnoticed == []


def test_wrong_arguments_are_noticed(real_tensorrt: Any) -> None:
    machine = Machine(real_tensorrt)
    module = machine.module
    logger = module.ILogger()
    builder = module.Builder(logger)
    config = builder.create_builder_config()
    with pytest.raises(TypeError, match="Builder"):
        module.Builder()
    with pytest.raises(TypeError, match="2 arguments"):
        builder.create_network(1, 2)
    with pytest.raises(TypeError, match="'pool' is str"):
        config.set_memory_pool_limit("WORKSPACE", 1)
    with pytest.raises(TypeError, match="'pool_size' is missing"):
        config.set_memory_pool_limit(module.MemoryPoolType.WORKSPACE)
    with pytest.raises(TypeError, match="argument 'limit'"):
        config.set_memory_pool_limit(module.MemoryPoolType.WORKSPACE, limit=1)
    with pytest.raises(TypeError, match="plugins_to_serialize: str"):
        config.plugins_to_serialize = "one path"
    with pytest.raises(AttributeError, match="cannot be written"):
        config.num_optimization_profiles = 3
    with pytest.raises(AttributeError, match="has no 'max_workspace_size'"):
        _ = config.max_workspace_size
    with pytest.raises(AttributeError, match="has no 'build_engine'"):
        builder.build_engine(None, None)
    with pytest.raises(AttributeError):
        _ = module.BuilderFlag.STRONG_TYPES


def test_what_is_gone_in_11_is_not_used(used: set[tuple[str, str]]) -> None:
    gone = {"FP16", "BF16", "INT8", "EXPLICIT_BATCH", "device_memory_size", "get_plugin_creator", "max_workspace_size"}
    assert not {name for _, name in used} & gone


def test_stand_ins_are_held_to_the_signatures_too(real_tensorrt: Any) -> None:
    class Wrong:
        def create_builder_config(self) -> Any:
            return 3

    machine = Machine(real_tensorrt)
    with pytest.raises(AssertionError, match="returns int, not"):
        Specified(machine.specification, "Builder", Wrong()).create_builder_config()


def test_signatures_are_read() -> None:
    doc = """f(*args, **kwargs)
    1. f(self: a.B, x: typing.SupportsInt = 0, y: dict[str, int] = <E.STATIC: 0>) -> list[a.C]
    """
    (overload,) = signatures(doc)
    assert [(entry.name, entry.optional) for entry in overload.parameters] == [
        ("self", False),
        ("x", True),
        ("y", True),
    ]
    assert overload.returns == "list[a.C]"


def test_build_is_what_it_should_be(real_tensorrt: Any, plugin: Path) -> None:
    machine = Machine(real_tensorrt)
    phases: list[tuple[Any, ...]] = []

    class Recorded:
        def start(self, *entry: Any) -> None:
            phases.append(("start", *entry))

        def step(self, *entry: Any) -> None:
            phases.append(("step", *entry))

        def finish(self, *entry: Any) -> None:
            phases.append(("finish", *entry))

    options = BuildOptions(1 << 30, frame_profile(700_000), optimization_level=5)
    built = build_engine(machine.module, graph(), "good", plugin, options, phases=Recorded())
    config = machine.last_config
    assert config.pools == {"WORKSPACE": 1 << 30}
    assert config.cleared == {"TF32"}
    assert config.plugins == [str(plugin)]
    assert config.builder_optimization_level == 5
    assert config.profiling_verbosity.name == "DETAILED"
    assert config.profiles == [
        {
            "means": [(1, 3), (500_000, 3), (700_000, 3)],
            "sh": [(1, 1, 3), (500_000, 16, 3), (700_000, 16, 3)],
        }
    ]
    assert built.timing_cache == machine.device_timings
    assert ("start", "Kernels", "Building", 1) in phases
    assert phases[-1] == ("finish", "Building")
    assert [entry for entry in phases if entry[:2] == ("step", "Building")] == [
        ("step", "Building", i) for i in range(3)
    ]


def test_progress_that_fails_does_not_reach_tensorrt(real_tensorrt: Any, plugin: Path) -> None:
    class Broken:
        def start(self, *entry: Any) -> None:
            raise RuntimeError("no terminal")

        step = finish = start

    machine = Machine(real_tensorrt)
    assert build_engine(machine.module, graph(), "good", plugin, BuildOptions(1 << 30), phases=Broken()).engine


def test_cancelled_build_ends(real_tensorrt: Any, plugin: Path) -> None:
    machine, cancelled = Machine(real_tensorrt), threading.Event()
    steps: list[int] = []
    machine.steps = 10
    machine.on_step = lambda step: (steps.append(step), cancelled.set() if step == 2 else None)
    with pytest.raises(KeyboardInterrupt):
        build_engine(machine.module, graph(), "good", plugin, BuildOptions(1 << 30), cancelled=cancelled)
    assert steps == [0, 1, 2]


def test_build_that_finds_no_way_says_what_tensorrt_said(real_tensorrt: Any, plugin: Path) -> None:
    machine = Machine(real_tensorrt)
    machine.fails = "could not find any implementation for node rasterize"
    with pytest.raises(BackendError, match=r"within 64 MiB .*implementation for node rasterize.*--most-gaussians"):
        build_engine(machine.module, graph(), "good", plugin, BuildOptions(64 << 20))


@pytest.mark.parametrize(
    ("null", "timings"),
    [("timing cache of bytes", True), ("timing cache", False), ("attached timing cache", False), ("timings", False)],
)
def test_timings_that_tensorrt_does_not_give_are_no_failure(
    real_tensorrt: Any, plugin: Path, null: str, timings: bool
) -> None:
    machine = Machine(real_tensorrt)
    machine.null = {null}
    built = build_engine(machine.module, graph(), "good", plugin, BuildOptions(1 << 30), timing_cache=b"torn")
    assert built.engine
    assert built.timing_cache == (machine.device_timings if timings else b"")


def test_engine_without_an_inspector(real_tensorrt: Any, plugin: Path) -> None:
    machine = Machine(real_tensorrt)
    machine.null = {"inspector"}
    built = build_engine(machine.module, graph(), "good", plugin, BuildOptions(1 << 30))
    assert Engine(machine.module, built.engine, "engine", plugin).layers() == "{}"


@pytest.mark.parametrize("name", ["Builder", "OnnxParser", "Runtime"])
def test_tensorrt_that_does_not_start_says_why(real_tensorrt: Any, plugin: Path, name: str) -> None:
    machine = Machine(real_tensorrt)
    built = build_engine(machine.module, graph(), "good", plugin, BuildOptions(1 << 30))
    machine.null = {name}

    def use() -> object:
        if name == "Runtime":
            return Engine(machine.module, built.engine, "engine", plugin)
        return build_engine(machine.module, graph(), "good", plugin, BuildOptions(1 << 30))

    with pytest.raises(BackendError, match=rf"does not start, {name}: .*CUDA initialization failure.*reinstall"):
        use()


def test_plugin_that_lies_in_the_engine_is_enough(real_tensorrt: Any, plugin: Path) -> None:
    machine = Machine(real_tensorrt)
    built = build_engine(machine.module, graph(), "good", plugin, BuildOptions(1 << 30))
    machine.refuses_second_plugin = True
    assert Engine(machine.module, built.engine, "engine", plugin).outputs == {"image": ("float32", (-1, 3))}


def test_library_without_the_plugin_is_refused(real_tensorrt: Any, tmp_path: Path) -> None:
    wrong = tmp_path / "other.so"
    wrong.write_bytes(b"something else")
    with pytest.raises(BackendError, match=r"other\.so: plugin library cannot be loaded.*built for TensorRT 1[01]"):
        build_engine(Machine(real_tensorrt).module, graph(), "good", wrong, BuildOptions(1 << 30))


def test_unknown_dynamic_size_is_refused(real_tensorrt: Any, plugin: Path) -> None:
    model = onnx.load_from_string(graph())
    model.graph.input[2].type.tensor_type.shape.dim[0].dim_param = "m"
    with pytest.raises(BackendError, match="input 'camera' has a size that no profile is known for"):
        build_engine(Machine(real_tensorrt).module, model.SerializeToString(), "g", plugin, BuildOptions(1 << 30))


@pytest.mark.skipif(VARIABLE in os.environ, reason="this is that run")
@pytest.mark.parametrize("version", [version for version in VERSIONS if version != chosen_version()])
def test_the_other_major(version: str) -> None:
    """These tests and those of the engines' cache, in a process of its own: it takes one version of the bindings."""
    files = [__file__, str(Path(__file__).with_name("test_engine_cache.py"))]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rs", *files],
        env={**os.environ, VARIABLE: version},
        capture_output=True,
        text=True,
        check=False,
    )
    if "cannot be had" in done.stdout:
        pytest.skip(f"the bindings of TensorRT {version} cannot be had for this Python")
    assert done.returncode == 0, done.stdout[-5000:]
    print(done.stdout[-200:])
