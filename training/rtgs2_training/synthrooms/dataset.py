"""Data sets of generated rooms on disk, in the layout that the reader of data sets knows.

A scene folder appears under its name only once it is whole, ``dataset.json`` only once all scenes are there: what was
interrupted goes on where it stopped.
"""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rtgs2_trt.atomic import atomic_file, atomic_folder
from rtgs2_trt.camera_files import save_cameras
from rtgs2_trt.classes import builtin_class_table
from rtgs2_trt.errors import InputError, Rtgs2Error, shown

from ..datasets import DESCRIPTION, FORMAT
from ..gaussian_classes import STORED
from .room import CLASS_TABLE, Room, generate_room
from .settings import RoomSettings

GENERATOR_VERSION = 13  # goes up whenever the same seed gives another room
SEEDS_A_DATASET = 100_000
PLY = Path("point_cloud", "iteration_30000", "point_cloud.ply")
SCENE_FILE = "scene.json"


def room_seed(seed: int, index: int) -> int:
    """The seed of a room of a data set. Seeds under 100 000 belong to none."""
    return (seed + 1) * SEEDS_A_DATASET + index


def scene_name(index: int) -> str:
    """The folder of a room."""
    return f"room-{index:04d}"


def splits(scenes: int, validation: int, test: int) -> dict[str, list[str]]:
    """Which rooms are for what. The first are for the test, so that a data set can grow without mixing them up.

    Raises:
        InputError: numbers that do not add up.
    """
    if not 0 < scenes <= SEEDS_A_DATASET or validation < 0 or test < 0 or validation + test > scenes:
        raise InputError(
            "cannot be split",
            field="scenes, validation, test",
            found=f"{scenes}, {validation}, {test}",
            expected=f"1 to {SEEDS_A_DATASET} scenes, of which some for validation and test",
        )
    names = [scene_name(index) for index in range(scenes)]
    return {"train": names[test + validation :], "validation": names[test : test + validation], "test": names[:test]}


def write_dataset(
    folder: str | Path,
    *,
    scenes: int,
    seed: int = 0,
    validation: int = 0,
    test: int = 0,
    settings: RoomSettings | None = None,
    workers: int | None = None,
    done: Callable[[str], None] = lambda name: None,
) -> None:
    """Generate rooms into a folder; those that are there already with the same seed and settings are kept.

    Args:
        folder: made if it is missing.
        scenes: how many rooms, those for validation and test included.
        seed: another one gives other rooms.
        validation: how many of the rooms are for validation.
        test: how many are for the test.
        settings: of every room.
        workers: rooms at a time, each in a process of its own, so that a script calls this below
            ``if __name__ == "__main__":``; None is one a core, 1 starts none.
        done: called with the name of each room that is there.

    Raises:
        InputError: numbers that do not add up; rooms made with other settings, or of other splits, in the folder;
            nowhere to write.
        Rtgs2Error: one of the processes ended early, for want of memory or of the line above.
    """
    settings = settings or RoomSettings()
    folder, parted = Path(folder), splits(scenes, validation, test)
    if seed < 0:
        raise InputError("no such seed", field="seed", found=seed, expected="0 or more")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise InputError(f"cannot be made: {problem}", file=folder, fix="Give another folder") from problem
    missing = []
    for index in range(scenes):
        if (folder / scene_name(index)).exists():
            _check_same(folder / scene_name(index), _made_from(room_seed(seed, index), settings))
            done(scene_name(index))
        else:
            missing.append(index)
    _check_splits(folder / DESCRIPTION, parted)
    workers = max(1, min(workers or os.cpu_count() or 1, len(missing) or 1))
    for index in _written(folder, seed, missing, settings, workers):
        done(scene_name(index))
    table = builtin_class_table(CLASS_TABLE)
    _write_json(
        folder / DESCRIPTION,
        {
            "format": FORMAT,
            "name": CLASS_TABLE,
            "classes": {"name": CLASS_TABLE, "table": table.to_list()},
            "splits": parted,
            "generator": {"version": GENERATOR_VERSION, "seed": seed, "settings": asdict(settings)},
        },
    )


def _written(folder: Path, seed: int, missing: list[int], settings: RoomSettings, workers: int) -> Iterator[int]:
    if workers == 1:
        for index in missing:
            write_scene(folder / scene_name(index), generate_room(room_seed(seed, index), settings), settings)
            yield index
        return
    # Not forked: the caller's threads, of PyTorch or a progress bar, would be missing in the copy, their locks held.
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"))
    try:
        jobs = {pool.submit(_generate_and_write, folder, seed, index, settings): index for index in missing}
        for job in as_completed(jobs):
            job.result()
            yield jobs[job]
    except BrokenProcessPool as problem:
        raise Rtgs2Error(
            f"{folder}: a process that makes rooms ended before its room was written; rooms that are there are kept."
            ' Take fewer workers if memory was short; in a script, call write_dataset below if __name__ == "__main__":'
        ) from problem
    finally:
        pool.shutdown(cancel_futures=True)


def _generate_and_write(folder: Path, seed: int, index: int, settings: RoomSettings) -> None:
    write_scene(folder / scene_name(index), generate_room(room_seed(seed, index), settings), settings)


def write_scene(folder: Path, room: Room, settings: RoomSettings) -> None:
    """Write one room: PLY, cameras, label and depth images, labels of the Gaussians. The folder appears whole.

    Raises:
        InputError: something is at ``folder`` already, or it cannot be written.
    """
    try:
        with atomic_folder(folder, may_replace=lambda _: False) as temporary:
            (temporary / PLY).parent.mkdir(parents=True)
            room.scene.save(temporary / PLY)
            save_cameras(temporary / "cameras.json", {name: view.camera for name, view in room.views.items()})
            for kind in ("semantic", "instance", "depth"):
                (temporary / kind).mkdir()
            for name, view in room.views.items():
                _save_png(temporary / "semantic" / f"{name}.png", view.semantic.astype(np.uint8))
                _save_png(temporary / "instance" / f"{name}.png", view.instance)
                _save_png(temporary / "depth" / f"{name}.png", view.depth)
            with (temporary / STORED).open("wb") as file:
                np.savez_compressed(file, class_id=room.class_ids, instance_id=room.instance_ids)
            _write_json(temporary / SCENE_FILE, _made_from(room.seed, settings))
    except OSError as problem:
        raise InputError(
            f"cannot be written: {problem}", file=folder, fix="Check permissions and free space"
        ) from problem


def _made_from(seed: int, settings: RoomSettings) -> dict[str, Any]:
    return {"version": GENERATOR_VERSION, "seed": seed, "settings": asdict(settings)}


def _check_same(folder: Path, expected: dict[str, Any]) -> None:
    try:
        found = json.loads((folder / SCENE_FILE).read_text())
    except (OSError, ValueError) as problem:
        raise InputError(
            "is no generated room", file=folder, found=problem, fix="Remove it or give another folder"
        ) from problem
    if found != json.loads(json.dumps(expected)):
        raise InputError(
            "was made with another seed, other settings or another version",
            file=folder / SCENE_FILE,
            found=found,
            expected=expected,
            fix="Give the same settings, or another folder",
        )


def _check_splits(description: Path, parted: dict[str, list[str]]) -> None:
    """Refuse to move rooms that networks may have been trained on into another split, or out of the data set."""
    try:
        before = json.loads(description.read_text())["splits"]
        before = {room: split for split, rooms in before.items() for room in rooms}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return  # nothing is promised yet
    for split, rooms in parted.items():
        for room in rooms:
            if before.get(room, split) != split:
                raise InputError(
                    "a room would change from one split to another",
                    file=description,
                    field="--test, --validation",
                    found=f"{room} in {split}",
                    expected=f"in {before[room]}, where it was",
                    fix="Give the same numbers, or another folder; a larger --scenes adds rooms for training",
                )
    named = {room for rooms in parted.values() for room in rooms}
    lost = sorted(before.keys() - named)
    if lost:
        raise InputError(
            "rooms would be lost from the data set",
            file=description,
            field="--scenes",
            found=f"{len(named)} rooms, without {shown(lost[0])}",
            expected=f"{len(before)} or more",
            fix="Give as many scenes as before, or another folder",
        )


def _save_png(path: Path, image: NDArray[Any]) -> None:
    Image.fromarray(image).save(path, compress_level=3)


def _write_json(path: Path, values: Any) -> None:
    with atomic_file(path) as file:
        file.write((json.dumps(values, indent=1) + "\n").encode())
