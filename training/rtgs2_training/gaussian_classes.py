"""The true class of every Gaussian of a scene: stored beside it, or lifted from its label images."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtgs2_trt.errors import DatasetError, shown
from rtgs2_trt.file_access import reading
from rtgs2_trt.lift import Lifted, lift
from rtgs2_trt.scene import Scene
from rtgs2_trt.zip_archives import DAMAGED

from .datasets import IGNORED, SceneFolder

STORED = "gaussian_labels.npz"
"""``class_id``: (N,) integers, ids of the data set's class table; 0 for Gaussians of no class."""

LEAST_WEIGHT = 0.5
"""Gaussians seen in less than this many pixels' worth of light, over all views, stay without a class."""

LEAST_SHARE = 0.5
"""So do Gaussians of whose labelled light no class has more than this share: those between two things."""

_FIX = "Generate the data set again, or remove the file: classes are then taken from the label images"

# KeyError: no such array; MemoryError: a header that promises more than there is; the archive's are its own.
_DAMAGED = (*DAMAGED, KeyError, MemoryError)
_HEADER_LIMIT = 4096  # bytes of a stored array that are not its numbers
_LARGEST_NUMBER = 8  # bytes


def gaussian_classes(folder: SceneFolder, scene: Scene, threads: int = 0) -> NDArray[np.int16]:
    """Return the class of every Gaussian of a labelled scene.

    Generated rooms store it. Of captured data sets, whose label images are all there is, a Gaussian gets the class
    that most of its pixels have, each weighted by the Gaussian's share of the pixel's light.

    Args:
        folder: the scene with its labels.
        scene: its N Gaussians.
        threads: CPU threads, 0 for all.

    Returns:
        (N,) int16, indices of ``folder.classes``; -1 where unknown.

    Raises:
        DatasetError: the stored classes or a label image cannot be used.
        SceneError: as :func:`rtgs2_trt.lift.lift`.
    """
    file = folder.path / STORED
    if not file.exists():
        return _lifted(folder, scene, threads)
    ids = _stored_ids(file, len(scene))
    classes = folder.index_of_ids(ids)
    foreign = np.flatnonzero(classes < IGNORED)
    if len(foreign):
        raise DatasetError(
            f"a class id that the class table {folder.classes.name!r} does not have",
            file=file,
            field=f"class_id[{foreign[0]}]",
            found=int(ids[foreign[0]]),
            expected=f"one of {', '.join(map(str, folder.classes.ids.tolist()[:60]))}",
            fix=_FIX,
        )
    return classes


def has_classes(folder: SceneFolder) -> bool:
    """Whether any Gaussian of a scene can have a class: one that is stored, or else a pixel of its views has one.

    Raises:
        DatasetError: the stored classes or a label image cannot be used.
        SceneError: the scene cannot be read.
    """
    if (folder.path / STORED).exists():
        return bool((gaussian_classes(folder, folder.load_scene()) >= 0).any())
    return any((folder.labels(view) >= 0).any() for view in folder.cameras)


def _lifted(folder: SceneFolder, scene: Scene, threads: int) -> NDArray[np.int16]:
    count = len(folder.classes)
    light = Lifted.nothing(len(scene), count)
    for view, camera in folder.cameras.items():
        labels = folder.labels(view)
        one_hot = (labels == np.arange(count, dtype=np.int16)[:, None, None]).astype(np.float32)
        lift(scene, camera, one_hot, into=light, threads=threads)
    best, labelled = light.sums.max(axis=1), light.sums.sum(axis=1)
    known = (labelled >= LEAST_WEIGHT) & (best > LEAST_SHARE * labelled)
    return np.where(known, light.sums.argmax(axis=1), IGNORED).astype(np.int16)


def _stored_ids(file: Path, count: int) -> NDArray[Any]:
    expected = f"an array class_id of {count} whole numbers from 0 to 65535, one a Gaussian"
    try:
        with reading(file, DatasetError) as (content, _), zipfile.ZipFile(content) as archive:
            size = archive.getinfo("class_id.npy").file_size
            if size > _HEADER_LIMIT + _LARGEST_NUMBER * count:  # told before it is unpacked
                raise DatasetError(
                    "an array of another length",
                    file=file,
                    field="class_id",
                    found=f"{size} bytes",
                    expected=expected,
                    fix=_FIX,
                )
            with archive.open("class_id.npy") as member:
                ids = np.lib.format.read_array(member, allow_pickle=False)
    except DatasetError:
        raise
    except _DAMAGED as error:
        raise DatasetError(
            f"not usable as Gaussians' classes: {error}", file=file, expected=expected, fix=_FIX
        ) from error
    usable = ids.shape == (count,) and ids.dtype.kind in "iu"
    if not usable or (count and not 0 <= ids.min() <= ids.max() <= 65535):
        found = shown(f"{ids.shape} {ids.dtype}")
        raise DatasetError(
            "wrong classes of Gaussians", file=file, field="class_id", found=found, expected=expected, fix=_FIX
        )
    return np.asarray(ids)
