"""Opening and hashing input files, with errors that name the file."""

from __future__ import annotations

import hashlib
import os
import stat
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


def sha256_of(*paths: Path) -> str:
    """SHA-256 of files, one after the other, as 64 hexadecimal digits.

    Raises:
        OSError: a file cannot be read.
    """
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
