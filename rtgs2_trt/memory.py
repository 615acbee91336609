"""Memory that was freed, given back to the system."""

from __future__ import annotations

import ctypes
import sys


def release_freed_memory() -> None:
    """Give freed memory back to the system, where the C library would keep it (glibc, a pool for every thread).

    Takes milliseconds: for after a rare step that needed much. Does nothing with another C library.
    """
    if not sys.platform.startswith("linux"):
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(ctypes.c_size_t(0))
