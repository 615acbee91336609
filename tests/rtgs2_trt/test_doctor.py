"""``rtgs2 doctor`` on machines that are not this one."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace
from typing import Any

import onnxruntime
import pytest

import rtgs2_trt
from rtgs2_trt import doctor
from rtgs2_trt.cli import main
from rtgs2_trt.errors import InputError

DEVICE = {
    "name": "Orin",
    "compute_capability": (8, 7),
    "memory": 8 << 30,
    "free_memory": 5 << 30,
    "multiprocessors": 8,
    "driver": 12060,
    "runtime": 13000,
}


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Any:
    """Sets what the core finds, whether there are traces of a GPU, and what ONNX Runtime offers."""

    def make(problem: str | None, *, traces: bool, providers: tuple[str, ...] = (), **changes: Any) -> None:
        core = SimpleNamespace(problem=lambda: problem, device=lambda: {**DEVICE, **changes}, CudaError=RuntimeError)
        monkeypatch.setattr(rtgs2_trt, "_cuda", core, raising=False)
        monkeypatch.setitem(sys.modules, "rtgs2_trt._cuda", core)
        monkeypatch.setattr(doctor, "_TRACES_OF_A_GPU", (str(tmp_path) if traces else "/nowhere",))
        monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [*providers, "CPUExecutionProvider"])

    return make


def look(capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any], dict[str, Any]]:
    code = main(["doctor", "--json", "--quiet"])
    result = json.loads(capsys.readouterr().out)
    return code, result, {check["name"]: check for check in result["checks"]}


def test_machine_without_a_gpu_is_well(machine: Any, capsys: pytest.CaptureFixture[str]) -> None:
    machine("no NVIDIA driver: install one that supports CUDA 13.0", traces=False)
    code, result, checks = look(capsys)
    assert (code, result["ok"], result["best_backend"]) == (0, True, "cpu")
    assert checks["GPU"]["status"] == "note"
    assert checks["GPU"]["cure"] == "install one that supports CUDA 13.0"
    assert set(checks) == {
        "Python",
        "rtgs2-trt",
        "CPU",
        "memory",
        "CUDA core",
        "GPU",
        "ONNX Runtime",
        "ONNX Runtime on GPU",
        "OpenVINO",
        "TensorRT",
    }
    assert onnxruntime.__version__ in checks["ONNX Runtime"]["found"]
    assert "baseline" in checks["CPU"]["found"] or "neon" in checks["CPU"]["found"]


def test_machine_with_a_gpu(machine: Any, capsys: pytest.CaptureFixture[str]) -> None:
    machine(None, traces=True, providers=("CUDAExecutionProvider",))
    code, result, checks = look(capsys)
    assert (code, result["best_backend"]) == (0, "cuda")
    found = "Orin, sm_87, 8 multiprocessors; driver for CUDA 12.6, this build 13.0"
    assert checks["GPU"]["found"] == found
    assert checks["GPU memory"] == {
        "name": "GPU memory",
        "status": "ok",
        "found": "8.0 GiB, 5.0 GiB of it free",
        "cure": None,
    }
    machine(None, traces=True, providers=("CUDAExecutionProvider",), free_memory=100)
    assert look(capsys)[2]["GPU memory"]["cure"] == "End other programs on this GPU"


@pytest.mark.parametrize(
    ("problem", "cure"),
    [
        ("the NVIDIA driver is too old: it supports CUDA 11.4, this build needs 13.0", "it supports CUDA 11.4"),
        ("this build has no code for Tesla T4 (sm_75): build with -DCMAKE_CUDA_ARCHITECTURES=75", "build with"),
        ("no NVIDIA driver: install one that supports CUDA 13.0", "install one"),
    ],
)
def test_gpu_that_cannot_be_used_is_a_problem(
    machine: Any, capsys: pytest.CaptureFixture[str], problem: str, cure: str
) -> None:
    machine(problem, traces=True)
    code, result, checks = look(capsys)
    assert (code, result["ok"], result["best_backend"]) == (1, False, "cpu")
    assert checks["GPU"]["status"] == "problem"
    assert checks["GPU"]["cure"].startswith(cure)


def test_onnxruntime_without_cuda_beside_a_gpu_is_a_problem(machine: Any, capsys: pytest.CaptureFixture[str]) -> None:
    machine(None, traces=True)
    code, result, checks = look(capsys)
    assert (code, result["best_backend"]) == (1, "cpu")
    assert "pip install onnxruntime-gpu" in checks["ONNX Runtime on GPU"]["cure"]


@pytest.mark.parametrize("traces", [False, True])
def test_build_without_cuda_matters_only_beside_a_gpu(
    machine: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, traces: bool
) -> None:
    machine(None, traces=traces)
    monkeypatch.delattr(rtgs2_trt, "_cuda")
    monkeypatch.setitem(sys.modules, "rtgs2_trt._cuda", None)
    code, _, checks = look(capsys)
    assert code == int(traces)
    assert checks["CUDA core"]["status"] == ("problem" if traces else "note")
    assert (checks["CUDA core"]["cure"] is not None) == traces
    assert "GPU" not in checks


def test_missing_onnxruntime_and_wrong_variable(
    machine: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine("no NVIDIA GPU: none is visible", traces=False)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)

    def unknown() -> str:
        raise InputError("unknown instruction set", field="RTGS2_INSTRUCTION_SET", found="'mmx'")

    monkeypatch.setattr(doctor, "instruction_set", unknown)
    code, _, checks = look(capsys)
    assert code == 1
    assert checks["ONNX Runtime"]["cure"] == "pip install onnxruntime"
    assert "Unset RTGS2_INSTRUCTION_SET" in checks["CPU"]["cure"]


def test_text_shows_each_cure(machine: Any, capsys: pytest.CaptureFixture[str]) -> None:
    machine("the NVIDIA driver is too old: update it", traces=True)
    assert main(["doctor", "--quiet"]) == 1
    text = capsys.readouterr().out
    assert "PROBLEM  GPU" in text
    assert "-> update it" in text
    assert "backend 'auto' takes 'cpu' here" in text
