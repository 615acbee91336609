"""Classes as a user wants them: merged and renamed, unknown where the network is unsure, in another palette."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtgs2_trt.classes import ClassTable, SemanticClass, distinct_colors
from rtgs2_trt.errors import ClassTableError, InputError, shown
from rtgs2_trt.file_access import reading

UNKNOWN = "unknown"
"""What stands on the right of ``->`` for classes whose pixels become unknown."""
_REST = "*"
_MOST_BYTES = 1 << 20


@dataclass(frozen=True, eq=False)
class ClassMap:
    """Which class of a new table each class of an old one becomes.

    ``table`` is the new table; ``new_index`` (C,) int32 its index for each index of the old one, -1 for unknown.
    """

    table: ClassTable
    new_index: NDArray[np.int32]

    def apply(self, labels: NDArray[Any]) -> NDArray[Any]:
        """Return labels (any shape, indices of the old table) as indices of the new one, of the same type.

        Unknown labels (255 of uint8, 65535 of uint16) stay unknown.
        """
        unknown = np.iinfo(labels.dtype).max
        look_up = np.full(int(unknown) + 1, unknown, labels.dtype)
        look_up[: len(self.new_index)] = np.where(self.new_index < 0, unknown, self.new_index)
        mapped: NDArray[Any] = look_up[labels]
        return mapped


def load_class_map(path: str | Path, table: ClassTable) -> ClassMap:
    """Read how to merge and rename the classes of `table`.

    A line a new class, ``#`` begins a comment::

        chair, sofa -> seat         # two classes become one
        door -> door                # kept
        picture, mirror -> unknown  # their pixels become unknown
        * -> other                  # all that no line names; without this line they stay as they are

    Classes on the left are names or ids of `table`. A new class has the id and colour of the old class of its name,
    or else of the first on its left.

    Raises:
        ClassTableError: no such file, a line that makes no sense, a class that the table lacks or that two lines name,
            or nothing but unknown is left; names the file and the line.
    """
    path = Path(path)
    with reading(path, ClassTableError) as (file, size):
        if size > _MOST_BYTES:
            raise ClassTableError("too large", file=path, found=size, expected=f"at most {_MOST_BYTES} bytes")
        data = file.read(_MOST_BYTES)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise ClassTableError(f"not a text: {problem}", file=path, fix="Save it as UTF-8.") from problem
    new_names: dict[int, str] = {}
    rest: str | None = None
    for number, line in enumerate(text.splitlines(), 1):
        content = line.split("#", 1)[0].strip()
        if not content:
            continue
        where = f"line {number}"
        left, arrow, right = (part.strip() for part in content.partition("->"))
        if not arrow or not left or not right or "->" in right or "," in right:
            raise ClassTableError(
                "not a rule", file=path, field=where, found=shown(content), expected="old, old ... -> new"
            )
        if left == _REST:
            rest = right
            continue
        for old in left.split(","):
            index = _index(old.strip(), table, path, where)
            if index in new_names:
                raise ClassTableError(
                    "a class that an earlier line names", file=path, field=where, found=shown(old.strip())
                )
            new_names[index] = right
    names = [new_names.get(i, rest if rest is not None else entry.name) for i, entry in enumerate(table)]
    order = [*new_names, *(entry.index for entry in table if entry.index not in new_names)]
    return _mapped(table, names, order, path)


def _mapped(table: ClassTable, names: list[str], order: list[int], path: Path) -> ClassMap:
    """Return the map to `names`, one for each class of `table`; a new class is like its first member in `order`."""
    kept = list(dict.fromkeys(name for name in names if name != UNKNOWN))
    if not kept:
        raise ClassTableError("every class becomes unknown", file=path, fix="Keep at least one class.")
    classes = []
    for index, name in enumerate(kept):
        members = [table.classes[old] for old in order if names[old] == name]
        source = next((entry for entry in table if entry.name == name and entry in members), members[0])
        classes.append(SemanticClass(index, source.id, name, source.color))
    new_index = [-1 if name == UNKNOWN else kept.index(name) for name in names]
    return ClassMap(ClassTable(tuple(classes), f"{table.name}, {path.stem}"), np.array(new_index, np.int32))


def least_confidences(text: str, table: ClassTable) -> NDArray[np.float32]:
    """Return the least probability (C,) that each class of `table` needs, 0 for those that are not named.

    Args:
        text: ``0.5`` for all, or ``chair=0.7,table=0.4``, or both: ``0.5,chair=0.7``.
        table: the classes.

    Raises:
        InputError: not such a text, a probability outside 0..1, or a class that the table lacks.
    """
    least = np.zeros(len(table), np.float32)
    for part in sorted(text.split(","), key=lambda part: "=" in part):  # those for all first, wherever they stand
        name, equals, value = part.rpartition("=")
        try:
            probability = float(value)
        except ValueError:
            probability = -1.0
        if not 0 <= probability <= 1:
            raise InputError(
                "not a least confidence",
                field="min_confidence",
                found=shown(part),
                expected="0.5, or chair=0.7,table=0.4, of 0 to 1",
            )
        if equals:
            least[_index(name.strip(), table, None, "min_confidence")] = probability
        else:
            least[:] = probability
    return least


def unsure_as_unknown(
    labels: NDArray[Any], confidence: NDArray[np.float32], least: NDArray[np.float32]
) -> NDArray[Any]:
    """Return labels that are unknown (the greatest value of their type) where their probability is too small or NaN.

    Args:
        labels: class indices, any shape.
        confidence: probability of each label, of the same shape.
        least: (C,) what each class needs, as :func:`least_confidences` returns.
    """
    unknown = np.iinfo(labels.dtype).max
    needed = np.zeros(int(unknown) + 1, np.float32)
    needed[: len(least)] = least
    return np.where(confidence >= needed[labels], labels, labels.dtype.type(unknown))


def recolored(table: ClassTable, palette: ClassTable) -> ClassTable:
    """Return `table` with the colours that `palette` has for classes of these names.

    Names are compared without case, hyphens and spaces. Classes that the palette lacks get colours that no class of
    either has.
    """
    known = {_plain(entry.name): entry.color for entry in palette}
    free = (color for color in distinct_colors() if color not in set(known.values()))
    classes = tuple(
        SemanticClass(entry.index, entry.id, entry.name, known.get(_plain(entry.name)) or next(free)) for entry in table
    )
    return ClassTable(classes, table.name)


@dataclass(frozen=True, eq=False)
class LabelRules:
    """What becomes of a network's labels before anyone sees them: thresholds, then the map, then the palette."""

    table: ClassTable
    least: NDArray[np.float32] | None = None
    class_map: ClassMap | None = None

    @classmethod
    def of(
        cls, table: ClassTable, *, map_file: str | None, min_confidence: str | None, palette: ClassTable | None
    ) -> LabelRules:
        """Return the rules that options of a command line ask for; raises as the functions of this module."""
        least = None if min_confidence is None else least_confidences(min_confidence, table)
        class_map = None if map_file is None else load_class_map(map_file, table)
        shown_table = table if class_map is None else class_map.table
        return cls(shown_table if palette is None else recolored(shown_table, palette), least, class_map)

    def apply(self, labels: NDArray[Any], confidence: NDArray[np.float32] | None) -> NDArray[Any]:
        """Return labels of `table`; `confidence` is needed where there are thresholds."""
        if self.least is not None and confidence is not None:
            labels = unsure_as_unknown(labels, confidence, self.least)
        return labels if self.class_map is None else self.class_map.apply(labels)


def _index(name: str, table: ClassTable, path: Path | None, where: str) -> int:
    """Return the index of the class of this name, or of this id."""
    by_name: Mapping[str, int] = {entry.name: entry.index for entry in table}
    if name in by_name:
        return by_name[name]
    by_id = {str(entry.id): entry.index for entry in table}
    if name in by_id:
        return by_id[name]
    raise ClassTableError(
        "there is no such class in the table",
        file=path,
        field=where,
        found=shown(name),
        expected=", ".join(table.names)[:400],
    )


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", "", name).lower()
