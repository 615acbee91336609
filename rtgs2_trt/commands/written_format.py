"""Formats of scenes that commands write, by the names they get: endings that do not fit are refused before any work."""

from __future__ import annotations

from pathlib import Path

from ..errors import InputError
from ..scene_files import ENDINGS, WrittenFormat, format_of_name


def written_format(path: str | Path, field: str, given: WrittenFormat | None = None) -> WrittenFormat:
    """Return the format of a scene that a command is to write.

    Args:
        path: of the file.
        field: the option or argument that named it.
        given: what ``--format`` says, which counts more than the name.

    Raises:
        InputError: nothing is given, and the name ends with no format's ending.
    """
    kind = given or format_of_name(path)
    if kind is None:
        raise InputError(
            "the name does not say which format",
            field=field,
            found=path,
            expected=f"a name that ends with {', '.join(ENDINGS)}",
            fix="Give it one of these, or say --format.",
        )
    return kind


def check_ply(path: str | Path, field: str, what: str) -> None:
    """Refuse a name that does not end as a standard PLY's, for what only that format holds.

    Args:
        path: of the file.
        field: the option that named it.
        what: is to be kept in it, in the plural.

    Raises:
        InputError: another ending, or none.
    """
    kind = format_of_name(path)
    if kind != "ply":
        fix = "Let it end with .ply" + (", not .compressed.ply" if kind == "compressed-ply" else "")
        raise InputError(f"only standard PLY holds {what}", file=path, field=field, fix=fix)
