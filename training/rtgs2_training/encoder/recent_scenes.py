"""What samples need of each scene, read once and kept."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

from ..datasets import SceneFolder

_BYTES_IN_MEMORY = 4 << 30


class Reduced(Protocol):
    """What is kept of a scene."""

    @property
    def nbytes(self) -> int:
        """Of memory."""


Kept = TypeVar("Kept", bound=Reduced)


class RecentScenes(Generic[Kept]):
    """Scenes in reduced form; those asked for last stay in memory, up to 4 GB. Threads may share it.

    Args:
        folders: where they are read from.
        reduce: reads one.

    Attributes:
        folders: as given.
    """

    def __init__(self, folders: Sequence[SceneFolder], reduce: Callable[[SceneFolder], Kept]) -> None:
        self.folders, self._reduce = folders, reduce
        self._kept: OrderedDict[int, Kept] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self.folders)

    def __getitem__(self, index: int) -> Kept:
        """Return scene `index`.

        Raises:
            SceneError, DatasetError: it cannot be read.
        """
        with self._lock:
            if index in self._kept:
                self._kept.move_to_end(index)
                return self._kept[index]
        scene = self._reduce(self.folders[index])
        with self._lock:
            if index not in self._kept:  # nor did another thread read it meanwhile
                self._kept[index] = scene
                self._bytes += scene.nbytes
            while self._bytes > _BYTES_IN_MEMORY and len(self._kept) > 1:
                self._bytes -= self._kept.popitem(last=False)[1].nbytes
        return scene
