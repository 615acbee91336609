"""Runs in mixed precision, in two processes, and from a checkpoint: how one command reaches other machines."""

from __future__ import annotations

import csv
import json
import subprocess
import sys

import pytest

pytest.importorskip("lightning_fabric")

from box_room import write_box_dataset
from rtgs2_networks.checkpoint import load_checkpoint
from rtgs2_training.cli import main

ENCODER = """
steps: 4
pairs_per_step: 2
calibration_scenes: 1
views: {max_points: 256, min_iou: 0.0, max_iou: 1.0}
loss: {positives: 32}
validation: {samples: 2}
"""
FUSION = """
steps: 4
batch_size: 2
crop: [64, 96]
average: 0
schedule: {learning_rate: 1.0e-3, warmup_steps: 1, power: 0.9}
validation: {every_steps: 4, samples: 2}
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_box_dataset(folder / "boxes", {"train": ["a", "b"], "validation": ["c"]})
    (folder / "encoder.yaml").write_text(ENCODER)
    (folder / "fusion.yaml").write_text(FUSION)
    return folder


def arguments(data, kind, run, *more, source=("--encoder", "untrained")):
    where = [*source, "--cache", str(data / "cache")] if kind == "fusion" else []
    fixed = ["--data", str(data / "boxes"), "-o", str(run), "--log-steps", "1", "--quiet", "--json"]
    return [kind, str(data / f"{kind}.yaml"), *fixed, *where, *more]


def losses(run):
    with (run / "metrics.csv").open() as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


@pytest.mark.parametrize("kind", ["encoder", "fusion"])
def test_bfloat16_trains_as_float32_does(kind, data, tmp_path):
    for precision in ("32-true", "bf16-mixed"):
        assert main(arguments(data, kind, tmp_path / precision, "--set", f"precision={precision}")) == 0
    exact, mixed = losses(tmp_path / "32-true"), losses(tmp_path / "bf16-mixed")
    assert mixed != exact
    assert mixed == pytest.approx(exact, rel=0.05)  # bfloat16 has 8 bits; four steps let it drift


@pytest.mark.parametrize("kind", ["encoder", "fusion"])
def test_two_processes_share_a_step(kind, data, tmp_path):
    """Twice half a batch is a batch, but for the statistics of BatchNorms, which each process takes of its own half."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    options = ["--devices", "2", "--accelerator", "cpu", "--threads", "1"]
    run = tmp_path / "two"
    result = subprocess.run(
        [*command, "-m", "rtgs2_training.cli", *arguments(data, kind, run, *options)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert json.loads(result.stdout)["finished"]  # of one process: two would not be JSON
    assert main(arguments(data, kind, tmp_path / "one", "--threads", "1")) == 0
    assert losses(run)[0] == pytest.approx(losses(tmp_path / "one")[0], rel=0.3)
    assert len(losses(run)) == 4


def test_a_checkpoint_is_trained_further_on_one_scene(data, tmp_path):
    assert main(arguments(data, "fusion", tmp_path / "first", "--set", "steps=30")) == 0
    source = ("--init", str(tmp_path / "first"))
    one = ("--set", "data.scenes=[a]", "--set", "schedule.learning_rate=1e-5")
    assert main(arguments(data, "fusion", tmp_path / "tuned", *one, source=source)) == 0
    assert losses(tmp_path / "tuned")[0] < 0.8 * losses(tmp_path / "first")[0], "it starts where the other ended"
    before, after = (load_checkpoint(tmp_path / run / "ckpt.pt") for run in ("first", "tuned"))
    assert all((before.encoder[name] == after.encoder[name]).all() for name in before.encoder)
    moved = [(before.fusion[n] - after.fusion[n]).abs().max() for n in before.fusion if before.fusion[n].ndim > 1]
    assert 0 < max(moved) < 1e-3
