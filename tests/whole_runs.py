"""Small runs of rtgs2-train: configurations, command lines, and what they leave."""

from __future__ import annotations

import csv

from rtgs2_networks.checkpoint import load_checkpoint

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
CONFIGURATIONS = {"encoder": ENCODER, "fusion": FUSION, "committed": COMMITTED, "tune": TUNE}
TIMES = "seconds_"


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
