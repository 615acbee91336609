"""Which instruction set the CPU kernels use: picked for this machine, inspectable, forcible.

The results are the same bits with all of them. To force one, set the environment variable ``RTGS2_INSTRUCTION_SET`` or
use :func:`forced_instruction_set`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from rtgs2_trt import _native
from rtgs2_trt.errors import InputError

VARIABLE = "RTGS2_INSTRUCTION_SET"


def instruction_sets() -> tuple[str, ...]:
    """Names of the instruction sets that this build has and this machine can run, the best last.

    ``baseline``, ``avx2`` and ``avx512`` on x86-64; ``neon`` on aarch64.
    """
    return tuple(_native.instruction_sets())


def instruction_set() -> str:
    """Name of the instruction set in use: the forced one, else the environment's, else the best.

    Raises:
        InputError: ``RTGS2_INSTRUCTION_SET`` names none that can be used here.
    """
    try:
        return _native.instruction_set()
    except ValueError:
        raise _unknown(VARIABLE, repr(os.environ.get(VARIABLE))) from None


@contextmanager
def forced_instruction_set(name: str) -> Iterator[None]:
    """Use an instruction set in a ``with`` block; for the whole process, other threads included.

    Raises:
        InputError: there is none of that name here.
    """
    before = _native.forced_instruction_set()
    try:
        _native.force_instruction_set(name)
    except (TypeError, ValueError):
        raise _unknown("name", repr(name)) from None
    try:
        yield
    finally:
        _native.force_instruction_set(before)


def _unknown(field: str, found: str) -> InputError:
    expected = "one of " + ", ".join(instruction_sets())
    return InputError("unknown instruction set", field=field, found=found, expected=expected)
