"""What every reader of scene files returns, and the checks that all of them share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rtgs2_trt.errors import SceneError
from rtgs2_trt.ply import Fault, Problem

BLOCK = 1 << 14  # Gaussians decoded at a time, a multiple of 256: what lies between file and result stays in the cache

ANTIALIASED = (
    "it was trained with antialiasing (Mip-Splatting's 2D filter), which the rasteriser of RT-GS2 does not have: what "
    "is thin or far away comes out thicker than it was trained"
)
SURFELS = (
    "it was trained with 2D Gaussian Splatting, whose surfels are drawn here as flat 3D Gaussians: they are thicker "
    "where they are seen from the side"
)

_UNIT_TOLERANCE = 1e-6  # as the core's PLY decoder: quaternions that are unit up to rounding stay as they are


@dataclass(frozen=True, eq=False)
class GaussianArrays:
    """N Gaussians of a file in the file's own units and axes, everything float32.

    ``means`` (N, 3); ``scales`` (N, 3) linear, > 0; ``rotations`` (N, 4) unit quaternions wxyz; ``opacities`` (N,) in
    0..1; ``sh`` (N, K, 3), K = 1, 4, 9 or 16; ``features`` (N, D) or None; ``features_encoder`` as the file says.
    ``unfaithful`` says in sentences without a subject what of the scene cannot be rendered as it was trained.
    Rows that ``unusable`` (N,) names hold NaN, infinite values or a zero quaternion, which ``faults`` describes; None
    where there are none.
    """

    means: NDArray[np.float32]
    scales: NDArray[np.float32]
    rotations: NDArray[np.float32]
    opacities: NDArray[np.float32]
    sh: NDArray[np.float32]
    features: NDArray[np.float32] | None = None
    features_encoder: str | None = None
    unfaithful: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    unusable: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.means)


def allocated(count: int, sh_count: int, path: str | Path) -> GaussianArrays:
    """Return arrays of `count` Gaussians to be filled by a reader.

    Raises:
        SceneError: they do not fit into the memory.
    """
    try:
        return GaussianArrays(
            means=np.empty((count, 3), np.float32),
            scales=np.empty((count, 3), np.float32),
            rotations=np.empty((count, 4), np.float32),
            opacities=np.empty(count, np.float32),
            sh=np.empty((count, sh_count, 3), np.float32),
        )
    except (MemoryError, ValueError) as problem:  # ValueError: beyond what an array can address
        raise SceneError(
            "too large for the memory of this machine",
            file=path,
            field="count",
            found=f"{count} Gaussians",
            fix="Prune the scene, or load it on a machine with more memory.",
        ) from problem


def blocks(count: int, size: int = BLOCK) -> Iterator[slice]:
    """Yield slices of at most `size` that cover `count` rows in order."""
    for start in range(0, count, size):
        yield slice(start, min(count, start + size))


def checked(arrays: GaussianArrays) -> GaussianArrays:
    """Return `arrays` with normalised quaternions (in place) and with what is wrong with them, for :class:`Scene`.

    Scales of 0 become the least normal float32, as a clipped logarithm would.
    """
    count = len(arrays)
    unusable = np.zeros(count, bool)
    found: dict[tuple[str, Problem], tuple[int, int]] = {}

    def note(field: str, problem: Problem, bad: NDArray[np.bool_], rows: slice) -> None:
        if bad.any():
            total, first = found.get((field, problem), (0, rows.start + int(np.argmax(bad))))
            found[field, problem] = (total + int(np.count_nonzero(bad)), first)
            unusable[rows] |= bad

    for rows in blocks(count):
        for field in ("means", "scales", "opacities", "sh", "rotations"):
            finite = np.isfinite(getattr(arrays, field)[rows])
            if not finite.all():  # rarely, so the slower look at each row is only taken then
                by_row = finite.reshape(len(finite), -1)
                note(field, "NaN or infinite values", ~np.logical_and.reduce(by_row, axis=1), rows)
        with np.errstate(invalid="ignore", over="ignore"):
            scales = arrays.scales[rows]
            if not scales.min() > 0:
                note("scales", "negative scales", np.logical_or.reduce(scales < 0, axis=1), rows)
                np.maximum(scales, np.finfo(np.float32).tiny, out=scales)
            rotations = arrays.rotations[rows]
            norms = np.sqrt(np.einsum("ij,ij->i", rotations, rotations))
            uneven = np.abs(norms - 1) >= _UNIT_TOLERANCE
            if uneven.any():
                note("rotations", "zero quaternions", norms == 0, rows)
                rotations[uneven] /= np.where(norms[uneven] == 0, 1, norms[uneven])[:, None]
    if not unusable.any():
        return arrays
    faults = tuple(Fault(field, problem, *numbers) for (field, problem), numbers in found.items())
    return replace(arrays, faults=faults, unusable=unusable)
