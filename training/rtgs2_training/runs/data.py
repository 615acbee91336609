"""Which scenes a run trains and validates on, and a fingerprint of them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from rtgs2_trt.console import Console
from rtgs2_trt.errors import DatasetError, shown

from ..datasets import LABEL_FOLDERS, Dataset, SceneFolder
from ..gaussian_classes import STORED
from .config import DataConfig, ValidationConfig

_END = 1 << 16  # bytes at either end of a large file that count


def scenes_of(
    dataset: Dataset, config: DataConfig, validation: ValidationConfig
) -> tuple[tuple[SceneFolder, ...], tuple[SceneFolder, ...]]:
    """Return the scenes for training and those for validation (none if nothing is to be validated).

    With ``config.scenes`` both are these: validation then tells how well they are learnt, not what is new. A data set
    without splits is trained on as a whole.

    Raises:
        DatasetError: no such split or scene.
    """
    if config.scenes:
        by_name = {scene.name: scene for scene in dataset.scenes("all")}
        for name in config.scenes:
            if name not in by_name:
                raise DatasetError(
                    "no such scene",
                    file=dataset.path,
                    field="data.scenes",
                    found=shown(name),
                    expected=", ".join(list(by_name)[:20]),
                )
        chosen = tuple(by_name[name] for name in config.scenes)
        return chosen, chosen
    train = dataset.scenes(config.train_split if dataset.splits else "all")
    if not validation.samples or not dataset.splits:
        return train, ()
    by_default = config.validation_split == DataConfig.validation_split and not dataset.splits.get(
        DataConfig.validation_split
    )
    return train, () if by_default else dataset.scenes(config.validation_split)


def check_images(views: Sequence[tuple[SceneFolder, str]], kind: Literal["labels", "depth"], console: Console) -> None:
    """Read label or depth images before a run needs them: once mended, they are another data set than the run's.

    Args:
        views: scene and name of each.
        kind: of the images.
        console: shows the progress.

    Raises:
        DatasetError: an image is missing or cannot be used.
    """
    if not views:
        return
    with console.counted(len(views), f"checking {kind}") as advance:
        for scene, view in views:
            if kind == "labels":
                scene.labels(view)
            else:
                scene.depth(view)
            advance()


def data_fingerprint(dataset: Dataset, scenes: Mapping[str, Sequence[SceneFolder]], *, labels: bool = True) -> str:
    """Return 64 hexadecimal digits that name classes, scenes, views and, if they are used, their labels.

    Args:
        dataset: the data set.
        scenes: by what they are for: a scene that is validated on in place of trained on makes other data.
        labels: whether they are used.

    Gaussians count with the size and both ends of their files, cameras with their contents, label and depth images with
    names and sizes: a run that goes on shall not read gigabytes first.

    Raises:
        DatasetError: a file of a scene cannot be read.
    """
    content: list[Any] = [dataset.name, dataset.classes.to_list()]
    content += [
        [purpose, [_scene_content(scene, labels=labels) for scene in group]] for purpose, group in scenes.items()
    ]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _scene_content(scene: SceneFolder, *, labels: bool) -> list[Any]:
    content: list[Any] = [scene.name, _ends(scene.ply), _ends(scene.path / "cameras.json", whole=True)]
    if not labels:
        return content
    stored = scene.path / STORED
    images = {
        name: sorted((entry.name, entry.stat().st_size) for entry in os.scandir(scene.path / name))
        for name in (*LABEL_FOLDERS, "depth")
        if (scene.path / name).is_dir()
    }
    return [*content, scene.foreign_ids, _ends(stored) if stored.exists() else [], images]


def _ends(path: Path, *, whole: bool = False) -> list[Any]:
    """Size and hash of the first and the last bytes, or of all."""
    try:
        with path.open("rb") as file:
            digest = hashlib.sha256(file.read(-1 if whole else _END))
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _END))
            digest.update(file.read(_END))
    except OSError as error:
        fix = "Check that the file is there and may be read"
        raise DatasetError(f"cannot be read: {error.strerror}", file=path, fix=fix) from error
    return [size, digest.hexdigest()]
