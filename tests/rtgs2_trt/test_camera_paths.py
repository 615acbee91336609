import json
import re
from itertools import pairwise

import numpy as np
import pytest

from box_room import box_scene
from rtgs2_trt import Camera, CameraError, save_cameras
from rtgs2_trt.camera_paths import interpolated, orbit, orbit_of_scene
from rtgs2_trt.cli import main
from rtgs2_trt.scene import Scene


def forward(camera):
    return camera.world_to_camera[2, :3]


def test_orbits_look_at_their_target_from_all_around():
    cameras = orbit((1, 2, 3), 5, 8, elevation_degrees=30, width=64, height=48, fov_degrees=70)
    assert list(cameras)[:2] == ["orbit_0000", "orbit_0001"]
    for index, camera in enumerate(cameras.values()):
        offset = camera.position - (1, 2, 3)
        assert np.linalg.norm(offset) == pytest.approx(5)
        assert offset[2] == pytest.approx(2.5)
        assert np.arctan2(offset[1], offset[0]) % (2 * np.pi) == pytest.approx(index * np.pi / 4)
        np.testing.assert_allclose(forward(camera), -offset / 5, atol=1e-12)
        assert camera.world_to_camera[1, 2] < 0  # upright


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((0, 0, 0), 0, 4), "radius: not a distance (found 0"),
        (((0, 0, 0), float("nan"), 4), "radius: not a distance (found nan"),
        (((0, 0), 1, 4), "target: not a point (found (2,), expected (3,))"),
        (((0, 0, 0), 1, 0), "count: not a number of views (found 0, expected 1 to 100000)"),
        (((0, 0, 0), 1, 2.5), "count: not a number of views (found 2.5"),
    ],
)
def test_impossible_orbits(arguments, message):
    with pytest.raises(CameraError, match="^" + re.escape(message)):
        orbit(*arguments)
    with pytest.raises(CameraError, match="elevation_degrees: not an elevation"):
        orbit((0, 0, 0), 1, 4, elevation_degrees=90)


def test_a_room_is_seen_from_inside_and_an_object_from_outside():
    room = box_scene()
    low, high = room.bounds
    for camera in orbit_of_scene(room, 5).values():
        assert (camera.position > low).all()
        assert (camera.position < high).all()
        assert camera.position[2] == pytest.approx(1.4, abs=0.1)
    thing = Scene(room.means / 3, room.scales / 3, room.rotations, room.opacities, room.sh)
    low, high = thing.bounds
    for camera in orbit_of_scene(thing, 5).values():
        assert not ((camera.position > low) & (camera.position < high)).all()
        corners = np.array([[x, y, z] for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])])
        seen = corners @ camera.world_to_camera[:3, :3].T + camera.world_to_camera[:3, 3]
        assert (np.abs(seen[:, 0] / seen[:, 2] * camera.fx) < camera.width / 2).all()
        assert (np.abs(seen[:, 1] / seen[:, 2] * camera.fy) < camera.height / 2).all()


def views():
    eyes = [(0, 0, 1), (2, 0, 1.2), (3, 2, 1), (3, 5, 1.5)]
    targets = [(5, 0, 1), (5, 1, 1), (3, 9, 1), (0, 5, 0)]
    return {
        str(i): Camera.look_at(eye, target, width=64, height=48, fov_degrees=60 + 5 * i)
        for i, (eye, target) in enumerate(zip(eyes, targets, strict=True))
    }


def test_paths_pass_the_given_cameras_smoothly():
    path = list(interpolated(views(), 9).values())
    assert len(path) == 31
    assert path[::10] == list(views().values())
    positions = np.array([camera.position for camera in path])
    steps = np.diff(positions, axis=0)
    # No kinks: from one step to the next the direction turns little, also at the given cameras.
    directions = steps / np.linalg.norm(steps, axis=1, keepdims=True)
    assert (directions[1:] * directions[:-1]).sum(axis=1).min() > np.cos(np.radians(25))
    turns = [np.degrees(np.arccos(np.clip(forward(a) @ forward(b), -1, 1))) for a, b in pairwise(path)]
    assert max(turns) < 12
    assert np.ptp(turns[:10]) < 0.1  # at an even rate between two
    focal = [camera.fx for camera in path[:11]]
    np.testing.assert_allclose(np.diff(focal), focal[1] - focal[0])


def test_a_path_of_cameras_in_a_row_is_straight():
    eyes = [(x, 0, 0) for x in (0, 1, 2, 3)]
    path = interpolated([Camera.look_at(e, (9, 0, 0.1), width=8, height=8) for e in eyes], 3)
    np.testing.assert_allclose(
        [c.position for c in path.values()], [(x, 0, 0) for x in np.linspace(0, 3, 13)], atol=1e-9
    )


def test_cameras_that_stand_still_and_turn_by_half():
    cameras = [Camera.look_at((0, 0, 0), target, width=8, height=8) for target in ((1, 0, 0), (-1, 0.01, 0))]
    path = list(interpolated(cameras, 1).values())
    np.testing.assert_allclose(path[1].position, 0, atol=1e-12)
    assert abs(forward(path[1]) @ (0, 1, 0)) > 0.99


def test_impossible_paths():
    cameras = views()
    with pytest.raises(CameraError, match=r"cameras: a path needs two cameras \(found 1\)"):
        interpolated(list(cameras.values())[:1], 3)
    cameras["1"] = cameras["1"].resized(32, 24)
    with pytest.raises(CameraError, match=r"cameras: cameras of one image size are needed \(found 32x24, 64x48\)"):
        interpolated(cameras, 3)
    with pytest.raises(CameraError, match="between: not a number of views"):
        interpolated(views(), -1)
    with pytest.raises(CameraError, match=r"between: not a number of views \(found 3000004, expected 1 to 100000"):
        interpolated(views(), 10**6)


def test_segment_makes_its_own_views(exported_bundle, scene, tmp_path):
    scene.save(tmp_path / "a.ply")
    command = ["segment", str(exported_bundle), str(tmp_path / "a.ply"), "-o", str(tmp_path / "out"), "--quiet"]
    assert main([*command, "--orbit", "3", "--size", "64x48"]) == 0
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert [(v["name"], v["width"], v["height"]) for v in summary["views"]] == [
        (f"orbit_000{i}", 64, 48) for i in range(3)
    ]
    save_cameras(tmp_path / "cameras.json", dict(list(views().items())[:2]))
    (tmp_path / "info.yaml").write_text("width: 40\nheight: 30\nk: [50, 0, 19.5, 0, 50, 14.5, 0, 0, 1]\nd: []\n")
    options = [
        "--cameras",
        str(tmp_path / "cameras.json"),
        "--interpolate",
        "2",
        "--camera-info",
        str(tmp_path / "info.yaml"),
    ]
    assert main([*command[:-2], str(tmp_path / "path"), "--quiet", *options]) == 0
    summary = json.loads((tmp_path / "path" / "summary.json").read_text())
    assert [(v["name"], v["width"], v["height"]) for v in summary["views"]] == [
        (f"path_000{i}", 40, 30) for i in range(4)
    ]
