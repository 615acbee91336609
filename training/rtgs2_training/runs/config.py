"""The configuration of a training run: one typed value a kind of run, every field checked by name.

Where the RT-GS2 paper gives a size or a rate, it is the default; :mod:`rtgs2_training.runs.config_file` reads them from
YAML.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from rtgs2_networks.config import Inputs
from rtgs2_trt.errors import InputError, shown
from rtgs2_trt.task import Task

Preset = Literal["tiny", "rtgs2"]
Precision = Literal["32-true", "bf16-mixed"]
Storage = Literal["int8", "float16"]
StoredWeights = Literal["float32", "float16"]
ClassWeighting = Literal["none", "inverse_sqrt"]
OptimizerName = Literal["adam", "adamw", "muon"]

LEAST_POSITIVES = 32
"""Points that a pair of views must have in common to be contrasted."""


@dataclass(frozen=True)
class ScheduleConfig:
    """Learning rate by step: linear warm-up, then ``(1 - progress) ** power`` down to a fraction of the peak."""

    learning_rate: float = 1e-3
    warmup_steps: int = 0
    power: float = 0.0
    final_fraction: float = 0.0

    def __post_init__(self) -> None:
        _require(0 < self.learning_rate <= 1, "schedule.learning_rate", self.learning_rate, "more than 0, at most 1")
        _require(self.warmup_steps >= 0, "schedule.warmup_steps", self.warmup_steps, "0 or more")
        _require(0 <= self.power <= 10, "schedule.power", self.power, "0 (constant) to 10")
        _require(0 <= self.final_fraction <= 1, "schedule.final_fraction", self.final_fraction, "0 to 1")


@dataclass(frozen=True)
class ValidationConfig:
    """Every how many steps to validate, and on how many pairs of views (encoder) or views (fusion)."""

    every_steps: int = 1000
    samples: int = 64

    def __post_init__(self) -> None:
        _require(self.every_steps >= 1, "validation.every_steps", self.every_steps, "1 or more")
        _require(self.samples >= 0, "validation.samples", self.samples, "0 (no validation) or more")


@dataclass(frozen=True)
class DataConfig:
    """Which scenes of the data set: splits by name, or scenes by name in the split's place (empty: all of it)."""

    train_split: str = "train"
    validation_split: str = "validation"
    scenes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ViewPairConfig:
    """Which two views of a scene make a pair, and what is kept of them.

    ``reduction`` is the edge in metres of the voxels that keep one Gaussian each, ``max_points`` bounds the Gaussians
    a view keeps: those nearest to a random point that both views see.
    """

    min_iou: float = 0.3
    max_iou: float = 0.8
    reduction: float = 0.05
    max_points: int = 16384

    def __post_init__(self) -> None:
        in_order = 0 <= self.min_iou < self.max_iou <= 1
        _require(in_order, "views.min_iou", self.min_iou, f"0 up to below max_iou = {self.max_iou}, itself at most 1")
        _require(1e-3 <= self.reduction <= 1, "views.reduction", self.reduction, "0.001 to 1 metre")
        _require(self.max_points >= 64, "views.max_points", self.max_points, "64 or more")


@dataclass(frozen=True)
class CloudAugmentationConfig:
    """Random changes of a view's Gaussians; lengths in metres, angles in degrees, colours in 0..1.

    A view is turned about the vertical by any angle, tilted about x and y by up to ``tilt`` each, scaled by a factor
    in ``scale`` and moved by up to ``shift`` along x and y, ``lift`` along z. ``jitter`` is the standard deviation of
    each coordinate's noise, to which waves through the room add up to ``blur`` here and nothing there. Colours are
    drawn to their mean by a factor in ``contrast``, multiplied by up to ``1 +- gain`` a channel, moved by up to
    ``brightness``, raised to a power between ``1 / gamma`` and ``gamma``, and made grey with probability ``grey``.
    Logits of the opacities are moved by up to ``opacity`` a view, logarithms of the sizes by up to ``size`` a view,
    and both by half as much (one standard deviation) a Gaussian. Before that, logarithms of the sizes are drawn to
    their mean, an axis each, by a factor in ``size_contrast``, and moved by waves through the room of up to
    ``size_waves`` and by noise of each axis of up to ``size_axes`` (standard deviations, drawn a view). With
    probability ``axis_order`` the three axes of every Gaussian of a view are put into any order.
    """

    tilt: float = 5.0
    scale: tuple[float, ...] = (0.6, 1.2)
    jitter: float = 0.02
    blur: float = 0.0
    shift: float = 3.0
    lift: float = 0.3
    contrast: tuple[float, ...] = (0.4, 1.2)
    gain: float = 0.3
    brightness: float = 0.1
    gamma: float = 1.4
    grey: float = 0.1
    opacity: float = 1.0
    size: float = 0.5
    size_contrast: tuple[float, ...] = (1.0, 1.0)
    size_waves: float = 0.0
    size_axes: float = 0.0
    axis_order: float = 0.5

    def __post_init__(self) -> None:
        _require_range(self.scale, "augmentation.scale", 0.1, 10)
        _require_range(self.contrast, "augmentation.contrast", 0.01, 10)
        _require_range(self.size_contrast, "augmentation.size_contrast", 0, 10)
        _require(0 <= self.tilt <= 45, "augmentation.tilt", self.tilt, "0 to 45 degrees")
        for name in ("jitter", "blur", "shift", "lift"):
            _require(0 <= getattr(self, name) <= 100, f"augmentation.{name}", getattr(self, name), "0 to 100 metres")
        for name in ("gain", "brightness", "grey", "axis_order"):
            _require(0 <= getattr(self, name) <= 1, f"augmentation.{name}", getattr(self, name), "0 to 1")
        for name in ("opacity", "size", "size_waves", "size_axes"):
            _require(0 <= getattr(self, name) <= 5, f"augmentation.{name}", getattr(self, name), "0 to 5")
        _require(1 <= self.gamma <= 5, "augmentation.gamma", self.gamma, "1 to 5")


@dataclass(frozen=True)
class ContrastConfig:
    """The point contrast: most positive pairs of points, temperature, whether features are compared as unit vectors."""

    positives: int = 4096
    temperature: float = 0.07
    unit_length: bool = True

    def __post_init__(self) -> None:
        least = LEAST_POSITIVES
        _require(least <= self.positives <= 65536, "loss.positives", self.positives, f"{least} to 65536")
        _require(0 < self.temperature <= 10, "loss.temperature", self.temperature, "more than 0, at most 10")


@dataclass(frozen=True)
class EncoderRunConfig:
    """Self-supervised training of the encoder.

    ``calibration_scenes`` whole scenes set the statistics of its BatchNorms at the end: training sees parts of scenes.
    """

    preset: Preset = "tiny"
    seed: int = 0
    steps: int = 4000
    pairs_per_step: int = 1
    precision: Precision = "32-true"
    optimizer: OptimizerName = "adam"
    weight_decay: float = 1e-5
    clip_norm: float = 1.0
    calibration_scenes: int = 16
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    data: DataConfig = field(default_factory=DataConfig)
    views: ViewPairConfig = field(default_factory=ViewPairConfig)
    augmentation: CloudAugmentationConfig = field(default_factory=CloudAugmentationConfig)
    loss: ContrastConfig = field(default_factory=ContrastConfig)
    validation: ValidationConfig = field(default_factory=ValidationConfig)

    def __post_init__(self) -> None:
        _check_common(self.seed, self.steps, self.weight_decay, self.clip_norm)
        _require(1 <= self.pairs_per_step <= 4096, "pairs_per_step", self.pairs_per_step, "1 to 4096")
        _require(self.calibration_scenes >= 1, "calibration_scenes", self.calibration_scenes, "1 or more")


@dataclass(frozen=True)
class ScenePartConfig:
    """Which part of a scene a sample of the encoder's tuning is.

    Of the Gaussians, ``reduction`` is the edge in metres of the voxels that keep one each; a part is the at most
    ``max_points`` of them nearest, along the floor, to a random one. It is mirrored with probability ``mirror``.
    """

    reduction: float = 0.05
    max_points: int = 16384
    mirror: float = 0.5

    def __post_init__(self) -> None:
        _require(1e-3 <= self.reduction <= 1, "parts.reduction", self.reduction, "0.001 to 1 metre")
        _require(self.max_points >= 64, "parts.max_points", self.max_points, "64 or more")
        _require(0 <= self.mirror <= 1, "parts.mirror", self.mirror, "0 to 1")


@dataclass(frozen=True)
class TuningRunConfig:
    """Supervised training of the encoder, after the point contrast: a linear classifier reads every voxel's class.

    ``parts_per_step`` parts of scenes make a step; ``calibration_scenes`` as in :class:`EncoderRunConfig`. Heights
    tell classes apart, so beside a room's scale they change little. How large Gaussians and how thin surfaces are tells
    classes of generated rooms apart, but not of captured ones: that changes much.
    """

    preset: Preset = "tiny"
    seed: int = 0
    steps: int = 2000
    parts_per_step: int = 2
    precision: Precision = "32-true"
    optimizer: OptimizerName = "adamw"
    weight_decay: float = 1e-2
    clip_norm: float = 1.0
    label_smoothing: float = 0.05
    calibration_scenes: int = 16
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    data: DataConfig = field(default_factory=DataConfig)
    parts: ScenePartConfig = field(default_factory=ScenePartConfig)
    augmentation: CloudAugmentationConfig = field(
        default_factory=lambda: CloudAugmentationConfig(
            scale=(0.7, 1.3), shift=10.0, tilt=3.0, blur=0.03, size_contrast=(0.0, 1.0), size_waves=0.4, size_axes=0.4
        )
    )
    validation: ValidationConfig = field(default_factory=ValidationConfig)

    def __post_init__(self) -> None:
        _check_common(self.seed, self.steps, self.weight_decay, self.clip_norm)
        _require(1 <= self.parts_per_step <= 4096, "parts_per_step", self.parts_per_step, "1 to 4096")
        _require(0 <= self.label_smoothing < 1, "label_smoothing", self.label_smoothing, "0 up to below 1")
        _require(self.calibration_scenes >= 1, "calibration_scenes", self.calibration_scenes, "1 or more")


@dataclass(frozen=True)
class ImageAugmentationConfig:
    """Random changes of rendered views; geometry is the same for colour, features and labels.

    Geometry: ``zoom`` is the range of magnification, ``rotation`` the largest turn in degrees, ``perspective`` the
    largest foreshortening (relative change of size between opposite edges), ``flip`` the probability of mirroring.
    Colour: factors ``1 +- brightness``, ``1 +- contrast``, ``1 +- saturation``, ``1 +- gain`` (a channel), hue turned
    by up to ``hue`` degrees, power between ``1 / gamma`` and ``gamma``, ``grey`` the probability of a grey view and
    ``noise`` the largest standard deviation of noise. Features: every channel is multiplied by a factor in
    ``1 +- feature_gain``, moved by up to ``feature_shift`` times its largest value, and dropped with probability
    ``channel_dropout``. Up to ``cut_out`` rectangles of the colours, and others of the features, are overwritten.
    A view has no colours at all with probability ``colour_dropout``, else no features with ``feature_dropout``: where
    features alone tell most, the colour branch learns from such views only. A network of one input is never without it.
    """

    zoom: tuple[float, ...] = (0.8, 1.6)
    rotation: float = 8.0
    perspective: float = 0.15
    flip: float = 0.5
    brightness: float = 0.4
    contrast: float = 0.4
    saturation: float = 0.5
    gain: float = 0.2
    hue: float = 30.0
    gamma: float = 1.5
    grey: float = 0.1
    noise: float = 0.03
    feature_gain: float = 0.2
    feature_shift: float = 0.05
    channel_dropout: float = 0.05
    cut_out: int = 2
    colour_dropout: float = 0.05
    feature_dropout: float = 0.05

    def __post_init__(self) -> None:
        _require_range(self.zoom, "augmentation.zoom", 0.2, 10)
        shares = ("flip", "brightness", "contrast", "saturation", "gain", "grey", "noise")
        for name in (*shares, "feature_gain", "feature_shift"):
            _require(0 <= getattr(self, name) <= 1, f"augmentation.{name}", getattr(self, name), "0 to 1")
        for name in ("channel_dropout", "colour_dropout", "feature_dropout", "perspective"):
            _require(0 <= getattr(self, name) <= 0.9, f"augmentation.{name}", getattr(self, name), "0 to 0.9")
        _require(0 <= self.rotation <= 90, "augmentation.rotation", self.rotation, "0 to 90 degrees")
        _require(0 <= self.hue <= 180, "augmentation.hue", self.hue, "0 to 180 degrees")
        _require(1 <= self.gamma <= 5, "augmentation.gamma", self.gamma, "1 to 5")
        _require(0 <= self.cut_out <= 32, "augmentation.cut_out", self.cut_out, "0 to 32 rectangles")


@dataclass(frozen=True)
class FusionLossConfig:
    """The loss of the fusion network.

    ``pixel_grids`` of the 16 grids that pixels 4 apart form are drawn anew at each step, and the loss is
    taken on these pixels alone: the same expected gradient as with all 16, in less time. ``centre_collapse`` weighs
    the regulariser, from ``centre_collapse_from`` (a fraction of the run) on. ``colour_head`` weighs a second answer
    that is given by the colour branch alone, and only while training.
    """

    label_smoothing: float = 0.15
    pixel_grids: int = 2
    class_weighting: ClassWeighting = "none"
    centre_collapse: float = 0.4
    centre_collapse_from: float = 0.0
    colour_head: float = 0.0

    def __post_init__(self) -> None:
        _require(0 <= self.label_smoothing < 1, "loss.label_smoothing", self.label_smoothing, "0 up to below 1")
        _require(1 <= self.pixel_grids <= 16, "loss.pixel_grids", self.pixel_grids, "1 to 16")
        for name in ("centre_collapse", "colour_head"):
            _require(0 <= getattr(self, name) <= 100, f"loss.{name}", getattr(self, name), "0 to 100")
        start = self.centre_collapse_from
        _require(0 <= start <= 1, "loss.centre_collapse_from", start, "0 to 1, a fraction of the run")


@dataclass(frozen=True)
class FusionRunConfig:
    """Training of the fusion network on rendered views.

    ``inputs`` other than fusion zero the colours or the features, for good: the checkpoint says so. ``crop`` is the
    (height, width) that views are cut to after augmentation, multiples of 32. ``average`` is the decay a step of the
    running mean of the weights that is validated and saved (0: the weights themselves), as ``stored_weights``.
    """

    preset: Preset = "tiny"
    task: Task = "semantic"
    inputs: Inputs = "fusion"
    seed: int = 0
    steps: int = 10000
    batch_size: int = 8
    crop: tuple[int, ...] = (256, 320)
    precision: Precision = "32-true"
    optimizer: OptimizerName = "adamw"
    weight_decay: float = 1e-4
    clip_norm: float = 1.0
    average: float = 0.999
    storage: Storage = "int8"
    stored_weights: StoredWeights = "float32"
    schedule: ScheduleConfig = field(
        default_factory=lambda: ScheduleConfig(learning_rate=1e-4, warmup_steps=200, power=0.9)
    )
    data: DataConfig = field(default_factory=DataConfig)
    augmentation: ImageAugmentationConfig = field(default_factory=ImageAugmentationConfig)
    loss: FusionLossConfig = field(default_factory=FusionLossConfig)
    validation: ValidationConfig = field(default_factory=ValidationConfig)

    def __post_init__(self) -> None:
        _check_common(self.seed, self.steps, self.weight_decay, self.clip_norm)
        _require(1 <= self.batch_size <= 65536, "batch_size", self.batch_size, "1 to 65536")
        fits = len(self.crop) == 2 and all(0 < side <= 4096 and side % 32 == 0 for side in self.crop)
        _require(fits, "crop", list(self.crop), "height and width, multiples of 32 up to 4096")
        one_pixel = self.batch_size == 1 and tuple(self.crop) == (32, 32)  # of the last stage, which has no variance
        _require(not one_pixel, "batch_size", self.batch_size, "2 or more with crop [32, 32]")
        _require(0 <= self.average < 1, "average", self.average, "0 up to below 1")
        if self.task == "depth":  # enlarged or foreshortened, a view does not show the depths of its labels
            zoom, perspective = self.augmentation.zoom, self.augmentation.perspective
            _require(zoom == (1, 1), "augmentation.zoom", list(zoom), "[1, 1] with task depth")
            _require(perspective == 0, "augmentation.perspective", perspective, "0 with task depth")


RunConfig = EncoderRunConfig | TuningRunConfig | FusionRunConfig


def _check_common(seed: int, steps: int, weight_decay: float, clip_norm: float) -> None:
    _require(0 <= seed < 2**32, "seed", seed, "0 to 2**32 - 1")
    _require(1 <= steps <= 10**9, "steps", steps, "1 to 1e9")
    _require(0 <= weight_decay <= 1, "weight_decay", weight_decay, "0 to 1")
    _require(0 < clip_norm <= 1e6, "clip_norm", clip_norm, "more than 0")


def _require_range(values: tuple[float, ...], name: str, least: float, most: float) -> None:
    fits = len(values) == 2 and least <= values[0] <= values[1] <= most
    _require(fits, name, list(values), f"a range [low, high] within {least:g} to {most:g}")


def _require(condition: bool, name: str, found: object, expected: str) -> None:
    if not condition:
        raise InputError("impossible run configuration", field=name, found=shown(found), expected=expected)
