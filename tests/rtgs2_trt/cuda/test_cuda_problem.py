"""A machine without a GPU says why, in one sentence; one with a GPU can ask it."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from rtgs2_trt.cuda import cuda_problem


def test_problem_is_one_sentence_or_none() -> None:
    problem = cuda_problem()
    if problem is None:
        from rtgs2_trt import _cuda

        assert {"name", "compute_capability", "memory"} <= _cuda.device().keys()
    else:
        assert len(problem) > 10
        assert "\n" not in problem


def test_build_without_cuda_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import rtgs2_trt

    monkeypatch.delattr(rtgs2_trt, "_cuda", raising=False)
    monkeypatch.setitem(sys.modules, "rtgs2_trt._cuda", None)
    problem = cuda_problem()
    assert problem is not None
    assert "CUDA core" in problem


def test_a_gpu_that_is_there_is_not_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    import rtgs2_trt

    def core_with(answers: list[str | None]) -> SimpleNamespace:
        core = SimpleNamespace(problem=lambda: answers.pop(0))
        monkeypatch.setattr(rtgs2_trt, "_cuda", core, raising=False)
        monkeypatch.setitem(sys.modules, "rtgs2_trt._cuda", core)  # type: ignore[arg-type]
        return core

    core_with(["no NVIDIA driver", None])
    assert cuda_problem() == "no NVIDIA driver"  # may be mended while the program runs
    for _ in range(3):
        assert cuda_problem() is None
    core_with(["another core"])
    assert cuda_problem() == "another core"
