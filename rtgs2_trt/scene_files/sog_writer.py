"""Writing SOG archives, version 2: codebooks, a palette of spherical harmonics, lossless images."""

from __future__ import annotations

import io
import json
import math
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rtgs2_trt.atomic import atomic_file
from rtgs2_trt.errors import SceneError
from rtgs2_trt.scene_files.morton_order import morton_order
from rtgs2_trt.scene_files.smallest_three import smallest_of_rotations

if TYPE_CHECKING:
    from rtgs2_trt.scene import Scene

_CODES = 256
_CODEBOOK_SAMPLES = 1 << 20
_CODEBOOK_ROUNDS = 8
_PALETTE_LEVELS = 16  # of halving: 65536 entries
_PALETTE_ROW = 64
_PALETTE_AXES = 8
_DATE = (1980, 1, 1, 0, 0, 0)  # the same scene gives the same file


def write(scene: Scene, path: Path) -> None:
    """Write a scene as a ``.sog`` archive, in Morton order; features are left out.

    Positions are kept to 16 bits of their logarithm, log scales and colours to the nearest of 256 values chosen for
    the scene, rotations to 1.1 degrees (half of them to 0.4), opacities to 1/255. Spherical
    harmonics are those of the scene up to 65,536 Gaussians, means of similar ones beyond, with values from a codebook
    too.

    Raises:
        SceneError: the file cannot be written.
    """
    count = len(scene)
    order = morton_order(scene.means)
    logarithms = np.sign(scene.means[order]) * np.log1p(np.abs(scene.means[order].astype(np.float64)))
    least, greatest = logarithms.min(axis=0), logarithms.max(axis=0)
    span = np.where(greatest > least, greatest - least, 1)
    steps = np.rint((logarithms - least) / span * 65535).astype(np.uint16)
    smallest, largest = smallest_of_rotations(scene.rotations[order])
    quaternions = np.column_stack([np.rint(np.clip(smallest, -1, 1) * 127.5 + 127.5), largest + 252]).astype(np.uint8)
    scale_codes, scales = _coded(np.log(scene.scales[order]))
    colour_codes, colours = _coded(scene.sh[order, 0])
    opacities = np.rint(scene.opacities[order] * 255).astype(np.uint8)
    images = {
        "means_l.webp": (steps & 255).astype(np.uint8),
        "means_u.webp": (steps >> 8).astype(np.uint8),
        "quats.webp": quaternions,
        "scales.webp": scales,
        "sh0.webp": np.column_stack([colours, opacities]),
    }
    meta: dict[str, Any] = {
        "version": 2,
        "count": count,
        "means": {"mins": least.tolist(), "maxs": greatest.tolist(), "files": ["means_l.webp", "means_u.webp"]},
        "scales": {"codebook": scale_codes.tolist(), "files": ["scales.webp"]},
        "quats": {"files": ["quats.webp"]},
        "sh0": {"codebook": colour_codes.tolist(), "files": ["sh0.webp"]},
    }
    width = 4 * math.ceil(math.sqrt(count) / 4)
    pictures = {name: _as_image(pixels, width) for name, pixels in images.items()}
    if scene.sh_degree:
        entries, labels = _palette(scene.sh[order, 1:].reshape(count, -1))
        codes, centroids = _coded(entries)
        meta["shN"] = {
            "count": len(entries),
            "bands": scene.sh_degree,
            "codebook": codes.tolist(),
            "files": ["shN_centroids.webp", "shN_labels.webp"],
        }
        coefficients = scene.sh.shape[1] - 1
        pictures["shN_centroids.webp"] = _as_image(centroids.reshape(-1, 3), _PALETTE_ROW * coefficients)
        two_bytes = np.column_stack([labels & 255, labels >> 8, np.zeros_like(labels)]).astype(np.uint8)
        pictures["shN_labels.webp"] = _as_image(two_bytes, width)
    with atomic_file(path, SceneError) as file, zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo("meta.json", _DATE), json.dumps(meta))
        for name, picture in pictures.items():
            archive.writestr(zipfile.ZipInfo(name, _DATE), _lossless(picture))


def _as_image(pixels: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """Return pixels (n, channels) in rows of `width`, with zeros after the last."""
    rows = -(-len(pixels) // width)
    padded = np.zeros((rows * width, pixels.shape[1]), np.uint8)
    padded[: len(pixels)] = pixels
    return padded.reshape(rows, width, -1)


def _lossless(picture: NDArray[np.uint8]) -> bytes:
    data = io.BytesIO()
    # exact: colours under an alpha of 0 are data here
    Image.fromarray(picture).save(data, "WEBP", lossless=True, exact=True, quality=60, method=3)
    return data.getvalue()


def _coded(values: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return 256 ascending values and for each of `values` the index of the nearest: Lloyd's algorithm on a line."""
    line = np.sort(values.ravel()[:: max(1, values.size // _CODEBOOK_SAMPLES)].astype(np.float64))
    # Half by rank, for the many, half by place, for the few at the ends.
    ranked = line[np.linspace(0, len(line) - 1, _CODES // 2).astype(np.intp)]
    codes = np.sort(np.concatenate([ranked, np.linspace(values.min(), values.max(), _CODES // 2)]))
    sums = np.concatenate([[0.0], np.cumsum(line)])
    for _ in range(_CODEBOOK_ROUNDS):
        edges = np.searchsorted(line, (codes[1:] + codes[:-1]) / 2)
        starts, ends = np.concatenate([[0], edges]), np.concatenate([edges, [len(line)]])
        filled = ends > starts
        codes[filled] = (sums[ends] - sums[starts])[filled] / (ends - starts)[filled]
        codes.sort()
    stored = codes.astype(np.float32)
    nearest = np.searchsorted((stored[1:] + stored[:-1]) / 2, values.ravel())
    return stored, nearest.astype(np.uint8).reshape(values.shape)


def _palette(values: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Return at most 65,536 rows and for each row of `values` (N, D) the index of one that is close to it.

    Halves the rows again and again at the median of the axis on which they spread most, among the principal axes.
    """
    count = len(values)
    if count <= 1 << _PALETTE_LEVELS:
        return values, np.arange(count)
    centred = values - values.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    projected = np.ascontiguousarray((centred @ axes[:, -_PALETTE_AXES:]).T)
    group = np.zeros(count, np.intp)
    for level in range(_PALETTE_LEVELS):
        groups = 1 << level
        sizes = np.bincount(group, minlength=groups)
        spread = np.stack([_group_variance(axis, group, sizes) for axis in projected])
        chosen = projected[spread.argmax(axis=0)[group], np.arange(count)]
        order = np.lexsort((chosen, group))
        rank = np.empty(count, np.intp)
        rank[order] = np.arange(count) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        group = 2 * group + (rank >= sizes[group] // 2)
    sizes = np.bincount(group, minlength=1 << _PALETTE_LEVELS)
    entries = np.stack([np.bincount(group, column, len(sizes)) for column in values.T], axis=1) / sizes[:, None]
    return entries.astype(np.float32), group


def _group_variance(
    values: NDArray[np.float32], group: NDArray[np.intp], sizes: NDArray[np.intp]
) -> NDArray[np.float64]:
    mean = np.bincount(group, values, len(sizes)) / sizes
    return np.bincount(group, values.astype(np.float64) ** 2, len(sizes)) / sizes - mean**2
