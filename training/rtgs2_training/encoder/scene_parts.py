"""Parts of scenes with the class of every voxel, as samples of the encoder's tuning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from rtgs2_networks.config import EncoderConfig
from rtgs2_trt.encoder_inputs import encoder_inputs

from ..datasets import SceneFolder
from ..gaussian_classes import gaussian_classes
from ..random_numbers import generator, shuffled_item
from ..runs.config import CloudAugmentationConfig, ScenePartConfig
from .encoder_clouds import augmented_cloud, one_a_voxel
from .recent_scenes import RecentScenes

_Floats = NDArray[np.float32]
_Labels = NDArray[np.int16]


@dataclass(frozen=True, eq=False)
class ScenePart:
    """A part of a scene, ready for the encoder.

    Attributes:
        inputs: (n, 10) float32, a row a voxel.
        plan: the voxels' geometry plan by name.
        labels: (n,) int16, the class of each voxel's Gaussian; -1 where unknown.
    """

    inputs: _Floats
    plan: dict[str, NDArray[np.int32]]
    labels: _Labels


@dataclass(frozen=True, eq=False)
class _LabelledGaussians:
    """What is kept of a scene: (n, 10) inputs and (n,) classes of its reduced Gaussians."""

    inputs: _Floats
    labels: _Labels

    @property
    def nbytes(self) -> int:
        """Of memory."""
        return self.inputs.nbytes + self.labels.nbytes


class SceneParts:
    """Endless samples of scenes; sample n is always the same.

    Args:
        scenes: labelled scenes to take parts of.
        encoder: configuration of the encoder, for its geometry plans.
        parts: how large a part is.
        augmentation: how each part is changed.
        seed: of the samples.
    """

    def __init__(
        self,
        scenes: Sequence[SceneFolder],
        encoder: EncoderConfig,
        parts: ScenePartConfig,
        augmentation: CloudAugmentationConfig,
        seed: int,
    ) -> None:
        self._encoder, self._parts, self._augmentation, self._seed = encoder, parts, augmentation, seed
        self._scenes = RecentScenes(scenes, self._reduced)

    def sample(self, number: int) -> ScenePart:
        """Return sample `number`.

        Raises:
            SceneError, DatasetError: a scene or its labels cannot be read.
        """
        scene = self._scenes[shuffled_item(self._seed, len(self._scenes), number)]
        inputs = scene.inputs
        rng = generator(self._seed, "scene part", number)
        chosen = self._around(inputs, inputs[rng.integers(len(inputs))])
        part = inputs[chosen]
        if rng.random() < self._parts.mirror:
            part[:, 0] *= -1
        cloud = augmented_cloud(part, self._encoder, self._augmentation, rng)
        return ScenePart(cloud.inputs, cloud.plan, scene.labels[chosen[cloud.representatives]])

    def _around(self, inputs: _Floats, centre: _Floats) -> NDArray[np.int64]:
        """Return the rows, ascending, of a part: what stands on the floor around `centre`, from floor to ceiling."""
        most = self._parts.max_points
        if len(inputs) <= most:
            return np.arange(len(inputs))
        distance = ((inputs[:, :2] - centre[:2]) ** 2).sum(axis=1)
        return np.sort(np.argpartition(distance, most)[:most])

    def _reduced(self, folder: SceneFolder) -> _LabelledGaussians:
        scene = folder.load_scene()
        inputs = encoder_inputs(scene)
        kept = one_a_voxel(inputs, self._parts.reduction)
        return _LabelledGaussians(inputs[kept], gaussian_classes(folder, scene, torch.get_num_threads())[kept])
