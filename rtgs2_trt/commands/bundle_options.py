"""What computes (``--backend`` ...) and what becomes of classes (``--map`` ...)."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ..backends import BACKENDS, PRECISIONS
from ..classes import BUILTIN_CLASS_TABLES, builtin_class_table
from ..errors import InputError

if TYPE_CHECKING:
    from ..class_map import LabelRules
    from ..segmenter import Segmenter


def add_class_options(parser: argparse.ArgumentParser) -> None:
    """Add what becomes of classes."""
    parser.add_argument("--map", metavar="FILE", help="merge and rename classes: lines such as 'chair, sofa -> seat'")
    parser.add_argument(
        "--min-confidence",
        metavar="P",
        help="unknown where a label's probability is below: 0.5, or by class, chair=0.7,table=0.4",
    )
    parser.add_argument("--palette", choices=BUILTIN_CLASS_TABLES, help="colours of this table, by class name")


def add_backend_options(parser: argparse.ArgumentParser) -> None:
    """Add what computes."""
    parser.add_argument("--backend", default="auto", choices=["auto", *BACKENDS])
    parser.add_argument(
        "--precision",
        default="auto",
        choices=PRECISIONS,
        help="fusion network's arithmetic; bf16 needs OpenVINO, fp16 shows on a CPU what GPUs give",
    )
    parser.add_argument("--threads", type=int, default=0, help="CPU threads, 0 for all (default)")


def label_rules(segmenter: Segmenter, arguments: argparse.Namespace) -> LabelRules | None:
    """Return what becomes of the labels; None of a bundle that predicts depth."""
    options = {"--map": arguments.map, "--min-confidence": arguments.min_confidence, "--palette": arguments.palette}
    if segmenter.task == "depth":
        given = [name for name, value in options.items() if value is not None]
        if given:
            raise InputError("a depth prediction has no classes", field=", ".join(given), fix="Leave it out")
        return None
    from ..class_map import LabelRules

    return LabelRules.of(
        segmenter.classes,
        map_file=arguments.map,
        min_confidence=arguments.min_confidence,
        palette=builtin_class_table(arguments.palette) if arguments.palette else None,
    )
