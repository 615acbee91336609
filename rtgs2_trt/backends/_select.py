"""Choosing a backend by name."""

from __future__ import annotations

from collections.abc import Callable

from ..bundle import Bundle
from ..errors import BackendError
from ._protocol import Backend


def _cpu(bundle: Bundle, threads: int) -> Backend:
    from .cpu import CpuBackend

    return CpuBackend(bundle, threads)


BACKENDS: dict[str, Callable[[Bundle, int], Backend]] = {"cpu": _cpu}


def create_backend(name: str, bundle: Bundle, threads: int) -> Backend:
    """Return the backend `name`; ``"auto"`` takes the best that works here.

    Raises:
        BackendError: no such backend in this version.
    """
    chosen = "cpu" if name == "auto" else name
    if chosen not in BACKENDS:
        raise BackendError(f"this version has no backend {name!r}; choose 'auto' or one of {sorted(BACKENDS)}")
    return BACKENDS[chosen](bundle, threads)
