"""The stream of labels: the newest pose wins, nothing piles up, errors come out, it closes cleanly."""

import dataclasses
import math
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from rtgs2_trt import BackendError, Camera, InputError, LabelStream, SceneError, Segmenter, StreamClosedError

PATIENCE = 30  # seconds after which a test gives up; never waited for when all is well
CAMERA = Camera.look_at((0, 0, 1), (1, 0, 1), width=8, height=6)


class SlowSegmenter:
    """Stands for a segmenter whose frames last until they are let go; the result names the camera."""

    def __init__(self):
        self.begun, self.go = threading.Semaphore(0), threading.Semaphore(0)
        self.running = self.most_at_once = 0
        self.options = []

    def check_encoded(self, scene):
        if scene is None:
            raise SceneError("scene is not encoded", field="features")

    def __call__(self, scene, camera, **options):
        self.running += 1
        self.most_at_once = max(self.most_at_once, self.running)
        self.options.append(options)
        self.begun.release()
        assert self.go.acquire(timeout=PATIENCE)
        self.running -= 1
        if camera.width == 13:
            raise BackendError("the backend broke")
        return camera.width


def view(width):
    return Camera(width, 6, 10, 10, world_to_camera=np.eye(4))


def labelled(segmenter):
    """Wait for a frame to begin, and let it end."""
    assert segmenter.begun.acquire(timeout=PATIENCE)
    segmenter.go.release()


def test_the_newest_pose_wins_and_at_most_one_waits():
    segmenter = SlowSegmenter()
    with LabelStream(segmenter, "scene", rgb=True) as stream:
        assert stream.submit(view(1), "first") == 0
        assert segmenter.begun.acquire(timeout=PATIENCE)
        for width in range(2, 100):  # while the first is being labelled
            stream.submit(view(width), f"stamp {width}")
        segmenter.go.release()
        first = stream.wait(PATIENCE)
        assert (first.result, first.stamp, first.number, first.camera) == (1, "first", 0, view(1))
        labelled(segmenter)
        last = stream.wait(PATIENCE)
        assert (last.result, last.stamp, last.number) == (99, "stamp 99", 98)
        assert stream.wait(0) is None
    assert segmenter.options == [{"rgb": True}] * 2
    told = stream.statistics()
    assert (told.submitted, told.labelled, told.dropped, told.unread) == (99, 2, 97, 0)
    assert 0 < told.latency_median <= told.latency_95 <= told.latency_max
    assert told.latency_max == max(first.latency, last.latency)
    assert told.jitter == pytest.approx(abs(first.latency - last.latency))
    assert told.interval > 0


def test_the_newest_result_wins():
    segmenter = SlowSegmenter()
    with LabelStream(segmenter, "scene") as stream:
        for width in (1, 2, 3):
            stream.submit(view(width))
            labelled(segmenter)
            while stream.statistics().labelled < width:
                threading.Event().wait(0.001)
        assert stream.wait().result == 3
        assert stream.wait(0.01) is None
        assert stream.statistics().unread == 2


def test_numbers_of_a_new_stream():
    with LabelStream(SlowSegmenter(), "scene") as stream:
        told = stream.statistics()
    assert dataclasses.astuple(told)[:4] == (0, 0, 0, 0)
    assert all(math.isnan(value) for value in dataclasses.astuple(told)[4:])


def test_results_go_to_the_callback():
    segmenter, results = SlowSegmenter(), []
    came = threading.Semaphore(0)

    def take(labels):
        results.append((labels.result, threading.current_thread().name))
        came.release()

    with LabelStream(segmenter, "scene", take) as stream:
        for width in (1, 2):
            stream.submit(view(width))
            labelled(segmenter)
            assert came.acquire(timeout=PATIENCE)
        assert stream.wait(0) is None
        assert stream.statistics().unread == 0
    assert results == [(1, "rtgs2 labels"), (2, "rtgs2 labels")]


def test_iterating_ends_when_the_stream_is_closed():
    segmenter = SlowSegmenter()
    stream = LabelStream(segmenter, "scene")
    with ThreadPoolExecutor(1) as pool:
        seen = pool.submit(lambda: [labels.result for labels in stream])
        stream.submit(view(5))
        labelled(segmenter)
        while not stream.statistics().labelled:
            threading.Event().wait(0.001)
        stream.close()
        assert seen.result(PATIENCE) == [5]


def test_the_frame_under_way_is_not_lost_to_whoever_iterates_while_it_is_closed():
    segmenter = SlowSegmenter()
    stream = LabelStream(segmenter, "scene")
    with ThreadPoolExecutor(2) as pool:
        seen = pool.submit(lambda: [labels.result for labels in stream])
        stream.submit(view(5))
        assert segmenter.begun.acquire(timeout=PATIENCE)
        stream.submit(view(6))
        closed = pool.submit(stream.close)
        while not stream.statistics().dropped:  # then it is closing
            threading.Event().wait(0.001)
        assert stream.wait(0) is None  # and the frame not there yet
        segmenter.go.release()
        closed.result(PATIENCE)
        assert seen.result(PATIENCE) == [5]


def test_closing_waits_for_the_frame_and_drops_the_pose_that_waits():
    segmenter = SlowSegmenter()
    stream = LabelStream(segmenter, "scene")
    stream.submit(view(1))
    assert segmenter.begun.acquire(timeout=PATIENCE)
    stream.submit(view(2))
    closing = threading.Thread(target=stream.close)
    closing.start()
    while stream.statistics().dropped == 0:
        threading.Event().wait(0.001)
    assert closing.is_alive()
    segmenter.go.release()
    closing.join(PATIENCE)
    assert not closing.is_alive()
    stream.close()  # again
    assert stream.wait().result == 1  # what came before is not lost
    assert stream.wait() is None
    with pytest.raises(StreamClosedError, match="is closed: open another"):
        stream.submit(view(3))
    assert not any(thread.name == "rtgs2 labels" for thread in threading.enumerate())


def test_an_error_ends_the_stream_and_comes_out_everywhere():
    segmenter = SlowSegmenter()
    stream = LabelStream(segmenter, "scene")
    stream.submit(view(1))
    labelled(segmenter)
    while not stream.statistics().labelled:
        threading.Event().wait(0.001)
    stream.submit(view(13))
    assert segmenter.begun.acquire(timeout=PATIENCE)
    stream.submit(view(4))
    segmenter.go.release()
    stream._thread.join(PATIENCE)
    assert stream.wait().result == 1
    for use in (lambda: stream.submit(view(1)), stream.wait, lambda: stream.wait(0), lambda: list(stream)):
        with pytest.raises(BackendError, match="the backend broke"):
            use()
    stream.close()  # always possible
    assert stream.statistics().dropped == 1
    with pytest.raises(BackendError, match="the backend broke"), stream:
        pass
    with pytest.raises(KeyError), stream:  # the caller's own error is not hidden
        raise KeyError


def test_an_error_wakes_whoever_waits():
    segmenter = SlowSegmenter()
    stream = LabelStream(segmenter, "scene")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(stream.wait)
        stream.submit(view(13))
        labelled(segmenter)
        with pytest.raises(BackendError):
            waiting.result(PATIENCE)


def test_an_error_of_the_callback_comes_out_too():
    segmenter = SlowSegmenter()

    def broken(labels):
        raise ZeroDivisionError

    def run():
        with LabelStream(segmenter, "scene", broken) as stream:
            stream.submit(view(1))
            labelled(segmenter)
            stream.wait(PATIENCE)

    with pytest.raises(ZeroDivisionError):
        run()


def test_the_callback_may_close_the_stream():
    segmenter = SlowSegmenter()
    with LabelStream(segmenter, "scene", lambda labels: stream.close()) as stream:
        stream.submit(view(1))
        labelled(segmenter)
        assert stream.wait(PATIENCE) is None


def test_many_threads_submit_and_take():
    segmenter = SlowSegmenter()
    for _ in range(2000):
        segmenter.go.release()
    taken = []
    with LabelStream(segmenter, "scene") as stream, ThreadPoolExecutor(8) as pool:
        readers = [pool.submit(lambda: [labels.number for labels in stream]) for _ in range(3)]
        numbers = [
            n for part in pool.map(lambda _: [stream.submit(CAMERA) for _ in range(100)], range(5)) for n in part
        ]
        while (told := stream.statistics()).labelled + told.dropped < 500:
            threading.Event().wait(0.001)
        stream.close()
        for reader in readers:
            taken += reader.result(PATIENCE)
    told = stream.statistics()
    assert sorted(numbers) == list(range(500))
    assert len(set(taken)) == len(taken) == told.labelled - told.unread - (stream.wait() is not None)
    assert segmenter.most_at_once == 1


def test_bad_input_is_refused_at_once():
    with pytest.raises(SceneError, match="not encoded"):
        LabelStream(SlowSegmenter(), None)
    with LabelStream(SlowSegmenter(), "scene") as stream:
        with pytest.raises(InputError, match="camera: not a camera"):
            stream.submit(np.eye(4))
        assert stream.statistics().submitted == 0


def test_a_real_segmenter_streams_the_labels_of_a_call(exported_bundle, scene, camera):
    segmenter = Segmenter(exported_bundle)
    with pytest.raises(SceneError, match="not encoded"):
        segmenter.label_stream(scene)
    encoded = segmenter.encode(scene)
    with segmenter.label_stream(encoded, confidence=True) as stream:
        stream.submit(camera, stamp=17)
        labels = stream.wait(PATIENCE)
    expected = segmenter(encoded, camera, confidence=True)
    np.testing.assert_array_equal(labels.result.labels, expected.labels)
    np.testing.assert_array_equal(labels.result.confidence, expected.confidence)
    assert (labels.stamp, labels.camera) == (17, camera)
    stream = segmenter.label_stream(encoded, unknown_below="x")
    stream.submit(camera)
    with pytest.raises(InputError, match="unknown_below"):
        stream.wait(PATIENCE)
