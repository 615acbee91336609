"""The rows of ASCII PLY files as numbers, some thousands at a time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from rtgs2_trt.errors import SceneError

_CHUNK_NUMBERS = 1 << 16  # with their text some MB
_NUMBER_BYTES = 512  # far more than any number takes; bounds the length of a line


def ascii_rows(
    file: BinaryIO, path: str | Path, *, skipped: int, longest: int, count: int, width: int
) -> Iterator[NDArray[np.float64]]:
    """Yield blocks (rows, width) of the rows of an element, in order.

    Args:
        file: positioned after the header.
        path: its name, for errors.
        skipped: lines of the elements before.
        longest: the most numbers that a line may have, of any of these elements.
        count: rows of the element. Where the file has fewer, fewer are yielded.
        width: numbers in a row.

    Raises:
        SceneError: a row that is malformed or far too long.
    """
    lines = _lines(file, path, longest)
    for _ in islice(lines, skipped):
        pass
    step = max(1, _CHUNK_NUMBERS // max(1, width))
    for first in range(0, count, step):
        rows = list(islice(lines, min(step, count - first)))
        if not rows:
            return
        yield _parse_rows(rows, width, first, path)


def _lines(file: BinaryIO, path: str | Path, columns: int) -> Iterator[str]:
    """Yield the lines that are not blank."""
    limit = _NUMBER_BYTES * max(1, columns)
    while line := file.readline(limit):
        if len(line) == limit:
            raise SceneError(
                "an ASCII row is far too long", file=path, expected=f"{columns} numbers", fix="Export the file again."
            )
        if text := line.decode("latin-1").strip():
            yield text


def _parse_rows(rows: list[str], width: int, first: int, path: str | Path) -> NDArray[np.float64]:
    try:
        numbers = np.loadtxt(rows, dtype=np.float64, comments=None, ndmin=2)
        if numbers.shape == (len(rows), width):
            return numbers
    except ValueError:
        pass  # the loop below finds the row to name
    for index, row in enumerate(rows, start=first):
        values = row.split()
        wrong = next((value for value in values if not _is_number(value)), None)
        if len(values) != width or wrong is not None:
            raise SceneError(
                "a malformed ASCII row",
                file=path,
                field=f"vertex {index}",
                found=f"{len(values)} values" if wrong is None else f"{wrong[:40]!r} among {len(values)} values",
                expected=f"{width} numbers",
                fix="Export the file again.",
            )
    raise SceneError(
        "ASCII rows that cannot be read as numbers",
        file=path,
        field=f"vertex {first} to {first + len(rows) - 1}",
        fix="Export the file again.",
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.isascii() and "_" not in text
