"""Data sets of Gaussian scenes with labelled views, as RT-GS2's research code lays them out.

::

    DATASET/
      dataset.json                                    optional: name, class table, splits
      SCENE/point_cloud/iteration_N/point_cloud.ply   standard 3DGS PLY, the highest N counts
      SCENE/cameras.json                              3DGS cameras; img_name names the view
      SCENE/semantic_remap/VIEW.png or semantic/VIEW.png      class ids, 8 or 16 bits
      SCENE/depth/VIEW.png                            optional: z in millimetres, 16 bits, 0 = unknown
      SCENE/instance/VIEW.png                         optional: instance ids, 0 = none

Generated rooms have a ``dataset.json`` with splits and class table. Replica, ScanNet and ScanNet++ prepared for the
research code have none: the caller gives the class table, and scenes are the subfolders with a ``point_cloud``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rtgs2_trt.camera import Camera
from rtgs2_trt.camera_files import load_cameras
from rtgs2_trt.classes import ClassTable
from rtgs2_trt.console import Console
from rtgs2_trt.errors import ClassTableError, DatasetError, shown
from rtgs2_trt.file_access import reading
from rtgs2_trt.scene import Scene

from .label_images import read_number_image

FORMAT = "rtgs2-dataset/1"
DESCRIPTION = "dataset.json"
IGNORED = -1
"""Label of pixels that count neither in training nor in evaluation."""
LABEL_FOLDERS = ("semantic_remap", "semantic")
"""Where label images are; the first is made from the second where a scene has both."""

ForeignIds = Literal["error", "ignore"]

_DESCRIPTION_LIMIT = 16 << 20
_PLAIN_NAME = re.compile(r"[^/\\:\x00-\x1f\ud800-\udfff]{1,60}")  # at most 240 bytes: file systems take 255
_UNLABELLED_IDS = (0, 255, 65535)
_FOREIGN = -2
_ALL = "all"


@dataclass(frozen=True, eq=False)
class SceneFolder:
    """One scene of a data set: Gaussians, cameras, and the images that say what their pixels show.

    Attributes:
        name: the folder's name.
        path: the folder.
        ply: the Gaussians.
        classes: what label ids mean.
        foreign_ids: what to do with ids outside `classes`.
        complete: every camera must have labels; else cameras without are left out.
    """

    name: str
    path: Path
    ply: Path
    classes: ClassTable = field(repr=False)
    foreign_ids: ForeignIds = "error"
    complete: bool = False

    def load_scene(self) -> Scene:
        """Read the Gaussians.

        Raises:
            SceneError: the PLY file cannot be used, or is empty.
        """
        return Scene.load(self.ply)

    @cached_property
    def all_cameras(self) -> Mapping[str, Camera]:
        """The views of ``cameras.json``, with labels or without.

        Raises:
            CameraError: ``cameras.json`` cannot be used.
            DatasetError: a view's name is no file name.
        """
        file = self.path / "cameras.json"
        cameras = load_cameras(file)
        for view in cameras:
            _check_plain_name(view, file, "img_name")
        return MappingProxyType(dict(cameras))

    @cached_property
    def cameras(self) -> Mapping[str, Camera]:
        """The views that have labels, in the order of ``cameras.json``.

        Raises:
            CameraError: ``cameras.json`` cannot be used.
            DatasetError: no view has labels, labels are missing that the data set promises, or a view's name is no
                file name.
        """
        cameras = self.all_cameras
        if self.complete:
            self._refuse_labels_without_camera(cameras)
        labelled = {}
        for view, camera in cameras.items():
            if self._image_file(self._label_folder, view).is_file():
                labelled[view] = camera
            elif self.complete:
                raise DatasetError(
                    "the labels of a view are missing",
                    file=self._image_file(self._label_folder, view),
                    field=f"view {shown(view)}",
                    expected=f"a label image for each of the {len(cameras)} cameras of cameras.json",
                    fix="Generate or copy the data set again",
                )
        if not labelled:
            raise DatasetError(
                "no camera of the scene has a label image",
                file=self.path,
                field=self._label_folder,
                expected=f"files such as {self._image_file(self._label_folder, next(iter(cameras))).name}",
                fix="Name label images after img_name in cameras.json",
            )
        return MappingProxyType(labelled)

    def labels(self, view: str) -> NDArray[np.int16]:
        """Return the class of every pixel.

        Returns:
            (H, W) int16, indices of :attr:`classes`; -1 for ids 0, 255 and 65535 where these are no class of the
            table, and for other foreign ids where these are to be ignored.

        Raises:
            DatasetError: no such view, an unreadable image, one of another size than the camera, or an id outside
                the class table.
        """
        file = self._image_file(self._label_folder, view)
        ids = self._numbers(self._label_folder, view)
        labels = self.index_of_ids(ids)
        foreign = labels == _FOREIGN
        if foreign.any():
            y, x = np.unravel_index(int(np.argmax(foreign)), foreign.shape)
            raise DatasetError(
                f"a label id that the class table {self.classes.name!r} does not have",
                file=file,
                field=f"pixel ({x}, {y})",
                found=f"id {ids[y, x]}, as {np.count_nonzero(foreign)} pixels with foreign ids",
                expected=f"one of {', '.join(map(str, sorted(self.classes.ids.tolist())[:60]))}",
                fix="Give the class table that the labels were made with, or ignore such pixels with --ignore-foreign",
            )
        return labels

    def depth(self, view: str) -> NDArray[np.float32]:
        """Return the distance along the camera's axis of every pixel.

        Returns:
            (H, W) float32 metres, NaN where unknown.

        Raises:
            DatasetError: no such view, or its depth image is missing or cannot be used.
        """
        millimetres = self._numbers("depth", view, sixteen_bits=True)
        metres: NDArray[np.float32] = millimetres.astype(np.float32) / np.float32(1000)
        metres[millimetres == 0] = np.nan
        return metres

    def instances(self, view: str) -> NDArray[np.int32]:
        """Return the instance of every pixel, 0 for none: (H, W) int32.

        Raises:
            DatasetError: no such view, or its instance image is missing or cannot be used.
        """
        return self._numbers("instance", view).astype(np.int32)

    def index_of_ids(self, ids: NDArray[Any]) -> NDArray[np.int16]:
        """Return the indices in :attr:`classes` of class ids 0 to 65535, of any shape.

        -1 where an id stands for no class or foreign ids are to be ignored, -2 for other foreign ids.
        """
        indices: NDArray[np.int16] = self._index_of_id[ids]
        return indices

    @property
    def left_out(self) -> int:
        """How many cameras have no labels, plus how many label images no camera."""
        return len(self.all_cameras) - len(self.cameras) + len(self._labels_without_camera(self.all_cameras))

    def has_depth(self, view: str) -> bool:
        """Whether a view comes with a depth image."""
        return self._image_file("depth", view).is_file()

    def _labels_without_camera(self, cameras: Mapping[str, Camera]) -> list[Path]:
        used = {self._image_file(self._label_folder, view) for view in cameras}
        return sorted(file for file in (self.path / self._label_folder).glob("*.png") if file not in used)

    def _refuse_labels_without_camera(self, cameras: Mapping[str, Camera]) -> None:
        unused = self._labels_without_camera(cameras)
        if unused:
            raise DatasetError(
                "label images without a camera",
                file=self.path / "cameras.json",
                found=f"{len(cameras)} cameras, none for {unused[0].name} and {len(unused) - 1} others",
                expected=f"a camera for each image of {self._label_folder}",
                fix="Generate or copy the data set again",
            )

    @cached_property
    def _label_folder(self) -> str:
        for folder in LABEL_FOLDERS:
            if (self.path / folder).is_dir():
                return folder
        raise DatasetError(
            "the scene has no label images",
            file=self.path,
            expected=f"a folder {' or '.join(LABEL_FOLDERS[::-1])}",
            fix="Label its views; only rtgs2-train encoder needs no labels",
        )

    @cached_property
    def _index_of_id(self) -> NDArray[np.int16]:
        """(65536,) int16: class index, ignored or foreign."""
        table = np.full(65536, IGNORED if self.foreign_ids == "ignore" else _FOREIGN, np.int16)
        table[list(_UNLABELLED_IDS)] = IGNORED
        table[self.classes.ids] = np.arange(len(self.classes), dtype=np.int16)
        return table

    def _numbers(self, folder: str, view: str, *, sixteen_bits: bool = False) -> NDArray[np.uint16]:
        camera = self.cameras.get(view)
        if camera is None:
            raise DatasetError(
                "no such labelled view",
                file=self.path,
                field="view",
                found=shown(view),
                expected=f"one of {', '.join(list(self.cameras)[:10])}",
            )
        file = self._image_file(folder, view)
        return read_number_image(file, (camera.width, camera.height), sixteen_bits=sixteen_bits)

    def _image_file(self, folder: str, view: str) -> Path:
        """The PNG of a view; 3DGS forks differ in whether img_name keeps the photograph's ending."""
        exact = self.path / folder / f"{view}.png"
        stem = self.path / folder / f"{Path(view).stem}.png"
        return stem if not exact.is_file() and stem.is_file() else exact


@dataclass(frozen=True, eq=False)
class Dataset:
    """Scenes with labelled views.

    Attributes:
        name: of the data set.
        path: its folder.
        classes: what label ids mean.
        splits: scenes by split; empty without ``dataset.json``.
        origin: what it was made by, for people; empty where ``dataset.json`` does not say.
    """

    name: str
    path: Path
    classes: ClassTable
    splits: Mapping[str, tuple[SceneFolder, ...]]
    _every: tuple[SceneFolder, ...]
    origin: str = ""

    @property
    def title(self) -> str:
        """Name and origin."""
        return f"{self.name} ({self.origin})" if self.origin else self.name

    def scenes(self, split: str) -> tuple[SceneFolder, ...]:
        """Return the scenes of a split; ``"all"`` is every scene.

        Raises:
            DatasetError: no such split, or nothing in it.
        """
        found = self._every if split == _ALL else self.splits.get(split)
        if not found:
            raise DatasetError(
                "no scenes in this split" if found is not None else "no such split",
                file=self.path,
                field="split",
                found=shown(split),
                expected=", ".join([_ALL, *(name for name, scenes in self.splits.items() if scenes)]),
                fix=f"Take one of these, or name scenes for it in {DESCRIPTION} (generate: --validation, --test)",
            )
        return found


def open_dataset(path: str | Path, classes: ClassTable | None = None, *, foreign_ids: ForeignIds = "error") -> Dataset:
    """Open a data set, or a single scene's folder; images and Gaussians are read when they are asked for.

    Args:
        path: the folder.
        classes: what label ids mean; needed without ``dataset.json``, takes the place of its table with one.
        foreign_ids: what to do with label ids that the table does not have: refuse or ignore them.

    Raises:
        DatasetError: no data set, or a damaged ``dataset.json``; names file and field.
        ClassTableError: the class table of ``dataset.json`` cannot be used.
    """
    folder = Path(path)
    if foreign_ids not in ("error", "ignore"):
        raise DatasetError(
            "not a way to treat foreign ids", field="foreign_ids", found=shown(foreign_ids), expected="error, ignore"
        )
    if not folder.is_dir():
        raise DatasetError("there is no such folder", file=folder, fix="Check the path")
    description = folder / DESCRIPTION
    if description.exists():
        return _described(folder, description, classes, foreign_ids)
    if classes is None:
        raise DatasetError(
            f"a data set without {DESCRIPTION} does not say what its label ids mean",
            file=folder,
            field="classes",
            fix="Give its class table: replica, scannet, scannetpp, scannetpp-merged or FILE.yaml",
        )
    single = (folder / "point_cloud").is_dir()
    hidden = "."  # a room that generate is writing begins so
    inside = (p for p in folder.iterdir() if not p.name.startswith(hidden) and (p / "point_cloud").is_dir())
    paths = [folder] if single else sorted(inside)
    if not paths:
        raise DatasetError(
            "there are no scenes in it",
            file=folder,
            expected="subfolders with point_cloud/iteration_30000/point_cloud.ply and cameras.json",
        )
    scenes = tuple(_scene_folder(p, classes, foreign_ids, complete=False) for p in paths)
    return Dataset(folder.absolute().name, folder, classes, MappingProxyType({}), scenes)


def _described(folder: Path, file: Path, classes: ClassTable | None, foreign_ids: ForeignIds) -> Dataset:
    values = _read_json(file)
    if not isinstance(values, dict):
        raise _broken(file, None, values, "a JSON object")
    if values.get("format") != FORMAT:
        raise _broken(file, "format", values.get("format"), FORMAT)
    name = values.get("name")
    if not isinstance(name, str) or not name.strip():
        raise _broken(file, "name", name, "a text")
    if classes is None:
        classes = _class_table(values.get("classes"), file)
    splits = values.get("splits")
    if not isinstance(splits, dict) or not splits:
        raise _broken(file, "splits", splits, "an object with a list of scene names for each split")
    split_of: dict[str, str] = {}
    scenes: dict[str, tuple[SceneFolder, ...]] = {}
    for split, names in splits.items():
        field = f"splits.{split}"
        if split == _ALL or not isinstance(names, list):
            raise _broken(file, field, names, f"a list of scene names, under another name than {_ALL!r}")
        for scene in names:
            _check_plain_name(scene, file, field)
            if scene in split_of:
                raise _broken(file, field, scene, f"a scene that is not in {split_of[scene]!r} already")
            split_of[scene] = split
        scenes[split] = tuple(_scene_folder(folder / n, classes, foreign_ids, complete=True) for n in names)
    every = tuple(scene for group in scenes.values() for scene in group)
    return Dataset(name, folder, classes, MappingProxyType(scenes), every, _origin(values.get("generator")))


def _origin(generator: object) -> str:
    """What ``dataset.json`` says of a generator; anything unexpected is passed over: nothing depends on it."""
    known = generator if isinstance(generator, dict) else {}
    parts = [f"{name} {known[name]}" for name in ("version", "seed") if isinstance(known.get(name), int)]
    return ", ".join(parts)


def place_of(scenes: Sequence[SceneFolder]) -> Path:
    """Return the folder that an error about all of `scenes` names: the scene's if it is one, else the data set's."""
    paths = {scene.path for scene in scenes}
    return paths.pop() if len(paths) == 1 else scenes[0].path.parent


def tell_left_out(scenes: Sequence[SceneFolder], console: Console) -> int:
    """Say, and return, how many views of `scenes` have a camera but no labels, or labels but no camera."""
    left_out = sum(scene.left_out for scene in scenes)
    if left_out:
        console.note(f"  views without a label image or without a camera, left out: {left_out}")
    return left_out


def _scene_folder(path: Path, classes: ClassTable, foreign_ids: ForeignIds, *, complete: bool) -> SceneFolder:
    if not path.is_dir():
        raise DatasetError("the folder of a scene is missing", file=path, fix="Generate or copy the data set again")
    clouds = {
        int(ply.parent.name.removeprefix("iteration_")): ply
        for ply in path.glob("point_cloud/iteration_*/point_cloud.ply")
        if ply.parent.name.removeprefix("iteration_").isdecimal()
    }
    if not clouds:
        raise DatasetError(
            "the scene has no Gaussians", file=path, expected="point_cloud/iteration_30000/point_cloud.ply"
        )
    return SceneFolder(path.absolute().name, path, clouds[max(clouds)], classes, foreign_ids, complete)


def _class_table(values: object, file: Path) -> ClassTable:
    if not isinstance(values, dict) or not isinstance(values.get("name"), str):
        raise _broken(file, "classes", values, "an object with name and table")
    try:
        return ClassTable.from_list(values.get("table"), values["name"])
    except ClassTableError as error:
        raise ClassTableError(
            error.problem, file=file, field=error.field, found=error.found, expected=error.expected, fix=error.fix
        ) from error


def _read_json(file: Path) -> Any:
    with reading(file, DatasetError) as (stream, size):
        if size > _DESCRIPTION_LIMIT:
            raise DatasetError("too large", file=file, found=size, expected=f"at most {_DESCRIPTION_LIMIT} bytes")
        data = stream.read(_DESCRIPTION_LIMIT)
    try:
        return json.loads(data.decode("utf-8-sig"))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        problem: object = error
    except ValueError:  # Python's own words advise to lift its limit
        problem = "a whole number of thousands of digits"
    raise DatasetError(f"not a readable JSON file: {problem}", file=file, fix="Generate the data set again")


def _check_plain_name(name: object, file: Path, field: str) -> None:
    """Refuse what would lead out of the data set's folder: names become parts of paths."""
    if not isinstance(name, str) or not _PLAIN_NAME.fullmatch(name) or name in (".", ".."):
        raise _broken(file, field, name, "a plain file name without slashes, colons or '..'")


def _broken(file: Path, field: str | None, found: object, expected: str) -> DatasetError:
    return DatasetError(
        "the data set's description cannot be used" if file.name == DESCRIPTION else "an unusable name",
        file=file,
        field=field,
        found=shown(found),
        expected=expected,
    )
