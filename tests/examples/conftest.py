"""The demo, run once for all tests of this folder, where the README's commands expect it: in build/demo."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the demo has run."""
    pytest.importorskip("torch")
    folder = tmp_path_factory.mktemp("workplace")
    command = [sys.executable, str(ROOT / "examples/demo/run.py"), "--output", "build/demo", "--quiet"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (folder / "stdout.txt").write_text(done.stdout)
    return folder


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """The environment with this interpreter's commands (rtgs2, rtgs2-export) first on the path."""
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
