"""The geometry plan: everything about a scene that the encoder needs and that is a whole number.

Point Transformer V3 (Wu et al., CVPR 2024) works on the occupied voxels of a grid: it walks them along space-filling
curves, convolves over their neighbours and pools eight into one. Which voxel meets which is settled here, once a
scene, by the C++ core; the encoder graph takes the result as inputs and only gathers.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Final, SupportsIndex

import numpy as np
import numpy.typing as npt

from rtgs2_trt import _native
from rtgs2_trt.errors import SceneError, shown

CURVES: Final = ("z", "z_transposed", "hilbert", "hilbert_transposed")
"""The curves in the order in which the encoder's blocks take turns: block i of a stage follows ``CURVES[i % 4]``."""

_INT32_MAX = 2**31 - 1


@dataclass(frozen=True, eq=False)
class GeometryPlan:
    """The integer structure of the encoder over one scene.

    Voxels of stage 0 are the occupied cells of the grid, numbered by ascending z-order code; the cells of every
    further stage are twice as wide and numbered alike. All arrays are C-contiguous int32.

    Attributes:
        representatives: (n_0,), the Gaussian that stands for each voxel: the one of highest opacity, ties to the
            lowest index.
        voxel_of_gaussian: (N,), the voxel of each Gaussian, -1 for those left out because they lie too far away.
        depth: bits a side of the stage-0 grid, 0 to 16.
        voxel_counts: n_s, the number of voxels of each stage.
        arrays: the encoder graph's inputs by name. With ``K_s = min(patch_size, n_s)`` and
            ``P_s = ceil(n_s / K_s)``:

            ``stem_neighbours`` (k, n_0, k * k), k = ``stem_kernel``
                Entry [k0, voxel, k1 * k + k2] is the voxel at offset (k0, k1, k2) - k // 2 along (x, y, z), or n_0
                where that cell is empty: the index of a row of zeros appended to the features.
            ``stage{s}_neighbours`` (k, n_s, k * k), k = ``cpe_kernel``
                The same for stage s, empty cells n_s.
            ``stage{s}_{curve}_patches`` (P_s, K_s), curve in :data:`CURVES`
                The voxels in the curve's order, cut into patches of attention. The last patch is filled up: slot
                i >= n_s holds the voxel of slot i - K_s. A stage of at most ``patch_size`` voxels is one patch.
            ``stage{s}_{curve}_slots`` (n_s,)
                The way back: the slot of each voxel in the flattened patches (never a filled-up one).
            ``stage{s}_parents`` (n_s,), not for the last stage
                The voxel of stage s + 1 that holds each voxel.
            ``stage{s}_children`` (n_{s+1}, 8), not for the last stage
                The voxels of stage s within each voxel of stage s + 1, ascending, missing ones filled with the first,
                so that a maximum over all eight is the maximum over the children.

    """

    representatives: npt.NDArray[np.int32]
    voxel_of_gaussian: npt.NDArray[np.int32]
    depth: int
    voxel_counts: tuple[int, ...]
    arrays: dict[str, npt.NDArray[np.int32]]

    def to_gaussians(self, by_voxel: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return the rows (N, D) of all Gaussians from those (n_0, D) of the voxels; Gaussians left out get zeros."""
        rows: npt.NDArray[np.float32] = by_voxel[self.voxel_of_gaussian]
        rows[self.voxel_of_gaussian < 0] = 0
        return rows


def build_geometry_plan(
    means: npt.ArrayLike,
    opacities: npt.ArrayLike,
    *,
    voxel_size: float = 0.07,
    stages: int = 5,
    patch_size: int = 1024,
    stem_kernel: int = 5,
    cpe_kernel: int = 3,
    threads: int = 0,
) -> GeometryPlan:
    """Build the geometry plan of a scene, the same bit for bit on every run and for any number of threads.

    The grid is ``trunc((means - means.min(0)) / voxel_size)`` in float32 and has as many bits a side as its largest
    coordinate. Where the scene spans more than 65536 voxels on an axis, Gaussians more than 32767 voxels from the
    median (the lower one, axis by axis) are floaters: they are left out, and the minimum is that of the others.

    Args:
        means: (N, 3) centres in metres, used as float32; N from 1 to 2**31 - 1.
        opacities: (N,), used as float32; only their order counts.
        voxel_size: edge of a stage-0 voxel in metres, 1e-30 to 1e30.
        stages: number of encoder stages, 1 to 16.
        patch_size: voxels that attend to each other, at least 1.
        stem_kernel: width of the stem's convolution, odd, at most 15. Its table takes ``4 * stem_kernel**3`` bytes a
            voxel.
        cpe_kernel: width of the convolutions of the positional encoding, odd, at most 15.
        threads: number of threads; 0 for all that the machine has.

    Raises:
        SceneError: an argument of the wrong shape, out of range or with values that are not finite, or a scene whose
            Gaussians lie too far apart for any grid.

    """
    means, opacities = _gaussians(means, opacities)
    voxel_size = _voxel_size(voxel_size)
    stages = _whole_number("stages", stages, 1, 16)
    patch_size = _whole_number("patch_size", patch_size, 1, _INT32_MAX)
    stem_kernel = _kernel("stem_kernel", stem_kernel)
    cpe_kernel = _kernel("cpe_kernel", cpe_kernel)
    threads = _whole_number("threads", threads, 0, 1024)
    try:
        representatives, voxel_of_gaussian, depth, voxel_counts, arrays = _native.build_geometry_plan(
            means,
            opacities,
            voxel_size=voxel_size,
            stages=stages,
            patch_size=patch_size,
            stem_kernel=stem_kernel,
            cpe_kernel=cpe_kernel,
            threads=threads,
        )
    except ValueError as error:  # what the core alone can find: no Gaussian near the median
        raise SceneError(
            str(error),
            field="means",
            fix="Check that positions are in metres, remove stray Gaussians or pass a larger voxel_size",
        ) from None
    return GeometryPlan(representatives, voxel_of_gaussian, depth, tuple(voxel_counts), arrays)


def _gaussians(
    means: npt.ArrayLike, opacities: npt.ArrayLike
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    arrays: dict[str, npt.NDArray[np.generic]] = {}
    for field, values, shape in (("means", means, "(N, 3)"), ("opacities", opacities, "(N,)")):
        try:
            array = np.asarray(values)
        except (TypeError, ValueError) as error:
            raise SceneError(f"not an array: {error}", field=field, expected=shape) from None
        fits = array.ndim == 2 and array.shape[1] == 3 if field == "means" else array.ndim == 1
        if not fits:
            raise SceneError("wrong shape", field=field, found=array.shape, expected=shape)
        if array.dtype.kind not in "fiu":
            raise SceneError("not real numbers", field=field, found=array.dtype, expected="float32")
        arrays[field] = array
    count = len(arrays["means"])
    if not 1 <= count <= _INT32_MAX:
        fix = "Load a scene with at least one Gaussian" if count == 0 else "Split the scene"
        raise SceneError("unusable number of Gaussians", field="means", found=count, expected="1 to 2**31 - 1", fix=fix)
    if len(arrays["opacities"]) != count:
        raise SceneError(
            "not one opacity a Gaussian",
            field="opacities",
            found=len(arrays["opacities"]),
            expected=count,
            fix="Pass means and opacities of the same Gaussians",
        )
    return _finite_float32("means", arrays["means"]), _finite_float32("opacities", arrays["opacities"])


def _finite_float32(field: str, array: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite and is refused below
        result: npt.NDArray[np.float32] = np.ascontiguousarray(array, dtype=np.float32)
    finite = np.isfinite(result).reshape(len(result), -1).all(axis=1)
    if not finite.all():
        first = int(np.argmin(finite))
        raise SceneError(
            "values that are not finite",
            field=field,
            found=f"{result[first]} at Gaussian {first}, {int((~finite).sum())} such Gaussians in all",
            expected="finite float32 numbers",
            fix="Remove these Gaussians from the scene",
        )
    return result


def _voxel_size(value: float) -> float:
    try:
        fits = 1e-30 <= float(value) <= 1e30
    except (TypeError, ValueError, OverflowError):
        fits = False
    if not fits:
        raise SceneError(
            "not a usable length",
            field="voxel_size",
            found=shown(value),
            expected="a positive number of metres, 1e-30 to 1e30",
            fix="Pass the voxel size that the encoder was trained with (0.07 for RT-GS2)",
        )
    return float(value)


def _whole_number(field: str, value: SupportsIndex, low: int, high: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        number = low - 1
    if not low <= number <= high:
        raise SceneError(
            "not a usable number",
            field=field,
            found=shown(value),
            expected=f"a whole number from {low} to {high}",
            fix=f"Pass another {field}",
        )
    return number


def _kernel(field: str, value: SupportsIndex) -> int:
    number = _whole_number(field, value, 1, 15)
    if number % 2 == 0:
        raise SceneError(
            "a kernel without a centre",
            field=field,
            found=number,
            expected="an odd number",
            fix=f"Pass another {field}",
        )
    return number
