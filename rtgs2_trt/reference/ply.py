"""Reference of the decoding of PLY rows: all rows in memory, a column at a time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtgs2_trt.ply import Columns, Element, Header


def read_rows_reference(
    path: str | Path, header: Header, element: str, arrays: Mapping[str, Columns]
) -> tuple[dict[str, NDArray[np.float32]], NDArray[np.bool_]]:
    """Read properties of a binary file's element as :func:`rtgs2_trt.ply.read_rows` does.

    Returns:
        the arrays, and which rows (count,) cannot be used: with values that are not finite (of logits: NaN), or with a
        quaternion of zeros.
    """
    target = header.element(element)
    assert target is not None
    order = ">" if header.format == "binary_big_endian" else "<"
    before = header.elements[: header.elements.index(target)]
    start = header.size + sum(e.count * _row_type(e, order).itemsize for e in before)
    rows = np.fromfile(path, dtype=_row_type(target, order), count=target.count, offset=start)
    unusable = np.zeros(len(rows), dtype=bool)
    decoded = {}
    with np.errstate(over="ignore", invalid="ignore"):
        for key, columns in arrays.items():
            stored = np.stack([rows[name].astype(np.float32) for name in columns.names], axis=1)
            decoded[key], bad = _decode(stored, columns.stored_as)
            unusable |= bad
    return decoded, unusable


def _row_type(element: Element, order: str) -> np.dtype[Any]:
    return np.dtype([(p.name, f"{order}{p.type}") for p in element.properties])


def _decode(stored: NDArray[np.float32], stored_as: str) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    bad: NDArray[np.bool_] = np.logical_or.reduce(~np.isfinite(stored), axis=1)
    exact = stored.astype(np.float64)
    if stored_as == "logarithm":
        return np.exp(np.clip(exact, -87, 88)).astype(np.float32), bad
    if stored_as == "logit":
        bad = np.logical_or.reduce(np.isnan(stored), axis=1)
        return (1 / (1 + np.exp(-np.clip(exact, -104, 104)))).astype(np.float32), bad
    if stored_as == "quaternion":
        norms = np.linalg.norm(exact, axis=1, keepdims=True)
        bad |= norms[:, 0] == 0
        norms[(np.abs(norms - 1) < 1e-6) | (norms == 0)] = 1
        return (exact / norms).astype(np.float32), bad
    return stored, bad
