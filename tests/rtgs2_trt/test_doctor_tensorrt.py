"""``rtgs2 doctor`` and TensorRT: Jetsons and others that this machine is not."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import rtgs2_trt
from rtgs2_trt import doctor
from rtgs2_trt.cli import main
from rtgs2_trt.errors import BackendError
from rtgs2_trt.tensorrt import library, platforms

RELEASE = "# R{} (release), REVISION: {}, GCID: 38968081, BOARD: generic, EABI: aarch64, DATE: x\n"
# The mode without limits is another number on each board.
SUPER = "< POWER_MODEL ID=0 NAME=15W >\n< POWER_MODEL ID=1 NAME=25W >\n< POWER_MODEL ID=2 NAME=MAXN_SUPER >\n"
MODES = "< POWER_MODEL ID=0 NAME=MAXN >\nCPU_ONLINE CORE_0 1\n< POWER_MODEL ID=1 NAME=15W >\n< PM_CONFIG DEFAULT=1 >\n"
PACKAGES = """Package: nvidia-cuda
Version: 12.6

Package: nvidia-jetpack
Status: install ok installed
Architecture: arm64
Version: 6.2.1+b38

Package: other
Version: 1
"""


class TensorRt(SimpleNamespace):
    """As much of the module as the doctor asks; ``test_api_conformance.py`` holds it against the real one."""

    def __init__(self, version: str, loads: bool) -> None:
        class ILogger:
            Severity = SimpleNamespace(ERROR=1, INTERNAL_ERROR=0)

        super().__init__(__version__=version, __spec__=None, ILogger=ILogger)
        self.loads = loads

    def Runtime(self, log: Any) -> Any:  # noqa: N802
        def load_library(path: str) -> object:
            if not self.loads:
                log.log(1, "undefined symbol: cudaLaunchKernelExC")
            return self if self.loads else None

        registry = SimpleNamespace(load_library=load_library, get_creator=lambda *names: self)
        return SimpleNamespace(get_plugin_registry=lambda: registry)


@pytest.fixture
def jetson(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Writes the files that tell of a Jetson, and sets its GPU and TensorRT."""

    def make(
        release: tuple[str, str] | None = ("36", "4.3"),
        packages: str = "",
        mode: int | None = 0,
        version: str | None = "10.3.0.30",
        sm: tuple[int, int] = (8, 7),
        plugin: bool = True,
        loads: bool = True,
        modes: str = MODES,
        container: bool = False,
        problem: str | None = None,
    ) -> None:
        files = {
            "_RELEASE": None if release is None else RELEASE.format(*release),
            "_PACKAGES": packages,
            "_POWER_MODE": None if mode is None else f"pmode:{mode:04d}",
            "_POWER_MODES": modes,
        }
        mark = tmp_path / ".dockerenv"
        mark.touch() if container else mark.unlink(missing_ok=True)
        monkeypatch.setattr(platforms, "_MARKS_OF_CONTAINERS", (mark,))
        driver = tmp_path / "driver"
        driver.write_text("NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  540.4.0  Release Build\n")
        monkeypatch.setattr(doctor, "_DRIVER", driver)
        for name, text in files.items():
            path = tmp_path / name
            path.unlink(missing_ok=True)
            if text is not None:
                path.write_text(text)
            monkeypatch.setattr(platforms, name, path)
        device = {"name": "Orin", "compute_capability": sm, "memory": 8 << 30, "free_memory": 5 << 30}
        device |= {"multiprocessors": 8, "driver": 12060, "runtime": 12060}
        core = SimpleNamespace(problem=lambda: problem, device=lambda: device, CudaError=RuntimeError)
        monkeypatch.setattr(rtgs2_trt, "_cuda", core, raising=False)
        monkeypatch.setitem(sys.modules, "rtgs2_trt._cuda", core)
        module = None if version is None else TensorRt(version, loads)
        monkeypatch.setitem(sys.modules, "tensorrt", module)
        file = tmp_path / "plugin.so"
        file.write_bytes(b"plugin")
        monkeypatch.setenv(library.PLUGIN_VARIABLE, str(file if plugin else tmp_path / "missing.so"))

    return make


def look(capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    main(["doctor", "--json", "--quiet"])
    result = json.loads(capsys.readouterr().out)
    return result, {check["name"]: check for check in result["checks"]}


def test_jetson_that_is_well(jetson: Any, capsys: pytest.CaptureFixture[str]) -> None:
    jetson(packages=PACKAGES)
    result, checks = look(capsys)
    assert checks["JetPack"]["found"] == "6.2.1 (Jetson Linux 36.4.3)"
    assert (checks["power mode"]["status"], checks["power mode"]["found"]) == ("ok", "MAXN")
    assert (checks["TensorRT"]["status"], checks["TensorRT"]["found"]) == ("ok", "10.3.0.30")
    assert checks["TensorRT plugins"]["status"] == "ok"
    assert result["best_backend"] == "tensorrt"
    assert "driver 540.4.0 for CUDA 12.6, this build 12.6" in checks["GPU"]["found"]
    assert main(["doctor", "--quiet"]) == 0
    assert "takes 'tensorrt' here where the bundle has an engine" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("release", "version"),
    [(("36", "4.0"), "6.1 or 6.2"), (("38", "2.0"), "7.0 or 7.1"), (("39", "1.0"), "of unknown version")],
)
def test_jetpack_is_told_by_jetson_linux_without_its_package(
    jetson: Any, capsys: pytest.CaptureFixture[str], release: tuple[str, str], version: str
) -> None:
    jetson(release)
    _, checks = look(capsys)
    assert checks["JetPack"]["found"].startswith(version)
    assert checks["JetPack"]["status"] == "ok"


def test_old_jetpack_is_a_problem(jetson: Any, capsys: pytest.CaptureFixture[str]) -> None:
    jetson(("36", "3.0"), version="8.6.2")
    result, checks = look(capsys)
    assert not result["ok"]
    assert "flash JetPack 6.1 or later" in checks["JetPack"]["cure"]
    assert checks["TensorRT"]["found"] == "TensorRT 8.6.2 is too old, 10.3 or later is needed"
    assert checks["TensorRT"]["cure"] == "flash JetPack 6.1 or later"  # no package of this JetPack helps
    jetson(None, version="8.6.2")
    assert look(capsys)[1]["TensorRT"]["cure"] == "pip install --upgrade tensorrt"
    assert result["best_backend"] != "tensorrt"


def test_known_bad_pair_is_a_problem(jetson: Any, capsys: pytest.CaptureFixture[str]) -> None:
    jetson(version="10.13.3.9")
    result, checks = look(capsys)
    assert checks["TensorRT"]["status"] == "problem"
    assert "no kernels for sm_87" in checks["TensorRT"]["found"]
    assert "10.16 of 7.2" in checks["TensorRT"]["cure"]
    assert result["best_backend"] != "tensorrt"
    jetson(("38", "2.0"), version="10.13.3.9", sm=(11, 0))
    assert look(capsys)[1]["TensorRT"]["status"] == "ok"
    jetson(None, version="10.16.1", sm=(7, 0))
    assert "needs a GPU of sm_75 or later, this is sm_70" in look(capsys)[1]["TensorRT"]["found"]


def test_jetson_without_its_tensorrt(jetson: Any, capsys: pytest.CaptureFixture[str]) -> None:
    jetson(version=None)
    _, checks = look(capsys)
    assert checks["TensorRT"]["status"] == "problem"
    assert "apt-get install python3-libnvinfer" in checks["TensorRT"]["cure"]
    assert "--system-site-packages" in checks["TensorRT"]["cure"]
    assert "TensorRT plugins" not in checks


def test_jetsons_kernel_tells_in_a_container_that_sees_nothing_of_its_host(
    jetson: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What ``docker run`` without ``--runtime nvidia`` gives: no files of JetPack, no GPU, broken libraries."""
    jetson(None, mode=None, container=True, problem="no NVIDIA driver: install one that supports CUDA 12.6")
    monkeypatch.setattr(platforms.platform, "release", lambda: "5.15.148-tegra")

    class Broken:
        def find_spec(self, name: str, *_: Any) -> None:
            if name == "tensorrt":
                raise ImportError("libnvdla_compiler.so: cannot open shared object file")

    monkeypatch.delitem(sys.modules, "tensorrt")
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    code = main(["doctor", "--json", "--quiet"])
    checks = {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    assert code == 1
    assert checks["TensorRT"]["status"] == "problem"
    assert "libnvdla_compiler.so" in checks["TensorRT"]["found"]
    assert "start the container with --runtime nvidia" in checks["TensorRT"]["cure"]
    assert checks["GPU"] | {"status": "problem", "cure": "start the container with --runtime nvidia"} == checks["GPU"]
    assert "pip install" not in str(checks["TensorRT"])


def test_broken_tensorrt_outside_a_container(
    jetson: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    jetson(version="8.6.2")

    def broken(name: str, *_: Any) -> Any:
        raise ImportError("libnvinfer.so.10: cannot open shared object file")

    monkeypatch.setattr(library.importlib, "import_module", broken)
    assert "libnvinfer.so.10" in str(library.tensorrt_problem())
    assert "sudo apt-get install --reinstall tensorrt" in str(library.tensorrt_problem())
    platforms._RELEASE.unlink()
    assert "pip install --force-reinstall tensorrt" in str(library.tensorrt_problem())


@pytest.mark.parametrize(
    ("problem", "told"),
    [
        ("no NVIDIA GPU: no CUDA-capable device is detected", True),
        ("the GPU cannot be used: unknown error", True),
        ("this build has no code for Orin (sm_87): build with -DCMAKE_CUDA_ARCHITECTURES=87", False),
    ],
)
def test_user_who_may_not_use_the_gpu(
    jetson: Any, capsys: pytest.CaptureFixture[str], problem: str, told: bool
) -> None:
    jetson(problem=problem)
    check = look(capsys)[1]["GPU"]
    assert check["status"] == "problem"  # every Jetson has a GPU
    assert not told or problem.partition(": ")[2] in check["found"]
    assert ("sudo usermod -aG video,render" in check["cure"]) == told
    jetson(None, problem=problem)
    assert "usermod" not in look(capsys)[1]["GPU"]["cure"]


def test_jetson_without_the_core_is_told_how_to_get_it(
    jetson: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    jetson()
    monkeypatch.delattr(rtgs2_trt, "_cuda")
    monkeypatch.setitem(sys.modules, "rtgs2_trt._cuda", None)
    monkeypatch.setattr(doctor, "_TRACES_OF_A_GPU", (str(tmp_path),))
    check = look(capsys)[1]["CUDA core"]
    assert check["cure"] == "sudo apt-get install nvidia-jetpack, then CMAKE_ARGS=-DRTGS2_CUDA=ON pip install ."


def test_jetson_is_not_sent_for_a_wheel_that_pypi_does_not_have(
    jetson: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    jetson()
    check = look(capsys)[1]["ONNX Runtime on GPU"]
    assert check["status"] == "note"
    assert check["cure"] == "TensorRT does its work (rtgs2-export --tensorrt, then rtgs2 build)"


def test_other_machines_need_no_tensorrt(jetson: Any, capsys: pytest.CaptureFixture[str]) -> None:
    jetson(None, version=None)
    _, checks = look(capsys)
    assert (checks["TensorRT"]["status"], checks["TensorRT"]["cure"]) == ("note", "pip install tensorrt")
    assert "JetPack" not in checks
    assert "power mode" not in checks


def test_missing_plugin_library(
    jetson: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    jetson(plugin=False)
    result, checks = look(capsys)
    assert checks["TensorRT plugins"]["status"] == "problem"
    assert checks["TensorRT plugins"]["found"].startswith("no such plugin library: /")
    assert checks["TensorRT plugins"]["cure"] == "Correct or unset RTGS2_TENSORRT_PLUGIN"
    assert result["best_backend"] != "tensorrt"
    monkeypatch.delenv(library.PLUGIN_VARIABLE)
    monkeypatch.setattr(library, "plugin_file", lambda major: f"no_such_library_{major}.so")
    _, checks = look(capsys)
    assert "has no plugin library for TensorRT 10" in checks["TensorRT plugins"]["found"]
    assert "RTGS2_TENSORRT=ON" in checks["TensorRT plugins"]["cure"]


def test_plugin_library_lies_beside_the_core(jetson: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In an editable installation that is not beside the sources."""
    jetson()
    monkeypatch.delenv(library.PLUGIN_VARIABLE)
    monkeypatch.setattr(library._native, "__file__", str(tmp_path / "_native.so"))
    module = library.load_tensorrt()
    file = tmp_path / library.plugin_file(library.tensorrt_version(module)[0])
    with pytest.raises(BackendError, match="has no plugin library"):
        library.plugin_library(module)
    file.write_bytes(b"")
    assert library.plugin_library(module) == file.resolve()


def test_plugin_library_that_does_not_load(jetson: Any, capsys: pytest.CaptureFixture[str]) -> None:
    jetson(loads=False)
    result, checks = look(capsys)
    assert checks["TensorRT plugins"]["status"] == "problem"
    assert "plugin library cannot be loaded (TensorRT says: undefined symbol" in checks["TensorRT plugins"]["found"]
    assert "RTGS2_TENSORRT=ON' pip install ." in checks["TensorRT plugins"]["cure"]
    assert result["best_backend"] != "tensorrt"


@pytest.mark.parametrize(
    ("jetpack", "version", "status"),
    [
        ("6.1", "10.3.0.26", "ok"),
        ("6.2.1+b38", "10.7.0.23", "note"),
        ("7.0", "10.13.2", "ok"),
        ("7.2", "10.16.2.10", "ok"),
        ("7.2", "10.13.2", "note"),
        ("8.0", "11.1.0", "ok"),
    ],
)
def test_tensorrt_of_another_jetpack_is_told(
    jetson: Any, capsys: pytest.CaptureFixture[str], jetpack: str, version: str, status: str
) -> None:
    jetson(packages=f"Package: nvidia-jetpack\nVersion: {jetpack}\n", version=version)
    result, checks = look(capsys)
    assert checks["TensorRT"]["status"] == status
    assert ("but this JetPack brings" in checks["TensorRT"]["found"]) == (status == "note")
    assert result["best_backend"] == "tensorrt"  # it may have been upgraded on purpose


@pytest.mark.parametrize(("mode", "name", "status"), [(1, "15W", "note"), (7, "mode 7", "note"), (None, "", "note")])
def test_power_mode(jetson: Any, capsys: pytest.CaptureFixture[str], mode: int | None, name: str, status: str) -> None:
    jetson(mode=mode)
    check = look(capsys)[1]["power mode"]
    assert check["status"] == status
    assert check["found"] == (name or "this system does not tell")
    assert "nvpmodel" in check["cure"]


@pytest.mark.parametrize(("mode", "status"), [(0, "note"), (1, "note"), (2, "ok")])
def test_power_mode_of_a_board_on_which_number_0_is_a_limited_one(
    jetson: Any, capsys: pytest.CaptureFixture[str], mode: int, status: str
) -> None:
    jetson(mode=mode, modes=SUPER)
    check = look(capsys)[1]["power mode"]
    assert check["status"] == status
    assert status == "ok" or check["cure"].startswith("sudo nvpmodel -m 2 && sudo jetson_clocks")
