"""Runs the examples of libraries that share GPU memory: ``python -m benchmarks.gpu.examples``.

Each runs on a generated room with a bundle of the preset "tiny" and random weights. One that its library or its GPU
is missing for says "skipped" and why; one that fails ends this with exit code 1.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from rtgs2_trt.backends.cuda_engine import provider_problem
from rtgs2_trt.cuda import cuda_problem
from rtgs2_trt.roofline import typical_room

FOLDER = Path(__file__).parents[2] / "examples"
NAMES = ("03_pytorch.py", "04_cupy.py", "05_cuda_python.py", "06_pycuda.py")


def main() -> int:
    problem = cuda_problem() or provider_problem()
    if problem is not None:
        print(f"{', '.join(NAMES)}: skipped: {problem}")
        return 0
    try:
        from benchmarks.stages import preset_bundle

        bundle = preset_bundle("tiny")
    except ImportError as error:
        print(f"skipped: no bundle could be exported, install the extra [export]: {error}")
        return 0
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        scene = Path(folder) / "room.ply"
        typical_room.room(100_000).save(scene)
        for name in NAMES:
            print(f"== {name}", flush=True)
            failed |= subprocess.run(
                [sys.executable, str(FOLDER / name), str(bundle), str(scene)], check=False
            ).returncode
    return int(failed != 0)


if __name__ == "__main__":
    sys.exit(main())
