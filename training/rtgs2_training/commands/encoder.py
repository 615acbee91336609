"""``rtgs2-train encoder``: self-supervised training of the encoder."""

from __future__ import annotations

import argparse
from typing import Any

from rtgs2_trt.console import Console, add_console_options


def add_parser(commands: Any) -> None:
    """Add the subcommand."""
    from ..runs.run_options import add_run_options

    parser = commands.add_parser(
        "encoder",
        help="train the encoder, without labels",
        description="Train the encoder by contrasting views of the same scene. Writes RUN/ckpt.pt, whose fusion "
        "network is untrained. A run that was stopped or killed goes on when the command is given again.",
    )
    add_run_options(parser)
    add_console_options(parser)
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace, console: Console) -> None:
    """Run the subcommand."""
    from ..encoder.encoder_training import EncoderTraining
    from ..runs.config import EncoderRunConfig
    from ..runs.config_file import read_config
    from ..runs.launch import launch

    config = read_config(EncoderRunConfig, arguments.config, arguments.set)
    launch(arguments, console, config, lambda dataset: EncoderTraining(config, dataset))
