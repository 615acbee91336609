"""What samples need of each scene, read once and kept."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from ..datasets import SceneFolder

Reduced = TypeVar("Reduced")

_SCENES_IN_MEMORY = 512


class RecentScenes(Generic[Reduced]):
    """Scenes in reduced form; the last 512 that were asked for stay in memory. Threads may share it.

    Args:
        folders: where they are read from.
        reduce: reads one.

    Attributes:
        folders: as given.
    """

    def __init__(self, folders: Sequence[SceneFolder], reduce: Callable[[SceneFolder], Reduced]) -> None:
        self.folders, self._reduce = folders, reduce
        self._kept: OrderedDict[int, Reduced] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self.folders)

    def __getitem__(self, index: int) -> Reduced:
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
            self._kept[index] = scene
            while len(self._kept) > _SCENES_IN_MEMORY:
                self._kept.popitem(last=False)
        return scene
