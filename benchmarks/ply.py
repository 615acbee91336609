"""Reading a scene: Scene.load against np.fromfile of the same bytes, alternating, with a warm page cache.

    python benchmarks/ply.py [--gaussians 3000000] [--degree 3] [--runs 7] [--threads 0] [--json FILE]

The file is made in a temporary folder (744 MB by default) and removed afterwards. Peak memory is that of a fresh
process that loads the file once, plainly and with ``scale=``, ``up=`` and ``invalid="drop"``, which copy arrays.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from rtgs2_trt import Scene, ply
from rtgs2_trt.threads import available_threads

# VmHWM is the most memory that the process ever had, imports included: if anything, too much is counted as beyond.
CHILD = """
import json, sys
from rtgs2_trt import Scene

def kilobytes(key):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(key))

before = kilobytes("VmRSS")
scene = Scene.load(sys.argv[1], threads=int(sys.argv[2]), **json.loads(sys.argv[3]))
result = sum(a.nbytes for a in vars(scene).values() if hasattr(a, "nbytes"))
print(json.dumps({"beyond": 1024 * (kilobytes("VmHWM") - before) - result, "result": result}))
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gaussians", type=int, default=3_000_000)
    parser.add_argument("--degree", type=int, default=3, choices=range(4))
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder) / "scene.ply", arguments)
    print(table(result))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")
    return 0


def measure(path: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    write_scene(path, arguments.gaussians, arguments.degree)
    size = path.stat().st_size
    steps: dict[str, Callable[[], object]] = {
        "np.fromfile": lambda: np.fromfile(path, dtype=np.uint8),
        "Scene.load": lambda: Scene.load(path, threads=arguments.threads),
        "Scene.load, 1 thread": lambda: Scene.load(path, threads=1),
    }
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for run in range(arguments.runs + 1):
        for name, step in steps.items():
            start = time.perf_counter()
            kept = step()
            if run > 0:  # the first fills the page cache
                seconds[name].append(time.perf_counter() - start)
            del kept
    ratios = [b / a for a, b in zip(seconds["np.fromfile"], seconds["Scene.load"], strict=True)]
    memory = memory_of(path, arguments.threads)
    scene = Scene.load(path)
    copying = {
        "scale": memory_of(path, arguments.threads, scale=2.0),
        "up": memory_of(path, arguments.threads, up="-y"),
    }
    with path.open("r+b") as file:  # a Gaussian to drop
        file.seek(ply.read_header(path).size)
        file.write(np.float32(np.nan).tobytes())
    copying["invalid"] = memory_of(path, arguments.threads, invalid="drop")
    saving = []
    for _ in range(3):
        start = time.perf_counter()
        scene.save(path)
        saving.append(time.perf_counter() - start)
    return {
        "machine": f"{platform.machine()}, {available_threads()} CPUs, NumPy {np.__version__}",
        "threads": arguments.threads or available_threads(),
        "gaussians": arguments.gaussians,
        "sh_degree": arguments.degree,
        "file_bytes": size,
        "milliseconds": {name: round(1000 * statistics.median(values), 1) for name, values in seconds.items()},
        "milliseconds_save": round(1000 * statistics.median(saving), 1),
        "ratio_to_fromfile": round(statistics.median(ratios), 2),
        "result_bytes": memory["result"],
        "peak_bytes_beyond_result": memory["beyond"],
        "peak_beyond_result_by_file": round(memory["beyond"] / size, 3),
        "peak_beyond_result_by_file_with": {name: round(m["beyond"] / size, 3) for name, m in copying.items()},
    }


def memory_of(path: Path, threads: int, **options: float | str) -> dict[str, int]:
    """Bytes of the arrays of a scene that a fresh process loads ("result") and the most it took "beyond" them."""
    command = [sys.executable, "-W", "ignore", "-c", CHILD, str(path), str(threads), json.dumps(options)]
    memory: dict[str, int] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return memory


def write_scene(path: Path, count: int, degree: int) -> None:
    """A room-sized cloud of random Gaussians in the layout of 3DGS: 62 floats a row for degree 3."""
    rng = np.random.default_rng(0)
    normal = rng.standard_normal(1 << 20, dtype=np.float32)
    names = ["x", "y", "z", "nx", "ny", "nz", *(f"f_dc_{i}" for i in range(3))]
    names += [f"f_rest_{i}" for i in range(3 * ((degree + 1) ** 2 - 1))]
    names += ["opacity", *(f"scale_{i}" for i in range(3)), *(f"rot_{i}" for i in range(4))]
    # Every column is the same numbers from another place on: other statistics would not change what is done.
    ply.write_ply(path, {name: np.resize(np.roll(normal, 7919 * i), count) for i, name in enumerate(names)})


def table(result: dict[str, Any]) -> str:
    rows = [(name, f"{ms:.0f} ms") for name, ms in result["milliseconds"].items()]
    rows += [
        ("ratio of Scene.load to np.fromfile", f"{result['ratio_to_fromfile']:.2f}"),
        ("memory of the scene", f"{result['result_bytes'] / 1e6:.0f} MB"),
        ("peak memory beyond it", f"{result['peak_bytes_beyond_result'] / 1e6:.0f} MB"),
        ("the same by the file's size", f"{result['peak_beyond_result_by_file']:.3f}"),
        *(
            (f"the same with {name}=", f"{share:.3f}")
            for name, share in result["peak_beyond_result_by_file_with"].items()
        ),
        ("Scene.save", f"{result['milliseconds_save']:.0f} ms"),
    ]
    title = f"{result['gaussians']} Gaussians, SH degree {result['sh_degree']}, {result['file_bytes'] / 1e6:.0f} MB"
    width = max(len(name) for name, _ in rows)
    heading = f"{title}; {result['machine']}, {result['threads']} threads, medians of alternating runs"
    return "\n".join([heading, *(f"  {name:{width}}  {value:>10}" for name, value in rows)])


if __name__ == "__main__":
    sys.exit(main())
