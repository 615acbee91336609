from __future__ import annotations

import json
import os
import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from box_room import CEILING, DOOR, FLOOR, WALL, box_truth, box_views, write_box_dataset, write_box_scene
from rtgs2_training.datasets import open_dataset
from rtgs2_training.label_images import read_number_image
from rtgs2_trt import Camera, Scene, save_cameras
from rtgs2_trt.classes import builtin_class_table, load_class_table
from rtgs2_trt.errors import CameraError, ClassTableError, DatasetError, InputError, SceneError

PLY = "point_cloud/iteration_30000/point_cloud.ply"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write_box_dataset(tmp_path_factory.mktemp("data") / "boxes", {"train": ["a", "b"], "test": ["c"]})


@pytest.fixture
def folder(written, tmp_path):
    """A copy that a test may damage."""
    return shutil.copytree(written, tmp_path / "boxes")


def edit(folder, **changes):
    path = folder / "dataset.json"
    values = json.loads(path.read_text())
    values.update(changes)
    path.write_text(json.dumps({key: value for key, value in values.items() if value is not None}))


def greyscale_png(values, bits):
    """A PNG of so few bits a pixel, which Pillow does not write; whole bytes a row."""

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    height, width = values.shape
    single = np.unpackbits(values[:, :, None], axis=2)[:, :, -bits:].reshape(height, -1)
    rows = b"".join(b"\0" + row.tobytes() for row in np.packbits(single, axis=1))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def put(path, values, mode=None):
    image = Image.fromarray(np.asarray(values))
    (image if mode is None else image.convert(mode)).save(path)


# -- what is read --------------------------------------------------------------------------------------------------


def test_described_data_set(written):
    dataset = open_dataset(written)
    assert (dataset.name, dataset.path) == ("boxes", written)
    assert dataset.classes.names == builtin_class_table("synthrooms").names
    assert {split: [s.name for s in scenes] for split, scenes in dataset.splits.items()} == {
        "train": ["a", "b"],
        "test": ["c"],
    }
    assert [scene.name for scene in dataset.scenes("all")] == ["a", "b", "c"]
    scene = dataset.scenes("test")[0]
    assert scene.ply == written / "c" / PLY
    assert isinstance(scene.load_scene(), Scene)
    assert list(scene.cameras) == ["0000", "0001", "0002"]
    assert scene.has_depth("0001")
    assert not scene.has_depth("0007")


def test_labels_depth_and_instances_are_what_was_stored(written):
    scene = open_dataset(written).scenes("train")[0]
    for view, camera in box_views().items():
        ids, depth = box_truth(camera)
        labels = scene.labels(view)
        assert labels.dtype == np.int16
        np.testing.assert_array_equal(scene.classes.ids[labels], ids)
        assert set(np.unique(ids)) <= {WALL, FLOOR, DOOR, CEILING}
        assert scene.depth(view).dtype == np.float32
        np.testing.assert_allclose(scene.depth(view), depth, atol=0.0006)
        np.testing.assert_array_equal(scene.instances(view), ids.astype(np.int32) + 300)


def test_unlabelled_and_unknown_pixels(folder):
    ids = np.full((60, 80), WALL, np.uint16)
    ids[0, :3] = 0, 255, 65535
    put(folder / "a" / "semantic" / "0000.png", ids)
    depth = np.full((60, 80), 1500, np.uint16)
    depth[3, 4] = 0
    put(folder / "a" / "depth" / "0000.png", depth)
    scene = open_dataset(folder).scenes("train")[0]
    labels = scene.labels("0000")
    assert (labels[0, :3] == -1).all()
    assert np.count_nonzero(labels == -1) == 3
    assert np.isnan(scene.depth("0000")[3, 4])
    assert np.count_nonzero(np.isnan(scene.depth("0000"))) == 1


def research_scene(folder, table, *, labels, dtype=np.uint8, views=("frame_000", "frame_010")):
    """A scene as prepared for the research code: label ids that run through the class table."""
    rng = np.random.default_rng(0)
    cameras = dict(zip(views, box_views(len(views)).values(), strict=True))
    write_box_scene(folder, views=cameras, labels=labels)
    (folder / "images").mkdir()
    stored = {}
    for view in views:
        stored[view] = rng.choice(table.ids, (60, 80)).astype(dtype)
        put(folder / labels / f"{view}.png", stored[view])
        put(folder / "images" / f"{view}.png", np.zeros((60, 80, 3), np.uint8))
    return stored


@pytest.mark.parametrize(
    ("name", "labels", "dtype"),
    [
        ("replica", "semantic", np.uint8),
        ("replica", "semantic_remap", np.uint16),
        ("scannet", "semantic", np.uint16),
        ("scannetpp", "semantic_remap", np.uint8),
        ("scannetpp-merged", "semantic", np.uint8),
    ],
)
def test_research_layouts(tmp_path, name, labels, dtype):
    """Folders of Replica, ScanNet and ScanNet++ without dataset.json: ids become the table's indices."""
    table = builtin_class_table(name)
    folder = tmp_path / name
    stored = research_scene(folder / "room_0", table, labels=labels, dtype=dtype)
    research_scene(folder / "room_1", table, labels=labels, dtype=dtype)
    (folder / "notes").mkdir()
    dataset = open_dataset(folder, table)
    assert dataset.name == name
    assert dict(dataset.splits) == {}
    assert [scene.name for scene in dataset.scenes("all")] == ["room_0", "room_1"]
    scene = dataset.scenes("all")[0]
    assert list(scene.cameras) == ["frame_000", "frame_010"]
    for view, ids in stored.items():
        found = scene.labels(view)
        ignored = ~np.isin(ids, table.ids)
        assert not ignored.any()
        np.testing.assert_array_equal(table.ids[found], ids)
        assert found.max() == len(table) - 1
        assert np.isfinite(scene.depth(view)).all()


def test_id_0_is_a_class_where_the_table_says_so(tmp_path):
    """Replica's table as the research code trains it counts id 0; ScanNet's does not."""
    for name, expected in (("replica", 0), ("scannet", -1)):
        table = builtin_class_table(name)
        research_scene(tmp_path / name, table, labels="semantic", views=("v",))
        put(tmp_path / name / "semantic" / "v.png", np.zeros((60, 80), np.uint8))
        assert (open_dataset(tmp_path / name, table).scenes("all")[0].labels("v") == expected).all()


def test_a_table_from_yaml(tmp_path):
    pytest.importorskip("yaml")
    (tmp_path / "two.yaml").write_text("7: sofa\n300: lamp\n")
    table = load_class_table(tmp_path / "two.yaml")
    research_scene(tmp_path / "scene", table, labels="semantic", dtype=np.uint16, views=("v",))
    assert set(np.unique(open_dataset(tmp_path / "scene", table).scenes("all")[0].labels("v"))) == {0, 1}


def test_a_single_scene_is_a_data_set(written):
    dataset = open_dataset(written / "a", builtin_class_table("scannet"), foreign_ids="ignore")
    (scene,) = dataset.scenes("all")
    assert scene.name == "a"
    assert (scene.labels("0000") == -1).any()  # ScanNet's table has no ceiling


def test_research_views_without_labels_are_left_out(tmp_path):
    table = builtin_class_table("scannet")
    research_scene(tmp_path / "scene", table, labels="semantic")
    (tmp_path / "scene" / "semantic" / "frame_000.png").unlink()
    scene = open_dataset(tmp_path / "scene", table).scenes("all")[0]
    assert list(scene.cameras) == ["frame_010"]
    assert list(scene.all_cameras) == ["frame_000", "frame_010"]
    with pytest.raises(
        DatasetError, match=r"view: no such labelled view .found 'frame_000', expected one of frame_010"
    ):
        scene.labels("frame_000")


def test_image_names_with_endings(tmp_path):
    """Some 3DGS forks keep the photograph's ending in img_name."""
    table = builtin_class_table("scannet")
    research_scene(tmp_path / "scene", table, labels="semantic", views=("1",))
    save_cameras(tmp_path / "scene" / "cameras.json", {"1.jpg": next(iter(box_views(1).values()))})
    scene = open_dataset(tmp_path / "scene", table).scenes("all")[0]
    assert list(scene.cameras) == ["1.jpg"]
    assert scene.labels("1.jpg").shape == (60, 80)
    assert scene.depth("1.jpg").shape == (60, 80)


def test_remapped_labels_win_and_the_last_iteration_counts(tmp_path):
    table = builtin_class_table("scannet")
    research_scene(tmp_path / "scene", table, labels="semantic", views=("v",))
    shutil.copytree(tmp_path / "scene" / "semantic", tmp_path / "scene" / "semantic_remap")
    put(tmp_path / "scene" / "semantic_remap" / "v.png", np.full((60, 80), FLOOR, np.uint8))
    shutil.copytree(tmp_path / "scene/point_cloud/iteration_30000", tmp_path / "scene/point_cloud/iteration_7000")
    scene = open_dataset(tmp_path / "scene", table).scenes("all")[0]
    assert (scene.labels("v") == 1).all()
    assert scene.ply.parent.name == "iteration_30000"


def test_palette_images_hold_indices(folder):
    ids = np.full((60, 80), FLOOR, np.uint8)
    image = Image.fromarray(ids).convert("P")
    image.putpalette([200, 10, 10] * 256)
    image.putdata(ids.ravel().tolist())
    image.save(folder / "a" / "semantic" / "0000.png")
    scene = open_dataset(folder).scenes("train")[0]
    assert (scene.classes.ids[scene.labels("0000")] == FLOOR).all()


def test_palette_images_of_few_bits_hold_indices(folder):
    ids = np.arange(60 * 80, dtype=np.uint8).reshape(60, 80) % 3
    image = Image.fromarray(ids).convert("P")
    image.putpalette([0, 0, 0, 200, 10, 10, 10, 200, 10])
    image.putdata(ids.ravel().tolist())
    path = folder / "a" / "semantic" / "0000.png"
    image.save(path, bits=2)
    assert path.read_bytes()[24] == 2
    np.testing.assert_array_equal(read_number_image(path, (80, 60)), ids)


def test_foreign_ids_can_be_ignored(folder):
    put(folder / "a" / "semantic" / "0000.png", np.full((60, 80), 99, np.uint8))
    scene = open_dataset(folder, foreign_ids="ignore").scenes("train")[0]
    assert (scene.labels("0000") == -1).all()


# -- what is refused -------------------------------------------------------------------------------------------------


def test_ids_outside_the_table_name_file_id_and_pixel(folder):
    ids = np.full((60, 80), WALL, np.uint8)
    ids[7, 11] = 99
    ids[8, 0] = 98
    put(folder / "a" / "semantic" / "0000.png", ids)
    scene = open_dataset(folder).scenes("train")[0]
    with pytest.raises(
        DatasetError, match=r"a/semantic/0000\.png: pixel \(11, 7\): .*found id 99, as 2 pixels .*--ignore-foreign"
    ):
        scene.labels("0000")


def test_missing_view_of_a_described_data_set(folder):
    (folder / "b" / "semantic" / "0001.png").unlink()
    scene = open_dataset(folder).scenes("train")[1]
    with pytest.raises(DatasetError, match=r"b/semantic/0001\.png: view '0001': the labels of a view are missing"):
        _ = scene.cameras


def test_scene_without_any_labels(tmp_path):
    write_box_scene(tmp_path / "scene")
    for image in (tmp_path / "scene" / "semantic").iterdir():
        image.unlink()
    scene = open_dataset(tmp_path / "scene", builtin_class_table("scannet")).scenes("all")[0]
    with pytest.raises(DatasetError, match=r"scene: semantic: no camera .* has a label image .*0000\.png.*img_name"):
        _ = scene.cameras
    shutil.rmtree(tmp_path / "scene" / "semantic")
    scene = open_dataset(tmp_path / "scene", builtin_class_table("scannet")).scenes("all")[0]
    with pytest.raises(DatasetError, match=r"scene: the scene has no label images .expected a folder semantic or sem"):
        _ = scene.cameras


def test_sizes_that_differ(folder):
    put(folder / "a" / "semantic" / "0000.png", np.full((30, 40), WALL, np.uint8))
    put(folder / "a" / "depth" / "0001.png", np.full((30, 40), 9, np.uint16))
    scene = open_dataset(folder).scenes("train")[0]
    with pytest.raises(DatasetError, match=r"0000\.png: size: .*found 40x30, expected 80x60 of cameras\.json"):
        scene.labels("0000")
    with pytest.raises(DatasetError, match=r"depth/0001\.png: size"):
        scene.depth("0001")


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("RGB", r"semantic/0000\.png: mode: not an image of numbers .found RGB"),
        ("RGBA", "found RGBA"),
        ("1", "found 1,"),
        ("damaged", r"semantic/0000\.png: not a readable PNG"),
        ("half", r"semantic/0000\.png: not a readable PNG"),
        ("empty", r"semantic/0000\.png: not a readable PNG"),
        ("jpeg", r"semantic/0000\.png: not a readable PNG"),
    ],
)
def test_images_that_are_no_labels(folder, kind, message):
    path = folder / "a" / "semantic" / "0000.png"
    rng = np.random.default_rng(0)
    noise = rng.integers(1, 3, (60, 80)).astype(np.uint8)
    put(path, noise)
    content = path.read_bytes()
    if kind in ("RGB", "RGBA", "1"):
        put(path, noise, kind)
    elif kind == "damaged":
        path.write_bytes(content[:60] + bytes(40) + content[100:])
    elif kind == "half":
        path.write_bytes(content[: len(content) // 2])
    elif kind == "empty":
        path.write_bytes(b"")
    else:
        Image.fromarray(noise).save(path, format="JPEG")
    with pytest.raises(DatasetError, match=message):
        open_dataset(folder).scenes("train")[0].labels("0000")


@pytest.mark.parametrize("bits", [2, 4])
def test_greyscale_of_few_bits_is_refused(folder, bits):
    """Pillow stretches its numbers to 0..255: floor would become another class without a word."""
    path = folder / "a" / "semantic" / "0000.png"
    path.write_bytes(greyscale_png(np.full((60, 80), WALL, np.uint8), bits))
    with Image.open(path) as image:
        assert image.mode == "L"
    with pytest.raises(DatasetError, match=rf"semantic/0000\.png: bits: .*found {bits}, expected greyscale of 8 or 16"):
        open_dataset(folder).scenes("train")[0].labels("0000")


def test_depth_needs_16_bits_and_its_files(folder):
    put(folder / "a" / "depth" / "0000.png", np.full((60, 80), 9, np.uint8))
    (folder / "a" / "depth" / "0001.png").unlink()
    shutil.rmtree(folder / "a" / "instance")
    scene = open_dataset(folder).scenes("train")[0]
    with pytest.raises(DatasetError, match=r"depth/0000\.png: mode: .*expected greyscale of 16 bits"):
        scene.depth("0000")
    with pytest.raises(DatasetError, match=r"depth/0001\.png: there is no such file"):
        scene.depth("0001")
    with pytest.raises(DatasetError, match=r"instance/0000\.png: there is no such file"):
        scene.instances("0000")


def test_empty_scene_and_damaged_cameras(folder):
    ply = folder / "a" / PLY
    header = ply.read_bytes().split(b"end_header\n")[0].replace(b"element vertex 3000", b"element vertex 0")
    ply.write_bytes(header + b"end_header\n")
    (folder / "b" / "cameras.json").write_text("[]")
    first, second = open_dataset(folder).scenes("train")
    with pytest.raises(SceneError, match=r"point_cloud\.ply: .*there are no Gaussians"):
        first.load_scene()
    with pytest.raises(CameraError, match=r"b/cameras\.json: there are no cameras"):
        _ = second.cameras


@pytest.mark.parametrize("name", ["../c", "a/b", "a\\b", "..", ".", "", "a\0b", "C:", "x" * 300, "\ud800", 7, None, []])
def test_scene_names_that_lead_elsewhere(folder, name):
    edit(folder, splits={"train": [name]})
    with pytest.raises(DatasetError, match=r"dataset\.json: splits\.train: .*plain file name"):
        open_dataset(folder)


def test_view_names_that_lead_elsewhere(folder):
    camera = Camera.look_at((1, 1, 1), (2, 2, 1), width=80, height=60)
    for name in ("../../secret", "a/0000", "/etc/passwd"):
        save_cameras(folder / "a" / "cameras.json", {name: camera})
        scene = open_dataset(folder).scenes("train")[0]
        with pytest.raises(DatasetError, match=r"cameras\.json: img_name: an unusable name"):
            _ = scene.cameras


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "rtgs2-dataset/2"}, r"format: .*found 'rtgs2-dataset/2', expected rtgs2-dataset/1"),
        ({"format": None}, "format: .*found None"),
        ({"name": 5}, "name: .*a text"),
        ({"classes": None}, "classes: .*an object with name and table"),
        ({"classes": {"name": "x"}}, "classes: not a list"),
        ({"classes": {"name": "x", "table": [{"index": 0}]}}, r"classes\[0\]: wrong keys"),
        ({"splits": None}, "splits: .*a list of scene names"),
        ({"splits": {}}, "splits"),
        ({"splits": {"train": "a"}}, r"splits\.train: .*a list of scene names"),
        ({"splits": {"all": ["a"]}}, r"splits\.all: .*another name than 'all'"),
        ({"splits": {"train": ["a"], "test": ["a"]}}, r"splits\.test: .*not in 'train' already"),
        ({"splits": {"train": ["nowhere"]}}, "nowhere: the folder of a scene is missing"),
    ],
)
def test_damaged_description(folder, changes, message):
    edit(folder, **changes)
    with pytest.raises((DatasetError, ClassTableError), match=message) as caught:
        open_dataset(folder)
    assert "dataset.json" in str(caught.value) or "nowhere" in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "7", "[" * 100_000, "\xff", '{"format": NaN', "{}", "1" * 5000])
def test_description_that_is_none(folder, text):
    (folder / "dataset.json").write_text(text, "latin-1")
    with pytest.raises(DatasetError, match=r"dataset\.json") as caught:
        open_dataset(folder)
    assert "set_int_max_str_digits" not in str(caught.value)  # Python's advice, no use to our users


def test_description_without_end(folder):
    os.truncate(folder / "dataset.json", 1 << 25)
    with pytest.raises(DatasetError, match=r"dataset\.json: too large"):
        open_dataset(folder)


def test_scene_without_gaussians(folder):
    shutil.rmtree(folder / "c" / "point_cloud")
    with pytest.raises(DatasetError, match=r"c: the scene has no Gaussians .expected point_cloud/iteration_30000"):
        open_dataset(folder)


def test_a_room_that_is_being_written_is_no_scene(tmp_path):
    for name in ("a", ".b.0123.tmp"):
        write_box_scene(tmp_path / name, 0)
    assert [scene.name for scene in open_dataset(tmp_path, builtin_class_table("synthrooms")).scenes("all")] == ["a"]


def test_no_data_set(tmp_path, written):
    table = builtin_class_table("scannet")
    with pytest.raises(DatasetError, match=r"nothing: there is no such folder"):
        open_dataset(tmp_path / "nothing", table)
    with pytest.raises(DatasetError, match=r"there are no scenes in it .expected subfolders with point_cloud"):
        open_dataset(tmp_path, table)
    with pytest.raises(DatasetError, match=r"classes: a data set without dataset\.json does not say.*replica, scannet"):
        open_dataset(written / "a")
    with pytest.raises(DatasetError, match=r"foreign_ids: not a way"):
        open_dataset(written, foreign_ids="keep")
    with pytest.raises(DatasetError, match=r"split: no such split .found 'val', expected all, train, test"):
        open_dataset(written).scenes("val")
    with pytest.raises(InputError, match=r"no such split .found 'test', expected all"):
        open_dataset(written / "a", table, foreign_ids="ignore").scenes("test")


def test_labels_without_a_camera(folder):
    """A cut cameras.json must not make a data set smaller in silence."""
    cameras = folder / "a" / "cameras.json"
    cameras.write_text(json.dumps(json.loads(cameras.read_text())[:1]))
    with pytest.raises(
        DatasetError, match=r"a/cameras\.json: label images without a camera .found 1 cameras, none for 0001\.png and 1"
    ):
        open_dataset(folder).scenes("train")[0].cameras  # noqa: B018
    (folder / "dataset.json").unlink()
    scene = open_dataset(folder, builtin_class_table("synthrooms")).scenes("all")[0]
    assert (list(scene.cameras), scene.left_out) == (["0000"], 2)


def test_origin(folder):
    assert open_dataset(folder).title == "boxes"
    edit(folder, generator={"version": 11, "seed": 3, "settings": {"views": 10}})
    assert open_dataset(folder).title == "boxes (version 11, seed 3)"
    edit(folder, generator=["what", "ever"])
    assert open_dataset(folder).title == "boxes"


def test_empty_split(folder):
    edit(folder, splits={"train": ["a"], "test": []})
    with pytest.raises(DatasetError, match=r"split: no scenes in this split .found 'test', expected all, train"):
        open_dataset(folder).scenes("test")


def test_the_example_of_the_conventions_can_be_read(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "conventions.md").read_text()
    description = page.split("```json\n")[1].split("```")[0]
    for scene in ("kitchen", "hall", "bedroom", "bathroom"):
        write_box_scene(tmp_path / scene)
    (tmp_path / "dataset.json").write_text(description)
    dataset = open_dataset(tmp_path, foreign_ids="ignore")
    assert dataset.classes.names == ["wall", "floor"]
    assert [scene.name for scene in dataset.scenes("test")] == ["bathroom"]
    assert set(np.unique(dataset.scenes("train")[0].labels("0000"))) <= {-1, 0, 1}
