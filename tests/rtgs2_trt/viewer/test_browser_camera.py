"""Browsers' cameras: there and back, and what is none."""

import math

import numpy as np
import pytest

from rtgs2_trt import Camera, CameraError
from rtgs2_trt.quaternions import quaternion_from_matrix
from rtgs2_trt.viewer.browser_camera import browser_pose, camera_of_window


def window_after(pose, width, height):
    """What a browser tells after its camera was put there."""
    seen = Camera.look_at(pose.position, pose.look_at, pose.up)
    return camera_of_window(
        quaternion_from_matrix(seen.world_to_camera[:3, :3].T), pose.position, pose.vertical_fov, width, height
    )


@pytest.mark.parametrize("roll", [0.0, 0.3, -1.4, 3.0])
@pytest.mark.parametrize("target", [(1.0, 2.0, 0.5), (0.1, 0.0, -3.0), (-1.0, 0.3, 4.0)])
def test_a_given_camera_comes_back_from_the_browser(roll, target):
    level = Camera.look_at((0.3, -0.2, 1.4), target, width=320, height=240, fov_degrees=70)
    c, s = math.cos(roll), math.sin(roll)
    pose = np.eye(4)
    pose[:3, :3] = [[c, -s, 0], [s, c, 0], [0, 0, 1]]
    camera = level.at(pose @ level.world_to_camera)
    back = window_after(browser_pose(camera), 640, 480)
    np.testing.assert_allclose(back.world_to_camera, camera.world_to_camera, atol=1e-9)
    assert back.fx == pytest.approx(2 * camera.fx)
    assert back.fy == pytest.approx(2 * camera.fy)


def test_looking_straight_down_keeps_the_picture_upright():
    camera = Camera.look_at((0, 0, 2), (0, 0, 0), up=(0, 1, 0))
    pose = browser_pose(camera)
    np.testing.assert_allclose(pose.up, (0, 1, 0), atol=1e-12)
    np.testing.assert_allclose(pose.look_at, (0, 0, 0), atol=1e-12)


@pytest.mark.parametrize("window", [(400, 400), (1600, 400), (300, 900)])
def test_a_window_of_another_shape_shows_all_of_a_view(window):
    camera = Camera(320, 240, 200, 220, 150, 130, world_to_camera=np.eye(4))
    seen = window_after(browser_pose(camera, window=window), *window)
    corners = np.array([(0, 0), (320, 0), (0, 240), (320, 240)], float)
    rays = (corners - (camera.cx, camera.cy)) / (camera.fx, camera.fy)
    places = rays * (seen.fx, seen.fy) + (seen.cx, seen.cy)
    assert (places >= -1e-6).all()
    assert (places <= np.array(window) + 1e-6).all()
    assert np.isclose(places, 0).any() or np.isclose(places, window).any()  # and as large as it fits


GOOD = {"wxyz": (1, 0, 0, 0), "position": (0, 0, 0), "vertical_fov": 1.0, "width": 640, "height": 480}


def test_a_quaternion_of_another_length_is_the_same_rotation():
    doubled = camera_of_window(**{**GOOD, "wxyz": (2, 0, 2, 0)})
    np.testing.assert_allclose(doubled.world_to_camera[:3, :3].T @ (0, 0, 1), (1, 0, 0), atol=1e-12)


@pytest.mark.parametrize(
    "nonsense",
    [
        {"wxyz": (0, 0, 0, 0)},
        {"wxyz": (math.nan, 0, 0, 1)},
        {"wxyz": (1e300, 1e300, 0, 0)},
        {"wxyz": (1, 0, 0)},
        {"wxyz": "north"},
        {"wxyz": [[1], 0, 0, 0]},
        {"position": (math.inf, 0, 0)},
        {"position": (1e39, 0, 0)},
        {"position": None},
        {"vertical_fov": 0.0},
        {"vertical_fov": -1.0},
        {"vertical_fov": 3.2},
        {"vertical_fov": math.nan},
        {"vertical_fov": 1e-300},
        {"vertical_fov": "wide"},
        {"width": 0},
        {"height": -480},
        {"width": 10**9},
        {"width": 640.5},
        {"height": True},
        {"height": None},
    ],
    ids=str,
)
def test_nonsense_is_no_camera(nonsense):
    with pytest.raises(CameraError):
        camera_of_window(**{**GOOD, **nonsense})
