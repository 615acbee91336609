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

from rtgs2_trt import _native, ply
from rtgs2_trt.atomic import atomic_file
from rtgs2_trt.errors import SceneError
from rtgs2_trt.scene_files.gaussian_arrays import GaussianArrays, allocated, blocks, with_faults
from rtgs2_trt.scene_files.morton_order import morton_order
from rtgs2_trt.scene_files.read_progress import ReadProgress
from rtgs2_trt.scene_files.smallest_three import smallest_of_rotations
from rtgs2_trt.scene_files.standard_ply import SH_COUNTS, render_mode
from rtgs2_trt.spherical_harmonics import DC_FACTOR

if TYPE_CHECKING:
    from rtgs2_trt.scene import Scene

_CHUNK = 256
_PART = 1 << 20  # Gaussians read without a look at the caller
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


def read(source: ply.OpenPly, threads: int, progress: ReadProgress) -> GaussianArrays:
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
    limits = ply.read_rows(source, "chunk", {"all": ply.Columns(tuple(names))}, threads=threads).arrays["all"]
    # The file holds channel after channel, a scene coefficient after coefficient.
    wanted = [f"f_rest_{channel * higher + k}" for k in range(higher) for channel in range(3)]
    decoder = _native.CompressedPlyDecoder(
        _places(header, vertex, _PACKED),
        None if sh is None else _places(header, sh, wanted),
        header.format == "binary_big_endian",
        limits,
        arrays.means,
        arrays.scales,
        arrays.rotations,
        arrays.opacities,
        arrays.sh,
    )
    for rows in blocks(vertex.count, _PART):  # Ctrl-C is heard between two parts
        progress.tell(rows.start, vertex.count)
        if not decoder.read(source.file.fileno(), rows.start, rows.stop - rows.start, threads):
            raise SceneError("the file ends early", file=path, field="element vertex", fix="Copy it again.")
    return with_faults(replace(arrays, unfaithful=render_mode(header.comments)), decoder.faults(), decoder.unusable())


def _places(header: ply.Header, element: ply.Element, names: Sequence[str]) -> tuple[int, int, list[int]]:
    """Return where in the file the rows of a binary element start, their length, and where in a row `names` are."""
    before = header.elements[: header.elements.index(element)]
    offsets = element.offsets
    start = header.size + sum(e.count * e.row_bytes for e in before)
    return start, element.row_bytes, [offsets[name][0] for name in names]


def write(scene: Scene, path: Path) -> None:
    """Write a scene as compressed PLY, in Morton order, so that chunks are small; features are left out.

    Positions are kept to 1/1024 of a chunk's size (x and z to 1/2048), log scales likewise, rotations to 0.3 degrees
    (half of them to 0.1), colours and opacities to 1/255, spherical harmonics to 1/32 within -4 to 4.

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


def _words(fractions: NDArray[Any], shifts: tuple[int, ...], bits: tuple[int, ...]) -> NDArray[np.uint32]:
    """Return words (n,) whose bit fields hold the columns of `fractions`, rounded to the nearest."""
    words = np.zeros(len(fractions), np.uint32)
    for column, (shift, width) in enumerate(zip(shifts, bits, strict=True)):
        most = (1 << width) - 1
        words |= np.rint(np.clip(fractions[:, column], 0, 1) * most).astype(np.uint32) << shift
    return words


def _fractions(values: NDArray[np.float32], low: NDArray[np.float32], high: NDArray[np.float32]) -> NDArray[np.float64]:
    span = high.astype(np.float64) - low
    return (values.astype(np.float64) - low) / np.where(span > 0, span, 1)
