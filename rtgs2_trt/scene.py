"""A scene of 3D Gaussians: arrays, loading and saving, change of units and axes."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rtgs2_trt import ply
from rtgs2_trt.errors import SceneError
from rtgs2_trt.orientation import checked_rotation, checked_scale, orientation
from rtgs2_trt.quaternions import rotate_quaternions
from rtgs2_trt.scene_files import GaussianArrays, WrittenFormat, format_of_name, read_scene_file, write_scene_file
from rtgs2_trt.scene_files.read_progress import ProgressCallback, ReadProgress
from rtgs2_trt.scene_files.standard_ply import ENCODER_COMMENT, SH_COUNTS
from rtgs2_trt.spherical_harmonics import rotate_sh
from rtgs2_trt.threads import check_threads

_PLAUSIBLE_EXTENT = (0.5, 100.0)
_EXTENT_SAMPLES = 20_000
# Keeps the logit of a stored opacity finite; the upper end still becomes 1 in float32.
_OPACITY_RANGE = (1e-30, 1 - 1e-8)
_UNIT_TOLERANCE = 1e-6
_DROP = 'Load it with invalid="drop" (--drop-invalid on the command line) to leave these Gaussians out.'


class SceneScaleWarning(UserWarning):
    """The scene's extent is implausible for rooms in metres, which the encoder's 0.07 m voxels need."""


class DroppedGaussiansWarning(UserWarning):
    """Gaussians of a file were left out, as ``invalid="drop"`` asked for; the message says how many."""


class SceneFidelityWarning(UserWarning):
    """A scene holds something that cannot be rendered as it was trained; the message says what."""


@dataclass(frozen=True, eq=False, repr=False)
class Scene:
    """N Gaussians in metres, +z up, and optionally the features that an encoder gave them.

    Everything is converted to C-contiguous float32 and checked; arrays that already fit are kept without a copy and
    must not be changed afterwards.

    Args:
        means: (N, 3) centres, N >= 1.
        scales: (N, 3) standard deviations along the Gaussians' axes, linear (not log), > 0.
        rotations: (N, 4) quaternions (w, x, y, z) that turn the Gaussians' axes into the world's; normalised here.
        opacities: (N,) in 0..1 (after the sigmoid).
        sh: (N, K, 3) spherical harmonics of the RGB colour, DC first, K = 1, 4, 9 or 16, in the order and signs of
            :func:`rtgs2_trt.spherical_harmonics.sh_basis`.
        features: (N, D), D >= 1, or None.
        features_encoder: SHA-256 (64 hexadecimal digits) of the encoder that computed `features`, if known.

    Raises:
        SceneError: a wrong shape or dtype, values that are not finite or outside their range.
    """

    means: NDArray[np.float32]
    scales: NDArray[np.float32]
    rotations: NDArray[np.float32]
    opacities: NDArray[np.float32]
    sh: NDArray[np.float32]
    features: NDArray[np.float32] | None = None
    features_encoder: str | None = None

    def __post_init__(self) -> None:
        means = _as_float32("means", self.means, "(N, 3)", lambda s: len(s) == 2 and s[1] == 3)
        count = len(means)
        if count == 0:
            raise SceneError("there are no Gaussians", field="means", expected="at least one")
        arrays = {
            "means": means,
            "scales": _as_float32("scales", self.scales, f"({count}, 3)", lambda s: s == (count, 3)),
            "rotations": _as_float32("rotations", self.rotations, f"({count}, 4)", lambda s: s == (count, 4)),
            "opacities": _as_float32("opacities", self.opacities, f"({count},)", lambda s: s == (count,)),
            "sh": _as_float32(
                "sh",
                self.sh,
                f"({count}, K, 3) with K = 1, 4, 9 or 16",
                lambda s: len(s) == 3 and s[0] == count and s[1] in SH_COUNTS and s[2] == 3,
            ),
        }
        for name, array in arrays.items():
            _require_finite(array, name)
        if self.features is not None:
            arrays["features"] = _checked_features(self.features, count)
        positive = np.logical_and.reduce(arrays["scales"] > 0, axis=1)
        _require_all(positive, "scales", "scales that are not positive", "Give linear scales, exp() of the log-scales.")
        opacities = arrays["opacities"]
        _require_all(
            (opacities >= 0) & (opacities <= 1),
            "opacities",
            "opacities outside 0 to 1",
            "Apply the sigmoid to stored opacities.",
        )
        norms = np.linalg.norm(arrays["rotations"].astype(np.float64), axis=1, keepdims=True)
        _require_all(norms[:, 0] > 0, "rotations", "zero quaternions", "Remove these Gaussians.")
        # Rows that are unit up to rounding stay as they are, so that copies and saved scenes are bit for bit the same.
        norms[np.abs(norms - 1) < _UNIT_TOLERANCE] = 1
        arrays["rotations"] = (arrays["rotations"] / norms).astype(np.float32)
        for name, array in arrays.items():
            object.__setattr__(self, name, array)
        if self.features_encoder is not None:
            object.__setattr__(self, "features_encoder", _checked_encoder(self.features_encoder, self.features))

    @classmethod
    def _of_checked(cls, values: Mapping[str, Any]) -> Scene:
        """Return the scene of these fields, which are known to fulfil what the constructor would check and do."""
        scene = object.__new__(cls)
        for field in fields(cls):
            object.__setattr__(scene, field.name, values[field.name])
        return scene

    def __len__(self) -> int:
        """Number of Gaussians."""
        return len(self.means)

    def __repr__(self) -> str:
        features = "none" if self.features is None else str(self.features.shape[1])
        return f"Scene({len(self)} Gaussians, SH degree {self.sh_degree}, features {features})"

    @property
    def sh_degree(self) -> int:
        """Degree of the spherical harmonics, 0 to 3."""
        return SH_COUNTS.index(self.sh.shape[1])

    @property
    def bounds(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Least and greatest coordinates of the means, two (3,) arrays in metres."""
        return self.means.min(axis=0), self.means.max(axis=0)

    def with_features(self, features: ArrayLike | None, features_encoder: str | None = None) -> Scene:
        """Return the scene with other features; everything else is shared.

        Args:
            features: (N, D), or None to take them away.
            features_encoder: SHA-256 of the encoder that computed them, if known.

        Raises:
            SceneError: as the constructor.
        """
        given = None if features is None else _checked_features(features, len(self))
        encoder = None if features_encoder is None else _checked_encoder(features_encoder, features)
        return Scene._of_checked({**vars(self), "features": given, "features_encoder": encoder})

    def transformed(self, scale: float, rotation: ArrayLike, translation: ArrayLike = (0.0, 0.0, 0.0)) -> Scene:
        """Return the scene in the world x' = rotation @ (scale * x) + translation.

        Rotations and spherical harmonics turn along. Scales stay within float32's normal range. Features are taken
        away: they belong to the voxels of the old world.

        Args:
            scale: a positive number.
            rotation: (3, 3), a rotation.
            translation: (3,) metres.

        Raises:
            SceneError: an impossible scale, rotation or translation, or coordinates that leave float32.
        """
        shift = _as_float32("translation", translation, "(3,)", lambda s: s == (3,)).astype(np.float64)
        if not np.isfinite(shift).all():
            raise SceneError("not finite", field="translation", found=shift.tolist())
        factor = checked_scale(scale, error=SceneError)
        matrix = checked_rotation(rotation, error=SceneError)
        limits = np.finfo(np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            return Scene(
                means=(self.means @ (factor * matrix).T + shift).astype(np.float32),
                scales=np.clip(self.scales * np.float64(factor), limits.tiny, limits.max).astype(np.float32),
                rotations=rotate_quaternions(matrix, self.rotations),
                opacities=self.opacities,
                sh=rotate_sh(self.sh, matrix),
            )

    @classmethod
    def load(
        cls,
        path: str | Path,
        *,
        scale: float = 1.0,
        up: str = "z",
        invalid: Literal["error", "drop"] = "error",
        threads: int = 0,
        progress: ProgressCallback | None = None,
    ) -> Scene:
        """Read a scene of any format that is known here, recognised by its content.

        Standard 3DGS PLY (ASCII or binary, with ``f_pc_*`` features if it has them), PlayCanvas compressed PLY,
        ``.splat``, ``.spz``, SOG (a folder with ``meta.json`` or a ``.sog`` archive), and checkpoints of gsplat and
        nerfstudio (``.pt``, ``.ckpt``; these need PyTorch). docs/scenes.md says what each keeps.

        Properties of a PLY are found by name, in any order and of any numeric type; others are ignored. Stored
        log-scales are clipped to -87..88, so that their exponential is a normal, finite float32; logits of infinite
        size are opacities of 0 and 1. A `scale` or `up` takes features away (see :meth:`transformed`).

        Args:
            path: the file or SOG folder.
            scale: metres per unit of the file (a scene from COLMAP has an arbitrary unit).
            up: the file's axis that points up, one of x, -x, y, -y, z, -z; the scene is turned so that it becomes +z
                (:func:`rtgs2_trt.orientation.orientation`). Many captures have y down: ``up="-y"``.
            invalid: what to do about Gaussians with NaN, infinite values or a zero quaternion: refuse the file or
                drop them.
            threads: threads that decode a binary file, 0 = all that the machine has.
            progress: called in this thread with the share of the reading that is done: growing numbers of 0..1, 1 at
                the end alone. What it raises ends the loading. Checkpoints are read in one step.

        Raises:
            SceneError: the file cannot be read as a Gaussian scene, or an argument is impossible.

        Warns:
            SceneScaleWarning: 98 % of the means span less than 0.5 m or more than 100 m on the largest axis (judged
                by up to 40,000 of them, evenly spaced in the file).
            DroppedGaussiansWarning: Gaussians were dropped.
            SceneFidelityWarning: the file says that something in it cannot be rendered as it was trained.
        """
        check_threads(threads)
        if invalid not in ("error", "drop"):
            raise SceneError(
                "not a way to treat bad values", field="invalid", found=repr(invalid), expected="error, drop"
            )
        rotation = orientation(up, error=SceneError)
        factor = checked_scale(scale, error=SceneError)
        told = ReadProgress(progress)
        values = _usable(_told(read_scene_file(path, threads, told), path), invalid == "drop", path)
        try:
            if values["features_encoder"] is not None:
                values["features_encoder"] = _checked_encoder(values["features_encoder"], values["features"])
            scene = cls._of_checked(values)
            if up != "z" or factor != 1:
                scene = scene.transformed(factor, rotation)
        except SceneError as problem:
            raise SceneError(
                problem.problem,
                file=path,
                field=problem.field,
                found=problem.found,
                expected=problem.expected,
                fix=problem.fix,
            ) from problem
        _warn_of_extent(scene, path)
        told.finish()
        return scene

    def save(self, path: str | Path, format: WrittenFormat | None = None) -> None:
        """Write the scene to a file, whole or not at all.

        Standard PLY, binary little-endian, keeps everything: properties x y z nx ny nz f_dc_* f_rest_* opacity scale_*
        rot_*, then f_pc_* with the features, bit for bit, and their encoder in a comment. Opacities of exactly 0 or 1
        are stored as 1e-30 and 1 - 1e-8, whose logit is finite; everything comes back within float32 rounding of the
        stored logarithms. The other formats are smaller and lose precision and features (docs/scenes.md).

        Args:
            path: the file.
            format: "ply", "compressed-ply", "splat", "spz" or "sog"; None for what the name ends with
                (.compressed.ply, .splat, .spz, .sog), and PLY for every other name.

        Raises:
            SceneError: the file cannot be written, or the format cannot hold the scene.
        """
        kind = format or format_of_name(path) or "ply"
        if kind == "ply":
            self._save_ply(path)
        else:
            write_scene_file(self, path, kind)

    def ply_columns(self) -> dict[str, NDArray[np.float32]]:
        """Return the properties of a standard 3DGS PLY, name -> (N,), in the order of the file."""
        opacities = np.clip(self.opacities.astype(np.float64), *_OPACITY_RANGE)
        coefficients = self.sh.shape[1]
        columns: dict[str, NDArray[np.float32]] = {name: self.means[:, i] for i, name in enumerate("xyz")}
        columns |= dict.fromkeys(("nx", "ny", "nz"), np.zeros(len(self), dtype=np.float32))
        columns |= {f"f_dc_{i}": self.sh[:, 0, i] for i in range(3)}
        columns |= {
            f"f_rest_{channel * (coefficients - 1) + k - 1}": self.sh[:, k, channel]
            for channel in range(3)
            for k in range(1, coefficients)
        }
        columns["opacity"] = np.log(opacities / (1 - opacities)).astype(np.float32)
        columns |= {f"scale_{i}": np.log(self.scales[:, i]) for i in range(3)}
        columns |= {f"rot_{i}": self.rotations[:, i] for i in range(4)}
        if self.features is not None:
            columns |= {f"f_pc_{i}": self.features[:, i] for i in range(self.features.shape[1])}
        return columns

    def _save_ply(self, path: str | Path) -> None:
        comments = [f"{ENCODER_COMMENT} {self.features_encoder}"] if self.features_encoder else []
        ply.write_ply(path, self.ply_columns(), comments)


def _as_float32(
    name: str, values: ArrayLike, expected: str, fits: Callable[[tuple[int, ...]], bool]
) -> NDArray[np.float32]:
    try:
        array = np.asarray(values)
    except (TypeError, ValueError) as problem:
        raise SceneError("not an array of numbers", field=name, expected=expected) from problem
    if array.dtype.kind not in "fiu":
        raise SceneError("not an array of real numbers", field=name, found=array.dtype, expected="float32")
    if not fits(array.shape):
        raise SceneError("wrong shape", field=name, found=array.shape, expected=expected)
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(array, dtype=np.float32)


def _require_all(good: NDArray[np.bool_], name: str, problem: str, fix: str) -> None:
    if not good.all():
        found = f"{np.count_nonzero(~good)} of {len(good)} Gaussians, the first at index {np.argmin(good)}"
        raise SceneError(problem, field=name, found=found, fix=fix)


def _checked_features(features: ArrayLike, count: int) -> NDArray[np.float32]:
    array = _as_float32("features", features, f"({count}, D)", lambda s: len(s) == 2 and s[0] == count and s[1] > 0)
    _require_finite(array, "features")
    return array


def _require_finite(array: NDArray[np.float32], name: str) -> None:
    finite = np.logical_and.reduce(np.isfinite(array).reshape(len(array), -1), axis=1)
    _require_all(finite, name, "NaN or infinite values", "Remove these Gaussians or repair their values.")


def _checked_encoder(encoder: object, features: object) -> str:
    if not isinstance(encoder, str) or not re.fullmatch("[0-9a-fA-F]{64}", encoder):
        raise SceneError("not a SHA-256", field="features_encoder", found=repr(encoder)[:80], expected="64 hex digits")
    if features is None:
        raise SceneError("an encoder without features", field="features_encoder", fix="Give the features too.")
    return encoder.lower()


def _told(arrays: GaussianArrays, path: str | Path) -> GaussianArrays:
    for reason in arrays.unfaithful:
        warnings.warn(f"{path}: {reason}", SceneFidelityWarning, stacklevel=3)
    return arrays


def _usable(arrays: GaussianArrays, drop: bool, path: str | Path) -> dict[str, Any]:
    """Return the fields of a scene without Gaussians that cannot be used, or refuse the file for them."""
    values = {field.name: getattr(arrays, field.name) for field in fields(Scene)}
    if arrays.unusable is None:
        return values
    total, bad = len(arrays.unusable), int(np.count_nonzero(arrays.unusable))
    if not drop:
        fault = arrays.faults[0]
        found = f"{fault.count} of {total} Gaussians, the first at index {fault.first}"
        raise SceneError(fault.problem, file=path, field=fault.field, found=found, fix=_DROP)
    if bad == total:
        raise SceneError(
            "every Gaussian has NaN, infinite values or a zero quaternion",
            file=path,
            field=", ".join(fault.field for fault in arrays.faults),
            found=f"{bad} of {total} Gaussians",
            fix="Train again.",
        )
    good = ~arrays.unusable
    del arrays
    for key, value in values.items():  # one after the other, so that no two of them are there twice
        if isinstance(value, np.ndarray):
            values[key] = value[good]
    warnings.warn(
        f"{path}: dropped {bad} of {total} Gaussians for NaN, infinite values or a zero quaternion",
        DroppedGaussiansWarning,
        stacklevel=3,
    )
    return values


def _warn_of_extent(scene: Scene, path: str | Path) -> None:
    means = scene.means[:: max(1, len(scene) // _EXTENT_SAMPLES)]
    low, high = np.percentile(means.astype(np.float64), (1, 99), axis=0)
    extent = float((high - low).max())
    least, most = _PLAUSIBLE_EXTENT
    if not least <= extent <= most:
        warnings.warn(
            f"{path}: the scene spans {extent:.3g} units (98 % of it, on its largest axis), which is implausible for "
            f"rooms in metres ({least:g} to {most:g}). Give scale= (--scale on the command line), the metres per unit "
            "of the file; otherwise the labels will be nonsense.",
            SceneScaleWarning,
            stacklevel=3,
        )
