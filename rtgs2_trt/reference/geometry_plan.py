"""The geometry plan written down as it is defined, stage by stage and without sharing work between stages.

Sources: G. M. Morton's z-order; J. Skilling, "Programming the Hilbert curve" (2004); the serialisation, patches and
pooling of Point Transformer V3 (Wu et al., CVPR 2024).
"""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

from rtgs2_trt.geometry_plan import CURVES, GeometryPlan

_Ints = npt.NDArray[np.int64]
_Floats = npt.NDArray[np.float32]

_MAX_DEPTH = 16


def z_order_code(cells: _Ints) -> _Ints:
    """Return the (n,) z-order codes of (n, 3) `cells`: bit i of x, y, z goes to bit 3i + 2, 3i + 1, 3i."""
    x, y, z = cells.T
    code = np.zeros(len(cells), np.int64)
    for i in range(_MAX_DEPTH):
        code |= (x >> i & 1) << 3 * i + 2 | (y >> i & 1) << 3 * i + 1 | (z >> i & 1) << 3 * i
    return code


def hilbert_code(cells: _Ints, depth: int) -> _Ints:
    """Return the (n,) positions of (n, 3) `cells` on the Hilbert curve through 2**depth cells a side."""
    axes = cells.copy()
    for bit in reversed([1 << i for i in range(1, depth)]):
        for i in range(3):
            is_set = (axes[:, i] & bit) != 0
            exchange = np.where(is_set, 0, (axes[:, 0] ^ axes[:, i]) & bit - 1)
            axes[:, 0] ^= np.where(is_set, bit - 1, exchange)
            if i > 0:
                axes[:, i] ^= exchange
    axes[:, 1] ^= axes[:, 0]
    axes[:, 2] ^= axes[:, 1]
    flip = np.zeros(len(cells), np.int64)
    for bit in [1 << i for i in range(1, depth)]:
        flip ^= np.where(axes[:, 2] & bit, bit - 1, 0)
    return z_order_code(axes ^ flip[:, None])


def curve_code(curve: str, cells: _Ints, depth: int) -> _Ints:
    """Return the (n,) positions of (n, 3) `cells` on a curve of :data:`CURVES` through 2**depth cells a side."""
    if curve.endswith("transposed"):
        cells = cells[:, [1, 0, 2]]
    return hilbert_code(cells, depth) if curve.startswith("hilbert") else z_order_code(cells)


def build_geometry_plan(
    means: _Floats,
    opacities: _Floats,
    *,
    voxel_size: float = 0.07,
    stages: int = 5,
    patch_size: int = 1024,
    stem_kernel: int = 5,
    cpe_kernel: int = 3,
) -> GeometryPlan:
    """Return what :func:`rtgs2_trt.geometry_plan.build_geometry_plan` returns for valid float32 arguments."""
    grid, kept = _grid(means, np.float32(voxel_size))
    depth = int(grid[kept].max()).bit_length()
    voxel_of_gaussian = np.full(len(means), -1)
    _, voxel_of_gaussian[kept] = np.unique(z_order_code(grid[kept]), return_inverse=True)

    # Sorted by voxel, then falling opacity, then index: the first of each voxel represents it.
    order = np.lexsort((-opacities[kept], voxel_of_gaussian[kept]))
    _, first = np.unique(voxel_of_gaussian[kept][order], return_index=True)
    representatives = kept[order][first]

    arrays: dict[str, _Ints] = {}
    counts = []
    cells = grid[representatives]
    arrays["stem_neighbours"] = _neighbours(cells, stem_kernel)
    for stage in range(stages):
        counts.append(len(cells))
        arrays[f"stage{stage}_neighbours"] = _neighbours(cells, cpe_kernel)
        for curve in CURVES:
            order = np.argsort(curve_code(curve, cells, max(depth - stage, 0)))
            arrays[f"stage{stage}_{curve}_patches"] = _patches(order, patch_size)
            arrays[f"stage{stage}_{curve}_slots"] = np.argsort(order)
        _, first_child, parents = np.unique(z_order_code(cells >> 1), return_index=True, return_inverse=True)
        if stage < stages - 1:
            arrays[f"stage{stage}_parents"] = parents
            arrays[f"stage{stage}_children"] = _children(parents)
        cells = cells[first_child] >> 1

    return GeometryPlan(
        representatives.astype(np.int32),
        voxel_of_gaussian.astype(np.int32),
        depth,
        tuple(counts),
        {name: np.ascontiguousarray(array, np.int32) for name, array in arrays.items()},
    )


def _grid(means: _Floats, voxel_size: np.float32) -> tuple[_Ints, _Ints]:
    """Return the (N, 3) grid coordinates and the indices of the Gaussians for which they mean something."""
    kept = np.arange(len(means))
    with np.errstate(over="ignore"):  # float32 cannot hold the largest distances; infinity is beyond any grid too
        if (np.ptp(means, axis=0) / voxel_size).max() >= 2**_MAX_DEPTH:
            median = np.sort(means, axis=0)[(len(means) - 1) // 2]
            reach = np.float32(2 ** (_MAX_DEPTH - 1) - 1) * voxel_size
            kept = np.flatnonzero((np.abs(means - median) <= reach).all(axis=1))
    grid = np.zeros(means.shape, np.int64)
    grid[kept] = np.trunc((means[kept] - means[kept].min(axis=0)) / voxel_size)
    return grid, kept


def _neighbours(cells: _Ints, kernel: int) -> _Ints:
    index = {tuple(cell): i for i, cell in enumerate(cells.tolist())}
    radius = kernel // 2
    table = np.full((kernel, len(cells), kernel * kernel), len(cells))
    for k0, k1, k2 in itertools.product(range(kernel), repeat=3):
        for i, (x, y, z) in enumerate(cells.tolist()):
            table[k0, i, k1 * kernel + k2] = index.get((x + k0 - radius, y + k1 - radius, z + k2 - radius), len(cells))
    return table


def _patches(order: _Ints, patch_size: int) -> _Ints:
    width = min(patch_size, len(order))
    slots = list(range(len(order)))
    while len(slots) % width:
        slots.append(slots[-width])
    return order[slots].reshape(-1, width)


def _children(parents: _Ints) -> _Ints:
    rows = []
    for parent in range(int(parents.max()) + 1):
        members = np.flatnonzero(parents == parent).tolist()
        rows.append(members + members[:1] * (8 - len(members)))
    return np.array(rows)
