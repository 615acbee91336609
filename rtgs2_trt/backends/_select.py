"""Choosing a backend by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import get_args

from ..bundle import FRAME_FP16, Bundle
from ..errors import BackendError
from ._protocol import Backend, PrecisionChoice


def _cpu(bundle: Bundle, threads: int, precision: PrecisionChoice) -> Backend:
    from .cpu import CpuBackend

    return CpuBackend(bundle, threads, precision)


def _cuda(bundle: Bundle, threads: int, precision: PrecisionChoice) -> Backend:
    from .cuda import CudaBackend

    return CudaBackend(bundle, threads, precision)


def _tensorrt(bundle: Bundle, threads: int, precision: PrecisionChoice) -> Backend:
    from .tensorrt import TensorRtBackend

    return TensorRtBackend(bundle, threads, precision)


PRECISIONS: tuple[PrecisionChoice, ...] = get_args(PrecisionChoice)
BACKENDS: dict[str, Callable[[Bundle, int, PrecisionChoice], Backend]] = {
    "tensorrt": _tensorrt,
    "cuda": _cuda,
    "cpu": _cpu,
}
"""All backends, the best first."""


def create_backend(name: str, bundle: Bundle, threads: int, precision: PrecisionChoice = "auto") -> Backend:
    """Return the backend `name`; ``"auto"`` takes the best that works here.

    Raises:
        BackendError: no such backend or precision in this version, or not on this machine.
    """
    return select_backend(name, bundle, threads, precision)[0]


def select_backend(
    name: str, bundle: Bundle, threads: int, precision: PrecisionChoice = "auto"
) -> tuple[Backend, Mapping[str, str]]:
    """As :func:`create_backend`, and why each better backend was passed over, by name.

    Raises:
        BackendError: as :func:`create_backend`; of ``"auto"``, what the last backend said.
    """
    if name != "auto" and name not in BACKENDS:
        raise BackendError(f"this version has no backend {name!r}; choose 'auto' or one of {sorted(BACKENDS)}")
    if precision not in PRECISIONS:
        raise BackendError(f"no such precision: {precision!r}; choose one of {list(PRECISIONS)}")
    if name != "auto":
        return BACKENDS[name](bundle, threads, precision), {}
    passed_over: dict[str, str] = {}
    *better, last = BACKENDS
    for candidate in better:
        if candidate == "tensorrt" and FRAME_FP16 not in bundle.manifest.files:
            continue  # nobody meant this bundle for it
        try:
            return BACKENDS[candidate](bundle, threads, precision), passed_over
        except BackendError as error:
            passed_over[candidate] = str(error)
    return BACKENDS[last](bundle, threads, precision), passed_over
