"""Hostile scene files in a process of little memory, where what Pillow and zlib take counts too."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_SCRIPT = """
import pathlib, resource, sys
from rtgs2_trt import Scene
from rtgs2_trt.errors import SceneError
pages = int(pathlib.Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + (1 << 30)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    try:
        Scene.load(path)
    except SceneError:
        continue
    sys.exit(f"{path} was accepted")
"""


def assert_all_refused(folder: Path) -> None:
    """Every file of `folder` raises SceneError in a process that may take 1 GiB beyond its start."""
    result = subprocess.run(
        [sys.executable, "-c", _SCRIPT, folder], capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stderr
