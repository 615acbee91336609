"""The C++ example: short, and right by TensorRT's real headers where they are; its inputs are the engine's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rtgs2_trt import Camera, Scene, save_cameras

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples/cpp"
SOURCE = FOLDER / "label_frames.cpp"


def test_example_is_short() -> None:
    assert len(SOURCE.read_text().splitlines()) < 150


def test_example_compiles_with_the_real_headers() -> None:
    root = os.environ.get("TENSORRT_ROOT", "")
    include = next((path for path in (Path(root) / "include", Path(root)) if (path / "NvInfer.h").is_file()), None)
    if not root or include is None:
        pytest.skip("TENSORRT_ROOT does not say where TensorRT's headers are (docs/tensorrt.md)")
    compiler = shutil.which("g++")
    places = [Path(shutil.which("nvcc") or "/none/bin/nvcc").resolve().parents[1], *Path("/usr/local").glob("cuda*")]
    cuda = next((place / "include" for place in places if (place / "include/cuda_runtime_api.h").is_file()), None)
    if cuda is None or compiler is None:
        pytest.skip("CUDA's headers or a C++ compiler are not here")
    command = [compiler, "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Wshadow", "-Werror"]
    command += [f"-I{ROOT / 'csrc'}", "-isystem", str(include), "-isystem", str(cuda), str(SOURCE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_inputs_are_those_of_the_engine(exported_bundle: Path, scene: Scene, tmp_path: Path) -> None:
    scene.save(tmp_path / "scene.ply")
    views = {
        name: Camera.look_at((0.2, 0.2, 0.6), (1.8, y, 0.5), width=150, height=100, fov_degrees=80)
        for name, y in (("a", 0.4), ("b", 1.2))
    }
    save_cameras(tmp_path / "cameras.json", views)
    command = [sys.executable, str(FOLDER / "write_inputs.py"), str(exported_bundle), str(tmp_path / "scene.ply")]
    command += ["--cameras", str(tmp_path / "cameras.json"), "-o", str(tmp_path / "inputs")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "1: b" in done.stdout
    sizes = {path.stem: path.stat().st_size // len(scene) for path in (tmp_path / "inputs").glob("*.bin")}
    assert sizes.pop("camera") == 2 * 19 * 4 // len(scene)
    assert sizes == {
        "means": 12,
        "scales": 12,
        "rotations": 16,
        "opacities": 4,
        "sh": 12 * 4,
        "gaussian_features": 64,
    }
    numbers = np.fromfile(tmp_path / "inputs/camera.bin", np.float32).reshape(2, 19)
    np.testing.assert_allclose(numbers[1, 4:16].reshape(3, 4), views["b"].world_to_camera[:3], atol=1e-6)
    assert numbers[0, 2:4].tolist() == [75, 50]
