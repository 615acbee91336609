"""The command from training to the table, in the smallest steps, stopped and taken up again."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")

from box_room import write_box_dataset
from rtgs2_training.claims import running
from rtgs2_training.cli import main

CONFIG = """
seeds: [3]
max_views: 2
encoder:
  steps: 1
  calibration_scenes: 1
  views: {max_points: 256, min_iou: 0.0, max_iou: 1.0}
  loss: {positives: 32}
  validation: {samples: 0}
tuning:
  steps: 1
  calibration_scenes: 1
  parts: {max_points: 256}
  validation: {samples: 0}
fusion:
  steps: 2
  batch_size: 1
  crop: [64, 96]
  validation: {samples: 0}
"""
FEW = ("fusion", "fusion-untrained-encoder", "fusion-tuned-encoder", "depth-colour")


@pytest.fixture
def paths(tmp_path, monkeypatch):
    """Arguments of the command, with fewer variants."""
    monkeypatch.setattr(running, "EXPERIMENTS", tuple(e for e in running.EXPERIMENTS if e.name in FEW))
    write_box_dataset(tmp_path / "boxes", {"train": ["a", "b"], "test": ["c"]})
    (tmp_path / "claims.yaml").write_text(CONFIG)
    return [str(tmp_path / "claims.yaml"), "--data", str(tmp_path / "boxes"), "-o", str(tmp_path / "out"), "--quiet"]


def test_stopped_and_taken_up_again(paths, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    real, measured = running.evaluate, []

    def breaks_at_the_second(predictor, *arguments, **options):
        measured.append(predictor)
        if len(measured) == 2:
            raise KeyboardInterrupt
        return real(predictor, *arguments, **options)

    monkeypatch.setattr(running, "evaluate", breaks_at_the_second)
    assert main(["claims", *paths]) == 130
    first = (out / "seed-3" / "fusion" / "result.json").stat().st_mtime_ns
    assert not (out / "claims.json").exists()

    assert main(["claims", *paths]) == 0
    assert (out / "seed-3" / "fusion" / "result.json").stat().st_mtime_ns == first  # kept, not done again
    assert len(measured) == 5
    printed = capsys.readouterr().out
    values = json.loads((out / "claims.json").read_text())
    assert values["finished"]
    assert list(values["experiments"]) == list(FEW)
    assert [claim["better"] for claim in values["claims"]] == ["fusion", "fusion-tuned-encoder"]
    assert values["setting"]["views"] == 2
    text = (out / "claims.md").read_text()
    assert text.strip() in printed
    assert "| Self-supervised training of the encoder helps fusion |" in text
    assert (out / "claims.png").stat().st_size > 5000
    depth = json.loads((out / "seed-3" / "depth-colour" / "result.json").read_text())
    assert depth["metrics"]["depth_rmse"] > 0
    assert not (out / "seed-3" / "cache").exists()
    minutes = {
        file.parent.name: json.loads(file.read_text())["minutes"] for file in (out / "seed-3").glob("*/result.json")
    }
    assert {name for name, value in minutes.items() if value > 0} == {*FEW, "encoder", "tuned-encoder"}
    assert values["setting"]["longest_minutes"] == max(minutes.values())

    def never(*_, **__):
        raise AssertionError("nothing is left to do")

    monkeypatch.setattr(running, "train", never)
    monkeypatch.setattr(running, "evaluate", never)
    assert main(["claims", *paths, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == values

    assert main(["claims", *paths, "--set", "fusion.steps=3"]) == 2
    assert "result.json: identity: the result of another configuration or data set" in capsys.readouterr().err


def test_a_state_that_does_not_fit_says_what_to_delete(paths, tmp_path, capsys):
    """The command has no --restart."""
    assert main(["claims", *paths]) == 0
    for name in ("encoder", *FEW):
        (tmp_path / "out" / "seed-3" / name / "result.json").unlink()
    assert main(["claims", *paths, "--set", "encoder.weight_decay=0.1"]) == 2
    message = capsys.readouterr().err
    assert "the state of a run with another configuration" in message
    assert f"Delete {tmp_path / 'out' / 'seed-3' / 'encoder'}: the run is then done anew" in message
    assert "--restart" not in message


def test_out_of_time_and_bad_configurations(paths, capsys):
    assert main(["claims", *paths, "--max-minutes", "1e-9"]) == 0
    printed = capsys.readouterr().out
    assert "no variant has finished with every seed yet" in printed
    assert "the same command goes on from there" in printed
    for override, message in [
        ("fusion.inputs=colour", "claims.yaml: fusion: impossible configuration of the claims"),
        ("fusion.loss.centre_collapse=0", "claims.yaml: fusion: impossible"),
        ("seeds=[1, 1]", "claims.yaml: seeds: impossible"),
        ("encoder.preset=rtgs2", "claims.yaml: tuning.preset"),
        ("fusion.preset=rtgs2", "claims.yaml: fusion.preset"),
        ("split=validation", "split: no such split"),
        ("split=train", "claims.yaml: split: impossible configuration of the claims"),
        ("fusion.data.train_split=all", "claims.yaml: fusion.data.train_split: impossible configuration of the claims"),
        ("fusion.data.scenes=[c]", "claims.yaml: fusion.data.scenes: impossible"),
        ("fusion.colour=1", "claims.yaml: fusion.colour: no such field"),
    ]:
        assert main(["claims", *paths, "--set", override]) == 2
        assert message in capsys.readouterr().err
