"""The exceptions of rtgs2-trt.

Every refusal names the file and the field, what was found, what was expected and how to fix it. All are
:class:`Rtgs2Error`; those about input are also ``ValueError``.
"""

from __future__ import annotations

import reprlib
from pathlib import Path

_LONGEST_PART = 2000  # characters of each part of a message: what a hostile file holds may be quoted in it


class Rtgs2Error(Exception):
    """Base of all exceptions that this project raises on purpose."""


class InputError(Rtgs2Error, ValueError):
    """Something given to the project cannot be used.

    Args:
        problem: what is wrong, as a short clause.
        file: the file it was found in, if any.
        field: the property, tensor, key or argument concerned.
        found: what was there.
        expected: what should have been there.
        fix: what the reader can do about it, as an imperative sentence.
    """

    def __init__(
        self,
        problem: str,
        *,
        file: str | Path | None = None,
        field: str | None = None,
        found: object = None,
        expected: object = None,
        fix: str | None = None,
    ) -> None:
        self.problem = problem
        self.file = None if file is None else str(file)
        self.field = field
        self.found = found
        self.expected = expected
        self.fix = fix
        where = ": ".join(part for part in (self.file, field) if part)
        pairs = (("found", found), ("expected", expected))
        details = ", ".join(f"{name} {_cut(str(value))}" for name, value in pairs if value is not None)
        message = (f"{_cut(where)}: " if where else "") + _cut(problem)
        if details:
            message += f" ({details})"
        if fix:
            message = f"{message.rstrip('.')}. {fix if fix[-1] in '.?!' else fix + '.'}"
        super().__init__(message)


class SceneError(InputError):
    """A Gaussian scene (file or arrays) cannot be used."""


class CameraError(InputError):
    """A camera (file or arguments) cannot be used."""


class ClassTableError(InputError):
    """A table of classes cannot be used."""


class DatasetError(InputError):
    """A data set of labelled views, for training or evaluation, cannot be used."""


class CheckpointError(InputError):
    """A training checkpoint cannot be used."""


class BundleError(InputError):
    """A bundle (``NAME.rtgs2/``) cannot be used."""


class BackendError(Rtgs2Error, RuntimeError):
    """A backend is not available here or failed while running."""


class StreamClosedError(Rtgs2Error, RuntimeError):
    """A pose was given to a stream of labels that is closed."""


def shown(value: object) -> str:
    """Return a short representation of any value for a message, however large or deeply nested it is."""
    try:
        return _short.repr(value)
    except ValueError:  # a whole number of more digits than Python writes
        return "a number of thousands of digits"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_PART else text[:_LONGEST_PART] + " ..."


_short = reprlib.Repr()
_short.maxlevel = 2
_short.maxstring = _short.maxother = 80
