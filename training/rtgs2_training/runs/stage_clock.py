"""How long each stage of the training step takes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch


class StageClock:
    """Adds up the wall-clock time of named stages; on a GPU each stage waits for its kernels to end.

    Args:
        device: where the stages compute.
    """

    def __init__(self, device: torch.device) -> None:
        self._synchronize = device.type == "cuda"
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what runs inside."""
        start = time.perf_counter()
        yield
        if self._synchronize:
            torch.cuda.synchronize()
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start

    def take(self) -> dict[str, float]:
        """Return the seconds of each stage since the last call, and start again."""
        seconds, self.seconds = self.seconds, {}
        return seconds
