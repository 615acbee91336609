"""Units and axes of generated rooms, made strange and found again; benchmarks/scale.py does it with more of them."""

import json
import re

import numpy as np
import pytest

from box_room import box_scene
from rtgs2_training.synthrooms import RoomSettings, generate_room
from rtgs2_trt import Camera, SceneError, load_cameras, save_cameras
from rtgs2_trt.cli import main
from rtgs2_trt.orientation import orientation
from rtgs2_trt.scene import Scene
from rtgs2_trt.scene_tools import estimate_frame


@pytest.fixture(scope="module")
def rooms():
    settings = RoomSettings(gaussians=20_000, views=6, image_size=(64, 48))
    return [generate_room(seed, settings) for seed in (53, 58)]


def made_strange(room, factor, up, tilt=0.0):
    """The room and its cameras in another unit, with another axis up and tilted by radians about the file's x."""
    c, s = np.cos(tilt), np.sin(tilt)
    turn = np.array([[1, 0, 0], [0, c, -s], [0, s, c]]) @ orientation(up).T
    cameras = {name: view.camera.transformed(factor, turn) for name, view in room.views.items()}
    return room.scene.transformed(factor, turn), cameras, turn @ (0, 0, 1)


@pytest.mark.parametrize(("index", "factor", "up"), [(0, 0.1, "-y"), (1, 10, "z"), (0, 3.3, "x")])
def test_scale_and_up_are_found(rooms, index, factor, up):
    scene, cameras, vertical = made_strange(rooms[index], factor, up, tilt=0.1)
    frame = estimate_frame(scene, list(cameras.values()))
    assert frame.up @ vertical > 0.999
    assert frame.up_axis == up
    assert abs(frame.scale * factor - 1) < 0.15
    np.testing.assert_allclose(frame.rotation @ frame.up, (0, 0, 1), atol=1e-9)
    np.testing.assert_allclose(frame.rotation @ frame.rotation.T, np.eye(3), atol=1e-9)
    # The floor of generated rooms is at 0.
    upright = scene.transformed(frame.scale, frame.rotation)
    assert abs(np.quantile(upright.means[:, 2], 0.02) - 0) < 0.15


def test_a_room_alone_tells_its_scale_too(rooms):
    scene, _, vertical = made_strange(rooms[1], 0.5, "y")
    frame = estimate_frame(scene)
    assert frame.up @ vertical > 0.999
    assert (frame.camera_height, frame.by_cameras) == (None, None)
    assert abs(frame.scale * 0.5 - 1) < 0.15
    scene, cameras, _ = made_strange(rooms[1], 0.5, "y")
    assert frame.uncertainty > estimate_frame(scene, list(cameras.values())).uncertainty


def test_a_known_axis_is_kept(rooms):
    scene, _, vertical = made_strange(rooms[0], 2.0, "z")
    assert estimate_frame(scene, up="z").up @ vertical > 0.999
    assert estimate_frame(scene, up="-z").up @ vertical < -0.999


def test_what_cannot_be_estimated():
    rng = np.random.default_rng(0)
    count = 3000
    blob = Scene(
        rng.normal(size=(count, 3)),
        np.full((count, 3), 0.05),
        [[1, 0, 0, 0]] * count,
        np.ones(count),
        np.zeros((count, 1, 3)),
    )
    with pytest.raises(SceneError, match="up: its axes cannot be estimated: hardly any of its Gaussians are flat"):
        estimate_frame(blob)
    floor = Scene(
        rng.uniform(-2, 2, (count, 3)) * (1, 1, 0.001),
        np.full((count, 3), 0.05) * (1, 1, 0.01),
        [[1, 0, 0, 0]] * count,
        np.ones(count),
        np.zeros((count, 1, 3)),
    )
    with pytest.raises(
        SceneError, match=re.escape("scale: its size cannot be estimated: there is no ceiling and there")
    ):
        estimate_frame(floor, up="z")
    frame = estimate_frame(floor, [Camera.look_at((0, 0, 2.8), (1, 0, 0), width=8, height=8)])
    assert frame.ceiling is None
    assert abs(frame.scale - 0.5) < 0.01  # cameras are taken to be 1.4 m above it
    with pytest.raises(SceneError, match="not an axis"):
        estimate_frame(floor, up="w")


def test_the_command_line_shows_and_applies_the_estimate(rooms, tmp_path, capsys):
    scene, cameras, _ = made_strange(rooms[1], 4.0, "-y")
    scene.save(tmp_path / "strange.ply")
    save_cameras(tmp_path / "cameras.json", cameras)
    names = [str(tmp_path / name) for name in ("strange.ply", "cameras.json", "metric.ply")]
    arguments = ["scene", names[0], "--cameras", names[1], "--scale", "auto", "--up", "auto", "-o", names[2], "--json"]
    assert main([*arguments, "--quiet"]) == 0
    output = capsys.readouterr()
    frame = json.loads(output.out)["frame"]
    assert frame["up_axis"] == "-y"
    assert abs(frame["scale"] * 4 - 1) < 0.15
    assert re.search(
        r"strange\.ply: estimated: 0\.2\d* m per unit \(give or take 8 %\), up is near -y, room 2", output.err
    )
    metric = Scene.load(names[2])
    assert np.ptp(metric.means[:, 2], axis=0) < 4.5
    moved = load_cameras(tmp_path / "metric.cameras.json")
    assert all(0.7 < camera.position[2] < 2.2 for camera in moved.values())


def test_segment_estimates_too(exported_bundle, tmp_path, rooms, capsys):
    scene, cameras, _ = made_strange(rooms[0], 3.0, "y")
    scene.save(tmp_path / "a.spz")
    save_cameras(tmp_path / "cameras.json", dict(list(cameras.items())[:1]))
    arguments = ["segment", str(exported_bundle), str(tmp_path / "a.spz"), "--cameras", str(tmp_path / "cameras.json")]
    assert main([*arguments, "-o", str(tmp_path / "out"), "--scale", "auto", "--up", "auto", "--quiet"]) == 0
    assert "a.spz: estimated: " in capsys.readouterr().err
    assert len(list((tmp_path / "out" / "labels").iterdir())) == 1


def discs(means, normals):
    """Flat discs across their normals."""
    turn = np.stack(
        [1 + normals[:, 2], -normals[:, 1], normals[:, 0], np.zeros(len(normals))], axis=1
    )  # z to the normal
    count = len(means)
    return Scene(means, np.tile((0.05, 0.05, 0.002), (count, 1)), turn, np.full(count, 0.9), np.zeros((count, 1, 3)))


@pytest.mark.parametrize("seed", range(4))
def test_objects_are_not_taken_for_rooms(seed):
    """A ball, whose top and bottom are two slabs; a bush of leaves in all directions; one with more that lies level."""
    rng = np.random.default_rng(seed)
    normals = rng.normal(size=(20_000, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    turn *= np.sign(np.linalg.det(turn))
    bush = rng.uniform(-1, 1, (20_000, 3)) * (0.4, 0.5, 1.5)
    for means in (normals, bush):
        with pytest.raises(SceneError, match="no floor can be told from the rest"):
            estimate_frame(discs(means, normals).transformed(1.0, turn))
    normals[:2000] = (0, 0, 1)
    with pytest.raises(SceneError, match="there is no ceiling"):
        estimate_frame(discs(bush, normals), up="z")


def test_what_cannot_be_estimated_names_the_file_and_the_options(tmp_path, capsys):
    box_scene(count=50).save(tmp_path / "a.ply")  # too few to tell a floor by
    command = ["scene", str(tmp_path / "a.ply"), "-o", str(tmp_path / "b.ply"), "--quiet"]
    assert main([*command, "--scale", "auto", "--up", "auto"]) == 2
    message = capsys.readouterr().err
    assert f"{tmp_path / 'a.ply'}: --scale auto, --up auto: its axes cannot be estimated" in message
    assert "leave --scale out" in message


def test_scale_that_is_no_number(capsys):
    with pytest.raises(SystemExit):
        main(["scene", "a.ply", "--scale", "big"])
    assert "'big' is neither a number over 0 nor auto" in capsys.readouterr().err


def test_the_box_on_the_command_line(tmp_path):
    scene = box_scene()
    scene.save(tmp_path / "a.ply")
    command = ["scene", str(tmp_path / "a.ply"), "-o", str(tmp_path / "b.ply"), "--quiet"]
    assert main([*command, "--move", "-1,0,0.5", "--crop", "-0.5:,:,:1"]) == 0
    moved = scene.means + np.float32([-1, 0, 0.5])
    kept = Scene.load(tmp_path / "b.ply").means
    np.testing.assert_allclose(kept, moved[(moved[:, 0] >= -0.5) & (moved[:, 2] <= 1)], atol=1e-6)
    for bad in ("1:2", "a:b,:,:", "1,2,3"):
        with pytest.raises(SystemExit):
            main([*command, "--crop", bad])
