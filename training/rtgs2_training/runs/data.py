"""Which scenes a run trains and validates on, and a fingerprint of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from rtgs2_trt.errors import DatasetError

from ..datasets import Dataset, SceneFolder
from .config import DataConfig, ValidationConfig


def scenes_of(
    dataset: Dataset, config: DataConfig, validation: ValidationConfig
) -> tuple[tuple[SceneFolder, ...], tuple[SceneFolder, ...]]:
    """Return the scenes for training and those for validation (none if nothing is to be validated).

    With ``config.scenes`` both are these. A data set without splits is trained on as a whole.

    Raises:
        DatasetError: no such split or scene.
    """
    if config.scenes:
        by_name = {scene.name: scene for scene in dataset.scenes("all")}
        for name in config.scenes:
            if name not in by_name:
                raise DatasetError(
                    "no such scene", file=dataset.path, field="data.scenes", found=name, expected=", ".join(by_name)
                )
        chosen = tuple(by_name[name] for name in config.scenes)
        return chosen, chosen
    train = dataset.scenes(config.train_split if dataset.splits else "all")
    has_validation = bool(validation.samples and dataset.splits.get(config.validation_split))
    return train, dataset.scenes(config.validation_split) if has_validation else ()


def data_fingerprint(dataset: Dataset, scenes: Sequence[SceneFolder]) -> str:
    """Return 64 hexadecimal digits that name scenes, classes and views; files count with their sizes, not contents."""
    content: list[Any] = [dataset.name, dataset.classes.to_list()]
    content += [[scene.name, scene.ply.stat().st_size, list(scene.cameras)] for scene in scenes]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
