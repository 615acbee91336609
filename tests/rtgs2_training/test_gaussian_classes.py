"""Classes of Gaussians: stored ones are checked, lifted ones are those of the surfaces that the views show."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

from box_room import CEILING, DOOR, FLOOR, SIZE, WALL, write_box_dataset
from rtgs2_training.datasets import open_dataset
from rtgs2_training.gaussian_classes import STORED, gaussian_classes
from rtgs2_trt.errors import DatasetError


@pytest.fixture
def room(tmp_path):
    folder = open_dataset(write_box_dataset(tmp_path / "boxes", {"train": ["a"]})).scenes("train")[0]
    return folder, folder.load_scene()


def test_lifted_classes_are_those_of_the_surfaces(room):
    folder, scene = room
    classes = gaussian_classes(folder, scene)
    known = classes >= 0
    assert classes.dtype == np.int16
    assert 0.2 < known.mean() < 0.9  # three views see a part of the room
    z = scene.means[:, 2]
    truth = np.where(z < 1e-3, FLOOR, np.where(z > 2.5 - 1e-3, CEILING, WALL))
    door = (scene.means[:, 1] > 3 - 1e-3) & (np.abs(scene.means[:, 0] - 2.5) < 0.5) & (z < 2)
    truth[door & (truth == WALL)] = DOOR
    from_faces = np.sort(np.minimum(scene.means, SIZE - scene.means), axis=1)[:, 1]  # 0 on an edge of the room
    at_door = (np.abs(np.abs(scene.means[:, 0] - 2.5) - 0.5) < 0.25) | (np.abs(z - 2) < 0.25)
    inner = known & (from_faces > 0.25) & ~at_door  # Gaussians 16 cm wide lie across edges
    assert inner.sum() > 300
    assert (folder.classes.ids[classes[inner]] == truth[inner]).mean() > 0.99
    assert set(folder.classes.ids[classes[known]]) == {WALL, FLOOR, CEILING, DOOR}


def test_stored_classes_go_before_label_images(room):
    folder, scene = room
    ids = np.full(len(scene), FLOOR, np.uint16)
    ids[:5] = 0
    np.savez_compressed(folder.path / STORED, class_id=ids)
    classes = gaussian_classes(folder, scene)
    assert (classes[:5] == -1).all()
    assert (folder.classes.ids[classes[5:]] == FLOOR).all()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda n: {"class_id": np.full(n - 1, FLOOR)}, "wrong classes of Gaussians"),
        (lambda n: {"class_id": np.full(n, FLOOR, np.float32)}, "wrong classes of Gaussians"),
        (lambda n: {"class_id": np.full(n, -1)}, "wrong classes of Gaussians"),
        (lambda n: {"class_id": np.full(n, 70000)}, "wrong classes of Gaussians"),
        (lambda n: {"class_id": np.full(n, 63)}, "a class id that the class table"),
        (lambda n: {"class_id": np.full(50 * n, FLOOR)}, "an array of another length"),
        (lambda n: {"class_id": np.full(n, None)}, "not usable as Gaussians' classes"),
        (lambda n: {"classes": np.full(n, FLOOR)}, "not usable as Gaussians' classes"),
    ],
)
def test_stored_classes_that_cannot_be_are_refused(content, message, room):
    folder, scene = room
    np.savez_compressed(folder.path / STORED, **content(len(scene)))
    with pytest.raises(DatasetError, match=message) as error:
        gaussian_classes(folder, scene)
    assert error.value.file == str(folder.path / STORED)


def test_damaged_files_are_refused(room):
    folder, scene = room
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("class_id.npy", b"no array")
    lying = io.BytesIO()
    with zipfile.ZipFile(lying, "w") as archive:
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, {"descr": "<u2", "fortran_order": False, "shape": (1 << 50,)})
        archive.writestr("class_id.npy", header.getvalue() + bytes(100))
    for data in (buffer.getvalue(), buffer.getvalue()[:-30], b"", b"PK", lying.getvalue()):
        (folder.path / STORED).write_bytes(data)
        with pytest.raises(DatasetError, match="not usable as Gaussians' classes"):
            gaussian_classes(folder, scene)
