"""Labelled scenes as files: a PLY with ``class_id`` and ``confidence``, and what the ids mean beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from rtgs2_trt import ply
from rtgs2_trt.atomic import atomic_file
from rtgs2_trt.classes import ClassTable
from rtgs2_trt.errors import ClassTableError, InputError, SceneError, shown
from rtgs2_trt.file_access import reading
from rtgs2_trt.labels_in_3d.gaussian_labels import GaussianLabels, label_type
from rtgs2_trt.scene import Scene
from rtgs2_trt.scene_files import compressed_ply, standard_ply
from rtgs2_trt.scene_files.read_progress import ReadProgress

CLASS_ID, CONFIDENCE = "class_id", "confidence"
FORMAT = "rtgs2-gaussian-labels/1"
_MOST_BYTES = 16 << 20


def class_table_file(path: str | Path) -> Path:
    """Return the file beside a labelled PLY that says what its ids mean: ``room.ply`` has ``room.classes.json``."""
    return Path(path).with_suffix(".classes.json")


def unknown_id(classes: ClassTable) -> int:
    """Return the id of unknown Gaussians: 255, or 65535 if the table has an id over 254, as in label images."""
    return 255 if int(classes.ids.max()) < 255 else 65535


def save_labelled(
    path: str | Path,
    source: str | Path,
    labels: GaussianLabels,
    *,
    keep: NDArray[np.bool_] | None = None,
    about: Mapping[str, Any] | None = None,
) -> int:
    """Write a scene file's Gaussians with their labels as PLY, and the class table beside it, whole or not at all.

    Of a binary standard PLY the rows are copied byte for byte, properties that are not known here too, in the file's
    own units and axes; ``class_id`` (int) and ``confidence`` (float) come behind them. A scene of another format is
    written as standard PLY, likewise in its own units and axes.

    Args:
        path: the PLY to write; may be `source`.
        source: the scene that was labelled.
        labels: of its Gaussians; of those that can be used if some hold NaN (``invalid="drop"``), in which case those
            are unknown in the copy of a standard PLY and missing from others.
        keep: (N,) which of these Gaussians to write, None for all.
        about: plain values to write into the class table's file besides, such as which bundle it was.

    Returns:
        how many Gaussians were written.

    Raises:
        SceneError: the source cannot be read, has another number of Gaussians, none is left, or a file cannot be
            written.
    """
    path = Path(path)
    if path == class_table_file(path):
        raise SceneError("the name of its class table", file=path, fix="Let the scene's name end with .ply")
    if keep is not None and not keep.any():
        raise SceneError("no Gaussians are left", field="keep", found=f"0 of {len(keep)}")
    table = labels.classes
    ids = np.append(table.ids, unknown_id(table)).astype(np.int32)
    columns: dict[str, NDArray[Any]] = {
        CLASS_ID: ids[np.minimum(labels.labels, len(table))],
        CONFIDENCE: labels.confidence,
    }
    description = {
        "format": FORMAT,
        "gaussians": len(labels) if keep is None else int(np.count_nonzero(keep)),
        "unknown_id": unknown_id(table),
        "classes": {"name": table.name, "table": table.to_list()},
        **(about or {}),
    }
    text = json.dumps(description, indent=1).encode() + b"\n"
    # Both are complete before either gets its name.
    with atomic_file(class_table_file(path), SceneError) as beside, atomic_file(path, SceneError) as target:
        beside.write(text)
        rows = _rows_to_copy(source, len(labels))
        if rows is None:
            _write_scene(source, target, columns, keep, path)
        else:
            with ply.open_ply(source) as opened:
                if not rows.all():
                    columns = {
                        CLASS_ID: _scattered(columns[CLASS_ID], rows, unknown_id(table)),
                        CONFIDENCE: _scattered(columns[CONFIDENCE], rows, 0),
                    }
                    keep = None if keep is None else _scattered(keep, rows, False)
                ply.write_more_columns(opened, _Target(target, path), "vertex", columns, keep)
    return int(description["gaussians"])


def load_labelled(
    path: str | Path,
    classes: ClassTable | None = None,
    *,
    invalid: Literal["error", "drop"] = "error",
    threads: int = 0,
) -> GaussianLabels:
    """Read the labels of a PLY that :func:`save_labelled` wrote; :meth:`rtgs2_trt.Scene.load` reads its Gaussians.

    Args:
        path: the PLY.
        classes: what ids mean, instead of the class table beside it.
        invalid: ``"drop"`` leaves out Gaussians that hold NaN, as :meth:`rtgs2_trt.Scene.load` does; by default all
            labels are returned.
        threads: threads that read, 0 for all.

    Raises:
        SceneError: not such a PLY, or an id or a confidence that cannot be.
        ClassTableError: the class table beside it is missing or cannot be used.
    """
    table, unknown = (classes, unknown_id(classes)) if classes is not None else _read_table(class_table_file(path))
    with ply.open_ply(path) as source:
        vertex = source.header.element("vertex")
        missing = [n for n in (CLASS_ID, CONFIDENCE) if vertex is None or n not in vertex.names]
        if missing:
            raise SceneError(
                "its Gaussians have no labels", file=path, field=missing[0], fix="Label it: rtgs2 label BUNDLE SCENE"
            )
        columns = {name: ply.Columns((name,)) for name in (CLASS_ID, CONFIDENCE)}
        rows = ply.read_rows(source, "vertex", columns, threads=threads)
    ids, confidence = rows.arrays[CLASS_ID][:, 0], rows.arrays[CONFIDENCE][:, 0]
    if rows.faults:
        fault = rows.faults[0]
        raise SceneError(fault.problem, file=path, field=fault.field, found=f"Gaussian {fault.first}")
    dtype = label_type(table)
    index_of_id = np.full(65536, -1, np.int64)
    index_of_id[unknown] = np.iinfo(dtype).max
    index_of_id[table.ids] = np.arange(len(table))
    known = (ids >= 0) & (ids <= 65535) & (ids == np.floor(ids))
    indices = index_of_id[np.where(known, ids, 0).astype(np.int64)]
    strange = ~known | (indices < 0)
    if strange.any():
        raise SceneError(
            "an id that the class table does not have",
            file=path,
            field=CLASS_ID,
            found=f"{ids[strange][0]:g} of Gaussian {int(np.argmax(strange))}",
            expected=", ".join(map(str, table.ids.tolist()[:60])),
            fix=f"Keep it together with its {class_table_file(path).name}",
        )
    if not ((confidence >= 0) & (confidence <= 1)).all():
        raise SceneError("a confidence that is no probability", file=path, field=CONFIDENCE, expected="0 to 1")
    labels = GaussianLabels(indices.astype(dtype), np.ascontiguousarray(confidence), table)
    return _of_usable(labels, path) if invalid == "drop" else labels


def _of_usable(labels: GaussianLabels, path: str | Path) -> GaussianLabels:
    """Return the labels of the Gaussians that can be used."""
    with ply.open_ply(path) as source:
        arrays = standard_ply.read(source, 0, ReadProgress())
    if arrays.unusable is None:
        return labels
    return GaussianLabels(labels.labels[~arrays.unusable], labels.confidence[~arrays.unusable], labels.classes)


class _Target:
    """The file that is written, whose faults are its own: reading the source goes on around it."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file, self._path = file, path

    def write(self, data: bytes, /) -> int:
        try:
            return self._file.write(data)
        except OSError as problem:
            fix = "Check permissions and free space."
            raise SceneError(f"cannot be written: {problem.strerror}", file=self._path, fix=fix) from problem


def _rows_to_copy(source: str | Path, count: int) -> NDArray[np.bool_] | None:
    """Return which rows of a binary standard PLY the labels are of; None for other files."""
    path = Path(source)
    try:
        with ply.open_ply(path) as opened:
            header = opened.header
            vertex = header.element("vertex")
            if header.format == "ascii" or compressed_ply.is_compressed(header):
                return None
            if vertex is not None and vertex.count == count:  # none was dropped: no need to look for them
                return np.ones(count, bool)
            arrays = standard_ply.read(opened, 0, ReadProgress())
            usable = np.ones(len(arrays), bool) if arrays.unusable is None else ~arrays.unusable
    except SceneError:
        if _begins_like_ply(path):
            raise
        return None
    _check_count(source, int(np.count_nonzero(usable)), count)
    return usable


def _begins_like_ply(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(3) == b"ply"
    except OSError:  # a SOG folder
        return False


def _check_count(source: str | Path, found: int, count: int) -> None:
    if found != count:
        raise SceneError(
            "another number of Gaussians than labels", file=source, found=found, expected=count, fix="Label it again"
        )


def _write_scene(
    source: str | Path, target: Any, columns: dict[str, NDArray[Any]], keep: NDArray[np.bool_] | None, path: Path
) -> None:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the same as when it was loaded to be labelled
        scene = Scene.load(source, invalid="drop")
    _check_count(source, len(scene), len(columns[CLASS_ID]))
    every = {**scene.ply_columns(), **columns}
    comments = [f"{standard_ply.ENCODER_COMMENT} {scene.features_encoder}"] if scene.features_encoder else []
    kept = every if keep is None else {name: column[keep] for name, column in every.items()}
    ply.write_columns(target, kept, comments)


def _scattered(values: NDArray[Any], rows: NDArray[np.bool_], fill: float) -> NDArray[Any]:
    result = np.full(len(rows), fill, values.dtype)
    result[rows] = values
    return result


def _read_table(file: Path) -> tuple[ClassTable, int]:
    with reading(file, ClassTableError) as (stream, size):
        if size > _MOST_BYTES:
            raise ClassTableError("too large", file=file, found=size, expected=f"at most {_MOST_BYTES} bytes")
        data = stream.read(_MOST_BYTES)
    try:
        values = json.loads(data.decode())
    except (ValueError, RecursionError) as problem:
        fix = "Label the scene again: rtgs2 label BUNDLE SCENE"
        raise ClassTableError("not a readable JSON file", file=file, fix=fix) from problem
    try:
        if not isinstance(values, dict) or values.get("format") != FORMAT:
            found = values.get("format") if isinstance(values, dict) else type(values).__name__
            raise ClassTableError("not the classes of Gaussians", field="format", found=shown(found), expected=FORMAT)
        classes, unknown = values.get("classes"), values.get("unknown_id")
        if not isinstance(classes, dict) or not isinstance(classes.get("name"), str):
            raise ClassTableError("not a class table", field="classes", found=shown(classes), expected="name and table")
        table = ClassTable.from_list(classes.get("table"), classes["name"])
        if type(unknown) is not int or not 0 <= unknown <= 65535 or unknown in table.ids:
            expected = "a whole number, 0 to 65535, that is no class's id"
            raise ClassTableError("impossible id", field="unknown_id", found=shown(unknown), expected=expected)
    except InputError as error:
        raise ClassTableError(
            error.problem, file=file, field=error.field, found=error.found, expected=error.expected, fix=error.fix
        ) from error
    return table, unknown
