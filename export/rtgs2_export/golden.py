"""The golden input of a bundle: a small scene made from a seed, and the PyTorch networks' answer to it."""

from __future__ import annotations

import numpy as np
import torch

from rtgs2_networks.checkpoint import Checkpoint
from rtgs2_trt.camera import Camera
from rtgs2_trt.encoder_inputs import encoder_inputs
from rtgs2_trt.rasterize import rasterize
from rtgs2_trt.scene import Scene
from rtgs2_trt.self_check import Golden

from .encoder_spec import encoder_spec

_GAUSSIANS = 2400
_SEED = 20240528


def golden_scene() -> Scene:
    """Return Gaussians scattered over the faces of a box of 1.6 x 1.4 x 1.2 m: more voxels than one patch holds."""
    rng = np.random.default_rng(_SEED)
    size = np.asarray([1.6, 1.4, 1.2])
    points = rng.random((_GAUSSIANS, 3)) * size
    axis = rng.integers(0, 3, _GAUSSIANS)
    points[np.arange(_GAUSSIANS), axis] = np.where(rng.random(_GAUSSIANS) < 0.5, 0, size[axis])
    rotations = rng.standard_normal((_GAUSSIANS, 4))
    return Scene(
        means=points.astype(np.float32),
        scales=np.exp(rng.uniform(-4.5, -2.8, (_GAUSSIANS, 3))).astype(np.float32),
        rotations=(rotations / np.linalg.norm(rotations, axis=1, keepdims=True)).astype(np.float32),
        opacities=rng.uniform(0.2, 0.98, _GAUSSIANS).astype(np.float32),
        sh=(rng.standard_normal((_GAUSSIANS, 4, 3)) * np.asarray([1, 0.2, 0.2, 0.2])[:, None]).astype(np.float32),
    )


def make_golden(checkpoint: Checkpoint) -> Golden:
    """Return the golden input with the answer of the checkpoint's networks, run by PyTorch."""
    scene = golden_scene()
    features = encode_with_pytorch(checkpoint, scene)
    return _golden_view(checkpoint, scene, features, (128, 96))


def golden_at(checkpoint: Checkpoint, golden: Golden, image_size: tuple[int, int]) -> Golden:
    """Return the golden input seen at another (width, height), with the PyTorch networks' answer."""
    return _golden_view(checkpoint, golden.scene, golden.features, image_size)


def _golden_view(checkpoint: Checkpoint, scene: Scene, features: np.ndarray, image_size: tuple[int, int]) -> Golden:
    width, height = image_size
    camera = Camera.look_at((0.1, 0.15, 0.7), (1.2, 1.0, 0.5), width=width, height=height, fov_degrees=75)
    logits = fuse_with_pytorch(checkpoint, scene.with_features(features), camera)
    return Golden(scene=scene, camera=camera, features=features, logits=logits)


def encode_with_pytorch(checkpoint: Checkpoint, scene: Scene) -> np.ndarray:
    """Return the features (N, D) float32 that the PyTorch encoder gives for `scene`."""
    plan = encoder_spec(checkpoint.config.encoder, checkpoint.encoder).build_plan(scene)
    arrays = {name: torch.from_numpy(array) for name, array in plan.arrays.items()}
    inputs = torch.from_numpy(encoder_inputs(scene)[plan.representatives])
    with torch.inference_mode():
        by_voxel = checkpoint.build_encoder()(inputs, arrays).numpy()
    return plan.to_gaussians(by_voxel)


def fuse_with_pytorch(checkpoint: Checkpoint, scene: Scene, camera: Camera) -> np.ndarray:
    """Return the output (C, h / 4, w / 4) float32 of the PyTorch fusion network, logits or depth, for a view."""
    rendering = rasterize(scene, camera.padded(32))
    image = torch.from_numpy(rendering.rgb)[None].clamp(0, 1)
    if checkpoint.config.trained_on == "bgr":
        image = image.flip(1)
    with torch.inference_mode():
        logits: np.ndarray = checkpoint.build_fusion()(image, torch.from_numpy(rendering.features)[None])[0].numpy()
    return logits
