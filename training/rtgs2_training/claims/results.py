"""Results of finished runs on disk, and what they say together."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rtgs2_trt.atomic import atomic_file
from rtgs2_trt.errors import InputError, shown
from rtgs2_trt.file_access import reading

from .experiments import CLAIMS, EXPERIMENTS, Claim

RESULT = "result.json"
_LIMIT = 1 << 20


@dataclass(frozen=True)
class Measured:
    """Values of one metric over the seeds.

    Attributes:
        values: by seed, in the order of the configuration.
    """

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean over the seeds."""
        return statistics.fmean(self.values)

    @property
    def spread(self) -> float:
        """Standard deviation between seeds (n - 1), 0 with one seed."""
        return statistics.stdev(self.values) if len(self.values) > 1 else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return mean, spread and values as JSON has them."""
        return {"mean": round(self.mean, 6), "spread": round(self.spread, 6), "values": list(self.values)}


def read_result(folder: Path, identity: str) -> dict[str, Any] | None:
    """Return the result of a finished run in `folder`, None if there is none yet.

    Raises:
        InputError: it is damaged, or of a run with another configuration or data set.
    """
    values = _read(folder)
    if values is not None and values.get("identity") != identity:
        raise InputError(
            "the result of another configuration or data set",
            file=folder / RESULT,
            field="identity",
            found=shown(values.get("identity")),
            expected=shown(identity),
            fix="Give another -o",
        )
    return values


def minutes_of_result(folder: Path) -> float:
    """Return how long a finished run in `folder` trained; 0 if there is none, or nothing was trained.

    Raises:
        InputError: its result is damaged.
    """
    minutes = (_read(folder) or {}).get("minutes", 0.0)
    if not isinstance(minutes, int | float):
        fix = "Delete it; the run is then measured again"
        raise InputError("not a time", file=folder / RESULT, field="minutes", found=shown(minutes), fix=fix)
    return float(minutes)


def _read(folder: Path) -> dict[str, Any] | None:
    path = folder / RESULT
    if not path.exists():
        return None
    with reading(path, InputError) as (file, size):
        content = file.read(_LIMIT) if size <= _LIMIT else b""
    try:
        values = json.loads(content)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict) or not isinstance(values.get("metrics"), dict):
        raise InputError("not a result of a run", file=path, fix="Delete it; the run is then measured again")
    return values


def write_result(folder: Path, values: Mapping[str, Any]) -> None:
    """Write ``result.json`` into `folder`, whole or not at all.

    Raises:
        InputError: it cannot be written.
    """
    with atomic_file(folder / RESULT) as file:
        file.write((json.dumps(values, indent=1) + "\n").encode())


def summary(results: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    """Return what runs say together, as ``claims.json`` has it.

    Args:
        results: by experiment, ``metrics`` of one run a seed, in the same order of seeds.

    Returns:
        ``experiments``: for each, every metric's mean, spread and values. ``claims``: for each whose two variants are
        there, the paired difference seed by seed, in the metric's unit, positive where the first is better, and in
        how many seeds it is.
    """
    measured = {
        name: {
            metric: Measured(tuple(float(run[metric]) for run in runs))
            for metric in METRICS
            if all(run.get(metric) is not None for run in runs)
        }
        for name, runs in results.items()
        if runs
    }
    return {
        "experiments": {
            experiment.name: {
                "title": experiment.title,
                **{metric: values.to_dict() for metric, values in measured[experiment.name].items()},
            }
            for experiment in EXPERIMENTS
            if experiment.name in measured
        },
        "claims": [
            _compared(claim, measured[claim.better], measured[claim.worse])
            for claim in CLAIMS
            if claim.better in measured and claim.worse in measured
        ],
    }


METRICS: Mapping[str, bool] = {
    "miou": True,
    "pixel_accuracy": True,
    "class_accuracy": True,
    "view_consistency": True,
    "depth_rmse": False,
    "depth_absolute_relative": False,
}
"""Which metrics are compared, and whether more is better."""


def _compared(claim: Claim, better: Mapping[str, Measured], worse: Mapping[str, Measured]) -> dict[str, Any]:
    metric = "miou" if "miou" in better else "depth_rmse"
    sign = 1.0 if METRICS[metric] else -1.0
    pairs = zip(better[metric].values, worse[metric].values, strict=True)
    difference = Measured(tuple(sign * (a - b) for a, b in pairs))
    return {
        "claim": claim.text,
        "better": claim.better,
        "worse": claim.worse,
        "metric": metric,
        "difference": difference.to_dict(),
        "seeds_that_agree": sum(value > 0 for value in difference.values),
        "seeds": len(difference.values),
    }
