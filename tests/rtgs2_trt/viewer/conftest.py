"""``rtgs2 view`` as a user starts it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from rtgs2_trt import Camera, Scene, save_cameras


class Served(NamedTuple):
    """A viewer in a process of its own: what it said when it was ready, and the files that it was given."""

    process: subprocess.Popen[str]
    ready: dict[str, Any]
    bundle: Path
    scene: Path
    errors: Path


@pytest.fixture(scope="module")
def served(exported_bundle: Path, scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A viewer of the small scene, whose file is in half metres with -y up, with two captured views."""
    pytest.importorskip("viser", reason="viser is not installed: pip install '.[view]'")
    from rtgs2_trt.orientation import orientation

    folder = tmp_path_factory.mktemp("served")
    turn = orientation("-y").T
    scene.transformed(2.0, turn).save(folder / "scene.ply")
    views = {f"view {i}": Camera.look_at((0.3, 0.3, 0.6), (1.8, 0.8 + 0.4 * i, 0.5), fov_degrees=80) for i in range(2)}
    save_cameras(folder / "cameras.json", {name: camera.transformed(2.0, turn) for name, camera in views.items()})
    command = [sys.executable, "-m", "rtgs2_trt.cli", "view", str(exported_bundle), str(folder / "scene.ply")]
    options = ["--cameras", str(folder / "cameras.json"), "--scale", "0.5", "--up=-y", "--size", "320x240"]
    with (folder / "errors.txt").open("w") as errors:
        process = subprocess.Popen(
            [*command, *options, "--port", "0", "--json", "--quiet"],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            preexec_fn=_heed_interrupts,
        )
    text = ""
    while line := process.stdout.readline():
        text += line
        if line == "}\n":
            break
    assert text, (folder / "errors.txt").read_text()
    yield Served(process, json.loads(text), exported_bundle, folder / "scene.ply", folder / "errors.txt")
    if process.poll() is None:
        process.kill()
    process.wait()
    process.stdout.close()


def _heed_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell that starts tests in the background has them ignored
