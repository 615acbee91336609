"""``rtgs2-train tune``: supervised training of the encoder after the self-supervised one."""

from __future__ import annotations

import argparse
from typing import Any

from rtgs2_trt.console import Console, add_console_options


def add_parser(commands: Any) -> None:
    """Add the subcommand."""
    from ..runs.run_options import add_encoder_option, add_run_options

    parser = commands.add_parser(
        "tune",
        help="train the encoder further, with labels",
        description="Train a trained encoder further with the classes of Gaussians, which are stored beside generated "
        "rooms and lifted from the label images of captured scenes. Writes RUN/ckpt.pt, whose fusion network is "
        "untrained. A run that was stopped or killed goes on when the command is given again.",
    )
    add_run_options(parser)
    add_encoder_option(parser, required=True)
    add_console_options(parser)
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace, console: Console) -> None:
    """Run the subcommand."""
    from ..encoder.encoder_tuning import EncoderTuning
    from ..runs.config import TuningRunConfig
    from ..runs.config_file import read_config
    from ..runs.launch import launch
    from ..runs.run_options import encoder_checkpoint

    config = read_config(TuningRunConfig, arguments.config, arguments.set)
    encoder = encoder_checkpoint(arguments.encoder)
    launch(arguments, console, config, lambda dataset: EncoderTuning(config, dataset, encoder))
