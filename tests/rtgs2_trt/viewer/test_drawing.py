"""The drawing thread: its clients get their latest camera, and one that fails stops nobody."""

import threading
import time

import numpy as np
import pytest

from rtgs2_trt import BackendError, Camera
from rtgs2_trt.segmenter import Segmentation
from rtgs2_trt.viewer.drawing import DrawingThread
from rtgs2_trt.viewer.painting import Look
from rtgs2_trt.viewer.turns import Turns
from viewer_frames import CLASSES

WINDOW = Camera.look_at((0, 0, 1), (0, 5, 1), width=320, height=240)


def camera(x):
    return Camera.look_at((x, 0, 1), (x, 5, 1), width=320, height=240)


def labelled(view):
    size = view.height, view.width
    return Segmentation(
        np.zeros(size, np.uint8), CLASSES, None, np.ones(size, np.float32), np.zeros((3, *size), np.float32),
        np.ones(size, np.float32), None, {},
    )  # fmt: skip


class Client:
    """Keeps what it is shown."""

    def __init__(self):
        self.look = Look("labels")
        self.frames, self.pictures, self.problems = [], [], []
        self.changed = threading.Condition()

    def show(self, frame, picture, turn):
        with self.changed:
            self.frames.append(frame)
            self.pictures.append(picture)
            self.changed.notify_all()

    def tell(self, problem):
        with self.changed:
            self.problems.append(problem)
            self.changed.notify_all()

    def waits_for(self, condition):
        with self.changed:
            return self.changed.wait_for(condition, 20)


@pytest.fixture
def thread():
    """Starts drawing threads and ends them."""
    started = []

    def start(draw, **options):
        turns = Turns()
        started.append(DrawingThread(draw, turns, 320 * 240, **options))
        started[-1].start()
        return started[-1], turns

    yield start
    for each in started:
        each.close()


def test_a_resting_camera_ends_with_all_pixels(thread):
    drawing, turns = thread(labelled)
    client = Client()
    drawing.add(1, client)
    turns.look(1, WINDOW)
    assert client.waits_for(lambda: client.frames and client.frames[-1].share == 1)
    assert client.pictures[-1].shape == (240, 320, 3)
    assert client.frames[-1].camera == WINDOW


def test_poses_that_come_while_a_frame_is_drawn_are_left_out_but_for_the_last(thread):
    drawn, go_on = [], threading.Event()

    def draw(view):
        drawn.append(round(view.position[0]))
        go_on.wait(20)
        return labelled(view)

    drawing, turns = thread(draw)
    client = Client()
    drawing.add(1, client)
    turns.look(1, camera(0))
    while not drawn:
        time.sleep(0.001)
    for x in range(1, 60):
        turns.look(1, camera(x))
    go_on.set()
    assert client.waits_for(lambda: client.frames and round(client.frames[-1].camera.position[0]) == 59)
    assert set(drawn) == {0, 59}


def test_a_new_mode_is_painted_without_drawing_again(thread):
    drawn = []

    def draw(view):
        drawn.append(view)
        return labelled(view)

    drawing, turns = thread(draw)
    client = Client()
    drawing.add(1, client)
    turns.look(1, WINDOW)
    assert client.waits_for(lambda: client.frames and client.frames[-1].share == 1)
    count = len(drawn)
    client.look = Look("colour")
    turns.repaint(1)
    assert client.waits_for(lambda: not client.pictures[-1].any())  # black is the colour, red were the labels
    assert len(drawn) == count


def test_a_client_that_fails_stops_nobody(thread):
    class Broken(Client):
        def show(self, frame, picture, turn):
            raise ConnectionResetError

        def tell(self, problem):
            raise RuntimeError("gone")

    drawing, turns = thread(labelled)
    drawing.add(1, Broken())
    turns.look(1, WINDOW)
    client = Client()
    drawing.add(2, client)
    turns.look(2, WINDOW)
    assert client.waits_for(lambda: client.frames and client.frames[-1].share == 1)


def test_a_view_that_cannot_be_drawn_is_told_once_and_the_next_one_is_drawn(thread):
    def draw(view):
        if view.position[0] < 0:
            raise BackendError("out of memory")
        return labelled(view)

    drawing, turns = thread(draw)
    client = Client()
    drawing.add(1, client)
    turns.look(1, camera(-1))
    assert client.waits_for(lambda: client.problems)
    turns.look(1, camera(1))
    assert client.waits_for(lambda: client.frames)
    assert [str(problem) for problem in client.problems] == ["out of memory"]


def test_a_client_that_goes_in_mid_frame_is_shown_nothing(thread):
    begun, go_on = threading.Event(), threading.Event()

    def draw(view):
        begun.set()
        go_on.wait(20)
        return labelled(view)

    drawing, turns = thread(draw)
    gone, client = Client(), Client()
    drawing.add(1, gone)
    turns.look(1, WINDOW)
    assert begun.wait(20)
    drawing.remove(1)
    go_on.set()
    drawing.add(2, client)
    turns.look(2, WINDOW)
    assert client.waits_for(lambda: client.frames)
    assert not gone.frames


def test_a_camera_that_comes_after_its_client_has_gone_is_forgotten(thread):
    drawing, turns = thread(labelled)
    turns.look(1, WINDOW)
    client = Client()
    drawing.add(2, client)
    turns.look(2, WINDOW)
    assert client.waits_for(lambda: client.frames and client.frames[-1].share == 1)
    assert list(turns._clients) == [2]


def test_a_backend_with_one_size_gets_no_other(thread):
    sizes = set()

    def draw(view):
        sizes.add((view.width, view.height))
        return labelled(view)

    drawing, turns = thread(draw, only_size=(160, 128))
    client = Client()
    drawing.add(1, client)
    drawing.warm_up(WINDOW)
    turns.look(1, WINDOW)
    assert client.waits_for(lambda: client.frames and client.frames[-1].share == 1)
    assert sizes == {(160, 128)}


def test_closing_ends_the_thread():
    drawing = DrawingThread(labelled, Turns(), 320 * 240)
    drawing.start()
    drawing.close()
    assert not drawing._thread.is_alive()
