"""Pages of what is public in rtgs2_trt, for Sphinx's autodoc: one of the package itself, one a module below it.

Classes and functions all, constants where a text behind them says what they are.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from types import ModuleType

PACKAGE = "rtgs2_trt"
# The command lines have a page of their own (command_lines.py).
LEFT_OUT = {f"{PACKAGE}.cli", f"{PACKAGE}.commands"}


def pages() -> dict[str, str]:
    """Return the pages by document name (``rtgs2_trt.scene_tools``), reStructuredText, the package's first.

    What several modules offer is described once: where its path is shortest.

    Raises:
        ImportError: a module needs a package that is not installed.
    """
    modules = _public_modules()
    described: set[int] = set()
    sections: dict[str, list[str]] = {}
    for module in sorted(modules, key=lambda module: (module.__name__.count("."), module.__name__)):
        names = [name for name in _public_names(module) if id(getattr(module, name)) not in described]
        described |= {id(getattr(module, name)) for name in names}
        page = ".".join(module.__name__.split(".")[:2])
        if names or _constants(module) or page == module.__name__:
            sections.setdefault(page, []).append(_section(module, names, main=page == module.__name__))
    found = {page: "\n".join(parts) for page, parts in sections.items()}
    below = "\n".join(f"   {page}" for page in sorted(found) if page != PACKAGE)
    found[PACKAGE] += f"\n\nModules\n-------\n\n.. toctree::\n   :maxdepth: 1\n\n{below}\n"
    return found


def _public_modules() -> list[ModuleType]:
    package = importlib.import_module(PACKAGE)
    names = [info.name for info in pkgutil.walk_packages(package.__path__, f"{PACKAGE}.")]
    public = [name for name in names if not any(part.startswith("_") for part in name.split("."))]
    kept = [name for name in public if not any(name == out or name.startswith(f"{out}.") for out in LEFT_OUT)]
    return [package, *map(importlib.import_module, kept)]


def _public_names(module: ModuleType) -> list[str]:
    """Classes and functions that a module offers: those of ``__all__``, else its own without an underscore."""
    offered = getattr(module, "__all__", None)
    names = offered or [
        name for name, value in vars(module).items() if name[0] != "_" and _home(value) == module.__name__
    ]
    return [name for name in names if _home(getattr(module, name)).startswith(PACKAGE)]


def _home(value: object) -> str:
    documented = inspect.isclass(value) or inspect.isroutine(value)
    return str(getattr(value, "__module__", "")) if documented else ""


def _constants(module: ModuleType) -> list[str]:
    """Public names that a module assigns at its top and describes in a text right behind."""
    body = ast.parse(inspect.getsource(module)).body
    assigned = [node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None) for node in body]
    described = [isinstance(node, ast.Expr) and isinstance(getattr(node.value, "value", None), str) for node in body]
    pairs = zip(assigned, described[1:], strict=False)
    return [name.id for name, text in pairs if isinstance(name, ast.Name) and text and name.id[0] != "_"]


def _section(module: ModuleType, names: list[str], *, main: bool) -> str:
    title = module.__name__
    parent, _, own_name = title.rpartition(".")
    heading = f"Python: {title}" if title == PACKAGE else title
    lines = [heading, ("=" if main else "-") * len(heading), "", f".. automodule:: {title}", "   :no-members:"]
    if parent and not inspect.ismodule(getattr(importlib.import_module(parent), own_name)):
        lines.append("   :no-index:")  # the package has a function of the module's name, which is what links mean
    lines.append("")
    for name in names:
        value = getattr(module, name)
        if inspect.isroutine(value):
            lines += [f".. autofunction:: {title}.{name}", ""]
        elif issubclass(value, BaseException):
            lines += [f".. autoexception:: {title}.{name}", "   :show-inheritance:", ""]
        else:
            lines += [f".. autoclass:: {title}.{name}", ""]
    for name in _constants(module):
        lines += [f".. autodata:: {title}.{name}", ""]
    return "\n".join(lines)
