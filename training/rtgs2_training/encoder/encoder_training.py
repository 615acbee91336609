"""Training of the encoder by the point contrast."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from rtgs2_networks.config import EncoderConfig, preset
from rtgs2_networks.encoder import PointTransformerEncoder
from rtgs2_trt.console import Console

from ..datasets import Dataset, SceneFolder
from ..runs.config import ContrastConfig, EncoderRunConfig
from ..runs.config_file import config_hash
from ..runs.data import data_fingerprint, scenes_of
from ..runs.optimizers import make_optimizer
from ..runs.task import TrainingTask
from .batch_norm_statistics import check_statistics
from .contrastive_loss import point_info_nce
from .encoder_checkpoint import write_encoder
from .joined_clouds import DeviceClouds, join_clouds
from .view_pairs import ViewPair, ViewPairs

_VALIDATION_SEED_OFFSET = 1 << 40  # other pairs than any training run's


@dataclass(eq=False)  # not frozen: Fabric converts its tensors
class PairBatch:
    """Pairs of views on the training device, joined to one batch of the encoder.

    Attributes:
        clouds: of all views.
        rows: of each pair the rows (M,) of its positives in either view.
    """

    clouds: DeviceClouds
    rows: list[tuple[Tensor, Tensor]]


class ContrastObjective(nn.Module):
    """The encoder and its loss over pairs of views."""

    def __init__(self, config: EncoderConfig, loss: ContrastConfig) -> None:
        super().__init__()
        self.encoder = PointTransformerEncoder(config)
        self._loss = loss

    def forward(self, batch: PairBatch) -> dict[str, Tensor]:
        """Return the means over the pairs of the loss and the accuracy of :func:`point_info_nce`."""
        features = self.encoder(batch.clouds.inputs, batch.clouds.plan)
        results = [
            point_info_nce(
                features.index_select(0, a),
                features.index_select(0, b),
                self._loss.temperature,
                unit_length=self._loss.unit_length,
            )
            for a, b in batch.rows
        ]
        losses, found = zip(*results, strict=True)
        return {"loss": torch.stack(losses).mean(), "accuracy": torch.stack(found).mean()}


class EncoderTraining(TrainingTask[list[ViewPair], PairBatch]):
    """The self-supervised stage.

    Args:
        config: of the run.
        dataset: scenes with cameras; labels need not be there.

    Raises:
        DatasetError: no such split or scene.
        SceneError: from :meth:`gather`, a scene too small for the encoder.
    """

    def __init__(self, config: EncoderRunConfig, dataset: Dataset) -> None:
        self.config, self.dataset = config, dataset
        self.steps, self.schedule, self.validation = config.steps, config.schedule, config.validation
        self.samples, self.clip_norm = config.pairs_per_step, config.clip_norm
        self.model = preset(config.preset, len(dataset.classes))
        self.train_scenes, self.validation_scenes = scenes_of(dataset, config.data, config.validation)
        scenes = {"train": self.train_scenes, "validation": self.validation_scenes}
        data = data_fingerprint(dataset, scenes, labels=False)
        self.identity = {"configuration": config_hash(config), "data set": data}
        torch.manual_seed(config.seed)
        self.objective: ContrastObjective = ContrastObjective(self.model.encoder, config.loss)
        self._pairs = self._samples(self.train_scenes, config.seed)
        self._validation_pairs = self._samples(self.validation_scenes, config.seed + _VALIDATION_SEED_OFFSET)

    def gather(self, fabric: Fabric, console: Console, deadline: float = math.inf, *, goes_on: bool = False) -> bool:
        """Refuse scenes that are too small for the encoder."""
        check_statistics(self.model.encoder, self.train_scenes[: self.config.calibration_scenes])
        return True

    def optimizer(self) -> torch.optim.Optimizer:
        """See :class:`TrainingTask`."""
        config, ends = self.config, ("embedding.stem",)
        return make_optimizer(
            config.optimizer, self.objective, ends, config.schedule.learning_rate, config.weight_decay
        )

    def load(self, step: int, rank: int, world_size: int) -> list[ViewPair]:
        """See :class:`TrainingTask`."""
        first = step * self.config.pairs_per_step
        return [self._pairs.sample(first + i) for i in range(rank, self.config.pairs_per_step, world_size)]

    def prepare(self, batch: list[ViewPair], step: int, device: torch.device) -> PairBatch:
        """See :class:`TrainingTask`; the views are augmented before their plans are made."""
        views = [view for pair in batch for view in (pair.a, pair.b)]
        clouds = join_clouds([view.inputs for view in views], [view.plan for view in views])
        rows = [
            torch.from_numpy(view.rows + start).to(device, non_blocking=True)
            for view, start in zip(views, clouds.starts, strict=True)
        ]
        return PairBatch(clouds.to(device), list(zip(rows[::2], rows[1::2], strict=True)))

    def validate(self, fabric: Fabric) -> dict[str, float]:
        """Return loss and accuracy on fixed pairs of views of the validation scenes."""
        if not self.validation_scenes or not self.validation.samples:
            return {}
        self.objective.eval()
        numbers = range(fabric.global_rank, self.validation.samples, fabric.world_size)
        sums = torch.zeros(3, dtype=torch.float64)
        for number in numbers:
            values = self.objective(self.prepare([self._validation_pairs.sample(number)], 0, fabric.device))
            sums += torch.tensor([float(values["loss"]), float(values["accuracy"]), 1.0], dtype=torch.float64)
        if fabric.world_size > 1:
            sums = fabric.all_reduce(sums.to(fabric.device), reduce_op="sum").cpu()  # type: ignore[union-attr]
        loss, found, count = sums.tolist()
        return {"loss": loss / count, "accuracy": found / count}

    def write_result(self, path: Path, step: int, metrics: Mapping[str, float]) -> None:
        """Write a checkpoint whose fusion network is untrained; statistics are those of whole scenes."""
        found = f", contrast accuracy {metrics['accuracy']:.3f}" if metrics else ""
        description = f"encoder of {step} steps on {self.dataset.name}{found}"
        calibration = self.train_scenes[: self.config.calibration_scenes]
        write_encoder(
            path, self.objective.encoder, self.model, self.dataset, calibration, self.config.seed, description
        )

    def _samples(self, scenes: Sequence[SceneFolder], seed: int) -> ViewPairs:
        config = self.config
        return ViewPairs(scenes, self.model.encoder, config.views, config.augmentation, config.loss.positives, seed)
