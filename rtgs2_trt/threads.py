"""How many threads a call may use."""

from __future__ import annotations

import os

from .errors import InputError, shown

MOST_THREADS = 1024


def available_threads() -> int:
    """Number of CPU threads that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def check_threads(threads: int) -> None:
    """Refuse a number of threads that no kernel takes.

    Raises:
        InputError: not a whole number from 0 (all) to 1024.
    """
    if type(threads) is not int or not 0 <= threads <= MOST_THREADS:
        expected = f"a whole number from 0 (all) to {MOST_THREADS}"
        raise InputError("impossible number of threads", field="threads", found=shown(threads), expected=expected)
