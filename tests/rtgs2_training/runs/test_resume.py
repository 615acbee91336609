"""Whole runs by the command line: killed and taken up again, refused, and short of disk."""

from __future__ import annotations

import csv
import itertools
import json
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("lightning_fabric")

import torch

from box_room import write_box_dataset
from rtgs2_networks import checkpoint as checkpoint_module
from rtgs2_networks.checkpoint import load_checkpoint
from rtgs2_training.cli import main
from rtgs2_training.fusion import fusion_training, render_cache
from rtgs2_training.runs import loop, run_state
from rtgs2_training.runs.run_files import STATE

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
COMMITTED = """
steps: 8
optimizer: muon
batch_size: 2
crop: [64, 96]
precision: bf16-mixed
average: 0.5
stored_weights: float16
schedule: {learning_rate: 1.0e-3, warmup_steps: 2, power: 0.9}
loss: {colour_head: 0.4, class_weighting: inverse_sqrt, centre_collapse_from: 0.5}
validation: {every_steps: 4, samples: 2}
"""
TUNE = """
steps: 6
optimizer: muon
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
    (folder / "committed.yaml").write_text(COMMITTED)
    return folder


def arguments(data, kind, run, *more):
    """Of a run; "committed" is a fusion run with all that the committed configurations set."""
    config, kind = str(data / f"{kind}.yaml"), "fusion" if kind == "committed" else kind
    source = [] if kind == "encoder" else ["--encoder", "untrained"]
    source += ["--cache", str(data / "cache")] if kind == "fusion" else []
    boxes = str(data / "boxes")
    fixed = ["--data", boxes, "-o", str(run), "--threads", "1", "--log-steps", "1", "--save-minutes", "0.00001"]
    return [kind, config, *fixed, *source, "--quiet", *more]


def rows(run):
    """Metrics without the times of day."""
    with (run / "metrics.csv").open() as file:
        return [{k: v for k, v in row.items() if not k.startswith(TIMES)} for row in csv.DictReader(file)]


def weights(run):
    checkpoint = load_checkpoint(run / "ckpt.pt")
    return {**checkpoint.encoder, **{f"fusion.{k}": v for k, v in checkpoint.fusion.items()}}


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


def test_weights_without_a_state_are_not_overwritten(data, finished, tmp_path, capsys):
    """Somebody removed the state, which is large, and gives the command again."""
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    (run / STATE).unlink()
    before = (run / loop.RESULT).read_bytes()
    assert main(arguments(data, "fusion", run)) == 2
    message = capsys.readouterr().err
    assert "ckpt.pt: the weights of a run whose state is gone (expected state.pt beside them)" in message
    assert "--restart" in message
    assert (run / loop.RESULT).read_bytes() == before
    assert main(arguments(data, "fusion", run, "--restart", "--set", "steps=1")) == 0
    assert (run / "before-restart.pt").read_bytes() == before


def test_no_pixel_with_a_label_is_told_before_anything_is_rendered(data, tmp_path, capsys):
    write_box_dataset(tmp_path / "boxes", {"train": ["a"]})
    for image in (tmp_path / "boxes" / "a" / "semantic").iterdir():
        Image.fromarray(np.zeros((60, 80), np.uint8)).save(image)
    command = [*arguments(data, "fusion", tmp_path / "run"), "--cache", str(tmp_path / "cache")]
    command[command.index("--data") + 1] = str(tmp_path / "boxes")
    assert main(command) == 2
    assert "no pixel has a label" in capsys.readouterr().err
    assert not list((tmp_path / "cache").glob("*.npy"))


def test_state_of_another_run_is_refused_and_left_alone(data, tmp_path, capsys):
    run = tmp_path / "run"
    assert main(arguments(data, "fusion", run)) == 0
    before = (run / STATE).read_bytes()
    assert main(arguments(data, "fusion", run, "--set", "weight_decay=0.5")) == 2
    message = capsys.readouterr().err
    assert "config.yaml: weight_decay: a run with another configuration (found 0.0001, expected 0.5)" in message
    assert "--restart" in message
    assert (run / STATE).read_bytes() == before


def test_state_of_another_configuration_is_known_without_the_runs_own(data, tmp_path, capsys):
    """Lost or damaged, it tells nothing; the state itself still does."""
    run = tmp_path / "run"
    assert main(arguments(data, "fusion", run)) == 0
    (run / "config.yaml").write_text("no: configuration")
    assert main(arguments(data, "fusion", run, "--set", "weight_decay=0.5")) == 2
    message = capsys.readouterr().err
    found = re.search(r"another configuration \(found hash ([0-9a-f]+), expected hash ([0-9a-f]+)\)", message)
    assert found, message
    assert len(found[1]) == len(found[2])
    assert (run / "config.yaml").read_text() == "no: configuration"


def test_nothing_is_rendered_for_another_runs_state(data, tmp_path, capsys):
    run = tmp_path / "run"
    assert main(arguments(data, "fusion", run)) == 0
    cache = tmp_path / "cache"
    assert main(arguments(data, "fusion", run, "--set", "loss.label_smoothing=0.3", "--cache", str(cache))) == 2
    assert "loss.label_smoothing: a run with another configuration" in capsys.readouterr().err
    assert not list(cache.rglob("*.npy"))


@pytest.fixture(scope="module")
def finished(data):
    """The folder of a run that is done."""
    run = data / "finished"
    assert main(arguments(data, "fusion", run)) == 0
    return run


def another_cloud(scene):
    """Other Gaussians in as many bytes."""
    file = scene / "point_cloud" / "iteration_30000" / "point_cloud.ply"
    content = bytearray(file.read_bytes())
    content[-5] ^= 1
    file.write_bytes(content)


def another_pose(scene):
    cameras = json.loads((scene / "cameras.json").read_text())
    cameras[0]["position"][0] += 1e-6
    (scene / "cameras.json").write_text(json.dumps(cameras))


def other_labels(scene):
    Image.fromarray(np.full((60, 80), 2, np.uint8)).save(scene / "semantic" / "0000.png")


def another_split(scene):
    """The same scenes, of which one more is validated on in place of trained on."""
    file = scene.parent / "dataset.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"splits": {"train": ["a"], "validation": ["b", "c"]}}))


@pytest.mark.parametrize("change", [another_cloud, another_pose, other_labels, another_split])
def test_state_of_another_data_set_is_refused(change, data, finished, tmp_path, capsys):
    shutil.copytree(data / "boxes", tmp_path / "boxes")
    change(tmp_path / "boxes" / "a")
    command = arguments(data, "fusion", finished)
    command[command.index("--data") + 1] = str(tmp_path / "boxes")
    assert main(command) == 2
    assert "the state of a run with another data set" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["tune", "fusion"])
def test_a_state_names_the_data_that_were_trained_on(kind, data, tmp_path, monkeypatch, capsys):
    """Labels that change while a run goes on make what it saves no state of a run with the new ones."""
    shutil.copytree(data / "boxes", tmp_path / "boxes")
    command = arguments(data, kind, tmp_path / "run")
    command[command.index("--data") + 1] = str(tmp_path / "boxes")
    calls = []

    def out_of_time(self):
        calls.append(self)
        if len(calls) == 2:
            other_labels(tmp_path / "boxes" / "a")
        return len(calls) > 3

    monkeypatch.setattr(loop._Loop, "_out_of_time", out_of_time)
    assert main(command) == 0
    assert run_state.saved_step(tmp_path / "run" / STATE) == 3
    monkeypatch.undo()
    assert main(command) == 2
    assert "the state of a run with another data set" in capsys.readouterr().err


def test_state_of_another_encoder_or_beginning_is_refused(data, finished, tmp_path, capsys):
    assert main(arguments(data, "encoder", tmp_path / "encoder")) == 0
    command = arguments(data, "fusion", finished)
    command[command.index("untrained")] = str(tmp_path / "encoder")
    assert main(command) == 2
    assert "the state of a run with another encoder" in capsys.readouterr().err
    command = arguments(data, "fusion", finished)
    place = command.index("--encoder")
    command[place : place + 2] = ["--init", str(finished / "ckpt.pt")]  # whose encoder is the run's own
    assert main(command) == 2
    assert "the state of a run with another initial checkpoint" in capsys.readouterr().err


def test_beginning_with_another_task_is_refused_and_with_other_inputs_taken(data, finished, tmp_path, capsys):
    command = arguments(data, "fusion", tmp_path / "run")
    place = command.index("--encoder")
    command[place : place + 2] = ["--init", str(finished / "ckpt.pt")]
    depth = ["--set", "task=depth", "--set", "augmentation.zoom=[1, 1]", "--set", "augmentation.perspective=0"]
    assert main([*command, *depth]) == 2
    assert "--init: a checkpoint of another network or class table" in capsys.readouterr().err
    assert main([*command, "--set", "inputs=features", "--set", "steps=1"]) == 0
    assert load_checkpoint(tmp_path / "run" / "ckpt.pt").config.fusion.inputs == "features"


@pytest.mark.parametrize(("change", "code"), [("name of the table", 0), ("name of a class", 2)])
def test_beginning_with_the_same_classes(change, code, data, finished, tmp_path, capsys):
    boxes = shutil.copytree(data / "boxes", tmp_path / "boxes", ignore=shutil.ignore_patterns(".render-cache"))
    description = json.loads((boxes / "dataset.json").read_text())
    if change == "name of a class":
        description["classes"]["table"][5]["name"] = "settee"
    else:
        description["classes"]["name"] = "furnished"
    (boxes / "dataset.json").write_text(json.dumps(description))
    command = arguments(data, "fusion", tmp_path / "run", "--set", "steps=1", "--set", "validation.samples=0")
    place = command.index("--encoder")
    command[place : place + 2] = ["--init", str(finished / "ckpt.pt")]
    command[command.index("--data") + 1] = str(boxes)
    assert main(command) == code
    refused = "--init: a checkpoint of another network or class table" in capsys.readouterr().err
    assert refused == (code == 2)


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


def test_only_finished_runs_are_built_upon(data, tmp_path, monkeypatch, capsys):
    run = tmp_path / "encoder"
    calls = []
    monkeypatch.setattr(loop._Loop, "_out_of_time", lambda self: calls.append(self) or len(calls) > 3)
    assert main(arguments(data, "encoder", run, "--set", "validation.every_steps=2")) == 0
    monkeypatch.undo()
    assert (run / loop.RESULT).exists()
    command = arguments(data, "fusion", tmp_path / "run")
    command[command.index("untrained")] = str(run)
    assert main(command) == 2
    message = capsys.readouterr().err
    assert f"{run}: --encoder: the run has not finished (found 3 of 6 steps)" in message
    command[command.index(str(run))] = str(run / loop.RESULT)
    assert main([*command, "--set", "steps=1"]) == 0
    (run / "config.yaml").write_text("steps: many")
    command[command.index(str(run / loop.RESULT))] = str(run)
    assert main(command) == 2
    assert "config.yaml: steps: not the configuration of a run" in capsys.readouterr().err


def cut(state):
    state.write_bytes(state.read_bytes()[:-1000])


def without_a_weight(state):
    content = torch.load(state, weights_only=True)
    content["network"].popitem()
    torch.save(content, state)


def of_other_kinds(state):
    content = torch.load(state, weights_only=True)
    torch.save({**content, "identity": 3}, state)


def compressed(state):
    with zipfile.ZipFile(state) as archive:
        members = [(member.filename, archive.read(member)) for member in archive.infolist()]
    with zipfile.ZipFile(state, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)


def before_the_start(state):
    content = torch.load(state, weights_only=True)
    torch.save({**content, "step": -1}, state)


def rows_of_lists(state):
    content = torch.load(state, weights_only=True)
    torch.save({**content, "rows": [[3]]}, state)


def rows_without_a_step(state):
    content = torch.load(state, weights_only=True)
    torch.save({**content, "rows": [{"loss": 1.0}]}, state)


def sums_of_text(state):
    content = torch.load(state, weights_only=True)
    torch.save({**content, "sums": {"loss": "much"}}, state)


@pytest.mark.parametrize(
    "damage",
    [
        cut,
        without_a_weight,
        of_other_kinds,
        compressed,
        before_the_start,
        rows_of_lists,
        rows_without_a_step,
        sums_of_text,
    ],
)
def test_damaged_state_is_refused(damage, data, finished, tmp_path, capsys):
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    damage(run / STATE)
    assert main(arguments(data, "fusion", run)) == 2
    message = capsys.readouterr().err
    assert "state.pt: a damaged or incomplete state of a run" in message
    assert "--restart" in message


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


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("steps=0", "steps"),
        ("schedule.learning_rate=-1", "schedule.learning_rate"),
        ("crop=[100, 96]", "multiples of 32"),
        ("batch_sise=4", "batch_sise"),
        ("loss.label_smoothing=1", "loss.label_smoothing"),
        ("augmentation.zoom=[2, 1]", "augmentation.zoom"),
        ("task=depth", "augmentation.zoom"),
        ("seed=2020-13-45", "--set seed"),
        ("preset=huge", "preset"),
    ],
)
def test_impossible_configurations_are_named(override, message, data, tmp_path, capsys):
    assert main(arguments(data, "fusion", tmp_path / "run", "--set", override)) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run" / STATE).exists()
