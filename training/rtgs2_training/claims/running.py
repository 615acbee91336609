"""Training and measuring every variant with every seed; what is finished is kept and not done again."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from rtgs2_networks.config import preset
from rtgs2_networks.encoder import PointTransformerEncoder
from rtgs2_trt.console import Console

from ..datasets import Dataset
from ..encoder.encoder_checkpoint import write_encoder
from ..encoder.encoder_training import EncoderTraining
from ..encoder.encoder_tuning import EncoderTuning
from ..evaluation import evaluate
from ..fusion.fusion_training import FusionTraining
from ..predictors import CheckpointPredictor
from ..runs.config import EncoderRunConfig, RunConfig
from ..runs.config_file import config_hash
from ..runs.data import data_fingerprint
from ..runs.devices import open_devices
from ..runs.loop import LoopSettings, Outcome, deadline_after, train
from ..runs.run_files import RESULT, STATE
from ..runs.run_state import check_state, saved_step
from ..runs.task import TrainingTask
from .experiments import EXPERIMENTS, ClaimsConfig, EncoderTrainingName, Experiment
from .results import minutes_of_result, read_result, summary, write_result

_ENCODER_FOLDERS = {"contrast": "encoder", "none": "untrained-encoder", "contrast and labels": "tuned-encoder"}


@dataclass(frozen=True)
class RunOptions:
    """How the runs are carried out; nothing here changes their results.

    Attributes:
        max_minutes: stop, with everything saved, when they are over; 0 for no limit.
        accelerator: of Lightning Fabric.
        threads: CPU threads, 0 for all.
        workers: threads that load samples.
    """

    max_minutes: float = 0.0
    accelerator: str = "auto"
    threads: int = 0
    workers: int = 1


class ClaimRuns:
    """All runs of the claims in one folder: ``seed-S/encoder``, ``seed-S/VARIANT``.

    Rendered views are kept in ``seed-S/cache`` until all variants of that seed are done: they take much more room than
    all the rest.

    Args:
        config: of the runs.
        dataset: scenes to train on and, in another split, to measure on.
        folder: of the runs; made if it is not there.
        options: how they are carried out.
        console: shows progress.

    Raises:
        DatasetError: no such split, or a scene in it that cannot be read.
    """

    def __init__(
        self, config: ClaimsConfig, dataset: Dataset, folder: Path, options: RunOptions, console: Console
    ) -> None:
        self._config, self._dataset, self._folder = config, dataset, folder
        self._options, self._console = options, console
        self._scenes = dataset.scenes(config.split)
        self._train_scenes = dataset.scenes(config.fusion.data.train_split)
        self._fingerprint = data_fingerprint(dataset, dataset.splits)
        self._deadline = deadline_after(options.max_minutes)
        if options.threads:
            torch.set_num_threads(options.threads)

    def run(self) -> dict[str, Any]:
        """Do what is not done yet.

        Returns:
            What ``claims.json`` holds: ``finished``, ``setting``, and :func:`summary` of the runs that are there for
            every seed.

        Raises:
            InputError: the folder holds the results of another configuration or data set, or a file cannot be written.
            Rtgs2Error: a training failed.
        """
        results: dict[str, list[dict[str, Any]]] = {experiment.name: [] for experiment in EXPERIMENTS}
        for seed in self._config.seeds:
            for experiment in EXPERIMENTS:
                result = self._result(experiment, seed)
                if result is None:
                    return self._values(results, finished=False)
                results[experiment.name].append(result["metrics"])
            shutil.rmtree(self._cache(seed), ignore_errors=True)
        return self._values(results, finished=True)

    def _values(self, results: dict[str, list[dict[str, Any]]], *, finished: bool) -> dict[str, Any]:
        config, every_seed = self._config, len(self._config.seeds)
        views = [len(scene.cameras) for scene in self._scenes]
        return {
            "finished": finished,
            "setting": {
                "seeds": list(config.seeds),
                "steps": config.fusion.steps,
                "batch_size": config.fusion.batch_size,
                "crop": list(config.fusion.crop),
                "encoder_steps": config.encoder.steps,
                "tuning_steps": config.tuning.steps,
                "longest_minutes": self._longest_minutes(),
                "dataset": self._dataset.name,
                "train_scenes": len(self._train_scenes),
                "split": config.split,
                "scenes": len(self._scenes),
                "views": sum(min(count, config.max_views) if config.max_views else count for count in views),
            },
            **summary({name: runs for name, runs in results.items() if len(runs) == every_seed}),
        }

    def _longest_minutes(self) -> float:
        """The time in steps of the longest run, encoders' runs among them."""
        names = [*_ENCODER_FOLDERS.values(), *(experiment.name for experiment in EXPERIMENTS)]
        folders = [self._folder / f"seed-{seed}" / name for seed in self._config.seeds for name in names]
        return max((minutes_of_result(folder) for folder in folders), default=0.0)

    def _result(self, experiment: Experiment, seed: int) -> dict[str, Any] | None:
        """Return the result of a run, training and measuring it first if need be; None if the time is up."""
        config = experiment.config(self._config, seed)
        folder = self._folder / f"seed-{seed}" / experiment.name
        identity = self._identity(experiment.encoder, config, *self._encoder_configs(experiment.encoder, seed))
        found = read_result(folder, identity)
        if found is not None:
            return found
        encoder = self._encoder(experiment.encoder, seed)
        if encoder is None or self._out_of_time():
            return None
        self._console.note(f"seed {seed}: {experiment.title}")
        cache = self._cache(seed)
        outcome = self._train(
            folder,
            config,
            lambda: FusionTraining(config, self._dataset, encoder, None, cache),
        )
        if not outcome.finished:
            return None
        predictor = CheckpointPredictor(folder / RESULT, threads=self._options.threads)
        measured = evaluate(predictor, self._scenes, max_views=self._config.max_views, track=self._console.track)
        result = {
            "identity": identity,
            "experiment": experiment.name,
            "seed": seed,
            "metrics": measured.to_dict(),
            "minutes": round(outcome.minutes, 3),
            "step_milliseconds": {name: round(value, 3) for name, value in outcome.stage_milliseconds.items()},
        }
        write_result(folder, result)
        return result

    def _cache(self, seed: int) -> Path:
        return self._folder / f"seed-{seed}" / "cache"

    def _encoder_configs(self, training: EncoderTrainingName, seed: int) -> list[RunConfig]:
        contrast = dataclasses.replace(self._config.encoder, seed=seed)
        tuning = dataclasses.replace(self._config.tuning, seed=seed)
        return [contrast, tuning] if training == "contrast and labels" else [contrast]

    def _encoder(self, training: EncoderTrainingName, seed: int) -> Path | None:
        """Return the checkpoint with the encoder of a seed after its training; None if the time is up."""
        folder = self._folder / f"seed-{seed}" / _ENCODER_FOLDERS[training]
        identity = self._identity(training, *self._encoder_configs(training, seed))
        if read_result(folder, identity) is not None:
            return folder / RESULT
        contrast = self._encoder("contrast", seed) if training == "contrast and labels" else None
        if self._out_of_time():
            return None
        config = dataclasses.replace(self._config.encoder, seed=seed)
        metrics: dict[str, float] = {}
        spent = 0.0
        if training == "none":
            self._write_untrained(folder, config)
        else:
            outcome = self._trained_encoder(folder, config, contrast)
            if not outcome.finished:
                return None
            metrics, spent = outcome.metrics, outcome.minutes
        write_result(folder, {"identity": identity, "seed": seed, "metrics": metrics, "minutes": round(spent, 3)})
        return folder / RESULT

    def _trained_encoder(self, folder: Path, config: EncoderRunConfig, contrast: Path | None) -> Outcome:
        """Train by the contrast, or, from its result, with labels."""
        if contrast is None:
            self._console.note(f"seed {config.seed}: encoder")
            return self._train(folder, config, lambda: EncoderTraining(config, self._dataset))
        tuning = dataclasses.replace(self._config.tuning, seed=config.seed)
        self._console.note(f"seed {config.seed}: encoder, with labels")
        return self._train(folder, tuning, lambda: EncoderTuning(tuning, self._dataset, contrast))

    def _write_untrained(self, folder: Path, config: EncoderRunConfig) -> None:
        """Write an encoder as initialised; its BatchNorms know the scenes, as a trained one's do."""
        model = preset(config.preset, len(self._dataset.classes))
        torch.manual_seed(config.seed)
        encoder = PointTransformerEncoder(model.encoder)
        folder.mkdir(parents=True, exist_ok=True)
        calibration = self._train_scenes[: config.calibration_scenes]
        description = f"untrained encoder, seed {config.seed}"
        write_encoder(folder / RESULT, encoder, model, self._dataset, calibration, config.seed, description)

    def _train(self, folder: Path, config: RunConfig, task: Callable[[], TrainingTask[Any, Any]]) -> Outcome:
        folder.mkdir(parents=True, exist_ok=True)
        fabric = open_devices(self._options.accelerator, config.precision)
        settings = LoopSettings(
            folder=folder,
            deadline=self._deadline,
            workers=self._options.workers,
            restart=f"Delete {folder}: the run is then done anew",
        )
        made, state = task(), folder / STATE
        if state.exists():
            check_state(state, made.identity, settings.restart)
        if not made.gather(fabric, self._console, self._deadline, goes_on=state.exists()):
            return Outcome(saved_step(state) if state.exists() else 0)
        return train(made, fabric, settings, self._console)

    def _identity(self, training: EncoderTrainingName, *configs: RunConfig) -> str:
        """Return 64 hexadecimal digits that name everything a result depends on."""
        measured = [self._fingerprint, self._config.split, self._config.max_views]
        content = [*measured, training != "none", *map(config_hash, configs)]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def _out_of_time(self) -> bool:
        return time.monotonic() > self._deadline
