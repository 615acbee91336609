"""Imported first: says what to do where the core that was compiled for Python is not there."""

from pathlib import Path

try:
    from . import _native
except ImportError as error:
    folder = Path(__file__).parent
    if list(folder.glob("_native.*.so")):
        raise ImportError(
            f"{folder}: the compiled core cannot be loaded: {error}. It is of another Python or machine, or lacks a "
            "library: install again, here, with pip install --force-reinstall"
        ) from error
    raise ImportError(
        f"{folder} has no compiled core: these are sources, not an installation. Install with pip install . and run "
        "from another folder: python -c and python -m look into the current one first (python -I does not)"
    ) from error

__all__ = ["_native"]
