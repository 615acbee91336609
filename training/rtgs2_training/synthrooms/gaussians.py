"""From surfels to the arrays of a 3D Gaussian Splatting scene."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .surfaces import Array
from .surfels import Surfels

SH_DC = 0.28209479177387814
_MIN_SCALE = 1e-4  # metres


def to_sh(colour: Array, highlight: Array) -> Array:
    """SH coefficients (N, 4, 3) of a colour (N, 3) that grows by ``highlight . (direction to the viewer)``.

    In the signs of 3DGS: the direction d points from the viewer to the Gaussian, and
    colour = 0.5 + 0.28209479 sh[0] + 0.48860251 (-y sh[1] + z sh[2] - x sh[3]).
    """
    x, y, z = highlight.T / 0.4886025119029199
    first = np.repeat(np.stack([y, -z, x], axis=1)[:, :, None], 3, axis=2)
    return np.concatenate([((colour - 0.5) / SH_DC)[:, None], first], axis=1)


def quaternions(tangents: Array, normals: Array) -> Array:
    """Unit quaternions (N, 4) wxyz of the frames (tangent, normal x tangent, normal), rows of (N, 3) each."""
    (xx, xy, xz), (zx, zy, zz) = tangents.T, normals.T
    yx, yy, yz = zy * xz - zz * xy, zz * xx - zx * xz, zx * xy - zy * xx
    # Four times q q^T, entry by entry; its longest column gives q without cancellation.
    outer = np.empty((len(tangents), 4, 4))
    a, b, c = xx, yy, zz
    outer[:, 0, 0], outer[:, 1, 1] = 1 + a + b + c, 1 + a - b - c
    outer[:, 2, 2], outer[:, 3, 3] = 1 - a + b - c, 1 - a - b + c
    outer[:, 0, 1] = outer[:, 1, 0] = yz - zy
    outer[:, 0, 2] = outer[:, 2, 0] = zx - xz
    outer[:, 0, 3] = outer[:, 3, 0] = xy - yx
    outer[:, 1, 2] = outer[:, 2, 1] = xy + yx
    outer[:, 1, 3] = outer[:, 3, 1] = zx + xz
    outer[:, 2, 3] = outer[:, 3, 2] = yz + zy
    longest = np.argmax(np.diagonal(outer, axis1=1, axis2=2), axis=1)
    columns = outer[np.arange(len(tangents)), :, longest]
    return np.asarray(columns / np.linalg.norm(columns, axis=1, keepdims=True))


def as_scene(
    surfels: Surfels, thickness: Array, opacities: Array, sh: Array, shifts: NDArray[np.int64]
) -> dict[str, NDArray[np.float32]]:
    """The arrays of :class:`rtgs2_trt.Scene`, float32.

    ``shifts`` (N,) 0, 1 or 2: the three axes of a Gaussian, (tangent, bitangent, normal), are moved up by so many
    places, the last ones to the front. It changes no picture.
    """
    bitangents = np.cross(surfels.normals, surfels.tangents)
    axes = np.stack([surfels.tangents, bitangents, surfels.normals], axis=1)
    order = (np.arange(3) - shifts[:, None]) % 3
    axes = np.take_along_axis(axes, order[:, :, None], axis=1)
    scales = np.maximum(np.column_stack([surfels.radii, thickness]), _MIN_SCALE)
    arrays = {
        "means": surfels.points,
        "scales": np.take_along_axis(scales, order, axis=1),
        "rotations": quaternions(axes[:, 0], axes[:, 2]),
        "opacities": opacities,
        "sh": sh,
    }
    return {name: array.astype(np.float32) for name, array in arrays.items()}
