"""Training of the fusion network on rendered views."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor, nn

from rtgs2_networks.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from rtgs2_networks.config import ModelConfig, preset
from rtgs2_networks.encoder import PointTransformerEncoder
from rtgs2_networks.fusion import FusionNetwork, full_size_logits
from rtgs2_trt.console import Console
from rtgs2_trt.errors import CheckpointError, DatasetError

from ..datasets import Dataset, tell_left_out
from ..encoder.encoder_checkpoint import trained_encoder
from ..evaluation import evenly_spaced
from ..metrics import ConfusionMatrix, DepthError
from ..random_numbers import generator, shuffled_item, torch_generator
from ..runs.config import FusionLossConfig, FusionRunConfig, ImageAugmentationConfig
from ..runs.config_file import config_hash
from ..runs.data import check_images, data_fingerprint, scenes_of
from ..runs.optimizers import make_optimizer
from ..runs.task import TrainingTask
from . import image_augmentation as augmentation
from .centre_collapse import centre_collapse_loss, simplex_frame
from .colour_head import ColourHead
from .image_augmentation import Views
from .pixel_grids import depth_loss, draw_grids, pixels_on_grid, semantic_loss, upsampled_on_grid
from .render_cache import CachedView, RenderCache, encoder_hash
from .view_batches import StoredViews, class_weights, read_views
from .weight_average import WeightAverage

_LOOKED_AT = 64  # views
_CENTRE_GRID = 10  # the pixel at (2, 2) of each 4 x 4: nearest to what a quarter-size map's pixel stands for


@dataclass(eq=False)  # not frozen: Fabric converts its tensors
class FusionStep:
    """What one step trains on.

    Attributes:
        views: augmented; depths as the bits of their float32 in int32, since Fabric rounds every tensor of floats to
            the precision of the run, and metres in bfloat16 are centimetres off.
        grids: pixels that count.
        collapse: weight of the centre-collapse regulariser.
    """

    views: Views
    grids: list[int]
    collapse: float


class FusionObjective(nn.Module):
    """The fusion network and its losses.

    Args:
        network: to be trained.
        loss: which losses.
        weights: (K,) of the classes, or None.
    """

    def __init__(self, network: FusionNetwork, loss: FusionLossConfig, weights: Tensor | None) -> None:
        super().__init__()
        self.network = network
        self._loss = loss
        config = network.config
        self.colour_head = ColourHead(config.rgb_widths, config.num_classes) if loss.colour_head else None
        frame = simplex_frame(max(2, config.num_classes), config.decoder_width)
        self._frame: Tensor
        self._weights: Tensor | None
        self.register_buffer("_frame", frame, persistent=False)
        self.register_buffer("_weights", weights, persistent=False)

    def forward(self, step: FusionStep) -> dict[str, Tensor]:
        """Return the loss and its parts."""
        views, target = step.views, step.views.target
        if target.dtype == torch.int32:
            target = target.view(torch.float32)
        colours, merged = self.network.branch_maps(views.image, views.features)
        outputs, embedding = self.network.Decoder(merged)
        loss = self._task_loss(outputs, target, step.grids)
        if target.dtype == torch.int64:
            values = {"loss": loss, "cross_entropy": loss.detach()}
        else:
            values = {"loss": loss, "rmse": loss.detach().sqrt()}
        if self.colour_head is not None:
            alone = self._task_loss(self.colour_head(colours), target, step.grids)
            values["loss"] = values["loss"] + self._loss.colour_head * alone
            values["colour_head"] = alone.detach()
        if step.collapse:
            centres = centre_collapse_loss(embedding, pixels_on_grid(target, _CENTRE_GRID), self._frame)
            values["loss"] = values["loss"] + step.collapse * centres
            values["centre_collapse"] = centres.detach()
        return values

    def _task_loss(self, outputs: Tensor, target: Tensor, grids: list[int]) -> Tensor:
        """Return the mean over the grids of what (B, K, h, w) outputs lack."""
        outputs = outputs.float()
        parts = []
        for grid in grids:
            predicted, wanted = upsampled_on_grid(outputs, grid), pixels_on_grid(target, grid)
            if target.dtype == torch.int64:
                parts.append(semantic_loss(predicted, wanted, self._loss.label_smoothing, self._weights))
            else:
                parts.append(depth_loss(predicted, wanted))
        return torch.stack(parts).mean()


class FusionTraining(TrainingTask[StoredViews, FusionStep]):
    """The supervised stage: semantics or depth.

    Args:
        config: of the run.
        dataset: scenes with labelled views.
        encoder: checkpoint of the trained encoder, or None for one of random weights.
        initial: checkpoint whose fusion network is trained further, or None; it brings its own encoder.
        cache: folder of rendered views.

    Raises:
        DatasetError: no such split or scene; from :meth:`gather`, one that cannot be used, or none with labels (depth:
            known depths).
        CheckpointError: a checkpoint of another preset, task or class table.
    """

    def __init__(
        self,
        config: FusionRunConfig,
        dataset: Dataset,
        encoder: Path | None,
        initial: Path | None,
        cache: Path,
    ) -> None:
        self.config, self.dataset = config, dataset
        self.steps, self.schedule, self.validation = config.steps, config.schedule, config.validation
        self.samples, self.clip_norm = config.batch_size, config.clip_norm
        classes = 1 if config.task == "depth" else len(dataset.classes)
        model = preset(config.preset, classes, config.task)
        self.model: ModelConfig = replace(model, fusion=replace(model.fusion, inputs=config.inputs))
        torch.manual_seed(config.seed)
        self._network = FusionNetwork(self.model.fusion)
        start = load_checkpoint(initial) if initial else None
        if start is not None:
            self._take_up(start, self._network, initial)
        self.encoder = self._encoder(start, load_checkpoint(encoder) if encoder else None, encoder)
        self._encoder_hash = encoder_hash(self.encoder)
        train_scenes, validation_scenes = scenes_of(dataset, config.data, config.validation)
        self._scenes = {"train": train_scenes, "validation": validation_scenes}
        self.identity = {
            "configuration": config_hash(config),
            "data set": data_fingerprint(dataset, self._scenes),
            "encoder": self._encoder_hash,
            "initial checkpoint": start.sha256 if start else "",
        }
        self._cache = cache
        self._augmentation = _for_inputs(config)

    def gather(self, fabric: Fabric, console: Console, deadline: float = math.inf, *, goes_on: bool = False) -> bool:
        """Render the views that the cache lacks; the processes share them."""
        config, classes = self.config, self.model.fusion.num_classes
        train_scenes, validation_scenes = self._scenes["train"], self._scenes["validation"]
        every = list(dict.fromkeys([*train_scenes, *validation_scenes]))
        store = RenderCache(self._cache, self.encoder.to(fabric.device), self._encoder_hash, config.storage)
        if fabric.is_global_zero:
            store.views(every)  # hashes the Gaussians for all processes
        fabric.barrier()
        self.views: list[CachedView] = store.views(train_scenes)
        self.validation_views = evenly_spaced(store.views(validation_scenes), self.validation.samples)
        if not goes_on:
            self._check_targets(console)  # before anything is rendered
        weights = None
        if config.loss.class_weighting == "inverse_sqrt" and config.task == "semantic":
            weights = torch.from_numpy(class_weights(self.views, classes))
        wanted, share = [*self.views, *self.validation_views], (fabric.global_rank, fabric.world_size)
        for rank, world_size in (share, (0, 1)):  # the second where folders are not shared
            late = not store.render_missing(wanted, console, rank, world_size, deadline)
            if int(_summed(fabric, torch.tensor(int(late)))):  # waits for all processes
                return False
        self.encoder.cpu()
        tell_left_out(every, console)
        self.objective: FusionObjective = FusionObjective(self._network, config.loss, weights).to(fabric.device)
        self.objective.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # what the Linears between convolutions want
        self.average = WeightAverage(self.objective.network, config.average) if config.average else None
        return True

    def optimizer(self) -> torch.optim.Optimizer:
        """See :class:`TrainingTask`."""
        config = self.config
        ends = ("down_sample_1.rgb_stem", "down_sample_1.depth_stem", "linear_pred", "colour_head")
        return make_optimizer(
            config.optimizer, self.objective, ends, config.schedule.learning_rate, config.weight_decay
        )

    def load(self, step: int, rank: int, world_size: int) -> StoredViews:
        """See :class:`TrainingTask`."""
        first = step * self.config.batch_size
        numbers = [first + i for i in range(rank, self.config.batch_size, world_size)]
        chosen = [self.views[shuffled_item(self.config.seed, len(self.views), number)] for number in numbers]
        return read_views(chosen, self.config.task, numbers)

    def prepare(self, batch: StoredViews, step: int, device: torch.device) -> FusionStep:
        """See :class:`TrainingTask`."""
        config, crop = self.config, (self.config.crop[0], self.config.crop[1])
        rngs = [generator(config.seed, "augmentation", number) for number in batch.numbers]
        noise = torch_generator(device, config.seed, "noise", *batch.numbers[:1])
        homographies = np.stack(
            [
                augmentation.random_homography((int(height), int(width)), crop, self._augmentation, rng)
                for (height, width), rng in zip(batch.sizes, rngs, strict=True)
            ]
        )
        views = augmentation.warp(batch, homographies, crop, device)
        image = augmentation.recolour(views.image, self._augmentation, rngs)
        image, features = augmentation.add_noise(image, self._augmentation, noise), views.features
        augmentation.vary_features(features, batch.largest, self._augmentation, rngs)
        augmentation.cut_out(image, features, self._augmentation, rngs)
        grids = draw_grids(config.loss.pixel_grids, torch_generator(torch.device("cpu"), config.seed, "grids", step))
        late = step >= config.loss.centre_collapse_from * self.steps
        collapse = config.loss.centre_collapse if late and config.task == "semantic" else 0.0
        target = views.target.view(torch.int32) if views.target.is_floating_point() else views.target
        return FusionStep(Views(image, features, target), grids, collapse)

    def validate(self, fabric: Fabric) -> dict[str, float]:
        """Return mIoU and pixel accuracy, or the depth's RMSE, of views of the validation scenes at full size."""
        if not self.validation_views:
            return {}
        network = self._trained_network().eval()
        matrix, depth = ConfusionMatrix(max(1, len(self.dataset.classes))), DepthError()
        mine = self.validation_views[fabric.global_rank :: fabric.world_size]
        for group in _groups_of_one_size(mine, self.config.batch_size):
            views = to_views(read_views(group, self.config.task), fabric.device)
            outputs = full_size_logits(network(views.image, views.features))
            if self.config.task == "depth":
                depth.add(views.target.cpu().numpy(), outputs[:, 0].cpu().numpy())
            else:
                matrix.add(views.target.cpu().numpy(), outputs.argmax(1).cpu().numpy())
        if self.config.task == "depth":
            squares = torch.tensor([depth.rmse**2 * depth.pixels if depth.pixels else 0.0, float(depth.pixels)])
            total = _summed(fabric, squares.double())
            return {"rmse": float((total[0] / total[1]) ** 0.5)}
        matrix.counts = _summed(fabric, torch.from_numpy(matrix.counts)).numpy()
        scores = matrix.scores()
        return {"miou": scores.miou, "pixel_accuracy": scores.pixel_accuracy}

    def write_result(self, path: Path, step: int, metrics: Mapping[str, float]) -> None:
        """Write the checkpoint of both networks."""
        config = self.config
        found = "".join(f", validation {name} {value:.3f}" for name, value in metrics.items())
        inputs = "" if config.inputs == "fusion" else f", {config.inputs} only"
        save_checkpoint(
            path,
            self.model,
            None if config.task == "depth" else self.dataset.classes,
            self.encoder.state_dict(),
            self._trained_network().state_dict(),
            half=config.stored_weights == "float16",
            description=f"{config.preset} preset, {step} steps on {self.dataset.title}{inputs}{found}",
        )

    def after_step(self, step: int) -> None:
        """See :class:`TrainingTask`."""
        if self.average:
            self.average.update(step)

    def average_state(self) -> dict[str, Any] | None:
        """See :class:`TrainingTask`."""
        return self.average.state_dict() if self.average else None

    def load_average_state(self, state: Mapping[str, Tensor]) -> None:
        """See :class:`TrainingTask`."""
        if self.average:
            self.average.load_state_dict(state)

    def _check_targets(self, console: Console) -> None:
        """Refuse images that would stop the run later, and data in which nothing is known to be learnt or measured."""
        semantic = self.config.task == "semantic"
        wanted = [(view.scene, view.name) for view in (*self.views, *self.validation_views)]
        check_images(wanted, "labels" if semantic else "depth", console)

        def known(view: CachedView) -> NDArray[np.bool_]:
            return view.scene.labels(view.name) >= 0 if semantic else view.scene.depth(view.name) > 0

        for views in (self.views, self.validation_views):
            some = evenly_spaced(views, _LOOKED_AT)
            if some and not any(known(view).any() for view in some):
                raise DatasetError(
                    "no pixel has a label" if semantic else "no pixel has a known depth",
                    file=self.dataset.path,
                    found=f"none in {len(some)} views, evenly spaced",
                    expected="label images with ids of the class table" if semantic else "depth images in millimetres",
                    fix="Give the class table of the labels with --classes" if semantic else "Give scenes with depths",
                )

    def _trained_network(self) -> nn.Module:
        return self.average.network if self.average else self.objective.network

    def _take_up(self, start: Checkpoint, network: FusionNetwork, path: Path | None) -> None:
        same_classes = start.classes is None or start.classes.classes == self.dataset.classes.classes
        network_of_start = replace(start.config, fusion=replace(start.config.fusion, inputs=self.config.inputs))
        if network_of_start != self.model or not same_classes:
            table = "no classes" if start.classes is None else f"classes {start.classes.name!r} ({len(start.classes)})"
            raise CheckpointError(
                "a checkpoint of another network or class table than this run's",
                file=path,
                field="--init",
                found=f"{'this' if start.config.encoder == self.model.encoder else 'another'} preset, "
                f"task {start.config.task}, {table}",
                expected=f"preset {self.config.preset}, task {self.config.task}, "
                f"classes {self.dataset.classes.name!r} ({len(self.dataset.classes)})",
                fix="Set preset and task to the checkpoint's, or train from an encoder with --encoder",
            )
        network.load_state_dict(dict(start.fusion))

    def _encoder(
        self, start: Checkpoint | None, trained: Checkpoint | None, path: Path | None
    ) -> PointTransformerEncoder:
        source = start or trained
        if source is None:
            return PointTransformerEncoder(self.model.encoder).eval()
        return trained_encoder(source, self.model.encoder, self.config.preset, path)


def _for_inputs(config: FusionRunConfig) -> ImageAugmentationConfig:
    """The augmentation; it never drops the only input of a network, which could learn nothing from such views."""
    if config.inputs == "colour":
        return replace(config.augmentation, colour_dropout=0.0)
    if config.inputs == "features":
        return replace(config.augmentation, feature_dropout=0.0)
    return config.augmentation


def to_views(batch: StoredViews, device: torch.device) -> Views:
    """Return stored views as the network takes them, on `device`."""
    image = torch.from_numpy(batch.image).to(device).permute(0, 3, 1, 2).float() / 255
    features = torch.from_numpy(batch.features).to(device).float()
    features *= torch.from_numpy(batch.scale).to(device)[:, None, None, :]
    target = torch.from_numpy(batch.target).to(device)
    return Views(image, features.permute(0, 3, 1, 2), target if target.is_floating_point() else target.long())


def _groups_of_one_size(views: Sequence[CachedView], most: int) -> Iterator[list[CachedView]]:
    """Yield all of `views`, at most `most` at a time: padded to another's size, a view would get other labels."""
    by_size: dict[tuple[int, int], list[CachedView]] = {}
    for view in views:
        by_size.setdefault((view.camera.height, view.camera.width), []).append(view)
    for group in by_size.values():
        for first in range(0, len(group), most):
            yield group[first : first + most]


def _summed(fabric: Fabric, values: Tensor) -> Tensor:
    if fabric.world_size == 1:
        return values
    total = fabric.all_reduce(values.to(fabric.device), reduce_op="sum")
    assert isinstance(total, Tensor)
    return total.cpu()
