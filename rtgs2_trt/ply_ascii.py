"""The rows of ASCII PLY files as numbers, some thousands or MB at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from rtgs2_trt.errors import SceneError, shown

# A block ends with either.
_BLOCK_NUMBERS = 1 << 16
_BLOCK_BYTES = 1 << 21
_NUMBER_BYTES = 512  # far more than any number takes; bounds the length of a line
_BLANK_LINES = 1000  # of an element, beyond one a row


def ascii_rows(
    file: BinaryIO, path: str | Path, *, before: Sequence[tuple[str, int, int]], element: str, count: int, width: int
) -> Iterator[NDArray[np.float64]]:
    """Yield blocks (rows, width) of the rows of an element, in order.

    Args:
        file: positioned after the header.
        path: its name, for errors.
        before: name, number of rows and numbers in a row of the elements before, which are skipped.
        element: name of the element.
        count: its rows. Where the file has fewer, fewer are yielded.
        width: numbers in a row.

    Raises:
        SceneError: a row that is malformed or far too long, or far too many blank lines.
    """
    for skipped in before:
        for _ in _lines(file, path, *skipped):
            pass
    first, size = 0, 0
    rows: list[str] = []
    for line in _lines(file, path, element, count, width):
        rows.append(line)
        size += len(line)
        if len(rows) * width >= _BLOCK_NUMBERS or size >= _BLOCK_BYTES:
            yield _parse_rows(rows, width, first, element, path)
            first, size, rows = first + len(rows), 0, []
    if rows:
        yield _parse_rows(rows, width, first, element, path)


def _lines(file: BinaryIO, path: str | Path, element: str, count: int, width: int) -> Iterator[str]:
    """Yield the next `count` lines that are not blank."""
    limit = _NUMBER_BYTES * max(1, width)
    row = blank = 0
    while row < count and (line := file.readline(limit)):
        if len(line) == limit:
            raise SceneError(
                "an ASCII row is far too long",
                file=path,
                field=f"{element[:80]} {row}",
                found=shown(line),
                expected=f"{width} numbers",
                fix="Export the file again.",
            )
        if text := line.decode("latin-1").strip():
            yield text
            row += 1
        elif (blank := blank + 1) > _BLANK_LINES + row:
            raise SceneError(
                "far too many blank lines",
                file=path,
                field=f"{element[:80]} {row}",
                found=f"{blank} of them",
                expected="rows",
                fix="Export the file again.",
            )


def _parse_rows(rows: list[str], width: int, first: int, element: str, path: str | Path) -> NDArray[np.float64]:
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
                field=f"{element[:80]} {index}",
                found=f"{len(values)} values" if wrong is None else f"{wrong[:40]!r} among {len(values)} values",
                expected=f"{width} numbers",
                fix="Export the file again.",
            )
    raise SceneError(
        "ASCII rows that cannot be read as numbers",
        file=path,
        field=f"{element[:80]} {first} to {first + len(rows) - 1}",
        fix="Export the file again.",
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.isascii() and "_" not in text
