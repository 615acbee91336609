"""What the readers of camera files share: JSON within bounds, checked access to its values, named cameras."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtgs2_trt.camera import Camera
from rtgs2_trt.errors import CameraError, shown
from rtgs2_trt.file_access import reading

MAX_JSON_BYTES = 64 << 20  # parsed it may take 20 times as much


def read_json(path: Path) -> Any:
    """Return the content of a JSON file. NaN and Infinity are floats in it, as Python's writer makes them.

    Raises:
        CameraError: no such file, over `MAX_JSON_BYTES`, not UTF-8, malformed or nested too deeply.
    """
    with reading(path, CameraError) as (file, size):
        if size > MAX_JSON_BYTES:
            raise CameraError(
                "too large for a camera file",
                file=path,
                found=f"{size} bytes",
                expected=f"at most {MAX_JSON_BYTES}",
                fix="Give a cameras.json, a transforms.json or a COLMAP model folder.",
            )
        data = file.read(MAX_JSON_BYTES)
    try:
        return json.loads(data.decode("utf-8-sig"))
    except RecursionError:
        problem: object = "nested too deeply"
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        problem = error
    except ValueError:  # Python's own words advise to lift its limit
        problem = "a whole number of thousands of digits"
    raise CameraError(
        f"not a readable JSON file: {problem}",
        file=path,
        fix="Give a cameras.json, a transforms.json or a COLMAP model folder.",
    )


class Record:
    """A JSON object of a camera file whose values are checked as they are taken.

    Args:
        values: what should be the object.
        file: the file, for messages.
        label: which object of the file, for messages.

    Raises:
        CameraError: from every method: the value is missing or of the wrong kind.
    """

    def __init__(self, values: object, file: Path, label: str) -> None:
        self.file = file
        self.label = label
        if not isinstance(values, dict):
            raise CameraError("not a JSON object", file=file, field=label, found=shown(values), fix=_FIX)
        self._values: dict[str, Any] = values

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def error(self, key: str, problem: str, expected: str | None = None, fix: str = "") -> CameraError:
        """Return the error that names this file, object, key and value."""
        return CameraError(
            problem,
            file=self.file,
            field=f"{self.label}: {key}",
            found=shown(self._values[key]) if key in self._values else None,
            expected=expected,
            fix=fix or _FIX,
        )

    def value(self, key: str) -> Any:
        """Return the value of `key`, of whatever kind."""
        if key not in self._values:
            raise self.error(key, "the key is missing")
        return self._values[key]

    def number(self, key: str) -> float:
        """Return a finite number."""
        number = _finite(self.value(key))
        if number is None:
            raise self.error(key, "not a finite number")
        return number

    def whole(self, key: str) -> int:
        """Return a whole number; 640.0 counts as one."""
        number = self.number(key)
        if not number.is_integer():
            raise self.error(key, "not a whole number")
        return int(number)

    def text(self, key: str) -> str:
        """Return a string that is not empty."""
        value = self.value(key)
        if not isinstance(value, str) or not value.strip():
            raise self.error(key, "not a name")
        return value

    def array(self, key: str, *shapes: tuple[int, ...]) -> NDArray[np.float64]:
        """Return nested lists of finite numbers as a float64 array of one of `shapes`."""
        value = self.value(key)
        for shape in shapes:
            numbers = _nested(value, shape)
            if numbers is not None:
                return np.array(numbers, dtype=np.float64).reshape(shape)
        expected = " or ".join(" x ".join(map(str, shape)) for shape in shapes)
        raise self.error(key, "not an array of finite numbers of this shape", expected)


def named_camera(cameras: dict[str, Camera], name: str, file: Path, label: str, **arguments: Any) -> None:
    """Add ``Camera(**arguments)`` to `cameras`.

    Raises:
        CameraError: the name is taken or the arguments are impossible; names the file and `label`.
    """
    if name in cameras:
        raise CameraError("the name appears twice", file=file, field=label, found=shown(name), fix="Make names unique.")
    try:
        cameras[name] = Camera(**arguments)
    except CameraError as error:
        raise located(error, file, label) from error


def located(error: CameraError, file: Path, label: str) -> CameraError:
    """Return what `error` says of a camera, with the file and which camera of it."""
    return CameraError(
        error.problem,
        file=file,
        field=f"{label}: {error.field}" if error.field else label,
        found=error.found,
        expected=error.expected,
        fix=error.fix,
    )


def not_empty(cameras: dict[str, Camera], file: Path) -> dict[str, Camera]:
    """Return `cameras`; a file without any is refused.

    Raises:
        CameraError: there are none.
    """
    if not cameras:
        raise CameraError("there are no cameras in it", file=file, fix="Give a file with at least one camera.")
    return cameras


def undistorted(parameters: Mapping[str, float], file: Path, label: str) -> None:
    """Refuse a lens with distortion.

    Raises:
        CameraError: one of `parameters` is not zero.
    """
    for name, value in parameters.items():
        if value != 0:
            raise CameraError(
                "lens distortion is not supported",
                file=file,
                field=f"{label}: {name}",
                found=value,
                expected="0",
                fix="Undistort the images and cameras first, for example with colmap image_undistorter.",
            )


_FIX = "Correct the file or export it again."


def _finite(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _nested(value: object, shape: tuple[int, ...]) -> list[float] | None:
    """Return the numbers of nested lists of exactly `shape`, in order; None if they are anything else."""
    if not shape:
        number = _finite(value)
        return None if number is None else [number]
    if not isinstance(value, list) or len(value) != shape[0]:
        return None
    numbers: list[float] = []
    for part in value:
        inner = _nested(part, shape[1:])
        if inner is None:
            return None
        numbers += inner
    return numbers
