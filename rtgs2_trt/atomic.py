"""Files and folders that are either whole or not there: written under a temporary name, then renamed.

Contents reach the disk before the new name does, so that a robot that loses power keeps the old file or the new one.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from .errors import InputError


@contextmanager
def atomic_file(path: str | Path, error: type[InputError] = InputError) -> Iterator[BinaryIO]:
    """Write a file that appears under its name only once it is whole.

    The binary file yielded has a temporary name in the same folder. On success it takes the place of `path`; on any
    exception it is removed and whatever was at `path` stays as it was.

    Raises:
        InputError: as the subclass `error`; the folder is missing, or the file cannot be written or replaced.
    """
    path = Path(path)
    try:
        target = path.resolve()  # through a link, the file that it points to is replaced, not the link
        replaceable = target.is_file() or not target.exists()
    except (OSError, ValueError, RuntimeError) as problem:  # RuntimeError: a loop of links, before Python 3.13
        raise error(f"cannot be written: {problem}", file=path, fix="Choose another path.") from problem
    if not replaceable:
        raise error("a folder or device has this name", file=path, fix="Choose another name for the file.")
    if not target.parent.is_dir():
        raise error("its folder does not exist", file=path, fix=f"Create the folder {target.parent} first.")
    temporary = _beside(target, "tmp")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except OSError as problem:
        reason = problem.strerror or problem
        raise error(f"cannot be written: {reason}", file=path, fix="Check permissions and free space.") from problem
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: str | Path, *, may_replace: Callable[[Path], bool]) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; rename it to `path` at the end, remove it on any failure.

    A folder that is already at `path` is replaced if ``may_replace(path)`` says so.

    Raises:
        FileExistsError: something is at `path` that may not be replaced.
    """
    target = Path(path).absolute()
    _check_replaceable(target, may_replace)
    temporary = _beside(target, "tmp")
    temporary.mkdir()
    try:
        yield temporary
        _flush_to_disk(temporary)
        _check_replaceable(target, may_replace)
        if target.exists():
            retired = _beside(target, "old")
            target.replace(retired)
            try:
                temporary.replace(target)
            except OSError:
                retired.replace(target)
                raise
            shutil.rmtree(retired, ignore_errors=True)
        else:
            temporary.replace(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _flush_to_disk(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def _check_replaceable(target: Path, may_replace: Callable[[Path], bool]) -> None:
    if (target.exists() or target.is_symlink()) and not may_replace(target):
        raise FileExistsError(f"{target} is in the way")


def _beside(target: Path, ending: str) -> Path:
    """A name that nothing has yet, in the same folder and so on the same disk."""
    return target.with_name(f".{target.name}.{uuid.uuid4().hex}.{ending}")
