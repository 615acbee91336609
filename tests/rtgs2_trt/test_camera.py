"""The camera: conventions, derived cameras and refusals."""

from __future__ import annotations

import copy
import dataclasses
import pickle

import numpy as np
import pytest
from numpy.typing import NDArray

from rtgs2_trt.camera import Camera
from rtgs2_trt.errors import CameraError


def image_position(camera: Camera, point: tuple[float, float, float]) -> NDArray[np.float64]:
    x, y, z, _ = camera.world_to_camera @ (*point, 1.0)
    assert z > 0
    return np.array([camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy])


def some_camera() -> Camera:
    return Camera.look_at((1, 2, 3), (-2, 0.5, 1), width=200, height=100, fov_degrees=70)


def random_rotation(seed: int) -> NDArray[np.float64]:
    q, r = np.linalg.qr(np.random.default_rng(seed).standard_normal((3, 3)))
    q = q * np.sign(np.diag(r))
    return q * np.sign(np.linalg.det(q))


def test_the_principal_point_is_the_middle_if_not_given() -> None:
    camera = Camera(641, 480, 500, 510.0, world_to_camera=np.eye(4))
    assert (camera.cx, camera.cy) == (320.5, 240.0)
    assert (type(camera.width), type(camera.fx)) == (int, float)
    assert Camera(641, 480, 500, 500, 0.0, 1.0, np.eye(4)).cx == 0.0


def test_look_at_conventions() -> None:
    camera = some_camera()
    np.testing.assert_allclose(camera.position, (1, 2, 3), atol=1e-12)
    np.testing.assert_allclose(image_position(camera, (-2, 0.5, 1)), (100, 50), atol=1e-9)
    assert image_position(camera, (-2, 0.5, 1.2))[1] < 50  # above the target is up in the image
    # Looking along +y with z up, the world's +x is on the right.
    assert image_position(Camera.look_at((0, 0, 0), (0, 1, 0), width=200), (0.1, 1, 0))[0] > 100
    # A point at half the horizontal angle lies on the image's edge.
    edge = Camera.look_at((0, 0, 0), (0, 1, 0), width=200, fov_degrees=90)
    np.testing.assert_allclose(image_position(edge, (1, 1, 0))[0], 200)
    assert edge.fx == edge.fy


@pytest.mark.parametrize("up", [(0, 0, 0), (0, 0, 1), (0, 0, -5), (0, 1e-9, 1)])
def test_look_at_refuses_an_up_that_leaves_the_roll_open(up: tuple[float, float, float]) -> None:
    with pytest.raises(CameraError, match=r"up must not be zero or along the line of sight.*Give another direction"):
        Camera.look_at((0, 0, 5), (0, 0, 1), up)


def test_look_at_refuses_other_nonsense() -> None:
    with pytest.raises(CameraError, match="same point"):
        Camera.look_at((1, 1, 1), (1, 1, 1))
    for fov in (0, 180, -60, np.nan):
        with pytest.raises(CameraError, match="fov_degrees"):
            Camera.look_at((0, 0, 0), (1, 0, 0), fov_degrees=fov)
    with pytest.raises(CameraError, match="eye"):
        Camera.look_at((0, 0), (1, 0, 0))
    with pytest.raises(CameraError, match="target"):
        Camera.look_at((0, 0, 0), (np.inf, 0, 0))


def test_padded_keeps_the_projection() -> None:
    camera = Camera(1200, 680, 600.0, 601.0, 599.5, 339.5, some_camera().world_to_camera)
    padded = camera.padded()
    assert (padded.width, padded.height) == (1216, 704)
    assert (padded.fx, padded.fy, padded.cx, padded.cy) == (600.0, 601.0, 599.5, 339.5)
    assert padded.padded() == padded
    assert Camera(1201, 680, 1.0, 1.0, world_to_camera=np.eye(4)).padded().cx == 600.5
    for multiple in (0, -32, 1.5, True):
        with pytest.raises(CameraError, match="multiple"):
            camera.padded(multiple)  # type: ignore[arg-type]


def test_transformed_sees_the_same_picture() -> None:
    camera, rotation = some_camera(), random_rotation(3)
    moved = camera.transformed(2.5, rotation)
    for point in ((-2.0, 0.5, 1.0), (-1.0, 0.0, 2.0)):
        new_point = rotation @ (2.5 * np.array(point))
        np.testing.assert_allclose(image_position(moved, tuple(new_point)), image_position(camera, point), rtol=1e-9)
        depth = (camera.world_to_camera @ (*point, 1.0))[2]
        np.testing.assert_allclose((moved.world_to_camera @ (*new_point, 1.0))[2], 2.5 * depth, rtol=1e-9)
    np.testing.assert_allclose(moved.position, rotation @ (2.5 * camera.position))
    with pytest.raises(CameraError, match="scale"):
        camera.transformed(0.0, rotation)
    with pytest.raises(CameraError, match=r"rotation.*scales by 2"):
        camera.transformed(1.0, 2 * rotation)


def test_a_camera_is_a_value() -> None:
    camera, same = some_camera(), some_camera()
    assert camera == same
    assert hash(camera) == hash(same)
    assert camera != camera.padded(64)
    assert camera != "camera"
    assert camera == pickle.loads(pickle.dumps(camera)) == copy.deepcopy(camera)
    assert dataclasses.replace(camera, width=300).width == 300
    with pytest.raises(dataclasses.FrozenInstanceError):
        camera.width = 3  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        camera.world_to_camera[0, 0] = 2


def test_the_transform_is_a_copy() -> None:
    pose = np.eye(4)
    camera = Camera(2, 2, 1.0, 1.0, world_to_camera=pose)
    pose[0, 3] = 7
    assert camera.world_to_camera[0, 3] == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("width", 0),
        ("width", 640.0),
        ("width", True),
        ("height", 16385),
        ("height", "480"),
        ("fx", 0.0),
        ("fx", np.nan),
        ("fy", -500.0),
        ("fy", None),
        ("cx", np.inf),
        ("cy", "middle"),
        *((field, sign * 10**digits) for field in ("fx", "cy") for digits in (400, 5000) for sign in (1, -1)),
        *(("height", sign * 10**5000) for sign in (1, -1)),
        *((field, 3.5e38) for field in ("fx", "fy", "cx", "cy")),
        *((field, -3.5e38) for field in ("cx", "cy")),
        *((field, value) for field in ("fx", "fy") for value in (1e-300, 1e-38, 1e308)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.filterwarnings("error")
def test_impossible_numbers_are_refused_by_name(field: str, value: object) -> None:
    arguments = {"width": 640, "height": 480, "fx": 500.0, "fy": 500.0, "world_to_camera": np.eye(4), field: value}
    with pytest.raises(CameraError, match=f"^{field}: ") as caught:
        Camera(**arguments)  # type: ignore[arg-type]
    assert caught.value.fix or field in ("cx", "cy") or "finite" in caught.value.problem


def test_numbers_at_the_ends_of_float32_are_taken() -> None:
    least, most = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)
    pose = np.eye(4)
    pose[:3, 3] = most, -most, 0
    camera = Camera(640, 480, least, most, -most, most, pose)
    assert np.isfinite(np.float32([camera.fx, camera.fy, camera.cx, camera.cy, *camera.position])).all()
    assert np.float32(camera.fx) > 0


@pytest.mark.parametrize("digits", [400, 5000])
@pytest.mark.parametrize("argument", ["eye", "target", "up", "fov_degrees", "width"])
@pytest.mark.filterwarnings("error")
def test_look_at_refuses_numbers_of_hundreds_of_digits(argument: str, digits: int) -> None:
    huge: object = 10**digits if argument in ("fov_degrees", "width") else (10**digits, 0, 0)
    arguments = {"eye": (0, 0, 0), "target": (1, 0, 0), argument: huge}
    with pytest.raises(CameraError, match=f"^{argument}: "):
        Camera.look_at(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [1e39, 1e200, 1.7e308, -1.7e308])
@pytest.mark.filterwarnings("error")
def test_look_at_refuses_points_beyond_float32(value: float) -> None:
    for argument in ("eye", "target", "up"):
        arguments = {"eye": (0, 0, 0), "target": (1, 0, 0), argument: (0, value, value)}
        with pytest.raises(CameraError, match=f"^{argument}: beyond the range of float32"):
            Camera.look_at(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("fov", [5e-324, 1e-300, 1e-45])
@pytest.mark.filterwarnings("error")
def test_look_at_refuses_angles_whose_focal_length_leaves_float32(fov: float) -> None:
    with pytest.raises(CameraError, match=r"^fx: "):
        Camera.look_at((0, 0, 0), (1, 0, 0), fov_degrees=fov)


@pytest.mark.filterwarnings("error")
def test_derived_cameras_refuse_what_leaves_float32() -> None:
    camera = some_camera()
    for factor in (10**400, 10**5000):
        with pytest.raises(CameraError, match=r"^scale: not a finite number"):
            camera.transformed(factor, np.eye(3))
        with pytest.raises(CameraError, match=r"^rotation: not an array of numbers"):
            camera.transformed(1.0, [[factor, 0, 0], [0, 1, 0], [0, 0, 1]])
        with pytest.raises(CameraError, match=r"^multiple: "):
            camera.padded(-factor)
    with pytest.raises(CameraError, match=r"^world_to_camera: beyond the range of float32"):
        camera.transformed(1e40, np.eye(3))
    with pytest.raises(CameraError, match=r"^world_to_camera: holds values that are not finite"):
        camera.transformed(1.7e308, np.eye(3))
    with pytest.raises(CameraError, match=r"^fx: "):
        Camera(1, 1, 3e38, 1.0, world_to_camera=np.eye(4)).resized(2, 1)


def transform(rotation: NDArray[np.float64], last_row: tuple[float, ...] = (0, 0, 0, 1)) -> NDArray[np.float64]:
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3], pose[3] = rotation, (1, 2, 3), last_row
    return pose


@pytest.mark.parametrize(
    ("pose", "message"),
    [
        (None, "missing.*look_at"),
        (np.eye(3), r"wrong shape \(found \(3, 3\), expected \(4, 4\)\)"),
        ([[1, 2], [3]], "not an array of numbers"),
        (np.full((4, 4), np.nan), "not finite"),
        (transform(random_rotation(1)).T, "Transpose it"),
        (transform(random_rotation(1), (0, 0, 0, 2)), "last row"),
        (transform(1.5 * random_rotation(1)), "scales by 1.5.*Take the factor out"),
        (transform(random_rotation(1) + np.array([0, 0, 0.1])), "skewed.*camera-to-world"),
        (transform(np.zeros((3, 3))), "skewed"),
        (transform(np.diag([1.0, 1.0, -1.0])), "reflection.*y and z"),
        ([[10**400, 0, 0, 0], *np.eye(4)[1:].tolist()], "^world_to_camera: not an array of numbers"),
        ([[10**5000, 0, 0, 0], *np.eye(4)[1:].tolist()], "^world_to_camera: not an array of numbers"),
        *((transform(scale * np.eye(3)), rf"scales by {scale:g}.".replace("+", r"\+")) for scale in (1e200, 1e300)),
        (transform(1e-320 * np.eye(3)), "it scales by 9.99989e-321"),
        (transform(np.full((3, 3), 1e300)), "^world_to_camera: .*skewed"),
        (transform(np.full((3, 3), -1.7e308)), "^world_to_camera: .*skewed"),
        (np.block([[np.eye(3), np.array([[0], [0], [1e300]])], [0, 0, 0, 1]]), "^world_to_camera: beyond the range of"),
        # Each coordinate is within float32 here, the camera's position is not.
        (
            [[0.8, 0.6, 0, 3e38], [-0.6, 0.8, 0, -3e38], [0, 0, 1, 0], [0, 0, 0, 1]],
            r"^world_to_camera: beyond the range of float32 \(found 4",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.filterwarnings("error")
def test_transforms_that_are_not_rigid_are_refused(pose: object, message: str) -> None:
    with pytest.raises(CameraError, match=message):
        Camera(640, 480, 500.0, 500.0, world_to_camera=pose)  # type: ignore[arg-type]
