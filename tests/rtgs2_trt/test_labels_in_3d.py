"""Labels of Gaussians: fused from views, drawn again, written into PLY files and read back."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from ply_files import gaussian_columns, header, rows, write_gaussians
from rtgs2_trt import Camera, Scene, Segmenter, ply
from rtgs2_trt.class_map import LabelRules
from rtgs2_trt.classes import ClassTable, SemanticClass, builtin_class_table
from rtgs2_trt.errors import ClassTableError, InputError, SceneError
from rtgs2_trt.labels_in_3d import (
    GaussianLabels,
    LabelFusion,
    label_gaussians,
    labelled_ply,
    load_labelled,
    save_labelled,
)
from rtgs2_trt.labels_in_3d.label_fusion import LEAST_PROBABILITY
from rtgs2_trt.reference.lift import lift_reference

TABLE = ClassTable(
    tuple(SemanticClass(i, id_, name, (i, 0, 0)) for i, (id_, name) in enumerate([(3, "chair"), (7, "table")])), "two"
)


def labels_of(indices: list[int], confidence: float = 0.5, table: ClassTable = TABLE) -> GaussianLabels:
    values = np.array(indices, np.uint8)
    return GaussianLabels(values, np.where(values == 255, 0, confidence).astype(np.float32), table)


@pytest.fixture
def views(scene):
    return [Camera.look_at((0.9, 0.8, 0.6), (x, y, 0.5), width=60, height=40) for x, y in ((2, 0.8), (0, 1), (1, 0))]


def test_fusion_is_naive_bayes_over_the_pixels(scene, views):
    small = Scene(
        scene.means[:300], scene.scales[:300] * 3, scene.rotations[:300], scene.opacities[:300], scene.sh[:300]
    )
    rng = np.random.default_rng(3)
    fusion = LabelFusion(small, TABLE)
    sums, weights = np.zeros((300, 2)), np.zeros(300)
    for camera in views:
        first = rng.uniform(0, 1, (40, 60))
        first[:5] = 0  # as good as ruled out
        probabilities = np.stack([first, 1 - first]).astype(np.float32)
        fusion.add(camera, probabilities)
        lifted = lift_reference(small, camera, np.log(np.maximum(probabilities, LEAST_PROBABILITY)))
        sums, weights = sums + lifted[0], weights + lifted[1]
    found = fusion.labels()
    assert fusion.views == 3
    assert (found.labels == 255).sum() == (weights == 0).sum()
    assert 0 < (found.labels == 255).sum() < 200
    seen = weights > 1e-2  # what is hardly seen may be flipped by the rounding of one pixel
    evidence = sums[seen] / weights[seen, None]
    expected = np.exp(evidence) / np.exp(evidence).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found.confidence[seen], expected.max(axis=1), atol=1e-3)
    clear = np.abs(np.ptp(evidence, axis=1)) > 1e-3
    np.testing.assert_array_equal(found.labels[seen][clear], expected.argmax(axis=1)[clear])
    assert (found.confidence[weights == 0] == 0).all()


def test_views_of_known_labels_give_them_back(scene, views):
    """Gaussians left of the middle are chairs, the others tables; views drawn of that are what is fused."""
    truth = labels_of([int(x > 1) for x in scene.means[:, 0]])
    fusion = LabelFusion(scene, TABLE)
    for camera in views:
        drawn = truth.drawn(scene, camera)
        fusion.add(camera, np.stack([drawn == 0, drawn == 1]).astype(np.float32))
    found = fusion.labels()
    clearly = fusion.weights > 0.5
    assert clearly.sum() > 500
    assert (found.labels == truth.labels)[clearly].mean() > 0.95


def test_unknown_gaussians_show_as_unknown(scene, views):
    drawn = labels_of([255] * len(scene)).drawn(scene, views[0])
    assert (drawn == 255).all()
    with pytest.raises(InputError, match=r"another scene's labels \(found 3, expected 4000\)"):
        labels_of([0, 1, 0]).drawn(scene, views[0])


def test_label_gaussians_runs_a_bundle(exported_bundle, scene, views):
    segmenter = Segmenter(exported_bundle)
    encoded = segmenter.encode(scene)
    one = segmenter.probabilities(encoded, views[0])
    assert one.shape == (5, 40, 60)
    result = segmenter(encoded, views[0], confidence=True)
    np.testing.assert_array_equal(one.argmax(axis=0), result.labels)
    np.testing.assert_allclose(one.max(axis=0), result.confidence, rtol=1e-6)
    labels = label_gaussians(segmenter, encoded, views)
    assert len(labels) == 4000
    assert labels.counts.sum() == 4000
    by_hand = LabelFusion(encoded, segmenter.classes, threads=1)
    for camera in views:
        by_hand.add(camera, segmenter.probabilities(encoded, camera))
    assert by_hand.labels().labels.tobytes() == labels.labels.tobytes()
    with pytest.raises(InputError, match="no views"):
        label_gaussians(segmenter, encoded, [])


def test_fusion_refuses_what_is_no_probabilities(scene, views):
    fusion = LabelFusion(scene, TABLE)
    with pytest.raises(InputError, match=r"another number of classes \(found 3, expected 2\)"):
        fusion.add(views[0], np.zeros((3, 40, 60), np.float32))
    with pytest.raises(InputError, match="not finite"):
        fusion.add(views[0], np.full((2, 40, 60), np.nan, np.float32))
    assert fusion.views == 0
    assert (fusion.weights == 0).all()


@pytest.mark.parametrize(
    ("labels", "confidence", "text"),
    [
        (np.array([0], np.int64), np.zeros(1, np.float32), "labels: not the labels of Gaussians"),
        (np.array([0], np.uint8), np.zeros(2, np.float32), "confidence: not the labels of Gaussians"),
        (np.array([2], np.uint8), np.zeros(1, np.float32), "labels: a label outside the class table"),
        (np.array([1], np.uint8), np.array([np.nan], np.float32), "confidence: not probabilities"),
    ],
)
def test_labels_are_checked(labels, confidence, text):
    with pytest.raises(InputError, match=text):
        GaussianLabels(labels, confidence, TABLE)


def test_rules_merge_and_make_unknown(tmp_path):
    (tmp_path / "map.txt").write_text("chair, table -> furniture\n")
    rules = LabelRules.of(TABLE, map_file=str(tmp_path / "map.txt"), min_confidence="table=0.6", palette=None)
    found = labels_of([0, 1, 255]).under(rules)
    assert found.classes.names == ["furniture"]
    assert found.labels.tolist() == [0, 255, 255]
    assert found.confidence.tolist() == [0.5, 0, 0]
    assert found.counts.tolist() == [1, 2]


def test_classes_by_name():
    labels = labels_of([0, 1, 255, 1])
    assert labels.of_classes(["table"]).tolist() == [False, True, False, True]
    with pytest.raises(ClassTableError, match="there is no such class"):
        labels.of_classes(["sofa"])


@pytest.mark.parametrize("format_", ["binary_little_endian", "binary_big_endian"])
def test_a_copy_keeps_every_byte_of_the_original_properties(tmp_path, format_):
    columns = gaussian_columns(50) | {"segment": np.arange(50, dtype=np.float32), "nothing": np.full(50, np.nan)}
    source = write_gaussians(tmp_path / "room.ply", columns, format_)
    labels = labels_of([i % 2 for i in range(49)] + [255], confidence=0.25)
    assert save_labelled(tmp_path / "out.ply", source, labels) == 50
    with ply.open_ply(tmp_path / "out.ply") as opened:
        (vertex,) = opened.header.elements
        opened.file.seek(opened.header.size)
        data = np.frombuffer(opened.file.read(), np.uint8).reshape(50, vertex.row_bytes)
        assert opened.header.format == format_
    original = source.read_bytes()[-50 * 4 * len(columns) :]
    assert data[:, : 4 * len(columns)].tobytes() == original
    assert vertex.names == (*columns, "class_id", "confidence")
    assert {p.name: p.type for p in vertex.properties}["class_id"] == "i4"  # rows stay whole words, as some readers ask
    back = load_labelled(tmp_path / "out.ply")
    np.testing.assert_array_equal(back.labels, labels.labels)
    np.testing.assert_array_equal(back.confidence, labels.confidence)
    assert back.classes.to_list() == TABLE.to_list()
    np.testing.assert_array_equal(Scene.load(tmp_path / "out.ply").means, Scene.load(source).means)
    beside = json.loads((tmp_path / "out.classes.json").read_text())
    assert (beside["unknown_id"], beside["gaussians"]) == (255, 50)


def test_labels_that_a_file_has_are_replaced_in_place(tmp_path):
    source = write_gaussians(tmp_path / "room.ply", gaussian_columns(20))
    save_labelled(source, source, labels_of([0] * 20))
    size = source.stat().st_size
    save_labelled(source, source, labels_of([1] * 20))
    assert source.stat().st_size == size
    assert (load_labelled(source).labels == 1).all()


def test_a_crop_keeps_the_chosen_rows(tmp_path):
    columns = gaussian_columns(30)
    source = write_gaussians(tmp_path / "room.ply", columns)
    labels = labels_of([i % 2 for i in range(30)])
    assert save_labelled(tmp_path / "out.ply", source, labels, keep=labels.of_classes(["table"])) == 15
    np.testing.assert_array_equal(Scene.load(tmp_path / "out.ply").means[:, 0], columns["x"][1::2])
    assert (load_labelled(tmp_path / "out.ply").labels == 1).all()


def test_gaussians_that_were_dropped_are_unknown_in_the_copy(tmp_path):
    columns = gaussian_columns(10)
    columns["x"][[2, 5]] = np.nan
    source = write_gaussians(tmp_path / "room.ply", columns)
    with pytest.warns(UserWarning, match="dropped 2"):
        assert len(Scene.load(source, invalid="drop")) == 8
    keep = np.arange(8) < 4
    save_labelled(tmp_path / "all.ply", source, labels_of([0, 1] * 4))
    assert load_labelled(tmp_path / "all.ply").labels.tolist() == [0, 1, 255, 0, 1, 255, 0, 1, 0, 1]
    used = load_labelled(tmp_path / "all.ply", invalid="drop")  # they go with the scene as it can be loaded
    assert used.labels.tolist() == [0, 1] * 4
    with pytest.warns(UserWarning, match="dropped 2"):
        scene = Scene.load(tmp_path / "all.ply", invalid="drop")
    assert used.drawn(scene, Camera.look_at((0, 0, 1), (1, 0, 1), width=8, height=6)).shape == (6, 8)
    assert save_labelled(tmp_path / "some.ply", source, labels_of([0, 1] * 4), keep=keep) == 4
    assert load_labelled(tmp_path / "some.ply").labels.tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize("name", ["room.spz", "room.splat", "room.compressed.ply", "ascii.ply"])
def test_other_formats_become_standard_ply(tmp_path, scene, name):
    source = tmp_path / name
    if name == "ascii.ply":
        write_gaussians(source, gaussian_columns(len(scene)), "ascii")
    else:
        scene.save(source)
    loaded = Scene.load(source)
    labels = labels_of([i % 2 for i in range(len(loaded))])
    save_labelled(tmp_path / "out.ply", source, labels)
    np.testing.assert_array_equal(Scene.load(tmp_path / "out.ply").means, loaded.means)
    np.testing.assert_array_equal(load_labelled(tmp_path / "out.ply").labels, labels.labels)


def test_ids_over_254_and_many_classes(tmp_path):
    many = ClassTable(tuple(SemanticClass(i, 1000 + i, f"c{i}", (0, 0, 0)) for i in range(300)), "many")
    source = write_gaussians(tmp_path / "room.ply", gaussian_columns(3))
    values = np.array([299, 65535, 0], np.uint16)
    save_labelled(tmp_path / "out.ply", source, GaussianLabels(values, np.zeros(3, np.float32), many))
    assert load_labelled(tmp_path / "out.ply").labels.tolist() == [299, 65535, 0]
    assert json.loads((tmp_path / "out.classes.json").read_text())["unknown_id"] == 65535


def test_the_wrong_scene_is_refused_and_nothing_is_left(tmp_path):
    source = write_gaussians(tmp_path / "room.ply", gaussian_columns(5))
    with pytest.raises(SceneError, match=r"room\.ply: another number of Gaussians than labels \(found 5, expected 3\)"):
        save_labelled(tmp_path / "out.ply", source, labels_of([0, 1, 0]))
    with pytest.raises(SceneError, match="no Gaussians are left"):
        save_labelled(tmp_path / "out.ply", source, labels_of([0] * 5), keep=np.zeros(5, bool))
    source.write_bytes(source.read_bytes()[:-3])
    with pytest.raises(SceneError, match="the file ends early"):
        save_labelled(tmp_path / "out.ply", source, labels_of([0] * 5))
    assert [path.name for path in tmp_path.iterdir()] == ["room.ply"]


def test_a_full_disk_is_told_of_the_file_that_is_written(tmp_path, monkeypatch):
    source = write_gaussians(tmp_path / "room.ply", gaussian_columns(5))
    real = labelled_ply.atomic_file

    class Full:
        def write(self, data):
            raise OSError(28, "No space left on device")

    @contextmanager
    def filling(path, error):
        with real(path, error) as file:
            yield Full() if path.name == "out.ply" else file

    monkeypatch.setattr(labelled_ply, "atomic_file", filling)
    with pytest.raises(SceneError, match=r"out\.ply: cannot be written: No space left on device"):
        save_labelled(tmp_path / "out.ply", source, labels_of([0] * 5))
    assert [path.name for path in tmp_path.iterdir()] == ["room.ply"]


def test_features_of_a_text_keep_their_encoder(tmp_path, scene):
    encoded = scene.with_features(np.zeros((len(scene), 4), np.float32), "ab" * 32)
    columns = encoded.ply_columns()
    properties = dict.fromkeys(columns, "float")
    text = header("ascii", properties, len(scene)).replace(
        b"element", b"comment rtgs2_encoder " + b"ab" * 32 + b"\nelement", 1
    )
    (tmp_path / "text.ply").write_bytes(text + rows("ascii", properties, columns))
    save_labelled(tmp_path / "out.ply", tmp_path / "text.ply", labels_of([0] * len(scene)))
    assert Scene.load(tmp_path / "out.ply").features_encoder == "ab" * 32


def labelled(path, ids, confidence, kind="int"):
    columns = gaussian_columns(len(ids)) | {"class_id": np.array(ids), "confidence": np.array(confidence)}
    properties = {name: kind if name == "class_id" else "float" for name in columns}
    path.write_bytes(header("ascii", properties, len(ids)) + rows("ascii", properties, columns))
    return path


@pytest.mark.parametrize(
    ("ids", "confidence", "text"),
    [
        ([3, 4], [0.5, 0.5], r"a\.ply: class_id: an id that the class table does not have \(found 4 of Gaussian 1"),
        ([3, -1], [0.5, 0.5], "found -1 of Gaussian 1"),
        ([3, 70000], [0.5, 0.5], "found 70000 of Gaussian 1"),
        ([3, 7], [0.5, 1.5], r"a\.ply: confidence: a confidence that is no probability"),
        ([3, 7], [0.5, np.nan], r"a\.ply: confidence: NaN"),
    ],
)
def test_strange_labels_are_refused(tmp_path, ids, confidence, text):
    with pytest.raises(SceneError, match=text):
        load_labelled(labelled(tmp_path / "a.ply", ids, confidence), TABLE)


def test_a_scene_without_labels_is_refused(tmp_path):
    source = write_gaussians(tmp_path / "room.ply", gaussian_columns(5))
    with pytest.raises(SceneError, match=r"class_id: its Gaussians have no labels.*rtgs2 label"):
        load_labelled(source, TABLE)
    with pytest.raises(ClassTableError, match=r"room\.classes\.json: there is no such file"):
        load_labelled(source)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ("{", "not a readable JSON file"),
        ("[" * 100000, "not a readable JSON file"),
        ("[]", "format: not the classes of Gaussians"),
        ({"format": "rtgs2-gaussian-labels/9"}, "format: not the classes of Gaussians"),
        ({"classes": 3}, "classes: not a class table"),
        ({"classes": {"name": "x", "table": [{}]}}, "wrong keys"),
        ({"unknown_id": 3}, "unknown_id: impossible id"),
        ({"unknown_id": True}, "unknown_id: impossible id"),
    ],
)
def test_bad_class_tables_are_refused(tmp_path, change, text):
    source = write_gaussians(tmp_path / "room.ply", gaussian_columns(2))
    save_labelled(source, source, labels_of([0, 1]))
    beside = tmp_path / "room.classes.json"
    good = json.loads(beside.read_text())
    beside.write_text(change if isinstance(change, str) else json.dumps(good | change))
    with pytest.raises(ClassTableError, match=text) as caught:
        load_labelled(source)
    assert "room.classes.json" in str(caught.value)


def test_the_demos_table_goes_round(tmp_path):
    table = builtin_class_table("synthrooms")
    source = write_gaussians(tmp_path / "room.ply", gaussian_columns(22))
    labels = replace(labels_of([0] * 22, table=table), labels=np.arange(22, dtype=np.uint8))
    save_labelled(tmp_path / "out.ply", source, labels)
    assert load_labelled(tmp_path / "out.ply").classes == table
