"""The loop of a robot: poses in at any rate, labels of the newest pose out, never a backlog."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from .camera import Camera
from .errors import InputError, StreamClosedError, shown
from .scene import Scene

if TYPE_CHECKING:
    from .segmenter import Segmentation, Segmenter

REMEMBERED_FRAMES = 1000
_LOOK_SECONDS = 0.5


@dataclass(frozen=True)
class StreamedLabels:
    """The labels of one pose.

    Attributes:
        result: what the segmenter returned.
        camera: the pose that was labelled.
        stamp: what was submitted with it.
        number: how many poses had been submitted before it; missing numbers are dropped poses.
        latency: seconds from the submission to the result.
    """

    result: Segmentation
    camera: Camera
    stamp: Any
    number: int
    latency: float


@dataclass(frozen=True)
class StreamStatistics:
    """How a stream keeps up. Times in seconds, NaN before the first result (`jitter` and `interval`: the second).

    Attributes:
        submitted: poses that came in.
        labelled: results that came out.
        dropped: poses that a newer one overtook before their turn, or that waited when the stream was closed.
        unread: results that a newer one overtook before anyone took them; 0 with a callback.
        latency_median: from submission to result, of the last 1000 results; so all times but the greatest.
        latency_95: 95 % of the results were at least so fast.
        latency_max: the slowest of all results.
        jitter: mean difference between the latencies of consecutive results.
        interval: median time between consecutive results.
    """

    submitted: int
    labelled: int
    dropped: int
    unread: int
    latency_median: float
    latency_95: float
    latency_max: float
    jitter: float
    interval: float


class LabelStream:
    """Labels the newest pose in a thread of its own, and only that one; may be used from several threads.

    A pose that comes while another waits takes its place. So at most one waits, and what lies between a pose and its
    labels is the rest of the frame that was under way when it came, and its own: never more. A result that nobody took
    is replaced by the next.

    Close it, best with ``with``. What goes wrong in the thread ends the stream, and is raised by every later
    :meth:`submit` and :meth:`wait`, by iterating, and at the end of the ``with``.

    Args:
        segmenter: what labels.
        scene: an encoded scene.
        on_result: called in the stream's thread with each result, which then is not kept for :meth:`wait`; the next
            pose is labelled when it returns.
        options: those of :meth:`rtgs2_trt.Segmenter.__call__`: ``confidence``, ``rgb``, ``depth``, ``alpha``,
            ``unknown_below``.

    Raises:
        SceneError: the scene is not encoded, or by another encoder.
    """

    def __init__(
        self,
        segmenter: Segmenter,
        scene: Scene,
        on_result: Callable[[StreamedLabels], None] | None = None,
        **options: Any,
    ) -> None:
        segmenter.check_encoded(scene)
        self._segmenter, self._scene, self._on_result, self._options = segmenter, scene, on_result, options
        self._changed = threading.Condition()
        self._waiting: tuple[Camera, Any, int, float] | None = None
        self._unread: StreamedLabels | None = None
        self._failure: BaseException | None = None
        self._closed = self._ended = False
        self._submitted = self._labelled = self._dropped = self._overtaken = 0
        self._latency_max = float("nan")
        self._latencies: deque[float] = deque(maxlen=REMEMBERED_FRAMES)
        self._finished: deque[float] = deque(maxlen=REMEMBERED_FRAMES)
        self._thread = threading.Thread(target=self._work, name="rtgs2 labels", daemon=True)
        self._thread.start()

    def submit(self, camera: Camera, stamp: Any = None) -> int:
        """Ask for the labels of a view, at once or in place of the one that waits; returns without waiting.

        Args:
            camera: the view.
            stamp: anything that is to come back with the result, for example the time of the pose.

        Returns:
            the number of this pose.

        Raises:
            StreamClosedError: the stream was closed.
            InputError: not a camera.
            Rtgs2Error: what went wrong with an earlier pose, or whatever the callback raised.
        """
        if not isinstance(camera, Camera):
            raise InputError("not a camera", field="camera", found=shown(camera), expected="a Camera")
        with self._changed:
            self._raise_failure()
            if self._closed:
                raise StreamClosedError("the stream of labels is closed: open another one")
            number = self._submitted
            self._submitted += 1
            self._dropped += self._waiting is not None
            self._waiting = (camera, stamp, number, time.perf_counter())
            self._changed.notify_all()
            return number

    def wait(self, timeout: float | None = None) -> StreamedLabels | None:
        """Return the newest result that nobody has taken, waiting for one if need be.

        Args:
            timeout: seconds to wait at most; 0 only looks, None waits for ever.

        Returns:
            the result; None when the time is over, or when the stream is closed and nothing is left.

        Raises:
            Rtgs2Error: what went wrong in the stream, or whatever the callback raised.
        """
        with self._changed:
            end = None if timeout is None else time.monotonic() + timeout
            own = threading.current_thread() is self._thread  # whose frame nobody else will finish
            while not (self._unread or self._ended or self._failure or (own and self._closed)):
                left = _LOOK_SECONDS if end is None else min(_LOOK_SECONDS, end - time.monotonic())
                if left <= 0:
                    break
                self._changed.wait(left)  # not for ever: Ctrl-C may reach another thread, which wakes nobody
            if self._unread is None:
                self._raise_failure()
            taken, self._unread = self._unread, None
            return taken

    def __iter__(self) -> Iterator[StreamedLabels]:
        """Yield results as they come, the newest each time, until the stream is closed."""
        while (taken := self.wait()) is not None:
            yield taken

    def statistics(self) -> StreamStatistics:
        """Return how the stream has kept up so far."""
        with self._changed:
            latencies, finished = np.array(self._latencies), np.array(self._finished)
            counts = (self._submitted, self._labelled, self._dropped, self._overtaken)
            longest = self._latency_max
        nothing = float("nan")
        several = len(latencies) > 1
        return StreamStatistics(
            *counts,
            latency_median=float(np.median(latencies)) if len(latencies) else nothing,
            latency_95=float(np.percentile(latencies, 95)) if len(latencies) else nothing,
            latency_max=longest,
            jitter=float(np.abs(np.diff(latencies)).mean()) if several else nothing,
            interval=float(np.median(np.diff(finished))) if several else nothing,
        )

    def close(self) -> None:
        """Stop: the pose that waits is dropped, the frame that is being labelled is waited for. Twice does no harm.

        From within the callback it does not wait.
        """
        with self._changed:
            self._closed = True
            self._drop_waiting()
            self._changed.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def __enter__(self) -> LabelStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
        if kind is None:
            self._raise_failure()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _drop_waiting(self) -> None:
        self._dropped += self._waiting is not None
        self._waiting = None

    def _work(self) -> None:
        try:
            while (work := self._next()) is not None:
                camera, stamp, number, submitted = work
                result = self._segmenter(self._scene, camera, **self._options)
                now = time.perf_counter()
                labels = StreamedLabels(result, camera, stamp, number, now - submitted)
                self._keep(labels, now)
                if self._on_result is not None:
                    self._on_result(labels)
        except BaseException as failure:  # of any kind: the callers are to know
            with self._changed:
                self._failure = failure
                self._drop_waiting()
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _next(self) -> tuple[Camera, Any, int, float] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            work, self._waiting = self._waiting, None
            return work

    def _keep(self, labels: StreamedLabels, now: float) -> None:
        with self._changed:
            self._labelled += 1
            self._latencies.append(labels.latency)
            self._finished.append(now)
            self._latency_max = float(np.fmax(self._latency_max, labels.latency))
            if self._on_result is None:
                self._overtaken += self._unread is not None
                self._unread = labels
                self._changed.notify_all()
