"""Objects that have what the classes of a real TensorRT have, and nothing else.

The real bindings cannot compute without the library, but they tell every class, method, argument and property. A
``Specified`` object passes on to a stand-in what the real class has: a name that it lacks, an argument that does not
fit its signature, a property that cannot be written are errors, and so is a stand-in that returns something else than
the signature says. What was used is recorded.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

ENUM_MARK = "__members__"
SUBCLASSED = {"ILogger": {"log"}, "IProgressMonitor": {"phase_start", "step_complete", "phase_finish"}}
"""Classes that our code derives from, and what it overrides: the real ones are used."""


@dataclass(frozen=True)
class Parameter:
    name: str
    annotation: str
    optional: bool


@dataclass(frozen=True)
class Overload:
    parameters: tuple[Parameter, ...]
    returns: str


class Specification:
    """The real module, what is hidden of it, and what was used."""

    def __init__(self, real: Any, hidden: frozenset[tuple[str, str]] = frozenset()) -> None:
        self.real = real
        self.hidden = hidden
        self.used: set[tuple[str, str]] = set()

    def attribute(self, owner: Any, owner_name: str, name: str) -> Any:
        """The real attribute; an error if there is none."""
        self.used.add((owner_name, name))
        if (owner_name, name) in self.hidden or not hasattr(owner, name):
            raise AttributeError(f"{owner_name} of TensorRT {self.real.__version__} has no {name!r}")
        return inspect.getattr_static(owner, name)

    def called(self, where: str, doc: str | None, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Overload:
        """The overload that takes these arguments; an error if none does."""
        overloads = signatures(doc)
        if not overloads:
            raise AssertionError(f"{where}: the bindings tell no signature")
        reasons = []
        for overload in overloads:
            reason = self._mismatch(overload, arguments, named)
            if reason is None:
                return overload
            reasons.append(reason)
        raise TypeError(f"{where} of TensorRT {self.real.__version__}: {'; '.join(reasons)}")

    def _mismatch(self, overload: Overload, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> str | None:
        parameters = [entry for entry in overload.parameters if entry.name != "self"]
        names = [entry.name for entry in parameters]
        if len(arguments) > len(parameters):
            return f"{len(arguments)} arguments, it takes {names}"
        given = dict(zip(names, arguments, strict=False))
        for name, value in named.items():
            if name not in names or name in given:
                return f"argument {name!r}, it takes {names}"
            given[name] = value
        for entry in parameters:
            if entry.name not in given:
                if not entry.optional:
                    return f"argument {entry.name!r} is missing"
            elif not self.fits(given[entry.name], entry.annotation):
                return f"argument {entry.name!r} is {type(given[entry.name]).__name__}, not {entry.annotation}"
        return None

    def fits(self, value: Any, annotation: str) -> bool:
        simple: dict[str, Callable[[Any], bool]] = {
            "typing.SupportsInt": lambda v: hasattr(v, "__int__") and not isinstance(v, float | str),
            "int": lambda v: isinstance(v, int),
            "str": lambda v: isinstance(v, str),
            "bool": lambda v: isinstance(v, bool),
            "tuple": lambda v: isinstance(v, tuple),
            "list": lambda v: isinstance(v, list),
            "object": lambda v: True,
            "None": lambda v: v is None,
            "typing_extensions.Buffer": _is_buffer,
            "typing_extensions.CapsuleType": lambda v: not isinstance(v, int | str),
            "collections.abc.Sequence[str]": _is_texts,
            "list[str]": _is_texts,
            "nvonnxparser::IParserError": lambda v: isinstance(v, Specified) and v._name == "ParserError",
        }
        if annotation in simple:
            return simple[annotation](value)
        prefix = f"{self.real.tensorrt.__name__}."
        if not annotation.startswith(prefix):
            raise AssertionError(f"an annotation that the test does not know: {annotation}")
        if annotation == f"{prefix}Dims":
            return isinstance(value, tuple | list) and all(type(size) is int for size in value)
        wanted: Any = self.real
        for part in annotation.removeprefix(prefix).split("."):
            wanted = getattr(wanted, part)
        return issubclass(value._class, wanted) if isinstance(value, Specified) else isinstance(value, wanted)


class Specified:
    """An object of a real class, computed by a stand-in."""

    def __init__(self, specification: Specification, name: str, stand_in: Any) -> None:
        object.__setattr__(self, "_specification", specification)
        object.__setattr__(self, "_name", name)
        object.__setattr__(self, "_class", getattr(specification.real, name))
        object.__setattr__(self, "_stand_in", stand_in)

    def __getattr__(self, name: str) -> Any:
        real = self._specification.attribute(self._class, self._name, name)
        where = f"{self._name}.{name}"
        if isinstance(real, property):
            value = getattr(self._stand_in, name)
            (overload,) = signatures(real.fget.__doc__)
            return self._checked(where, value, overload)

        def call(*arguments: Any, **named: Any) -> Any:
            doc = getattr(self._class, name).__doc__
            overload = self._specification.called(where, doc, arguments, named)
            return self._checked(where, getattr(self._stand_in, name)(*arguments, **named), overload)

        return call

    def __setattr__(self, name: str, value: Any) -> None:
        real = self._specification.attribute(self._class, self._name, name)
        where = f"{self._name}.{name}"
        if not isinstance(real, property) or real.fset is None:
            raise AttributeError(f"{where} of TensorRT {self._specification.real.__version__} cannot be written")
        (overload,) = signatures(real.fset.__doc__)
        if not self._specification.fits(value, overload.parameters[1].annotation):
            raise TypeError(f"{where}: {type(value).__name__}, not {overload.parameters[1].annotation}")
        setattr(self._stand_in, name, value)

    def __bytes__(self) -> bytes:
        """Of what has the buffer protocol."""
        if self._name != "IHostMemory":
            raise TypeError(f"{self._name} holds no bytes")
        return bytes(self._stand_in.content)

    def _checked(self, where: str, value: Any, overload: Overload) -> Any:
        if value is not None and not self._specification.fits(value, overload.returns):
            raise AssertionError(f"the stand-in for {where} returns {type(value).__name__}, not {overload.returns}")
        return value


class SpecifiedModule:
    """The module ``tensorrt``: real enumerations and base classes, classes made by stand-ins."""

    def __init__(
        self, specification: Specification, makers: Mapping[str, Callable[..., Any]], version: str | None = None
    ) -> None:
        self._specification = specification
        self._makers = makers
        self.__spec__ = None  # of importlib
        self.__version__ = version or specification.real.__version__

    def __getattr__(self, name: str) -> Any:
        specification = self._specification
        real = specification.attribute(specification.real, "tensorrt", name)
        if name in SUBCLASSED:
            for method in SUBCLASSED[name]:
                specification.attribute(real, name, method)
            return real
        if hasattr(real, ENUM_MARK):
            return _Names(specification, real, name)
        if name not in self._makers:
            raise AssertionError(f"the test has no stand-in for {name}")

        def make(*arguments: Any, **named: Any) -> Any:
            specification.called(f"{name}()", real.__init__.__doc__, arguments, named)
            return Specified(specification, name, self._makers[name](*arguments, **named))

        return make


class _Names:
    """An enumeration whose members are recorded."""

    def __init__(self, specification: Specification, real: Any, name: str) -> None:
        self._specification, self._real, self._name = specification, real, name

    def __getattr__(self, member: str) -> Any:
        self._specification.attribute(self._real, self._name, member)
        return getattr(self._real, member)


@functools.cache
def signatures(doc: str | None) -> tuple[Overload, ...]:
    """The overloads that a docstring of pybind11 tells."""
    found = []
    for line in (doc or "").splitlines():
        match = re.fullmatch(r"(?:\d+\. )?\w*\((.*)\) -> (.+)", line.strip())
        if match is None or "*args" in match[1]:
            continue
        parameters = []
        for part in _split(match[1]):
            head, _, default = part.partition(" = ")
            name, _, annotation = head.partition(": ")
            parameters.append(Parameter(name.strip(), annotation.strip(), bool(default)))
        found.append(Overload(tuple(parameters), match[2].strip()))
    return tuple(found)


def _split(text: str) -> list[str]:
    """Cut at commas outside brackets."""
    parts, depth, begin = [], 0, 0
    for place, letter in enumerate(text):
        depth += (letter in "([<") - (letter in ")]>")
        if letter == "," and depth == 0:
            parts.append(text[begin:place].strip())
            begin = place + 1
    return [part for part in [*parts, text[begin:].strip()] if part]


def _is_buffer(value: Any) -> bool:
    try:
        memoryview(value)
    except TypeError:
        return False
    return True


def _is_texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(entry, str) for entry in value)
