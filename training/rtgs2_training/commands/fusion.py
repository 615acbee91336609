"""``rtgs2-train fusion``: training of the fusion network on rendered views."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rtgs2_trt.console import Console, add_console_options, check_folder


def add_parser(commands: Any) -> None:
    """Add the subcommand."""
    from ..runs.run_options import add_encoder_option, add_run_options

    parser = commands.add_parser(
        "fusion",
        help="train the fusion network on labelled views",
        description="Render colour and features of all views into a cache, and train the fusion network on them. "
        "Writes RUN/ckpt.pt with both networks. A run that was stopped or killed goes on when the command is given "
        "again.",
    )
    add_run_options(parser)
    source = parser.add_mutually_exclusive_group(required=True)
    add_encoder_option(source)
    source.add_argument("--init", metavar="RUN|CKPT", help="train this checkpoint's fusion network further")
    parser.add_argument("--cache", metavar="DIR", help="folder of rendered views (default: DATA/.render-cache)")
    add_console_options(parser)
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace, console: Console) -> None:
    """Run the subcommand."""
    from ..fusion.fusion_training import FusionTraining
    from ..runs.config import FusionRunConfig
    from ..runs.config_file import read_config
    from ..runs.launch import launch
    from ..runs.run_options import encoder_checkpoint, existing_checkpoint

    config = read_config(FusionRunConfig, arguments.config, arguments.set)
    cache = Path(arguments.cache or Path(arguments.data) / ".render-cache")
    check_folder(cache, "--cache")
    encoder = encoder_checkpoint(arguments.encoder) if arguments.encoder else None
    initial = existing_checkpoint(arguments.init, "--init") if arguments.init else None
    launch(
        arguments,
        console,
        config,
        lambda dataset: FusionTraining(config, dataset, encoder, initial, cache),
    )
