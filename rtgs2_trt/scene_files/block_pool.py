"""Blocks of Gaussians decoded by several threads while the next are read; NumPy lets others run while it computes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any

from rtgs2_trt.threads import available_threads

_MOST_WORKERS = 8  # beyond, Python's own part of the work is what takes time


class BlockPool:
    """Runs work on blocks, at most two blocks a thread ahead of what is done, so that memory stays bounded.

    Results do not depend on the number of threads, as long as every block writes to places of its own. Leaving the
    ``with`` waits for all work; what a block raised is raised by a later :meth:`submit` or on leaving.

    Args:
        threads: how many, 0 = all that the machine has; 1 does the work at once, in the caller's thread.
    """

    def __init__(self, threads: int) -> None:
        self._workers = min(threads or available_threads(), _MOST_WORKERS)
        self._pool = ThreadPoolExecutor(self._workers) if self._workers > 1 else None
        self._waiting: deque[Future[None]] = deque()

    def submit(self, work: Callable[..., None], *arguments: Any) -> None:
        """Do ``work(*arguments)``, now or soon."""
        if self._pool is None:
            work(*arguments)
            return
        if len(self._waiting) >= 2 * self._workers:
            self._waiting.popleft().result()
        self._waiting.append(self._pool.submit(work, *arguments))

    def __enter__(self) -> BlockPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._pool is None:
            return
        self._pool.shutdown(wait=True, cancel_futures=kind is not None)
        if kind is None:
            for future in self._waiting:
                future.result()
