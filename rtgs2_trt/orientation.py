"""The change of world that takes a file's units and axes to metres with +z up, for scenes and cameras alike."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rtgs2_trt.errors import InputError, shown

ROTATION_TOLERANCE = 1e-3

# The shortest turn that takes each axis to +z: quarter turns about x and y. For -z, where every horizontal axis would
# do, the half turn about x.
_ROTATIONS = {
    "x": ((0, 0, -1), (0, 1, 0), (1, 0, 0)),
    "-x": ((0, 0, 1), (0, 1, 0), (-1, 0, 0)),
    "y": ((1, 0, 0), (0, 0, -1), (0, 1, 0)),
    "-y": ((1, 0, 0), (0, 0, 1), (0, -1, 0)),
    "z": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "-z": ((1, 0, 0), (0, -1, 0), (0, 0, -1)),
}


def orientation(up: str, *, error: type[InputError] = InputError) -> NDArray[np.float64]:
    """Return the (3, 3) float64 rotation that turns the axis `up` of a file's world into +z.

    ===== ======================= =============================
    up    (x, y, z) becomes       turn
    ===== ======================= =============================
    z     (x, y, z)               none
    -z    (x, -y, -z)             180 degrees about x
    y     (x, -z, y)              +90 degrees about x
    -y    (x, z, -y)              -90 degrees about x
    x     (-z, y, x)              -90 degrees about y
    -x    (z, y, -x)              +90 degrees about y
    ===== ======================= =============================

    Raises:
        InputError: as the subclass `error`; `up` is none of these.
    """
    if not isinstance(up, str) or up not in _ROTATIONS:
        raise error(
            "not an axis",
            field="up",
            found=shown(up),
            expected=", ".join(map(repr, _ROTATIONS)),
            fix="Name the axis of the file that points up.",
        )
    return np.array(_ROTATIONS[up], dtype=np.float64)


def checked_scale(scale: float, *, error: type[InputError] = InputError) -> float:
    """Return `scale` (metres per unit of the file) if it is a positive finite number.

    Raises:
        InputError: as the subclass `error`; it is not.
    """
    try:
        value = float(scale)
    except (TypeError, ValueError, OverflowError):
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise error("not a positive number", field="scale", found=shown(scale), fix="Give the metres per file unit.")
    return value


def checked_rotation(rotation: ArrayLike, *, error: type[InputError] = InputError) -> NDArray[np.float64]:
    """Return `rotation` as a (3, 3) float64 array if it is a rotation within `ROTATION_TOLERANCE`.

    Raises:
        InputError: as the subclass `error`; wrong shape, not finite, not orthonormal, or a reflection.
    """
    try:
        matrix = np.asarray(rotation, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as problem:
        raise error("not a matrix of numbers", field="rotation", expected="a (3, 3) array") from problem
    if matrix.shape != (3, 3):
        raise error("wrong shape", field="rotation", found=matrix.shape, expected="(3, 3)")
    # Entries beyond 2 cannot be a rotation's; NaN fails the comparison too.
    if not (np.abs(matrix) < 2).all() or np.abs(matrix @ matrix.T - np.eye(3)).max() > ROTATION_TOLERANCE:
        raise error("not orthonormal", field="rotation", fix="Give a pure rotation; put scaling into scale.")
    if np.linalg.det(matrix) < 0:
        raise error("a reflection, not a rotation", field="rotation", fix="Give a matrix of determinant +1.")
    return matrix
