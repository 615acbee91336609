"""ROS's ``CameraInfo``: the YAML that ``camera_calibration`` writes, or a message as ``ros2 topic echo`` prints it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rtgs2_trt.camera import Camera
from rtgs2_trt.camera_files.records import Record, located
from rtgs2_trt.errors import CameraError
from rtgs2_trt.file_access import reading

_MOST_BYTES = 1 << 20
_MOST_DEPTH = 6
_FIX = "Give the YAML that ROS's camera_calibration writes, or a CameraInfo message as YAML."
# Of the calibration file and of the message (ROS 2; ROS 1 has capitals).
_KEYS = {
    "matrix": ("camera_matrix", "k", "K"),
    "distortion": ("distortion_coefficients", "d", "D"),
    "projection": ("projection_matrix", "p", "P"),
    "width": ("image_width", "width"),
    "height": ("image_height", "height"),
}
_PINHOLE_MODELS = ("plumb_bob", "rational_polynomial", "", None)  # with coefficients of zero


def load_camera_info(path: str | Path, world_to_camera: ArrayLike | None = None, *, rectified: bool = False) -> Camera:
    """Read the intrinsics of a camera.

    A lens with distortion shows something else than a pinhole; such a file is refused unless `rectified`: then the
    camera is that of the rectified image (``image_rect``), whose intrinsics stand in the projection matrix.

    Args:
        path: the YAML file.
        world_to_camera: (4, 4) pose, which these files lack; None stands for the origin, looking along +z.
        rectified: take the projection matrix instead of the camera matrix.

    Raises:
        CameraError: no such file, not such a YAML, values are missing or impossible, lens distortion or another lens
            than a pinhole's (``equidistant``: fisheye), an image that is binned or cut out, or, if `rectified`, the
            second camera of a stereo pair.
    """
    path = Path(path)
    record = Record(_yaml(path), path, "CameraInfo")
    matrix = _numbers(record, "projection" if rectified else "matrix", 12 if rectified else 9)
    if rectified:
        if any(matrix[3::4]):
            raise CameraError(
                "the second camera of a stereo pair, which sees from beside the frame that its pose is of",
                file=path,
                field=_key(record, "projection"),
                found=matrix[3::4],
                expected="a fourth column of zeros",
                fix="Give the first camera's CameraInfo.",
            )
    else:
        _refuse_distortion(record, path)
    _refuse_parts(record)
    columns = 4 if rectified else 3
    fx, skew, cx = matrix[:3]
    fy, cy = matrix[columns + 1], matrix[columns + 2]
    if skew != 0 or matrix[columns] != 0 or not np.allclose(matrix[2 * columns : 2 * columns + 3], (0, 0, 1)):
        raise CameraError(
            "not the matrix of a pinhole camera", file=path, field="camera matrix", found=matrix, fix=_FIX
        )
    width, height = (record.whole(_required(record, name)) for name in ("width", "height"))
    pose = np.eye(4) if world_to_camera is None else world_to_camera
    try:
        # ROS counts from the centre of the first pixel, as OpenCV does; here positions count from its corner.
        return Camera(width, height, fx, fy, cx + 0.5, cy + 0.5, pose)
    except CameraError as error:
        raise located(error, path, "CameraInfo") from error


def _refuse_distortion(record: Record, path: Path) -> None:
    fix = (
        "Label the rectified image: rectified=True (--rectified on the command line) takes the projection matrix, "
        "whose image ROS's image_proc publishes as image_rect."
    )
    model = record.value("distortion_model") if "distortion_model" in record else None
    if model not in _PINHOLE_MODELS:
        raise record.error(
            "distortion_model",
            "this lens is no pinhole, whatever its coefficients",
            "plumb_bob, rational_polynomial or nothing, with zeros",
            fix,
        )
    key = _key(record, "distortion")
    distortion = _numbers(record, "distortion", None) if key else []
    if any(distortion):
        raise CameraError(
            "lens distortion is not supported",
            file=path,
            field=key,
            found=distortion[:8],
            expected="zeros",
            fix=fix,
        )


def _refuse_parts(record: Record) -> None:
    """Refuse a message whose image is not the sensor's whole one: the matrices are those of the whole."""
    fix = "Give the CameraInfo of the whole image, or of a camera_calibration at the size of the images."
    for key in ("binning_x", "binning_y"):
        if key in record and record.whole(key) > 1:
            raise record.error(key, "binned images are not supported", "0 or 1", fix)
    if "roi" not in record:
        return
    roi = Record(record.value("roi"), record.file, f"{record.label}: roi")
    size = tuple(roi.whole(key) if key in roi else 0 for key in ("width", "height"))
    whole = tuple(record.whole(_required(record, name)) for name in ("width", "height"))
    if size not in ((0, 0), whole):
        raise record.error("roi", "images that are cut out are not supported", "a width and a height of 0", fix)


def _key(record: Record, name: str) -> str | None:
    return next((key for key in _KEYS[name] if key in record), None)


def _required(record: Record, name: str) -> str:
    key = _key(record, name)
    if key is None:
        raise record.error(_KEYS[name][0], "the key is missing", fix=_FIX)
    return key


def _numbers(record: Record, name: str, count: int | None) -> list[float]:
    """Return a list of numbers, which calibration files put into ``data`` of an object."""
    key = _required(record, name)
    value = record.value(key)
    values = value.get("data") if isinstance(value, dict) else value
    if not isinstance(values, list) or len(values) > 100 or (count is not None and len(values) != count):
        raise record.error(key, "not a list of numbers", f"{count or 'some'} numbers", _FIX)
    inner = Record(dict(enumerate(values)), record.file, f"{record.label}: {key}")
    return [inner.number(index) for index in range(len(values))]  # type: ignore[arg-type]


def _yaml(path: Path) -> Any:
    try:
        import yaml
    except ImportError as error:
        raise CameraError("reading YAML needs PyYAML", file=path, fix="Install PyYAML: pip install pyyaml.") from error
    with reading(path, CameraError) as (file, size):
        if size > _MOST_BYTES:
            raise CameraError("too large", file=path, found=size, expected=f"at most {_MOST_BYTES} bytes", fix=_FIX)
        data = file.read(_MOST_BYTES)
    try:
        text = data.decode("utf-8")
        depth = 0
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _MOST_DEPTH or isinstance(event, yaml.AliasEvent):
                raise CameraError("nested too deeply, or with aliases", file=path, fix=_FIX)
        # A topic that was echoed holds a document a message: the first will do.
        return next(iter(yaml.safe_load_all(text)), None)
    except CameraError:
        raise
    except (yaml.YAMLError, ValueError, RecursionError) as problem:
        raise CameraError(f"not a YAML file: {problem}", file=path, fix=_FIX) from problem
