"""Whole runs by the command line: what is refused before anything is rendered, trained or overwritten."""

from __future__ import annotations

import json
import re
import shutil
import zipfile

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("lightning_fabric")

import torch

from box_room import write_box_dataset
from rtgs2_networks.checkpoint import load_checkpoint
from rtgs2_training.cli import main
from rtgs2_training.runs import loop, run_state
from rtgs2_training.runs.run_files import STATE
from whole_runs import arguments


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
