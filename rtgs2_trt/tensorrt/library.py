"""The TensorRT library and our plugin library on this machine: found, looked over, loaded."""

from __future__ import annotations

import importlib
import os
import re
import threading
from pathlib import Path
from typing import Any

from .. import _native
from ..errors import BackendError
from .frame_interface import PLUGIN, PLUGIN_NAMESPACE, PLUGIN_VERSION
from .platforms import gpu_access_cure, is_container, is_jetson, jetpack_problem, pair_problem

OLDEST = (10, 3)
"""JetPack 6.1's; before it there are no plugins of the kind that ours is (IPluginV3 in all its parts)."""

PLUGIN_VARIABLE = "RTGS2_TENSORRT_PLUGIN"
"""Environment variable with the path of a plugin library to use in place of the installed one."""

_INSTALL = "CMAKE_ARGS='-DRTGS2_CUDA=ON -DRTGS2_TENSORRT=ON' pip install ."
_SOME_ERRORS = 3

_lock = threading.Lock()
_logs: dict[int, Any] = {}


def load_tensorrt() -> Any:
    """Return the module ``tensorrt``.

    Raises:
        BackendError: it is not there, cannot be loaded or is too old; says what to do.
    """
    problem = tensorrt_problem()
    if problem is not None:
        raise BackendError(problem)
    return importlib.import_module("tensorrt")


def tensorrt_problem() -> str | None:
    """Return why TensorRT cannot be used from Python here, with the cure; None if it can."""
    try:
        module = importlib.import_module("tensorrt")
    except Exception as error:  # a broken installation raises what its loader happens to raise
        missing = isinstance(error, ModuleNotFoundError)
        cure = _cure() if missing else _cure_of_broken()
        return f"TensorRT for Python {'is not installed' if missing else f'cannot be loaded ({error})'}: {cure}"
    version = tensorrt_version(module)
    if version < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        return f"TensorRT {module.__version__} is too old, {oldest} or later is needed: {_cure_of_old()}"
    return None


def tensorrt_version(module: Any) -> tuple[int, ...]:
    """Return the version as numbers, as many as it has."""
    return tuple(int(part) for part in re.findall(r"\d+", str(module.__version__)))


def check_platform(module: Any, compute_capability: tuple[int, int]) -> None:
    """Refuse a TensorRT that is known not to work with this GPU.

    Raises:
        BackendError: says what to do.
    """
    problem = pair_problem(tensorrt_version(module), compute_capability)
    if problem is not None:
        raise BackendError(problem)


def plugin_library(module: Any) -> Path:
    """Return the path of the plugin library for this TensorRT's major version.

    Raises:
        BackendError: there is none; says what to do.
    """
    chosen = os.environ.get(PLUGIN_VARIABLE)
    major = tensorrt_version(module)[0]
    # beside the core: in an editable installation that is not where the sources are
    path = Path(chosen) if chosen else Path(str(_native.__file__)).parent / plugin_file(major)
    if not path.is_file():
        if chosen:
            raise BackendError(f"no such plugin library: {path}. Correct or unset {PLUGIN_VARIABLE}")
        raise BackendError(
            f"this installation has no plugin library for TensorRT {major} ({path.name}): install again where nvcc and "
            f"TensorRT's headers are; {_INSTALL} says what lacks"
        )
    return path.resolve()


def plugin_file(major: int) -> str:
    """Name of the plugin library for a major version of TensorRT."""
    return f"librtgs2_tensorrt{major}.so"


def load_plugin(module: Any, registry: Any, path: Path) -> None:
    """Load the plugin library into a registry, and see that the rasteriser is there under its name.

    Raises:
        BackendError: it cannot be loaded, or holds something else.
    """
    with log_of(module).collecting() as errors:
        handle = registry.load_library(str(path))
        creator = registry.get_creator(PLUGIN, PLUGIN_VERSION, PLUGIN_NAMESPACE)
    if handle is None or creator is None:
        what = "cannot be loaded" if handle is None else f"has no plugin {PLUGIN} version {PLUGIN_VERSION}"
        major = tensorrt_version(module)[0]
        raise BackendError(
            f"{path}: plugin library {what}{said(errors)}. It must be built for TensorRT {major}, as an installation "
            f"on this machine does: {_INSTALL}"
        )


def try_plugin(module: Any, path: Path) -> None:
    """Load the plugin library as an engine would.

    Raises:
        BackendError: as :func:`load_plugin`, or TensorRT does not start.
    """
    load_plugin(module, start(module, "Runtime", log_of(module)).get_plugin_registry(), path)


def start(module: Any, name: str, *arguments: Any) -> Any:
    """Return an object of TensorRT's class `name`, the first of which starts the library.

    Raises:
        BackendError: it does not start; says what TensorRT said.
    """
    make = getattr(module, name)
    with log_of(module).collecting() as errors:
        try:
            return make(*arguments)
        except Exception as error:  # the bindings raise whatever they come to, a null pointer as TypeError
            raise BackendError(
                f"TensorRT {module.__version__} does not start, {name}: {error}{said(errors)}. End other programs if "
                f"memory is short (rtgs2 doctor), else install TensorRT again: {_reinstall()}"
            ) from error


def log_of(module: Any) -> Any:
    """Return the one logger of this process; TensorRT wants the same for everything."""
    with _lock:
        if id(module) not in _logs:
            _logs[id(module)] = _make_log(module)
        return _logs[id(module)]


def said(errors: list[str]) -> str:
    """What TensorRT said, as the end of a sentence."""
    return f" (TensorRT says: {'; '.join(errors[:_SOME_ERRORS])})" if errors else ""


def _make_log(module: Any) -> Any:
    bad = {module.ILogger.Severity.ERROR, module.ILogger.Severity.INTERNAL_ERROR}

    class Log(module.ILogger):  # type: ignore[misc]
        """Keeps TensorRT's errors for our messages; prints nothing."""

        def __init__(self) -> None:
            module.ILogger.__init__(self)
            self._listeners: list[list[str]] = []

        def log(self, severity: Any, msg: str) -> None:
            """Called by TensorRT, from any of its threads; must not raise."""
            if severity in bad:
                for listener in list(self._listeners):
                    listener.append(" ".join(msg.split()))

        def collecting(self) -> Any:
            """Context manager: the list that errors are put into meanwhile."""
            return _Collecting(self._listeners)

    return Log()


class _Collecting:
    def __init__(self, listeners: list[list[str]]) -> None:
        self._listeners = listeners
        self._errors: list[str] = []

    def __enter__(self) -> list[str]:
        self._listeners.append(self._errors)
        return self._errors

    def __exit__(self, *_: object) -> None:
        self._listeners[:] = [entry for entry in self._listeners if entry is not self._errors]


def _cure_of_old() -> str:
    if not is_jetson():
        return "pip install --upgrade tensorrt"
    return "flash JetPack 6.1 or later" if jetpack_problem() else _cure()


def _cure_of_broken() -> str:
    if is_jetson() and is_container():
        return f"{gpu_access_cure()}, which brings libraries of the host"
    return _reinstall()


def _reinstall() -> str:
    return "sudo apt-get install --reinstall tensorrt" if is_jetson() else "pip install --force-reinstall tensorrt"


def _cure() -> str:
    if is_jetson():
        return (
            "JetPack brings it: sudo apt-get install python3-libnvinfer, and make the virtual environment with "
            "/usr/bin/python3 -m venv --system-site-packages (pip install tensorrt does not work on Jetson)"
        )
    return "pip install tensorrt"
