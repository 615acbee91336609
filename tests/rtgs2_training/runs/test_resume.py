"""Whole runs by the command line: killed and taken up again, refused, and short of disk."""

from __future__ import annotations

import csv
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

pytest.importorskip("lightning_fabric")

from box_room import write_box_dataset
from rtgs2_networks.checkpoint import load_checkpoint
from rtgs2_training.cli import main
from rtgs2_training.runs import loop, run_state

ENCODER = """
steps: 6
calibration_scenes: 1
views: {max_points: 256, min_iou: 0.0, max_iou: 1.0}
loss: {positives: 32}
validation: {samples: 0}
"""
FUSION = """
steps: 8
batch_size: 2
crop: [64, 96]
average: 0.5
schedule: {learning_rate: 1.0e-3, warmup_steps: 2, power: 0.9}
validation: {every_steps: 4, samples: 2}
"""
TUNE = """
steps: 6
calibration_scenes: 1
parts: {max_points: 256}
validation: {every_steps: 3, samples: 2}
"""
TIMES = "seconds_"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_box_dataset(folder / "boxes", {"train": ["a", "b"], "validation": ["c"]})
    (folder / "encoder.yaml").write_text(ENCODER)
    (folder / "fusion.yaml").write_text(FUSION)
    (folder / "tune.yaml").write_text(TUNE)
    return folder


def arguments(data, kind, run, *more):
    source = [] if kind == "encoder" else ["--encoder", "untrained"]
    source += ["--cache", str(data / "cache")] if kind == "fusion" else []
    config, boxes = str(data / f"{kind}.yaml"), str(data / "boxes")
    fixed = ["--data", boxes, "-o", str(run), "--threads", "1", "--log-steps", "1", "--save-minutes", "0.00001"]
    return [kind, config, *fixed, *source, "--quiet", *more]


def rows(run):
    """Metrics without the times of day."""
    with (run / "metrics.csv").open() as file:
        return [{k: v for k, v in row.items() if not k.startswith(TIMES)} for row in csv.DictReader(file)]


def weights(run):
    checkpoint = load_checkpoint(run / "ckpt.pt")
    return {**checkpoint.encoder, **{f"fusion.{k}": v for k, v in checkpoint.fusion.items()}}


@pytest.mark.parametrize("kind", ["encoder", "tune", "fusion"])
def test_killed_and_taken_up_again_equals_uninterrupted(kind, data, tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert main(arguments(data, kind, whole)) == 0
    command = [sys.executable, "-m", "rtgs2_training.cli", *arguments(data, kind, broken)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (broken / run_state.FILE_NAME).exists():
        assert process.poll() is None, "ended before it saved a state"
        assert time.monotonic() < deadline, "saved no state within two minutes"
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert main(arguments(data, kind, broken)) == 0
    assert rows(broken) == rows(whole)
    assert len(rows(whole)) >= 6
    one, other = weights(whole), weights(broken)
    assert one.keys() == other.keys()
    assert all((one[name] == other[name]).all() for name in one)


def test_out_of_time_saves_and_goes_on(data, tmp_path, monkeypatch, capsys):
    run, whole = tmp_path / "run", tmp_path / "whole"
    calls = []
    monkeypatch.setattr(loop._Loop, "_out_of_time", lambda self: calls.append(self) or len(calls) > 3)
    assert main(arguments(data, "fusion", run)) == 0
    assert "stopped after 3 of 8 steps" in capsys.readouterr().out
    assert len(rows(run)) == 3
    monkeypatch.undo()
    assert main(arguments(data, "fusion", run)) == 0
    assert main(arguments(data, "fusion", whole)) == 0
    assert rows(run) == rows(whole)


def test_state_of_another_run_is_refused_and_left_alone(data, tmp_path, capsys):
    run = tmp_path / "run"
    assert main(arguments(data, "fusion", run)) == 0
    before = (run / run_state.FILE_NAME).read_bytes()
    assert main(arguments(data, "fusion", run, "--set", "weight_decay=0.5")) == 2
    message = capsys.readouterr().err
    assert "the state of a run with another configuration" in message
    assert "--restart" in message
    assert (run / run_state.FILE_NAME).read_bytes() == before


def test_damaged_state_is_refused(data, tmp_path, capsys):
    run = tmp_path / "run"
    assert main(arguments(data, "fusion", run)) == 0
    state = run / run_state.FILE_NAME
    state.write_bytes(state.read_bytes()[:-1000])
    assert main(arguments(data, "fusion", run)) == 2
    assert "a damaged or incomplete state of a run" in capsys.readouterr().err


def test_full_disk_in_mid_save_leaves_the_last_state(data, tmp_path, monkeypatch, capsys):
    run = tmp_path / "run"
    state = run / run_state.FILE_NAME
    real, kept = run_state.atomic_file, []

    class Full:
        """A disk that takes the first half of the fourth state, and nothing more."""

        def __init__(self, file):
            self.file = file

        def write(self, content):
            self.file.write(content[: len(content) // 2])
            raise OSError(28, "No space left on device")

    @contextmanager
    def filling(path, *rest):
        with real(path, *rest) as file:
            if path.name == run_state.FILE_NAME and state.exists():
                kept.append(state.read_bytes())
                if len(kept) == 3:
                    yield Full(file)
                    return
            yield file

    monkeypatch.setattr(run_state, "atomic_file", filling)
    assert main(arguments(data, "fusion", run)) != 0
    assert "No space left on device" in capsys.readouterr().err
    assert state.read_bytes() == kept[-1]
    monkeypatch.undo()
    assert main(arguments(data, "fusion", run)) == 0


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("steps=0", "steps"),
        ("schedule.learning_rate=-1", "schedule.learning_rate"),
        ("crop=[100, 96]", "multiples of 32"),
        ("batch_sise=4", "batch_sise"),
        ("loss.label_smoothing=1", "loss.label_smoothing"),
        ("augmentation.zoom=[2, 1]", "augmentation.zoom"),
        ("preset=huge", "preset"),
    ],
)
def test_impossible_configurations_are_named(override, message, data, tmp_path, capsys):
    assert main(arguments(data, "fusion", tmp_path / "run", "--set", override)) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run" / run_state.FILE_NAME).exists()
