"""``rtgs2 label``: what it writes, what it refuses, how it ends."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rtgs2_trt import Camera, Scene, Segmenter, load_cameras, save_cameras
from rtgs2_trt.cli import main
from rtgs2_trt.labels_in_3d import label_gaussians, load_labelled


@pytest.fixture
def room(scene, tmp_path):
    """A folder with scene.ply and cameras.json of three views."""
    scene.save(tmp_path / "scene.ply")
    views = {
        f"view{i}": Camera.look_at((0.2, 0.2 + 0.3 * i, 0.6), (1.8, 1.2, 0.5), width=100, height=70) for i in range(3)
    }
    save_cameras(tmp_path / "cameras.json", views)
    return tmp_path


def label(bundle, room, *options):
    paths = [str(bundle), str(room / "scene.ply"), "-o", str(room / "out.ply")]
    views = [] if "--orbit" in options else ["--cameras", str(room / "cameras.json")]
    return main(["label", *paths, *views, *options])


def test_label_writes_what_python_gives(exported_bundle, room, capsys):
    assert label(exported_bundle, room) == 0
    out, err = capsys.readouterr()
    assert "4000 of 4000 Gaussians" in out
    assert "label views" in err
    found = load_labelled(room / "out.ply")
    segmenter = Segmenter(exported_bundle)
    expected = label_gaussians(segmenter, segmenter.load(room / "scene.ply"), load_cameras(room / "cameras.json"))
    np.testing.assert_array_equal(found.labels, expected.labels)
    np.testing.assert_array_equal(found.confidence, expected.confidence)
    assert found.classes == expected.classes
    np.testing.assert_array_equal(Scene.load(room / "out.ply").means, Scene.load(room / "scene.ply").means)
    beside = json.loads((room / "out.classes.json").read_text())
    assert (beside["views"], beside["weights"], beside["unknown_id"]) == (3, "test weights", 65535)
    assert not list(room.rglob("*.tmp"))


def test_info_tells_the_labels(exported_bundle, room, capsys):
    assert label(exported_bundle, room, "--json", "--quiet", "--views", "1") == 0
    counts = json.loads(capsys.readouterr().out)["classes"]
    assert main(["info", str(room / "out.ply"), "--json", "--quiet"]) == 0
    assert json.loads(capsys.readouterr().out)["labels"] == counts
    assert main(["info", str(room / "scene.ply"), "--json", "--quiet"]) == 0
    assert "labels" not in json.loads(capsys.readouterr().out)
    (room / "out.classes.json").unlink()
    assert main(["info", str(room / "out.ply"), "--json", "--quiet"]) == 0
    assert "out.classes.json: there is no such file" in json.loads(capsys.readouterr().out)["warnings"][0]


def test_json_and_quiet(exported_bundle, room, capsys):
    assert label(exported_bundle, room, "--json", "--quiet", "--views", "2", "--size", "64x48") == 0
    captured = capsys.readouterr()
    values = json.loads(captured.out)
    assert captured.err == ""
    assert (values["gaussians"], values["written"], values["views"]) == (4000, 4000, 2)
    assert sum(values["classes"].values()) == 4000


def test_crop_of_several_classes(exported_bundle, room, capsys):
    assert label(exported_bundle, room, "--json", "--quiet") == 0
    counts = json.loads(capsys.readouterr().out)["classes"]
    names = [name for name in counts if name != "unknown"][:2]
    whole = load_labelled(room / "out.ply")
    crop = [option for name in names for option in ("--crop-class", name)]
    assert label(exported_bundle, room, "--json", "--quiet", *crop) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["written"] == sum(counts[name] for name in names) < 4000
    chosen = whole.of_classes(names)
    np.testing.assert_array_equal(Scene.load(room / "out.ply").means, Scene.load(room / "scene.ply").means[chosen])
    np.testing.assert_array_equal(load_labelled(room / "out.ply").labels, whole.labels[chosen])


def test_units_and_axes_of_the_file_are_kept(exported_bundle, room):
    capture = Scene.load(room / "scene.ply").transformed(2.0, np.eye(3))
    capture.save(room / "scene.ply")
    assert label(exported_bundle, room, "--quiet", "--orbit", "2", "--size", "64x48", "--scale", "0.5") == 0
    np.testing.assert_array_equal(Scene.load(room / "out.ply").means, capture.means)


def test_rules_apply(exported_bundle, room):
    (room / "map.txt").write_text("* -> thing\n")
    assert label(exported_bundle, room, "--quiet", "--map", str(room / "map.txt"), "--min-confidence", "0.9999") == 0
    found = load_labelled(room / "out.ply")
    assert found.classes.names == ["thing"]
    assert (found.labels == 255).any()


def test_gaussians_that_no_view_sees_are_unknown(exported_bundle, room):
    camera = Camera.look_at((1, 0.8, 0.6), (1, 0.8, 5), up=(0, 1, 0), width=64, height=48, fov_degrees=30)
    save_cameras(room / "cameras.json", {"up": camera})
    assert label(exported_bundle, room, "--quiet") == 0
    found = load_labelled(room / "out.ply")
    means = Scene.load(room / "scene.ply").means
    assert (found.labels[means[:, 2] < 0.5] == 255).all()
    assert (found.confidence[means[:, 2] < 0.5] == 0).all()
    assert (found.labels != 255).any()


@pytest.mark.parametrize(
    "command",
    [
        ["convert", "{}/out.ply", "{}/copy.ply"],
        ["convert", "{}/out.ply", "{}/copy.spz"],
        ["scene", "{}/scene.ply", "{}/out.ply", "-o", "{}/copy.ply", "--min-opacity", "0.001"],
        ["segment", "BUNDLE", "{}/out.ply", "--orbit", "1", "--size", "64x48", "-o", "{}", "--save-scene", "{}/s.ply"],
    ],
)
def test_commands_that_leave_labels_out_say_so(exported_bundle, room, capsys, command):
    assert label(exported_bundle, room, "--quiet", "--views", "1", "--size", "64x48") == 0
    options = [str(exported_bundle) if option == "BUNDLE" else option.format(room) for option in command]
    capsys.readouterr()
    assert main([*options, "--quiet"]) == 0
    message = f"class_id and confidence of {room / 'out.ply'} are left out: rtgs2 label writes them again"
    assert message in capsys.readouterr().err
    options = [option.replace("out.ply", "scene.ply") for option in options]
    assert main([*options, "--quiet", "--json"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""  # nothing is lost of a scene without labels
    assert json.loads(captured.out)["warnings"] == []


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--crop-class", "dragon"], "--crop-class: there is no such class (found dragon, expected wall, floor"),
        (["--min-confidence", "1", "--crop-class", "wall"], "--crop-class: no Gaussian is of these classes"),
        (["--view", "nowhere"], "no such view"),
        (["-o", "x.spz"], "x.spz: --output: only standard PLY holds labels"),
        (["-o", "x.foo"], "x.foo: --output: only standard PLY holds labels. Let it end with .ply"),
        (
            ["-o", "x.compressed.ply"],
            "x.compressed.ply: --output: only standard PLY holds labels. Let it end with .ply, not .compressed.ply",
        ),
        (["-o", "x"], "x: --output: only standard PLY holds labels"),
    ],
)
def test_bad_options_exit_with_2_and_write_nothing(exported_bundle, room, capsys, options, text):
    assert label(exported_bundle, room, *options) == 2
    assert text in capsys.readouterr().err
    assert sorted(path.name for path in room.iterdir()) == ["cameras.json", "scene.ply"]


def test_a_bundle_of_the_depth_task_is_refused(depth_bundle, room, capsys):
    assert label(depth_bundle, room) == 2
    assert "a depth prediction has no classes" in capsys.readouterr().err


def test_interrupt_leaves_nothing(exported_bundle, room, capsys, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(Segmenter, "probabilities", interrupt)
    assert label(exported_bundle, room, "--quiet") == 130
    assert "interrupted" in capsys.readouterr().err
    assert sorted(path.name for path in room.iterdir()) == ["cameras.json", "scene.ply"]
