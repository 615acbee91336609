"""Files and folders that are either whole or not there: written under a temporary name, then renamed."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_file(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`; rename it to `path` at the end, remove it on any failure."""
    target = Path(path)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: str | Path, *, may_replace: Callable[[Path], bool]) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; rename it to `path` at the end, remove it on any failure.

    A folder that is already at `path` is replaced if ``may_replace(path)`` says so.

    Raises:
        FileExistsError: something is at `path` that may not be replaced.
    """
    target = Path(path)
    _check_replaceable(target, may_replace)
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent))
    try:
        yield temporary
        temporary.chmod(0o777 & ~_umask())
        _check_replaceable(target, may_replace)
        if target.exists():
            retired = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".old", dir=target.parent))
            target.replace(retired)
            temporary.replace(target)
            shutil.rmtree(retired, ignore_errors=True)
        else:
            temporary.replace(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _check_replaceable(target: Path, may_replace: Callable[[Path], bool]) -> None:
    if (target.exists() or target.is_symlink()) and not may_replace(target):
        raise FileExistsError(f"{target} is in the way")


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
