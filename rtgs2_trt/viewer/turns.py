"""Whose picture is drawn next: always of a client's latest camera, never of an old one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from rtgs2_trt.camera import Camera

REST_SECONDS = 0.08
"""A camera rests when nothing was heard of it for so long, and twice as long as it last took between two cameras:
browsers send up to 50 a second, slow ones far fewer."""
_SLOWEST_PACE = 0.25  # seconds between two cameras; whoever takes longer has rested in between
_PATIENCE_SECONDS = 0.5  # a resting client waits so long for moving ones, then it has its turn among them

Kind = Literal["moving", "resting", "repaint"]


@dataclass(frozen=True)
class Turn:
    """What is to be done for a client.

    Attributes:
        client: whose picture.
        camera: the latest, its window filled.
        kind: ``"moving"``: a camera that nothing was drawn of; ``"resting"``: a better picture of one that rests, or
            the first, if it came to rest while it waited; ``"repaint"``: the last picture in another mode.
        asked: when the camera came, on the clock of the turns.
        shown: share of all pixels of what is shown of this camera, 0 for nothing.
    """

    client: int
    camera: Camera
    kind: Kind
    asked: float
    shown: float


@dataclass
class _Client:
    camera: Camera
    asked: float
    shown: float = 0.0
    rest: float = 0.0
    pace: float = 0.0
    repaint: bool = False
    served: float = float("-inf")

    def look(self, camera: Camera, now: float) -> None:
        """Take a new camera, and learn how often they come."""
        since = now - self.asked
        self.pace = max(since, 0.8 * self.pace) if since <= _SLOWEST_PACE else 0.0
        self.camera, self.asked, self.shown, self.rest = camera, now, 0.0, 0.0

    @property
    def rests_at(self) -> float:
        """From when on the camera is taken to rest if no other comes."""
        return self.asked + max(self.rest, REST_SECONDS, 2 * self.pace)


class Turns:
    """The clients and what each waits for. All methods may be called from any thread.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.clock = clock
        self._clients: dict[int, _Client] = {}
        self._changed = threading.Condition()
        self._closed = False

    def look(self, client: int, camera: Camera) -> None:
        """Note a client's new camera; an older one that was not drawn is forgotten."""
        with self._changed:
            known = self._clients.get(client)
            if known is None:
                self._clients[client] = _Client(camera, self.clock())
            elif known.camera != camera:
                known.look(camera, self.clock())
            self._changed.notify_all()

    def repaint(self, client: int) -> None:
        """Ask for a client's last picture in its new mode."""
        with self._changed:
            if client in self._clients:
                self._clients[client].repaint = True
                self._changed.notify_all()

    def forget(self, client: int) -> None:
        """Forget a client that has gone."""
        with self._changed:
            self._clients.pop(client, None)

    def close(self) -> None:
        """Let :meth:`take` return None from now on."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def drawn(self, turn: Turn, share: float, rest: float = 0.0) -> None:
        """Note that a picture of the turn's camera is shown.

        Args:
            turn: what was done.
            share: of all pixels, 1 if no better picture can follow.
            rest: for how many seconds at least the camera must have rested before the better picture is begun. While it
                is drawn, nobody can move on: the longer it takes, the surer one should be.
        """
        with self._changed:
            known = self._clients.get(turn.client)
            if known is not None and known.camera is turn.camera:
                known.shown, known.rest = max(known.shown, share), rest

    def take(self) -> Turn | None:
        """Wait for something to do and return it; None once closed."""
        with self._changed:
            while not self._closed:
                turn, wait = self.next_turn(self.clock())
                if turn is not None:
                    return turn
                self._changed.wait(wait)
            return None

    def next_turn(self, now: float) -> tuple[Turn | None, float | None]:
        """Return what is to be done at this moment, or else the seconds until there may be something (None: unknown).

        Moving cameras, new modes and cameras that have rested long come first, then the other resting ones. Among
        equals it is who was served longest ago: nobody who asks often keeps the others waiting.
        """
        waiting: list[tuple[int, float, int, Kind]] = []
        due: list[float] = []
        for name, client in self._clients.items():
            rests_at = client.rests_at
            if client.shown == 0:  # of one that rests a small picture would only delay the good one
                waiting.append((0, client.served, name, "resting" if now >= rests_at else "moving"))
            elif client.repaint:
                waiting.append((0, client.served, name, "repaint"))
            elif client.shown < 1:
                if now >= rests_at:
                    rank = 0 if now >= rests_at + _PATIENCE_SECONDS else 1
                    waiting.append((rank, client.served, name, "resting"))
                else:
                    due.append(rests_at - now)
        if not waiting:
            return None, min(due, default=None)
        *_, name, kind = min(waiting)
        client = self._clients[name]
        client.served = now
        client.repaint = False  # a new picture is painted in the new mode too
        return Turn(name, client.camera, kind, client.asked, client.shown), None
