"""How long does each scene format take to load, against the best library there is on the same file?

    pip install gsply imagecodecs zstandard gaussforge
    python benchmarks/scene_files.py [--gaussians 500000] [--degree 2] [--scene FILE] [--json FILE]

Alternating runs; medians of the times and of each round's ratio to the fastest library. Libraries, under permissive
licences: gsply (MIT) with its compiled loops and with its C++ core, GaussForge (Apache-2.0). They leave logarithms and
logits as they are; here scales, opacities and quaternions come ready to render and checked. Arrays that only point into
the file's bytes, as gsply's C++ core returns a PLY, are gathered: that is when they are read. What is not installed, or
cannot read a file, is named.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from rtgs2_trt import Scene
from rtgs2_trt.threads import available_threads

ARRAYS = ("means", "scales", "quats", "opacities", "sh0", "shN")  # of gsply
NAMES = ("scene.ply", "scene.compressed.ply", "scene.splat", "scene.spz", "scene-4.spz", "scene.sog")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gaussians", type=int, default=500_000)
    parser.add_argument("--degree", type=int, default=2, choices=range(4))
    parser.add_argument("--scene", type=Path, help="a scene instead of random Gaussians")
    parser.add_argument("--formats", nargs="+", choices=NAMES, default=NAMES, metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    scene = Scene.load(arguments.scene) if arguments.scene else random_scene(arguments.gaussians, arguments.degree)
    libraries, missing = installed_libraries()
    for reason in missing:
        print(f"not measured: {reason}")
    machine = f"{platform.machine()}, {available_threads()} CPUs, NumPy {np.__version__}"
    print(f"{len(scene)} Gaussians, SH degree {scene.sh_degree}; {machine}; medians of {arguments.runs} rounds")
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.formats:
            path = Path(folder) / name
            try:
                write(scene, path)
            except ImportError as problem:
                print(f"{name:22} not measured: {problem}")
                continue
            rows.append(
                {"file": name, "megabytes": path.stat().st_size / 1e6, **compare(path, libraries, arguments.runs)}
            )
            print(text(rows[-1]), flush=True)
    result = {"machine": machine, "gaussians": len(scene), "sh_degree": scene.sh_degree, "files": rows}
    if arguments.json:
        arguments.json.write_text(json.dumps({**result, "not_measured": missing}, indent=1) + "\n")
    return 0


Loader = Callable[[Path], Any]


def installed_libraries() -> tuple[dict[str, Loader], list[str]]:
    """The libraries that are here, and of the others why not."""
    libraries: dict[str, Loader] = {}
    missing = []
    for name, make in {"gsply": gsply_loader, "gsply C++": gsply_cpp_loader, "GaussForge": gaussforge_loader}.items():
        try:
            libraries[name] = make()
        except ImportError as problem:
            missing.append(f"{name}: {problem}")
    return libraries, missing


def gsply_loader() -> Loader:
    import gsply
    from gsply.sog_reader import sogread
    from gsply.spz import read_spz

    kinds: dict[str, Loader] = {".spz": read_spz, ".sog": sogread, ".ply": gsply.plyread}

    def load(path: Path) -> Any:
        if path.suffix not in kinds:
            raise ValueError("it does not read this format")
        read = kinds[path.suffix](path)
        return [np.ascontiguousarray(getattr(read, name)) for name in ARRAYS]

    return load


def gsply_cpp_loader() -> Loader:
    import gsply
    import gsply_cpp  # noqa: F401

    plain = gsply_loader()

    def load(path: Path) -> Any:
        gsply.use_backend("cpp")  # what it lacks falls back to the compiled loops
        try:
            return plain(path)
        finally:
            gsply.use_backend("python")

    return load


def gaussforge_loader() -> Loader:
    import gaussforge

    forge = gaussforge.GaussForge()

    def load(path: Path) -> Any:
        kind = path.name.partition(".")[2]
        result = forge.read(path.read_bytes(), kind)
        if result.get("error"):
            raise ValueError(result["error"])
        return result

    return load


def compare(path: Path, libraries: dict[str, Loader], runs: int) -> dict[str, Any]:
    """Median seconds of all, why a library cannot read the file, and the median ratio to the fastest."""
    loaders: dict[str, Loader] = {"ours": Scene.load, **libraries}
    seconds: dict[str, list[float]] = {}
    refused = {}
    for name, load in loaders.items():  # compiles, and fills the page cache
        try:
            load(path)
            seconds[name] = []
        except Exception as problem:  # whatever it raises: it is not to be timed
            if name == "ours":
                raise
            refused[name] = str(problem) or type(problem).__name__
    for _ in range(runs):
        for name, times in seconds.items():
            start = time.perf_counter()
            kept = loaders[name](path)
            times.append(time.perf_counter() - start)
            del kept
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    result: dict[str, Any] = {"seconds": medians, "refused": refused}
    others = [name for name in medians if name != "ours"]
    if others:
        best = min(others, key=medians.__getitem__)
        ratios = [a / b for a, b in zip(seconds["ours"], seconds[best], strict=True)]
        result |= {"best": best, "ratio": statistics.median(ratios)}
    return result


def text(row: dict[str, Any]) -> str:
    times = ", ".join(f"{name} {1000 * seconds:.0f} ms" for name, seconds in row["seconds"].items())
    ratio = f"{row['ratio']:.2f} of {row['best']}" if "best" in row else "no library to compare with"
    refused = "".join(f"; {name} cannot: {reason[:60]}" for name, reason in row["refused"].items())
    return f"{row['file']:22}{row['megabytes']:7.1f} MB  {ratio}  ({times}){refused}"


def write(scene: Scene, path: Path) -> None:
    if "-4" not in path.name:
        scene.save(path)
        return
    import gsply
    from gsply.spz import write_spz

    plain = path.with_suffix(".ply")
    scene.save(plain)
    write_spz(path, gsply.plyread(plain), version=4)  # which is only read here


def random_scene(count: int, degree: int) -> Scene:
    rng = np.random.default_rng(0)
    return Scene(
        means=rng.uniform(-3, 3, (count, 3)),
        scales=np.exp(rng.normal(-5, 1, (count, 3))),
        rotations=rng.normal(size=(count, 4)),
        opacities=rng.uniform(0, 1, count),
        sh=rng.normal(size=(count, (degree + 1) ** 2, 3)) / 5,
    )


if __name__ == "__main__":
    sys.exit(main())
