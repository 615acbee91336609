"""From the command line to a running loop: devices, processes, the run's folder."""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric

from rtgs2_trt.console import Console, check_folder
from rtgs2_trt.errors import CheckpointError, InputError, shown

from ..dataset_options import open_given_dataset
from ..datasets import Dataset
from .config import RunConfig
from .config_file import different_field, read_config, write_config
from .devices import open_devices
from .loop import LoopSettings, Outcome, deadline_after, train
from .run_files import CONFIG, RESULT, STATE
from .run_state import check_state, saved_step
from .task import TrainingTask


def launch(
    arguments: argparse.Namespace,
    console: Console,
    config: RunConfig,
    make_task: Callable[[Dataset], TrainingTask[Any, Any]],
) -> None:
    """Train as the arguments say and print the result.

    Raises:
        InputError: an option, the data set or the folder's saved state cannot be used.
    """
    deadline = deadline_after(arguments.max_minutes)
    folder = Path(arguments.output)
    check_folder(folder, "--output")
    folder.mkdir(parents=True, exist_ok=True)
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    fabric = open_devices(arguments.accelerator, config.precision, arguments.devices, arguments.nodes)
    if not fabric.is_global_zero:
        console = Console(quiet=True, as_json=console.as_json)
    dataset = open_given_dataset(arguments.data, arguments.classes, ignore_foreign=arguments.ignore_foreign)
    task = make_task(dataset)
    if task.samples % fabric.world_size:
        raise InputError(
            "a step's samples cannot be shared evenly among the processes",
            field="--devices",
            found=fabric.world_size,
            expected=f"a divisor of {task.samples}, the samples of a step",
            fix="Raise batch_size (encoder: pairs_per_step, tune: parts_per_step) in the run's configuration",
        )
    goes_on = (folder / STATE).exists() and not arguments.restart
    if goes_on:
        _check_same_configuration(folder / CONFIG, config)
        check_state(folder / STATE, task.identity, LoopSettings.restart)
    elif (folder / RESULT).exists() and not arguments.restart:
        raise CheckpointError(
            "the weights of a run whose state is gone",
            file=folder / RESULT,
            expected=f"{STATE} beside them",
            fix=f"{LoopSettings.restart}, which keeps them under another name, or give another folder with -o",
        )
    if not task.gather(fabric, console, deadline, goes_on=goes_on):
        step = saved_step(folder / STATE) if goes_on else 0
        if fabric.is_global_zero:
            _tell(Outcome(step), task, fabric, folder, console, "the same command goes on from there")
        return
    if fabric.is_global_zero:
        if arguments.restart:  # not before all that it needs has been found
            (folder / STATE).unlink(missing_ok=True)
            if (folder / RESULT).exists():  # not the new run's, and nothing shall take it for that
                (folder / RESULT).replace(_free_name(folder, "before-restart"))
        write_config(config, folder / CONFIG, _sources(arguments))
    fabric.barrier()
    settings = LoopSettings(
        folder=folder,
        deadline=deadline,
        save_minutes=arguments.save_minutes,
        log_steps=arguments.log_steps,
        workers=arguments.workers,
    )
    outcome = train(task, fabric, settings, console)
    if fabric.is_global_zero:
        again = f"the same command{' without --restart' if arguments.restart else ''} goes on from there"
        _tell(outcome, task, fabric, folder, console, again)


def _free_name(folder: Path, stem: str) -> Path:
    """Return a checkpoint's path that is not taken: what an earlier restart kept stays."""
    names = (f"{stem}{'' if number == 1 else f'-{number}'}.pt" for number in itertools.count(1))
    return next(folder / name for name in names if not (folder / name).exists())


def _tell(
    outcome: Outcome, task: TrainingTask[Any, Any], fabric: Fabric, folder: Path, console: Console, how_to_go_on: str
) -> None:
    """Print how far the run has come."""
    result = {
        "run": str(folder),
        "step": outcome.step,
        "steps": task.steps,
        "finished": outcome.finished,
        "validation": outcome.metrics,
        "stage_milliseconds": {name: round(value, 2) for name, value in outcome.stage_milliseconds.items()},
        "device": str(fabric.device),
    }
    total = sum(outcome.stage_milliseconds.values())
    lines = [f"{'finished' if outcome.finished else 'stopped'} after {outcome.step} of {task.steps} steps: {folder}"]
    if outcome.metrics:
        lines.append("validation: " + ", ".join(f"{name} {value:.4f}" for name, value in outcome.metrics.items()))
    if total:
        stages = ", ".join(f"{name} {value:.1f}" for name, value in outcome.stage_milliseconds.items())
        lines.append(f"step {total:.1f} ms: {stages}")
    if outcome.finished:
        lines.append(f"weights: {folder / RESULT}")
    else:
        lines.append(how_to_go_on)
    console.result(result, "\n".join(lines))


def _check_same_configuration(path: Path, config: RunConfig) -> None:
    """Refuse to go on with another configuration than the run's own, by its field; a damaged one tells nothing here."""
    try:
        found = read_config(type(config), path)
    except InputError:
        return
    different = different_field(found, config)
    if different is not None:
        field, before, now = different
        raise CheckpointError(
            "a run with another configuration",
            file=path,
            field=field,
            found=shown(before),
            expected=shown(now),
            fix=f"{LoopSettings.restart}, or give another folder with -o",
        )


def _sources(arguments: argparse.Namespace) -> dict[str, str]:
    """What the run is made from, beside its configuration."""
    names = {"data": "data set", "encoder": "encoder", "init": "initial checkpoint", "classes": "class table"}
    given = {text: getattr(arguments, name, None) for name, text in names.items()}
    return {text: str(value) for text, value in given.items() if value}
