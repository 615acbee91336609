"""The Rerun example writes a recording that Rerun reads again; needs rerun-sdk."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "rerun_labels.py"


def test_a_walk_is_recorded(exported_bundle, scene, tmp_path):
    pytest.importorskip("rerun", reason="needs rerun-sdk: pip install rerun-sdk")
    from rtgs2_trt import Segmenter

    Segmenter(exported_bundle).encode(scene).save(tmp_path / "room.ply")
    command = [sys.executable, str(EXAMPLE), str(exported_bundle), "room.ply", "walk.rrd", "6"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = re.fullmatch(r"(\d) of 6 poses labelled, latency \d+ ms: rerun walk\.rrd\n", done.stdout)
    assert told, done.stdout
    recording = tmp_path / "walk.rrd"
    assert recording.read_bytes()[:4] == b"RRF2"
    printed = subprocess.run(
        [sys.executable, "-m", "rerun", "rrd", "print", "-v", str(recording)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert printed.returncode == 0, printed.stderr
    for entity in ("/world/scene", "/world/camera", "/world/camera/picture", "/world/camera/labels"):
        assert entity in printed.stdout, printed.stdout[:3000]
    assert "/latency/milliseconds" in printed.stdout


def test_it_says_how_it_is_called():
    pytest.importorskip("rerun", reason="needs rerun-sdk: pip install rerun-sdk")
    done = subprocess.run([sys.executable, str(EXAMPLE)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "rerun_labels.py BUNDLE SCENE walk.rrd" in done.stderr
