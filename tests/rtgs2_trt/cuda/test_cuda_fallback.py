"""What is said where the CUDA backend cannot be had, and that ``auto`` goes on with the CPU and says why."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import onnxruntime
import pytest

import rtgs2_trt
from rtgs2_trt import Segmenter
from rtgs2_trt.backends import cuda_engine
from rtgs2_trt.cli import main
from rtgs2_trt.errors import BackendError, BundleError

PROBLEMS = {
    "no driver": "no NVIDIA driver: install one that supports CUDA 13.0",
    "no device": "no NVIDIA GPU: none is visible",
    "old driver": "the NVIDIA driver is too old: it supports CUDA 11.4, this build needs 13.0",
    "wrong architecture": "this build has no code for Tesla T4 (sm_75): build with -DCMAKE_CUDA_ARCHITECTURES=75",
}


def machine_with(problem: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A core that finds this problem."""
    core = SimpleNamespace(problem=lambda: problem, CudaError=RuntimeError, CudaMemoryError=MemoryError)
    monkeypatch.setattr(rtgs2_trt, "_cuda", core, raising=False)
    monkeypatch.setitem(sys.modules, "rtgs2_trt._cuda", core)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", PROBLEMS)
def test_each_problem_of_the_machine_is_one_clear_error(
    name: str, exported_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine_with(PROBLEMS[name], monkeypatch)
    with pytest.raises(BackendError) as caught:
        Segmenter(exported_bundle, "cuda")
    assert str(caught.value) == PROBLEMS[name]
    segmenter = Segmenter(exported_bundle)
    assert segmenter.backend_name == "cpu"
    assert segmenter.passed_over == {"cuda": PROBLEMS[name]}


def test_a_core_that_was_not_built(exported_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(rtgs2_trt, "_cuda", raising=False)
    monkeypatch.setitem(sys.modules, "rtgs2_trt._cuda", None)
    assert "CUDA core" in Segmenter(exported_bundle).passed_over["cuda"]


@pytest.fixture
def gpu_without_onnxruntime(emulated_gpu: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """The emulated GPU, and ONNX Runtime asked for its CUDA provider, which it has not here."""
    provider = cuda_engine.ExecutionProvider("CUDAExecutionProvider", "cuda", "gpu", {})
    monkeypatch.setattr(cuda_engine, "CUDA", provider)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])


def test_onnxruntime_without_cuda(gpu_without_onnxruntime: None, exported_bundle: Path) -> None:
    with pytest.raises(BackendError, match=r"is a build without CUDA: .*pip install onnxruntime-gpu"):
        Segmenter(exported_bundle, "cuda")
    assert "onnxruntime-gpu" in Segmenter(exported_bundle).passed_over["cuda"]


class Session:
    """What ONNX Runtime gives when its CUDA libraries are missing: a session on the CPU, and no exception."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def get_providers(self) -> list[str]:
        return ["CPUExecutionProvider"]


def test_onnxruntime_that_quietly_takes_the_cpu(
    gpu_without_onnxruntime: None, exported_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    with pytest.raises(BackendError, match=r"could not start on the GPU: cuDNN or CUDA libraries"):
        Segmenter(exported_bundle, "cuda")


def test_a_failure_of_cuda_is_no_fault_of_the_bundle(
    gpu_without_onnxruntime: None, exported_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(text: str) -> Any:
        def session(*_: Any, **__: Any) -> Any:
            raise RuntimeError(text)

        return session

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    monkeypatch.setattr(onnxruntime, "InferenceSession", failing("CUDA failure 2: out of memory"))
    with pytest.raises(BackendError, match=r"failed on the GPU: CUDA failure 2.*use a smaller image or scene"):
        Segmenter(exported_bundle, "cuda")
    monkeypatch.setattr(onnxruntime, "InferenceSession", failing("no opset 99"))
    with pytest.raises(BundleError, match=r"fusion(\.fp16)?\.onnx: ONNX Runtime .* cannot load the graph: no opset 99"):
        Segmenter(exported_bundle, "cuda")


@pytest.mark.filterwarnings("ignore:Duplicate provider")
def test_auto_takes_the_gpu_where_it_works(emulated_gpu: ModuleType, exported_bundle: Path) -> None:
    segmenter = Segmenter(exported_bundle)
    assert (segmenter.backend_name, segmenter.passed_over) == ("cuda", {})
    assert segmenter.stream


def test_precision_that_the_backend_does_not_have(emulated_gpu: ModuleType, exported_bundle: Path) -> None:
    with pytest.raises(BackendError, match="'cuda' does not compute in BF16: take precision 'fp16' or 'fp32'"):
        Segmenter(exported_bundle, "cuda", precision="bf16")


def test_a_damaged_bundle_is_not_passed_over(emulated_gpu: ModuleType, bundle: Path) -> None:
    (bundle / "fusion.onnx").write_bytes(b"")
    with pytest.raises(BundleError, match=r"fusion\.onnx"):
        Segmenter(bundle)


def test_the_command_line_says_why(
    exported_bundle: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine_with(PROBLEMS["no device"], monkeypatch)
    assert main(["info", str(exported_bundle), "--check"]) == 0
    assert PROBLEMS["no device"] in capsys.readouterr().out
