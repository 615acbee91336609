"""Standard 3DGS PLY files (Kerbl et al. 2023): one element ``vertex`` of plain numbers, ASCII or binary."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rtgs2_trt import ply
from rtgs2_trt.errors import SceneError
from rtgs2_trt.scene_files.gaussian_arrays import ANTIALIASED, SURFELS, GaussianArrays, blocks
from rtgs2_trt.scene_files.read_progress import ReadProgress

ENCODER_COMMENT = "rtgs2_encoder"
SH_COUNTS = (1, 4, 9, 16)
_FILTER = "filter_3D"
_SPLAT_EXPORT = "Give the point_cloud.ply of a trained 3DGS scene."


def read(source: ply.OpenPly, threads: int, progress: ReadProgress) -> GaussianArrays:
    """Read the Gaussians of an open PLY file, with ``f_pc_*`` features if it has them.

    Properties are found by name, in any order and of any numeric type; others are ignored. Mip-Splatting's
    ``filter_3D`` is applied to scales and opacities (Yu et al. 2024, the 3D smoothing filter); that its 2D filter is
    left out is said.

    Raises:
        SceneError: not the properties of Gaussians, or what :func:`rtgs2_trt.ply.read_rows` refuses.
    """
    columns, encoder = _gaussian_columns(source.header, source.path)
    smoothed = _FILTER in source.header.elements[0].names if source.header.elements else False
    if smoothed:
        columns[_FILTER] = ply.Columns((_FILTER,))
    rows = ply.read_rows(source, "vertex", columns, threads=threads, progress=progress.tell)
    arrays = rows.arrays
    scales, opacities = arrays["scales"], arrays["opacities"][:, 0]
    if smoothed:
        scales, opacities = _smoothed(scales, opacities, arrays[_FILTER])
    return GaussianArrays(
        means=arrays["means"],
        scales=scales,
        rotations=arrays["rotations"],
        opacities=opacities,
        sh=arrays["sh"].reshape(len(arrays["sh"]), -1, 3),
        features=arrays.get("features"),
        features_encoder=encoder,
        unfaithful=render_mode(source.header.comments, smoothed=smoothed),
        faults=rows.faults,
        unusable=rows.unusable,
    )


def render_mode(comments: Sequence[str], *, smoothed: bool = False) -> tuple[str, ...]:
    """Return what of a scene is not rendered as trained, by the comments that Brush and SplatTransform write."""
    modes = {m[1].lower() for c in comments if (m := re.fullmatch(r"SplatRenderMode:?\s+(\w+)", c, re.IGNORECASE))}
    antialiased = smoothed or "mip" in modes
    return (ANTIALIASED,) * antialiased + (SURFELS,) * ("2dgs" in modes)


def _smoothed(
    scales: NDArray[np.float32], opacities: NDArray[np.float32], widths: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return scales and opacities of Gaussians convolved with isotropic ones of `widths` (N, 1), mass kept."""
    wide, faded = np.empty_like(scales), np.empty_like(opacities)
    with np.errstate(over="ignore", invalid="ignore"):  # rows that are unusable anyway
        for rows in blocks(len(scales)):
            variances = scales[rows].astype(np.float64) ** 2
            widened = variances + widths[rows].astype(np.float64) ** 2
            wide[rows] = np.sqrt(widened)
            faded[rows] = opacities[rows] * np.sqrt((variances / widened).prod(axis=1))
    return wide, faded


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
    if rest not in {3 * (k - 1) for k in SH_COUNTS}:
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
    encoders = {words[1] for c in header.comments if len(words := c.split()) == 2 and words[0] == ENCODER_COMMENT}
    if len(encoders) > 1:
        raise SceneError("several encoders are named", file=path, field=f"comment {ENCODER_COMMENT}", fix="Keep one.")
    return columns, encoders.pop() if encoders else None


def _check_required(names: set[str], path: str | Path) -> None:
    required = ["x", "y", "z", "f_dc_0", "f_dc_1", "f_dc_2", "opacity"]
    required += ["scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"]
    missing = [name for name in required if name not in names]
    if not missing:
        return
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
