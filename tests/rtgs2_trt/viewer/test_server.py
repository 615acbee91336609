"""The server with clients that behave and that do not. What labels is a stand-in, viser and its websockets are real."""

import logging
import socket
import threading
from contextlib import suppress
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from PIL import Image

from rtgs2_trt import Camera, InputError, load_cameras
from rtgs2_trt.segmenter import Segmentation
from viewer_frames import CLASSES

pytest.importorskip("viser", reason="viser is not installed: pip install '.[view]'")

from websockets.exceptions import ConnectionClosed

from rtgs2_trt.viewer.server import Viewer
from viewer_browser import Browser

pytestmark = pytest.mark.filterwarnings("ignore:Queued a", r"ignore:\[viser\]")  # clients leave, and send nonsense

START = Camera.look_at((0, 0, 1), (0, 5, 1), width=320, height=240)


class Labeller:
    """Stands in for a Segmenter: wall on the left, lamp on the right; the colour tells where the camera is."""

    task, classes, only_size = "semantic", CLASSES, None

    def __init__(self):
        self.drawn, self.right = [], 2
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()

    def __call__(self, scene, camera, **_):
        self.begun.set()
        assert self.go_on.wait(60)
        self.drawn.append(camera)
        size = camera.height, camera.width
        labels = np.zeros(size, np.uint8)
        labels[:, camera.width // 2 :] = self.right
        return Segmentation(
            labels=labels,
            classes=CLASSES,
            depth_prediction=None,
            confidence=np.full(size, 0.75, np.float32),
            rgb=np.full((3, *size), camera.position[0] / 10, np.float32),
            depth=np.full(size, 2.0, np.float32),
            alpha=None,
            seconds={},
        )


@pytest.fixture
def labeller():
    return Labeller()


@pytest.fixture
def reports():
    return []


@pytest.fixture
def viewer(labeller, reports):
    options = {"views": {"<i>door</i>": Camera.look_at((3, 0, 1), (3, 5, 1), width=320, height=240, fov_degrees=50)}}
    with Viewer(labeller, None, START, port=0, report=reports.append, **options) as viewer:
        yield viewer


def rested(browser):
    """Whether a whole picture of 320 x 240 is shown and the legend written."""
    return (
        browser.picture is not None
        and browser.picture.shape == (240, 320, 3)
        and browser.element("GuiButtonMessage", "wall")
    )


def press(browser, group, value):
    browser.press(browser.element("GuiButtonGroupMessage", group), value)


def test_a_camera_gets_its_picture(viewer):
    with Browser(viewer.port) as browser:
        browser.look()
        browser.wait_for(rested)
        press(browser, "Show", "colour")
        browser.wait_for(lambda b: b.picture.max() < 8)
        browser.look(9)
        browser.wait_for(lambda b: abs(b.picture.mean() - 0.9 * 255) < 5)


def test_of_many_poses_only_the_last_counts(viewer, labeller):
    with Browser(viewer.port) as browser:
        browser.look()
        browser.wait_for(rested)
        press(browser, "Show", "colour")
        browser.wait_for(lambda b: b.picture.max() < 8)
        before = len(labeller.drawn)
        labeller.begun.clear()
        labeller.go_on.clear()
        browser.look(1)
        assert labeller.begun.wait(60)
        for step in range(200):
            browser.look(2 + step / 100)
        browser.look(8)
        browser.press(browser.element("GuiButtonMessage", "Return"))  # answered after the poses: they have come
        browser.wait_for(lambda b: any(m["type"] == "SetCameraPositionMessage" for m in b.messages[-9:]))
        labeller.go_on.set()
        browser.wait_for(lambda b: abs(b.picture.mean() - 0.8 * 255) < 5)
        places = {round(float(camera.position[0]), 3) for camera in labeller.drawn[before:]}
        assert places == {1.0, 8.0}


def test_clients_have_modes_of_their_own(viewer):
    with Browser(viewer.port) as first, Browser(viewer.port) as second:
        for browser in (first, second):
            browser.look()
            browser.wait_for(rested)
        press(first, "Show", "labels")
        first.wait_for(lambda b: tuple(b.picture[0, 0]) == (200, 0, 0))
        second.look(0.5)
        second.wait_for(lambda b: b.pictures > 3 or tuple(b.picture[0, 0]) != (200, 0, 0))
        assert tuple(second.picture[0, 0]) != (200, 0, 0)


def test_classes_are_counted_and_can_be_hidden(viewer, labeller):
    with Browser(viewer.port) as browser:
        browser.look()
        browser.wait_for(rested)
        press(browser, "Show", "labels")
        browser.wait_for(lambda b: tuple(b.picture[0, 0]) == (200, 0, 0))
        wall = browser.wait_for(lambda b: b.element("GuiButtonMessage", "wall · 38,400 px · 50.0%"))
        assert not browser.element("GuiButtonMessage", "<b>chair</b>")  # there is none in the picture
        browser.press(wall)
        browser.wait_for(lambda b: tuple(b.picture[0, 0]) == (24, 24, 24))
        assert tuple(browser.picture[0, 300]) == (0, 0, 200)
        assert list(wall["props"]["color"]) == [90, 90, 90]
        press(browser, "All", "show")
        browser.wait_for(lambda b: tuple(b.picture[0, 0]) == (200, 0, 0))
        press(browser, "All", "hide")
        browser.wait_for(lambda b: (b.picture == 24).all())
        labeller.right = 1
        browser.look(5)  # where chairs come into the picture: hidden, as all is
        chair = browser.wait_for(lambda b: b.element("GuiButtonMessage", "<b>chair</b> · 38,400 px"))
        browser.wait_for(lambda b: (b.picture == 24).all() and list(chair["props"]["color"]) == [90, 90, 90])


def test_a_click_tells_what_is_there(viewer):
    with Browser(viewer.port) as browser:
        browser.look()
        browser.wait_for(rested)
        browser.click(0.5, 0.5)
        told = "lamp (id 300) · 75% sure<br>x 0.00, y 2.00, z 1.00 m · depth 2.00 m"
        browser.wait_for(lambda b: told in b.texts())
        label = browser.wait_for(lambda b: next((m for m in b.messages if m["type"] == "LabelMessage"), None))
        assert (label["name"], label["props"]["text"]) == ("/picked/name", "lamp")
        browser.click(0.25, 0.5)
        browser.wait_for(lambda b: "wall (id 1)" in b.texts())
        browser.wait_for(
            lambda b: [m["props"]["text"] for m in b.messages if m["type"] == "LabelMessage"][-1] == "wall"
        )


def test_names_are_never_markup(viewer):
    with Browser(viewer.port) as browser:
        browser.look()
        browser.wait_for(rested)
        options = browser.element("GuiDropdownMessage")["props"]["options"]
        assert "<i>door</i>" in options  # a text in React; HTML is only what _text escapes
        assert "<i>" not in browser.texts()


def test_a_captured_view_is_flown_to(viewer):
    with Browser(viewer.port) as browser:
        browser.look()
        browser.wait_for(rested)
        browser.press(browser.element("GuiDropdownMessage"), "<i>door</i>")
        message = browser.wait_for(
            lambda b: next(
                (m for m in b.messages if m["type"] == "SetCameraPositionMessage" and not m["initial"]), None
            )
        )
        np.testing.assert_allclose(message["position"], (3, 0, 1), atol=1e-9)


def test_a_view_is_saved_with_its_camera_in_the_files_frame(labeller, tmp_path):
    turn = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])

    def into_file(camera):
        return camera.transformed(4.0, turn)

    with Viewer(labeller, None, START, port=0, into_file=into_file) as viewer, Browser(viewer.port) as browser:
        browser.look(1.5)
        browser.wait_for(rested)
        save = browser.element("GuiButtonMessage", "Save view")
        browser.press(save)
        files = browser.wait_for(lambda b: len(b.files()) == 2 and b.files())
        browser.press(save)
        browser.wait_for(lambda b: "view_002.png" in b.files())
    assert set(files) == {"view_001.png", "view_001.cameras.json"}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    with Image.open(tmp_path / "view_001.png") as image:
        assert image.size == (320, 240)
    camera = load_cameras(tmp_path / "view_001.cameras.json")["view_001"]
    back = camera.transformed(0.25, turn.T)
    np.testing.assert_allclose(back.position, (1.5, 0, 1), atol=1e-9)
    np.testing.assert_allclose(back.world_to_camera[:3, :3] @ (0, 1, 0), (0, 0, 1), atol=1e-9)
    assert (camera.width, camera.height) == (320, 240)


def camera_nonsense(**changes):
    return lambda browser: browser.look(**changes)


def raw(data):
    return lambda browser: browser.socket.send(data)


def pack(value):
    return raw(msgspec.msgpack.encode(value))


class DepthPredictor(Labeller):
    """Stands in for a Segmenter of a bundle that predicts depth."""

    task, classes = "depth", None

    def __call__(self, scene, camera, **wanted):
        assert not wanted["confidence"]
        seen = super().__call__(scene, camera)
        return replace(seen, labels=None, classes=None, confidence=None, depth_prediction=seen.depth + 1)


def test_a_bundle_that_predicts_depth_has_modes_of_its_own_and_no_legend():
    with Viewer(DepthPredictor(), None, START, port=0) as viewer, Browser(viewer.port) as browser:
        browser.look()
        browser.wait_for(lambda b: b.picture is not None and "predicted depth · 320 x 240" in b.texts())
        group = browser.element("GuiButtonGroupMessage", "Show")
        assert group["props"]["options"] == ["predicted depth", "colour", "depth"]
        assert not browser.element("GuiFolderMessage", "Classes")
        browser.press(group, "overlay")
        browser.click(0.5, 0.5)
        browser.wait_for(lambda b: "predicted depth 3.00 m<br>x 0.00, y 2.00, z 1.00 m · depth 2.00 m" in b.texts())
        press(browser, "Show", "colour")
        browser.wait_for(lambda b: b.picture.max() < 8)


NONSENSE = {
    "text": raw("hello"),
    "nothing": raw(b""),
    "noise": raw(bytes(range(256))),
    "list": pack([1, 2, 3]),
    "no type": pack({"position": 3}),
    "unknown type": pack({"type": "FormatDiskMessage"}),
    "missing fields": pack({"type": "ViewerCameraMessage", "fov": 1.0}),
    "too many fields": pack({"type": "ShareUrlDisconnect", "a": 1}),
    "NaN camera": camera_nonsense(position=[float("nan")] * 3),
    "camera without rotation": camera_nonsense(wxyz=[0.0] * 4),
    "camera of texts": camera_nonsense(wxyz=["a", "b", "c", "d"]),
    "short camera": camera_nonsense(position=[1.0]),
    "camera far away": camera_nonsense(position=[1e200, 0, 0]),
    "no angle": camera_nonsense(fov=0.0),
    "no pixels": camera_nonsense(image_width=0, image_height=0),
    "negative window": camera_nonsense(image_width=-5),
    "gigantic window": camera_nonsense(image_width=2**31, image_height=2**31),
    "narrow window": camera_nonsense(image_width=16384, image_height=1),
    "mode that is none": lambda b: press(b, "Show", "<script>alert(1)</script>"),
    "mode of another kind": lambda b: press(b, "Show", {"a": [1]}),
    "opacity beyond": lambda b: b.press(b.element("GuiSliderMessage"), 1e9),
    "opacity of text": lambda b: b.press(b.element("GuiSliderMessage"), "much"),
    "view that is none": lambda b: b.press(b.element("GuiDropdownMessage"), "nowhere"),
    "update of nothing": lambda b: b.send("GuiUpdateMessage", uuid="none", updates={"value": 1}),
    "update of insides": lambda b: b.send(
        "GuiUpdateMessage", uuid=b.element("GuiSliderMessage")["uuid"], updates={"update_cb": 3, "gui_api": None}
    ),
    "click outside": lambda b: b.click(7, -3),
    "click nowhere": lambda b: b.click(float("nan"), float("nan")),
    "click without place": lambda b: b.send(
        "ScenePointerMessage", event_type="click", ray_origin=None, ray_direction=None, screen_pos=[], modifier=None
    ),
    "file that was not asked for": lambda b: b.send(
        "FileTransferPart", source_component_uuid=None, transfer_uuid="x", part_index=-1, content=b"x" * 1000
    ),
}


@pytest.fixture
def served(labeller, reports):
    """A viewer for all of nonsense, one after the other, and one client that behaves throughout."""
    options = {"port": 0, "report": reports.append, "views": {"a": START}}
    with Viewer(labeller, None, START, **options) as viewer, Browser(viewer.port) as good:
        good.look()
        good.wait_for(rested)
        yield viewer, good


def test_nonsense_ends_at_most_the_connection_that_sent_it(served, reports, capfd):
    viewer, good = served
    for step, (name, send) in enumerate(NONSENSE.items()):
        with Browser(viewer.port) as bad:
            bad.look()
            bad.wait_for(rested)
            try:
                send(bad)
                bad.look(0.25)
                assert bad.socket.ping(ack_on_close=True).wait(60), name
            except ConnectionClosed:
                pass
        good.pictures = 0
        good.look(0.1 + 0.01 * step)
        good.wait_for(lambda b: b.pictures > 0)
    shown = "".join(capfd.readouterr())
    assert "Traceback" not in shown
    assert reports
    assert all("\n" not in line and len(line) < 600 for line in reports)
    assert len(reports) <= 20
    assert "more of these are not told" not in "".join(reports[:-1])


def test_a_browser_of_another_version_is_sent_away(viewer):
    with Browser(viewer.port, version="0.0.1") as old, pytest.raises(Exception, match="Version mismatch"):
        old.receive()
    with Browser(viewer.port) as browser:
        browser.look()
        browser.wait_for(rested)


def test_what_is_no_browser_at_all(viewer):
    for data in (b"\0" * 64, b"GET / HTTP/9\r\n\r\n", b"GET /../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", viewer.port), timeout=60) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            answer = connection.recv(4096)
            assert b"root:" not in answer
    with Browser(viewer.port) as browser:
        browser.look()
        browser.wait_for(rested)


def test_clients_that_leave_in_mid_frame(viewer, labeller):
    for step in range(3):
        labeller.begun.clear()
        labeller.go_on.clear()
        leaving = Browser(viewer.port)
        leaving.look(step)
        assert labeller.begun.wait(60)
        if step == 1:
            leaving.socket.socket.close()  # without a word
        else:
            leaving.close()
        labeller.go_on.set()
    with Browser(viewer.port) as browser:
        browser.look()
        browser.wait_for(rested)
        assert list(viewer.drawing._clients) == [3]


def test_no_browser_can_make_it_public(viewer, monkeypatch):
    import viser._viser

    asked = []
    monkeypatch.setattr(viser._viser, "ViserTunnel", lambda *_: asked.append(1))
    with Browser(viewer.port) as browser:
        browser.look()
        browser.send("ShareUrlRequest")
        browser.wait_for(rested)
        viewer._server._thread_executor.shutdown(wait=True)  # all that was asked for is done
    assert not asked


def test_pages_of_other_sites_are_shown_nothing(viewer, reports):
    with Browser(viewer.port, origin=f"http://127.0.0.1:{viewer.port}") as own:
        own.look()
        own.wait_for(rested)
    with Browser(viewer.port, origin="http://evil.example") as foreign, Browser(viewer.port) as other:
        foreign.look()
        other.look()
        other.wait_for(rested)
        assert reports == ["a page of another site wanted to connect: it is shown nothing"]
        with suppress(TimeoutError):  # all that comes
            while True:
                foreign.receive(1)
        assert not foreign.picture.any()  # the black that all begin with
        assert not foreign.element("GuiButtonGroupMessage", "Show")


@pytest.mark.parametrize(
    ("host", "port", "field"),
    [("127.0.0.1", 70000, "--port"), ("no such host", 0, "--host"), ("192.0.2.1", 0, "--host")],
)
def test_an_impossible_address_is_refused(labeller, host, port, field):
    with pytest.raises(InputError, match=field):
        Viewer(labeller, None, START, host=host, port=port)


def test_a_port_that_is_taken_is_refused(viewer, labeller):
    with pytest.raises(InputError, match="cannot listen there"):
        Viewer(labeller, None, START, port=viewer.port)


def test_closing_frees_port_threads_and_logger(labeller):
    with Viewer(labeller, None, START, port=0) as viewer, Browser(viewer.port) as browser:
        browser.look()
        browser.wait_for(rested)
        port = viewer.port
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
    assert not [f for f in logging.getLogger("websockets.server").filters if type(f).__module__.startswith("rtgs2")]
    assert "drawing" not in [thread.name for thread in threading.enumerate()]
