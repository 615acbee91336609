"""What every reader of scene files returns, and the checks that all of them share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from rtgs2_trt import _native
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


def checked(arrays: GaussianArrays, threads: int = 0) -> GaussianArrays:
    """Return `arrays` with normalised quaternions and with what is wrong with them, for :class:`Scene`.

    Arrays in C order are changed in place. Scales of 0 become the least normal float32, as a clipped logarithm would.
    """
    ordered = replace(
        arrays,
        means=np.ascontiguousarray(arrays.means),
        scales=np.ascontiguousarray(arrays.scales),
        rotations=np.ascontiguousarray(arrays.rotations),
        opacities=np.ascontiguousarray(arrays.opacities),
        sh=np.ascontiguousarray(arrays.sh),
    )
    faults, unusable = _native.check_gaussians(
        ordered.means, ordered.scales, ordered.rotations, ordered.opacities, ordered.sh, threads
    )
    return with_faults(ordered, faults, unusable)


def with_faults(
    arrays: GaussianArrays, faults: Mapping[tuple[str, str], tuple[int, int]], unusable: NDArray[np.bool_] | None
) -> GaussianArrays:
    """Return `arrays` with the faults that the core found: (field, problem) -> (how many, the first)."""
    told = tuple(Fault(field, cast(Problem, problem), *numbers) for (field, problem), numbers in faults.items())
    return replace(arrays, faults=told, unusable=unusable)
