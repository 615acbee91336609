from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtgs2_trt.classes import BUILTIN_CLASS_TABLES, ClassTable, SemanticClass, builtin_class_table, load_class_table
from rtgs2_trt.errors import ClassTableError


@pytest.mark.parametrize(
    ("name", "count", "index", "identifier", "label", "color"),
    [
        ("replica", 46, 0, 0, "unlabeled", (0, 0, 0)),
        ("replica", 46, 12, 20, "chair", (128, 64, 0)),
        ("replica", 46, 45, 98, "rug", (64, 128, 32)),
        ("scannet", 20, 12, 14, "desk", (247, 182, 210)),
        ("scannet", 20, 19, 39, "other furniture", (82, 84, 163)),
        ("scannetpp", 19, 3, 13, "office chair", (255, 127, 14)),
        ("scannetpp", 19, 10, 2, "wall", (174, 199, 232)),  # its file sorts ids as texts
        ("scannetpp-merged", 18, 3, 14, "bookshelf", (148, 103, 189)),
        ("scannetpp-merged", 18, 17, 9, "blinds", (247, 182, 210)),
    ],
)
def test_builtin_tables(
    name: str, count: int, index: int, identifier: int, label: str, color: tuple[int, int, int]
) -> None:
    table = builtin_class_table(name)
    assert (table.name, len(table)) == (name, count)
    assert table.classes[index] == SemanticClass(index, identifier, label, color)


@pytest.mark.parametrize("name", BUILTIN_CLASS_TABLES)
def test_arrays_and_lists_of_a_table(name: str) -> None:
    table = builtin_class_table(name)
    assert table.ids.dtype == np.int32
    assert table.ids.tolist() == [entry.id for entry in table]
    assert table.colors.dtype == np.uint8
    assert table.colors.shape == (len(table), 3)
    assert len(np.unique(table.colors, axis=0)) == len(table)
    assert ClassTable.from_list(table.to_list(), name) == table


def test_merged_table_lacks_the_office_chair_alone() -> None:
    whole, merged = builtin_class_table("scannetpp"), builtin_class_table("scannetpp-merged")
    assert [c.id for c in merged] == [c.id for c in whole if c.id != 13]
    assert {(c.id, c.name, c.color) for c in merged} < {(c.id, c.name, c.color) for c in whole}


def test_no_such_table() -> None:
    with pytest.raises(ClassTableError, match="found 'nyu', expected replica or scannet"):
        builtin_class_table("nyu")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"index": 1}, r"classes\[0\].index: .*found 1, expected 0"),
        ({"index": "0"}, "index: .*found '0'"),
        ({"id": -1}, r"classes\[0\].id: .*found -1"),
        ({"id": 65535}, "found 65535, expected a whole number, 0 to 65534"),
        ({"id": True}, "found True"),
        ({"id": 5}, r"classes\[1\].id: .*found 5, expected another id than classes\[0\] has"),
        ({"name": "floor"}, r"classes\[1\].name: .*found 'floor', expected another name than classes\[0\] has"),
        ({"name": " "}, r"classes\[0\].name: .*expected a text"),
        ({"name": False}, "found False.*in quotes"),
        ({"color": [0, 0]}, r"classes\[0\].color: .*three whole numbers"),
        ({"color": [0, 0, 256]}, "found .0, 0, 256.*0 to 255"),
        ({"color": [0, 0, 0.5]}, "three whole numbers"),
        ({"color": "red"}, "found 'red'"),
        ({"colour": [1, 2, 3]}, "wrong keys .found .*'colour'"),
    ],
)
def test_impossible_classes(changes: dict[str, Any], message: str) -> None:
    first = {"index": 0, "id": 1, "name": "wall", "color": [1, 2, 3], **changes}
    with pytest.raises(ClassTableError, match=message):
        ClassTable.from_list([first, {"index": 1, "id": 5, "name": "floor", "color": [4, 5, 6]}], "t")


@pytest.mark.parametrize("values", [None, {}, "wall", 3])
def test_not_a_list(values: object) -> None:
    with pytest.raises(ClassTableError, match="classes: not a list"):
        ClassTable.from_list(values, "t")


def test_yaml_mapping_makes_colors_up(tmp_path: Path) -> None:
    path = tmp_path / "office.yaml"
    path.write_text("12: printer\n3: desk lamp\n7: 'no'\n")
    table = load_class_table(path)
    assert table.name == "office"
    assert [(c.index, c.id, c.name) for c in table] == [(0, 12, "printer"), (1, 3, "desk lamp"), (2, 7, "no")]
    assert [c.color for c in table] == [(128, 0, 0), (0, 128, 0), (128, 128, 0)]
    assert load_class_table(path) == table


def test_yaml_list_keeps_its_colors(tmp_path: Path) -> None:
    path = tmp_path / "table.yml"
    path.write_text("- {id: 4, name: wall}\n- {name: floor, id: 2, color: [128, 0, 0]}\n")
    table = load_class_table(path)
    assert [(c.id, c.name, c.color) for c in table] == [(4, "wall", (0, 128, 0)), (2, "floor", (128, 0, 0))]


def test_made_up_colors_are_distinct(tmp_path: Path) -> None:
    path = tmp_path / "many.yaml"
    path.write_text("".join(f"{i}: class {i}\n" for i in range(700)))
    assert len(np.unique(load_class_table(path).colors, axis=0)) == 700


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a class table .found NoneType"),
        ("wall", "not a class table .found str"),
        ("[]", "classes: .*at least one class"),
        ("1: wall\n2: no\n", r"classes\[1\].name: .*found False.*in quotes"),
        ("1: wall\n2: floor\n1: lamp\n", r"classes: .*found \['1'\], expected every id once"),
        ("a: wall\n", r"classes\[0\].id: .*found 'a'"),
        ("- wall\n", r"classes\[0\]: not a class .found 'wall'"),
        ("- {id: 1}\n", r"classes\[0\]: wrong keys"),
        ("- {id: 1, name: wall, color: {r: 1}}\n", r"classes\[0\].color"),
        ("- {id: 1, name: wall, color: [[1], 2, 3]}\n", r"classes\[0\].color"),
        ("1: [unclosed\n", "not a YAML file"),
        ("!!python/object/apply:os.getcwd []\n", "not a YAML file"),
        ("- &a [x, x, x, x, x, x]\n- &b [*a, *a, *a, *a]\n- [*b, *b, *b]\n", r"classes\[0\]: not a class"),
    ],
)
def test_yaml_that_is_no_table(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "classes.yaml"
    path.write_text(text)
    with pytest.raises(ClassTableError, match=rf"classes\.yaml: .*{message}"):
        load_class_table(path)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[" * 3000, 1),
        ("[" * 1_000_000, 1),
        ("{a: " * 3000, 1),
        ("- " * 3000, 1),
        ("? " * 3000, 1),
        ("\n".join(" " * depth + "a:" for depth in range(900)), 9),
        (f"1: wall\n2: {'[' * 9}{']' * 9}\n", 2),
    ],
    ids=lambda value: repr(value)[:6],
)
def test_deep_nesting_is_refused_at_its_first_level_too_many(tmp_path: Path, text: str, line: int) -> None:
    path = tmp_path / "classes.yaml"
    path.write_text(text)
    with pytest.raises(ClassTableError, match=rf"classes\.yaml: line {line}: nested too deeply .expected a list of"):
        load_class_table(path)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ClassTableError, match=r"none\.yaml: there is no such file"):
        load_class_table(tmp_path / "none.yaml")
    path = tmp_path / "bytes.yaml"
    path.write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(ClassTableError, match=r"bytes\.yaml: not a YAML file"):
        load_class_table(path)
