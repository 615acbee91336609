"""``rtgs2-train`` where `rtgs2-trt[train]` is not installed, as after ``make demo``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WITHOUT = """
import sys
sys.modules.update(dict.fromkeys({missing}))
from rtgs2_training.cli import main
sys.exit(main())
"""


def run(missing: list[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    code = WITHOUT.format(missing=missing)
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("command", [[], ["encoder"], ["tune"], ["fusion"], ["claims"], ["generate"], ["evaluate"]])
def test_help_needs_nothing(command):
    done = run(["lightning_fabric", "matplotlib", "torch"], *command, "--help")
    assert done.returncode == 0, done.stderr
    assert "usage: rtgs2-train" in done.stdout


def test_rooms_and_measurements_need_no_trainer(tmp_path):
    missing, rooms = ["lightning_fabric", "matplotlib"], str(tmp_path / "rooms")
    small = ["--gaussians", "20000", "--views", "2", "--image-size", "64x48", "--quiet"]
    done = run(missing, "generate", "--scenes", "1", "--test", "1", *small, "-o", rooms)
    assert done.returncode == 0, done.stderr
    done = run(missing, "evaluate", str(ROOT / "examples/demo/ckpt.pt"), rooms, "--quiet")
    assert done.returncode == 0, done.stderr
    report = tmp_path / "report"  # has pictures: refused before anything is measured
    done = run(missing, "evaluate", str(ROOT / "examples/demo/ckpt.pt"), rooms, "--quiet", "-o", str(report))
    assert done.returncode == 1
    assert done.stderr == "error: this command needs matplotlib: pip install 'rtgs2-trt[train]'\n"
    assert not report.exists()


@pytest.mark.parametrize("command", ["encoder", "tune", "fusion"])
def test_training_tells_what_to_install(command, tmp_path):
    options = [] if command == "encoder" else ["--encoder", "untrained"]
    config = str(ROOT / f"training/configs/{command}-tiny.yaml")
    done = run(["lightning_fabric"], command, config, "--data", str(tmp_path), "-o", str(tmp_path / "run"), *options)
    assert done.returncode == 1
    assert done.stderr == "error: this command needs lightning_fabric: pip install 'rtgs2-trt[train]'\n"
    assert not (tmp_path / "run").exists()
