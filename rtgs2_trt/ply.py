"""The PLY container: header, columns of numbers, writing. What the columns mean is the business of `scene.py`.

Format: Turk, "The PLY Polygon File Format" (1994), with the sized type names (``float32`` ...) in use since.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from rtgs2_trt.atomic import atomic_file
from rtgs2_trt.errors import SceneError
from rtgs2_trt.file_access import reading

MAX_HEADER_BYTES = 1 << 20
_CHUNK_BYTES = 1 << 22  # rows are regrouped into columns in pieces that stay in the cache
_ASCII_CHUNK_ROWS = 1 << 14
_ASCII_NUMBER_BYTES = 512  # far more than any number takes; bounds the length of a line

_BYTE_ORDERS = {"ascii": "=", "binary_little_endian": "<", "binary_big_endian": ">"}
_TYPES = {
    **{"char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4"},
    **{"int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4"},
    **{"int64": "i8", "uint64": "u8", "float": "f4", "double": "f8", "float32": "f4", "float64": "f8"},
}
_TYPE_NAMES = {"f4": "float", "f8": "double", "i1": "char", "u1": "uchar", "i2": "short", "u2": "ushort"} | {
    "i4": "int",
    "u4": "uint",
}
_COPY_AGAIN = "The file is incomplete: copy, download or export it again."


@dataclass(frozen=True)
class Property:
    """A scalar property; ``type`` is a NumPy type code without byte order (``"f4"``), None for a list."""

    name: str
    type: str | None


@dataclass(frozen=True)
class Element:
    """An element of the header: `count` rows of `properties`."""

    name: str
    count: int
    properties: tuple[Property, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the properties, in file order."""
        return tuple(p.name for p in self.properties)

    @property
    def has_list(self) -> bool:
        """Whether rows differ in length because a property is a list."""
        return any(p.type is None for p in self.properties)


@dataclass(frozen=True)
class Header:
    """A parsed header. `size` is its length in bytes, where the body starts; `file_size` that of the whole file."""

    format: str
    elements: tuple[Element, ...]
    comments: tuple[str, ...]
    size: int
    file_size: int

    def element(self, name: str) -> Element | None:
        """Return the element called `name`, None if there is none."""
        return next((e for e in self.elements if e.name == name), None)


def read_header(path: str | Path) -> Header:
    """Read and check the header of a PLY file.

    Raises:
        SceneError: no such file, not a PLY, or a malformed, truncated or oversized header.
    """
    with reading(path, SceneError) as (file, size):
        return _parse_header(file, size, path)


def read_groups(
    path: str | Path, header: Header, element: str, groups: Mapping[str, Sequence[str]]
) -> dict[str, NDArray[np.float32]]:
    """Read properties of an element, several to an array.

    Args:
        path: the file `header` was read from.
        header: its header.
        element: name of an element of the header.
        groups: for each key, the names of the properties that become the columns of its array, in any order.

    Returns:
        for each key of `groups`, a C-contiguous (count, number of names) float32 array. Numbers of other types are
        converted; those beyond float32 become infinite.

    Raises:
        SceneError: the file is shorter than the header promises, or an ASCII row is malformed.
    """
    target = header.element(element)
    if target is None:
        raise SceneError(f"there is no element {element!r}", file=path)
    before = header.elements[: header.elements.index(target)]
    for other in (*before, target):
        if other.has_list:
            raise SceneError(
                "a list property before or in the wanted element cannot be skipped",
                file=path,
                field=f"element {other.name}",
                fix="Export the Gaussians without faces and lists.",
            )
    if header.format == "ascii":
        least = sum(e.count * 2 * len(e.properties) for e in (*before, target)) - 1  # a digit and a separator each
        start, row_bytes = header.size, 2 * len(target.properties)
    else:
        row_bytes = _row_type(header, target, ()).itemsize
        start = header.size + sum(e.count * _row_type(header, e, ()).itemsize for e in before)
        least = start - header.size + target.count * row_bytes
    # Before anything is allocated: the count comes from the file and cannot be trusted.
    if header.size + least > header.file_size:
        rows = max(0, header.file_size - start) // max(1, row_bytes)
        raise SceneError(
            "the file is shorter than its header promises",
            file=path,
            field=f"element {element}",
            found=f"{header.file_size - header.size} bytes of data, at most {rows} of {target.count} rows",
            expected=f"at least {least} bytes of data",
            fix=_COPY_AGAIN,
        )
    columns = {key: np.empty((target.count, len(names)), dtype=np.float32) for key, names in groups.items()}
    with reading(path, SceneError) as (file, _), np.errstate(over="ignore", invalid="ignore"):
        file.seek(start)
        if header.format == "ascii":
            _read_ascii(file, path, before, target, groups, columns)
        else:
            _read_binary(file, path, header, target, groups, columns)
    return columns


def write_ply(path: str | Path, columns: Mapping[str, NDArray[Any]], comments: Sequence[str] = ()) -> None:
    """Write one element ``vertex`` as binary little-endian PLY, whole or not at all.

    Args:
        path: the file; it appears under this name when it is complete.
        columns: name -> (N,) array, in the order of the file. The PLY type follows from the dtype.
        comments: header comments, one line each.

    Raises:
        SceneError: the file cannot be written.
        ValueError: columns of different lengths, a dtype that PLY lacks, or a line break in a comment.
    """
    lengths = {len(column) for column in columns.values()}
    if len(lengths) != 1:
        raise ValueError(f"columns must have one length, not {sorted(lengths)}")
    if any("\n" in comment or "\r" in comment for comment in comments):
        raise ValueError("a comment is one line")
    count = lengths.pop()
    types = {name: f"{column.dtype.kind}{column.dtype.itemsize}" for name, column in columns.items()}
    if not set(types.values()) <= set(_TYPE_NAMES):
        raise ValueError(f"PLY has no type for one of {sorted(set(types.values()))}")
    lines = ["ply", "format binary_little_endian 1.0", *(f"comment {comment}" for comment in comments)]
    lines += [f"element vertex {count}", *(f"property {_TYPE_NAMES[t]} {name}" for name, t in types.items())]
    row = np.dtype([(name, "<" + t) for name, t in types.items()])
    with atomic_file(path, SceneError) as file:
        file.write(("\n".join(lines) + "\nend_header\n").encode())
        step = max(1, _CHUNK_BYTES // row.itemsize)
        for first in range(0, count, step):
            rows = np.empty(min(step, count - first), dtype=row)
            for name, column in columns.items():
                rows[name] = column[first : first + step]
            file.write(rows.tobytes())


def _parse_header(file: BinaryIO, file_size: int, path: str | Path) -> Header:
    def refuse(problem: str, **details: Any) -> SceneError:
        return SceneError(problem, file=path, **details)

    if file_size == 0:
        raise refuse("the file is empty", fix=_COPY_AGAIN)
    if file.readline(16).rstrip(b"\r\n") != b"ply":
        raise refuse("not a PLY file", expected="'ply' in the first line", fix="Give a 3DGS point_cloud.ply.")
    formats: list[str] = []
    comments: list[str] = []
    elements: dict[str, tuple[int, list[Property]]] = {}
    properties: list[Property] = []
    while True:
        line = file.readline(MAX_HEADER_BYTES)
        if file.tell() > MAX_HEADER_BYTES:
            raise refuse("no end_header in the first MiB", fix="This is not a PLY file or it is damaged.")
        text = line.decode("utf-8", errors="replace").rstrip("\r\n")
        keyword, *words = text.split() or [""]
        if keyword == "end_header" and not words:
            break
        if not line.endswith(b"\n"):
            raise refuse("the header ends early", expected="a line end_header", fix=_COPY_AGAIN)
        if keyword == "comment":
            comments.append(text.strip()[len("comment") :].strip())
        elif keyword == "format" and len(words) == 2:
            formats.append(words[0])
            if words[0] not in _BYTE_ORDERS or words[1] != "1.0" or len(formats) > 1:
                raise refuse(
                    "unknown or repeated format",
                    found=repr(text[:80]),
                    expected=" or ".join(_BYTE_ORDERS) + ", version 1.0",
                    fix="Export it as binary_little_endian 1.0.",
                )
        elif keyword == "element" and len(words) == 2 and re.fullmatch("[0-9]{1,18}", words[1]):
            if words[0] in elements:
                raise refuse("an element appears twice", field=f"element {words[0][:80]}", fix="Export it again.")
            properties = []
            elements[words[0]] = (int(words[1]), properties)
        elif keyword == "property" and elements and _is_property(words):
            properties.append(Property(words[-1], None if words[0] == "list" else _TYPES[words[0]]))
        elif keyword != "obj_info":
            raise refuse("a header line makes no sense", found=repr(text[:80]), fix="Export the file again.")
    if not formats:
        raise refuse("the header names no format", expected="a line format ... 1.0", fix="Export the file again.")
    for name, (_, properties) in elements.items():
        seen: set[str] = set()
        for p in properties:
            if p.name in seen:
                raise refuse(
                    "a property appears twice",
                    field=f"{name[:80]}.{p.name[:80]}",
                    fix="Export it again with each property once.",
                )
            seen.add(p.name)
    return Header(
        format=formats[0],
        elements=tuple(Element(name, count, tuple(properties)) for name, (count, properties) in elements.items()),
        comments=tuple(comments),
        size=file.tell(),
        file_size=file_size,
    )


def _is_property(words: Sequence[str]) -> bool:
    if words[:1] == ["list"]:
        return len(words) == 4 and words[1] in _TYPES and words[2] in _TYPES
    return len(words) == 2 and words[0] in _TYPES


def _row_type(header: Header, element: Element, names: Sequence[str]) -> np.dtype[Any]:
    """Return the type of a binary row, with the fields `names` only."""
    order = _BYTE_ORDERS[header.format]
    types = {p.name: np.dtype(order + (p.type or "V0")) for p in element.properties}
    offsets = dict(zip(types, np.cumsum([0, *(t.itemsize for t in types.values())]).tolist(), strict=False))
    return np.dtype(
        {
            "names": list(names),
            "formats": [types[name] for name in names],
            "offsets": [offsets[name] for name in names],
            "itemsize": sum(t.itemsize for t in types.values()),
        }
    )


def _read_binary(
    file: BinaryIO,
    path: str | Path,
    header: Header,
    element: Element,
    groups: Mapping[str, Sequence[str]],
    columns: dict[str, NDArray[np.float32]],
) -> None:
    row = _row_type(header, element, sorted({name for names in groups.values() for name in names}))
    step = max(1, _CHUNK_BYTES // row.itemsize)
    for first in range(0, element.count, step):
        wanted = min(step, element.count - first)
        rows = np.fromfile(file, dtype=row, count=wanted)
        if len(rows) != wanted:  # the file shrank since its size was checked
            raise _too_few_rows(path, element, first + len(rows))
        for key, names in groups.items():
            for i, name in enumerate(names):
                columns[key][first : first + wanted, i] = rows[name]


def _read_ascii(
    file: BinaryIO,
    path: str | Path,
    before: Sequence[Element],
    element: Element,
    groups: Mapping[str, Sequence[str]],
    columns: dict[str, NDArray[np.float32]],
) -> None:
    width = len(element.properties)
    position = {name: i for i, name in enumerate(element.names)}
    # Elements without properties take no line that could be told from an empty one.
    skipped = sum(e.count for e in before if e.properties)
    lines = _ascii_lines(file, path, max(len(e.properties) for e in (*before, element)))
    for _ in islice(lines, skipped):
        pass
    for first in range(0, element.count, _ASCII_CHUNK_ROWS):
        wanted = min(_ASCII_CHUNK_ROWS, element.count - first)
        rows = list(islice(lines, wanted))
        numbers = _parse_rows(rows, width, first, path)
        if len(rows) != wanted:
            raise _too_few_rows(path, element, first + len(rows))
        for key, names in groups.items():
            columns[key][first : first + wanted] = numbers[:, [position[name] for name in names]]


def _ascii_lines(file: BinaryIO, path: str | Path, columns: int) -> Iterator[str]:
    """Yield the lines that are not blank."""
    limit = _ASCII_NUMBER_BYTES * max(1, columns)
    while line := file.readline(limit):
        if len(line) == limit:
            raise SceneError(
                "an ASCII row is far too long", file=path, expected=f"{columns} numbers", fix="Export the file again."
            )
        if text := line.decode("latin-1").strip():
            yield text


def _parse_rows(rows: list[str], width: int, first: int, path: str | Path) -> NDArray[np.float64]:
    if not rows:
        return np.empty((0, width))
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


def _too_few_rows(path: str | Path, element: Element, rows: int) -> SceneError:
    return SceneError(
        "the file ends early",
        file=path,
        field=f"element {element.name}",
        found=f"{rows} rows",
        expected=f"{element.count} rows",
        fix=_COPY_AGAIN,
    )
