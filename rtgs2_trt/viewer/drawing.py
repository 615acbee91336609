"""The thread that draws and labels frames, one after the other, for all clients."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from rtgs2_trt.camera import Camera
from rtgs2_trt.page_layout import Picture
from rtgs2_trt.segmenter import Segmentation
from rtgs2_trt.viewer.frame_sizes import (
    FIRST_REST_SECONDS,
    FrameTimes,
    Seconds,
    frame_size,
    moving_share,
    resting_share,
)
from rtgs2_trt.viewer.painting import LabelledFrame, Look, paint
from rtgs2_trt.viewer.turns import Turn, Turns

Draw = Callable[[Camera], Segmentation]
"""Draws and labels a view, with everything that the modes need."""

Observer = Callable[[Turn, LabelledFrame, float], None]
"""Is told of a frame that is shown, and of the seconds since its camera came."""

_MOST_REST = 2.0  # seconds that a camera must have rested before the slowest frames


class Client(Protocol):
    """Who frames are drawn for. Called from the drawing thread only, but for what may change `look`."""

    @property
    def look(self) -> Look:
        """How frames are painted, now."""

    def show(self, frame: LabelledFrame, picture: Picture, turn: Turn) -> None:
        """Show a picture of a frame."""

    def tell(self, problem: Exception) -> None:
        """Show that a frame could not be drawn."""


class DrawingThread:
    """Takes turns and serves them until it is closed; what fails for one client stops nobody.

    Args:
        draw: see :data:`Draw`.
        turns: whose picture is next.
        most_pixels: of a frame of a resting camera.
        only_size: width and height of all frames, where the backend draws no others.
        observe: see :data:`Observer`.
    """

    def __init__(
        self,
        draw: Draw,
        turns: Turns,
        most_pixels: int,
        *,
        only_size: tuple[int, int] | None = None,
        observe: Observer = lambda *_: None,
    ) -> None:
        self._observe = observe
        self._draw = draw
        self._turns = turns
        self._most_pixels = most_pixels
        self._only_size = only_size
        self._times = FrameTimes()
        self._clients: dict[int, Client] = {}
        self._frames: dict[int, LabelledFrame] = {}
        self._moving: dict[int, float] = {}
        self._guard = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="drawing", daemon=True)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def close(self, timeout: float = 5.0) -> None:
        """Stop after the frame that is being drawn."""
        self._turns.close()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def add(self, name: int, client: Client) -> None:
        """Serve a client whose cameras the turns know under this name."""
        with self._guard:
            self._clients[name] = client

    def remove(self, name: int) -> None:
        """Forget a client, also while its frame is being drawn."""
        self._turns.forget(name)
        with self._guard:
            for known in (self._clients, self._frames, self._moving):
                known.pop(name, None)

    def warm_up(self, camera: Camera) -> None:
        """Draw small and large frames, so that the first client need not wait, and to learn how long they take."""
        for share in (0.25, 0.25, 1.0):
            frame = self._frame(camera, share)
            self._learn(frame, frame.seconds)

    def _run(self) -> None:
        while (turn := self._turns.take()) is not None:
            with self._guard:
                client = self._clients.get(turn.client)
            if client is None:  # its last camera came after it had gone
                self._turns.forget(turn.client)
                continue
            try:
                self._serve(turn, client)
            except Exception as problem:  # of a backend, or of a connection that has just ended
                if turn.kind != "repaint":
                    self._turns.drawn(turn, 1.0)  # the same camera would fail again
                try:
                    client.tell(problem)
                except Exception:  # its connection has ended
                    self.remove(turn.client)

    def _serve(self, turn: Turn, client: Client) -> None:
        start = self._turns.clock()
        with self._guard:
            frame = self._frames.get(turn.client)
            last = self._moving.get(turn.client)
        if turn.kind == "repaint":
            if frame is not None:
                client.show(frame, paint(frame, client.look), turn)
            return
        frame = self._frame(turn.camera, self._share(turn, last))
        with self._guard:
            if turn.client not in self._clients:
                return  # gone meanwhile
            self._frames[turn.client] = frame
            if turn.kind == "moving":
                self._moving[turn.client] = frame.share
        client.show(frame, paint(frame, client.look), turn)
        now = self._turns.clock()
        self._observe(turn, frame, now - turn.asked)
        self._learn(frame, now - start)
        seconds = self._seconds(turn.camera)
        following = seconds(resting_share(seconds, frame.share))
        rest = 0.0 if following <= FIRST_REST_SECONDS else min(following, _MOST_REST)
        self._turns.drawn(turn, frame.share, rest)

    def _share(self, turn: Turn, last: float | None) -> float:
        if self._only_size is not None:
            return 1.0
        seconds = self._seconds(turn.camera)
        return moving_share(seconds, last) if turn.kind == "moving" else resting_share(seconds, turn.shown)

    def _seconds(self, camera: Camera) -> Seconds:
        """Return what predicts the seconds of a frame of this camera's window by its share of all pixels."""
        width, height = self._size(camera, 1.0)
        whole = width * height / self._most_pixels
        return lambda share: self._times.predicted(share * whole)

    def _frame(self, camera: Camera, share: float) -> LabelledFrame:
        view = camera.resized(*self._size(camera, share))
        start = self._turns.clock()
        result = self._draw(view)
        return LabelledFrame(view, result, share, self._turns.clock() - start)

    def _learn(self, frame: LabelledFrame, seconds: float) -> None:
        self._times.took(frame.camera.width * frame.camera.height / self._most_pixels, seconds)

    def _size(self, camera: Camera, share: float) -> tuple[int, int]:
        return self._only_size or frame_size((camera.width, camera.height), self._most_pixels, share)
