"""``rtgs2 view`` from its options to its end."""

import argparse
import signal
import socket
import sys

import numpy as np
import pytest
from PIL import Image

from box_room import SIZE, box_scene
from rtgs2_trt import Scene, load_cameras
from rtgs2_trt.camera_paths import orbit_of_scene
from rtgs2_trt.cli import main
from rtgs2_trt.commands.placed_scene import load_placed
from rtgs2_trt.console import Console
from rtgs2_trt.orientation import orientation
from rtgs2_trt.scene import SceneScaleWarning
from rtgs2_trt.viewer.start_view import start_camera


def test_it_begins_inside_a_room_at_eye_level():
    scene = box_scene(count=20_000)
    camera = start_camera(scene)
    assert (camera.position > 0.3).all()
    assert (camera.position < SIZE - 0.3).all()
    assert camera.position[2] == pytest.approx(1.4, abs=0.1)
    assert abs(camera.world_to_camera[2, 2]) < 0.1  # level


def test_it_does_not_begin_before_a_wall():
    scene = box_scene(count=20_000)
    rng = np.random.default_rng(1)
    block = rng.uniform((2.3, 0.2, 0), (3.2, 2.8, 2), (8000, 3)).astype(np.float32)  # where the orbit begins, at +x
    merged = Scene(
        means=np.concatenate([scene.means, block]),
        scales=np.concatenate([scene.scales, np.full((8000, 3), 0.04, np.float32)]),
        rotations=np.concatenate([scene.rotations, scene.rotations[:1].repeat(8000, 0)]),
        opacities=np.concatenate([scene.opacities, np.full(8000, 0.95, np.float32)]),
        sh=np.concatenate([scene.sh, scene.sh[:1].repeat(8000, 0)]),
    )
    first = next(iter(orbit_of_scene(merged, 12).values())).position
    assert 2.3 < first[0] < 3.2  # inside the block
    assert not 2.3 < start_camera(merged).position[0] < 3.2


def test_it_begins_outside_of_an_object():
    rng = np.random.default_rng(0)
    points = rng.standard_normal((5000, 3)).astype(np.float32)
    points *= 0.3 / np.linalg.norm(points, axis=1, keepdims=True)
    whole = box_scene(count=5000)
    camera = start_camera(Scene(points, whole.scales / 4, whole.rotations, whole.opacities, whole.sh))
    assert 0.5 < np.linalg.norm(camera.position) < 2


@pytest.fixture(scope="module")
def room():
    from rtgs2_training.synthrooms import RoomSettings, generate_room

    return generate_room(53, RoomSettings(gaussians=20_000, views=6, image_size=(64, 48)))


def placed(room, folder, factor, up, progress=None, **given):
    """Load the room from a file in another unit and with another axis up."""
    turn = orientation(up).T
    room.scene.transformed(factor, turn).save(folder / "room.ply")
    cameras = {name: view.camera.transformed(factor, turn) for name, view in room.views.items()}
    arguments = argparse.Namespace(**{"scale": None, "up": None, "drop_invalid": False, **given})
    console = Console(quiet=True)
    return *load_placed(str(folder / "room.ply"), arguments, cameras, console, progress), cameras, console


def test_a_room_in_metres_is_taken_as_it_is(room, tmp_path):
    scene, _, placement, _, console = placed(room, tmp_path, 1.0, "z")
    np.testing.assert_array_equal(scene.means, room.scene.means)
    np.testing.assert_array_equal(placement.rotation, np.eye(3))
    assert placement.scale == 1
    assert not console.warnings


def test_a_room_in_other_units_is_estimated_and_said(room, tmp_path):
    scene, cameras, placement, in_file, console = placed(room, tmp_path, 6.0, "-y")
    assert 6 * placement.scale == pytest.approx(1, rel=0.15)
    assert np.ptp(scene.means, axis=0)[2] == pytest.approx(
        6 * placement.scale * np.ptp(room.scene.means, axis=0)[2], rel=0.1
    )
    assert "Give --scale" in console.warnings[0]
    for name, camera in cameras.items():
        back = placement.into_file(camera)
        np.testing.assert_allclose(back.world_to_camera, in_file[name].world_to_camera, atol=1e-9)


@pytest.mark.parametrize("given", [{}, {"scale": 0.5}, {"scale": "auto"}])
def test_the_file_is_read_once(room, tmp_path, monkeypatch, given):
    read, load = [], Scene.load
    monkeypatch.setattr(Scene, "load", lambda *args, **options: read.append(options) or load(*args, **options))
    told = []
    placed(room, tmp_path, 6.0, "-y", told.append, **given)
    assert len(read) == 1
    assert told[-1] == 1


def test_of_what_is_no_room_the_extent_is_warned_of_once(tmp_path, recwarn):
    box_scene(count=50).transformed(1000, np.eye(3)).save(tmp_path / "scene.ply")  # too few to tell a floor by
    arguments = argparse.Namespace(scale=None, up=None, drop_invalid=False)
    scene, _, placement = load_placed(str(tmp_path / "scene.ply"), arguments, {}, Console(quiet=True))
    assert (len(scene), placement.scale) == (50, 1)
    assert [warning.category for warning in recwarn] == [SceneScaleWarning]


def test_what_is_given_is_not_estimated(room, tmp_path):
    scene, _, placement, _, console = placed(room, tmp_path, 6.0, "-y", scale=0.5)
    assert placement.scale == 0.5
    np.testing.assert_array_equal(placement.rotation, np.eye(3))
    assert np.ptp(scene.means, axis=0).max() == pytest.approx(3 * np.ptp(room.scene.means, axis=0).max(), rel=1e-5)
    assert not console.warnings


def test_without_viser_it_says_what_to_install(monkeypatch, capsys):
    for name in [
        name for name in sys.modules if name.startswith(("rtgs2_trt.viewer.server", "rtgs2_trt.viewer.panel"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "viser", None)
    assert main(["view", "a.rtgs2", "b.ply"]) == 1
    assert "pip install 'rtgs2-trt[view]'" in capsys.readouterr().err


def test_a_taken_port_is_said_before_anything_is_loaded(capsys):
    pytest.importorskip("viser", reason="viser is not installed: pip install '.[view]'")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert main(["view", "no.rtgs2", "no.ply", "--port", str(taken.getsockname()[1])]) == 2
    message = capsys.readouterr().err
    assert "cannot listen there" in message
    assert "no.rtgs2" not in message


def test_an_impossible_coverage_is_said_before_anything_is_loaded(capsys):
    pytest.importorskip("viser", reason="viser is not installed: pip install '.[view]'")
    assert main(["view", "no.rtgs2", "no.ply", "--port", "0", "--unknown-below", "5"]) == 2
    assert capsys.readouterr().err.startswith("error: --unknown-below: not a coverage (found 5.0")


def test_it_serves_saved_views_that_segment_takes_and_ends_cleanly(served, tmp_path):
    from viewer_browser import Browser

    assert served.ready["address"] == f"http://localhost:{served.ready['port']}"
    assert served.ready["views"] == ["view 0", "view 1"]
    with Browser(served.ready["port"]) as browser:
        browser.look(position=[0.3, 0.3, 0.6])
        browser.wait_for(lambda b: b.picture is not None and b.picture.shape == (240, 320, 3))
        group = browser.wait_for(lambda b: b.element("GuiButtonGroupMessage", "Show"))
        before = browser.picture
        browser.press(group, "colour")
        browser.wait_for(lambda b: not np.array_equal(b.picture, before))  # what is shown is what is saved
        browser.press(browser.element("GuiButtonMessage", "Save view"))
        files = browser.wait_for(lambda b: len(b.files()) == 2 and b.files())
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    camera = load_cameras(tmp_path / "view_001.cameras.json", scale=0.5, up="-y")["view_001"]
    np.testing.assert_allclose(camera.position, (0.3, 0.3, 0.6), atol=1e-6)
    options = ["--cameras", str(tmp_path / "view_001.cameras.json"), "--scale", "0.5", "--up=-y", "--quiet"]
    assert main(["segment", str(served.bundle), str(served.scene), *options, "-o", str(tmp_path / "out")]) == 0
    with Image.open(tmp_path / "view_001.png") as saved, Image.open(tmp_path / "out/color/view_001.png") as drawn:
        difference = np.abs(np.asarray(saved).astype(int) - np.asarray(drawn))
    # The camera was rounded on its way through the file's frame: levels, and single Gaussians at alpha = 1/255, flip.
    assert difference.mean() < 0.05
    assert (difference > 2).mean() < 1e-3

    served.process.send_signal(signal.SIGINT)
    assert served.process.wait(60) == 0
    assert served.process.stdout.read() == ""  # nothing but the JSON, which was read when it was ready
    assert served.errors.read_text() == ""
