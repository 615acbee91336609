"""Videos of labels: what they show, how they end, what they refuse."""

from __future__ import annotations

import json
import os
from types import SimpleNamespace

import numpy as np
import pytest

from rtgs2_trt import BackendError, Camera, InputError, Segmenter, save_cameras
from rtgs2_trt.classes import builtin_class_table
from rtgs2_trt.cli import main
from rtgs2_trt.pictures import color_labels
from rtgs2_trt.video import VideoWriter
from rtgs2_trt.video_frames import VIDEO_LAYOUTS, FrameComposer

cv2 = pytest.importorskip("cv2", reason="needs rtgs2-trt[video]")
TABLE = builtin_class_table("synthrooms")


def frames_of(path):
    capture, frames = cv2.VideoCapture(str(path)), []
    while True:
        there, frame = capture.read()
        if not there:
            return frames, capture.get(cv2.CAP_PROP_FPS)
        frames.append(frame[:, :, ::-1])


@pytest.mark.parametrize("ending", [".mp4", ".webm"])
def test_frames_come_back(tmp_path, ending):
    colours = [(200, 30, 30), (30, 200, 30), (30, 30, 200)]
    with VideoWriter(tmp_path / f"out{ending}", 12) as video:
        for colour in colours:
            video.add(np.full((65, 97, 3), colour, np.uint8))
    assert (video.frames, video.finished) == (3, True)
    frames, rate = frames_of(tmp_path / f"out{ending}")
    assert rate == 12
    assert [frame.shape for frame in frames] == [(66, 98, 3)] * 3
    for frame, colour in zip(frames, colours, strict=True):
        # VP9 is lossy and stores colour coarsely; red and blue are not exchanged.
        assert np.abs(frame.mean(axis=(0, 1)) - colour).max() < 12
    assert [path.name for path in tmp_path.iterdir()] == [f"out{ending}"]


def test_nothing_is_left_of_a_video_that_failed(tmp_path):
    (tmp_path / "out.mp4").write_bytes(b"the old one")

    def interrupted():
        with VideoWriter(tmp_path / "out.mp4") as video:
            video.add(np.zeros((32, 32, 3), np.uint8))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with VideoWriter(tmp_path / "empty.mp4") as video:
        pass
    assert not video.finished
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
    assert (tmp_path / "out.mp4").read_bytes() == b"the old one"


@pytest.mark.parametrize("ending", ["mp4", "webm"])
def test_a_video_that_did_not_fit_on_the_disk_is_refused(tmp_path, ending):
    (tmp_path / f"out.{ending}").write_bytes(b"the old one")
    rng = np.random.default_rng(0)
    with VideoWriter(tmp_path / f"out.{ending}") as video:
        for _ in range(40):
            video.add(rng.integers(0, 255, (64, 64, 3), np.uint8))
        video._encoder.release()
        size = video._temporary.stat().st_size
        os.truncate(video._temporary, size // 2)
        with pytest.raises(InputError, match=r"could not be written whole .*expected 40.*TMPDIR"):
            video.finish()
        assert not video.finished
        video._encoder = None  # nor is it finished at the end
    assert (tmp_path / f"out.{ending}").read_bytes() == b"the old one"


def test_impossible_videos_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"out\.avi: name's ending: no video .*expected \.mp4 or \.webm"):
        VideoWriter(tmp_path / "out.avi")
    for rate in (0, -1, float("nan"), 1000):
        with pytest.raises(InputError, match="frames_per_second: impossible"):
            VideoWriter(tmp_path / "out.mp4", rate)
    with pytest.raises(InputError, match="its folder does not exist"):
        VideoWriter(tmp_path / "nowhere" / "out.mp4")
    with VideoWriter(tmp_path / "out.mp4") as video:
        with pytest.raises(InputError, match="not a picture"):
            video.add(np.zeros((32, 32, 3)))
        video.add(np.zeros((32, 32, 3), np.uint8))
        with pytest.raises(InputError, match="frames of two sizes"):
            video.add(np.zeros((32, 34, 3), np.uint8))


@pytest.mark.parametrize("ending", [".mp4", ".webm"])
def test_what_looks_like_a_failure_and_is_none_is_not_shown(tmp_path, capfd, ending):
    with VideoWriter(tmp_path / f"out{ending}") as video:
        video.add(np.zeros((32, 32, 3), np.uint8))
    assert capfd.readouterr().err == ""


def test_what_opencv_says_of_a_failure_is_shown(tmp_path, capfd):
    said = b"OpenCV: FFMPEG: tag 0x30395056/'VP90' is not supported with codec id 167 and format 'webm / WebM'\n"

    def fails(*_):
        os.write(2, said)
        return SimpleNamespace(isOpened=lambda: False)

    video = VideoWriter(tmp_path / "out.webm")
    video._opencv = SimpleNamespace(VideoWriter_fourcc=lambda *_: 0, VideoWriter=fails, __version__="0")
    with pytest.raises(BackendError, match="cannot encode VP9 at 32x32"):
        video.add(np.zeros((32, 32, 3), np.uint8))
    video.close()
    assert capfd.readouterr().err == said.decode()


def test_without_opencv_it_says_what_to_install(tmp_path, monkeypatch):
    def fails(name, *_):
        raise ImportError(name)

    monkeypatch.setattr("importlib.import_module", fails)
    with pytest.raises(BackendError, match=r"pip install 'rtgs2-trt\[video\]'"):
        VideoWriter(tmp_path / "out.mp4")


@pytest.mark.parametrize("layout", VIDEO_LAYOUTS)
def test_frames_show_views_over_a_legend_of_one_place(layout):
    composer = FrameComposer(TABLE, 160, 120, layout)
    rgb = np.full((3, 120, 160), 0.25, np.float32)
    labels = np.zeros((120, 160), np.uint8)
    labels[:, 80:] = 4
    first = composer.compose(rgb, labels)
    second = composer.compose(rgb, np.full((120, 160), 255, np.uint8))
    assert first.shape == second.shape
    assert first.shape[1] >= (480 if layout == "side-by-side" else 160)
    painted = color_labels(labels, TABLE.colors)
    if layout == "labels":
        np.testing.assert_array_equal(first[:120, :160], painted)
    if layout == "side-by-side":
        assert (first[:120, :160] == 64).all()
        np.testing.assert_array_equal(first[:120, 160:320], painted)
    # The legend shows the colours of what is there and of nothing else.
    below = first[120:].reshape(-1, 3)
    for index, entry in enumerate(TABLE):
        assert (below == entry.color).all(axis=1).any() == (index in (0, 4)), entry.name
    with pytest.raises(InputError, match="views of two sizes"):
        composer.compose(rgb, labels[:60])


def test_frames_of_many_long_names_stay_on_the_page():
    from rtgs2_trt.classes import ClassTable, SemanticClass

    many = ClassTable(tuple(SemanticClass(i, i, f"{i:03}" + "w" * 57, (i, 0, 0)) for i in range(150)), "many")
    frame = FrameComposer(many, 32, 24, "labels").compose(
        np.zeros((3, 24, 32), np.float32), np.zeros((24, 32), np.uint8)
    )
    assert frame.shape[0] < 4000


@pytest.fixture
def room(scene, tmp_path):
    scene.save(tmp_path / "scene.ply")
    views = {
        f"view{i}": Camera.look_at((0.2, 0.2 + 0.3 * i, 0.6), (1.8, 1.2, 0.5), width=100, height=70) for i in range(2)
    }
    save_cameras(tmp_path / "cameras.json", views)
    return tmp_path


def segment(bundle, room, *options):
    cameras = [] if "--orbit" in options else ["--cameras", str(room / "cameras.json")]
    return main(["segment", str(bundle), str(room / "scene.ply"), *cameras, "--quiet", *options])


def test_segment_writes_a_video_along_a_path(exported_bundle, room, capsys):
    options = ["--video", str(room / "out.mp4"), "--interpolate", "3", "--fps", "8", "--json"]
    assert segment(exported_bundle, room, *options) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["video"] == {"file": str(room / "out.mp4"), "frames": 5, "whole": True}
    assert summary["complete"] is True
    assert [set(view) for view in summary["views"]] == [{"name", "width", "height"}] * 5
    frames, rate = frames_of(room / "out.mp4")
    assert (len(frames), rate) == (5, 8)
    assert frames[0].shape[1] >= 300
    assert sorted(path.name for path in room.iterdir()) == ["cameras.json", "out.mp4", "scene.ply"]


def test_a_video_besides_pictures(exported_bundle, room):
    options = ["-o", str(room / "out"), "--video", str(room / "out.webm"), "--video-layout", "overlay"]
    assert segment(exported_bundle, room, *options) == 0
    assert len(frames_of(room / "out.webm")[0]) == 2
    assert (room / "out" / "contact_sheet.png").is_file()
    assert json.loads((room / "out" / "summary.json").read_text())["video"]["frames"] == 2


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ([], "--output, --video: nothing to write"),
        (["--video", "{}/out.gif"], "out.gif: name's ending"),
        (["--video", "{}/out.mp4", "--fps", "0"], "impossible frame rate"),
        (["--video", "{}/scene.ply/out.mp4"], "--video: is a file, not a folder"),
    ],
)
def test_bad_options_exit_with_2(exported_bundle, room, capsys, options, text):
    assert segment(exported_bundle, room, *(option.format(room) for option in options)) == 2
    assert text in capsys.readouterr().err


def test_views_of_two_sizes_make_no_video(exported_bundle, room, capsys):
    views = [Camera.look_at((0.2, 0.2, 0.6), (1.8, 1.2, 0.5), width=w, height=70) for w in (100, 90)]
    save_cameras(room / "cameras.json", dict(zip("ab", views, strict=True)))
    assert segment(exported_bundle, room, "--video", str(room / "out.mp4")) == 2
    assert "a video needs views of one size (found 90x70, 100x70)" in capsys.readouterr().err


def test_depth_makes_no_video(depth_bundle, room, capsys):
    assert segment(depth_bundle, room, "--video", str(room / "out.mp4")) == 2
    assert "videos are made of labels" in capsys.readouterr().err


def test_an_interrupted_video_is_not_there(exported_bundle, room, monkeypatch):
    real, calls = Segmenter.__call__, []

    def interrupted(self, *arguments, **options):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(self, *arguments, **options)

    monkeypatch.setattr(Segmenter, "__call__", interrupted)
    assert segment(exported_bundle, room, "--video", str(room / "out.mp4")) == 130
    assert sorted(path.name for path in room.iterdir()) == ["cameras.json", "scene.ply"]
