"""The GPU's part of the core at build time: left out where no CUDA compiler works, and inside other projects."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CMAKE = shutil.which("cmake", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
pytestmark = pytest.mark.skipif(CMAKE is None, reason="needs cmake")


def configure(source: Path, folder: Path, *options: str, path: str = os.environ["PATH"]) -> str:
    names = ("CUDACXX", "CUDAARCHS", "CUDA_PATH", "CUDA_HOME")
    environment = {key: value for key, value in os.environ.items() if key not in names} | {"PATH": path}
    command = [str(CMAKE), "-S", str(source), "-B", str(folder), "-DRTGS2_PYTHON=OFF", *options]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_compiler_that_does_not_work_is_none(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    nvcc = tmp_path / "bin" / "nvcc"
    nvcc.write_text("#!/bin/sh\necho 'nvcc fatal: Unsupported gpu architecture' >&2\nexit 1\n")
    nvcc.chmod(0o755)
    said = configure(ROOT, tmp_path / "build", path=f"{nvcc.parent}{os.pathsep}{os.environ['PATH']}")
    assert "No CUDA compiler: the GPU's part of the core is left out" in said


def test_inside_another_project_the_gpus_part_is_left_out_unless_asked_for(tmp_path: Path) -> None:
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.20)\nproject(robot LANGUAGES CXX)\n"
        f"add_subdirectory({ROOT} rtgs2)\n"
        "get_target_property(sources rtgs2_core SOURCES)\n"
        'message(STATUS "RTGS2_CUDA ${RTGS2_CUDA} RTGS2_HAS_CUDA ${RTGS2_HAS_CUDA}.")\n'
    )
    assert "RTGS2_CUDA OFF RTGS2_HAS_CUDA ." in configure(tmp_path, tmp_path / "build")
