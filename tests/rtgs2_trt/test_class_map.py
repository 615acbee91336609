import json
import re

import numpy as np
import pytest
from PIL import Image

from rtgs2_trt import Camera, ClassTableError, InputError, Segmenter, load_cameras, save_cameras
from rtgs2_trt.class_map import least_confidences, load_class_map, recolored, unsure_as_unknown
from rtgs2_trt.classes import ClassTable, builtin_class_table
from rtgs2_trt.cli import main

SCANNET = builtin_class_table("scannet")


def class_map(tmp_path, text, table=SCANNET):
    (tmp_path / "map.txt").write_text(text)
    return load_class_map(tmp_path / "map.txt", table)


def test_merging_and_renaming(tmp_path):
    mapped = class_map(tmp_path, "# seats\nchair, 6 -> seat  # 6 is the sofa\npicture -> unknown\nbed -> sofa\n")
    assert len(mapped.table) == len(SCANNET) - 2
    seat = next(entry for entry in mapped.table if entry.name == "seat")
    assert (seat.id, seat.color) == (5, SCANNET.classes[4].color)  # of the chair, its first
    bed = next(entry for entry in mapped.table if entry.name == "sofa")
    assert (bed.id, bed.color) == (4, SCANNET.classes[3].color)  # the old sofa is no member
    labels = np.array([[0, 4, 5, 10, 3, 255]], np.uint8)
    assert [mapped.table.names[i] if i < 255 else "?" for i in mapped.apply(labels)[0]] == [
        *("wall", "seat", "seat", "?", "sofa", "?")
    ]
    assert mapped.apply(labels).dtype == np.uint8


def test_the_first_of_a_line_lends_id_and_colour_whatever_the_tables_order(tmp_path):
    seat = next(e for e in class_map(tmp_path, "sofa, chair -> seat\n* -> other\n").table if e.name == "seat")
    assert (seat.id, seat.color) == (6, SCANNET.classes[5].color)


def test_the_rest_and_the_id_of_the_class_of_that_name(tmp_path):
    mapped = class_map(tmp_path, "table, floor -> floor\n* -> other\n")
    assert [(c.index, c.id, c.name) for c in mapped.table] == [(0, 1, "other"), (1, 2, "floor")]
    np.testing.assert_array_equal(mapped.apply(np.array([0, 1, 6, 65535], np.uint16)), [0, 1, 1, 65535])


def test_an_empty_map_changes_nothing(tmp_path):
    mapped = class_map(tmp_path, "\n# nothing\n")
    assert mapped.table.to_list() == SCANNET.to_list()
    np.testing.assert_array_equal(mapped.new_index, np.arange(20))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("chair", "line 1: not a rule (found 'chair', expected old, old ... -> new)"),
        ("\nchair ->", "line 2: not a rule (found 'chair ->'"),
        ("-> seat", "line 1: not a rule"),
        ("a -> b -> c", "line 1: not a rule"),
        ("chair -> a, b", "line 1: not a rule"),
        ("stool -> seat", "line 1: there is no such class in the table (found 'stool', expected wall, floor, cabinet"),
        ("chair -> seat\nsofa, chair -> seat", "line 2: a class that an earlier line names (found 'chair')"),
        ("* -> unknown", "every class becomes unknown"),
    ],
)
def test_bad_maps(tmp_path, text, message):
    with pytest.raises(ClassTableError, match=re.escape(f"map.txt: {message}")):
        class_map(tmp_path, text)


def test_maps_that_are_no_texts(tmp_path):
    (tmp_path / "map.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ClassTableError, match=r"map\.txt: not a text: "):
        load_class_map(tmp_path / "map.txt", SCANNET)
    with pytest.raises(ClassTableError, match="there is no such file"):
        load_class_map(tmp_path / "none.txt", SCANNET)
    (tmp_path / "map.txt").write_bytes(b"#" * (2 << 20))
    with pytest.raises(ClassTableError, match=r"map\.txt: too large \(found 2097152"):
        load_class_map(tmp_path / "map.txt", SCANNET)


def test_least_confidences():
    least = least_confidences("0.25,chair=0.75", SCANNET)
    assert (least[4], least[0]) == (0.75, 0.25)
    np.testing.assert_array_equal(least_confidences("chair=0.75,0.25", SCANNET), least)
    labels, confidence = np.array([0, 4, 4, 255], np.uint8), np.float32([0.2, 0.8, 0.7, 0.1])
    np.testing.assert_array_equal(unsure_as_unknown(labels, confidence, least), [255, 4, 255, 255])
    nothing = np.full(4, np.nan, np.float32)  # where logits overflowed
    np.testing.assert_array_equal(unsure_as_unknown(labels, nothing, least), [255] * 4)
    for text in ("", "half", "chair=", "1.5", "-1", "chair=nan"):
        with pytest.raises(InputError, match="min_confidence: not a least confidence"):
            least_confidences(text, SCANNET)
    with pytest.raises(InputError, match=r"min_confidence: there is no such class in the table .found 'stool'"):
        least_confidences("stool=0.5", SCANNET)


def test_palettes():
    nyu40 = builtin_class_table("nyu40")
    assert (len(nyu40), nyu40.ids.tolist()) == (40, list(range(1, 41)))
    by_id = {entry.id: (entry.name, entry.color) for entry in nyu40}
    # A part of it; for the shower curtain that table has a colour of its own.
    assert all(by_id[entry.id] == (entry.name, entry.color) for entry in SCANNET if entry.id != 28)
    assert all(by_id[entry.id][0] == entry.name for entry in builtin_class_table("synthrooms"))
    replica = builtin_class_table("replica")
    painted = recolored(replica, SCANNET)
    assert (painted.names, painted.ids.tolist()) == (replica.names, replica.ids.tolist())
    colors = dict(zip(painted.names, map(tuple, painted.colors.tolist()), strict=True))
    assert colors["chair"] == SCANNET.classes[4].color
    assert len(set(colors.values())) == len(replica)
    names = ClassTable.from_list([{"index": 0, "id": 1, "name": "Shower-Curtain", "color": [1, 2, 3]}], "t")
    assert recolored(names, SCANNET).classes[0].color == (91, 163, 138)


def test_segment_maps_thresholds_and_paints(exported_bundle, scene, tmp_path):
    scene.save(tmp_path / "a.ply")
    camera = Camera.look_at((0.2, 0.4, 0.6), (1.8, 1.2, 0.5), width=64, height=48)
    save_cameras(tmp_path / "cameras.json", {"a": camera})
    (tmp_path / "map.txt").write_text("chair, table -> furniture\n")
    arguments = ["segment", str(exported_bundle), str(tmp_path / "a.ply"), "--cameras", str(tmp_path / "cameras.json")]
    options = ["--map", str(tmp_path / "map.txt"), "--min-confidence", "lamp=1,wall=0.3", "--palette", "nyu40"]
    assert main([*arguments, "-o", str(tmp_path / "out"), *options, "--quiet"]) == 0
    classes = json.loads((tmp_path / "out" / "classes.json").read_text())
    assert [(c["name"], c["id"]) for c in classes] == [("wall", 1), ("floor", 2), ("furniture", 5), ("lamp", 300)]
    assert classes[3]["color"] == [96, 207, 209]
    segmenter = Segmenter(exported_bundle)
    view = load_cameras(tmp_path / "cameras.json")["a"]
    result = segmenter(segmenter.load(tmp_path / "a.ply"), view, confidence=True)
    ids = np.array([1, 2, 5, 5, 300])[result.labels]
    ids[(result.labels == 4) & (result.confidence < 1)] = 65535
    ids[(result.labels == 0) & (result.confidence < np.float32(0.3))] = 65535
    with Image.open(tmp_path / "out" / "labels" / "a.png") as image:
        np.testing.assert_array_equal(np.asarray(image), ids)


def test_segment_refuses_a_map_before_it_works(exported_bundle, scene, tmp_path, capsys):
    scene.save(tmp_path / "a.ply")
    save_cameras(tmp_path / "cameras.json", {"a": Camera.look_at((0, 0, 1), (1, 1, 1), width=8, height=8)})
    (tmp_path / "map.txt").write_text("stool -> seat\n")
    arguments = ["segment", str(exported_bundle), str(tmp_path / "a.ply"), "--cameras", str(tmp_path / "cameras.json")]
    assert main([*arguments, "-o", str(tmp_path / "out"), "--map", str(tmp_path / "map.txt"), "--quiet"]) == 2
    assert "map.txt: line 1: there is no such class in the table" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
