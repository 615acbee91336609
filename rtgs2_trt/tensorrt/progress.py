"""TensorRT's progress monitor, and a build that Ctrl-C can end.

TensorRT calls the monitor from its own threads and must never see an exception; it ends a build where a step says so.
Python's signal handlers run in the main thread alone, so the build runs in another and the main one waits for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

_Result = TypeVar("_Result")

_WAIT = 0.2  # seconds between looks for Ctrl-C


class Phases(Protocol):
    """Where progress is shown; called from several threads."""

    def start(self, phase: str, parent: str | None, steps: int) -> None:
        """A phase of `steps` steps begins, inside `parent` if that is not None."""

    def step(self, phase: str, step: int) -> None:
        """Step number `step` of a phase is done."""

    def finish(self, phase: str) -> None:
        """A phase is over, however many of its steps were done."""


class NoPhases:
    """Shows nothing."""

    def start(self, phase: str, parent: str | None, steps: int) -> None:
        """See :class:`Phases`."""

    def step(self, phase: str, step: int) -> None:
        """See :class:`Phases`."""

    def finish(self, phase: str) -> None:
        """See :class:`Phases`."""


def make_monitor(module: Any, phases: Phases, cancelled: threading.Event) -> Any:
    """Return an ``IProgressMonitor`` that reports to `phases` and ends the build once `cancelled` is set."""

    class Monitor(module.IProgressMonitor):  # type: ignore[misc]
        """Hands TensorRT's phases on."""

        def __init__(self) -> None:
            module.IProgressMonitor.__init__(self)

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            """Called by TensorRT."""
            _quietly(phases.start, phase_name, parent_phase or None, num_steps)

        def step_complete(self, phase_name: str, step: int) -> bool:
            """Called by TensorRT; False ends the build."""
            _quietly(phases.step, phase_name, step)
            return not cancelled.is_set()

        def phase_finish(self, phase_name: str) -> None:
            """Called by TensorRT."""
            _quietly(phases.finish, phase_name)

    return Monitor()


def run_interruptible(work: Callable[[], _Result], cancelled: threading.Event) -> _Result:
    """Return what `work` returns, or raise what it raises; Ctrl-C sets `cancelled` and is raised once `work` has ended.

    A second Ctrl-C does not wait.
    """
    results: list[_Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # whatever it is, it belongs to the thread that waits
            errors.append(error)

    thread = threading.Thread(target=run, name="rtgs2-build", daemon=True)
    thread.start()
    try:
        _wait_for(thread)
    except KeyboardInterrupt:
        cancelled.set()
        _wait_for(thread)
        raise
    if errors:
        raise errors[0]
    return results[0]


def _wait_for(thread: threading.Thread) -> None:
    while thread.is_alive():
        thread.join(_WAIT)


def _quietly(report: Callable[..., None], *arguments: Any) -> None:
    try:
        report(*arguments)
    except Exception:  # an exception in a callback would end the process; progress is not worth that
        return
