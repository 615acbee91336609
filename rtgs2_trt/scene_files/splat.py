"""``.splat`` (antimatter15): 32 bytes a Gaussian and no header; colour without spherical harmonics."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from rtgs2_trt.atomic import atomic_file
from rtgs2_trt.errors import SceneError
from rtgs2_trt.scene_files.gaussian_arrays import GaussianArrays, allocated, blocks, checked
from rtgs2_trt.scene_files.read_progress import ReadProgress
from rtgs2_trt.spherical_harmonics import DC_FACTOR

if TYPE_CHECKING:
    from rtgs2_trt.scene import Scene

_ROW = np.dtype([("mean", "<f4", 3), ("scale", "<f4", 3), ("color", "u1", 4), ("rotation", "u1", 4)])
_SAMPLES = 64


def is_splat(file: BinaryIO, size: int) -> bool:
    """Whether an open file could be one: whole rows, and finite means, scales >= 0 and rotations in a sample of them.

    The format has no mark of its own, so this is asked only of files that are nothing else.
    """
    if size == 0 or size % _ROW.itemsize:
        return False
    count = size // _ROW.itemsize
    plausible = 0
    for index in np.unique(np.linspace(0, count - 1, _SAMPLES).astype(np.int64)).tolist():
        file.seek(index * _ROW.itemsize)
        data = file.read(_ROW.itemsize)
        if len(data) < _ROW.itemsize:
            return False
        row = np.frombuffer(data, _ROW)[0]
        with np.errstate(invalid="ignore"):  # of NaN
            values = np.concatenate([row["mean"], row["scale"]]).astype(np.float64)
        rotation = row["rotation"].astype(np.float64) - 128
        norm = np.linalg.norm(rotation) / 128
        plausible += bool((np.abs(values) < 1e6).all() and (values[3:] >= 0).all() and 0.9 < norm < 1.1)
    # Nine in ten: a few Gaussians of a real file may hold NaN, which is told of with their number then.
    return plausible >= 0.9 * min(count, _SAMPLES)


def read(file: BinaryIO, size: int, path: str | Path, threads: int, progress: ReadProgress) -> GaussianArrays:
    """Read the Gaussians of an open file for which :func:`is_splat` holds.

    Raises:
        SceneError: it shrinks meanwhile, or is too large for the memory.
    """
    count = size // _ROW.itemsize
    arrays = allocated(count, 1, path)
    file.seek(0)
    for rows in blocks(count):
        progress.tell(rows.start, count)
        data = file.read((rows.stop - rows.start) * _ROW.itemsize)
        if len(data) < (rows.stop - rows.start) * _ROW.itemsize:
            raise SceneError("the file ends early", file=path, found=f"{os.fstat(file.fileno()).st_size} bytes")
        stored = np.frombuffer(data, _ROW)
        arrays.means[rows] = stored["mean"]
        arrays.scales[rows] = stored["scale"]
        arrays.rotations[rows] = (stored["rotation"].astype(np.float32) - 128) / 128
        arrays.sh[rows, 0] = _COLOUR[stored["color"][:, :3]]
        arrays.opacities[rows] = stored["color"][:, 3] / np.float32(255)
    return checked(arrays, threads)


def write(scene: Scene, path: Path) -> None:
    """Write a scene as ``.splat``, the most visible Gaussians first; what the format lacks is left out.

    Positions and scales are exact, opacities kept to 1/255, rotations to 1/128. Spherical harmonics beyond the
    constant and features are dropped; colours are clipped to 0..1.

    Raises:
        SceneError: the file cannot be written.
    """
    # As viewers that show files while they load expect: large and opaque first.
    order = np.argsort(-scene.scales.prod(axis=1, dtype=np.float64) * scene.opacities, kind="stable")
    with atomic_file(path, SceneError) as file:
        for part in blocks(len(scene)):
            rows = order[part]
            stored = np.zeros(len(rows), _ROW)
            stored["mean"], stored["scale"] = scene.means[rows], scene.scales[rows]
            colour = scene.sh[rows, 0] * np.float32(DC_FACTOR) + np.float32(0.5)
            visible = np.column_stack([colour, scene.opacities[rows]])
            stored["color"] = np.rint(np.clip(visible, 0, 1) * 255)
            stored["rotation"] = np.clip(np.rint(scene.rotations[rows] * 128 + 128), 0, 255)
            file.write(stored.tobytes())


_COLOUR = ((np.arange(256) / 255 - 0.5) / DC_FACTOR).astype(np.float32)
