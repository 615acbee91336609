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


SIZE = (150, 100)


@pytest.fixture(scope="module")
def frame_bundle(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle whose engine draws 160x128, meant for 150x100."""
    from rtgs2_export.export import export_bundle
    from rtgs2_networks.checkpoint import load_checkpoint

    path = tmp_path_factory.mktemp("frame_bundle") / "tiny.rtgs2"
    return export_bundle(load_checkpoint(tiny_checkpoint), path, image_size=SIZE, tensorrt=True).path


def write_inputs(
    bundle: Path, scene: Scene, folder: Path, *sizes: tuple[int, int]
) -> tuple[subprocess.CompletedProcess[str], dict[str, Camera]]:
    scene.save(folder / "scene.ply")
    views = {
        name: Camera.look_at((0.2, 0.2, 0.6), (1.8, y, 0.5), width=width, height=height, fov_degrees=80)
        for (name, y), (width, height) in zip((("a", 0.4), ("b", 1.2)), sizes, strict=True)
    }
    save_cameras(folder / "cameras.json", views)
    command = [sys.executable, str(FOLDER / "write_inputs.py"), str(bundle), str(folder / "scene.ply")]
    command += ["--cameras", str(folder / "cameras.json"), "-o", str(folder / "inputs")]
    return subprocess.run(command, capture_output=True, text=True, check=False), views


def test_inputs_are_those_of_the_engine(frame_bundle: Path, scene: Scene, tmp_path: Path) -> None:
    done, views = write_inputs(frame_bundle, scene, tmp_path, SIZE, SIZE)
    assert done.returncode == 0, done.stderr
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
    assert (tmp_path / "inputs/view_size.txt").read_text() == "150 100\n"


@pytest.mark.parametrize(
    ("sizes", "found"),
    [(((161, 100), (161, 100)), "161 x 100"), ((SIZE, (151, 100)), "150 x 100, 151 x 100")],
    ids=["another size", "two sizes"],
)
def test_views_that_the_engine_does_not_draw_are_refused(
    frame_bundle: Path, scene: Scene, tmp_path: Path, sizes: tuple[tuple[int, int], ...], found: str
) -> None:
    done, _ = write_inputs(frame_bundle, scene, tmp_path, *sizes)
    assert done.returncode == 2
    assert "cameras.json: the engine draws one size" in done.stderr
    assert f"found {found}, expected views of one size that made up to multiples of 32 is 160 x 128" in done.stderr
    assert "--image-size" in done.stderr
    assert not (tmp_path / "inputs").exists()


def test_bundle_without_a_frame_graph_is_refused(exported_bundle: Path, scene: Scene, tmp_path: Path) -> None:
    done, _ = write_inputs(exported_bundle, scene, tmp_path, SIZE, SIZE)
    assert done.returncode == 2
    assert "rtgs2-export --tensorrt" in done.stderr
