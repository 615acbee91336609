"""How much memory does a large scene take to load, beyond the scene itself?

    python benchmarks/large_scenes.py [--gaussians 10000000] [--degree 1] [--formats ply spz ...] [--json FILE]

Every format, loaded in a fresh process, alone and with a change of units, which makes the arrays anew one after the
other. "Beyond" is the most memory that the process held less what it held before and less the arrays of the result.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from ply import memory_of

from rtgs2_trt import Scene
from rtgs2_trt.scene_files import WRITTEN_FORMATS

DISTINCT = 1 << 16


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gaussians", type=int, default=10_000_000)
    parser.add_argument("--degree", type=int, default=1, choices=range(4))
    parser.add_argument("--formats", nargs="+", choices=WRITTEN_FORMATS, default=WRITTEN_FORMATS)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rows: list[dict[str, Any]] = []
    print(f"{arguments.gaussians} Gaussians, SH degree {arguments.degree}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scene"
        for name in arguments.formats:
            repeated_scene(arguments.gaussians, arguments.degree).save(path, name)
            start = time.perf_counter()
            memory = memory_of(path, 0)
            row = {"format": name, "file_bytes": path.stat().st_size, "seconds": time.perf_counter() - start, **memory}
            row["beyond_with_scale"] = memory_of(path, 0, scale=0.9)["beyond"]
            rows.append(row)
            size, result, beyond, scaled = (
                f"{row[key] / 1e6:.0f} MB" for key in ("file_bytes", "result", "beyond", "beyond_with_scale")
            )
            took = f"{row['seconds']:.1f} s with the start of Python"
            print(
                f"{name:15}file {size}, scene {result}, beyond it {beyond} ({scaled} with scale=), {took}", flush=True
            )
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0


def repeated_scene(count: int, degree: int) -> Scene:
    """A room-sized cloud of 65,536 different Gaussians, each many times: other values would not change memory."""
    rng = np.random.default_rng(0)

    def repeated(values: np.ndarray) -> np.ndarray:
        return np.resize(values.astype(np.float32), (count, *values.shape[1:]))

    return Scene(
        means=repeated(rng.uniform(-3, 3, (DISTINCT, 3))),
        scales=repeated(np.exp(rng.normal(-5, 1, (DISTINCT, 3)))),
        rotations=repeated(rng.normal(size=(DISTINCT, 4))),
        opacities=repeated(rng.uniform(0, 1, DISTINCT)),
        sh=repeated(rng.normal(size=(DISTINCT, (degree + 1) ** 2, 3)) / 5),
    )


if __name__ == "__main__":
    sys.exit(main())
