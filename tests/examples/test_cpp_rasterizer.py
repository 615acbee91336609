"""The C++ example that draws views: it compiles, and draws what Python draws."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rtgs2_trt import Camera, Scene, rasterize
from rtgs2_trt.tensorrt.frame_interface import camera_numbers

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "examples/cpp_rasterizer/draw_view.cpp"
FLAGS = ["-std=c++20", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Werror", f"-I{ROOT / 'csrc'}"]


@pytest.fixture(scope="module")
def compiler() -> str:
    found = shutil.which("g++")
    if found is None:
        pytest.skip("there is no g++")
    return found


@pytest.fixture(scope="module")
def program(compiler: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = next(iter(sorted((ROOT / "build").glob("*/librtgs2_core.a"))), None)
    if library is None:
        pytest.skip("the core's library is not in build/ (`make install` builds it there)")
    path = tmp_path_factory.mktemp("program") / "draw_view"
    subprocess.run([compiler, *FLAGS, str(SOURCE), str(library), "-pthread", "-o", str(path)], check=True)
    return path


def test_example_compiles_and_is_short(compiler: str) -> None:
    done = subprocess.run([compiler, *FLAGS, "-fsyntax-only", str(SOURCE)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(SOURCE.read_text().splitlines()) < 120


def test_example_draws_what_python_draws(program: Path, scene: Scene, tmp_path: Path) -> None:
    camera = Camera.look_at((0.2, 0.2, 0.6), (1.8, 0.4, 0.5), width=160, height=96, fov_degrees=80)
    for name in ("means", "scales", "rotations", "opacities", "sh"):
        np.ascontiguousarray(getattr(scene, name)).tofile(tmp_path / f"{name}.bin")
    camera_numbers(camera)[None].tofile(tmp_path / "camera.bin")
    subprocess.run([str(program), str(tmp_path), "160", "96", str(tmp_path / "views")], check=True)
    view = rasterize(scene, camera)
    with Image.open(tmp_path / "views/0.ppm") as image:
        drawn = np.asarray(image).transpose(2, 0, 1) / 255
    np.testing.assert_allclose(drawn, np.clip(view.rgb, 0, 1), atol=0.51 / 255)  # half a step of 8 bits
    depth = np.fromfile(tmp_path / "views/0.depth", np.float32).reshape(96, 160)
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(depth, view.depth / view.alpha, rtol=1e-5)  # the pose passes float32 on its way


@pytest.mark.parametrize("arguments", [["no-folder", "8", "8", "out"], ["no-folder", "8x", "8", "out"], ["one"]])
def test_bad_arguments_are_told(program: Path, tmp_path: Path, arguments: list[str]) -> None:
    done = subprocess.run([str(program), *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert not (tmp_path / "out").exists()
