"""Checkpoints of gsplat's trainer (``ckpts/ckpt_*.pt``): a dictionary ``splats`` of tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from rtgs2_trt.errors import SceneError
from rtgs2_trt.scene_files.gaussian_arrays import GaussianArrays, checked
from rtgs2_trt.scene_files.standard_ply import SH_COUNTS
from rtgs2_trt.scene_files.torch_checkpoint import Tensors, activated

_UNKNOWN_WORLD = (
    "gsplat's trainer normalises its world unless told otherwise (normalize_world_space), and the checkpoint does not "
    "say: it may be in neither the units nor the axes of the cameras' file"
)


def is_gsplat(content: Mapping[str, Any]) -> bool:
    """Whether a checkpoint is one of gsplat's."""
    return isinstance(content.get("splats"), Mapping)


def read(content: Mapping[str, Any], path: str | Path) -> GaussianArrays:
    """Return the Gaussians of a checkpoint for which :func:`is_gsplat` holds, in the world that it was trained in.

    That is the capture's own only where the trainer was told not to normalise it (gsplat's ``normalize_world_space``),
    of which the file says nothing: ``unfaithful`` tells.

    Raises:
        SceneError: tensors are missing or of another shape, or colours depend on an appearance network.
    """
    splats = Tensors(content["splats"], path, "splats.")
    if "sh0" not in splats and "features" in splats:
        raise SceneError(
            "colours of an appearance network, which only its trainer can render",
            file=path,
            field="splats.features",
            expected="splats.sh0 and splats.shN",
            fix="Train with app_opt off, or export the scene as PLY where it was trained.",
        )
    count = splats.count
    coefficients = 1 + splats.width("shN") if "shN" in splats else 1
    if coefficients not in SH_COUNTS:
        raise SceneError(
            "not a whole degree of spherical harmonics",
            file=path,
            field="splats.shN",
            found=f"{coefficients - 1} coefficients",
            expected="0, 3, 8 or 15",
        )
    parts = [splats.take("sh0", (count, 1, 3))]
    if coefficients > 1:
        parts.append(splats.take("shN", (count, coefficients - 1, 3)))
    arrays = checked(
        activated(
            splats.take("means", (count, 3)),
            splats.take("scales", (count, 3)),
            splats.take("quats", (count, 4)),
            splats.take("opacities", (count,)),
            np.concatenate(parts, axis=1),
        )
    )
    return replace(arrays, unfaithful=(*arrays.unfaithful, _UNKNOWN_WORLD))
