"""PlayCanvas compressed PLY: 16 bytes a Gaussian, quantised within chunks of 256, and bytes for spherical harmonics.

Element ``chunk`` holds the least and greatest position, log scale and (since 2024) colour of 256 Gaussians, ``vertex``
four packed words of each Gaussian, ``sh`` the higher coefficients. Spherical harmonics reach from -4 to 4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rtgs2_trt import ply
from rtgs2_trt.atomic import atomic_file
from rtgs2_trt.errors import SceneError
from rtgs2_trt.scene_files.block_pool import BlockPool
from rtgs2_trt.scene_files.gaussian_arrays import GaussianArrays, allocated, blocks, checked
from rtgs2_trt.scene_files.morton_order import morton_order
from rtgs2_trt.scene_files.smallest_three import rotations_of_smallest, smallest_of_rotations
from rtgs2_trt.scene_files.standard_ply import SH_COUNTS, render_mode
from rtgs2_trt.spherical_harmonics import DC_FACTOR

if TYPE_CHECKING:
    from rtgs2_trt.scene import Scene

_CHUNK = 256
_AXES = ("x", "y", "z")
_RANGES = {
    "position": (tuple(f"min_{a}" for a in _AXES), tuple(f"max_{a}" for a in _AXES)),
    "scale": (tuple(f"min_scale_{a}" for a in _AXES), tuple(f"max_scale_{a}" for a in _AXES)),
}
_COLOURS = (tuple(f"min_{c}" for c in "rgb"), tuple(f"max_{c}" for c in "rgb"))
_PACKED = ("packed_position", "packed_rotation", "packed_scale", "packed_color")
_LOG_SCALES = (-20.0, 20.0)  # what SplatTransform clips to
_SH_RANGE = 8.0  # from -4 to 4
_EXPORT_AGAIN = "Export it again, for example with SplatTransform: splat-transform scene.ply scene.compressed.ply"


def is_compressed(header: ply.Header) -> bool:
    """Whether the header is that of a compressed PLY, whole or not."""
    vertex = header.element("vertex")
    return vertex is not None and any(name in _PACKED for name in vertex.names)


def read(source: ply.OpenPly, threads: int) -> GaussianArrays:
    """Read the Gaussians of an open compressed PLY file.

    Raises:
        SceneError: elements or properties are missing or of another type, counts that do not fit together, or a file
            that is shorter than its header promises.
    """
    header, path = source.header, source.path
    vertex = _element(header, "vertex", dict.fromkeys(_PACKED, "u4"), path)
    with_colours = "min_r" in _element(header, "chunk", {}, path).names
    ranges = {**_RANGES, "color": _COLOURS} if with_colours else _RANGES
    names = [name for pair in ranges.values() for part in pair for name in part]
    chunk = _element(header, "chunk", dict.fromkeys(names, "f4"), path)
    if vertex.count == 0:
        raise SceneError("there are no Gaussians in it", file=path, field="element vertex", found=0, fix=_EXPORT_AGAIN)
    if chunk.count != -(-vertex.count // _CHUNK):
        raise SceneError(
            f"not one chunk for {_CHUNK} Gaussians",
            file=path,
            field="element chunk",
            found=f"{chunk.count} chunks for {vertex.count} Gaussians",
            expected=-(-vertex.count // _CHUNK),
            fix=_EXPORT_AGAIN,
        )
    sh, sh_names = _harmonics(header, vertex.count, path)
    least = sum(e.count * e.row_bytes for e in header.elements)
    if header.size + least > header.file_size:
        raise SceneError(
            "the file is shorter than its header promises",
            file=path,
            field="element vertex",
            found=f"{header.file_size - header.size} bytes of data",
            expected=f"at least {least} bytes of data",
            fix="The file is incomplete: copy, download or export it again.",
        )
    higher = len(sh_names) // 3
    arrays = allocated(vertex.count, 1 + higher, path)
    limits = ply.read_rows(
        source,
        "chunk",
        {f"{key} {end}": ply.Columns(pair[end]) for key, pair in ranges.items() for end in (0, 1)},
        threads=threads,
    ).arrays
    with BlockPool(threads) as pool:
        for rows in blocks(vertex.count):
            pool.submit(_decode, _rows(source, vertex, rows), rows, limits, arrays)
        if sh is not None:
            for rows in blocks(vertex.count):
                pool.submit(_decode_harmonics, _rows(source, sh, rows), rows, sh_names, arrays)
    return checked(replace(arrays, unfaithful=render_mode(header.comments)))


def _decode(
    packed: NDArray[Any], rows: slice, limits: Mapping[str, NDArray[np.float32]], arrays: GaussianArrays
) -> None:
    chunks = slice(rows.start // _CHUNK, -(-rows.stop // _CHUNK))
    part = {key: values[chunks] for key, values in limits.items()}
    words = {name: np.ascontiguousarray(packed[name]) for name in _PACKED}
    # Chunks whose limits are not finite make Gaussians that are not: `checked` tells of them.
    with np.errstate(over="ignore", invalid="ignore"):
        for axis, (shift, bits) in enumerate(((21, 11), (11, 10), (0, 11))):
            position = _unit(words["packed_position"], shift, bits)
            arrays.means[rows, axis] = _within(part, "position", axis, position)
            scale = _within(part, "scale", axis, _unit(words["packed_scale"], shift, bits))
            arrays.scales[rows, axis] = np.exp(np.clip(scale, -87, 88, out=scale), out=scale)
        smallest = [2 * _unit(words["packed_rotation"], shift, 10) - 1 for shift in (20, 10, 0)]
        rotations_of_smallest(smallest, words["packed_rotation"] >> 30, out=arrays.rotations[rows])
        for channel, shift in enumerate((24, 16, 8)):
            colour = _unit(words["packed_color"], shift, 8)
            if "color 0" in limits:
                colour = _within(part, "color", channel, colour)
            colour -= np.float32(0.5)
            arrays.sh[rows, 0, channel] = colour * np.float32(1 / DC_FACTOR)
        arrays.opacities[rows] = _unit(words["packed_color"], 0, 8)


def _decode_harmonics(stored: NDArray[Any], rows: slice, names: Sequence[str], arrays: GaussianArrays) -> None:
    if stored.dtype.names == tuple(names):  # as everyone writes them: a row is their bytes
        stacked = stored.view(np.uint8).reshape(len(stored), 3, -1)
    else:
        stacked = np.stack([stored[name] for name in names], axis=1).reshape(len(stored), 3, -1)
    arrays.sh[rows, 1:] = _harmonic_values(stacked).transpose(0, 2, 1)


def write(scene: Scene, path: Path) -> None:
    """Write a scene as compressed PLY, in Morton order, so that chunks are small; features are left out.

    Positions are kept to 1/1024 of a chunk's size (x and z to 1/2048), log scales likewise, rotations to 0.1 degrees,
    colours and opacities to 1/255, spherical harmonics to 1/32 within -4 to 4.

    Raises:
        SceneError: the file cannot be written.
    """
    count, higher = len(scene), scene.sh.shape[1] - 1
    order = morton_order(scene.means)
    chunk_names = [name for pair in (*_RANGES.values(), _COLOURS) for part in pair for name in part]
    chunks = np.empty((-(-count // _CHUNK), len(chunk_names)), "<f4")
    packed = np.empty((count, len(_PACKED)), "<u4")
    for index, start in enumerate(range(0, count, _CHUNK)):
        members = order[start : start + _CHUNK]
        scales = np.clip(np.log(scene.scales[members]), *_LOG_SCALES)
        colours = scene.sh[members, 0] * np.float32(DC_FACTOR) + np.float32(0.5)
        parts = [(values.min(axis=0), values.max(axis=0)) for values in (scene.means[members], scales, colours)]
        chunks[index] = np.concatenate([values for pair in parts for values in pair])
        position, scale, colour = (
            _fractions(values, *pair)
            for values, pair in zip((scene.means[members], scales, colours), parts, strict=True)
        )
        smallest, largest = smallest_of_rotations(scene.rotations[members])
        block = packed[start : start + _CHUNK]
        block[:, 0] = _words(position, (21, 11, 0), (11, 10, 11))
        block[:, 1] = _words(smallest / 2 + 0.5, (20, 10, 0), (10, 10, 10)) | largest.astype(np.uint32) << 30
        block[:, 2] = _words(scale, (21, 11, 0), (11, 10, 11))
        block[:, 3] = _words(np.column_stack([colour, scene.opacities[members]]), (24, 16, 8, 0), (8, 8, 8, 8))
    lines = ["ply", "format binary_little_endian 1.0", f"element chunk {len(chunks)}"]
    lines += [f"property float {name}" for name in chunk_names]
    lines += [f"element vertex {count}", *(f"property uint {name}" for name in _PACKED)]
    if higher:
        lines += [f"element sh {count}", *(f"property uchar f_rest_{i}" for i in range(3 * higher))]
    with atomic_file(path, SceneError) as file:
        file.write(("\n".join(lines) + "\nend_header\n").encode())
        file.write(chunks.data)
        file.write(packed.data)
        for rows in blocks(count if higher else 0):
            values = scene.sh[order[rows], 1:].transpose(0, 2, 1).reshape(-1, 3 * higher)
            file.write(np.clip(np.floor((values / _SH_RANGE + 0.5) * 256), 0, 255).astype(np.uint8).tobytes())


def _harmonic_values(stored: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return what bytes of coefficients stand for: the ends are exact, all others the middle of their interval."""
    values = stored.astype(np.float32)
    values += np.float32(0.5 - 128)
    values *= np.float32(_SH_RANGE / 256)
    for end, value in ((0, -_SH_RANGE / 2), (255, _SH_RANGE / 2)):
        at_end = stored == end
        if at_end.any():
            values[at_end] = value
    return values


def _element(header: ply.Header, name: str, properties: Mapping[str, str], path: str | Path) -> ply.Element:
    """Return an element that has `properties` of these types."""
    element = header.element(name)
    if element is None:
        raise SceneError("a compressed PLY without this element", file=path, field=f"element {name}", fix=_EXPORT_AGAIN)
    if header.format == "ascii" or any(e.has_list for e in header.elements):
        raise SceneError("a compressed PLY must be binary and without lists", file=path, fix=_EXPORT_AGAIN)
    types = {p.name: p.type for p in element.properties}
    for wanted, kind in properties.items():
        if types.get(wanted) != kind:
            raise SceneError(
                "a property of a compressed PLY is missing or of another type",
                file=path,
                field=f"{name}.{wanted}",
                found=types.get(wanted, "no such property"),
                expected=kind,
                fix=_EXPORT_AGAIN,
            )
    return element


def _harmonics(header: ply.Header, count: int, path: str | Path) -> tuple[ply.Element | None, list[str]]:
    if header.element("sh") is None:
        return None, []
    element = _element(header, "sh", {}, path)
    number = len(element.properties)
    if number not in {3 * (k - 1) for k in SH_COUNTS[1:]} or element.count != count:
        raise SceneError(
            "not spherical harmonics of degree 1 to 3 for every Gaussian",
            file=path,
            field="element sh",
            found=f"{element.count} rows of {number} properties",
            expected=f"{count} rows of 9, 24 or 45",
            fix=_EXPORT_AGAIN,
        )
    names = [f"f_rest_{i}" for i in range(number)]
    return _element(header, "sh", dict.fromkeys(names, "u1"), path), names


def _rows(source: ply.OpenPly, element: ply.Element, rows: slice) -> NDArray[Any]:
    """Return rows of a binary element as a structured array."""
    order = ">" if source.header.format == "binary_big_endian" else "<"
    offsets = element.offsets
    row = np.dtype(
        {
            "names": list(offsets),
            "formats": [f"{order}{kind}" for _, kind in offsets.values()],
            "offsets": [offset for offset, _ in offsets.values()],
            "itemsize": element.row_bytes,
        }
    )
    elements = source.header.elements
    start = source.header.size + sum(e.count * e.row_bytes for e in elements[: elements.index(element)])
    source.file.seek(start + rows.start * row.itemsize)
    wanted = (rows.stop - rows.start) * row.itemsize
    data = source.file.read(wanted)
    if len(data) < wanted:  # it shrank since its size was checked
        raise SceneError("the file ends early", file=source.path, field=f"element {element.name}", fix="Copy it again.")
    return np.frombuffer(data, row)


def _unit(words: NDArray[np.uint32], shift: int, bits: int) -> NDArray[np.float32]:
    """Return the fractions 0..1 (n,) that a bit field of `words` (n,) stands for."""
    most = (1 << bits) - 1
    fields = words >> shift
    fields &= most
    fractions = fields.astype(np.float32)
    fractions *= np.float32(1 / most)
    return fractions


def _words(fractions: NDArray[Any], shifts: tuple[int, ...], bits: tuple[int, ...]) -> NDArray[np.uint32]:
    """Return words (n,) whose bit fields hold the columns of `fractions`, rounded to the nearest."""
    words = np.zeros(len(fractions), np.uint32)
    for column, (shift, width) in enumerate(zip(shifts, bits, strict=True)):
        most = (1 << width) - 1
        words |= np.rint(np.clip(fractions[:, column], 0, 1) * most).astype(np.uint32) << shift
    return words


def _within(
    limits: Mapping[str, NDArray[np.float32]], key: str, column: int, fractions: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the values (n,) at `fractions` of the way from the least to the greatest value of their chunks."""
    low, high = limits[f"{key} 0"][:, column], limits[f"{key} 1"][:, column]
    short = len(low) * _CHUNK - len(fractions)  # of the last chunk
    padded = np.pad(fractions, (0, short)) if short else fractions
    values = padded.reshape(len(low), _CHUNK)
    values *= (high - low)[:, None]
    values += low[:, None]
    return values.reshape(-1)[: len(fractions)]


def _fractions(values: NDArray[np.float32], low: NDArray[np.float32], high: NDArray[np.float32]) -> NDArray[np.float64]:
    span = high.astype(np.float64) - low
    return (values.astype(np.float64) - low) / np.where(span > 0, span, 1)
