"""Decompression that cannot be made to take more memory than a real scene needs."""

from __future__ import annotations

import importlib
import io
import zlib
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from rtgs2_trt.errors import SceneError

MOST_EXPANSION = 100  # times; real scenes shrink by less than 10
FREE_BYTES = 64 << 20  # below this any expansion is taken: it cannot hurt
_INPUT = 1 << 18
_DAMAGED = "The file is damaged: copy, download or export it again."


def check_expansion(unpacked: int, packed: int, path: str | Path, field: str) -> None:
    """Refuse what claims to unpack to more than a scene of `packed` bytes could hold, before memory is taken for it.

    Raises:
        SceneError: names the file and both sizes.
    """
    if unpacked > max(FREE_BYTES, MOST_EXPANSION * packed):
        raise SceneError(
            "it would unpack to far more than a scene holds",
            file=path,
            field=field,
            found=f"{unpacked} bytes from {packed}",
            expected=f"at most {MOST_EXPANSION} times its size",
            fix="It is damaged or a decompression bomb. Export the scene again.",
        )


class ByteStream(Protocol):
    """Unpacked bytes in order."""

    def read(self, count: int) -> bytes | bytearray:
        """Return exactly `count` bytes; SceneError where there are fewer or they are damaged."""
        ...


class GzipStream:
    """The unpacked bytes of an open gzip file, from its start."""

    def __init__(self, file: BinaryIO, path: str | Path) -> None:
        self._file, self._path = file, path
        self._inflate = zlib.decompressobj(wbits=31)

    def read(self, count: int) -> bytes | bytearray:
        """Return exactly `count` bytes.

        Raises:
            SceneError: the stream ends early or is damaged.
        """
        unpacked = bytearray()
        while len(unpacked) < count:
            packed = self._inflate.unconsumed_tail or self._file.read(_INPUT)
            try:
                unpacked += self._inflate.decompress(packed, count - len(unpacked))
            except zlib.error as problem:
                raise SceneError(
                    f"damaged compressed data: {problem}", file=self._path, field="gzip", fix=_DAMAGED
                ) from problem
            if len(unpacked) < count and (not packed or self._inflate.eof):
                raise _ends_early(self._path, "gzip", len(unpacked), count)
        return unpacked


class ZstandardStream:
    """The unpacked bytes of one Zstandard stream of `packed` bytes at `start` of an open file."""

    def __init__(self, file: BinaryIO, start: int, packed: int, path: str | Path, field: str) -> None:
        self._path, self._field = path, field
        self._reader, self._errors = _zstandard_reader(io.BufferedReader(_Section(file, start, packed), _INPUT), path)

    def read(self, count: int) -> bytes | bytearray:
        """Return exactly `count` bytes.

        Raises:
            SceneError: the stream ends early or is damaged.
        """
        parts = bytearray()
        while len(parts) < count:
            try:
                part = self._reader.read(count - len(parts))
            except self._errors as problem:
                raise SceneError(
                    f"damaged compressed data: {problem}", file=self._path, field=self._field, fix=_DAMAGED
                ) from problem
            if not part:
                raise _ends_early(self._path, self._field, len(parts), count)
            if len(part) == count:  # nearly always all at once
                return part
            parts += part
        return parts


class _Section(io.RawIOBase):
    """`size` bytes of an open file from `start` on; several of them may take turns."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._file, self._at, self._end = file, start, start + size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._file.seek(self._at)
        data = self._file.read(min(len(buffer), self._end - self._at))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def _ends_early(path: str | Path, field: str, found: int, expected: int) -> SceneError:
    return SceneError(
        "the file ends early",
        file=path,
        field=field,
        found=f"{found} of the next {expected} unpacked bytes",
        fix="The file is incomplete: copy, download or export it again.",
    )


def _zstandard_reader(file: BinaryIO, path: str | Path) -> tuple[BinaryIO, tuple[type[Exception], ...]]:
    """Return what unpacks `file` as it is read, and its exceptions: of Python 3.14, or of the package zstandard."""
    try:
        module: Any = importlib.import_module("compression.zstd")
        return module.ZstdFile(file), (module.ZstdError, EOFError)
    except ImportError:
        pass
    try:
        module = importlib.import_module("zstandard")
    except ImportError as problem:
        raise SceneError(
            "SPZ version 4 is compressed with Zstandard, which Python has from 3.14 on",
            file=path,
            fix="Install the package: pip install zstandard.",
        ) from problem
    return module.ZstdDecompressor().stream_reader(file), (module.ZstdError, EOFError)
