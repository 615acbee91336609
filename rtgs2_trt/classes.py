"""Class tables: what each output channel of a fusion network means.

A class has an *index* (its output channel, 0 to C - 1), an *id* (what label images and PLY files store), a name and a
colour. The tables of the data sets that RT-GS2 is trained on are built in.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtgs2_trt.errors import ClassTableError, shown
from rtgs2_trt.file_access import reading

BUILTIN_CLASS_TABLES = ("replica", "scannet", "scannetpp", "scannetpp-merged", "synthrooms", "nyu40")
"""Names of the built-in tables. ``scannetpp-merged`` counts office chairs as chairs, as the research training does;
``synthrooms`` is ScanNet's 20 classes with ceiling and other object, all with their NYU40 ids; ``nyu40`` all 40 of
these."""

MAX_ID = 65534  # 65535 is the unknown id of 16-bit label images
_YAML_LIMIT = 1 << 20
_YAML_DEPTH = 8  # a class table has 3 levels

_KEYS = ("index", "id", "name", "color")


@dataclass(frozen=True)
class SemanticClass:
    """One class: output channel, id in label files, name and display colour (red, green, blue in 0..255).

    Raises:
        ClassTableError: a value of another type or out of range.
    """

    index: int
    id: int
    name: str
    color: tuple[int, int, int]

    def __post_init__(self) -> None:
        where = f"classes[{self.index}]"
        _require(_is_int(self.index) and self.index >= 0, "index", self.index, "a whole number from 0 on")
        _require(_is_int(self.id) and 0 <= self.id <= MAX_ID, f"{where}.id", self.id, f"a whole number, 0 to {MAX_ID}")
        _require(
            isinstance(self.name, str) and bool(self.name.strip()),
            f"{where}.name",
            self.name,
            "a text",
            "In YAML, put names such as no, on or 1 in quotes.",
        )
        channels = isinstance(self.color, tuple) and len(self.color) == 3 and all(map(_is_int, self.color))
        in_range = channels and all(0 <= value <= 255 for value in self.color)
        _require(in_range, f"{where}.color", self.color, "three whole numbers, 0 to 255: red, green, blue")


@dataclass(frozen=True)
class ClassTable:
    """The classes of a network in the order of its output channels.

    Raises:
        ClassTableError: no class, indices other than 0 to C - 1 in order, or an id or a name that occurs twice.
    """

    classes: tuple[SemanticClass, ...]
    name: str

    def __post_init__(self) -> None:
        _require(len(self.classes) > 0, "classes", self.classes, "at least one class")
        seen: dict[int, int] = {}
        names: dict[str, int] = {}
        for position, entry in enumerate(self.classes):
            _require(entry.index == position, f"classes[{position}].index", entry.index, f"{position}, its position")
            _require(
                entry.id not in seen,
                f"classes[{position}].id",
                entry.id,
                f"another id than classes[{seen.get(entry.id)}] has",
            )
            _require(
                entry.name not in names,
                f"classes[{position}].name",
                entry.name,
                f"another name than classes[{names.get(entry.name)}] has",
                "Networks have one output a class: give each a name of its own.",
            )
            seen[entry.id] = names[entry.name] = position

    def __len__(self) -> int:
        return len(self.classes)

    def __iter__(self) -> Iterator[SemanticClass]:
        return iter(self.classes)

    @property
    def ids(self) -> NDArray[np.int32]:
        """(C,) int32: the id of every index."""
        return np.array([entry.id for entry in self.classes], np.int32)

    @property
    def names(self) -> list[str]:
        """The name of every index."""
        return [entry.name for entry in self.classes]

    @property
    def colors(self) -> NDArray[np.uint8]:
        """(C, 3) uint8: the colour of every index."""
        return np.array([entry.color for entry in self.classes], np.uint8)

    def to_list(self) -> list[dict[str, Any]]:
        """Return plain dictionaries with the keys index, id, name and color ([r, g, b])."""
        return [{"index": c.index, "id": c.id, "name": c.name, "color": list(c.color)} for c in self.classes]

    @classmethod
    def from_list(cls, values: object, name: str) -> ClassTable:
        """Return the table that :meth:`to_list` wrote.

        Raises:
            ClassTableError: not such a list; names the entry and the key.
        """
        if not isinstance(values, (list, tuple)):
            raise ClassTableError(
                "not a list", field="classes", found=type(values).__name__, expected="a list of classes"
            )
        classes = []
        for position, value in enumerate(values):
            _check_keys(f"classes[{position}]", value, required=_KEYS)
            classes.append(SemanticClass(value["index"], value["id"], value["name"], _as_color(value["color"])))
        return cls(tuple(classes), name)


def builtin_class_table(name: str) -> ClassTable:
    """Return one of :data:`BUILTIN_CLASS_TABLES`.

    Raises:
        ClassTableError: no such table.
    """
    if name not in BUILTIN_CLASS_TABLES:
        raise ClassTableError(
            "no such class table",
            field="classes",
            found=repr(name),
            expected=" or ".join(BUILTIN_CLASS_TABLES),
            fix="Or give the path of a YAML file with the classes.",
        )
    text = resources.files("rtgs2_trt").joinpath(f"class_tables/{name}.json").read_text(encoding="utf-8")
    return ClassTable.from_list(json.loads(text), name)


def resolve_class_table(name_or_file: str) -> ClassTable:
    """Return the built-in table of that name, or else read the YAML file of that name.

    Raises:
        ClassTableError: neither.
    """
    is_file = name_or_file.endswith((".yaml", ".yml"))
    return load_class_table(name_or_file) if is_file else builtin_class_table(name_or_file)


def load_class_table(path: str | Path) -> ClassTable:
    """Read a class table from a YAML file.

    Two forms are read: a list of ``{id: .., name: .., color: [r, g, b]}`` in the order of the network's outputs, or a
    mapping of id to name whose order of keys is that order. Classes without a colour get one that no other class has.
    The table is named after the file.

    Raises:
        ClassTableError: no such file, no YAML, or no class table; names the file, the entry and the key.
    """
    path = Path(path)
    try:
        import yaml
    except ImportError as error:
        fix = "Install PyYAML: pip install pyyaml."
        raise ClassTableError("reading YAML needs PyYAML", file=path, fix=fix) from error
    try:
        with reading(path, ClassTableError) as (file, size):
            if size > _YAML_LIMIT:
                raise ClassTableError("too large", file=path, found=size, expected=f"at most {_YAML_LIMIT} bytes")
            text = file.read(_YAML_LIMIT).decode("utf-8")
        _check_depth(text, path)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text)
    except ClassTableError:
        raise
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: no UTF-8, an impossible date or number
        fix = "Write a list of {id, name, color} or a mapping of id to name."
        raise ClassTableError(f"not a YAML file: {error}", file=path, fix=fix) from error
    try:
        if isinstance(root, yaml.MappingNode):
            _check_unique([str(key.value) for key, _ in root.value])  # a second one would silently replace the first
        return _table_of_yaml(values, path.stem)
    except ClassTableError as error:
        raise ClassTableError(
            error.problem, file=path, field=error.field, found=error.found, expected=error.expected, fix=error.fix
        ) from None


def _check_depth(text: str, path: Path) -> None:
    """Refuse deep nesting at its first level too many: what comes after would take PyYAML time by its square."""
    import yaml

    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _YAML_DEPTH:
            mark = event.start_mark
            raise ClassTableError(
                "nested too deeply",
                file=path,
                field=f"line {mark.line + 1}" if mark else None,
                expected="a list of {id, name, color} or a mapping of id to name",
            )


def _table_of_yaml(values: object, name: str) -> ClassTable:
    if isinstance(values, Mapping):
        values = [{"id": key, "name": value} for key, value in values.items()]
    if not isinstance(values, list):
        expected = "a list of {id, name, color} or a mapping of id to name"
        raise ClassTableError("not a class table", found=type(values).__name__, expected=expected)
    for index, value in enumerate(values):
        _check_keys(f"classes[{index}]", value, required=("id", "name"), optional=("color",))
    colors = [_as_color(value["color"]) if "color" in value else None for value in values]
    taken = {color for color in colors if isinstance(color, tuple) and all(map(_is_int, color))}
    unused = (color for color in distinct_colors() if color not in taken)
    return ClassTable(
        tuple(
            SemanticClass(index, value["id"], value["name"], color if color is not None else next(unused))
            for index, (value, color) in enumerate(zip(values, colors, strict=True))
        ),
        name,
    )


def distinct_colors() -> Iterator[tuple[int, int, int]]:
    """Yield colours that never repeat: the PASCAL VOC colour map without its black.

    The bits of the number are dealt to red, green and blue in turn, each channel filled from its highest bit.
    """
    for number in range(1, 2**24):
        channels = [0, 0, 0]
        for bit in range(24):
            channels[bit % 3] |= (number >> bit & 1) << (7 - bit // 3)
        yield channels[0], channels[1], channels[2]


def _check_keys(where: str, value: object, *, required: Sequence[str], optional: Sequence[str] = ()) -> None:
    if not isinstance(value, Mapping):
        expected = "a mapping with " + ", ".join((*required, *optional))
        raise ClassTableError("not a class", field=where, found=shown(value), expected=expected)
    missing = [key for key in required if key not in value]
    unknown = [str(key) for key in value if key not in (*required, *optional)]
    if missing or unknown:
        raise ClassTableError(
            "wrong keys",
            field=where,
            found=shown(list(value)),
            expected=", ".join(required) + (f" and perhaps {', '.join(optional)}" if optional else ""),
        )


def _check_unique(keys: Sequence[str]) -> None:
    repeated = [key for key, count in Counter(keys).items() if count > 1]
    _require(not repeated, "classes", repeated, "every id once")


def _as_color(value: Any) -> Any:
    """Return a list as a tuple; SemanticClass judges what is in it."""
    return tuple(value) if isinstance(value, list) else value


def _is_int(value: object) -> bool:
    return type(value) is int  # bool is an int too


def _require(condition: bool, field: str, found: object, expected: str, fix: str | None = None) -> None:
    if not condition:
        raise ClassTableError("impossible class table", field=field, found=shown(found), expected=expected, fix=fix)
