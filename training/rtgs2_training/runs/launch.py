"""From the command line to a running loop: devices, processes, the run's folder."""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric

from rtgs2_trt.classes import resolve_class_table
from rtgs2_trt.console import Console, check_folder
from rtgs2_trt.errors import InputError

from ..datasets import Dataset, open_dataset
from .config import RunConfig
from .config_file import write_config
from .loop import RESULT, LoopSettings, train
from .run_state import FILE_NAME
from .task import TrainingTask


def launch(
    arguments: argparse.Namespace,
    console: Console,
    config: RunConfig,
    make_task: Callable[[Dataset, Fabric], TrainingTask[Any, Any]],
) -> None:
    """Train as the arguments say and print the result.

    Raises:
        InputError: an option, the data set or the folder's saved state cannot be used.
    """
    started = time.monotonic()
    for name, least in (("log_steps", 1), ("devices", 1), ("nodes", 1), ("threads", 0), ("workers", 0)):
        if getattr(arguments, name) < least:
            option = f"--{name.replace('_', '-')}"
            raise InputError("too small", field=option, found=getattr(arguments, name), expected=f"{least} or more")
    folder = Path(arguments.output)
    check_folder(folder, "--output")
    folder.mkdir(parents=True, exist_ok=True)
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    logging.getLogger("lightning.fabric").setLevel(logging.ERROR)
    fabric = Fabric(
        accelerator=arguments.accelerator,
        devices=arguments.devices,
        num_nodes=arguments.nodes,
        precision=config.precision,
    )
    fabric.launch()
    if not fabric.is_global_zero:
        console = Console(quiet=True, as_json=console.as_json)
    if arguments.restart and fabric.is_global_zero:
        (folder / FILE_NAME).unlink(missing_ok=True)
    fabric.barrier()
    dataset = open_dataset(arguments.data, resolve_class_table(arguments.classes) if arguments.classes else None)
    task = make_task(dataset, fabric)
    settings = LoopSettings(
        folder=folder,
        max_minutes=arguments.max_minutes,
        save_minutes=arguments.save_minutes,
        log_steps=arguments.log_steps,
        workers=arguments.workers,
        started=started,
    )
    outcome = train(task, fabric, settings, console)
    if not fabric.is_global_zero:
        return
    write_config(config, folder / "config.yaml")
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
        lines.append("the same command goes on from there")
    console.result(result, "\n".join(lines))
