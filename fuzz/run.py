"""Fuzzes one target with Atheris, guided by the coverage of this project's Python code.

    python fuzz/run.py TARGET [SECONDS] [libFuzzer options]

Starts from the committed corpus; what it discovers is kept in build/fuzz/TARGET, an input that breaks something in
build/fuzz/crash-... . Exits with 0 if nothing broke.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
from pathlib import Path

import atheris

LIMITS = ("-max_len=8192", "-timeout=30", "-rss_limit_mb=4096", "-print_final_stats=1", "-verbosity=1")


def main() -> None:
    name, seconds, *options = [*sys.argv[1:], "60"][: max(2, len(sys.argv) - 1)]
    sys.path.insert(0, str(Path(__file__).parent))
    with atheris.instrument_imports(include=["rtgs2_trt", "rtgs2_networks", "yaml"]):
        import fuzz_common

        target = importlib.import_module(f"fuzz_{name}")
    found = Path("build/fuzz") / name
    found.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        atheris.Setup(
            [
                sys.argv[0],
                *LIMITS,
                f"-max_total_time={seconds}",
                f"-artifact_prefix=build/fuzz/{name}-",
                *options,
                str(found),
                str(fuzz_common.CORPUS / name),
            ],
            lambda data: target.run(data, Path(folder)),
        )
        atheris.Fuzz()


if __name__ == "__main__":
    main()
