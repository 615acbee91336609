"""The generated room is reproducible, a valid scene, and closed: every camera in it looks at surfaces."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples" / "demo"))
from furnished_room import furnished_room, room_cameras
from furnished_room.layout import HIGH, LOW

DENSITY = 0.3


@pytest.fixture(scope="module")
def room():
    return furnished_room(seed=0, density=DENSITY)


def test_same_seed_same_bytes_other_seed_other_room(room):
    again, other = furnished_room(seed=0, density=DENSITY), furnished_room(seed=1, density=DENSITY)
    assert list(room) == ["means", "scales", "rotations", "opacities", "sh"]
    assert all(room[name].tobytes() == again[name].tobytes() for name in room)
    assert all(room[name].tobytes() != other[name].tobytes() for name in room)


def test_it_is_a_valid_scene(room):
    count = len(room["means"])
    shapes = {"means": (3,), "scales": (3,), "rotations": (4,), "opacities": (), "sh": (4, 3)}
    for name, shape in shapes.items():
        assert room[name].shape == (count, *shape)
        assert room[name].dtype == np.float32
        assert np.isfinite(room[name]).all()
    assert 30_000 < count < 60_000
    assert room["scales"].min() > 0
    assert room["scales"].max() < 0.25
    assert 0 < room["opacities"].min() < room["opacities"].max() < 1
    np.testing.assert_allclose(np.linalg.norm(room["rotations"], axis=1), 1, atol=1e-6)
    extent = room["means"].max(0) - room["means"].min(0)
    assert (extent < np.array([7, 7, 4.5])).all()
    inside = np.all((room["means"] > np.array(LOW) - 0.05) & (room["means"] < np.array(HIGH) + 0.05), axis=1)
    assert inside.mean() > 0.9


def test_density_scales_the_number():
    assert len(furnished_room(density=0.1)["means"]) < 0.3 * 120_000
    with pytest.raises(ValueError, match="density"):
        furnished_room(density=0)


def test_colours_stay_colours_from_every_side(room):
    rng = np.random.default_rng(0)
    x, y, z = (direction := rng.normal(size=(3, 16))) / np.linalg.norm(direction, axis=0)
    base = 0.5 + 0.28209479 * room["sh"][:, 0]
    assert -0.01 < base.min() < 0.1
    assert 0.9 < base.max() < 1.01
    first = np.stack([-y, z, -x])
    change = 0.48860251 * np.einsum("kd,nkc->ndc", first, room["sh"][:, 1:])
    assert 0.02 < np.abs(change).max() < 0.35  # glossy things shine, nothing flips


def test_gloss_is_brighter_in_the_mirror_direction_of_the_window(room):
    """Floor in front of the window: seen from inside, towards the window, it shines more than from the window."""
    x, y, z = room["means"].T
    floor = (np.abs(z) < 0.005) & (np.abs(x + 0.5) < 0.8) & (y > 1.3) & (y < 2.0)
    assert floor.sum() > 50
    towards_window, from_window = np.array([0, 0.9, -0.43]), np.array([0, -0.9, -0.43])

    def seen(direction):
        x, y, z = direction
        sh = room["sh"][floor]
        return (0.48860251 * (-y * sh[:, 1] + z * sh[:, 2] - x * sh[:, 3])).mean()

    assert seen(towards_window) > seen(from_window) + 0.01


def frames(room):
    """Rotation matrices (N, 3, 3); the columns are the axes of the scales."""
    w, x, y, z = room["rotations"].T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), 2, 0)


def test_discs_lie_flat_on_floor_walls_and_ceiling_and_face_the_room(room):
    normals = frames(room)[:, :, 2]
    for axis, plane in ((0, LOW[0]), (0, HIGH[0]), (1, HIGH[1]), (2, LOW[2]), (2, HIGH[2])):
        on_plane = np.abs(room["means"][:, axis] - plane) < 1e-6
        assert on_plane.sum() > 500
        along = normals[on_plane, axis] * (1 if plane == LOW[axis] else -1)
        assert (np.abs(along - 1) < 1e-5).mean() > 0.97  # the rest: undersides and backs of furniture at the plane


@pytest.mark.parametrize("name", list(room_cameras()))
def test_every_camera_stands_inside_and_sees_closed_surfaces(room, name):
    """Each of 10 x 8 rays through the picture is stopped: the Gaussians along it leave little transmittance."""
    eye, target, fov_degrees = room_cameras()[name]
    eye = np.array(eye, np.float32)
    assert (eye > np.array(LOW) + 0.2).all()
    assert (eye < np.array(HIGH) - 0.2).all()

    forward = np.array(target) - eye
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0, 0, 1])
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    half = np.tan(np.radians(fov_degrees) / 2)

    ahead = (room["means"] - eye) @ forward.astype(np.float32) > 0.2
    to_local = frames(room)[ahead] / room["scales"][ahead, None]  # column k: axis k over its standard deviation
    origin = np.einsum("ni,nik->kn", eye - room["means"][ahead], to_local)
    to_local = np.ascontiguousarray(to_local.transpose(1, 2, 0))
    left_over = []
    for v in np.linspace(-0.95, 0.95, 8) * half * 0.75:
        for u in np.linspace(-0.95, 0.95, 10) * half:
            x, y, z = (forward + u * right + v * down).astype(np.float32)
            direction = x * to_local[0] + y * to_local[1] + z * to_local[2]
            squared, along = (direction**2).sum(0), (direction * origin).sum(0)
            distance = np.maximum((origin**2).sum(0) - along**2 / squared, 0)
            left_over.append(np.prod(1 - room["opacities"][ahead] * np.exp(-0.5 * distance)))
    assert np.mean(left_over) < 0.02
    assert np.max(left_over) < 0.25
