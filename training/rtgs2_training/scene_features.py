"""Features of all Gaussians of a scene from an encoder in PyTorch, as the runtime computes them from a bundle."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rtgs2_networks.config import EncoderConfig
from rtgs2_networks.encoder import PointTransformerEncoder
from rtgs2_trt.encoder_inputs import encoder_inputs
from rtgs2_trt.geometry_plan import GeometryPlan, build_geometry_plan
from rtgs2_trt.scene import Scene


def voxel_inputs(config: EncoderConfig, scene: Scene) -> tuple[Tensor, dict[str, Tensor], GeometryPlan]:
    """Return what the encoder takes for a whole scene: inputs (n, 10), plan by name, and the plan itself.

    Raises:
        SceneError: the scene cannot be cut into voxels.
    """
    plan = build_geometry_plan(
        scene.means,
        scene.opacities,
        voxel_size=config.voxel_size,
        stages=config.stages,
        patch_size=config.patch_size,
        stem_kernel=config.stem_kernel,
        cpe_kernel=config.cpe_kernel,
        threads=torch.get_num_threads(),
    )
    inputs = torch.from_numpy(encoder_inputs(scene)[plan.representatives])
    return inputs, {name: torch.from_numpy(array) for name, array in plan.arrays.items()}, plan


@torch.no_grad()
def scene_features(encoder: PointTransformerEncoder, scene: Scene) -> NDArray[np.float32]:
    """Return the features (N, C) float32 of the Gaussians of `scene`, computed on the encoder's device in eval mode.

    Raises:
        SceneError: the scene cannot be cut into voxels.
    """
    device = next(encoder.parameters()).device
    inputs, arrays, plan = voxel_inputs(encoder.config, scene)
    by_voxel = encoder(inputs.to(device), {name: array.to(device) for name, array in arrays.items()})
    return plan.to_gaussians(by_voxel.float().cpu().numpy())
