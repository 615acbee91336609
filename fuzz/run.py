"""Fuzzes one target with Atheris, guided by the coverage of this project's Python code.

    python fuzz/run.py TARGET [SECONDS] [libFuzzer options]

Starts from the committed corpus; what it discovers is kept in build/fuzz/TARGET, an input that breaks something in
build/fuzz/TARGET-crash-... . Exits with 0 if nothing broke.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
from pathlib import Path

import atheris

FOLDER = Path(__file__).resolve().parent
OURS = ("rtgs2_trt", "rtgs2_networks", "rtgs2_training")
LIMITS = ("-max_len=16384", "-timeout=30", "-rss_limit_mb=4096", "-print_final_stats=1", "-keep_seed=1")


def main() -> None:
    name, seconds, *options = [*sys.argv[1:], "60"][: max(2, len(sys.argv) - 1)]
    without_editable_loader()
    sys.path.insert(0, str(FOLDER))
    with atheris.instrument_imports(include=[*OURS, "yaml", "json", "zipfile", "numpy.lib.format"]):
        import fuzz_common

        target = importlib.import_module(f"fuzz_{name}")
    found = Path("build/fuzz") / name
    found.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        arguments = [
            *LIMITS,
            f"-max_total_time={seconds}",
            f"-artifact_prefix=build/fuzz/{name}-",
            *options,
            str(found),
            str(fuzz_common.CORPUS / name),
        ]
        atheris.Setup([sys.argv[0], *arguments], lambda data: target.run(data, Path(folder)))
        atheris.Fuzz()


def without_editable_loader() -> None:
    """Import this project as plain files: Atheris cannot look into what an editable install's loader loads."""
    import rtgs2_trt._native as native

    for module in [module for module in sys.modules if module.split(".")[0] in OURS]:
        del sys.modules[module]
    sys.modules["rtgs2_trt._native"] = native
    sys.meta_path[:] = [finder for finder in sys.meta_path if "ScikitBuild" not in type(finder).__name__]
    sys.path[:0] = [str(FOLDER.parent), str(FOLDER.parent / "networks")]


if __name__ == "__main__":
    main()
