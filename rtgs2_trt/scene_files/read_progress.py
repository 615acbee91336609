"""How much of a scene has been read, for whoever asks to be told."""

from __future__ import annotations

from collections.abc import Callable

ProgressCallback = Callable[[float], None]
"""Takes the share of the work that is done, 0 to 1."""


class ReadProgress:
    """Tells a callback of growing shares, 1 at the end alone; without a callback it does nothing.

    Args:
        callback: what is told, in the thread that reads; what it raises ends the reading.
    """

    def __init__(self, callback: ProgressCallback | None = None) -> None:
        self._callback = callback
        self._told = -1.0

    def tell(self, done: int, total: int) -> None:
        """Say that `done` of `total` steps are done; nothing is told twice or later than more of it."""
        share = min(done / max(1, total), 0.999)
        if self._callback is not None and share > self._told:
            self._told = share
            self._callback(share)

    def finish(self) -> None:
        """Say that everything is done."""
        if self._callback is not None:
            self._callback(1.0)
