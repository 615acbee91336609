"""What the command lines share: progress on standard error, results on standard output, exit codes."""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from .errors import BackendError, InputError, Rtgs2Error

BAD_INPUT = 2
FAILED = 1
INTERRUPTED = 130

_Item = TypeVar("_Item")

# What functions call an argument, and where its value is among a command's options.
_OPTIONS = {
    "between": "interpolate",
    "count": "orbit",
    "min_confidence": "min_confidence",
    "threads": "threads",
    "unknown_below": "unknown_below",
}


class Console:
    """Progress and results of one command.

    Args:
        quiet: show no progress.
        as_json: print the result as one JSON object instead of text.
    """

    def __init__(self, *, quiet: bool = False, as_json: bool = False) -> None:
        from rich.console import Console as RichConsole

        self.as_json, self._quiet = as_json, quiet
        self._progress = RichConsole(stderr=True, quiet=quiet, highlight=False)
        self._out = RichConsole(highlight=False, soft_wrap=True)
        self.seconds: dict[str, float] = {}
        self.warnings: list[str] = []

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Show that a step runs, and how long it took when it is done (kept in :attr:`seconds`)."""
        start = time.perf_counter()
        with self._progress.status(name):
            yield
        self.seconds[name] = time.perf_counter() - start
        self._progress.print(f"  [green]done[/green] {name}  [dim]{self.seconds[name]:.1f} s[/dim]")

    def track(self, items: Sequence[_Item], name: str) -> Iterable[_Item]:
        """Yield the items behind a progress bar."""
        from rich.progress import track

        start = time.perf_counter()
        yield from track(items, f"  {name}", console=self._progress)
        self.seconds[name] = time.perf_counter() - start

    @contextmanager
    def counted(self, total: int, name: str) -> Iterator[Callable[[], None]]:
        """Show a progress bar; what is yielded moves it on by one of `total`."""
        from rich.progress import Progress

        start = time.perf_counter()
        with Progress(console=self._progress) as progress:
            task = progress.add_task(f"  {name}", total=total)
            yield lambda: progress.advance(task)
        self.seconds[name] = time.perf_counter() - start

    @contextmanager
    def share(self, name: str) -> Iterator[Callable[[float], None]]:
        """Show a progress bar, and how long it took when it is done; what is yielded sets the share of 0..1."""
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        start = time.perf_counter()
        columns = (TextColumn("  {task.description}"), BarColumn(), TextColumn("{task.percentage:.0f} %"))
        with Progress(*columns, TimeElapsedColumn(), console=self._progress, transient=True) as progress:
            task = progress.add_task(name, total=1.0)
            yield lambda share: progress.update(task, completed=share)
        self.seconds[name] = time.perf_counter() - start
        self._progress.print(f"  [green]done[/green] {name}  [dim]{self.seconds[name]:.1f} s[/dim]")

    @contextmanager
    def phases(self, name: str) -> Iterator[ConsolePhases]:
        """Show phases inside phases, each with a bar; whatever reports them may do so from several threads."""
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        start = time.perf_counter()
        columns = (TextColumn("  {task.description}"), BarColumn(), TextColumn("{task.percentage:.0f} %"))
        with Progress(*columns, TimeElapsedColumn(), console=self._progress, transient=True) as progress:
            yield ConsolePhases(progress)
        self.seconds[name] = time.perf_counter() - start
        self._progress.print(f"  [green]done[/green] {name}  [dim]{self.seconds[name]:.1f} s[/dim]")

    def note(self, text: str) -> None:
        """Say something beside the result, on standard error."""
        self._progress.print(text, markup=False, soft_wrap=True)

    def warn(self, text: str) -> None:
        """Say what the user should know, on standard error, however quiet (kept in :attr:`warnings`)."""
        self.warnings.append(text)
        # A bar puts itself in the place of standard error, and passes on to its console, which may be quiet.
        print(
            f"warning: {text}", file=getattr(sys.stderr, "rich_proxied_file", sys.stderr) if self._quiet else sys.stderr
        )

    def result(self, values: dict[str, Any], text: str) -> None:
        """Print the result on standard output."""
        if self.as_json:
            print(json.dumps(values, indent=1))
        else:
            self._out.print(text, markup=False)


class ConsolePhases:
    """Bars of phases that run inside each other, by name."""

    def __init__(self, progress: Any) -> None:
        self._progress = progress
        self._tasks: dict[str, Any] = {}
        self._depths: dict[str, int] = {}

    def start(self, phase: str, parent: str | None, steps: int) -> None:
        """Show the bar of a phase of `steps` steps, under its parent's."""
        depth = 0 if parent is None else self._depths.get(parent, -1) + 1
        self._depths[phase] = depth
        self._tasks[phase] = self._progress.add_task(f"{'  ' * depth}{phase}", total=steps)

    def step(self, phase: str, step: int) -> None:
        """Move the bar of a phase on: step number `step` is done."""
        self._progress.update(self._tasks[phase], completed=step + 1)

    def finish(self, phase: str) -> None:
        """Take the bar of a phase away."""
        self._depths.pop(phase, None)
        self._progress.remove_task(self._tasks.pop(phase))


def check_folder(folder: Path, option: str) -> None:
    """Refuse a folder that is none, or that can be neither written to nor made, before work is done for it.

    Raises:
        InputError: names the folder and the option.
    """
    existing = folder.absolute()
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    if not existing.is_dir():
        raise InputError("is a file, not a folder", file=existing, field=option, fix="Give another folder")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise InputError("may not be written to", file=existing, field=option, fix="Give another folder")


def check_parent(path: str | Path, option: str) -> None:
    """Refuse a file whose folder is not there, or that cannot be written to, before work is done for it.

    Raises:
        InputError: names the folder and the option.
    """
    folder = Path(path).absolute().parent
    check_folder(folder, option)
    if not folder.is_dir():
        raise InputError("there is no such folder", file=folder, field=option, fix="Create it first")


def join_axis(argv: Sequence[str] | None) -> list[str]:
    """Return the arguments with ``--up -y`` written as ``--up=-y``: argparse takes ``-y`` for an option.

    ``--crop -1:1,...`` and ``--move -1,...`` likewise.
    """
    joined: list[str] = []
    for argument in sys.argv[1:] if argv is None else argv:
        axis = joined and joined[-1] == "--up" and argument in ("-x", "-y", "-z")
        if axis or (joined and joined[-1] in ("--crop", "--move") and re.match(r"-[\d.:]", argument)):
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


def add_console_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--quiet`` and ``--json``."""
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def image_size(text: str) -> tuple[int, int]:
    """Argument type: ``WIDTHxHEIGHT`` in pixels."""
    width, separator, height = text.lower().partition("x")
    if not (separator and width.isdecimal() and height.isdecimal() and 0 < int(width) <= 16384 >= int(height) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is no image size: write WIDTHxHEIGHT, for example 640x480")
    return int(width), int(height)


def run_command(command: Callable[[argparse.Namespace, Console], int | None], arguments: argparse.Namespace) -> int:
    """Run `command` and return the process's exit code.

    It is the command's own or 0, 2 for bad input, 1 for a failure, 130 when interrupted.
    """
    console = Console(quiet=arguments.quiet, as_json=arguments.json)
    try:
        with warnings.catch_warnings(), _terminated_like_interrupted():
            warnings.showwarning = lambda message, *_, **__: console.warn(str(message))
            return command(arguments, console) or 0
    except InputError as error:
        return _fail(_in_options(error, arguments), BAD_INPUT, arguments.json)
    except OSError as error:
        return _fail(error, BAD_INPUT, arguments.json)
    except (BackendError, Rtgs2Error, MemoryError) as error:
        return _fail(error, FAILED, arguments.json)
    except KeyboardInterrupt:
        print("interrupted; files that were written are whole", file=sys.stderr)
        return INTERRUPTED


@contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """Let SIGTERM clean up as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def _in_options(error: InputError, arguments: argparse.Namespace) -> InputError:
    """Return the error with the option that the user gave, where it names a function's argument."""
    option = _OPTIONS.get(error.field or "") if error.file is None else None
    if option is None or getattr(arguments, option, None) is None:
        return error
    field = f"--{option.replace('_', '-')}"
    return type(error)(error.problem, field=field, found=error.found, expected=error.expected, fix=error.fix)


def _fail(error: BaseException, code: int, as_json: bool) -> int:
    text = str(error) or type(error).__name__
    if isinstance(error, MemoryError):
        text = f"out of memory ({text}): use a smaller image or scene, or fewer threads"
    print(f"error: {text}", file=sys.stderr)
    if as_json:
        print(json.dumps({"error": {"type": type(error).__name__, "message": text}}))
    return code
