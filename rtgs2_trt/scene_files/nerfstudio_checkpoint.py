"""Checkpoints of nerfstudio's splatfacto (``nerfstudio_models/step-*.ckpt``), taken back to the capture's world."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtgs2_trt.errors import SceneError, shown
from rtgs2_trt.file_access import reading
from rtgs2_trt.orientation import ROTATION_TOLERANCE
from rtgs2_trt.quaternions import rotate_quaternions
from rtgs2_trt.scene_files.gaussian_arrays import GaussianArrays, checked
from rtgs2_trt.scene_files.standard_ply import SH_COUNTS
from rtgs2_trt.scene_files.torch_checkpoint import Tensors, activated
from rtgs2_trt.spherical_harmonics import DC_FACTOR, rotate_sh

TRANSFORMS = "dataparser_transforms.json"
_PREFIXES = ("_model.gauss_params.", "_model.", "module._model.gauss_params.")
_TRANSFORMS_BYTES = 1 << 20
_FLOAT32 = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)  # the least and the largest above zero
_NO_TRANSFORMS = (
    f"there is no {TRANSFORMS} beside it or in the folder above, so it stays in the normalised world that nerfstudio "
    "trained in: neither metres nor the axes of the cameras' file"
)


def is_nerfstudio(content: Mapping[str, Any]) -> bool:
    """Whether a checkpoint is one of nerfstudio's, of whatever method."""
    return isinstance(content.get("pipeline"), Mapping)


def read(content: Mapping[str, Any], path: str | Path) -> GaussianArrays:
    """Return the Gaussians of a checkpoint for which :func:`is_nerfstudio` holds.

    Splatfacto trains in a normalised world. ``dataparser_transforms.json``, which nerfstudio writes into the folder
    above the checkpoints, tells how it was made; it is undone here. Where ``transforms.json`` has an
    ``applied_transform`` (``ns-process-data`` writes one), that is part of it: Gaussians come back in COLMAP's world,
    of which ``load_cameras`` reads the COLMAP model.

    Raises:
        SceneError: no Gaussians in it, tensors are missing or of another shape, or a damaged transform.
    """
    path = Path(path)
    pipeline = content["pipeline"]
    prefix = next((p for p in _PREFIXES if f"{p}means" in pipeline), None)
    if prefix is None:
        raise SceneError(
            "a nerfstudio checkpoint without Gaussians",
            file=path,
            field="pipeline",
            expected="_model.gauss_params.means, as splatfacto saves",
            fix="Give a checkpoint of splatfacto.",
        )
    names = {
        key[len(prefix) :]: value for key, value in pipeline.items() if isinstance(key, str) and key.startswith(prefix)
    }
    tensors = Tensors(names, path, f"pipeline.{prefix}")
    count = tensors.count
    coefficients = 1 + tensors.width("features_rest")
    if coefficients not in SH_COUNTS:
        raise SceneError(
            "not a whole degree of spherical harmonics",
            file=path,
            field=f"pipeline.{prefix}features_rest",
            found=f"{coefficients - 1} coefficients",
            expected="0, 3, 8 or 15",
        )
    constant = tensors.take("features_dc", (count, 3))
    if coefficients == 1:  # without harmonics splatfacto trains logits of colours
        constant = ((1 / (1 + np.exp(-np.clip(constant, -87, 87))) - 0.5) / DC_FACTOR).astype(np.float32)
    sh = np.concatenate([constant[:, None], tensors.take("features_rest", (count, coefficients - 1, 3))], axis=1)
    arrays = activated(
        tensors.take("means", (count, 3)),
        tensors.take("scales", (count, 3)),
        tensors.take("quats", (count, 4)),
        tensors.take("opacities", (count, 1))[:, 0].copy(),
        sh,
    )
    arrays = checked(arrays)
    folder = path.absolute().parent  # of a bare name the folder above is not its "."
    file = next((f for f in (folder / TRANSFORMS, folder.parent / TRANSFORMS) if f.is_file()), None)
    if file is None:
        return replace(arrays, unfaithful=(*arrays.unfaithful, _NO_TRANSFORMS))
    return _undone(arrays, *_transform(file))


def _transform(file: Path) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Return rotation (3, 3), translation (3,) and scale: trained = scale * (rotation @ original + translation)."""
    with reading(file, SceneError) as (source, size):
        if size > _TRANSFORMS_BYTES:
            raise SceneError("far too large", file=file, found=f"{size} bytes", expected=f"at most {_TRANSFORMS_BYTES}")
        data = source.read(_TRANSFORMS_BYTES)
    fix = "Train again, or remove the file to keep nerfstudio's world."
    try:
        values = json.loads(data.decode("utf-8"))
        matrix = np.array(values["transform"], dtype=np.float64)
        scale = float(values["scale"])
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as problem:
        raise SceneError("not a transform of nerfstudio", file=file, found=shown(problem), fix=fix) from problem
    if matrix.shape not in ((3, 4), (4, 4)) or not np.isfinite(matrix).all() or not 1e-12 < scale < 1e12:
        raise SceneError(
            "not a transform of nerfstudio", file=file, field="transform, scale", found=matrix.shape, fix=fix
        )
    rotation = matrix[:3, :3]
    with np.errstate(over="ignore", invalid="ignore"):
        is_rotation = (
            np.abs(rotation @ rotation.T - np.eye(3)).max() <= ROTATION_TOLERANCE and np.linalg.det(rotation) > 0
        )
    if not is_rotation or np.abs(matrix[:3, 3]).max() > 1e12:
        raise SceneError("its 3x3 part is not a rotation", file=file, field="transform", fix=fix)
    return rotation, matrix[:3, 3], scale


def _undone(
    arrays: GaussianArrays, rotation: NDArray[np.float64], translation: NDArray[np.float64], scale: float
) -> GaussianArrays:
    with np.errstate(over="ignore", invalid="ignore"):  # of rows that are unusable anyway
        return replace(
            arrays,
            means=((arrays.means / scale - translation) @ rotation).astype(np.float32),
            scales=np.clip(arrays.scales.astype(np.float64) / scale, *_FLOAT32).astype(np.float32),
            rotations=rotate_quaternions(rotation.T, arrays.rotations),
            sh=rotate_sh(arrays.sh, rotation.T),
        )
