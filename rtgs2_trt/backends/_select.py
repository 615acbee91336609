"""Choosing a backend by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

from ..bundle import Bundle
from ..errors import BackendError
from ._protocol import Backend, Precision


def _cpu(bundle: Bundle, threads: int, precision: Precision) -> Backend:
    from .cpu import CpuBackend

    return CpuBackend(bundle, threads, precision)


PRECISIONS: tuple[Precision, ...] = get_args(Precision)
BACKENDS: dict[str, Callable[[Bundle, int, Precision], Backend]] = {"cpu": _cpu}


def create_backend(name: str, bundle: Bundle, threads: int, precision: Precision = "fp32") -> Backend:
    """Return the backend `name`; ``"auto"`` takes the best that works here.

    Raises:
        BackendError: no such backend or precision in this version, or not on this machine.
    """
    chosen = "cpu" if name == "auto" else name
    if chosen not in BACKENDS:
        raise BackendError(f"this version has no backend {name!r}; choose 'auto' or one of {sorted(BACKENDS)}")
    if precision not in PRECISIONS:
        raise BackendError(f"no such precision: {precision!r}; choose one of {list(PRECISIONS)}")
    return BACKENDS[chosen](bundle, threads, precision)
