"""A scene of 3D Gaussians: arrays, the standard 3DGS PLY file, change of units and axes."""

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
from rtgs2_trt.spherical_harmonics import rotate_sh
from rtgs2_trt.threads import check_threads

_SH_COUNTS = (1, 4, 9, 16)
_PLAUSIBLE_EXTENT = (0.5, 100.0)
_EXTENT_SAMPLES = 100_000
# Keeps the logit of a stored opacity finite; the upper end still becomes 1 in float32.
_OPACITY_RANGE = (1e-30, 1 - 1e-8)
_UNIT_TOLERANCE = 1e-6
_ENCODER_COMMENT = "rtgs2_encoder"
_DROP = 'Load it with invalid="drop" (--drop-invalid on the command line) to leave these Gaussians out.'
_SPLAT_EXPORT = "Give the point_cloud.ply of a trained 3DGS scene."


class SceneScaleWarning(UserWarning):
    """The scene's extent is implausible for rooms in metres, which the encoder's 0.07 m voxels need."""


class DroppedGaussiansWarning(UserWarning):
    """Gaussians of a file were left out, as ``invalid="drop"`` asked for; the message says how many."""


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
                lambda s: len(s) == 3 and s[0] == count and s[1] in _SH_COUNTS and s[2] == 3,
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
        return _SH_COUNTS.index(self.sh.shape[1])

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

    def transformed(self, scale: float, rotation: ArrayLike) -> Scene:
        """Return the scene in the world x' = rotation @ (scale * x).

        Rotations and spherical harmonics turn along. Scales stay within float32's normal range. Features are taken
        away: they belong to the voxels of the old world.

        Args:
            scale: a positive number.
            rotation: (3, 3), a rotation.

        Raises:
            SceneError: an impossible scale or rotation, or coordinates that leave float32.
        """
        factor = checked_scale(scale, error=SceneError)
        matrix = checked_rotation(rotation, error=SceneError)
        limits = np.finfo(np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            return Scene(
                means=(self.means @ (factor * matrix).T).astype(np.float32),
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
    ) -> Scene:
        """Read a standard 3DGS PLY file (ASCII or binary), with ``f_pc_*`` features if it has them.

        Properties are found by name, in any order and of any numeric type; others are ignored. Stored log-scales are
        clipped to -87..88, so that their exponential is a normal, finite float32; logits of infinite size are
        opacities of 0 and 1. A `scale` or `up` takes features away (see :meth:`transformed`).

        Args:
            path: the file.
            scale: metres per unit of the file (a scene from COLMAP has an arbitrary unit).
            up: the file's axis that points up, one of x, -x, y, -y, z, -z; the scene is turned so that it becomes +z
                (:func:`rtgs2_trt.orientation.orientation`). Many captures have y down: ``up="-y"``.
            invalid: what to do about Gaussians with NaN, infinite values or a zero quaternion: refuse the file or
                drop them.
            threads: threads that decode a binary file, 0 = all that the machine has.

        Raises:
            SceneError: the file cannot be read as a Gaussian scene, or an argument is impossible.

        Warns:
            SceneScaleWarning: 98 % of the means span less than 0.5 m or more than 100 m on the largest axis (judged
                by up to 200,000 of them, evenly spaced in the file).
            DroppedGaussiansWarning: Gaussians were dropped.
        """
        check_threads(threads)
        if invalid not in ("error", "drop"):
            raise SceneError(
                "not a way to treat bad values", field="invalid", found=repr(invalid), expected="error, drop"
            )
        rotation = orientation(up, error=SceneError)
        factor = checked_scale(scale, error=SceneError)
        with ply.open_ply(path) as source:
            columns, encoder = _gaussian_columns(source.header, path)
            rows = ply.read_rows(source, "vertex", columns, threads=threads)
        arrays = _usable(rows, invalid == "drop", path)
        values = {
            **arrays,
            "opacities": arrays["opacities"][:, 0],
            "sh": arrays["sh"].reshape(len(arrays["sh"]), -1, 3),
            "features": arrays.get("features"),
            "features_encoder": encoder,
        }
        try:
            if encoder is not None:
                values["features_encoder"] = _checked_encoder(encoder, values["features"])
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
        return scene

    def save(self, path: str | Path) -> None:
        """Write the scene as a standard 3DGS PLY file, binary little-endian, whole or not at all.

        Properties x y z nx ny nz f_dc_* f_rest_* opacity scale_* rot_*, then f_pc_* with the features, bit for bit,
        and their encoder in a comment. Opacities of exactly 0 or 1 are stored as 1e-30 and 1 - 1e-8, whose logit is
        finite; everything comes back within float32 rounding of the stored logarithms.

        Raises:
            SceneError: the file cannot be written.
        """
        opacities = np.clip(self.opacities.astype(np.float64), *_OPACITY_RANGE)
        coefficients = self.sh.shape[1]
        columns: dict[str, NDArray[Any]] = {name: self.means[:, i] for i, name in enumerate("xyz")}
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
        ply.write_ply(path, columns, [f"{_ENCODER_COMMENT} {self.features_encoder}"] if self.features_encoder else [])


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


def _gaussian_columns(header: ply.Header, path: str | Path) -> tuple[dict[str, ply.Columns], str | None]:
    """Return which properties make which array of a scene, and the encoder of the features."""
    vertex = header.element("vertex")
    if vertex is None:
        raise SceneError(
            "there are no Gaussians in it",
            file=path,
            field="element vertex",
            found=f"the elements {', '.join(e.name for e in header.elements)[:120]}"
            if header.elements
            else "no elements",
            expected="an element 'vertex'",
            fix=_SPLAT_EXPORT,
        )
    names = set(vertex.names)
    _check_required(names, path)
    if vertex.count == 0:
        raise SceneError("there are no Gaussians in it", file=path, field="element vertex", found=0, fix=_SPLAT_EXPORT)
    rest = _numbered(names, "f_rest_", path)
    if rest not in {3 * (k - 1) for k in _SH_COUNTS}:
        raise SceneError(
            "not a whole degree of spherical harmonics",
            file=path,
            field="f_rest_*",
            found=f"{rest} properties",
            expected="0, 9, 24 or 45",
            fix="Export the scene with SH degree 0, 1, 2 or 3.",
        )
    higher = rest // 3
    rest_names = (f"f_rest_{channel * higher + k}" for k in range(higher) for channel in range(3))
    columns = {
        "means": ply.Columns(("x", "y", "z")),
        "sh": ply.Columns(("f_dc_0", "f_dc_1", "f_dc_2", *rest_names)),
        "opacities": ply.Columns(("opacity",), "logit"),
        "scales": ply.Columns(("scale_0", "scale_1", "scale_2"), "logarithm"),
        "rotations": ply.Columns(("rot_0", "rot_1", "rot_2", "rot_3"), "quaternion"),
    }
    features = _numbered(names, "f_pc_", path)
    if not features:
        return columns, None
    columns["features"] = ply.Columns(tuple(f"f_pc_{i}" for i in range(features)))
    encoders = {words[1] for c in header.comments if len(words := c.split()) == 2 and words[0] == _ENCODER_COMMENT}
    if len(encoders) > 1:
        raise SceneError("several encoders are named", file=path, field=f"comment {_ENCODER_COMMENT}", fix="Keep one.")
    return columns, encoders.pop() if encoders else None


def _check_required(names: set[str], path: str | Path) -> None:
    required = ["x", "y", "z", "f_dc_0", "f_dc_1", "f_dc_2", "opacity"]
    required += ["scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"]
    missing = [name for name in required if name not in names]
    if not missing:
        return
    if any(name.startswith("packed_") for name in names):
        raise SceneError(
            "a PlayCanvas compressed PLY, not a standard 3DGS PLY",
            file=path,
            field="packed_*",
            fix="Convert it with a splat converter, for example: splat-transform scene.compressed.ply scene.ply",
        )
    if missing == ["scale_2"]:
        raise SceneError(
            "2D Gaussians (surfels, as 2DGS trains them) are not supported",
            file=path,
            field="scale_2",
            found="scale_0 and scale_1 only",
            expected="scale_2 too",
            fix="Train the scene with 3D Gaussian Splatting.",
        )
    if not any(name.startswith(("f_dc_", "opacity", "scale_", "rot_")) for name in names):
        raise SceneError(
            "a mesh or point cloud, not Gaussians",
            file=path,
            field="element vertex",
            found=f"properties {', '.join(sorted(names))[:120]}",
            fix=_SPLAT_EXPORT,
        )
    raise SceneError("properties are missing", file=path, field=", ".join(missing), fix=_SPLAT_EXPORT)


def _numbered(names: set[str], prefix: str, path: str | Path) -> int:
    """Return how many properties `prefix`0, `prefix`1 ... there are; gaps and other names with it are errors."""
    numbers = set()
    for name in sorted(name for name in names if name.startswith(prefix)):
        number = re.fullmatch("0|[1-9][0-9]{0,5}", name[len(prefix) :])
        if number is None:
            raise SceneError(
                "a property whose number makes no sense",
                file=path,
                field=name[:80],
                expected=f"{prefix}0, {prefix}1 ...",
                fix="Export the file again.",
            )
        numbers.add(int(number[0]))
    absent = next((i for i in range(len(numbers)) if i not in numbers), None)
    if absent is not None:
        raise SceneError(
            f"numbered with a gap up to {prefix}{max(numbers)}",
            file=path,
            field=f"{prefix}{absent}",
            found="no such property",
            fix="Export the file again.",
        )
    return len(numbers)


def _usable(rows: ply.Rows, drop: bool, path: str | Path) -> dict[str, NDArray[np.float32]]:
    """Return the arrays without Gaussians that cannot be used, or refuse the file for them."""
    if rows.unusable is None:
        return rows.arrays
    total, bad = len(rows.unusable), int(np.count_nonzero(rows.unusable))
    if not drop:
        fault = rows.faults[0]
        found = f"{fault.count} of {total} Gaussians, the first at index {fault.first}"
        raise SceneError(fault.problem, file=path, field=fault.field, found=found, fix=_DROP)
    if bad == total:
        raise SceneError(
            "every Gaussian has NaN, infinite values or a zero quaternion",
            file=path,
            field=", ".join(fault.field for fault in rows.faults),
            found=f"{bad} of {total} Gaussians",
            fix="Train again.",
        )
    good = ~rows.unusable
    arrays = rows.arrays
    for key in arrays:  # one after the other, so that no two of them are there twice
        arrays[key] = arrays[key][good]
    warnings.warn(
        f"{path}: dropped {bad} of {total} Gaussians for NaN, infinite values or a zero quaternion",
        DroppedGaussiansWarning,
        stacklevel=3,
    )
    return arrays


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
