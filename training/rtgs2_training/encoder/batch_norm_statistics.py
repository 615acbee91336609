"""BatchNorm statistics of whole scenes, which is what a trained encoder meets."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from rtgs2_networks.config import EncoderConfig
from rtgs2_networks.encoder import PointTransformerEncoder
from rtgs2_trt.errors import SceneError

from ..datasets import SceneFolder
from ..scene_features import voxel_inputs


def check_statistics(config: EncoderConfig, scenes: Sequence[SceneFolder]) -> None:
    """Refuse scenes whose statistics :func:`set_statistics` could not take: one row has no variance.

    Raises:
        SceneError: a scene that cannot be read, or that fits into one voxel of the last stage.
    """
    for scene in scenes:
        _, _, plan = voxel_inputs(config, scene.load_scene())
        if plan.voxel_counts[-1] < 2:
            raise SceneError(
                "the scene is too small for the encoder",
                file=scene.ply,
                found=f"{plan.voxel_counts[-1]} voxel of {config.voxel_size * 2 ** (config.stages - 1):.2f} m",
                expected="two or more",
                fix="Give scenes in metres: rtgs2 scene --scale",
            )


@torch.no_grad()
def set_statistics(encoder: PointTransformerEncoder, scenes: Sequence[SceneFolder]) -> None:
    """Set the running mean and variance of every BatchNorm to their means over whole `scenes`.

    Training sees parts of scenes, two at a time, whose statistics differ from a whole scene's.
    """
    norms = [module for module in encoder.modules() if isinstance(module, nn.BatchNorm1d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean over the scenes
    encoder.train()
    for scene in scenes:
        inputs, arrays, _ = voxel_inputs(encoder.config, scene.load_scene())
        device = next(encoder.parameters()).device
        encoder(inputs.to(device), {name: array.to(device) for name, array in arrays.items()})
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    encoder.eval()
