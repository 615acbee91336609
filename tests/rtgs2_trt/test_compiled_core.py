"""Sources without the compiled core, and a core that does not load: the message says what to do."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import rtgs2_trt

SOURCES = Path(rtgs2_trt.__file__).parent
CODE = """
import sys
sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in type(finder).__module__]
sys.path.insert(0, sys.argv[1])
import rtgs2_trt
"""


@pytest.mark.parametrize(
    ("core", "message"),
    [
        (None, "these are sources, not an installation. Install with pip install ."),
        (b"not a library", "the compiled core cannot be loaded: "),
    ],
)
def test_import_says_what_to_do(tmp_path: Path, core: bytes | None, message: str) -> None:
    folder = tmp_path / "rtgs2_trt"
    shutil.copytree(SOURCES, folder, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    if core is not None:
        (folder / "_native.abi3.so").write_bytes(core)
    command = [sys.executable, "-c", CODE, str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith(f"ImportError: {folder}")
    assert message in last
