"""Reference of the decoding of PlayCanvas compressed PLY: all rows in memory, a column at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtgs2_trt.ply import Element, Header
from rtgs2_trt.scene_files.gaussian_arrays import GaussianArrays
from rtgs2_trt.spherical_harmonics import DC_FACTOR

_FIELDS = {"position": ((21, 11), (11, 10), (0, 11)), "scale": ((21, 11), (11, 10), (0, 11))}


def read_reference(path: str | Path, header: Header) -> GaussianArrays:
    """Read a whole and well-formed file; nothing is normalised or checked."""
    rows = {element.name: _rows(path, header, element) for element in header.elements}
    chunk, vertex = rows["chunk"], rows["vertex"]
    of_chunk = np.arange(len(vertex["packed_position"])) // 256

    def between(names: tuple[str, str], fraction: NDArray[np.float32]) -> NDArray[np.float32]:
        low, high = (chunk[name][of_chunk] for name in names)
        values: NDArray[np.float32] = fraction * (high - low) + low
        return values

    means, logarithms = (
        np.stack(
            [
                between((f"min_{of}{axis}", f"max_{of}{axis}"), _unit(vertex[f"packed_{kind}"], *field))
                for axis, field in zip("xyz", _FIELDS[kind], strict=True)
            ],
            axis=1,
        )
        for kind, of in (("position", ""), ("scale", "scale_"))
    )
    colours = [_unit(vertex["packed_color"], shift, 8) for shift in (24, 16, 8)]
    if "min_r" in chunk:
        colours = [between((f"min_{c}", f"max_{c}"), v) for c, v in zip("rgb", colours, strict=True)]
    sh = (np.stack(colours, axis=1)[:, None] - np.float32(0.5)) * np.float32(1 / DC_FACTOR)
    if "sh" in rows:
        stored = np.stack([rows["sh"][f"f_rest_{i}"] for i in range(len(rows["sh"]))], axis=1)
        values = (stored.astype(np.float32) - np.float32(127.5)) / np.float32(32)
        values = np.where(stored == 0, np.float32(-4), np.where(stored == 255, np.float32(4), values))
        sh = np.concatenate([sh, values.reshape(len(sh), 3, -1).transpose(0, 2, 1)], axis=1)
    return GaussianArrays(
        means=means,
        scales=np.exp(np.clip(logarithms.astype(np.float64), -87, 88)).astype(np.float32),
        rotations=_rotations(vertex["packed_rotation"]),
        opacities=_unit(vertex["packed_color"], 0, 8),
        sh=sh,
    )


def _rows(path: str | Path, header: Header, element: Element) -> dict[str, NDArray[Any]]:
    order = ">" if header.format == "binary_big_endian" else "<"
    before = header.elements[: header.elements.index(element)]
    start = header.size + sum(e.count * e.row_bytes for e in before)
    row = np.dtype([(p.name, f"{order}{p.type}") for p in element.properties])
    rows = np.fromfile(path, dtype=row, count=element.count, offset=start)
    return {name: rows[name].astype(rows[name].dtype.newbyteorder("=")) for name in row.names or ()}


def _unit(words: NDArray[Any], shift: int, bits: int) -> NDArray[np.float32]:
    most = (1 << bits) - 1
    fields = (words.astype(np.uint32) >> shift) & most
    fractions: NDArray[np.float32] = fields.astype(np.float32) * np.float32(1 / most)
    return fractions


def _rotations(words: NDArray[Any]) -> NDArray[np.float32]:
    """Return wxyz (n, 4) of three components of at most the square root of 1/2, and which one they lack."""
    smallest = np.stack([2 * _unit(words, shift, 10) - 1 for shift in (20, 10, 0)], axis=1) * np.float32(np.sqrt(0.5))
    a, b, c = smallest.T
    left_out = np.sqrt(np.maximum(1 - (a * a + b * b + c * c), 0))
    rotations = np.empty((len(words), 4), np.float32)
    for largest in range(4):
        rows = words.astype(np.uint32) >> 30 == largest
        rotations[rows, largest] = left_out[rows]
        for column, component in zip((i for i in range(4) if i != largest), (a, b, c), strict=True):
            rotations[rows, column] = component[rows]
    return rotations
