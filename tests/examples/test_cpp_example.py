"""The C++ example: short, and right by TensorRT's real headers where they are; its inputs are the engine's."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rtgs2_trt import Camera, Scene, save_cameras
from rtgs2_trt.upsample_argmax import upsample_argmax

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples/cpp"
SOURCE = FOLDER / "label_frames.cpp"


def test_example_is_short() -> None:
    assert len(SOURCE.read_text().splitlines()) < 150


def header_folders() -> list[Path]:
    """Of TensorRT's headers, from ``TENSORRT_ROOT``, which may name several separated by ``:``."""
    roots = [Path(root) for root in os.environ.get("TENSORRT_ROOT", "").split(":") if root]
    places = [
        next((place for place in (root / "include", root) if (place / "NvInfer.h").is_file()), None) for root in roots
    ]
    return [place for place in places if place is not None]


NO_HEADERS = "TENSORRT_ROOT does not say where TensorRT's headers are (docs/tensorrt.md)"
with_headers = pytest.mark.parametrize(
    "include",
    [pytest.param(folder, id=folder.parent.name) for folder in header_folders()]
    or [pytest.param(None, marks=pytest.mark.skip(reason=NO_HEADERS))],
)


def compiler() -> str:
    found = shutil.which("g++")
    if found is None:
        pytest.skip("g++ is not on PATH")
    return found


@with_headers
def test_example_compiles_with_the_real_headers(include: Path) -> None:
    places = [Path(shutil.which("nvcc") or "/none/bin/nvcc").resolve().parents[1], *Path("/usr/local").glob("cuda*")]
    cuda = next((place / "include" for place in places if (place / "include/cuda_runtime_api.h").is_file()), None)
    if cuda is None:
        pytest.skip("CUDA's headers are not here")
    command = [compiler(), "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Wshadow", "-Werror"]
    command += [f"-I{ROOT / 'csrc'}", "-isystem", str(include), "-isystem", str(cuda), str(SOURCE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def unexpected_calls(include: Path) -> str:
    """Classes that end the process in every method of an interface; a stand-in overrides what it expects."""
    headers = "".join((include / name).read_text("utf-8") for name in ("NvInferImpl.h", "NvInferRuntimeCommon.h"))
    text = "#pragma once\n#include <NvInferRuntime.h>\n\n#include <cstdlib>\n\nnamespace nvinfer1::apiv {\n"
    for name in ("VRuntime", "VCudaEngine", "VExecutionContext", "IPluginRegistry"):
        (body,) = re.findall(
            rf"^class {name}(?: : public VRoot)?\n\{{\npublic:\n(.*?)^\}};", headers, re.DOTALL | re.MULTILINE
        )
        methods = re.findall(r"virtual ([^;~]*?) = 0;", body)
        assert len(methods) >= 10
        overridden = "".join(f"  {' '.join(method.split())} override {{ std::abort(); }}\n" for method in methods)
        text += f"class Unexpected{name[1:]} : public {name} {{\n public:\n{overridden}}};\n"
    return text + "}  // namespace nvinfer1::apiv\n"


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
    assert "cameras.json: the views are not of the size that is drawn" in done.stderr
    assert f"found {found}, expected one size, which made up to multiples of 32 is the engine's 160" in done.stderr
    assert "--image-size" in done.stderr
    assert not (tmp_path / "inputs").exists()


def test_bundle_without_a_frame_graph_is_for_views_of_any_one_size(
    exported_bundle: Path, scene: Scene, tmp_path: Path
) -> None:
    """``examples/cpp_rasterizer`` reads the same files, and draws every size."""
    assert write_inputs(exported_bundle, scene, tmp_path, (64, 48), (64, 48))[0].returncode == 0
    assert (tmp_path / "inputs/view_size.txt").read_text() == "64 48\n"
    assert "expected one size)" in write_inputs(exported_bundle, scene, tmp_path, (64, 48), SIZE)[0].stderr


@with_headers
def test_example_labels_frames(include: Path, frame_bundle: Path, scene: Scene, tmp_path: Path) -> None:
    """The program itself, with CUDA on the host and a stand-in for TensorRT behind its real headers."""
    done, views = write_inputs(frame_bundle, scene, tmp_path, SIZE, SIZE)
    assert done.returncode == 0, done.stderr
    (tmp_path / "unexpected_calls.h").write_text(unexpected_calls(include))
    on_host = ROOT / "tests/cpp/cuda_on_host"
    sources = [SOURCE, ROOT / "tests/cpp/label_frames/stand_in.cpp", on_host / "upsample_argmax_cuda.cpp"]
    command = [
        compiler(),
        "-std=c++20",
        "-O1",
        "-pthread",
        "-Wno-unknown-pragmas",
        f"-I{on_host}",
        f"-I{ROOT / 'csrc'}",
    ]
    command += [f"-I{tmp_path}", "-isystem", str(include), *map(str, sources), "-o", str(tmp_path / "label_frames")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

    def label(engine: str, folder: str = "inputs", **environment: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "frame.engine").write_text(engine)
        command = [tmp_path / name for name in ("label_frames", "frame.engine", folder, "labels")]
        changed = {**os.environ, **environment}
        return subprocess.run(command, env=changed, capture_output=True, text=True, check=False)

    classes, room = 5, 1 << 20
    done = label(f"stand-in 160 128 {classes} {room}")
    assert (done.returncode, done.stderr) == (0, "")
    arrays = {path.stem: np.fromfile(path, np.uint8) for path in (tmp_path / "inputs").glob("*.bin")}
    cameras = arrays.pop("camera").reshape(len(views), 19 * 4).sum(axis=1, dtype=np.int64)
    assert len(set(cameras % classes)) > 1  # else nobody would notice that a view is drawn twice
    scene_sum = sum(array.sum(dtype=np.int64) for array in arrays.values())
    rows, columns = np.mgrid[:32, :40]
    for number, camera_sum in enumerate(cameras):
        winners = (scene_sum + camera_sum + rows // 3 + columns // 2) % classes
        logits = (winners == np.arange(classes)[:, None, None]).astype(np.float32)
        head, labels = b"P5\n150 100\n255\n", upsample_argmax(logits, 100, 150)[0]
        assert (tmp_path / f"labels/{number}.pgm").read_bytes() == head + labels.astype(np.uint8).tobytes()
        assert len(np.unique(labels)) == classes

    for engine, message in (
        (f"stand-in 160 128 {classes} {room + 1}", "a view lists more than there is room for, Gaussians are missing"),
        (f"stand-in 192 128 {classes} 0", "view_size.txt does not fit the engine"),
        ("something else", "no engine of this TensorRT and GPU (rtgs2 build), or RTGS2_TENSORRT_PLUGIN is missing"),
        (f"plugin-apart 160 128 {classes} {room}", "no engine of this TensorRT and GPU"),
    ):
        done = label(engine)
        assert (done.returncode, done.stderr.startswith(f"error: {message}")) == (1, True), done.stderr
    apart = label(f"plugin-apart 160 128 {classes} {room}", RTGS2_TENSORRT_PLUGIN="librtgs2_tensorrt.so")
    assert (apart.returncode, apart.stderr) == (0, "")
    assert "cannot read" in label(f"stand-in 160 128 {classes} 0", "nowhere").stderr
    (tmp_path / "inputs/means.bin").write_bytes(b"")
    assert "the scene is empty" in label(f"stand-in 160 128 {classes} 0").stderr
