"""What users install: a wheel with everything in it, that runs where torch and onnx are not installed."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("scikit_build_core")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(folder)]
    command.append("--config-settings=cmake.define.RTGS2_CUDA=OFF")  # minutes, and nothing here asks for it
    done = subprocess.run([*command, str(ROOT)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.whl")
    return path


def test_wheel_holds_the_packages_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    packages = {"rtgs2_trt", "rtgs2_networks", "rtgs2_export", "rtgs2_training"}
    assert {top for top in tops if not top.endswith(".dist-info")} == packages
    for needed in ("py.typed", "_native.pyi", "class_tables/replica.json", "reference/rasterize.py"):
        assert f"rtgs2_trt/{needed}" in names
    assert {f"{package}/py.typed" for package in packages} <= set(names)
    assert [name for name in names if name.startswith("rtgs2_trt/_native") and name.endswith(".so")]
    assert [name for name in names if name.endswith("LICENSE")]


def test_runtime_works_without_torch_and_onnx(wheel, exported_bundle, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    code = f"""
import sys
sys.path.insert(0, {str(tmp_path / "site")!r})
for missing in ("torch", "onnx", "yaml"):
    sys.modules[missing] = None  # importing it fails
sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in type(finder).__module__]
import rtgs2_trt
assert rtgs2_trt.__file__.startswith({str(tmp_path)!r}), rtgs2_trt.__file__
from rtgs2_trt.cli import main
raise SystemExit(main(["info", {str(exported_bundle)!r}, "--check", "--quiet"]))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "passed True" in done.stdout
