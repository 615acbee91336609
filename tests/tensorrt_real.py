"""The real Python bindings of TensorRT, imported against empty libraries: every class and signature, no computing.

The wheels hold only the bindings. The libraries that they link to are stubs with the nine symbols that they want,
built here by the C compiler. One version a process: the variable ``RTGS2_TEST_TENSORRT`` names it.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

VERSIONS = ("10.16.1.11", "11.4.0.106")
"""JetPack 7.2's and the newest."""

VARIABLE = "RTGS2_TEST_TENSORRT"
SCRATCH = Path(__file__).parents[1] / "build" / "tensorrt-bindings"

_STUBS = {
    "nvinfer": (
        "createInferBuilder_INTERNAL",
        "createInferRefitter_INTERNAL",
        "createInferRuntime_INTERNAL",
        "getBuilderPluginRegistry",
        "getPluginRegistry",
    ),
    "nvinfer_plugin": ("initLibNvInferPlugins",),
    "nvonnxparser": ("createNvOnnxParser_INTERNAL", "createNvOnnxParserRefitter_INTERNAL", "getNvOnnxParserVersion"),
}


def chosen_version() -> str:
    return os.environ.get(VARIABLE, VERSIONS[0])


def import_bindings(version: str) -> Any:
    """Return the module, or skip the test and say why it cannot be had."""
    folder = SCRATCH / version
    if not (folder / "tensorrt_bindings").is_dir():
        _unpack(version, folder)
    _load_stubs(folder, version.partition(".")[0])
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    try:
        module = importlib.import_module("tensorrt_bindings")
    finally:
        sys.path.remove(str(folder))
    assert module.__version__ == version, f"{module.__version__} was imported before: one version a process"
    return module


def _unpack(version: str, folder: Path) -> None:
    wheels = folder / "wheels"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    done = subprocess.run(
        [*command, "--dest", str(wheels), f"tensorrt-cu13-bindings=={version}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    found = sorted(wheels.glob("*.whl")) if wheels.is_dir() else []
    if not found:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        pytest.skip(f"the bindings of TensorRT {version} cannot be had for this Python: {reason}")
    with zipfile.ZipFile(found[0]) as archive:
        archive.extractall(folder / "unpacking")
    (folder / "unpacking" / "tensorrt_bindings").replace(folder / "tensorrt_bindings")
    shutil.rmtree(folder / "unpacking")
    shutil.rmtree(wheels)


def _load_stubs(folder: Path, major: str) -> None:
    compiler = shutil.which(os.environ.get("CC", "cc")) or shutil.which("gcc")
    for name, symbols in _STUBS.items():
        library = folder / f"lib{name}.so.{major}"
        if not library.is_file():
            if compiler is None:
                pytest.skip("the bindings of TensorRT want stub libraries, and there is no C compiler to build them")
            source = folder / f"{name}.c"
            source.write_text("".join(f"void *{symbol}(void) {{ return 0; }}\n" for symbol in symbols))
            options = ["-shared", "-fPIC", f"-Wl,-soname,{library.name}", "-o", str(library)]
            subprocess.run([compiler, *options, str(source)], check=True)
        ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)  # the bindings find it by its name
