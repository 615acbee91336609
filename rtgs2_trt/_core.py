"""Imports the compiled core, first of all: where there is none, that is said in words."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

try:
    from rtgs2_trt import _native
except ImportError as problem:
    if find_spec("rtgs2_trt._native") is not None:
        raise  # it is there and cannot be loaded: that is another matter
    raise ImportError(
        f"{Path(__file__).parent}: this is the source folder, which has no compiled core. Run Python from another "
        "folder to use the installed package, or install it in place: pip install --no-build-isolation --editable ."
    ) from problem

__all__ = ["_native"]
