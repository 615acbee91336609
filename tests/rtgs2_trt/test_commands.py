"""The command line ``rtgs2``: what it writes, what it prints, how it ends."""

from __future__ import annotations

import json
import os
import signal
import sys
from io import StringIO

import numpy as np
import pytest
from PIL import Image

from rtgs2_trt import BackendError, Camera, Scene, Segmenter, load_cameras, save_cameras
from rtgs2_trt.cli import main
from rtgs2_trt.console import Console
from rtgs2_trt.orientation import orientation


@pytest.fixture
def room(scene, tmp_path):
    """A folder with scene.ply and cameras.json of three views."""
    scene.save(tmp_path / "scene.ply")
    views = {
        f"view/{i}.png": Camera.look_at((0.2, 0.2 + 0.3 * i, 0.6), (1.8, 1.2, 0.5), width=100, height=70)
        for i in range(3)
    }
    save_cameras(tmp_path / "cameras.json", views)
    return tmp_path


def segment(bundle, room, *options):
    paths = [str(bundle), str(room / "scene.ply"), "--cameras", str(room / "cameras.json"), "-o", str(room / "out")]
    return main(["segment", *paths, *options])


def test_segment_writes_everything(exported_bundle, room, capsys):
    assert segment(exported_bundle, room) == 0
    out = room / "out"
    names = {"view_0.png", "view_1.png", "view_2.png"}
    for folder in ("labels", "color", "overlay"):
        assert {path.name for path in (out / folder).iterdir()} == names
    assert (out / "contact_sheet.png").is_file()
    assert (out / "statistics.png").is_file()
    counted = (out / "statistics.csv").read_text().splitlines()
    assert counted[0] == "view,class_id,class,pixels,share"
    assert sum(int(line.split(",")[3]) for line in counted[1:]) == 3 * 100 * 70
    summary = json.loads((out / "summary.json").read_text())
    assert [view["name"] for view in summary["views"]] == ["view/0.png", "view/1.png", "view/2.png"]
    assert summary["backend"] == "cpu"
    assert set(summary["seconds"]["per view (median)"]) == {"rasterize", "fuse", "argmax"}
    assert "3 views labelled" in capsys.readouterr().out
    classes = json.loads((out / "classes.json").read_text())
    assert [entry["id"] for entry in classes] == [1, 2, 5, 7, 300]
    assert not list(out.rglob("*.tmp"))


def test_label_images_hold_the_ids_of_the_segmenters_labels(exported_bundle, room):
    assert segment(exported_bundle, room, "--quiet") == 0
    segmenter = Segmenter(exported_bundle)
    scene = segmenter.load(room / "scene.ply")
    for index, camera in enumerate(load_cameras(room / "cameras.json").values()):
        result = segmenter(scene, camera)
        with Image.open(room / "out" / "labels" / f"view_{index}.png") as image:
            assert image.mode == "I;16"  # an id of 300 needs 16 bits
            np.testing.assert_array_equal(np.asarray(image), result.classes.ids[result.labels])


def test_unknown_pixels_hold_the_unknown_id(exported_bundle, room):
    assert segment(exported_bundle, room, "--quiet", "--unknown-below", "1", "--views", "1") == 0
    with Image.open(room / "out" / "labels" / "view_0.png") as image:
        assert (np.asarray(image) == 65535).all()


def test_segment_json_and_quiet(exported_bundle, room, capsys):
    assert segment(exported_bundle, room, "--json", "--quiet", "--view", "view/1.png", "--size", "64x32") == 0
    captured = capsys.readouterr()
    summary = json.loads(captured.out)
    assert captured.err == ""
    assert summary["views"] == [{"name": "view/1.png", "file": "view_1.png", "width": 64, "height": 32}]


def test_segment_saves_the_encoded_scene(exported_bundle, room, capsys):
    assert segment(exported_bundle, room, "--save-scene", str(room / "encoded.ply"), "--views", "1") == 0
    assert main(["info", str(room / "encoded.ply"), "--json"]) == 0
    described = json.loads(capsys.readouterr().out.split("\n", 1)[1])
    assert described["features"] == 32
    assert described["features_encoder"] == Segmenter(exported_bundle).bundle.encoder_hash


def test_hostile_view_names_stay_inside_the_folder(exported_bundle, room):
    camera = Camera.look_at((0.2, 0.2, 0.6), (1.8, 1.2, 0.5), width=32, height=32)
    names = ["../../evil.png", "/etc/passwd", "a", "A", "..", "x" * 500]
    save_cameras(room / "cameras.json", dict.fromkeys(names, camera))
    assert segment(exported_bundle, room, "--quiet") == 0
    written = sorted(path.name for path in (room / "out" / "labels").iterdir())
    assert written == sorted(["evil.png", "etc_passwd.png", "a.png", "A_2.png", "view.png", "x" * 120 + ".png"])


@pytest.mark.parametrize("damage", ["scene", "cameras", "bundle", "view"])
def test_bad_input_exits_with_2_and_writes_nothing(bundle, room, capsys, damage):
    options = []
    if damage == "scene":
        (room / "scene.ply").write_bytes((room / "scene.ply").read_bytes()[:-7])
    elif damage == "cameras":
        (room / "cameras.json").write_text("[]")
    elif damage == "bundle":
        (bundle / "fusion.onnx").unlink()
    else:
        options = ["--view", "nowhere"]
    assert segment(bundle, room, *options) == 2
    name = {"scene": "scene.ply", "cameras": "cameras.json", "bundle": "fusion.onnx", "view": "cameras.json"}[damage]
    message = capsys.readouterr().err
    assert "error: " in message
    assert name in message
    assert not (room / "out").exists()


def test_error_as_json(exported_bundle, room, capsys):
    (room / "scene.ply").write_bytes(b"")
    assert segment(exported_bundle, room, "--json", "--quiet") == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["type"] == "SceneError"
    assert "scene.ply" in error["message"]


@pytest.mark.parametrize("options", [["--size", "640"], ["--views", "0"], ["--backend", "gpu"]])
def test_wrong_options_exit_with_2(exported_bundle, room, options):
    with pytest.raises(SystemExit) as caught:
        segment(exported_bundle, room, *options)
    assert caught.value.code == 2


def test_info_describes_and_checks_a_bundle(exported_bundle, capsys):
    assert main(["info", str(exported_bundle), "--json", "--check"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["classes"] == ["wall", "floor", "chair", "table", "lamp"]
    assert values["self_check"]["passed"] is True
    assert main(["info", str(exported_bundle)]) == 0
    assert "test weights" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "format_"),
    [("a.compressed.ply", "compressed-ply"), ("a.splat", "splat"), ("a.spz", "spz"), ("a.sog", "sog")],
)
def test_convert_writes_what_the_name_says(room, capsys, name, format_):
    assert main(["convert", str(room / "scene.ply"), str(room / name), "--json", "--quiet"]) == 0
    result = json.loads(capsys.readouterr().out)
    scene = Scene.load(room / name)
    assert (result["format"], result["gaussians"], result["bytes"]) == (
        format_,
        len(scene),
        (room / name).stat().st_size,
    )
    assert main(["info", str(room / name)]) == 0


@pytest.mark.parametrize("command", ["convert", "scene"])
@pytest.mark.parametrize("name", ["room.foo", "room", "room.ply.zip"])
def test_an_ending_that_is_no_formats_is_refused_before_anything_is_read(tmp_path, capsys, command, name):
    output = [str(tmp_path / name)] if command == "convert" else ["-o", str(tmp_path / name)]
    assert main([command, "there is none.ply", *output]) == 2
    message = capsys.readouterr().err
    assert f"the name does not say which format (found {tmp_path / name}, expected a name that ends with" in message
    assert ".compressed.ply, .ply, .splat, .spz, .sog" in message
    assert not list(tmp_path.iterdir())


def test_features_are_kept_in_ply_only(exported_bundle, room, capsys):
    assert segment(exported_bundle, room, "--save-scene", str(room / "encoded.spz")) == 2
    assert "encoded.spz: --save-scene: only standard PLY holds features" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value", "text"),
    [
        ("--crop", "3:1,:,:", "argument --crop: '3:1,:,:' has no inside: write the lesser limit first"),
        ("--min-opacity", "2", "argument --min-opacity: '2' is no opacity"),
        ("--drop-floaters", "0", "argument --drop-floaters: '0' is no length"),
        ("--scale", "0", "argument --scale: '0' is neither a number over 0 nor auto"),
        ("--up", "w", "argument --up: 'w' is no axis nor auto: write x, -x"),
    ],
)
def test_impossible_values_name_the_option(room, capsys, option, value, text):
    with pytest.raises(SystemExit) as ended:
        main(["scene", str(room / "scene.ply"), option, value])
    assert ended.value.code == 2
    assert text in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--unknown-below", "50"], "error: --unknown-below: not a coverage (found 50.0, expected 0 to 1)"),
        (["--min-confidence", "stool=0.5"], "error: --min-confidence: there is no such class in the table"),
        (["--threads", "-1"], "error: --threads: impossible number of threads (found -1"),
        (["--interpolate", "99999999"], "error: --interpolate: "),
    ],
)
def test_what_functions_refuse_names_the_option(exported_bundle, room, capsys, options, text):
    assert segment(exported_bundle, room, "--quiet", *options) == 2
    assert capsys.readouterr().err.startswith(text)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--crop", "90:,:,:"], "--crop: all 4000 Gaussians that were there are outside the box: none is left"),
        (["--min-opacity", "1"], "--min-opacity: all 4000 Gaussians that were there are faint"),
        (["--drop-floaters", "0.0001"], "--drop-floaters: all 4000 Gaussians that were there are floating"),
    ],
)
def test_options_that_leave_nothing_are_named(room, capsys, options, text):
    assert main(["scene", str(room / "scene.ply"), *options]) == 2
    assert text in capsys.readouterr().err


def test_convert_changes_units_and_axes(room):
    arguments = ["convert", str(room / "scene.ply"), str(room / "out"), "--format", "ply", "--scale", "2", "--up", "-y"]
    assert main([*arguments, "--quiet"]) == 0
    expected = Scene.load(room / "scene.ply", scale=2, up="-y")
    np.testing.assert_array_equal(Scene.load(room / "out").means, expected.means)


def test_convert_says_what_is_lost(scene, tmp_path, capsys):
    scene.with_features(np.ones((len(scene), 2))).save(tmp_path / "a.ply")
    assert main(["convert", str(tmp_path / "a.ply"), str(tmp_path / "b.spz")]) == 0
    assert "b.spz: the encoder's features are left out, only PLY holds them" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "lost"),
    [
        (["convert", "a.ply", "b.ply"], False),
        (["convert", "a.ply", "b.ply", "--scale", "2"], True),
        (["convert", "a.ply", "a.ply", "--up", "y"], True),
        (["scene", "a.ply", "-o", "b.ply", "--crop", ":,:,:0.5"], False),
        (["scene", "a.ply", "--move", "1,0,0"], False),  # writes nothing
        (["scene", "a.ply", "-o", "b.ply", "--move", "1,0,0"], True),
        (["scene", "a.ply", "scene.ply", "-o", "b.ply"], True),
        (["scene", "a.ply", "-o", "b.ply", "--scale", "2"], True),
    ],
)
def test_features_that_are_lost_in_ply_are_told(scene, room, monkeypatch, capsys, options, lost):
    monkeypatch.chdir(room)
    scene.with_features(np.ones((len(scene), 2))).save("a.ply")
    assert main([*options, "--quiet"]) == 0
    assert ("ply: the encoder's features are left out: lost with --scale" in capsys.readouterr().err) is lost
    written = options[2] if options[0] == "convert" else options[options.index("-o") + 1] if "-o" in options else None
    if written:
        assert (Scene.load(written).features is None) is lost


def test_convert_refuses_what_is_no_scene(tmp_path, capsys):
    (tmp_path / "a.spz").write_bytes(b"\x1f\x8bnothing")
    assert main(["convert", str(tmp_path / "a.spz"), str(tmp_path / "b.ply")]) == 2
    assert "a.spz: gzip: damaged compressed data" in capsys.readouterr().err
    assert not (tmp_path / "b.ply").exists()


def test_info_describes_a_scene(room, capsys):
    assert main(["info", str(room / "scene.ply"), "--json", "--quiet"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["gaussians"] == 4000
    assert values["sh_degree"] == 1
    assert values["features"] is None


def test_interrupt_exits_with_130(exported_bundle, room, capsys, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(Segmenter, "__call__", interrupt)
    assert segment(exported_bundle, room, "--quiet") == 130
    assert "interrupted" in capsys.readouterr().err
    assert not list((room / "out").rglob("*.tmp"))


def test_a_scene_of_another_unit_warns_even_when_quiet(scene, tmp_path, capsys):
    path = tmp_path / "[small] scene.ply"  # brackets are markup to some consoles
    scene.transformed(0.05, np.eye(3)).save(path)
    assert main(["info", str(path), "--quiet"]) == 0
    captured = capsys.readouterr()
    assert captured.err.startswith("warning: ")
    assert "Give scale=" in captured.err
    assert "[small] scene.ply" in captured.out


@pytest.mark.parametrize("display", ["step", "share"])
def test_warnings_are_seen_beside_a_bar_on_a_quiet_terminal(display, monkeypatch):
    """There a bar takes the place of standard error, and its console says nothing."""
    terminal = StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    console = Console(quiet=True)
    with getattr(console, display)("work"):
        console.warn("mind this")
    assert terminal.getvalue() == "warning: mind this\n"


def test_scale_and_up_move_scene_and_cameras_together(exported_bundle, room, capsys):
    """A capture in half metres with y down gives the colours that the same room gives in metres with z up."""
    turn = orientation("-y")
    Scene.load(room / "scene.ply").transformed(0.5, turn.T).save(room / "capture.ply")
    cameras = {name: camera.transformed(0.5, turn.T) for name, camera in load_cameras(room / "cameras.json").items()}
    save_cameras(room / "capture.json", cameras)
    assert segment(exported_bundle, room, "--quiet", "--views", "1") == 0
    paths = [str(exported_bundle), str(room / "capture.ply"), "--cameras", str(room / "capture.json")]
    options = ["--scale", "2", "--up", "-y", "--quiet", "--views", "1", "--save-scene", str(room / "metric.ply")]
    assert main(["segment", *paths, "-o", str(room / "out2"), *options]) == 0
    metric = [str(exported_bundle), str(room / "metric.ply"), "--cameras", str(room / "metric.cameras.json")]
    assert main(["segment", *metric, "-o", str(room / "out3"), "--quiet"]) == 0
    assert list(load_cameras(room / "metric.cameras.json")) == list(cameras)  # and not the one that was looked at
    pictures = []
    for out in ("out", "out2", "out3"):
        with Image.open(room / out / "color" / "view_0.png") as image:
            pictures.append(np.asarray(image).astype(int))
    assert pictures[0].std() > 10
    # float32 rounding of the turned Gaussians: a level here and there
    assert np.abs(pictures[0] - pictures[1]).mean() < 0.02
    assert np.abs(pictures[0] - pictures[2]).mean() < 0.02


def test_what_was_labelled_before_a_failure_is_in_the_summary(exported_bundle, room, monkeypatch):
    real, calls = Segmenter.__call__, []

    def fails_at_the_third(self, *arguments, **options):
        calls.append(1)
        if len(calls) == 3:
            raise BackendError("out of luck")
        return real(self, *arguments, **options)

    monkeypatch.setattr(Segmenter, "__call__", fails_at_the_third)
    assert segment(exported_bundle, room, "--quiet") == 1
    summary = json.loads((room / "out" / "summary.json").read_text())
    assert summary["complete"] is False
    assert [view["name"] for view in summary["views"]] == ["view/0.png", "view/1.png"]


@pytest.mark.parametrize("target", ["a_file", "a_file/below"])
def test_output_that_is_no_folder_is_refused_first(exported_bundle, room, capsys, target):
    (room / "a_file").write_text("")
    paths = [str(exported_bundle), str(room / "scene.ply"), "--cameras", str(room / "cameras.json")]
    assert main(["segment", *paths, "-o", str(room / target)]) == 2
    assert "a_file: --output: is a file, not a folder" in capsys.readouterr().err


def test_save_scene_into_a_file_is_refused_first(exported_bundle, room, capsys):
    assert segment(exported_bundle, room, "--save-scene", str(room / "scene.ply" / "x.ply")) == 2
    assert "scene.ply: --save-scene: is a file, not a folder" in capsys.readouterr().err
    assert not (room / "out").exists()


@pytest.mark.parametrize(
    ("options", "field"),
    [
        (["label", "no.rtgs2", "no.ply", "--orbit", "2", "-o", "{}/x.ply"], "--output"),
        (["segment", "no.rtgs2", "no.ply", "--orbit", "2", "-o", "out", "--save-scene", "{}/x.ply"], "--save-scene"),
        (["segment", "no.rtgs2", "no.ply", "--orbit", "2", "--video", "{}/x.mp4"], "--video"),
        (["scene", "no.ply", "-o", "{}/x.ply"], "--output"),
        (["convert", "no.ply", "{}/x.splat"], "OUT"),
    ],
)
def test_a_missing_folder_is_said_before_anything_is_read(tmp_path, monkeypatch, capsys, options, field):
    monkeypatch.chdir(tmp_path)
    for missing in (tmp_path / "missing", "missing"):
        assert main([option.format(missing) for option in options]) == 2
        message = capsys.readouterr().err
        assert f"{tmp_path / 'missing'}: {field}: there is no such folder. Create it first" in message
        assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--unknown-below", "5"], "--unknown-below: not a coverage (found 5.0, expected 0 to 1)"),
        (["--unknown-below", "nan"], "--unknown-below: not a finite number"),
        (["--view", "foo"], "--view: no such view (found foo, expected one of orbit_0000, orbit_0001)"),
        (["--views", "1", "--interpolate", "3"], "a path needs two cameras"),
        (["--interpolate", "99999999"], "--interpolate: not a number of views"),
    ],
)
def test_what_an_orbit_cannot_have_is_said_before_anything_is_read(tmp_path, monkeypatch, capsys, options, text):
    monkeypatch.chdir(tmp_path)
    assert main(["segment", "no.rtgs2", "no.ply", "--orbit", "2", "-o", "out", *options]) == 2
    message = capsys.readouterr().err
    assert text in message
    assert "no.rtgs2" not in message
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("options", [["--view", "orbit_0001"], ["--views", "2", "--interpolate", "1"]])
def test_what_an_orbit_has_is_taken(exported_bundle, room, options):
    paths = [str(exported_bundle), str(room / "scene.ply"), "-o", str(room / "out")]
    assert main(["segment", *paths, "--orbit", "3", "--size", "64x48", "--quiet", *options]) == 0
    names = {path.stem for path in (room / "out" / "labels").iterdir()}
    assert names == ({"orbit_0001"} if "--view" in options else {"path_0000", "path_0001", "path_0002"})


def test_terminated_like_interrupted(exported_bundle, room, capsys, monkeypatch):
    monkeypatch.setattr(Segmenter, "__call__", lambda *_, **__: os.kill(os.getpid(), signal.SIGTERM))
    before = signal.getsignal(signal.SIGTERM)
    assert segment(exported_bundle, room, "--quiet") == 130
    assert signal.getsignal(signal.SIGTERM) is before
    assert not (room / "out").exists()


def test_dropped_gaussians_are_counted(scene, exported_bundle, room, capsys):
    means = scene.means.copy()
    scene = Scene(means, scene.scales, scene.rotations, scene.opacities, scene.sh)
    means[[7, 100, 2000]] = np.nan  # after the checks
    scene.save(room / "scene.ply")
    assert segment(exported_bundle, room, "--quiet") == 2
    assert "x: NaN or infinite values (found 3 of 4000 Gaussians, the first at index 7)" in capsys.readouterr().err
    message = f"{room / 'scene.ply'}: dropped 3 of 4000 Gaussians for NaN, infinite values or a zero quaternion"
    assert segment(exported_bundle, room, "--quiet", "--json", "--drop-invalid", "--views", "1") == 0
    captured = capsys.readouterr()
    summary = json.loads(captured.out)
    assert captured.err == f"warning: {message}\n"
    assert (summary["gaussians"], summary["warnings"]) == (3997, [message])
    assert main(["info", str(room / "scene.ply"), "--drop-invalid", "--json", "--quiet"]) == 0
    assert json.loads(capsys.readouterr().out)["warnings"] == [message]
