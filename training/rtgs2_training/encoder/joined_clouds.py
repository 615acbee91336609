"""Several clouds as one batch of the encoder.

Every cloud keeps its own neighbours and patches, so each is encoded as if it were alone; only BatchNorm takes its
statistics over all of them. A part of a room has too few voxels at the coarse stages for statistics of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rtgs2_trt.geometry_plan import CURVES

Arrays = dict[str, NDArray[np.int32]]


@dataclass(frozen=True, eq=False)
class JoinedClouds:
    """A batch.

    Attributes:
        inputs: (n, 10) float32, the voxels of one cloud after the other.
        plan: as the encoder takes it: arrays by name, the patches of each curve a list with an array a cloud.
        starts: the first row of each cloud.
    """

    inputs: NDArray[np.float32]
    plan: dict[str, Any]
    starts: tuple[int, ...]

    def to(self, device: torch.device) -> DeviceClouds:
        """Return the batch as tensors on `device`."""

        def move(array: Any) -> Any:
            if isinstance(array, list):
                return [move(part) for part in array]
            return torch.from_numpy(array).to(device, non_blocking=True)

        return DeviceClouds(move(self.inputs.view(np.int32)), {name: move(array) for name, array in self.plan.items()})


@dataclass(eq=False)  # not frozen: Fabric converts its tensors
class DeviceClouds:
    """Inputs and plan of :class:`JoinedClouds` as tensors.

    Attributes:
        input_bits: those of the float32 inputs in int32, since Fabric rounds every tensor of floats to the precision of
            the run, and positions in bfloat16 are centimetres off.
        plan: as there.
    """

    input_bits: Tensor
    plan: dict[str, Any]

    @property
    def inputs(self) -> Tensor:
        """(n, 10) float32."""
        return self.input_bits.view(torch.float32)


def join_clouds(inputs: Sequence[NDArray[np.float32]], plans: Sequence[Arrays]) -> JoinedClouds:
    """Return clouds, (n_i, 10) inputs and the arrays of their geometry plans, as one batch."""
    stages = sum(name.startswith("stage") and name.endswith("_neighbours") for name in plans[0])
    counts = [[plan[f"stage{stage}_neighbours"].shape[1] for plan in plans] for stage in range(stages)]
    first = [np.concatenate([[0], np.cumsum(of_stage)]) for of_stage in counts]
    joined: dict[str, Any] = {"stem_neighbours": _neighbours([plan["stem_neighbours"] for plan in plans], first[0])}
    for stage in range(stages):
        name = f"stage{stage}_neighbours"
        joined[name] = _neighbours([plan[name] for plan in plans], first[stage])
        for curve in CURVES:
            name = f"stage{stage}_{curve}"
            patches = [plan[f"{name}_patches"] for plan in plans]
            joined[f"{name}_patches"] = [p + np.int32(start) for p, start in zip(patches, first[stage], strict=False)]
            slots_before = np.concatenate([[0], np.cumsum([p.size for p in patches])])
            joined[f"{name}_slots"] = _moved([plan[f"{name}_slots"] for plan in plans], slots_before)
        if stage < stages - 1:
            joined[f"stage{stage}_parents"] = _moved([p[f"stage{stage}_parents"] for p in plans], first[stage + 1])
            joined[f"stage{stage}_children"] = _moved([p[f"stage{stage}_children"] for p in plans], first[stage])
    return JoinedClouds(np.concatenate(inputs), joined, tuple(first[0][:-1].tolist()))


def _moved(arrays: Sequence[NDArray[np.int32]], starts: NDArray[np.int64]) -> NDArray[np.int32]:
    return np.concatenate([a + np.int32(start) for a, start in zip(arrays, starts, strict=False)])


def _neighbours(tables: Sequence[NDArray[np.int32]], starts: NDArray[np.int64]) -> NDArray[np.int32]:
    """Join tables (k, n_i, k * k) along the voxels; an empty neighbour, n_i, becomes the number of all voxels."""
    total = np.int32(starts[-1])
    moved = [
        np.where(table == table.shape[1], total, table + np.int32(start))
        for table, start in zip(tables, starts, strict=False)
    ]
    return np.concatenate(moved, axis=1)
