"""An encoder between two stages of training, in a checkpoint whose fusion network is untrained."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import torch

from rtgs2_networks.checkpoint import Checkpoint, save_checkpoint
from rtgs2_networks.config import EncoderConfig, ModelConfig
from rtgs2_networks.encoder import PointTransformerEncoder
from rtgs2_networks.fusion import FusionNetwork
from rtgs2_trt.errors import CheckpointError, shown

from ..datasets import Dataset, SceneFolder
from .batch_norm_statistics import set_statistics


def trained_encoder(
    checkpoint: Checkpoint, config: EncoderConfig, preset: str, file: Path | None
) -> PointTransformerEncoder:
    """Return the encoder of a checkpoint, in eval mode.

    Args:
        checkpoint: read from `file`.
        config: what the encoder has to be.
        preset: the name of that.
        file: named if it is another.

    Raises:
        CheckpointError: an encoder of another preset.
    """
    if checkpoint.config.encoder != config:
        raise CheckpointError(
            "an encoder of another preset",
            file=file,
            field="--encoder",
            found=_difference(checkpoint.config.encoder, config),
            expected=f"preset {preset}",
            fix="Give an encoder of this preset, or set preset in the run's configuration to the encoder's",
        )
    return checkpoint.build_encoder()


def write_encoder(
    path: Path,
    encoder: PointTransformerEncoder,
    model: ModelConfig,
    dataset: Dataset,
    calibration: Sequence[SceneFolder],
    seed: int,
    description: str,
) -> None:
    """Write a checkpoint of the encoder and an untrained fusion network.

    The encoder itself is left as it is: a copy gets the BatchNorm statistics of whole scenes.

    Args:
        path: of the checkpoint.
        encoder: as training left it.
        model: its configuration, and the fusion network's.
        dataset: what it was trained on.
        calibration: scenes whose statistics it gets.
        seed: of the fusion network's weights.
        description: of the encoder, for the checkpoint.

    Raises:
        CheckpointError: the file cannot be written.
        SceneError: a scene cannot be read.
    """
    copy = PointTransformerEncoder(model.encoder)
    copy.load_state_dict(encoder.state_dict())
    set_statistics(copy, calibration)
    torch.manual_seed(seed)
    save_checkpoint(
        path,
        model,
        dataset.classes,
        copy.state_dict(),
        FusionNetwork(model.fusion).state_dict(),
        description=f"{description}; the fusion network is untrained",
    )


def _difference(found: EncoderConfig, expected: EncoderConfig) -> str:
    """The first field that differs."""
    wanted = dataclasses.asdict(expected)
    name, value = next((name, value) for name, value in dataclasses.asdict(found).items() if value != wanted[name])
    return f"{name} {shown(value)}, where the preset has {shown(wanted[name])}"
