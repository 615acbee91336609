"""``.spz`` (Niantic): bytes by attribute, packed with gzip (versions 1 to 3) or Zstandard (version 4).

Files hold right-up-back axes; readers and writers of PLY turn them to right-down-front, half a turn about x, so that an
SPZ and the PLY that it was made of hold the same world. So does this one.
"""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from rtgs2_trt import _native
from rtgs2_trt.atomic import atomic_file
from rtgs2_trt.errors import SceneError
from rtgs2_trt.scene_files.block_pool import BlockPool
from rtgs2_trt.scene_files.gaussian_arrays import ANTIALIASED, GaussianArrays, allocated, blocks, checked
from rtgs2_trt.scene_files.packed_streams import ByteStream, GzipStream, ZstandardStream, check_expansion
from rtgs2_trt.scene_files.read_progress import ReadProgress
from rtgs2_trt.scene_files.smallest_three import smallest_of_rotations
from rtgs2_trt.spherical_harmonics import sh_basis

if TYPE_CHECKING:
    from rtgs2_trt.scene import Scene

MAGIC = b"NGSP"
GZIP_MAGIC = b"\x1f\x8b"
_HEADER = struct.Struct("<4sIIBBBB")
_HEADER_4 = struct.Struct("<4sIIBBBBI12x")
_STREAM = struct.Struct("<QQ")
_ANTIALIASED, _EXTENSIONS = 1, 2
_COLOUR_SCALE = 0.15
_FRACTIONAL_BITS = 12
_STREAMS = ("positions", "alphas", "colors", "scales", "rotations", "sh")
_EXPORT_AGAIN = "Export it again, for example with Niantic's ply_to_spz."
_DEGREE_4 = "its spherical harmonics have degree 4, of which the rasteriser of RT-GS2 draws degree 3"


@dataclass(frozen=True)
class _Layout:
    """What the header says."""

    version: int
    count: int
    degree: int
    fractional_bits: int
    flags: int

    @property
    def row_bytes(self) -> tuple[int, ...]:
        """Bytes a Gaussian takes in each of `_STREAMS`."""
        position = 6 if self.version == 1 else 9
        rotation = 3 if self.version < 3 else 4
        return position, 1, 3, 3, rotation, 3 * ((self.degree + 1) ** 2 - 1)


def read(file: BinaryIO, size: int, path: str | Path, threads: int, progress: ReadProgress) -> GaussianArrays:
    """Read the Gaussians of an open ``.spz`` file of `size` bytes: starts with gzip's mark or ``NGSP``.

    Raises:
        SceneError: not an SPZ inside, an unknown version, a count that the file cannot hold, or it ends early.
    """
    file.seek(0)
    if file.read(4) == MAGIC:
        layout, streams = _zstandard_streams(file, size, path)
    else:
        file.seek(0)
        stream = GzipStream(file, path)
        layout = _gzip_layout(stream.read(_HEADER.size), path)
        check_expansion(layout.count * sum(layout.row_bytes), size, path, "numPoints")
        streams = [stream] * len(_STREAMS)
    unfaithful = (ANTIALIASED,) * bool(layout.flags & _ANTIALIASED) + (_DEGREE_4,) * (layout.degree == 4)
    arrays = allocated(layout.count, min(16, (layout.degree + 1) ** 2), path)
    _read_streams(layout, streams, arrays, threads, progress)
    return checked(replace(arrays, unfaithful=unfaithful), threads)


def write(scene: Scene, path: Path) -> None:
    """Write a scene as ``.spz`` version 3, which every reader of today takes; features are left out.

    Positions are kept to 1/8192 of a unit within 2048 units, log scales to 1/32 within -10 to 5.9, rotations to 0.3
    degrees (half of them to 0.1), opacities to 1/510, spherical harmonics to 1/32 (degree 1) and 1/16 within -1 to 1.

    Raises:
        SceneError: a Gaussian is farther than 2048 units from the origin, or the file cannot be written.
    """
    limit = (1 << 23) / (1 << _FRACTIONAL_BITS)
    farthest = float(np.abs(scene.means).max())
    if farthest >= limit:
        raise SceneError(
            "SPZ cannot hold positions so far from the origin",
            file=path,
            field="means",
            found=farthest,
            expected=f"less than {limit:g}",
            fix="Crop the scene or leave out its floaters first.",
        )
    degree = scene.sh_degree
    with (
        atomic_file(path, SceneError) as raw,
        gzip.GzipFile(fileobj=raw, mode="wb", filename="", mtime=0, compresslevel=6) as file,
    ):
        file.write(_HEADER.pack(MAGIC, 3, len(scene), degree, _FRACTIONAL_BITS, 0, 0))
        for name in _STREAMS if degree else _STREAMS[:-1]:
            for rows in blocks(len(scene)):
                file.write(_ENCODERS[name](scene, rows).tobytes())


def _gzip_layout(header: bytes | bytearray, path: str | Path) -> _Layout:
    magic, version, count, degree, bits, flags, _ = _HEADER.unpack(header)
    if magic != MAGIC:
        raise SceneError(
            "a gzip file, but no SPZ in it",
            file=path,
            field="magic",
            found=repr(magic),
            expected=repr(MAGIC),
            fix="Unpack it first if it is something else, such as a .ply.gz.",
        )
    return _checked_layout(_Layout(version, count, degree, bits, flags), (1, 2, 3), path)


def _checked_layout(layout: _Layout, versions: tuple[int, ...], path: str | Path) -> _Layout:
    for field, value, allowed in (
        ("version", layout.version, versions),
        ("shDegree", layout.degree, tuple(range(5))),
        ("fractionalBits", layout.fractional_bits, tuple(range(24))),
    ):
        if value not in allowed:
            expected = f"{allowed[0]} to {allowed[-1]}" if len(allowed) > 1 else str(allowed[0])
            raise SceneError(
                "not an SPZ of a version that is known here",
                file=path,
                field=field,
                found=value,
                expected=expected,
                fix=_EXPORT_AGAIN,
            )
    if layout.count == 0:
        raise SceneError("there are no Gaussians in it", file=path, field="numPoints", found=0, fix=_EXPORT_AGAIN)
    return layout


def _zstandard_streams(file: BinaryIO, size: int, path: str | Path) -> tuple[_Layout, list[ByteStream]]:
    file.seek(0)
    header = file.read(_HEADER_4.size)
    if len(header) < _HEADER_4.size:
        raise SceneError("the header ends early", file=path, found=f"{len(header)} bytes", fix=_EXPORT_AGAIN)
    _, version, count, degree, bits, flags, streams, table = _HEADER_4.unpack(header)
    layout = _checked_layout(_Layout(version, count, degree, bits, flags), (4,), path)
    wanted = len(_STREAMS) if degree else len(_STREAMS) - 1
    end = table + streams * _STREAM.size
    if not wanted <= streams <= len(_STREAMS) or table < _HEADER_4.size or end > size:
        raise SceneError(
            "a table of streams that cannot be",
            file=path,
            field="numStreams, tocByteOffset",
            found=f"{streams} streams, table at byte {table} of {size}",
            expected=f"{wanted} streams within the file",
            fix=_EXPORT_AGAIN,
        )
    file.seek(table)
    sizes = [_STREAM.unpack(file.read(_STREAM.size)) for _ in range(streams)]
    result: list[ByteStream] = []
    start = end
    for name, (packed, unpacked), row_bytes in zip(_STREAMS, sizes, layout.row_bytes, strict=False):
        field = f"stream {name}"
        if start + packed > size:
            raise SceneError(
                "the file ends early",
                file=path,
                field=field,
                found=f"{size} bytes",
                expected=f"at least {start + packed}",
                fix="The file is incomplete: copy, download or export it again.",
            )
        if unpacked != count * row_bytes:
            raise SceneError(
                "a stream of another length than its Gaussians need",
                file=path,
                field=field,
                found=f"{unpacked} bytes",
                expected=f"{count} times {row_bytes}",
                fix=_EXPORT_AGAIN,
            )
        check_expansion(unpacked, packed, path, field)
        result.append(ZstandardStream(file, start, packed, path, field))
        start += packed
    return layout, result


def _read_streams(
    layout: _Layout, streams: Sequence[ByteStream], arrays: GaussianArrays, threads: int, progress: ReadProgress
) -> None:
    done, total = 0, layout.count * sum(layout.row_bytes)
    with BlockPool(threads) as pool:  # the next bytes are unpacked meanwhile
        for name, stream, row_bytes in zip(_STREAMS, streams, layout.row_bytes, strict=False):
            for rows in blocks(layout.count if row_bytes else 0):
                count = rows.stop - rows.start
                stored = np.frombuffer(stream.read(count * row_bytes), np.uint8).reshape(count, row_bytes)
                pool.submit(_decode, name, stored, rows, layout, arrays)
                done += count * row_bytes
                progress.tell(done, total)


def _decode(name: str, stored: NDArray[np.uint8], rows: slice, layout: _Layout, arrays: GaussianArrays) -> None:
    if name == "positions" and layout.version == 1:
        with np.errstate(invalid="ignore"):  # halves may be NaN: `checked` tells of them
            arrays.means[rows] = stored.view("<f2").astype(np.float32) * _AXES
    elif name == "positions":
        step = 2.0**-layout.fractional_bits
        _native.unpack_positions(stored, (step, -step, -step), arrays.means[rows])
    elif name == "alphas":
        _native.look_up(stored, _ALPHAS, arrays.opacities[rows, None])
    elif name == "colors":
        _native.look_up(stored, _COLOURS, arrays.sh[rows, 0])
    elif name == "scales":
        _native.look_up(stored, _SCALES, arrays.scales[rows])
    elif name == "rotations" and layout.version < 3:
        _rotations_of_bytes(stored, arrays.rotations[rows])
    elif name == "rotations":
        _native.unpack_rotations(stored, arrays.rotations[rows])
    else:  # of degree 4 the last nine are left out
        _native.look_up(stored, _harmonics(arrays.sh.shape[1] - 1), arrays.sh[rows, 1:].reshape(len(stored), -1))


def _rotations_of_bytes(stored: NDArray[np.uint8], out: NDArray[np.float32]) -> None:
    """Write quaternions wxyz of the axes that PLY has into `out` (n, 4), of the bytes of versions 1 and 2."""
    vector = stored / np.float32(127.5) - 1
    out[:, 0] = np.sqrt(np.maximum(0, 1 - np.einsum("ij,ij->i", vector, vector)))
    out[:, 1:] = vector
    out *= _ROTATION_FLIPS


@cache
def _harmonics(coefficients: int) -> NDArray[np.float32]:
    """Return (3 * coefficients, 256): what each byte of each number stands for."""
    values = (np.arange(256) - 128) / 128
    return np.repeat(_flips()[:coefficients], 3)[:, None] * values.astype(np.float32)


@cache
def _flips() -> NDArray[np.float32]:
    """Signs of the coefficients 1 to 15 under half a turn about x: those of the basis functions there."""
    direction = np.array([0.36, 0.48, 0.8])
    return np.sign(sh_basis(direction * (1, -1, -1), 3) / sh_basis(direction, 3))[1:].astype(np.float32)


def _stored_positions(scene: Scene, rows: slice) -> NDArray[np.uint8]:
    fixed = np.rint(scene.means[rows] * _AXES * (1 << _FRACTIONAL_BITS)).astype("<i4")
    lowest: NDArray[np.uint8] = np.ascontiguousarray(fixed).view(np.uint8).reshape(-1, 3, 4)[:, :, :3]
    return lowest


def _stored_rotations(scene: Scene, rows: slice) -> NDArray[Any]:
    smallest, largest = smallest_of_rotations(np.roll(scene.rotations[rows] * _ROTATION_FLIPS, -1, axis=1))
    words = largest.astype("<u4") << 30
    for column, shift in enumerate((20, 10, 0)):
        size = np.rint(np.minimum(np.abs(smallest[:, column]), 1) * 511).astype("<u4")
        words |= (size | np.where(smallest[:, column] < 0, 512, 0).astype("<u4")) << shift
    return words


def _stored_harmonics(scene: Scene, rows: slice) -> NDArray[np.uint8]:
    coefficients = scene.sh.shape[1] - 1
    values = scene.sh[rows, 1:] * _flips()[:coefficients, None] * 128 + 128
    # Coarser than a byte, as Niantic's packer: what gzip sees repeats more.
    steps = np.where(np.arange(coefficients) < 3, 8, 16)[:, None]
    return _bytes(np.floor(values / steps + 0.5) * steps)


def _bytes(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


_AXES = np.array([1, -1, -1], np.float32)
_ROTATION_FLIPS = np.array([1, 1, -1, -1], np.float32)
# What each byte of each channel stands for.
_ALPHAS = (np.arange(256) / 255).astype(np.float32)[None]
_COLOURS = np.tile(((np.arange(256) / 255 - 0.5) / _COLOUR_SCALE).astype(np.float32), (3, 1))
_SCALES = np.tile(np.exp(np.arange(256) / 16 - 10).astype(np.float32), (3, 1))
_ENCODERS: dict[str, Callable[[Scene, slice], NDArray[Any]]] = {
    "positions": _stored_positions,
    "alphas": lambda scene, rows: _bytes(scene.opacities[rows] * 255),
    "colors": lambda scene, rows: _bytes((scene.sh[rows, 0] * _COLOUR_SCALE + 0.5) * 255),
    "scales": lambda scene, rows: _bytes((np.log(scene.scales[rows]) + 10) * 16),
    "rotations": _stored_rotations,
    "sh": _stored_harmonics,
}
