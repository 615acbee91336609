"""The emulated GPU, for all tests of this folder; and as many of them as fit a time, where one is set."""

from __future__ import annotations

import os
import time
from collections import Counter

import pytest

from emulated_gpu import emulated_core, emulated_gpu

__all__ = ["emulated_core", "emulated_gpu"]

# Tools that watch the GPU make everything many times slower: benchmarks/gpu.sh gives them so many seconds.
SECONDS = float(os.environ.get("RTGS2_TEST_SECONDS", "0"))
_END = time.monotonic() + SECONDS


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With a time limit: each test with its first parameters before any with its second."""
    if SECONDS == 0:
        return
    seen: Counter[str] = Counter()
    places: dict[pytest.Item, int] = {}
    for item in items:
        name = item.nodeid.partition("[")[0]
        places[item] = seen[name]
        seen[name] += 1
    items.sort(key=places.__getitem__)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what comes after the limit, with a word that pytest counts."""
    if SECONDS > 0 and time.monotonic() > _END:
        pytest.skip("out of time (RTGS2_TEST_SECONDS)")
