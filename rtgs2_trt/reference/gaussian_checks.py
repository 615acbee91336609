"""Reference of the checks of decoded Gaussians: whole arrays, one rule after the other."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from rtgs2_trt.ply import Fault, Problem
from rtgs2_trt.scene_files.gaussian_arrays import GaussianArrays


def checked_reference(arrays: GaussianArrays) -> GaussianArrays:
    """Do as :func:`rtgs2_trt.scene_files.gaussian_arrays.checked` does, on copies."""
    bad: dict[tuple[str, str], NDArray[np.bool_]] = {}
    for field in ("means", "scales", "opacities", "sh", "rotations"):
        finite = np.isfinite(getattr(arrays, field)).reshape(len(arrays), -1)
        bad[field, "NaN or infinite values"] = ~np.logical_and.reduce(finite, axis=1)
    bad["scales", "negative scales"] = np.logical_or.reduce(arrays.scales < 0, axis=1)
    exact = arrays.rotations.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        norms = np.sqrt((exact * exact).sum(axis=1, keepdims=True))
        bad["rotations", "zero quaternions"] = norms[:, 0] == 0
        kept = (np.abs(norms - 1) < 1e-6) | (norms == 0)
        rotations = np.where(kept, arrays.rotations, exact / np.where(norms == 0, 1, norms)).astype(np.float32)
    unusable = np.logical_or.reduce(list(bad.values()))
    return replace(
        arrays,
        scales=np.where(arrays.scales == 0, np.finfo(np.float32).tiny, arrays.scales),
        rotations=rotations,
        faults=tuple(
            Fault(field, cast(Problem, problem), int(np.count_nonzero(rows)), int(np.argmax(rows)))
            for (field, problem), rows in bad.items()
            if rows.any()
        ),
        unusable=unusable if unusable.any() else None,
    )
