"""Typed configurations of the two networks and the presets that the project ships.

A configuration is a plain value: ``to_dict`` / ``from_dict`` turn it into what a checkpoint stores and back, and
every unknown, missing or impossible field is refused with its name.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, get_args

from rtgs2_trt.errors import CheckpointError
from rtgs2_trt.task import TASKS, Task

CpeInput = Literal["block_input", "research"]
ColourOrder = Literal["rgb", "bgr"]
Inputs = Literal["fusion", "colour", "features"]
"""What a fusion network gets to see; what is left out is zero."""

_Config = TypeVar("_Config")

_MAX_DEPTH = 64  # blocks a stage: a made-up configuration must not keep its reader building modules for minutes


@dataclass(frozen=True)
class EncoderConfig:
    """Point Transformer V3 over the occupied voxels of a Gaussian scene.

    Stage ``i`` of the encoder has ``encoder_depths[i]`` blocks, ``encoder_channels[i]`` channels and
    ``encoder_heads[i]`` heads; the decoder has one stage fewer, its stage 0 is the output.

    ``cpe_input`` says what the conditional positional encoding of a block convolves: ``"block_input"`` is the
    published architecture; ``"research"`` is what the research code's weights were trained with (in every block but
    a stage's first, the previous block's MLP output without its shortcut; in a decoder stage's first block, the
    projected skip alone).
    """

    in_channels: int = 10
    encoder_depths: tuple[int, ...] = (2, 2, 2, 6, 2)
    encoder_channels: tuple[int, ...] = (32, 64, 128, 256, 512)
    encoder_heads: tuple[int, ...] = (2, 4, 8, 16, 32)
    decoder_depths: tuple[int, ...] = (2, 2, 2, 2)
    decoder_channels: tuple[int, ...] = (32, 64, 128, 256)
    decoder_heads: tuple[int, ...] = (4, 4, 8, 16)
    patch_size: int = 1024
    mlp_ratio: int = 4
    stem_kernel: int = 5
    cpe_kernel: int = 3
    batch_norm_eps: float = 1e-3
    layer_norm_eps: float = 1e-5
    voxel_size: float = 0.07
    cpe_input: CpeInput = "block_input"

    def __post_init__(self) -> None:
        stages = len(self.encoder_depths)
        _require(2 <= stages <= 16, "encoder_depths", self.encoder_depths, "2 to 16 stages")
        for name in ("encoder_channels", "encoder_heads"):
            _require(len(getattr(self, name)) == stages, name, getattr(self, name), f"{stages} numbers")
        for name in ("decoder_depths", "decoder_channels", "decoder_heads"):
            _require(len(getattr(self, name)) == stages - 1, name, getattr(self, name), f"{stages - 1} numbers")
        for side in ("encoder", "decoder"):
            channels, heads = getattr(self, f"{side}_channels"), getattr(self, f"{side}_heads")
            for width, count in zip(channels, heads, strict=True):
                _require(width % count == 0, f"{side}_heads", count, f"a divisor of the {width} channels")
            for depth in getattr(self, f"{side}_depths"):
                _require(1 <= depth <= _MAX_DEPTH, f"{side}_depths", depth, f"1 to {_MAX_DEPTH} blocks")
        _require(self.in_channels == 10, "in_channels", self.in_channels, "10, what is known of a Gaussian")
        _require(1e-6 <= self.voxel_size <= 1e6, "voxel_size", self.voxel_size, "1e-6 to 1e6 metres")
        for name in ("stem_kernel", "cpe_kernel"):
            _require(getattr(self, name) in (1, 3, 5, 7, 9), name, getattr(self, name), "an odd number up to 9")

    @property
    def stages(self) -> int:
        """Number of encoder stages."""
        return len(self.encoder_depths)

    @property
    def out_channels(self) -> int:
        """Features a Gaussian that the encoder gives."""
        return self.decoder_channels[0]


@dataclass(frozen=True)
class FusionConfig:
    """AsymFormer fusion of a rendered colour image and a rendered feature image.

    The colour branch is a ConvNeXt (``rgb_*``), the feature branch a Mix Transformer (``feature_*``); both have four
    stages at 1/4, 1/8, 1/16 and 1/32 of the image size, merged at the last three. ``num_classes`` counts the output
    channels: one a class, or the one that predicts depth. With ``inputs`` other than ``"fusion"`` the network reads
    zeros in place of the other image, as ablations do.
    """

    num_classes: int = 46
    feature_channels: int = 32
    rgb_depths: tuple[int, ...] = (3, 3, 9, 3)
    rgb_widths: tuple[int, ...] = (96, 192, 384, 768)
    feature_depths: tuple[int, ...] = (2, 2, 2, 2)
    feature_widths: tuple[int, ...] = (32, 64, 160, 256)
    feature_heads: tuple[int, ...] = (1, 2, 5, 8)
    spatial_reductions: tuple[int, ...] = (8, 4, 2, 1)
    mlp_ratio: int = 4
    decoder_width: int = 256
    inputs: Inputs = "fusion"

    def __post_init__(self) -> None:
        for name in ("rgb_depths", "rgb_widths", "feature_depths", "feature_widths", "feature_heads"):
            _require(len(getattr(self, name)) == 4, name, getattr(self, name), "four numbers, one a stage")
        _require(len(self.spatial_reductions) == 4, "spatial_reductions", self.spatial_reductions, "four numbers")
        for side, reduction in zip((8, 4, 2, 1), self.spatial_reductions, strict=True):
            expected = f"a divisor of {side}, the side of this scale's map of 32 x 32 pixels"
            _require(side % reduction == 0, "spatial_reductions", reduction, expected)
        for name in ("rgb_depths", "feature_depths"):
            for depth in getattr(self, name):
                _require(1 <= depth <= _MAX_DEPTH, name, depth, f"1 to {_MAX_DEPTH} blocks")
        _require(1 <= self.num_classes <= 65535, "num_classes", self.num_classes, "1 to 65535")
        for width, heads in zip(self.feature_widths, self.feature_heads, strict=True):
            _require(width % heads == 0, "feature_heads", heads, f"a divisor of the {width} channels")
            _require(width % 4 == 0, "feature_widths", width, "a multiple of 4")
        for width in self.rgb_widths:
            _require(width % 8 == 0, "rgb_widths", width, "a multiple of 8")
        for rgb, feature in list(zip(self.rgb_widths, self.feature_widths, strict=True))[1:]:
            _require((rgb + feature) % 16 == 0, "rgb_widths", rgb, f"a sum with {feature} that 16 divides")


@dataclass(frozen=True)
class ModelConfig:
    """Both networks, the channel order (``trained_on``) of the images that the fusion network was trained with, and
    what it predicts (``task``): logits of classes, or depth in metres from its single output channel.
    """

    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    fusion: FusionConfig = field(default_factory=FusionConfig)
    trained_on: ColourOrder = "rgb"
    task: Task = "semantic"

    def __post_init__(self) -> None:
        channels = self.fusion.num_classes
        _require(self.task != "depth" or channels == 1, "fusion.num_classes", channels, "1, the depth")
        _require(
            self.encoder.out_channels == self.fusion.feature_channels,
            "fusion.feature_channels",
            self.fusion.feature_channels,
            f"the {self.encoder.out_channels} channels that the encoder gives",
        )


def research_encoder_config() -> EncoderConfig:
    """The encoder of the research code's weights: preset ``rtgs2`` with the convolution input that they expect."""
    return EncoderConfig(cpe_input="research")


def preset(name: str, num_classes: int = 1, task: Task = "semantic") -> ModelConfig:
    """Return a preset: ``"rtgs2"`` (the paper's sizes) or ``"tiny"`` (about 3.6 M parameters, for 320x240).

    Args:
        name: of the preset.
        num_classes: output channels of the fusion network, 1 for depth.
        task: what the fusion network predicts.

    Raises:
        CheckpointError: no such preset.
    """
    if name == "rtgs2":
        return ModelConfig(fusion=FusionConfig(num_classes=num_classes), task=task)
    if name == "tiny":
        encoder = EncoderConfig(
            encoder_depths=(1, 1, 1, 2, 1),
            encoder_channels=(16, 32, 48, 64, 96),
            encoder_heads=(1, 2, 3, 4, 6),
            decoder_depths=(1, 1, 1, 1),
            decoder_channels=(32, 32, 48, 64),
            decoder_heads=(2, 2, 3, 4),
            mlp_ratio=2,
        )
        fusion = FusionConfig(
            num_classes=num_classes,
            rgb_depths=(1, 1, 3, 1),
            rgb_widths=(32, 64, 128, 256),
            feature_depths=(1, 1, 1, 1),
            feature_widths=(32, 64, 96, 160),
            feature_heads=(1, 2, 3, 5),
            decoder_width=128,
        )
        return ModelConfig(encoder=encoder, fusion=fusion, task=task)
    raise CheckpointError("no such preset", field="preset", found=repr(name), expected="'rtgs2' or 'tiny'")


def to_dict(config: ModelConfig) -> dict[str, Any]:
    """Return `config` as nested dictionaries of numbers, strings and lists."""
    return {
        "encoder": {k: _plain(v) for k, v in dataclasses.asdict(config.encoder).items()},
        "fusion": {k: _plain(v) for k, v in dataclasses.asdict(config.fusion).items()},
        "trained_on": config.trained_on,
        "task": config.task,
    }


def from_dict(values: Mapping[str, Any]) -> ModelConfig:
    """Return the configuration that :func:`to_dict` wrote.

    Older versions wrote neither ``task``, which is semantic then, nor ``fusion.inputs``, which is both.

    Raises:
        CheckpointError: an unknown, missing or impossible field, by name.
    """
    _require(isinstance(values, Mapping), "config", type(values).__name__, "a dictionary")
    values = {"task": "semantic", **values}
    _check_names("config", values, {"encoder", "fusion", "trained_on", "task"})
    _require(values["trained_on"] in get_args(ColourOrder), "trained_on", values["trained_on"], "'rgb' or 'bgr'")
    _require(values["task"] in TASKS, "task", values["task"], " or ".join(map(repr, TASKS)))
    fusion = values["fusion"]
    if isinstance(fusion, Mapping):
        fusion = {"inputs": "fusion", **fusion}
    return ModelConfig(
        encoder=_build(EncoderConfig, "encoder", values["encoder"]),
        fusion=_build(FusionConfig, "fusion", fusion),
        trained_on=values["trained_on"],
        task=values["task"],
    )


def _build(kind: type[_Config], name: str, values: object) -> _Config:
    if not isinstance(values, Mapping):
        raise CheckpointError("not a dictionary", field=f"config.{name}", found=type(values).__name__)
    fields = {f.name: f for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    _check_names(f"config.{name}", values, set(fields))
    arguments: dict[str, Any] = {}
    for key, spec in fields.items():
        value, label = values[key], f"config.{name}.{key}"
        if spec.type == "tuple[int, ...]":
            fits = isinstance(value, (list, tuple)) and all(type(v) is int and 1 <= v <= 65536 for v in value)
            _require(fits, label, value, "a list of whole numbers from 1 to 65536")
            value = tuple(value)
        elif spec.type == "int":
            _require(type(value) is int and 1 <= value <= 65536, label, value, "a whole number from 1 to 65536")
        elif spec.type == "float":
            _require(type(value) in (int, float) and 0 < value < 1e6, label, value, "a positive number")
            value = float(value)
        else:
            options = get_args({"CpeInput": CpeInput, "Inputs": Inputs}[str(spec.type)])
            _require(value in options, label, value, " or ".join(map(repr, options)))
        arguments[key] = value
    return kind(**arguments)


def _check_names(label: str, values: Mapping[str, Any], expected: set[str]) -> None:
    odd = sorted(str(name)[:80] for name in expected.symmetric_difference(values))
    if odd:
        missing = [name for name in odd if name in expected]
        kind = "missing" if missing else "unknown"
        raise CheckpointError(
            f"{kind} fields in the network configuration",
            field=label,
            found=", ".join((missing or odd)[:5]),
            fix="Save the checkpoint with this version",
        )


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _require(condition: bool, name: str, found: object, expected: str) -> None:
    if not condition:
        raise CheckpointError("impossible network configuration", field=name, found=found, expected=expected)
