"""The PLY container: header, rows, writing. Which columns make a scene is the business of `scene.py`.

Format: Turk, "The PLY Polygon File Format" (1994), with the sized type names (``float32`` ...) in use since.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from rtgs2_trt import _native
from rtgs2_trt.atomic import atomic_file
from rtgs2_trt.errors import SceneError
from rtgs2_trt.file_access import reading
from rtgs2_trt.ply_ascii import ascii_rows

StoredAs = Literal["number", "logarithm", "logit", "quaternion"]

Problem = Literal["NaN or infinite values", "zero quaternions", "negative scales"]

MAX_HEADER_BYTES = 1 << 20
_MAX_LINE = 512  # of the header, comments apart
MAX_PROPERTIES = 4096  # of all elements together; a 3DGS scene with features has about a hundred
_PART_BYTES = 1 << 28  # read without a look at the caller
_CHUNK_BYTES = 1 << 19  # columns are regrouped into rows in pieces that stay in the cache

_FORMATS = ("ascii", "binary_little_endian", "binary_big_endian")
_TYPES = {
    **{"char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4"},
    **{"int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4"},
    **{"int64": "i8", "uint64": "u8", "float": "f4", "double": "f8", "float32": "f4", "float64": "f8"},
}
_TYPE_NAMES = {"f4": "float", "f8": "double", "i1": "char", "u1": "uchar", "i2": "short", "u2": "ushort"} | {
    "i4": "int",
    "u4": "uint",
    "i8": "int64",
    "u8": "uint64",
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
    def row_bytes(self) -> int:
        """Bytes that a row takes in a binary file, lists apart."""
        return sum(_size(p) for p in self.properties)

    @property
    def offsets(self) -> dict[str, tuple[int, str]]:
        """Where in a binary row each property starts, in bytes, and its NumPy type code; lists apart."""
        starts = accumulate((_size(p) for p in self.properties), initial=0)
        return {p.name: (start, p.type) for p, start in zip(self.properties, starts, strict=False) if p.type}

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


@dataclass(frozen=True)
class OpenPly:
    """An open PLY file. Header and rows come from the same file, even if another one takes its name meanwhile."""

    path: str | Path
    file: BinaryIO
    header: Header


@contextmanager
def open_ply(path: str | Path) -> Iterator[OpenPly]:
    """Open a PLY file; its header is read and checked.

    Raises:
        SceneError: no such file, not a PLY, or a malformed, truncated or oversized header.
    """
    with reading(path, SceneError) as (file, size):
        yield opened_ply(path, file, size)


def opened_ply(path: str | Path, file: BinaryIO, size: int) -> OpenPly:
    """Return a PLY file of `size` bytes that is open at its start; raises as :func:`open_ply`."""
    return OpenPly(path, file, _parse_header(file, size, path))


def read_header(path: str | Path) -> Header:
    """Return the header of a PLY file; raises as :func:`open_ply`."""
    with open_ply(path) as source:
        return source.header


@dataclass(frozen=True)
class Columns:
    """Properties that become the columns of one array, in any order.

    `stored_as` says what the file holds: a "number" is taken as it is, of a "logarithm" the exponential (clipped to
    -87..88 before, so that it is a normal, finite float32), of a "logit" the sigmoid (clipped to -104..104: infinite
    ones are 0 and 1), and a "quaternion" is normalised unless its norm is 1 up to 1e-6.
    """

    names: tuple[str, ...]
    stored_as: StoredAs = "number"


@dataclass(frozen=True)
class Fault:
    """`count` rows cannot be used because of `field`; `first` is the lowest index among them."""

    field: str
    problem: Problem
    count: int
    first: int


@dataclass(frozen=True)
class Rows:
    """The rows of an element.

    Attributes:
        arrays: for each key that was asked for, a C-contiguous (count, columns) float32 array.
        faults: what is wrong with values: those that are not finite by property, then quaternions.
        unusable: (count,) rows that a fault concerns, None if there are none. Their values mean nothing.
    """

    arrays: dict[str, NDArray[np.float32]]
    faults: tuple[Fault, ...]
    unusable: NDArray[np.bool_] | None


def read_rows(
    source: OpenPly,
    element: str,
    arrays: Mapping[str, Columns],
    *,
    threads: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Rows:
    """Read properties of an element, several to an array, with C++ threads if the file is binary.

    Beyond the result a few hundred KiB a thread are taken for a binary file, some MB for an ASCII one.

    Args:
        source: the file.
        element: name of an element of its header.
        arrays: the array to make for each key.
        threads: threads to use, 0 = all that the machine has. The result does not depend on it.
        progress: called with the rows that are done and all of them, about every 256 MB; what it raises ends the
            reading.

    Returns:
        the arrays and what is wrong with them. Numbers of other types are converted to float32; those beyond it are
        not finite.

    Raises:
        SceneError: the file is shorter than the header promises or too large for the memory, or an ASCII row is
            malformed.
    """
    path, file, header = source.path, source.file, source.header
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
        row_bytes = target.row_bytes
        start = header.size + sum(e.count * e.row_bytes for e in before)
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
    try:
        values = {key: np.empty((target.count, len(c.names)), dtype=np.float32) for key, c in arrays.items()}
    except MemoryError as problem:
        raise SceneError(
            "too large for the memory of this machine",
            file=path,
            field=f"element {element}",
            found=f"{target.count} rows",
            fix="Prune the scene, or load it on a machine with more memory.",
        ) from problem
    is_ascii = header.format == "ascii"
    # Text becomes rows of float64 first.
    offsets = {p.name: (8 * i, "f8") for i, p in enumerate(target.properties)} if is_ascii else target.offsets
    decoder = _native.PlyDecoder(
        8 * len(target.properties) if is_ascii else row_bytes,
        sys.byteorder == "big" if is_ascii else header.format == "binary_big_endian",
        target.count,
        [(values[key], c.stored_as, [offsets[name] for name in c.names]) for key, c in arrays.items()],
    )
    if not is_ascii:
        step = max(1, _PART_BYTES // max(1, row_bytes))
        complete = True
        for first in range(0, target.count, step):  # Ctrl-C is heard between two parts
            progress(first, target.count)
            if not decoder.read(file.fileno(), start, first, min(step, target.count - first), threads):
                complete = False
                break
        found = max(0, os.fstat(file.fileno()).st_size - start) // row_bytes
    else:
        file.seek(start)
        # Elements without properties take no line that could be told from an empty one.
        skipped = [(e.name, e.count, len(e.properties)) for e in before if e.properties]
        width = len(target.properties)
        found = 0
        for block in ascii_rows(file, path, before=skipped, element=element, count=target.count, width=width):
            decoder.decode(block.reshape(-1).view(np.uint8), found)
            found += len(block)
            progress(found, target.count)
        complete = found == target.count
    if not complete:  # the file shrank since its size was checked, or its text is shorter than it could be
        raise SceneError(
            "the file ends early",
            file=path,
            field=f"element {element}",
            found=f"{found} rows",
            expected=f"{target.count} rows",
            fix=_COPY_AGAIN,
        )
    return Rows(values, tuple(_faults(decoder, arrays)), decoder.unusable())


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
    with atomic_file(path, SceneError) as file:
        write_columns(file, columns, comments)


def write_columns(target: BinaryIO, columns: Mapping[str, NDArray[Any]], comments: Sequence[str] = ()) -> None:
    """Write to an open file what :func:`write_ply` writes to a path; raises ValueError as it does."""
    lengths = {len(column) for column in columns.values()}
    if len(lengths) != 1:
        raise ValueError(f"columns must have one length, not {sorted(lengths)}")
    count = lengths.pop()
    types = {name: f"{column.dtype.kind}{column.dtype.itemsize}" for name, column in columns.items()}
    target.write(header_text("binary_little_endian", comments, "vertex", count, types))
    row = np.dtype([(name, "<" + t) for name, t in types.items()])
    step = max(1, _CHUNK_BYTES // row.itemsize)
    for first in range(0, count, step):
        rows = np.empty(min(step, count - first), dtype=row)
        for name, column in columns.items():
            rows[name] = column[first : first + step]
        target.write(rows.view(np.uint8).data)


def header_text(format: str, comments: Sequence[str], element: str, count: int, types: Mapping[str, str]) -> bytes:
    """Return the header of a file with one element.

    Args:
        format: of the rows.
        comments: one line each.
        element: its name.
        count: its rows.
        types: NumPy type code without byte order of each property, in the order of the file.

    Raises:
        ValueError: a type that PLY lacks, or a line break in a comment.
    """
    if any("\n" in comment or "\r" in comment for comment in comments):
        raise ValueError("a comment is one line")
    if not set(types.values()) <= set(_TYPE_NAMES):
        raise ValueError(f"PLY has no type for one of {sorted(set(types.values()))}")
    lines = ["ply", f"format {format} 1.0", *(f"comment {comment}" for comment in comments)]
    lines += [f"element {element} {count}", *(f"property {_TYPE_NAMES[t]} {name}" for name, t in types.items())]
    return ("\n".join(lines) + "\nend_header\n").encode()


class Writable(Protocol):
    """What bytes can be written to."""

    def write(self, data: bytes, /) -> int:
        """Write all of `data` and return its length."""


def write_more_columns(
    source: OpenPly,
    target: Writable,
    element: str,
    columns: Mapping[str, NDArray[Any]],
    keep: NDArray[np.bool_] | None = None,
) -> None:
    """Copy an element of a binary file, its rows byte for byte, with more properties behind those that it has.

    Properties that the element already has under these names are left out where they were. Comments and byte order
    stay. Some hundred KiB are held at a time.

    Args:
        source: a file that is not ASCII; the element and those before it have no lists.
        target: what is written to.
        element: its name. Other elements are not copied.
        columns: name -> (rows,) array.
        keep: (rows,) rows to copy, None for all.

    Raises:
        SceneError: the file ends early, or its rows have lists.
        ValueError: columns of another length, an ASCII file, or no such element.
    """
    header = source.header
    old = header.element(element)
    if old is None or header.format == "ascii":
        raise ValueError(f"no binary element {element!r}")
    before = header.elements[: header.elements.index(old)]
    if any(len(column) != old.count for column in columns.values()):
        raise ValueError("columns of another length")
    if any(e.has_list for e in (*before, old)):
        raise SceneError("rows with lists cannot be copied", file=source.path, field=f"element {element}")
    order = ">" if header.format == "binary_big_endian" else "<"
    read = np.dtype([(p.name, order + str(p.type)) for p in old.properties])
    kept = {p.name: str(p.type) for p in old.properties if p.name not in columns}
    types = kept | {name: f"{column.dtype.kind}{column.dtype.itemsize}" for name, column in columns.items()}
    count = old.count if keep is None else int(np.count_nonzero(keep))
    comments = [comment.replace("\r", " ") for comment in header.comments]
    target.write(header_text(header.format, comments, element, count, types))
    write = np.dtype([(name, order + type_) for name, type_ in types.items()])
    source.file.seek(header.size + sum(e.count * e.row_bytes for e in before))
    step = max(1, _CHUNK_BYTES // write.itemsize)
    for first in range(0, old.count, step):
        size = min(step, old.count - first)
        data = source.file.read(size * read.itemsize)
        if len(data) < size * read.itemsize:
            raise SceneError("the file ends early", file=source.path, field=f"element {element}", fix=_COPY_AGAIN)
        rows = np.empty(size, write)
        found = np.frombuffer(data, read)
        for name in kept:
            rows[name] = found[name]
        for name, column in columns.items():
            rows[name] = column[first : first + size]
        target.write((rows if keep is None else rows[keep[first : first + size]]).tobytes())


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
    property_count = 0
    line_number = 1
    while True:
        line_number += 1
        here = f"header line {line_number}"
        line = file.readline(MAX_HEADER_BYTES)
        if file.tell() > MAX_HEADER_BYTES:
            raise refuse(
                "no end_header in the first MiB", field=here, fix="The file is damaged: copy or export it again."
            )
        text = line.decode("utf-8", errors="replace").rstrip("\r\n")
        keyword, *words = text.split() or [""]
        if keyword == "end_header" and not words:
            break
        if not line.endswith(b"\n"):
            raise refuse("the header ends early", field=here, expected="a line end_header", fix=_COPY_AGAIN)
        if keyword == "comment":
            comments.append(text.strip()[len("comment") :].strip())
            continue
        if keyword == "obj_info":
            continue
        if len(line) > _MAX_LINE:
            raise refuse(
                "a header line is far too long", field=here, found=repr(text[:80]), fix="Export the file again."
            )
        if keyword == "format" and len(words) == 2:
            formats.append(words[0])
            if words[0] not in _FORMATS or words[1] != "1.0" or len(formats) > 1:
                raise refuse(
                    "unknown or repeated format",
                    field=here,
                    found=repr(text[:80]),
                    expected=" or ".join(_FORMATS) + ", version 1.0",
                    fix="Export it as binary_little_endian 1.0.",
                )
        elif keyword == "element" and len(words) == 2:
            field = f"element {words[0][:80]}"
            if words[0] in elements:
                raise refuse("an element appears twice", field=field, fix="Export it again.")
            if not re.fullmatch("[0-9]{1,18}", words[1]):
                raise refuse(
                    "not a number of rows",
                    field=field,
                    found=repr(words[1][:80]),
                    expected="a whole number from 0 to 10^18",
                    fix="Export the file again.",
                )
            properties = []
            elements[words[0]] = (int(words[1]), properties)
        elif keyword == "property" and elements and len(words) == (4 if words[:1] == ["list"] else 2):
            field = f"{next(reversed(elements))[:80]}.{words[-1][:80]}"
            types = words[1:3] if words[0] == "list" else words[:1]
            unknown = next((t for t in types if t not in _TYPES), None)
            if unknown is not None:
                raise refuse(
                    "unknown type of a property",
                    field=field,
                    found=repr(unknown[:80]),
                    expected=f"one of {', '.join(_TYPES)}",
                    fix="Export the file again, with floats.",
                )
            property_count += 1
            if property_count > MAX_PROPERTIES:
                raise refuse(
                    "too many properties",
                    field=field,
                    expected=f"at most {MAX_PROPERTIES}",
                    fix="Export the scene with the properties of 3DGS only.",
                )
            properties.append(Property(words[-1], None if words[0] == "list" else _TYPES[words[0]]))
        else:
            raise refuse(
                "a header line makes no sense", field=here, found=repr(text[:80]), fix="Export the file again."
            )
    if not formats:
        raise refuse(
            "the header names no format", field="format", expected="a line format ... 1.0", fix="Export the file again."
        )
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


def _size(p: Property) -> int:
    return int(p.type[1]) if p.type else 0


def _faults(decoder: _native.PlyDecoder, arrays: Mapping[str, Columns]) -> Iterator[Fault]:
    faults = list(zip(arrays.values(), decoder.faults(), strict=True))
    for columns, (by_column, _) in faults:
        for name, (count, first) in zip(columns.names, by_column, strict=True):
            if count:
                yield Fault(name, "NaN or infinite values", count, first)
    for columns, (_, (count, first)) in faults:
        if count:
            yield Fault(f"{columns.names[0]}..{columns.names[-1][-1]}", "zero quaternions", count, first)
