"""The GPU's module with its kernels run on the host, and ONNX Runtime's CPU in place of its GPU."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def emulated_core() -> ModuleType:
    """``rtgs2_trt._cuda``, the same sources, compiled for the host."""
    try:
        return importlib.import_module("rtgs2_cuda_on_host._cuda")
    except ImportError as error:
        pytest.skip(f"the CUDA core was not built for the host (RTGS2_CUDA_ON_HOST, which `make test` sets): {error}")


@pytest.fixture
def emulated_gpu(emulated_core: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A machine whose GPU is the host: device memory is host memory, ONNX Runtime computes on the CPU."""
    import rtgs2_trt
    from rtgs2_trt.backends import cuda_engine

    host = cuda_engine.ExecutionProvider("CPUExecutionProvider", "cpu", "cpu", {})
    monkeypatch.setattr(rtgs2_trt, "_cuda", emulated_core, raising=False)
    monkeypatch.setitem(sys.modules, "rtgs2_trt._cuda", emulated_core)
    monkeypatch.setattr(cuda_engine, "CUDA", host)
    return emulated_core
