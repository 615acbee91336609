"""The fusion network learns what it is shown, and its running mean is a mean."""

from __future__ import annotations

import json

import pytest
import torch

from box_room import box_views, write_box_dataset
from rtgs2_export.cli import main as rtgs2_export
from rtgs2_training.cli import main
from rtgs2_training.fusion.weight_average import WeightAverage

DEPTH_SPREAD = 0.58  # metres: the RMSE of the mean depth
CONFIG = """
steps: STEPS
batch_size: 2
crop: [64, 96]
average: 0.9
schedule: {learning_rate: 1.5e-3, warmup_steps: 10, power: 0.9}
loss: {label_smoothing: 0.0, centre_collapse: 0.1}
data: {scenes: [a]}
validation: {every_steps: 1000, samples: 3}
augmentation:
  {zoom: [1, 1], rotation: 0, perspective: 0, flip: 0, brightness: 0, contrast: 0, saturation: 0, gain: 0, hue: 0,
  gamma: 1, grey: 0, noise: 0, feature_gain: 0, feature_shift: 0, channel_dropout: 0, cut_out: 0, colour_dropout: 0,
  feature_dropout: 0}
"""


@pytest.mark.parametrize(
    ("task", "steps", "metric", "enough"),
    [
        ("semantic", 120, "miou", lambda value: value > 0.9),
        ("depth", 300, "rmse", lambda value: value < 0.7 * DEPTH_SPREAD),
    ],
)
def test_views_of_one_scene_are_learnt_by_heart(task, steps, metric, enough, tmp_path, capsys):
    data = write_box_dataset(tmp_path / "boxes", {"train": ["a"]}, views=box_views(3, 96, 64))
    config = tmp_path / "fusion.yaml"
    config.write_text(CONFIG.replace("STEPS", str(steps)) + f"task: {task}\n")
    source = ["--encoder", "untrained", "--threads", "1"]  # small steps gain nothing from more
    run = ["fusion", str(config), "--data", str(data), *source, "-o", str(tmp_path / "run")]
    assert main([*run, "--quiet", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["finished"]
    assert enough(result["validation"][metric]), result["validation"]

    # the written checkpoint, exported and run by a Segmenter, is what was validated
    assert rtgs2_export([str(tmp_path / "run/ckpt.pt"), "-o", str(tmp_path / "model.rtgs2"), "--quiet"]) == 0
    capsys.readouterr()
    assert main(["evaluate", str(tmp_path / "model.rtgs2"), str(data), "--split", "all", "--quiet", "--json"]) == 0
    measured = json.loads(capsys.readouterr().out)["miou" if task == "semantic" else "depth_rmse"]
    assert measured == pytest.approx(result["validation"][metric], rel=0.03)  # validation reads features of 8 bits


def test_average_follows_the_weights_and_forgets_the_start():
    network = torch.nn.BatchNorm1d(1)
    average = WeightAverage(network, 0.9)
    expected = 1.0
    for step in range(1, 40):
        with torch.no_grad():
            network.weight.fill_(float(step))
        network.num_batches_tracked.fill_(step)
        average.update(step)
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
    assert average.network.weight.item() == pytest.approx(expected, rel=1e-5)
    assert average.network.num_batches_tracked.item() == 39
    assert not average.network.training
