"""Every committed configuration can be read, and the demo's weights are made by the command that says so."""

from __future__ import annotations

import argparse
import os
import subprocess
from pathlib import Path

import pytest

from rtgs2_training.claims.experiments import ClaimsConfig
from rtgs2_training.commands import encoder, evaluate, fusion, generate, tune
from rtgs2_training.runs.config import EncoderRunConfig, FusionRunConfig, TuningRunConfig
from rtgs2_training.runs.config_file import read_config

FOLDER = Path(__file__).parents[3] / "training" / "configs"
FILES = sorted(path.name for path in FOLDER.glob("*.yaml"))


def kind_of(name):
    if name.startswith("claims"):
        return ClaimsConfig
    if name.startswith("tune"):
        return TuningRunConfig
    return EncoderRunConfig if name.startswith("encoder") else FusionRunConfig


def test_there_is_one_for_each_purpose():
    assert {
        "encoder-tiny.yaml",
        "tune-tiny.yaml",
        "fusion-tiny-half-size.yaml",
        "fusion-tiny.yaml",
        "encoder-rtgs2.yaml",
        "fusion-rtgs2.yaml",
    } <= set(FILES)
    assert {"fusion-depth-tiny.yaml", "fine-tune-tiny.yaml", "claims.yaml"} <= set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_it_is_read(name):
    config = read_config(kind_of(name), FOLDER / name)
    assert config != kind_of(name)()
    if "depth" in name:
        assert config.task == "depth"
        assert config.augmentation.zoom == (1.0, 1.0)  # an enlarged view does not show the depths of its labels


def test_tuning_changes_clouds_as_it_does_by_default():
    tiny = read_config(kind_of("tune-tiny.yaml"), FOLDER / "tune-tiny.yaml")
    assert tiny.augmentation == TuningRunConfig().augmentation


def parsed(printed):
    """The commands of rtgs2-train that a stand-in printed, a line each, words ended by tabs."""
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="name")
    for command in (generate, encoder, tune, fusion, evaluate):
        command.add_parser(commands)
    return [parser.parse_args(line.rstrip("\t").split("\t")) for line in printed.splitlines()]


def test_demo_weights_are_made_step_by_step(tmp_path):
    """Each command is one that rtgs2-train takes, and goes on with what the one before has made."""
    (tmp_path / "rtgs2-train").write_text('#!/bin/sh\nfor word in "$@"; do printf "%s\\t" "$word"; done\necho\n')
    (tmp_path / "rtgs2-train").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    script = FOLDER.parent / "demo_weights.sh"
    printed = subprocess.run(
        [str(script), str(tmp_path / "my data")], env=environment, capture_output=True, text=True, check=True
    ).stdout
    steps = parsed(printed)
    assert [step.name for step in steps] == ["generate", "encoder", "tune", "fusion", "fusion", "evaluate"]
    rooms, contrast, tuned, half, full, measured = steps
    for step in (contrast, tuned, half, full):
        assert step.data == rooms.output
        read_config(kind_of(Path(step.config).name), step.config)
    assert [tuned.encoder, half.encoder, full.init] == [contrast.output, tuned.output, half.output]
    assert [measured.model, measured.dataset] == [f"{full.output}/ckpt.pt", rooms.output]


MEASURING = """#!/bin/sh
for word in "$@"; do printf "%s\\t" "$word" >> COMMANDS; done
echo >> COMMANDS
if [ "$1" = generate ]; then mkdir -p "$3"; [ -e "$3/dataset.json" ] || echo "$*" > "$3/dataset.json"; fi
[ "$1" = evaluate ] || exit 0
while [ "$1" != -o ]; do shift; done
mkdir -p "$2"
scores='"miou": 0.5, "pixel_accuracy": 0.75, "view_consistency": null, "views": 3'
echo "{$scores, \\"miou_by_scene\\": {\\"a\\": 0.25, \\"b\\": 0.5, \\"c\\": null}}" > "$2/evaluation.json"
"""


def test_weights_are_measured_figure_by_figure(tmp_path):
    """Each command is one that rtgs2-train takes; what was measured of these weights is not measured again."""
    (tmp_path / "rtgs2-train").write_text(MEASURING.replace("COMMANDS", str(tmp_path / "commands")))
    (tmp_path / "rtgs2-export").write_text('#!/bin/sh\nmkdir -p "$3"\n')
    for name in ("rtgs2-train", "rtgs2-export"):
        (tmp_path / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    folder, script = tmp_path / "figures", FOLDER.parent / "measure_weights.sh"
    weights = [tmp_path / "ckpt.pt", tmp_path / "other.pt"]
    for number, path in enumerate(weights):
        path.write_text(str(number))

    def run(checkpoint, *capture):
        done = subprocess.run(
            [script, checkpoint, folder, *capture], env=environment, capture_output=True, text=True, check=True
        )
        commands = parsed((tmp_path / "commands").read_text())
        (tmp_path / "commands").unlink()
        return done.stdout, commands

    printed, commands = run(weights[0], "flat")
    assert len(printed.splitlines()) == sum(command.name == "evaluate" for command in commands) == 10
    assert (
        "bundle                   mIoU 0.5000, pixels 0.7500, 3 views, by scene 0.25 to 0.50, median 0.375\n" in printed
    )
    made = {command.output for command in commands if command.name == "generate"}
    assert all(command.scenes == command.test for command in commands if command.name == "generate")
    assert {command.dataset for command in commands if command.name == "evaluate"} == {*made, "flat"}
    again, commands = run(weights[0], "flat")
    assert again == printed
    assert {command.name for command in commands} == {"generate"}  # which keeps rooms that are there
    (folder / "photographed/dataset.json").write_text("of the next version")
    _, commands = run(weights[0], "flat")
    evaluated = [command.dataset for command in commands if command.name == "evaluate"]
    assert evaluated == [str(folder / "photographed")]
    _, commands = run(weights[0], "another flat")
    assert {command.dataset for command in commands if command.name == "evaluate"} == {"another flat"}
    _, commands = run(weights[1])  # other weights, other figures; without a capture
    assert sum(command.name == "evaluate" for command in commands) == 7
