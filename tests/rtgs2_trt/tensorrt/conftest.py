"""A machine with a GPU and TensorRT, neither of which is there: the emulated GPU, stand-ins behind the real classes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from emulated_gpu import emulated_core, emulated_gpu
from rtgs2_trt.cli import main
from tensorrt_machine import Machine, install
from tensorrt_real import chosen_version, import_bindings

__all__ = ["emulated_core", "emulated_gpu"]


@pytest.fixture(scope="session")
def real_tensorrt() -> Any:
    """The real bindings."""
    return import_bindings(chosen_version())


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """What stands for the plugin library."""
    path = tmp_path / "librtgs2_tensorrt.so"
    path.write_bytes(b"plugin library")
    return path


class RepeatedCalls:
    """A CUDA graph for stand-ins, whose work a stream cannot record: what it recorded is called again."""

    recorded = launched = 0

    def __init__(self, stream: int, enqueue: Callable[[], None]) -> None:
        RepeatedCalls.recorded += 1
        self._enqueue = enqueue

    def launch(self, stream: int) -> None:
        RepeatedCalls.launched += 1
        self._enqueue()


@pytest.fixture
def machine(real_tensorrt: Any, emulated_gpu: ModuleType, plugin: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine on which ``import tensorrt`` works."""
    made = Machine(real_tensorrt)
    install(made, plugin, monkeypatch)
    monkeypatch.setattr(emulated_gpu, "Graph", RepeatedCalls)
    device = {**emulated_gpu.device(), "name": "Orin (test)", "compute_capability": (8, 7)}
    device |= {"memory": 16 << 30, "free_memory": 10 << 30}
    monkeypatch.setattr(emulated_gpu, "device", lambda: dict(device))
    made.device = device
    RepeatedCalls.recorded = RepeatedCalls.launched = 0
    return made


@pytest.fixture(scope="session")
def frame_bundle(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with a frame graph of 96x64, shared: not to be changed."""
    from rtgs2_export.export import export_bundle
    from rtgs2_networks.checkpoint import load_checkpoint

    path = tmp_path_factory.mktemp("frame_bundle") / "tiny.rtgs2"
    return export_bundle(load_checkpoint(tiny_checkpoint), path, image_size=(90, 60), tensorrt=True).path


@pytest.fixture
def bundle_path(frame_bundle: Path, tmp_path: Path) -> Path:
    """A copy that a test may build in."""
    return Path(shutil.copytree(frame_bundle, tmp_path / "tiny.rtgs2"))


@pytest.fixture(scope="session")
def first_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the bundle lies in which `built` built first."""
    return tmp_path_factory.mktemp("first_build") / "tiny.rtgs2"


@pytest.fixture
def built(machine: Machine, frame_bundle: Path, first_build: Path, tmp_path: Path) -> Path:
    """A copy with engines of this machine: built once, which takes a second, and copied."""
    if not first_build.exists():
        path = Path(shutil.copytree(frame_bundle, tmp_path / "first.rtgs2"))
        assert main(["build", str(path), "--quiet"]) == 0
        path.rename(first_build)
        machine.builds = machine.runs = machine.contexts = 0
    return Path(shutil.copytree(first_build, tmp_path / "tiny.rtgs2"))
