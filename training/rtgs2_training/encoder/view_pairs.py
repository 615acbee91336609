"""Pairs of views of a scene that see partly the same Gaussians, as samples of the point contrast."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtgs2_networks.config import EncoderConfig
from rtgs2_trt.camera import Camera
from rtgs2_trt.encoder_inputs import encoder_inputs
from rtgs2_trt.errors import DatasetError

from ..datasets import SceneFolder, place_of
from ..random_numbers import generator, shuffled_item
from ..runs.config import LEAST_POSITIVES, CloudAugmentationConfig, ViewPairConfig
from .encoder_clouds import augmented_cloud, one_a_voxel
from .recent_scenes import RecentScenes

_Floats = NDArray[np.float32]
_Ints = NDArray[np.int64]

_NEAR_PLANE = 0.2
_COLUMNS_AT_ONCE = 4096  # Gaussians whose views are compared
_TRIES = 20  # scenes asked for a pair before a data set without any is refused


@dataclass(frozen=True, eq=False)
class EncodedView:
    """One view of a pair, ready for the encoder.

    Attributes:
        inputs: (n, 10) float32, a row a voxel.
        plan: the voxels' geometry plan by name.
        rows: (M,) the voxels of the positive points.
    """

    inputs: _Floats
    plan: dict[str, NDArray[np.int32]]
    rows: _Ints


@dataclass(frozen=True, eq=False)
class ViewPair:
    """Two views; positive i is the same Gaussian in ``a.rows[i]`` and ``b.rows[i]``, a voxel of its own in both."""

    a: EncodedView
    b: EncodedView


@dataclass(frozen=True, eq=False)
class _ScenePairs:
    """What is kept of a scene.

    Attributes:
        inputs: (n, 10) float32, of the reduced Gaussians.
        seen_bits: (V, ceil(n / 8)) uint8, a bit for each view and Gaussian: whether it lies in the view.
        pairs: (P, 2) which views make pairs.
    """

    inputs: _Floats
    seen_bits: NDArray[np.uint8]
    pairs: NDArray[np.int64]

    def seen(self, view: int) -> NDArray[np.bool_]:
        """Return (n,) which Gaussians lie in a view."""
        return np.unpackbits(self.seen_bits[view], count=len(self.inputs)).view(np.bool_)

    @property
    def nbytes(self) -> int:
        """Of memory."""
        return self.inputs.nbytes + self.seen_bits.nbytes + self.pairs.nbytes


class ViewPairs:
    """Endless samples of the point contrast; sample n is always the same.

    Args:
        scenes: scenes to take views from.
        encoder: configuration of the encoder, for its geometry plans.
        views: which views make a pair.
        augmentation: how each view is changed.
        positives: most positive points a pair.
        seed: of the samples.
    """

    def __init__(
        self,
        scenes: Sequence[SceneFolder],
        encoder: EncoderConfig,
        views: ViewPairConfig,
        augmentation: CloudAugmentationConfig,
        positives: int,
        seed: int,
    ) -> None:
        self._encoder, self._views, self._augmentation = encoder, views, augmentation
        self._positives, self._seed = positives, seed
        self._scenes = RecentScenes(scenes, lambda folder: _scene_pairs(folder, views))

    def sample(self, number: int) -> ViewPair:
        """Return sample `number`.

        Raises:
            DatasetError: scene after scene has no two views that overlap as the configuration asks.
            SceneError: a scene cannot be read.
        """
        for attempt in range(_TRIES):
            scene = self._scenes[shuffled_item(self._seed, len(self._scenes), number + attempt)]
            rng = generator(self._seed, "view pair", number, attempt)
            if len(scene.pairs):
                pair = self._pair(scene, rng)
                if len(pair.a.rows) >= LEAST_POSITIVES:
                    return pair
        raise DatasetError(
            "no two views of a scene see enough of the same Gaussians",
            file=place_of(self._scenes.folders),
            field="views",
            expected=f"an IoU of {self._views.min_iou} to {self._views.max_iou} between Gaussians in view",
            fix="Widen views.min_iou and views.max_iou, or give scenes with more views",
        )

    def _pair(self, scene: _ScenePairs, rng: np.random.Generator) -> ViewPair:
        first, second = scene.pairs[rng.integers(len(scene.pairs))]
        common = np.flatnonzero(scene.seen(first) & scene.seen(second))
        centre = scene.inputs[common[rng.integers(len(common))], :3]
        members = [self._nearest(scene, view, centre) for view in (first, second)]
        encoded = [augmented_cloud(scene.inputs[chosen], self._encoder, self._augmentation, rng) for chosen in members]
        # a point's voxel has to be its own in both views: else it would be its own negative
        voxel = np.full((2, len(scene.inputs)), -1)
        for side, (chosen, cloud) in enumerate(zip(members, encoded, strict=True)):
            voxel[side, chosen[cloud.representatives]] = np.arange(len(cloud.representatives))
        positives = np.flatnonzero((voxel >= 0).all(axis=0))
        if len(positives) > self._positives:
            positives = rng.choice(positives, self._positives, replace=False)
        sides = [EncodedView(cloud.inputs, cloud.plan, voxel[side, positives]) for side, cloud in enumerate(encoded)]
        return ViewPair(*sides)

    def _nearest(self, scene: _ScenePairs, view: int, centre: _Floats) -> _Ints:
        """Indices of the Gaussians of a view, at most ``max_points``: those nearest to `centre`."""
        chosen = np.flatnonzero(scene.seen(view))
        if len(chosen) > self._views.max_points:
            distance = ((scene.inputs[chosen, :3] - centre) ** 2).sum(axis=1)
            chosen = np.sort(chosen[np.argpartition(distance, self._views.max_points)[: self._views.max_points]])
        return chosen


def in_view(means: _Floats, camera: Camera) -> NDArray[np.bool_]:
    """Return which of the (N, 3) points lie in the camera's frustum, occluded or not."""
    pose = camera.world_to_camera
    points = means @ pose[:3, :3].T + pose[:3, 3]
    z = points[:, 2]
    safe = np.maximum(z, _NEAR_PLANE)
    x, y = camera.fx * points[:, 0] / safe + camera.cx, camera.fy * points[:, 1] / safe + camera.cy
    inside: NDArray[np.bool_] = (z > _NEAR_PLANE) & (x >= 0) & (x < camera.width) & (y >= 0) & (y < camera.height)
    return inside


def overlapping_pairs(seen: NDArray[np.bool_], min_iou: float, max_iou: float) -> NDArray[np.int64]:
    """Return the (P, 2) pairs of rows of `seen` (V, N) whose intersection over union lies between the bounds."""
    intersection = np.zeros((len(seen), len(seen)), np.float32)
    for first in range(0, seen.shape[1], _COLUMNS_AT_ONCE):
        columns = seen[:, first : first + _COLUMNS_AT_ONCE].astype(np.float32)
        intersection += columns @ columns.T
    count = np.diagonal(intersection)
    union = count[:, None] + count[None, :] - intersection
    iou = np.divide(intersection, union, out=np.zeros_like(union), where=union > 0)
    return np.argwhere(np.triu((iou > min_iou) & (iou < max_iou), k=1))


def _scene_pairs(folder: SceneFolder, config: ViewPairConfig) -> _ScenePairs:
    inputs = encoder_inputs(folder.load_scene())
    inputs = inputs[one_a_voxel(inputs, config.reduction)]
    cameras: Iterable[Camera] = folder.all_cameras.values()
    seen = np.stack([in_view(inputs[:, :3], camera) for camera in cameras])
    return _ScenePairs(inputs, np.packbits(seen, axis=1), overlapping_pairs(seen, config.min_iou, config.max_iou))
