"""Command line options of a data set that all commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rtgs2_trt.classes import ClassTable, resolve_class_table
from rtgs2_trt.errors import InputError

from .datasets import DESCRIPTION, Dataset, open_dataset


def add_dataset_options(parser: Any, *, default: str = "") -> None:
    """Add ``--classes``, whose `default` the help tells, and ``--ignore-foreign``."""
    parser.add_argument(
        "--classes",
        metavar="TABLE",
        help="what label ids mean where there is no dataset.json: replica, scannet, scannetpp, scannetpp-merged or "
        f"FILE.yaml{default}",
    )
    parser.add_argument(
        "--ignore-foreign", action="store_true", help="leave out pixels whose label id is no class of the table"
    )


def given_class_table(folder: str | Path, name: str | None) -> ClassTable | None:
    """Return the class table that ``--classes`` names for a data set, None without it.

    Raises:
        InputError: the data set has a table of its own.
        ClassTableError: no such table, or one that cannot be used.
    """
    if name is None:
        return None
    description = Path(folder) / DESCRIPTION
    if description.exists():
        raise InputError(
            "the data set says itself what its labels mean",
            file=description,
            field="--classes",
            fix="Leave --classes out",
        )
    return resolve_class_table(name)


def open_given_dataset(folder: str | Path, classes: str | None, *, ignore_foreign: bool) -> Dataset:
    """Open the data set that the options describe.

    Raises:
        InputError: see :func:`given_class_table` and :func:`rtgs2_training.datasets.open_dataset`.
    """
    table = given_class_table(folder, classes)
    return open_dataset(folder, table, foreign_ids="ignore" if ignore_foreign else "error")
