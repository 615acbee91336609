"""Supervised training of the encoder, after the point contrast.

RT-GS2 keeps the encoder as the point contrast leaves it, and so does ``rtgs2-train encoder``. Where Gaussians' classes
are known, or can be lifted from label images, a linear classifier over the features can train the encoder further:
features are blended linearly by the rasteriser, so what is linear in them stays so in every view.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from lightning_fabric import Fabric
from torch import Tensor, nn

from rtgs2_networks.checkpoint import load_checkpoint
from rtgs2_networks.config import preset
from rtgs2_networks.encoder import PointTransformerEncoder
from rtgs2_trt.console import Console
from rtgs2_trt.errors import DatasetError

from ..datasets import Dataset, SceneFolder, place_of, tell_left_out
from ..evaluation import evenly_spaced
from ..gaussian_classes import STORED, has_classes
from ..metrics import ConfusionMatrix
from ..runs.config import TuningRunConfig
from ..runs.config_file import config_hash
from ..runs.data import check_images, data_fingerprint, scenes_of
from ..runs.optimizers import make_optimizer
from ..runs.task import TrainingTask
from .batch_norm_statistics import check_statistics
from .encoder_checkpoint import trained_encoder, write_encoder
from .joined_clouds import DeviceClouds, join_clouds
from .scene_parts import ScenePart, SceneParts

_VALIDATION_SEED_OFFSET = 1 << 40  # other parts than any training run's
_LOOKED_AT = 64  # scenes


@dataclass(eq=False)  # not frozen: Fabric converts its tensors
class PartBatch:
    """Parts of scenes on the training device, joined to one batch of the encoder.

    Attributes:
        clouds: of all parts.
        labels: (n,) int64, the class of every voxel; -1 where unknown.
    """

    clouds: DeviceClouds
    labels: Tensor


class TuningObjective(nn.Module):
    """The encoder, a linear classifier of its features, and their loss.

    Args:
        encoder: to be trained further.
        classes: K.
        label_smoothing: of the cross-entropy.
    """

    def __init__(self, encoder: PointTransformerEncoder, classes: int, label_smoothing: float) -> None:
        super().__init__()
        self.encoder = encoder
        self.classifier = nn.Linear(encoder.config.out_channels, classes)
        self._label_smoothing = label_smoothing

    def logits(self, clouds: DeviceClouds) -> Tensor:
        """Return (n, K), a row a voxel."""
        logits: Tensor = self.classifier(self.encoder(clouds.inputs, clouds.plan))
        return logits

    def forward(self, batch: PartBatch) -> dict[str, Tensor]:
        """Return the mean loss over the voxels of known class and the share of them that are right."""
        logits, known = self.logits(batch.clouds), batch.labels >= 0
        count = known.sum().clamp(min=1)
        loss = F.cross_entropy(
            logits, batch.labels, ignore_index=-1, label_smoothing=self._label_smoothing, reduction="sum"
        )
        right = (logits.detach().argmax(1) == batch.labels) & known
        return {"loss": loss / count, "accuracy": right.sum() / count}


class EncoderTuning(TrainingTask[list[ScenePart], PartBatch]):
    """The supervised stage of the encoder.

    Args:
        config: of the run.
        dataset: labelled scenes.
        encoder: checkpoint with the encoder to start from, or None for random weights.

    Raises:
        DatasetError: no such split or scene; from :meth:`gather`, no label.
        SceneError: from :meth:`gather`, a scene too small for the encoder.
        CheckpointError: an encoder of another preset.
    """

    def __init__(self, config: TuningRunConfig, dataset: Dataset, encoder: Path | None) -> None:
        self.config, self.dataset = config, dataset
        self.steps, self.schedule, self.validation = config.steps, config.schedule, config.validation
        self.samples, self.clip_norm = config.parts_per_step, config.clip_norm
        self.model = preset(config.preset, len(dataset.classes))
        self.train_scenes, self.validation_scenes = scenes_of(dataset, config.data, config.validation)
        torch.manual_seed(config.seed)
        start = None if encoder is None else load_checkpoint(encoder)
        self.identity = {
            "configuration": config_hash(config),
            "data set": data_fingerprint(dataset, {"train": self.train_scenes, "validation": self.validation_scenes}),
            "encoder": "" if start is None else start.sha256,
        }
        if start is None:
            network = PointTransformerEncoder(self.model.encoder)
        else:
            network = trained_encoder(start, self.model.encoder, config.preset, encoder)
        self.objective: TuningObjective = TuningObjective(network, len(dataset.classes), config.label_smoothing)
        self._parts = self._samples(self.train_scenes, config.seed)
        self._validation_parts = self._samples(self.validation_scenes, config.seed + _VALIDATION_SEED_OFFSET)

    def gather(self, fabric: Fabric, console: Console, deadline: float = math.inf, *, goes_on: bool = False) -> bool:
        """Refuse data without labels, and tell how many views cannot be learnt from."""
        check_statistics(self.model.encoder, self.train_scenes[: self.config.calibration_scenes])
        if not goes_on:
            self._check_labels(console)
        scenes = (*self.train_scenes, *self.validation_scenes)
        tell_left_out([scene for scene in scenes if not (scene.path / STORED).exists()], console)
        return True

    def optimizer(self) -> torch.optim.Optimizer:
        """See :class:`TrainingTask`."""
        config, ends = self.config, ("embedding.stem", "classifier")
        return make_optimizer(
            config.optimizer, self.objective, ends, config.schedule.learning_rate, config.weight_decay
        )

    def load(self, step: int, rank: int, world_size: int) -> list[ScenePart]:
        """See :class:`TrainingTask`."""
        first = step * self.config.parts_per_step
        return [self._parts.sample(first + i) for i in range(rank, self.config.parts_per_step, world_size)]

    def prepare(self, batch: list[ScenePart], step: int, device: torch.device) -> PartBatch:
        """See :class:`TrainingTask`; the parts are augmented before their plans are made."""
        clouds = join_clouds([part.inputs for part in batch], [part.plan for part in batch]).to(device)
        labels = torch.cat([torch.from_numpy(part.labels) for part in batch])
        return PartBatch(clouds, labels.to(device, torch.int64))

    def validate(self, fabric: Fabric) -> dict[str, float]:
        """Return mIoU and accuracy over the voxels of fixed parts of the validation scenes, changed as in training."""
        if not self.validation_scenes or not self.validation.samples:
            return {}
        self.objective.eval()
        matrix = ConfusionMatrix(len(self.dataset.classes))
        for number in range(fabric.global_rank, self.validation.samples, fabric.world_size):
            part = self._validation_parts.sample(number)
            predicted = self.objective.logits(self.prepare([part], 0, fabric.device).clouds).argmax(1)
            matrix.add(part.labels, predicted.cpu().numpy())
        if fabric.world_size > 1:
            counts = torch.from_numpy(matrix.counts).to(fabric.device)
            matrix.counts = fabric.all_reduce(counts, reduce_op="sum").cpu().numpy()  # type: ignore[union-attr]
        scores = matrix.scores()
        return {"miou": scores.miou, "voxel_accuracy": scores.pixel_accuracy}

    def write_result(self, path: Path, step: int, metrics: Mapping[str, float]) -> None:
        """Write a checkpoint whose fusion network is untrained; statistics are those of whole scenes."""
        found = "".join(f", validation {name} {value:.3f}" for name, value in metrics.items())
        description = f"encoder tuned with labels for {step} steps on {self.dataset.title}{found}"
        calibration = self.train_scenes[: self.config.calibration_scenes]
        write_encoder(
            path, self.objective.encoder, self.model, self.dataset, calibration, self.config.seed, description
        )

    def _check_labels(self, console: Console) -> None:
        """Refuse label images that cannot be used, and data in which no class is known.

        Classes that are stored beside Gaussians are read when their scene is first learnt from.
        """
        every = (*self.train_scenes, *self.validation_scenes)
        captured = [scene for scene in every if not (scene.path / STORED).exists()]
        check_images([(scene, view) for scene in captured for view in scene.cameras], "labels", console)
        for scenes in (self.train_scenes, self.validation_scenes):
            some = evenly_spaced(scenes, _LOOKED_AT)
            if some and not any(map(has_classes, some)):
                raise DatasetError(
                    "no pixel and no Gaussian has a label",
                    file=place_of(scenes),
                    found=f"none in {len(some)} scenes, evenly spaced",
                    expected="label images with ids of the class table",
                    fix="Give the class table of the labels with --classes",
                )

    def _samples(self, scenes: Sequence[SceneFolder], seed: int) -> SceneParts:
        config = self.config
        return SceneParts(scenes, self.model.encoder, config.parts, config.augmentation, seed)
