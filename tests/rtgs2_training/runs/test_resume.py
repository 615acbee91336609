"""Whole runs by the command line: killed, out of time or short of disk, and taken up again."""

from __future__ import annotations

import csv
import itertools
import json
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("lightning_fabric")


from rtgs2_networks import checkpoint as checkpoint_module
from rtgs2_networks.checkpoint import load_checkpoint
from rtgs2_training.cli import main
from rtgs2_training.fusion import fusion_training, render_cache
from rtgs2_training.runs import loop, run_state
from rtgs2_training.runs.run_files import STATE
from whole_runs import TIMES, arguments, rows, weights

KILLED = """
import os, signal, sys
from rtgs2_training.cli import main
from rtgs2_training.runs import loop

name, step = sys.argv[1], int(sys.argv[2])
writes = getattr(loop._Loop, name)

def write_and_die(self, *rest):
    writes(self, *rest)
    if self.step == step:
        os.kill(os.getpid(), signal.SIGKILL)

setattr(loop._Loop, name, write_and_die)
main(sys.argv[3:])
"""


def train_until_killed(after, step, command):
    """In a process of its own, which kills itself when it has written its state or weights of that step."""
    child = [sys.executable, "-c", KILLED, after, str(step), *command]
    killed = subprocess.run(child, stdout=subprocess.DEVNULL, timeout=120, check=False)
    assert killed.returncode == -signal.SIGKILL, "it had ended before"


@pytest.mark.parametrize(
    ("kind", "step", "options"),
    [
        ("encoder", 1, []),
        ("tune", 4, []),  # after a validation
        ("fusion", 5, ["--log-steps", "3", "--threads", "2"]),  # in the middle of a row
        ("committed", 5, []),
    ],
)
def test_killed_and_taken_up_again_equals_uninterrupted(kind, step, options, data, tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert main(arguments(data, kind, whole, *options)) == 0
    train_until_killed("_save", step, arguments(data, kind, broken, *options))
    assert run_state.saved_step(broken / STATE) == step
    assert (broken / "config.yaml").read_text().startswith('# data set: "')
    assert main(arguments(data, kind, broken, *options)) == 0
    assert rows(broken) == rows(whole)
    assert len(rows(whole)) >= 3
    one, other = weights(whole), weights(broken)
    assert one.keys() == other.keys()
    assert all((one[name] == other[name]).all() for name in one)


def test_killed_between_its_first_weights_and_the_next_state(data, finished, tmp_path):
    command = arguments(data, "fusion", tmp_path / "run")
    command[command.index("--save-minutes") + 1] = "1e6"
    train_until_killed("_write_result", 4, command)
    assert (tmp_path / "run" / loop.RESULT).exists()
    assert run_state.saved_step(tmp_path / "run" / STATE) == 0
    assert main(command) == 0
    assert rows(tmp_path / "run") == rows(finished)


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


def test_minutes_are_kept(data, tmp_path, monkeypatch, capsys):
    """By a clock on which every look is a minute later; it stops with a state and most of the way to go."""
    run = tmp_path / "run"
    many = ["--set", "steps=100000", "--set", "validation.samples=0", "--save-minutes", "1e6", "--json"]

    def train():
        looks = itertools.count()
        clock = SimpleNamespace(monotonic=lambda: time.monotonic() + 60 * next(looks), perf_counter=time.perf_counter)
        monkeypatch.setattr(loop, "time", clock)
        assert main(arguments(data, "fusion", run, *many, "--max-minutes", "30")) == 0
        return json.loads(capsys.readouterr().out)

    first = train()
    assert not first["finished"]
    assert 0 < first["step"] <= 30
    assert run_state.saved_step(run / STATE) == first["step"]
    assert first["step"] < train()["step"] <= first["step"] + 30


def test_minutes_are_kept_while_views_are_rendered(data, tmp_path, monkeypatch, capsys):
    run, cache = tmp_path / "run", tmp_path / "cache"
    looks = itertools.count()
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + 60 * next(looks))
    monkeypatch.setattr(render_cache, "time", clock)
    command = [*arguments(data, "fusion", run), "--cache", str(cache), "--max-minutes", "2"]
    assert main([*command, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["finished"], said["step"]) == (False, 0)
    assert len(list(cache.glob("*.npy"))) == 2
    monkeypatch.undo()
    assert main(command[:-2]) == 0
    assert "finished after 8 of 8 steps" in capsys.readouterr().out


def test_restart_starts_anew_once_everything_was_found(data, finished, tmp_path, capsys):
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    state, command = run / STATE, arguments(data, "fusion", run, "--restart")
    before = state.read_bytes()
    command[command.index("--data") + 1] = str(tmp_path / "nowhere")
    assert main(command) == 2
    assert "there is no such folder" in capsys.readouterr().err
    assert state.read_bytes() == before
    weights_before = (run / loop.RESULT).read_bytes()
    short = ["--set", "steps=2", "--set", "validation.samples=0", "--json"]
    assert main(arguments(data, "fusion", run, "--restart", *short)) == 0
    assert json.loads(capsys.readouterr().out)["step"] == 2
    assert (run / "before-restart.pt").read_bytes() == weights_before
    assert (run / loop.RESULT).read_bytes() != weights_before


def test_a_restart_that_is_stopped_goes_on_without_the_option(data, finished, tmp_path, capsys):
    """And restarted once more it keeps what the first one kept."""
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    kept = (run / loop.RESULT).read_bytes()
    short = ["--set", "steps=2", "--set", "validation.samples=0"]
    assert main(arguments(data, "fusion", run, "--restart", "--max-minutes", "1e-6", *short)) == 0
    assert "the same command without --restart goes on from there" in capsys.readouterr().out
    assert main(arguments(data, "fusion", run, *short)) == 0
    assert "finished after 2 of 2 steps" in capsys.readouterr().out
    second = (run / loop.RESULT).read_bytes()
    assert main(arguments(data, "fusion", run, "--restart", *short)) == 0
    assert (run / "before-restart.pt").read_bytes() == kept
    assert (run / "before-restart-2.pt").read_bytes() == second


def test_lost_weights_of_a_finished_run_are_written_again(data, finished, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    (run / loop.RESULT).unlink()
    assert main(arguments(data, "fusion", run)) == 0
    assert (run / loop.RESULT).read_bytes() == (finished / loop.RESULT).read_bytes()


def test_a_loss_that_is_no_number_leaves_state_and_checkpoint(data, tmp_path, monkeypatch, capsys):
    run = tmp_path / "run"
    calls = []
    monkeypatch.setattr(loop._Loop, "_out_of_time", lambda self: calls.append(self) or len(calls) > 5)
    assert main(arguments(data, "fusion", run)) == 0
    files = [run / STATE, run / loop.RESULT]
    before = [file.read_bytes() for file in files]
    monkeypatch.undo()
    real = fusion_training.semantic_loss
    monkeypatch.setattr(fusion_training, "semantic_loss", lambda *a: real(*a) * float("inf"))
    assert main(arguments(data, "fusion", run, "--log-steps", "50")) == 1
    message = capsys.readouterr().err
    assert f"{run}: loss is no finite number any more within the steps up to 6" in message
    assert [file.read_bytes() for file in files] == before


def test_curves_and_times_of_stages(finished):
    with Image.open(finished / "curves.png") as picture:
        assert min(picture.size) > 200
        assert np.asarray(picture).std() > 5
    with (finished / "metrics.csv").open() as file:
        last = list(csv.DictReader(file))[-1]
    times = {name: float(value) for name, value in last.items() if name.startswith(TIMES)}
    assert set(times) == {TIMES + name for name in ("load", "prepare", "forward", "backward", "update")}
    assert min(times.values()) > 0
    assert float(last["gradient_norm"]) > 0


class Full:
    """A disk that takes half of what is written, and nothing more."""

    def __init__(self, file):
        self.file = file

    def write(self, content):
        self.file.write(content[: len(content) // 2])
        raise OSError(28, "No space left on device")


def test_full_disk_in_mid_save_leaves_the_last_state(data, tmp_path, monkeypatch, capsys):
    run = tmp_path / "run"
    state = run / STATE
    real, kept = run_state.atomic_file, []

    @contextmanager
    def filling(path, *rest):
        with real(path, *rest) as file:
            if path.name == STATE and state.exists():
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


def test_full_disk_while_the_weights_are_written_leaves_the_last_ones(data, tmp_path, monkeypatch, capsys):
    run = tmp_path / "run"
    real, kept = checkpoint_module.atomic_file, []

    @contextmanager
    def filling(path, *rest):
        """A disk that is full when the second checkpoint, the final one, is half written."""
        with real(path, *rest) as file:
            kept.append(path.read_bytes() if path.exists() else None)
            yield Full(file) if len(kept) == 2 else file

    monkeypatch.setattr(checkpoint_module, "atomic_file", filling)
    assert main(arguments(data, "fusion", run)) != 0
    assert "No space left on device" in capsys.readouterr().err
    assert kept[0] is None
    assert (run / loop.RESULT).read_bytes() == kept[1]
    load_checkpoint(run / loop.RESULT)
    monkeypatch.undo()
    assert main(arguments(data, "fusion", run)) == 0
    assert (run / loop.RESULT).read_bytes() != kept[1]
