"""COLMAP models: ``cameras`` and ``images`` as text (.txt) or binary (.bin).

Format: https://colmap.github.io/format.html. Poses are world-to-camera with OpenCV axes; the principal point counts
from the image's corner, pixel centres at +0.5, as here.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from rtgs2_trt.camera import Camera
from rtgs2_trt.camera_files.records import located, named_camera, not_empty, undistorted
from rtgs2_trt.errors import CameraError, shown
from rtgs2_trt.file_access import reading
from rtgs2_trt.quaternions import matrix_from_quaternion

_FILES = ("cameras", "images")
_SUFFIXES = (".bin", ".txt")  # the binary one is read where both are there: it is exact
# Parameters of the models that are pinholes once their distortion is zero.
_PARAMETERS = {
    "SIMPLE_PINHOLE": ("f", "cx", "cy"),
    "PINHOLE": ("fx", "fy", "cx", "cy"),
    "SIMPLE_RADIAL": ("f", "cx", "cy", "k"),
    "RADIAL": ("f", "cx", "cy", "k1", "k2"),
    "OPENCV": ("fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2"),
}
# In the order of the numbers that binary files hold.
_MODELS = (
    *_PARAMETERS,
    *("OPENCV_FISHEYE", "FULL_OPENCV", "FOV", "SIMPLE_RADIAL_FISHEYE", "RADIAL_FISHEYE", "THIN_PRISM_FISHEYE"),
    "RAD_TAN_THIN_PRISM_FISHEYE",
)
_MAX_NAME_BYTES = 4096
_MAX_LINE_BYTES = 2 * _MAX_NAME_BYTES  # a name and at most a dozen numbers; the lines of points may have any length
_PIECE_BYTES = 1 << 16  # of a line of points
_POINT_BYTES = 24  # x, y, point id
_QUATERNION_TOLERANCE = 1e-2  # text files are rounded; more is damage
_EXPORT_AGAIN = "Export the model again with COLMAP."


@dataclass(frozen=True)
class _Lens:
    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float


def is_model(path: Path) -> bool:
    """Whether `path` is a folder or a file of a COLMAP model, by name."""
    return path.is_dir() or (path.suffix in _SUFFIXES and path.stem in (*_FILES, "points3D"))


def load(path: Path) -> dict[str, Camera]:
    """Return the cameras of the images of a model, by the images' names.

    Args:
        path: the model's folder, a folder with it in ``sparse/0`` or ``sparse``, or one of the model's files.

    Raises:
        CameraError: no model there, a malformed or truncated file, an unsupported camera model, lens distortion, a
            name that appears twice, or no images.
    """
    cameras_path, images_path = _find(path)
    if cameras_path.suffix == ".bin":
        return _read_binary_images(images_path, _read_binary_cameras(cameras_path))
    return _read_text_images(images_path, _read_text_cameras(cameras_path))


def _find(path: Path) -> tuple[Path, Path]:
    if not path.is_dir():
        cameras, images = (path.with_name(name + path.suffix) for name in _FILES)
        return cameras, images
    for folder in (path, path / "sparse" / "0", path / "sparse"):
        for suffix in _SUFFIXES:
            cameras, images = (folder / (name + suffix) for name in _FILES)
            if cameras.is_file() and images.is_file():
                return cameras, images
    raise CameraError(
        "there is no COLMAP model in this folder",
        file=path,
        expected="cameras.bin and images.bin, or cameras.txt and images.txt, here or in sparse/0 or sparse",
        fix="Give the model's folder or a camera file (cameras.json, transforms.json).",
    )


def _lens(model: str, width: int, height: int, values: Sequence[float], file: Path, label: str) -> _Lens:
    names = _PARAMETERS.get(model)
    if names is None:
        raise CameraError(
            "this camera model is not supported",
            file=file,
            field=label,
            found=shown(model),
            expected="one of " + ", ".join(_PARAMETERS),
            fix="Undistort the model first with colmap image_undistorter.",
        )
    if len(values) != len(names) or not all(map(math.isfinite, values)):
        raise CameraError(
            f"malformed parameters of {model}",
            file=file,
            field=label,
            found=shown(list(values)),
            expected=" ".join(names),
            fix=_EXPORT_AGAIN,
        )
    named = dict(zip(names, values, strict=True))
    undistorted({key: value for key, value in named.items() if key[0] in "kp"}, file, label)
    fx, fy = named.get("fx", named.get("f", 0)), named.get("fy", named.get("f", 0))
    lens = _Lens(width, height, fx, fy, named["cx"], named["cy"])
    try:
        Camera(**vars(lens), world_to_camera=np.eye(4))  # said here, whether or not an image uses it
    except CameraError as error:
        raise located(error, file, label) from error
    return lens


def _add_lens(lenses: dict[int, _Lens], identity: int, lens: _Lens, file: Path) -> None:
    if identity in lenses:
        raise CameraError("the camera appears twice", file=file, field=f"camera {identity}", fix=_EXPORT_AGAIN)
    lenses[identity] = lens


def _add_image(
    cameras: dict[str, Camera],
    lenses: dict[int, _Lens],
    camera_id: int,
    name: str,
    pose: Sequence[float],
    file: Path,
    label: str,
) -> None:
    """Add an image; `pose` is qw qx qy qz tx ty tz."""
    lens = lenses.get(camera_id)
    if lens is None:
        raise CameraError(
            "there is no such camera", file=file, field=label, found=f"camera {camera_id}", fix=_EXPORT_AGAIN
        )
    quaternion = np.array(pose[:4], dtype=np.float64)
    norm = math.hypot(*quaternion)
    if not abs(norm - 1) <= _QUATERNION_TOLERANCE or not all(map(math.isfinite, pose)):
        raise CameraError(
            "not a pose",
            file=file,
            field=label,
            found=shown(list(pose)),
            expected="a unit quaternion",
            fix=_EXPORT_AGAIN,
        )
    world_to_camera = np.eye(4)
    world_to_camera[:3, :3] = matrix_from_quaternion(quaternion / norm)
    world_to_camera[:3, 3] = pose[4:]
    named_camera(cameras, name, file, label, **vars(lens), world_to_camera=world_to_camera)


def _read_text_cameras(path: Path) -> dict[int, _Lens]:
    lenses: dict[int, _Lens] = {}
    with reading(path, CameraError) as (file, _):
        for label, line in _TextReader(file, path).entries():
            words = line.split()
            if len(words) < 4:
                raise _malformed(path, label, line, "CAMERA_ID MODEL WIDTH HEIGHT PARAMETERS")
            identity, width, height = (_whole(words[i], path, label) for i in (0, 2, 3))
            values = [_number(word, path, label) for word in words[4:]]
            lens = _lens(words[1], width, height, values, path, f"{label}: camera {identity}")
            _add_lens(lenses, identity, lens, path)
    return lenses


def _read_text_images(path: Path, lenses: dict[int, _Lens]) -> dict[str, Camera]:
    cameras: dict[str, Camera] = {}
    with reading(path, CameraError) as (file, _):
        reader = _TextReader(file, path)
        for label, line in reader.entries():
            words = line.split(maxsplit=9)  # a name may contain spaces
            if len(words) != 10:
                raise _malformed(path, label, line, "IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME")
            _whole(words[0], path, label)
            pose = [_number(word, path, label) for word in words[1:8]]
            camera_id = _whole(words[8], path, label)
            _add_image(cameras, lenses, camera_id, words[9], pose, path, f"{label}: image {shown(words[9])}")
            # Every image has a second line, its points; it may be empty or, at the end, missing.
            values = reader.skip_line()
            if values % 3:
                raise CameraError(
                    "an image must be followed by the line of its points, X Y POINT3D_ID each, which may be empty",
                    file=path,
                    field=reader.label,
                    found=f"{values} values",
                    expected="a multiple of 3",
                    fix="Put an empty line after each image.",
                )
    return not_empty(cameras, path)


class _TextReader:
    """Lines of an open file, of which never more than a piece is in memory."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file = file
        self._path = path
        self._number = 0

    @property
    def label(self) -> str:
        """The last line, for messages: "line 1" is the first."""
        return f"line {self._number}"

    def entries(self) -> Iterator[tuple[str, str]]:
        """Yield label and text of the lines that are neither empty nor comments, without surrounding white space."""
        while line := self._file.readline(_MAX_LINE_BYTES):
            self._number += 1
            if len(line) == _MAX_LINE_BYTES:
                raise CameraError(
                    "a line is far too long",
                    file=self._path,
                    field=self.label,
                    found=shown(line),
                    expected=f"less than {_MAX_LINE_BYTES} bytes",
                    fix=_EXPORT_AGAIN,
                )
            line = line.strip()
            if line and not line.startswith(b"#"):
                yield self.label, _decoded(line, self._path, self.label)

    def skip_line(self) -> int:
        """Skip a line, which may be long or missing; returns how many values it has."""
        self._number += 1
        values, in_value = 0, False
        while piece := self._file.readline(_PIECE_BYTES):
            values += len(piece.split()) - (in_value and not piece[:1].isspace())  # one goes on from the last piece
            in_value = not piece[-1:].isspace()
            if piece.endswith(b"\n"):
                break
        return values


def _decoded(data: bytes, path: Path, label: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise CameraError("not UTF-8 text", file=path, field=label, fix=_EXPORT_AGAIN) from error


def _whole(text: str, path: Path, label: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise CameraError("not a whole number", file=path, field=label, found=shown(text), fix=_EXPORT_AGAIN)
    return int(text)


def _number(text: str, path: Path, label: str) -> float:
    try:
        if text.isascii() and "_" not in text:  # Python reads 1_0 and the digits of all scripts as well
            return float(text)
    except ValueError:
        pass
    raise CameraError("not a number", file=path, field=label, found=shown(text), fix=_EXPORT_AGAIN)


def _malformed(path: Path, label: str, line: str, expected: str) -> CameraError:
    return CameraError(
        "a malformed line", file=path, field=label, found=shown(line), expected=expected, fix=_EXPORT_AGAIN
    )


class _BinaryReader:
    """Little-endian values of an open file, never beyond its end and never trusting a count."""

    def __init__(self, file: BinaryIO, size: int, path: Path) -> None:
        self._file = file
        self._size = size
        self._path = path

    def remaining(self) -> int:
        return self._size - self._file.tell()

    def values(self, layout: str, label: str) -> tuple[Any, ...]:
        structure = struct.Struct("<" + layout)
        return structure.unpack(self._bytes(structure.size, label))

    def count(self, least_bytes: int, label: str) -> int:
        """Return a count of things that take at least `least_bytes` each."""
        count: int = self.values("Q", label)[0]
        if count * least_bytes > self.remaining():
            raise self._short(label, f"{count} entries in {self.remaining()} bytes")
        return count

    def skip(self, count: int) -> None:
        self._file.seek(count, 1)

    def name(self, label: str) -> str:
        """Return a text that ends with a NUL byte."""
        data = bytearray()
        while (byte := self._bytes(1, label)) != b"\0":
            data += byte
            if len(data) > _MAX_NAME_BYTES:
                raise CameraError("a name without end", file=self._path, field=label, fix=_EXPORT_AGAIN)
        if not data:
            raise CameraError("an image without name", file=self._path, field=label, fix=_EXPORT_AGAIN)
        return _decoded(bytes(data), self._path, label)

    def finish(self) -> None:
        if self.remaining():
            raise CameraError(
                "bytes are left after the last entry",
                file=self._path,
                field=f"byte {self._file.tell()}",
                found=f"{self.remaining()} bytes",
                fix=_EXPORT_AGAIN,
            )

    def _bytes(self, count: int, label: str) -> bytes:
        data = self._file.read(count)
        if len(data) != count:
            raise self._short(label, f"{len(data)} of {count} bytes")
        return data

    def _short(self, label: str, found: str) -> CameraError:
        return CameraError(
            "the file is shorter than it says",
            file=self._path,
            field=label,
            found=found,
            fix="Copy or export it again.",
        )


def _read_binary_cameras(path: Path) -> dict[int, _Lens]:
    lenses: dict[int, _Lens] = {}
    with reading(path, CameraError) as (file, size):
        reader = _BinaryReader(file, size, path)
        for index in range(reader.count(24 + 24, "number of cameras")):  # header and at least three parameters
            identity, model_id, width, height = reader.values("IiQQ", f"camera {index}")
            label = f"camera {identity}"
            model = _MODELS[model_id] if 0 <= model_id < len(_MODELS) else f"number {model_id}"
            values = reader.values(f"{len(_PARAMETERS.get(model, ()))}d", label)
            _add_lens(lenses, identity, _lens(model, width, height, values, path, label), path)
        reader.finish()
    return lenses


def _read_binary_images(path: Path, lenses: dict[int, _Lens]) -> dict[str, Camera]:
    cameras: dict[str, Camera] = {}
    with reading(path, CameraError) as (file, size):
        reader = _BinaryReader(file, size, path)
        for index in range(reader.count(64 + 2 + 8, "number of images")):  # pose and ids, shortest name, point count
            label = f"image {index}"
            _, *pose, camera_id = reader.values("I7dI", label)
            name = reader.name(label)
            label += f" ({shown(name)})"
            reader.skip(_POINT_BYTES * reader.count(_POINT_BYTES, label))
            _add_image(cameras, lenses, camera_id, name, pose, path, label)
        reader.finish()
    return not_empty(cameras, path)
