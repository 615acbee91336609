"""What do the CUDA kernels need of a GPU? Compiles them for two GPUs and writes registers, spills and occupancy.

Needs nvcc and CMake, but no GPU: ``make cuda-report``. Fails if a kernel of this project spills registers there. For
Jetson Thor, where nvcc (13 or later) knows it, the page only names those that do.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Gpu:
    """Limits of one multiprocessor (CUDA C++ Programming Guide, technical specifications per compute capability)."""

    name: str
    warps: int
    blocks: int
    shared_bytes: int
    registers: int = 65536
    reserved_shared_bytes: int = 1024  # of every block
    shared_unit: int = 128
    register_unit: int = 256  # registers are given to a warp in such pieces


GPUS = {
    "sm_87": Gpu("Jetson Orin", warps=48, blocks=16, shared_bytes=164 * 1024),
    "sm_90": Gpu("H100, H200", warps=64, blocks=32, shared_bytes=228 * 1024),
}

# Compiled too, for spills alone.
THOR = "sm_110"

# Threads of a block, where they are not 256.
THREADS = {
    "order_tiles_kernel": 1024,
    "upsample_argmax_kernel": 128,
    "set_view_kernel": 1,
    "read_view_kernel": 1,
    "nothing_kernel": 1,
}


@dataclass(frozen=True)
class Kernel:
    name: str
    architecture: str
    registers: int
    spilled_bytes: int  # stored and loaded
    stack_bytes: int
    shared_bytes: int

    @property
    def ours(self) -> bool:
        return self.name.startswith("rtgs2::")

    @property
    def short_name(self) -> str:
        name = re.sub(r"\(.*", "", self.name.replace("(anonymous namespace)::", "")).removeprefix("void ")
        return (
            re.sub(r"rtgs2::(\w+::)?", "", name).replace("unsigned char", "uint8").replace("unsigned short", "uint16")
        )

    @property
    def threads(self) -> int:
        return THREADS.get(self.short_name.partition("<")[0], 256)

    def warps_at_once(self) -> int:
        """Warps that a multiprocessor runs at a time."""
        gpu = GPUS[self.architecture]
        warps = -(-self.threads // 32)
        registers = -(-self.registers * 32 // gpu.register_unit) * gpu.register_unit * warps
        shared = -(-(self.shared_bytes + gpu.reserved_shared_bytes) // gpu.shared_unit) * gpu.shared_unit
        blocks = min(gpu.blocks, gpu.warps // warps, gpu.registers // registers, gpu.shared_bytes // shared)
        return blocks * warps


def sources_digest() -> str:
    """Name the sources that the kernels are compiled from; the page says which it was made from."""
    files = sorted(
        path
        for ending in ("cu", "cuh", "h")
        for path in (ROOT / "csrc").rglob(f"*.{ending}")
        if path.relative_to(ROOT / "csrc").parts[0] not in ("bindings", "tensorrt")
    )
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\n" + path.read_bytes())
    return digest.hexdigest()[:16]


def parse(output: str) -> list[Kernel]:
    """Kernels that ``ptxas -v`` reports."""
    kernels = []
    pattern = re.compile(
        r"Compiling entry function '(?P<name>\S+)' for '(?P<architecture>\w+)'.*?"
        r"(?P<stack>\d+) bytes stack frame, (?P<stores>\d+) bytes spill stores, (?P<loads>\d+) bytes spill loads\s+"
        r"ptxas info\s+: Used (?P<registers>\d+) registers(?P<rest>[^\n]*)",
        re.DOTALL,
    )
    for match in pattern.finditer(output):
        shared = re.search(r"(\d+) bytes smem", match["rest"])
        kernels.append(
            Kernel(
                match["name"],
                match["architecture"],
                int(match["registers"]),
                int(match["stores"]) + int(match["loads"]),
                int(match["stack"]),
                int(shared[1]) if shared else 0,
            )
        )
    names = subprocess.run(
        ["c++filt"], input="\n".join(k.name for k in kernels), capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return [
        Kernel(name.removeprefix("void "), *(getattr(k, f) for f in list(Kernel.__dataclass_fields__)[1:]))
        for name, k in zip(names, kernels, strict=True)
    ]


def compile_all(names: list[str], build: Path, cmake: str, jobs: int) -> str:
    """Build the library for GPUs, ``sm_87`` for one, with ``ptxas -v``; return what the compiler said."""
    architectures = ";".join(f"{name.removeprefix('sm_')}-real" for name in names)
    options = ["-DRTGS2_CUDA=ON", "-DRTGS2_PYTHON=OFF", f"-DCMAKE_CUDA_ARCHITECTURES={architectures}"]
    options += ["-DRTGS2_WERROR=ON", "-DCMAKE_CUDA_FLAGS=-Xptxas=-v"]
    subprocess.run([cmake, "-S", str(ROOT), "-B", str(build), *options], check=True, stdout=subprocess.DEVNULL)
    command = [cmake, "--build", str(build), "--target", "rtgs2_cuda", "--clean-first", "--parallel", str(jobs)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        sys.exit(result.stdout + result.stderr)
    return result.stdout + result.stderr


def render(kernels: list[Kernel], compiler: str) -> str:
    """The page in Markdown."""
    lines = [
        "# CUDA kernels",
        "",
        f"Made by `make cuda-report` with {compiler} from sources {sources_digest()}; nothing here is measured.",
        "Registers a thread, bytes spilled (stores and loads), bytes of shared memory a block, and the warps that a",
        "multiprocessor holds at a time, of the most that it can hold. A number in `<>` is that of tiles of 8 feature",
        "channels: 4 are the 32 of RT-GS2, 0 is colour alone.",
        "",
    ]
    for architecture, gpu in GPUS.items():
        lines += [
            f"## {architecture}: {gpu.name}",
            "",
            "| kernel | threads | registers | spilled | shared | occupancy |",
        ]
        lines += ["|---|---:|---:|---:|---:|---:|"]
        for kernel in sorted((k for k in kernels if k.architecture == architecture), key=lambda k: k.short_name):
            if not kernel.ours:
                continue
            share = kernel.warps_at_once() / gpu.warps
            lines.append(
                f"| `{kernel.short_name}` | {kernel.threads} | {kernel.registers} | {kernel.spilled_bytes} | "
                f"{kernel.shared_bytes} | {kernel.warps_at_once()} of {gpu.warps} ({share:.0%}) |"
            )
        others = [k for k in kernels if k.architecture == architecture and not k.ours]
        if others:
            spilled = sum(k.spilled_bytes for k in others)
            lines += ["", f"Sorting is CUB's: {len(others)} kernels, {spilled} bytes spilled."]
        lines.append("")
    thor = [kernel for kernel in kernels if kernel.architecture == THOR]
    if thor:
        spilled = [f"`{k.short_name}` {k.spilled_bytes} bytes" for k in thor if k.spilled_bytes] or ["none"]
        lines += [f"For {THOR}, Jetson Thor, all {len(thor)} compile too; spilled: {', '.join(sorted(spilled))}.", ""]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "docs" / "cuda-kernels.md")
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "cuda-report", help="folder to build in")
    parser.add_argument("--cmake", default=shutil.which("cmake") or "cmake")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    nvcc = shutil.which("nvcc")
    if nvcc is None:
        sys.exit("no CUDA compiler: put nvcc (CUDA 12.6 or later) on PATH")
    version = subprocess.run([nvcc, "--version"], capture_output=True, text=True, check=True).stdout
    release = re.search(r"release (\d+)[\d.]*", version)
    names = [*GPUS, THOR] if release and int(release[1]) >= 13 else list(GPUS)
    kernels = parse(compile_all(names, arguments.build, arguments.cmake, arguments.jobs))
    missing = set(names) - {kernel.architecture for kernel in kernels if kernel.ours}
    if missing:
        sys.exit(f"the compiler reported no kernels for {sorted(missing)}")
    arguments.output.write_text(
        render(kernels, f"CUDA {release[0].removeprefix('release ') if release else '?'}"), encoding="utf-8"
    )
    print(f"wrote {arguments.output}")
    spilling = [k for k in kernels if k.ours and k.architecture in GPUS and (k.spilled_bytes or k.stack_bytes)]
    if spilling:
        sys.exit("registers are spilled: " + ", ".join(f"{k.short_name} on {k.architecture}" for k in spilling))


if __name__ == "__main__":
    main()
