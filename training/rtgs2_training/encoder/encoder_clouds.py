"""Parts of scenes as the encoder takes them in training: thinned, augmented, with a geometry plan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtgs2_networks.config import EncoderConfig
from rtgs2_trt.geometry_plan import build_geometry_plan

from ..runs.config import CloudAugmentationConfig
from .cloud_augmentation import augment_cloud

_Floats = NDArray[np.float32]

_OPACITY = 6  # channel of the encoder's inputs


@dataclass(frozen=True, eq=False)
class EncoderCloud:
    """A cloud cut into voxels.

    Attributes:
        inputs: (n, 10) float32, a row a voxel.
        plan: the voxels' geometry plan by name.
        representatives: (n,) int32, which point of the cloud stands for each voxel.
    """

    inputs: _Floats
    plan: dict[str, NDArray[np.int32]]
    representatives: NDArray[np.int32]


def augmented_cloud(
    inputs: _Floats, encoder: EncoderConfig, augmentation: CloudAugmentationConfig, rng: np.random.Generator
) -> EncoderCloud:
    """Return encoder inputs (N, 10), changed at random and then cut into voxels."""
    inputs = augment_cloud(inputs, augmentation, rng)
    plan = build_geometry_plan(
        inputs[:, :3],
        inputs[:, _OPACITY],
        voxel_size=encoder.voxel_size,
        stages=encoder.stages,
        patch_size=encoder.patch_size,
        stem_kernel=encoder.stem_kernel,
        cpe_kernel=encoder.cpe_kernel,
        threads=1,
    )
    return EncoderCloud(inputs[plan.representatives], plan.arrays, plan.representatives)


def one_a_voxel(inputs: _Floats, edge: float) -> NDArray[np.int32]:
    """Return the rows, ascending, of encoder inputs (N, 10) that are the most opaque of their voxel of that edge."""
    plan = build_geometry_plan(
        inputs[:, :3],
        inputs[:, _OPACITY],
        voxel_size=edge,
        stages=1,
        patch_size=1024,
        stem_kernel=1,
        cpe_kernel=1,
        threads=1,
    )
    return np.sort(plan.representatives)
