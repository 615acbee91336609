"""Processes killed while they write: what is at the target is absent, old or whole, never half.

The test kills a few times; by hand, many times: KILLS=300 pytest tests/test_kill.py
"""

from __future__ import annotations

import csv
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rtgs2_trt import Bundle, Camera, Scene, save_cameras
from rtgs2_trt.bundle import ENCODER, FUSION, MANIFEST
from rtgs2_trt.errors import BundleError, SceneError

KILLS = int(os.environ.get("KILLS", "4"))

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")

# Each child says when it is ready to write and then writes until it is killed.
SAVE = """
import sys
from rtgs2_trt import Scene
scenes = [Scene.load(path) for path in sys.argv[2:]]
print("ready", flush=True)
while True:
    for scene in scenes:
        scene.save(sys.argv[1])
"""
EXPORT = """
import sys
from rtgs2_export.export import export_bundle
from rtgs2_networks.checkpoint import load_checkpoint
checkpoint = load_checkpoint(sys.argv[2])
print("ready", flush=True)
while True:
    export_bundle(checkpoint, sys.argv[1])
"""
SEGMENT = """
import contextlib, io, sys
from rtgs2_trt.cli import main
def segment(output):
    with contextlib.redirect_stdout(io.StringIO()):
        main(["segment", sys.argv[2], sys.argv[3], "--cameras", sys.argv[4], "-o", output, "--quiet"])
segment(sys.argv[1] + "-first")  # a busy machine may take long to get here
print("ready", flush=True)
while True:
    segment(sys.argv[1])
"""


@contextmanager
def killed(code, arguments):
    """Start `code`; yields the process once it is ready and kills it at the end, when it must still be running."""
    child = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stderr is not None
    if child.stdout.readline() != "ready\n":
        child.kill()
        raise AssertionError(child.stderr.read())
    try:
        yield child
    finally:
        running = child.poll() is None
        child.kill()
        _, problem = child.communicate()
    assert running, problem


def copies(scene, count, value):
    """A scene large enough that saving it takes a while; all its opacities tell which one it is."""
    arrays = (scene.means, scene.scales, scene.rotations, scene.opacities, scene.sh)
    means, scales, rotations, opacities, sh = (np.concatenate([a] * (count // len(scene))) for a in arrays)
    return Scene(means, scales, rotations, np.full_like(opacities, value), sh)


def test_killed_save_leaves_nothing_or_a_whole_scene(scene, tmp_path):
    versions = [copies(scene, 30_000, 0.25), copies(scene, 60_000, 0.75)]
    sources = [tmp_path / "small.ply", tmp_path / "large.ply"]
    for version, source in zip(versions, sources, strict=True):
        version.save(source)
    target, rng = tmp_path / "target.ply", random.Random(1)
    for kill in range(KILLS):
        if kill % 2 == 0:
            target.unlink(missing_ok=True)
        with killed(SAVE, [target, *sources]):
            time.sleep(rng.uniform(0, 0.2) if kill % 2 else rng.uniform(0, 0.02))
        if not target.exists():
            continue
        found = Scene.load(target)
        expected = versions[0] if len(found) == len(versions[0]) else versions[1]
        np.testing.assert_allclose(found.opacities, expected.opacities, rtol=1e-6)
        assert len(found) == len(expected)
    leftovers = [path for path in tmp_path.iterdir() if path not in (target, *sources)]
    assert all(path.name.startswith(".target.ply.") and path.name.endswith(".tmp") for path in leftovers)
    assert leftovers  # the kills did hit saves
    for leftover in leftovers:  # what is half is refused, and nothing is in the way
        with suppress(SceneError):
            assert len(Scene.load(leftover)) in map(len, versions)
    versions[0].save(target)
    assert len(Scene.load(target)) == len(versions[0])


def test_killed_export_leaves_nothing_or_a_whole_bundle(tiny_checkpoint, exported_bundle, tmp_path):
    """Kills at every step of an export: each waits for what the step writes, and then for a part of the next step."""
    target, rng = tmp_path / "target.rtgs2", random.Random(2)
    steps = [ENCODER, FUSION, MANIFEST, target.name]
    seconds: dict[str, float] = {}  # from a step to the next one
    leftovers: set[Path] = set()
    partial = whole = 0

    def temporary_folders() -> set[Path]:
        return set(tmp_path.glob(f".{target.name}.*.tmp")) - leftovers

    def time_of(step: str, child: subprocess.Popen[str]) -> float:
        while not any((folder / step).exists() for folder in (tmp_path, *temporary_folders())):
            assert child.poll() is None
            time.sleep(0.001)
        return time.monotonic()

    for kill in range(max(KILLS, len(steps))):
        step = steps[-1 - kill % len(steps)]
        if step == target.name or kill % 2 == 0:  # else the last whole one must stay
            shutil.rmtree(target, ignore_errors=True)
        with killed(EXPORT, [target, tiny_checkpoint]) as child:
            if not seconds:  # the first export is watched to its end
                times = [time_of(step, child) for step in steps]
                seconds = dict(zip(steps, np.diff([*times, times[-1] + 1.0]), strict=True))
            time_of(step, child)
            time.sleep(rng.uniform(0, seconds[step]))
        if target.exists():
            Bundle(target)  # every file has its hash
            whole += 1
        for leftover in temporary_folders():
            partial += any(leftover.iterdir())
            if (leftover / MANIFEST).exists():
                with suppress(BundleError):  # half a manifest
                    Bundle(leftover)
            else:
                with pytest.raises(BundleError, match="has no manifest"):
                    Bundle(leftover)
            leftovers.add(leftover)
    assert partial  # the kills did hit exports
    assert whole
    from rtgs2_export.export import export_bundle
    from rtgs2_networks.checkpoint import load_checkpoint

    export_bundle(load_checkpoint(tiny_checkpoint), target, image_size=(320, 240))
    assert Bundle(target).manifest.files == Bundle(exported_bundle).manifest.files
    names = {path.name.split(".")[-1] for path in tmp_path.iterdir() if path != target}
    assert names <= {"tmp", "old"}


def test_killed_segment_leaves_whole_files(exported_bundle, scene, tmp_path):
    cameras = {f"v{i}": Camera.look_at((0.2, 0.2, 0.6), (1.8, 1.2, 0.1 * i), width=64, height=48) for i in range(6)}
    save_cameras(tmp_path / "cameras.json", cameras)
    scene.save(tmp_path / "scene.ply")
    output, rng = tmp_path / "out", random.Random(3)
    arguments = [output, exported_bundle, tmp_path / "scene.ply", tmp_path / "cameras.json"]
    written = 0
    for kill in range(KILLS):
        with killed(SEGMENT, arguments) as child:
            while kill == 0 and not any(path.is_file() for path in output.rglob("[!.]*")):  # on a machine however busy
                assert child.poll() is None
                time.sleep(0.001)
            time.sleep(rng.uniform(0, 0.1) if kill == 0 else rng.uniform(0.1, 1.2))
        for path in output.rglob("*") if output.exists() else ():
            if path.is_dir() or path.name.startswith("."):
                continue
            written += 1
            if path.suffix == ".json":
                json.loads(path.read_text())
            elif path.suffix == ".csv":
                rows = list(csv.DictReader(path.read_text().splitlines()))
                assert {row["view"] for row in rows} == set(cameras)
                assert all(None not in row and None not in row.values() for row in rows)
            else:
                with Image.open(path) as image:
                    image.load()
    assert written > 0
