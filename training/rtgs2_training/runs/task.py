"""What the training loop needs to know of a kind of training."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from rtgs2_trt.console import Console

from .config import ScheduleConfig, ValidationConfig

Batch = TypeVar("Batch")
Prepared = TypeVar("Prepared")


class TrainingTask(ABC, Generic[Batch, Prepared]):
    """A kind of training: its network, data, losses and metrics.

    Attributes:
        objective: module whose ``forward(prepared)`` returns scalar tensors by name, the loss as "loss"; the trained
            network is a part of it.
        steps: length of the run.
        samples: of a step, shared evenly by all processes.
        schedule: learning rate by step.
        validation: when to validate.
        clip_norm: largest norm of the gradient.
        identity: hashes of everything that the result depends on, as it was found at the start: files that change
            while a run reads them make no other run of it.
    """

    objective: nn.Module
    steps: int
    samples: int
    schedule: ScheduleConfig
    validation: ValidationConfig
    clip_norm: float
    identity: Mapping[str, str]

    @abstractmethod
    def gather(self, fabric: Fabric, console: Console, deadline: float = math.inf, *, goes_on: bool = False) -> bool:
        """Make ready what samples are read from, which can take hours: called once, when the run is known to go on.

        Args:
            fabric: devices and processes.
            console: shows the progress.
            deadline: see below.
            goes_on: the run has a saved state: its data are those that were checked when it began.

        Returns:
            Whether all is ready, the same in all processes; False: :func:`time.monotonic` came to `deadline` first, and
            another call goes on.

        Raises:
            DatasetError: a scene or view that cannot be used.
        """

    @abstractmethod
    def optimizer(self) -> torch.optim.Optimizer:
        """Return a new optimiser of the network's parameters."""

    @abstractmethod
    def load(self, step: int, rank: int, world_size: int) -> Batch:
        """Read this process's share of a step's samples; runs in threads, depends on nothing but its arguments."""

    @abstractmethod
    def prepare(self, batch: Batch, step: int, device: torch.device) -> Prepared:
        """Bring samples to the device and augment them."""

    @abstractmethod
    def validate(self, fabric: Fabric) -> dict[str, float]:
        """Return metrics of the network as it is, by name, the same in all processes."""

    @abstractmethod
    def write_result(self, path: Path, step: int, metrics: Mapping[str, float]) -> None:
        """Write the checkpoint after `step` steps; `metrics` are the last validation's."""

    def after_step(self, step: int) -> None:
        """Called after each update of the weights."""

    def average_state(self) -> dict[str, Any] | None:
        """State dict of the running mean of the weights, if there is one."""
        return None

    def load_average_state(self, state: Mapping[str, Tensor]) -> None:
        """Take up what :meth:`average_state` returned."""
