"""Data sets on disk: the layout, resuming, refusals, the command."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from rtgs2_training.cli import main
from rtgs2_training.synthrooms import RoomSettings, dataset, write_dataset
from rtgs2_training.synthrooms.contact_sheet import UNKNOWN, depth_picture
from rtgs2_trt import Scene, load_cameras
from rtgs2_trt.errors import InputError

SETTINGS = RoomSettings(gaussians=6_000, views=2, image_size=(32, 24))
OPTIONS = ["--gaussians", "6000", "--views", "2", "--image-size", "32x24", "--quiet"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("dataset") / "rooms"
    write_dataset(path, scenes=3, validation=1, test=1, settings=SETTINGS, workers=2)
    return path


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_layout(folder):
    content = json.loads((folder / "dataset.json").read_text())
    assert content["format"] == "rtgs2-dataset/1"
    assert content["splits"] == {"test": ["room-0000"], "validation": ["room-0001"], "train": ["room-0002"]}
    assert len(content["classes"]["table"]) == 22
    scene = folder / "room-0002"
    gaussians = Scene.load(scene / "point_cloud" / "iteration_30000" / "point_cloud.ply")
    with np.load(scene / "gaussian_labels.npz") as labels:
        assert labels["class_id"].shape == labels["instance_id"].shape == (len(gaussians),)
        assert labels["class_id"].dtype == labels["instance_id"].dtype == np.uint16
    cameras = load_cameras(scene / "cameras.json")
    assert list(cameras) == ["0000", "0001"]
    for kind, bits in (("semantic", 8), ("instance", 16), ("depth", 16)):
        file = scene / kind / "0001.png"
        image = np.asarray(Image.open(file))
        assert image.shape == (24, 32)
        assert image.max() > 0
        assert file.read_bytes()[24] == bits  # of a PNG's header


def test_same_seed_same_files_and_another_number_of_workers(folder, tmp_path):
    write_dataset(tmp_path / "again", scenes=3, validation=1, test=1, settings=SETTINGS, workers=1)
    assert files(tmp_path / "again") == files(folder)


def test_what_is_there_is_kept_and_what_is_missing_made(folder, tmp_path):
    again = tmp_path / "again"
    write_dataset(again, scenes=2, settings=SETTINGS, workers=1)
    first = (again / "room-0000" / "cameras.json").stat()
    (again / "dataset.json").unlink()
    for path in sorted((again / "room-0001").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    (again / "room-0001").rmdir()
    made = []
    write_dataset(again, scenes=3, validation=1, test=1, settings=SETTINGS, workers=1, done=made.append)
    assert sorted(made) == ["room-0000", "room-0001", "room-0002"]
    assert (again / "room-0000" / "cameras.json").stat().st_mtime_ns == first.st_mtime_ns
    assert files(again) == files(folder)


def test_rooms_of_other_settings_are_refused(folder):
    before = files(folder)
    with pytest.raises(InputError, match=r"scene\.json.*other settings"):
        write_dataset(folder, scenes=3, settings=RoomSettings(gaussians=7_000, views=2, image_size=(32, 24)))
    with pytest.raises(InputError, match=r"scene\.json.*another seed"):
        write_dataset(folder, scenes=3, seed=1, settings=SETTINGS)
    assert files(folder) == before


def test_rooms_stay_in_their_splits(folder, tmp_path):
    grown = tmp_path / "grown"
    shutil.copytree(folder, grown)
    before = files(grown)
    with pytest.raises(InputError, match=r"dataset\.json.*found room-0001 in test, expected in validation"):
        write_dataset(grown, scenes=3, test=2, settings=SETTINGS)
    assert files(grown) == before
    write_dataset(grown, scenes=4, validation=1, test=1, settings=SETTINGS, workers=1)
    splits = json.loads((grown / "dataset.json").read_text())["splits"]
    assert splits == {"train": ["room-0002", "room-0003"], "validation": ["room-0001"], "test": ["room-0000"]}
    before = files(grown)
    with pytest.raises(
        InputError, match=r"dataset\.json: --scenes: rooms would be lost .*without 'room-0003', expected 4"
    ):
        write_dataset(grown, scenes=3, validation=1, test=1, settings=SETTINGS)
    assert files(grown) == before


def test_a_scene_that_fails_leaves_nothing_behind(tmp_path, monkeypatch):
    def full_disk(path, cameras):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(dataset, "save_cameras", full_disk)
    with pytest.raises(InputError, match="No space left"):
        write_dataset(tmp_path / "rooms", scenes=1, settings=SETTINGS, workers=1)
    assert list((tmp_path / "rooms").iterdir()) == []


def test_a_script_without_a_guard_is_told_so(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from rtgs2_training.synthrooms import RoomSettings, write_dataset\n"
        f"write_dataset({str(tmp_path / 'rooms')!r}, scenes=2, settings=RoomSettings(6000, 2, (32, 24)), workers=2)\n"
    )
    ended = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=300)
    assert ended.returncode == 1
    told = [line for line in ended.stderr.splitlines() if "Rtgs2Error: " in line]  # the processes write there, too
    assert len(told) == 1
    assert 'if __name__ == "__main__":' in told[0]


def test_no_data_set_holds_seeds_kept_for_tests():
    assert dataset.room_seed(0, 0) == 100_000
    assert dataset.room_seed(0, 99_999) < dataset.room_seed(1, 0)


@pytest.mark.parametrize(("scenes", "validation", "test"), [(0, 0, 0), (3, 2, 2), (3, -1, 0)])
def test_impossible_splits_are_refused(tmp_path, scenes, validation, test):
    with pytest.raises(InputError, match="cannot be split"):
        write_dataset(tmp_path / "rooms", scenes=scenes, validation=validation, test=test)


def test_command(folder, tmp_path, capsys):
    output, sheets = tmp_path / "rooms", tmp_path / "sheets"
    arguments = ["generate", "--scenes", "3", "--validation", "1", "--test", "1", "-o", str(output), *OPTIONS]
    assert main([*arguments, "--json", "--sheets", str(sheets)]) == 0
    assert json.loads(capsys.readouterr().out)["scenes"] == 3
    assert files(output) == files(folder)
    assert Image.open(sheets / "room-0000.png").width > 3 * 32


def test_unknown_depth_is_drawn_as_no_depth():
    picture = depth_picture(np.array([[0, 1, 4000, 9000]], np.uint16))[0]
    assert (picture[0] == UNKNOWN).all()
    assert len(set(UNKNOWN)) > 1
    assert picture[1:].tolist() == [[254] * 3, [127] * 3, [0] * 3]


def test_command_refuses(tmp_path, capsys):
    assert main(["generate", "--scenes", "1", "-o", str(tmp_path / "x"), "--gaussians", "3", "--quiet"]) == 2
    assert "gaussians" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert main(["generate", "--scenes", "1", "-o", str(tmp_path / "file"), *OPTIONS]) == 2
