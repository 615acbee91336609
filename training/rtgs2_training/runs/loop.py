"""The training loop of all kinds of training, on one device or many processes."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor

from rtgs2_trt.console import Console
from rtgs2_trt.errors import InputError, Rtgs2Error

from .metrics_log import MetricsLog
from .prefetch import prefetched
from .run_files import RESULT, STATE
from .run_state import RunState, damaged, load_state, save_state
from .schedule import learning_rate
from .stage_clock import StageClock
from .task import TrainingTask

_TELL_SECONDS = 20.0


@dataclass(frozen=True)
class LoopSettings:
    """How a run is carried out; nothing here changes its result.

    Attributes:
        folder: where state, metrics and result go.
        deadline: :func:`time.monotonic` after which the run saves its state and ends, a validation at most later.
        save_minutes: time between two saved states.
        log_steps: steps a row of metrics.
        workers: threads that load samples.
        restart: how to start the run anew, in the words of errors.
    """

    folder: Path
    deadline: float = math.inf
    save_minutes: float = 2.0
    log_steps: int = 50
    workers: int = 1
    restart: str = "Start the run anew with --restart"


@dataclass(frozen=True)
class Outcome:
    """How far a run has come.

    Attributes:
        step: steps done.
        finished: whether these are all.
        metrics: the last validation's.
        stage_milliseconds: mean time of each stage of a step, of the steps of this call.
        minutes: spent in steps, in this call and those before it.
    """

    step: int
    finished: bool = False
    metrics: dict[str, float] = field(default_factory=dict)
    stage_milliseconds: dict[str, float] = field(default_factory=dict)
    minutes: float = 0.0


def deadline_after(minutes: float) -> float:
    """Return the :func:`time.monotonic` of that many minutes from now; of 0, one that never comes."""
    return time.monotonic() + 60 * minutes if minutes else math.inf


def train(task: TrainingTask[Any, Any], fabric: Fabric, settings: LoopSettings, console: Console) -> Outcome:
    """Train from the folder's saved state, or from the start, to the end or until the time is up.

    The task has gathered what it reads samples from.

    Raises:
        CheckpointError: the saved state is another run's or damaged, or a file cannot be written.
        Rtgs2Error: the loss is not finite any more.
    """
    return _Loop(task, fabric, settings, console).run()


class _Loop:
    def __init__(self, task: TrainingTask[Any, Any], fabric: Fabric, settings: LoopSettings, console: Console) -> None:
        self.task, self.fabric, self.settings, self.console = task, fabric, settings, console
        self.state_file = settings.folder / STATE
        self.step = 0
        self.sums: dict[str, Tensor | float] = {}
        self.log = MetricsLog(settings.folder)
        self.clock = StageClock(fabric.device)
        self.stage_seconds: dict[str, float] = {}
        self.saved_at = time.monotonic()
        task.objective.to(fabric.device)  # an optimiser's state comes back to where the parameters are
        optimizer = task.optimizer()
        if self.state_file.exists():
            self._restore(optimizer)
        self._check_same_step()
        self.clocked_steps = self.timed_steps = 0  # since the last row; in stage_seconds
        self.told_at, self.told_step = time.monotonic(), self.step
        self.objective, self.optimizer = fabric.setup(task.objective, optimizer)

    def run(self) -> Outcome:
        task, settings = self.task, self.settings
        if self.step:
            self.console.note(f"  goes on after step {self.step} of {task.steps}")
        rank, world_size = self.fabric.global_rank, self.fabric.world_size
        batches = prefetched(
            lambda step: task.load(step, rank, world_size),
            range(self.step, task.steps),
            workers=settings.workers,
            ahead=2 * settings.workers,
        )
        if not self.state_file.exists():  # weights never lie without a state beside them, whenever the run is killed
            self._save()
        out_of_time = self._out_of_time()
        try:
            with self.console.counted(task.steps - self.step, "training steps") as advance:
                while self.step < task.steps and not out_of_time:
                    self._train_step(batches)
                    advance()
                    at_end = self.step == task.steps
                    if self.step % settings.log_steps == 0 or at_end:
                        self._write_row()
                        self._tell()
                    out_of_time = self._out_of_time()
                    if at_end or self.step % task.validation.every_steps == 0:
                        self._validate()
                        self._save()
                    elif out_of_time or time.monotonic() - self.saved_at > 60 * settings.save_minutes:
                        self._save()
        finally:
            batches.close()
        if self.step == task.steps and not (settings.folder / RESULT).exists():  # removed since it was written
            self._write_result(self._last_metrics())
        if self.fabric.is_global_zero and self.log.rows:
            self.log.plot()
        return self._outcome()

    def _train_step(self, batches: Generator[Any, None, None]) -> None:
        task, clock = self.task, self.clock
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(task.schedule, self.step, task.steps)
        with clock.stage("load"):
            batch = next(batches)
        with clock.stage("prepare"):
            prepared = task.prepare(batch, self.step, self.fabric.device)
        task.objective.train()
        with clock.stage("forward"):
            values = self.objective(prepared)
        with clock.stage("backward"):
            self.optimizer.zero_grad()
            self.fabric.backward(values["loss"])
        with clock.stage("update"):
            norm = self.fabric.clip_gradients(
                self.objective, self.optimizer, max_norm=task.clip_norm, error_if_nonfinite=False
            )
            self.optimizer.step()
            self.step += 1
            task.after_step(self.step)
        assert norm is not None
        for name, value in self._mean_of_processes({**values, "gradient_norm": norm}).items():
            self.sums[name] = self.sums.get(name, 0.0) + value
        self.clocked_steps += 1
        self.sums["count"] = self.sums.get("count", 0.0) + 1.0

    def _mean_of_processes(self, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Each process has its share of a step's samples; metrics are of all of them."""
        detached = {name: value.detach() for name, value in values.items()}
        if self.fabric.world_size == 1:
            return detached
        mean = self.fabric.all_reduce(torch.stack(list(detached.values())), reduce_op="mean")
        assert isinstance(mean, Tensor)
        return dict(zip(detached, mean.unbind(), strict=True))

    def _write_row(self) -> None:
        sums = self._finite_sums()
        count = sums.pop("count")
        self.sums = {}
        seconds = self.clock.take()
        for name, value in seconds.items():
            self.stage_seconds[name] = self.stage_seconds.get(name, 0.0) + value
        self.timed_steps += self.clocked_steps
        row = {name: value / count for name, value in sums.items()}
        row["learning_rate"] = learning_rate(self.task.schedule, self.step - 1, self.task.steps)
        row |= {f"seconds_{name}": value / self.clocked_steps for name, value in seconds.items()}
        self.clocked_steps = 0
        self.log.add(self.step, row)
        if self.fabric.is_global_zero:
            self.log.write()

    def _validate(self) -> None:
        self._finite_sums()  # before the last good checkpoint is replaced
        start = time.perf_counter()
        with torch.no_grad():
            metrics = self.task.validate(self.fabric)
        self.log.add(self.step, {f"validation_{name}": value for name, value in metrics.items()})
        self._write_result(metrics)
        if not self.fabric.is_global_zero:
            return
        self.log.write()
        self.log.plot()
        shown = ", ".join(f"{name} {value:.4f}" for name, value in metrics.items())
        if shown:
            self.console.note(f"  step {self.step}: validation {shown}  ({time.perf_counter() - start:.1f} s)")

    def _write_result(self, metrics: Mapping[str, float]) -> None:
        if self.fabric.is_global_zero:
            self.task.write_result(self.settings.folder / RESULT, self.step, metrics)

    def _save(self) -> None:
        sums = self._finite_sums()
        self.saved_at = time.monotonic()
        if not self.fabric.is_global_zero:
            return
        state = RunState(
            identity=self.task.identity,
            step=self.step,
            network=self.task.objective.state_dict(),
            optimizer=self.optimizer.state_dict(),
            average=self.task.average_state(),
            rows=self.log.rows,
            sums=sums,
        )
        save_state(state, self.state_file)

    def _restore(self, optimizer: torch.optim.Optimizer) -> None:
        state = load_state(self.state_file, self.task.identity, self.settings.restart)
        try:
            self.task.objective.load_state_dict(state.network)
            optimizer.load_state_dict(dict(state.optimizer))
            if state.average is not None:
                self.task.load_average_state(state.average)
        except (RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise damaged(self.state_file, self.settings.restart) from error
        self.step = state.step
        self.sums = dict(state.sums)
        self.log = MetricsLog(self.settings.folder, state.rows)

    def _check_same_step(self) -> None:
        """Refuse processes that would go on from different steps: they would wait for each other for ever."""
        if self.fabric.world_size == 1:
            return
        device = self.fabric.device
        last = int(self.fabric.all_reduce(torch.tensor(self.step, device=device), reduce_op="max"))  # type: ignore[arg-type]
        behind = torch.tensor(float(self.step < last), device=device)
        if int(self.fabric.all_reduce(behind, reduce_op="sum")):  # type: ignore[arg-type]
            raise InputError(
                "the processes do not find the same saved state",
                file=self.state_file,
                field="step",
                found=f"{self.step} in process {self.fabric.global_rank}",
                expected=f"{last}, the latest of all processes",
                fix="Put the run's folder where all machines see it",
            )

    def _finite_sums(self) -> dict[str, float]:
        sums = {name: float(value) for name, value in self.sums.items()}
        bad = [name for name, value in sums.items() if not math.isfinite(value)]
        if bad:
            raise Rtgs2Error(
                f"{self.settings.folder}: {bad[0]} is no finite number any more within the steps up to {self.step}. "
                "The last saved state and checkpoint are intact; lower schedule.learning_rate, or lengthen its "
                f"warm-up. {self.settings.restart}"
            )
        return sums

    def _out_of_time(self) -> bool:
        late = time.monotonic() > self.settings.deadline
        if self.fabric.world_size > 1 and self.step % self.settings.log_steps == 0:
            late = bool(self.fabric.broadcast(late))  # all processes stop at the same step
        elif self.fabric.world_size > 1:
            return False
        return late

    def _tell(self) -> None:
        """Say now and then how the training goes."""
        now = time.monotonic()
        if now - self.told_at >= _TELL_SECONDS:
            rate = (self.step - self.told_step) / (now - self.told_at)
            self.console.note(f"  step {self.step}: loss {self.log.last('loss'):.4f}, {rate:.2f} steps/s")
            self.told_at, self.told_step = now, self.step

    def _outcome(self) -> Outcome:
        steps = max(1, self.timed_steps)
        return Outcome(
            step=self.step,
            finished=self.step == self.task.steps,
            metrics=self._last_metrics(),
            stage_milliseconds={name: 1e3 * value / steps for name, value in self.stage_seconds.items()},
            minutes=self.log.seconds_in_steps() / 60,
        )

    def _last_metrics(self) -> dict[str, float]:
        """The last validation's."""
        prefix = "validation_"
        names = {name for row in self.log.rows for name in row if name.startswith(prefix)}
        last = {name.removeprefix(prefix): self.log.last(name) for name in sorted(names)}
        return {name: value for name, value in last.items() if value is not None}
