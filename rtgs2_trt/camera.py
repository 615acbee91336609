"""The pinhole camera that a scene is looked at through."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rtgs2_trt.errors import CameraError, shown

MAX_IMAGE_SIDE = 16384
_ORTHONORMAL_TOLERANCE = 1e-3
# The kernels have float32: below, a focal length loses its digits until it is zero; above, everything is infinite.
_LEAST, _MOST = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)


@dataclass(frozen=True, eq=False, init=False)
class Camera:
    """A pinhole camera without distortion.

    Axes are OpenCV's: x right, y down, z forward. Pixel (0, 0) is the upper left one and has its centre at image
    position (0.5, 0.5), so a point (x, y, z) in camera space lies at image position ``(fx x / z + cx, fy y / z + cy)``
    and at pixel index ``fx x / z + cx - 0.5``.

    Args:
        width: pixels, 1 to 16384.
        height: pixels, 1 to 16384.
        fx: focal length in x, pixels. All numbers must be within the range of float32.
        fy: focal length in y, pixels.
        cx: image position of the optical axis, pixels; ``None`` is the middle, ``width / 2``.
        cy: likewise in y; ``None`` is ``height / 2``.
        world_to_camera: (4, 4) rigid transform that multiplies column vectors: camera point = R world point + t. The
            inverse of a camera-to-world pose. Kept as a read-only float64 copy.

    Raises:
        CameraError: a value out of range, or a transform that is not rigid.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    world_to_camera: NDArray[np.float64]

    def __init__(
        self,
        width: int,
        height: int,
        fx: float,
        fy: float,
        cx: float | None = None,
        cy: float | None = None,
        world_to_camera: ArrayLike | None = None,
    ) -> None:
        def put(name: str, value: object) -> None:
            object.__setattr__(self, name, value)  # the only way into a frozen dataclass

        put("width", _image_side("width", width))
        put("height", _image_side("height", height))
        put("fx", _focal_length("fx", fx))
        put("fy", _focal_length("fy", fy))
        put("cx", self.width / 2 if cx is None else _image_position("cx", cx))
        put("cy", self.height / 2 if cy is None else _image_position("cy", cy))
        put("world_to_camera", _rigid_transform(world_to_camera))
        _point("world_to_camera", self.position)

    @classmethod
    def look_at(
        cls,
        eye: ArrayLike,
        target: ArrayLike,
        up: ArrayLike = (0.0, 0.0, 1.0),
        *,
        width: int = 640,
        height: int = 480,
        fov_degrees: float = 60.0,
    ) -> Camera:
        """Return a camera at `eye` with `target` in the middle of its view.

        Args:
            eye: (3,) world position of the camera.
            target: (3,) world position to look at.
            up: (3,) world direction that appears upwards in the image.
            width: pixels.
            height: pixels.
            fov_degrees: horizontal angle of view; pixels are square.

        Raises:
            CameraError: `eye` is `target`, `up` is zero or along the line of sight, or a value is out of range.
        """
        eye_, target_, up_ = _point("eye", eye), _point("target", target), _point("up", up)
        forward = _unit(target_ - eye_)
        if forward is None:
            raise CameraError("eye and target are the same point", field="target", found=target_.tolist())
        up_unit = _unit(up_)
        # A thousandth of a degree: nearer to the line of sight, rounding decides which way is up.
        right = None if up_unit is None else _unit(np.cross(forward, up_unit), least=2e-5)
        if right is None:
            raise CameraError(
                "up must not be zero or along the line of sight",
                field="up",
                found=up_.tolist(),
                fix="Give another direction, such as up=(0, 1, 0) for a view straight down",
            )
        fov = _number("fov_degrees", fov_degrees)
        if not 0 < fov < 180:
            raise CameraError("no such angle of view", field="fov_degrees", found=fov, expected="between 0 and 180")
        pose = np.eye(4)
        pose[:3, :3] = right, np.cross(forward, right), forward
        pose[:3, 3] = -pose[:3, :3] @ eye_
        with np.errstate(divide="ignore", over="ignore"):  # of an absurdly small angle; an infinite length is refused
            focal = _image_side("width", width) / 2 / np.tan(np.radians(fov) / 2)
        return cls(width, height, float(focal), float(focal), world_to_camera=pose)

    @property
    def position(self) -> NDArray[np.float64]:
        """(3,) centre of the camera in the world."""
        pose = self.world_to_camera
        return np.asarray(np.linalg.solve(pose[:3, :3], -pose[:3, 3]), dtype=np.float64)

    def at(self, world_to_camera: ArrayLike) -> Camera:
        """Return the camera at another place: the same lens, the (4, 4) pose `world_to_camera`.

        Raises:
            CameraError: the pose is not rigid.
        """
        return Camera(self.width, self.height, self.fx, self.fy, self.cx, self.cy, world_to_camera)

    def padded(self, multiple: int = 32) -> Camera:
        """Return the camera with width and height rounded up to `multiple`: more is seen at the right and the bottom.

        Raises:
            CameraError: `multiple` is not positive, or the padded image would be too large.
        """
        if isinstance(multiple, bool) or not isinstance(multiple, Integral) or multiple < 1:
            raise CameraError("not a positive whole number", field="multiple", found=shown(multiple))
        step = int(multiple)
        width, height = (-(-side // step) * step for side in (self.width, self.height))
        return Camera(width, height, self.fx, self.fy, self.cx, self.cy, self.world_to_camera)

    def resized(self, width: int, height: int) -> Camera:
        """Return the camera whose image, seen from the same place, is scaled to `width` x `height` pixels.

        Raises:
            CameraError: an impossible size.
        """
        x, y = _image_side("width", width) / self.width, _image_side("height", height) / self.height
        return Camera(width, height, self.fx * x, self.fy * y, self.cx * x, self.cy * y, self.world_to_camera)

    def transformed(self, scale: float, rotation: ArrayLike, translation: ArrayLike = (0.0, 0.0, 0.0)) -> Camera:
        """Return the camera that sees the same picture after the world was scaled, then rotated, then moved.

        Args:
            scale: factor on all world coordinates, positive; distances from the camera scale with it.
            rotation: (3, 3) rotation, new world point = rotation @ (scale * old world point) + translation.
            translation: (3,), in the new world's units.

        Raises:
            CameraError: `scale` is not positive, `rotation` is no rotation, or `translation` is not finite.
        """
        factor = _number("scale", scale)
        if factor <= 0:
            raise CameraError("not a positive factor", field="scale", found=factor)
        turn = _array("rotation", rotation, (3, 3))
        _check_rotation("rotation", turn)
        shift = _array("translation", translation, (3,))
        pose = np.eye(4)
        pose[:3, :3] = self.world_to_camera[:3, :3] @ turn.T
        with np.errstate(over="ignore"):  # what becomes infinite is refused
            pose[:3, 3] = factor * self.world_to_camera[:3, 3] - pose[:3, :3] @ shift
        return Camera(self.width, self.height, self.fx, self.fy, self.cx, self.cy, pose)

    def __eq__(self, other: object) -> bool:
        return self._values() == other._values() if isinstance(other, Camera) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._values())

    def _values(self) -> tuple[Any, ...]:
        pose = tuple(self.world_to_camera.ravel().tolist())
        return (self.width, self.height, self.fx, self.fy, self.cx, self.cy, pose)


def _image_side(name: str, value: object) -> int:
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not whole or not 1 <= int(value) <= MAX_IMAGE_SIDE:  # type: ignore[call-overload]
        expected = f"a whole number of pixels, 1 to {MAX_IMAGE_SIDE}"
        raise CameraError(
            "impossible image size",
            field=name,
            found=shown(value),
            expected=expected,
            fix="Give the size of the image in pixels; scale a larger image and its camera down",
        )
    return int(value)  # type: ignore[call-overload, no-any-return]


def _number(name: str, value: object) -> float:
    try:
        number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan
    except OverflowError:  # of a whole number of hundreds of digits
        number = math.nan
    if not math.isfinite(number):
        raise CameraError("not a finite number", field=name, found=shown(value))
    return number


def _image_position(name: str, value: object) -> float:
    number = _number(name, value)
    if abs(number) > _MOST:
        raise _beyond_float32(name, number)
    return number


def _beyond_float32(name: str, number: float) -> CameraError:
    expected = f"{_LEAST:.2g} to {_MOST:.2g} in size"
    return CameraError("beyond the range of float32", field=name, found=number, expected=expected, fix="Check its unit")


def _focal_length(name: str, value: object) -> float:
    number = _number(name, value)
    if number <= 0:
        raise CameraError(
            "a focal length must be positive",
            field=name,
            found=number,
            fix="Give it in pixels; a negative one stands for a flipped axis, which belongs into world_to_camera",
        )
    if not _LEAST <= number <= _MOST:
        raise _beyond_float32(name, number)
    return number


def _array(name: str, value: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.float64]:
    try:
        array = np.array(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise CameraError("not an array of numbers", field=name, found=shown(value)) from error
    if array.shape != shape:
        raise CameraError("wrong shape", field=name, found=array.shape, expected=shape)
    if not np.isfinite(array).all():
        raise CameraError("holds values that are not finite", field=name)
    return array


def _point(name: str, value: ArrayLike) -> NDArray[np.float64]:
    point = _array(name, value, (3,))
    if (largest := float(np.abs(point).max())) > _MOST:
        raise _beyond_float32(name, largest)
    return point


def _unit(vector: NDArray[np.float64], least: float = 0.0) -> NDArray[np.float64] | None:
    length = float(np.linalg.norm(vector))
    return vector / length if length > least else None


def _rigid_transform(value: ArrayLike | None) -> NDArray[np.float64]:
    name = "world_to_camera"
    if value is None:
        raise CameraError("missing", field=name, fix="Give the (4, 4) transform, or use Camera.look_at")
    transform = _array(name, value, (4, 4))
    if not np.allclose(transform[3], (0.0, 0.0, 0.0, 1.0), rtol=0.0, atol=1e-6):
        turned = np.allclose(transform[:, 3], (0.0, 0.0, 0.0, 1.0), rtol=0.0, atol=1e-6)
        raise CameraError(
            "the last row of a rigid transform is 0, 0, 0, 1",
            field=name,
            found=transform[3].tolist(),
            fix="Transpose it: it must multiply column vectors" if turned else "Divide the matrix by its last element",
        )
    _check_rotation(name, transform[:3, :3])
    _point(name, transform[:3, 3])
    transform.setflags(write=False)
    return transform


def _check_rotation(name: str, rotation: NDArray[np.float64]) -> None:
    with np.errstate(over="ignore", invalid="ignore"):  # of absurd values
        error = np.abs(rotation @ rotation.T - np.eye(3)).max()
    if not error <= _ORTHONORMAL_TOLERANCE:
        largest = float(np.abs(rotation).max())
        unit = rotation / largest if largest > 0 else rotation
        gram = unit @ unit.T
        spread = float(np.trace(gram)) / 3
        scaled = spread > 0 and np.abs(gram / spread - np.eye(3)).max() <= _ORTHONORMAL_TOLERANCE
        scale = largest * math.sqrt(spread)
        raise CameraError(
            "its 3x3 part is not a rotation: " + (f"it scales by {scale:.6g}" if scaled else "its rows are skewed"),
            field=name,
            expected="orthonormal rows",
            fix=(
                "Take the factor out of the 3x3 part and scale the scene and the positions of cameras instead"
                if scaled
                else "Give a rigid world-to-camera transform; np.linalg.inv makes one of a camera-to-world pose"
            ),
        )
    if np.linalg.det(rotation) < 0:
        raise CameraError(
            "its 3x3 part is a reflection (determinant -1)",
            field=name,
            fix="Flip two axes, not one: from OpenGL's axes to these, y and z are negated",
        )
