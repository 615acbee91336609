"""Runs in mixed precision, in two processes, and from a checkpoint: how one command reaches other machines."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("lightning_fabric")

import torch

from box_room import write_box_dataset
from rtgs2_networks.checkpoint import load_checkpoint
from rtgs2_networks.config import preset
from rtgs2_networks.encoder import PointTransformerEncoder
from rtgs2_training.cli import main
from rtgs2_training.datasets import open_dataset
from rtgs2_training.encoder.encoder_training import EncoderTraining
from rtgs2_training.fusion.fusion_training import FusionTraining
from rtgs2_training.fusion.render_cache import RenderCache, encoder_hash
from rtgs2_training.runs import launch
from rtgs2_training.runs.config import EncoderRunConfig, FusionRunConfig
from rtgs2_training.runs.config_file import read_config
from rtgs2_training.runs.devices import open_devices
from rtgs2_training.runs.schedule import learning_rate
from rtgs2_trt.console import Console

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


@pytest.mark.parametrize(("kind", "tolerance"), [("encoder", 0.08), ("fusion", 0.02)])
def test_two_processes_share_a_step(kind, tolerance, data, tmp_path):
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
    assert losses(run)[0] == pytest.approx(losses(tmp_path / "one")[0], rel=tolerance)  # 4 % and 0.4 %
    assert len(losses(run)) == 4


def test_processes_share_their_gradients(data, tmp_path):
    """Two processes end with the weights of one that takes the mean of both halves' gradients itself.

    Adam turns the last bits of small gradients into steps, so a few weights may differ; a process that kept its own
    half's gradients would be off by whole steps of 1e-3 nearly everywhere.
    """
    options = ["--devices", "2", "--accelerator", "cpu", "--threads", "1", "--set", "validation.samples=0"]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command += ["-m", "rtgs2_training.cli", *arguments(data, "fusion", tmp_path / "two", *options)]
    subprocess.run(command, capture_output=True, timeout=300, check=True)
    together = load_checkpoint(tmp_path / "two" / "ckpt.pt").fusion

    config = read_config(FusionRunConfig, data / "fusion.yaml", ["validation.samples=0"])
    dataset, cpu = open_dataset(data / "boxes"), torch.device("cpu")
    task = FusionTraining(config, dataset, None, None, data / "cache")
    task.gather(open_devices("cpu", "32-true"), Console(quiet=True))
    network = task.objective.network
    start = {name: value.detach().clone() for name, value in network.named_parameters()}
    optimizer = task.optimizer()
    task.objective.train()
    halves = []
    for step in range(config.steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(config.schedule, step, config.steps)
        optimizer.zero_grad()
        for rank in (0, 1):
            loss = task.objective(task.prepare(task.load(step, rank, 2), step, cpu))["loss"]
            (loss / 2).backward()
            halves.append(loss.item())
        torch.nn.utils.clip_grad_norm_(task.objective.parameters(), config.clip_norm)
        optimizer.step()
    of_rank = np.reshape(halves, (config.steps, 2))
    assert np.abs(of_rank[0, 0] - of_rank[0, 1]) > 1e-3  # what is told is neither half's own
    assert losses(tmp_path / "two") == pytest.approx(of_rank.mean(axis=1), rel=1e-4)
    alike, moved = [], []
    for name, value in network.named_parameters():
        alike.append((value - together[name]).abs().flatten())
        moved.append((value - start[name]).abs().flatten())
    assert torch.cat(moved).median() > 1e-3
    assert (torch.cat(alike) < 1e-4).float().mean() > 0.98


def test_a_folder_that_not_all_processes_see_is_refused(data, tmp_path):
    """Each process has a folder of its own, and only the first one's holds a saved state."""
    script = tmp_path / "train.py"
    script.write_text(
        "import os, sys\n"
        "from rtgs2_training.cli import main\n"
        "place = sys.argv.index('-o') + 1\n"
        "sys.argv[place] += os.environ['RANK']\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    options = ["--devices", "2", "--accelerator", "cpu", "--threads", "1", "--save-minutes", "0.00001"]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(script)]
    command += arguments(data, "encoder", tmp_path / "run", *options, "--set", "validation.samples=0")
    subprocess.run(command, capture_output=True, timeout=300, check=True)
    assert not (tmp_path / "run1" / "state.pt").exists()
    again = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert again.returncode != 0
    assert "state.pt: step: the processes do not find the same saved state" in again.stderr
    assert "found 0 in process 1, expected 4" in again.stderr


def test_processes_share_a_step_without_overlap(data, tmp_path):
    dataset, fabric = open_dataset(data / "boxes"), open_devices("cpu", "32-true")
    encoder = EncoderTraining(read_config(EncoderRunConfig, data / "encoder.yaml"), dataset)
    fusion_config = read_config(FusionRunConfig, data / "fusion.yaml", ["batch_size=4"])
    fusion = FusionTraining(fusion_config, dataset, None, None, tmp_path / "cache")
    fusion.gather(fabric, Console(quiet=True))
    pairs = [pair.a.inputs.tobytes() for pair in encoder.load(3, 0, 1)]
    assert len(set(pairs)) == 2
    assert [pair.a.inputs.tobytes() for rank in (0, 1) for pair in encoder.load(3, rank, 2)] == pairs
    numbers = [fusion.load(3, rank, 2).numbers for rank in (0, 1)]
    assert numbers == [(12, 14), (13, 15)]
    assert fusion.load(3, 0, 1).numbers == (12, 13, 14, 15)


def test_processes_share_the_rendering(data, tmp_path):
    torch.manual_seed(0)
    encoder = PointTransformerEncoder(preset("tiny", 22).encoder).eval()
    cache = RenderCache(tmp_path / "cache", encoder, encoder_hash(encoder), "int8")
    views = cache.views(open_dataset(data / "boxes").scenes("all"))
    rendered = []
    for rank in (0, 1):
        cache.render_missing(views, Console(quiet=True), rank, 2)
        rendered.append({view.scene.name for view in views if view.is_whole})
    assert rendered == [{"a", "c"}, {"a", "b", "c"}]


@pytest.mark.parametrize(
    ("options", "environment", "message"),
    [
        (["--devices", "2"], {"WORLD_SIZE": "4"}, "--devices, --nodes: another number of processes than was started"),
        ([], {"WORLD_SIZE": "4"}, "--nproc-per-node"),
        (["--accelerator", "cuda", "--devices", "99"], {}, "--accelerator, --devices: no such devices here"),
    ],
)
def test_devices_that_are_not_there(options, environment, message, data, tmp_path, monkeypatch, capsys):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert main(arguments(data, "encoder", tmp_path / "run", *options)) == 2
    assert message in capsys.readouterr().err


def test_samples_that_cannot_be_shared_are_refused(data, tmp_path, monkeypatch, capsys):
    processes = SimpleNamespace(device=torch.device("cpu"), is_global_zero=True, world_size=2)
    monkeypatch.setattr(launch, "open_devices", lambda *_: processes)
    assert main(arguments(data, "encoder", tmp_path / "run", "--set", "pairs_per_step=3")) == 2
    assert "--devices: a step's samples cannot be shared evenly" in capsys.readouterr().err


@pytest.mark.parametrize(
    "option", [("--threads", "-1"), ("--workers", "x"), ("--devices", "0"), ("--max-minutes", "nan")]
)
def test_numbers_out_of_range_are_refused(option, data, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments(data, "encoder", tmp_path / "run", *option))
    assert ended.value.code == 2
    assert f"argument {option[0]}: '{option[1]}' is not a" in capsys.readouterr().err


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


def test_devices_are_opened_without_a_word():
    """In a process of its own: the library's handler writes where errors went when it was imported."""
    code = "from rtgs2_training.runs.devices import open_devices; open_devices('cpu', 'bf16-mixed')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr + done.stdout == ""
