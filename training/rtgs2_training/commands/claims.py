"""``rtgs2-train claims``: the paper's claims in small, from training to the table."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from rtgs2_trt.atomic import atomic_file
from rtgs2_trt.console import Console, add_console_options, check_folder


def add_parser(commands: Any) -> None:
    """Add the subcommand."""
    from ..runs.run_options import add_thread_options, add_time_limit

    parser = commands.add_parser(
        "claims",
        help="train and compare the variants of the method",
        description="Train every variant of the method with several seeds and the same budget, measure them on scenes "
        "never seen in training: colour only, features only, both; with and without self-supervised training of the "
        "encoder, with labels after it, and without the regulariser; depth. Writes claims.json, claims.md and "
        "claims.png. Runs that are finished are kept: given again, the command goes on where it stopped.",
    )
    parser.add_argument("config", metavar="CONFIG", help="YAML file, for example training/configs/claims.yaml")
    parser.add_argument("--data", required=True, metavar="DIR", help="data set with splits")
    parser.add_argument("-o", "--output", required=True, metavar="DIR", help="folder of the runs and the table")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="another value for a field of the configuration"
    )
    add_time_limit(parser)
    parser.add_argument("--accelerator", default="auto", choices=["auto", "cpu", "cuda", "mps"])
    add_thread_options(parser)
    add_console_options(parser)
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace, console: Console) -> None:
    """Run the subcommand."""
    from ..claims.experiments import ClaimsConfig
    from ..claims.report import markdown, plot
    from ..claims.running import ClaimRuns, RunOptions
    from ..datasets import open_dataset
    from ..runs.config_file import read_config

    config = read_config(ClaimsConfig, arguments.config, arguments.set)
    folder = Path(arguments.output)
    check_folder(folder, "--output")
    dataset = open_dataset(arguments.data)
    options = RunOptions(arguments.max_minutes, arguments.accelerator, arguments.threads, arguments.workers)
    folder.mkdir(parents=True, exist_ok=True)
    values = ClaimRuns(config, dataset, folder, options, console).run()
    files = {"claims.json": (json.dumps(values, indent=1) + "\n").encode()}
    if values["experiments"]:
        files |= {"claims.md": markdown(values).encode(), "claims.png": plot(values)}
    for name, content in files.items():
        with atomic_file(folder / name) as file:
            file.write(content)
    text = markdown(values) if values["experiments"] else "no variant has finished with every seed yet"
    if not values["finished"]:
        text += "\nnot finished: the same command goes on from there"
    console.result(values, text)
