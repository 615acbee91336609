"""Tuning: parts are labelled parts of their scene, and the encoder learns from them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")

from box_room import write_box_dataset
from rtgs2_networks.checkpoint import load_checkpoint, save_checkpoint
from rtgs2_networks.config import preset
from rtgs2_networks.encoder import PointTransformerEncoder
from rtgs2_networks.fusion import FusionNetwork
from rtgs2_training.cli import main
from rtgs2_training.datasets import open_dataset
from rtgs2_training.encoder.encoder_tuning import EncoderTuning
from rtgs2_training.encoder.scene_parts import SceneParts
from rtgs2_training.gaussian_classes import STORED
from rtgs2_training.runs.config import ScenePartConfig, TuningRunConfig
from rtgs2_training.runs.config_file import read_config
from still_clouds import STILL


@pytest.fixture
def data(tmp_path):
    """Two rooms for training and one for validation; Gaussians of the lower half are floor, the others wall."""
    dataset = open_dataset(write_box_dataset(tmp_path / "boxes", {"train": ["a", "b"], "validation": ["c"]}))
    for folder in dataset.scenes("all"):
        low = folder.load_scene().means[:, 2] < 1.2
        np.savez(folder.path / STORED, class_id=np.where(low, 2, 1))
    return dataset


def test_parts_are_labelled_parts_of_the_scene(data):
    config = ScenePartConfig(max_points=500, mirror=1.0)
    parts = SceneParts(data.scenes("train"), preset("tiny", 22).encoder, config, STILL, seed=1)
    part = parts.sample(4)
    assert 100 < len(part.inputs) <= 500
    assert part.labels.dtype == np.int16
    low = part.inputs[:, 2] < 1.2  # without tilt and lift heights stay
    assert np.array_equal(part.labels, np.where(low, 1, 0))  # indices of floor and wall
    reach = np.ptp(part.inputs[:, :2], axis=0)
    assert reach.max() < 3.5  # a part of the 4 x 3 m room, from floor to ceiling
    assert np.ptp(part.inputs[:, 2]) > 2.4
    again = SceneParts(data.scenes("train"), preset("tiny", 22).encoder, config, STILL, seed=1)
    again.sample(0)
    assert np.array_equal(part.inputs, again.sample(4).inputs)
    assert not np.array_equal(part.inputs[:50], again.sample(5).inputs[:50])


def test_mirrored_parts_are_mirror_images(data):
    samples = [
        SceneParts(
            data.scenes("train"),
            preset("tiny", 22).encoder,
            ScenePartConfig(max_points=10000, mirror=mirror),
            STILL,
            seed=1,
        ).sample(3)
        for mirror in (0.0, 1.0)
    ]
    plain, mirrored = (np.sort(sample.inputs[:, 3:6].sum(1)) for sample in samples)
    assert len(plain) == pytest.approx(len(mirrored), rel=0.05)  # other voxels of the same room

    def handedness(inputs):
        """Sign of the volume spanned by the mean positions of four colours of faces, sorted by colour."""
        key = np.round(inputs[:, 3:6].sum(1), 3)
        corners = [inputs[key == value, :3].mean(0) for value in np.unique(key)[[0, 1, 2, 3]]]
        return np.sign(np.linalg.det(np.stack(corners[1:]) - corners[0]))

    assert handedness(samples[0].inputs) == -handedness(samples[1].inputs)


def test_encoder_learns_the_classes(data, tmp_path):
    settings = (
        "steps: 40\nparts: {max_points: 1024}\ncalibration_scenes: 2\nvalidation: {every_steps: 40, samples: 4}\n"
    )
    (tmp_path / "tune.yaml").write_text(settings)
    run = tmp_path / "run"
    fixed = ["--data", str(data.path), "-o", str(run), "--threads", "1", "--log-steps", "10", "--quiet"]
    assert main(["tune", str(tmp_path / "tune.yaml"), *fixed, "--encoder", "untrained"]) == 0
    config = read_config(TuningRunConfig, tmp_path / "tune.yaml")
    assert "validation miou" in load_checkpoint(run / "ckpt.pt").description
    rows = (run / "metrics.csv").read_text().splitlines()
    names = rows[0].split(",")
    last = dict(zip(names, rows[-1].split(","), strict=True))
    assert float(last["validation_voxel_accuracy"]) > 0.9
    task = EncoderTuning(config, data, run / "ckpt.pt")
    trained = load_checkpoint(run / "ckpt.pt").encoder
    started = task.objective.encoder.state_dict()
    assert all((trained[name] == started[name]).all() for name in trained)


def test_encoder_that_is_missing_or_of_another_preset_is_refused(data, tmp_path, capsys):
    (tmp_path / "tune.yaml").write_text("steps: 1\n")
    fixed = ["--data", str(data.path), "-o", str(tmp_path / "run"), "--quiet"]
    command = ["tune", str(tmp_path / "tune.yaml"), *fixed, "--encoder"]
    assert main([*command, str(tmp_path / "none.pt")]) == 2
    assert "there is no such checkpoint" in capsys.readouterr().err
    tiny = preset("tiny", 22)
    model = dataclasses.replace(tiny, encoder=dataclasses.replace(tiny.encoder, patch_size=32))
    networks = PointTransformerEncoder(model.encoder), FusionNetwork(model.fusion)
    save_checkpoint(tmp_path / "other.pt", model, data.classes, *(network.state_dict() for network in networks))
    assert main([*command, str(tmp_path / "other.pt")]) == 2
    message = capsys.readouterr().err
    assert "other.pt: --encoder: an encoder of another preset (found patch_size 32, where the preset has" in message
