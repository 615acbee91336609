"""Makes PLY files for the tests, independently of the project's writer."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

ORDERS = {"binary_little_endian": "<", "binary_big_endian": ">"}
CODES = {"char": "b", "uchar": "B", "short": "h", "ushort": "H", "int": "i", "uint": "I", "float": "f", "double": "d"}


def header(
    format_: str, properties: Mapping[str, str], count: int, extra: Sequence[str] = (), end: str = "\n"
) -> bytes:
    lines = ["ply", f"format {format_} 1.0", *extra, f"element vertex {count}"]
    lines += [f"property {kind} {name}" for name, kind in properties.items()]
    return (end.join([*lines, "end_header"]) + end).encode()


def rows(format_: str, properties: Mapping[str, str], columns: Mapping[str, np.ndarray]) -> bytes:
    values = list(zip(*(columns[name].tolist() for name in properties), strict=True))
    if format_ == "ascii":
        return "".join(" ".join(map(repr, row)) + "\n" for row in values).encode()
    layout = ORDERS[format_] + "".join(CODES[kind] for kind in properties.values())
    return b"".join(struct.pack(layout, *row) for row in values)


def gaussian_columns(count: int = 20, degree: int = 1, seed: int = 0) -> dict[str, np.ndarray]:
    """Stored values (log-scales, logits) of a room-sized scene, in the usual order."""
    rng = np.random.default_rng(seed)
    rest = 3 * ((degree + 1) ** 2 - 1)
    names = ["nx", "ny", "nz", *(f"f_dc_{i}" for i in range(3)), *(f"f_rest_{i}" for i in range(rest)), "opacity"]
    names += [*(f"scale_{i}" for i in range(3)), *(f"rot_{i}" for i in range(4))]
    columns = {name: rng.uniform(-3, 3, count).astype(np.float32) for name in "xyz"}
    return columns | {name: rng.normal(size=count).astype(np.float32) for name in names}


def write_gaussians(path: Path, columns: Mapping[str, np.ndarray], format_: str = "binary_little_endian") -> Path:
    properties = dict.fromkeys(columns, "float")
    count = len(columns["x"]) if "x" in columns else len(next(iter(columns.values())))
    path.write_bytes(header(format_, properties, count) + rows(format_, properties, columns))
    return path
