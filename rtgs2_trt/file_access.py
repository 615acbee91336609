"""Opening input files and replacing output files, with errors that name the file."""

from __future__ import annotations

import os
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from rtgs2_trt.errors import InputError


@contextmanager
def reading(path: str | Path, error: type[InputError]) -> Iterator[tuple[BinaryIO, int]]:
    """Open a regular file for reading; yields the binary file and its size in bytes.

    Raises:
        InputError: as the subclass `error`; there is no such file, it is a folder or device, or it cannot be read.
    """
    path = Path(path)
    try:
        mode = path.stat().st_mode
    except FileNotFoundError as problem:
        raise error("there is no such file", file=path, fix="Check the path.") from problem
    except (OSError, ValueError) as problem:  # ValueError: a NUL character or an unencodable name
        raise error(f"cannot be read: {problem}", file=path, fix="Check the path and its permissions.") from problem
    if stat.S_ISDIR(mode):
        raise error("this is a folder, not a file", file=path, fix="Name a file in it.")
    if not stat.S_ISREG(mode):  # reading a pipe or device could block or never end
        raise error("this is not a regular file", file=path, fix="Copy its content into a file first.")
    try:
        with path.open("rb") as file:
            yield file, os.fstat(file.fileno()).st_size
    except OSError as problem:
        raise error(
            f"cannot be read: {problem}", file=path, fix="Check the file's permissions and its disk."
        ) from problem


@contextmanager
def replacing(path: str | Path, error: type[InputError]) -> Iterator[BinaryIO]:
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
    temporary = target.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("xb") as file:
            yield file
        temporary.replace(target)
    except OSError as problem:
        raise error(f"cannot be written: {problem}", file=path, fix="Check permissions and free space.") from problem
    finally:
        temporary.unlink(missing_ok=True)
