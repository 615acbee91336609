"""What this machine can run bundles with, and how to mend what it cannot."""

from __future__ import annotations

import importlib
import importlib.util
import platform
import re
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from .cuda import cuda_problem
from .errors import BackendError, InputError
from .instruction_sets import instruction_set, instruction_sets
from .tensorrt import platforms
from .tensorrt.library import load_tensorrt, plugin_library, tensorrt_problem, tensorrt_version, try_plugin
from .threads import available_threads

Status = Literal["ok", "note", "problem"]

_MEMORY = Path("/proc/meminfo")
_DRIVER = Path("/proc/driver/nvidia/version")
_TRACES_OF_A_GPU = ("/proc/driver/nvidia/version", "/dev/nvidia0", "/dev/nvhost-gpu", "/dev/nvgpu")
_LITTLE_MEMORY = 2 << 30
_GPU_FRAME_MEMORY = 1 << 30


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: what.
        status: ``ok``; ``note`` where something optional is missing; ``problem`` where something that should work does
            not.
        found: what is there.
        cure: what to do, if there is something to do.
    """

    name: str
    status: Status
    found: str
    cure: str | None = None


def examine() -> list[Check]:
    """Look at everything; takes seconds, since the engines are loaded."""
    gpu = _gpu_checks()
    gpu_works = gpu[-1].name == "GPU memory"
    return [
        Check("Python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        Check("rtgs2-trt", "ok", f"{version('rtgs2-trt')} in {Path(__file__).parent}"),
        _processor(),
        _memory(),
        *gpu,
        *_onnxruntime(gpu_works=gpu_works),
        _optional("OpenVINO", "openvino", "for precision bf16 on CPUs: pip install 'rtgs2-trt[openvino]'"),
        *_jetpack(),
        *_tensorrt(gpu_works=gpu_works),
    ]


def report(checks: list[Check]) -> dict[str, Any]:
    """Return the checks as JSON has them, whether all is well, and the backend that ``auto`` would try first.

    ``tensorrt`` among them still wants a bundle with an engine for this machine.
    """
    status = {check.name: check.status for check in checks}

    def usable(*names: str) -> bool:
        return all(status.get(name, "ok") == "ok" for name in names)

    gpu = usable("CUDA core", "GPU")
    tensorrt = (
        gpu and status.get("TensorRT plugins") == "ok" and usable("JetPack") and status.get("TensorRT") != "problem"
    )
    return {
        "ok": all(check.status != "problem" for check in checks),
        "best_backend": "tensorrt" if tensorrt else "cuda" if gpu and usable("ONNX Runtime on GPU") else "cpu",
        "checks": [asdict(check) for check in checks],
    }


def _processor() -> Check:
    sets = ", ".join(instruction_sets())
    try:
        used = instruction_set()
    except InputError as error:
        return Check("CPU", "problem", str(error), "Unset RTGS2_INSTRUCTION_SET, or name one that this CPU has")
    return Check("CPU", "ok", f"{available_threads()} threads; instruction sets {sets}; in use {used}")


def _memory() -> Check:
    try:
        fields = dict(line.split(":") for line in _MEMORY.read_text().splitlines() if ":" in line)
        total, free = (int(fields[name].split()[0]) << 10 for name in ("MemTotal", "MemAvailable"))
    except (OSError, KeyError, ValueError, IndexError):
        return Check("memory", "note", "this system does not tell")
    found = f"{_gib(total)} GiB, {_gib(free)} GiB of it free"
    if free < _LITTLE_MEMORY:
        cure = "End other programs: encoding a scene of 400,000 voxels takes 2.7 GiB"
        return Check("memory", "note", found, cure)
    return Check("memory", "ok", found)


def _gpu_checks() -> list[Check]:
    """The core, the GPU and its memory, as far as there is something to look at."""
    there = platforms.is_jetson() or any(Path(trace).exists() for trace in _TRACES_OF_A_GPU)
    missing: Status = "problem" if there else "note"
    try:
        core = importlib.import_module("rtgs2_trt._cuda")
    except ImportError:
        reason = cuda_problem() or "cannot be loaded"
        cure = "Install again where nvcc (CUDA 12.6 or later) is on PATH" if there else None
        if there and platforms.is_jetson():
            cure = "sudo apt-get install nvidia-jetpack, then CMAKE_ARGS=-DRTGS2_CUDA=ON pip install ."
        return [Check("CUDA core", missing, reason, cure)]
    built = Check("CUDA core", "ok", "built")
    problem = cuda_problem()
    if problem is not None:
        found, _, cure = problem.partition(": ")
        no_gpu = not there and found in ("no NVIDIA driver", "no NVIDIA GPU")
        return [built, Check("GPU", "note" if no_gpu else "problem", found, cure or None)]
    try:
        device = core.device()
    except core.CudaError as error:
        return [built, Check("GPU", "problem", str(error), "Start again; update the NVIDIA driver if it stays so")]
    major, minor = device["compute_capability"]
    gpu = Check(
        "GPU",
        "ok",
        f"{device['name']}, sm_{major}{minor}, {device['multiprocessors']} multiprocessors; driver{_driver_version()} "
        f"for CUDA {_cuda_version(device['driver'])}, this build {_cuda_version(device['runtime'])}",
    )
    found = f"{_gib(device['memory'])} GiB, {_gib(device['free_memory'])} GiB of it free"
    little = device["free_memory"] < _GPU_FRAME_MEMORY
    memory = Check(
        "GPU memory", "note" if little else "ok", found, "End other programs on this GPU" if little else None
    )
    return [built, gpu, memory]


def _onnxruntime(*, gpu_works: bool) -> list[Check]:
    try:
        onnxruntime = importlib.import_module("onnxruntime")
    except ImportError as error:
        return [Check("ONNX Runtime", "problem", f"cannot be loaded: {error}", "pip install onnxruntime")]
    providers = onnxruntime.get_available_providers()
    checks = [Check("ONNX Runtime", "ok", f"{onnxruntime.__version__}: {', '.join(providers)}")]
    if gpu_works:
        from .backends.cuda_engine import provider_problem

        problem = provider_problem()
        if problem is None:
            checks.append(Check("ONNX Runtime on GPU", "ok", "offers CUDA"))
        else:
            found, _, cure = problem.partition(": ")
            # PyPI has no such build for Jetson, and engines do its work there.
            status: Status = "note" if platforms.is_jetson() else "problem"
            checks.append(Check("ONNX Runtime on GPU", status, found, cure or None))
    else:
        checks.append(Check("ONNX Runtime on GPU", "note", "not looked at: there is no GPU that can be used"))
    return checks


def _jetpack() -> list[Check]:
    """On a Jetson: its JetPack and its power mode."""
    if not platforms.is_jetson():
        return []
    linux, problem = platforms.jetson_linux(), platforms.jetpack_problem()
    shown = ".".join(map(str, linux)) if linux else "of unknown version"
    found = f"{platforms.jetpack_version() or 'of unknown version'} (Jetson Linux {shown})"
    checks = [Check("JetPack", "ok", found)]
    if problem is not None:
        checks = [Check("JetPack", "problem", found, problem)]
    mode = platforms.power_mode()
    if mode is None:
        checks.append(Check("power mode", "note", "this system does not tell", "sudo nvpmodel -q tells it"))
    else:
        name, unlimited = mode
        number = platforms.unlimited_power_mode()
        cure = (
            f"sudo nvpmodel -m {number} && sudo jetson_clocks, if the board may draw the power; then rtgs2 build anew: "
            "a mode can have other processors, and engines are of one"
        )
        checks.append(Check("power mode", "ok" if unlimited else "note", name, None if unlimited else cure))
    return checks


def _tensorrt(*, gpu_works: bool) -> list[Check]:
    """TensorRT for Python, whether it goes with this GPU, and our plugin library for it."""
    problem = tensorrt_problem()
    if problem is not None:
        found, _, cure = problem.partition(": ")
        missing: Status = "problem" if platforms.is_jetson() or _is_installed("tensorrt") else "note"
        return [Check("TensorRT", missing, found, cure or None)]
    module = load_tensorrt()
    checks = [Check("TensorRT", "ok", str(module.__version__))]
    expected = platforms.jetpack_tensorrt()
    if expected is not None and tensorrt_version(module)[:2] != expected:
        shown = f"{module.__version__}, but this JetPack brings {'.'.join(map(str, expected))}"
        cure = (
            "Unless it was upgraded on purpose: remove the other one, make the environment with --system-site-packages"
        )
        checks = [Check("TensorRT", "note", shown, cure)]
    if gpu_works:
        device = importlib.import_module("rtgs2_trt._cuda").device()
        bad = platforms.pair_problem(tensorrt_version(module), device["compute_capability"])
        if bad is not None:
            found, _, cure = bad.partition(": ")
            checks = [Check("TensorRT", "problem", found, cure or None)]
    try:
        path = plugin_library(module)
        if gpu_works and checks[0].status != "problem":
            try_plugin(module, path)
        checks.append(Check("TensorRT plugins", "ok", str(path)))
    except BackendError as error:
        sentences = re.fullmatch(r"(.+)\. ([A-Z].+)", str(error))  # a path may stand before the first colon
        found, cure = sentences.groups() if sentences else str(error).partition(": ")[::2]
        checks.append(Check("TensorRT plugins", "problem" if gpu_works else "note", found, cure or None))
    return checks


def _optional(name: str, module: str, use: str) -> Check:
    try:
        importlib.import_module(module)
    except ImportError as error:
        broken = f"cannot be loaded: {error}" if _is_installed(module) else "not installed"
        return Check(name, "note", f"{broken} ({use})")
    try:
        return Check(name, "ok", version(module))
    except PackageNotFoundError:
        return Check(name, "ok", str(getattr(sys.modules[module], "__version__", "of unknown version")))


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ValueError:  # something without a specification is in its place
        return sys.modules.get(module) is not None


def _gib(size: int) -> str:
    return f"{size / (1 << 30):.1f}"


def _driver_version() -> str:
    """The driver's own number with a space before it; nothing where the kernel does not tell it."""
    try:
        found = re.search(r"Kernel Module.*?\s(\d+(?:\.\d+)+)", _DRIVER.read_text("utf-8", "replace"))
    except OSError:
        return ""
    return f" {found[1]}" if found else ""


def _cuda_version(number: int) -> str:
    return f"{number // 1000}.{number % 1000 // 10}"
