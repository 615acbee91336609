"""Reading and writing run configurations: YAML files, overrides of the command line, and a hash that names a run."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import yaml

from rtgs2_trt.atomic import atomic_file
from rtgs2_trt.errors import InputError, shown
from rtgs2_trt.file_access import reading

from .config import RunConfig

_Config = TypeVar("_Config")

_SIZE_LIMIT = 1 << 16


def read_config(kind: type[_Config], path: str | Path, overrides: Sequence[str] = ()) -> _Config:
    """Read a run's configuration; fields that the file leaves out have their defaults.

    Args:
        kind: which configuration.
        path: YAML file.
        overrides: ``key=value`` each, with dots for nested keys (``schedule.learning_rate=1e-3``); values are YAML.

    Raises:
        InputError: no such file, no YAML, or a field that is unknown, of another type or impossible; names file and
            field.
    """
    path = Path(path)
    try:
        values = _read_yaml(path)
        for override in overrides:
            _apply(values, override)
        config: _Config = _build(kind, values, "")
        return config
    except InputError as error:
        raise InputError(
            error.problem,
            file=error.file or path,
            field=error.field,
            found=error.found,
            expected=error.expected,
            fix=error.fix,
        ) from None


def different_field(one: Any, other: Any) -> tuple[str, Any, Any] | None:
    """Return the first field in which two configurations of one kind differ, with dots, and both values; or None."""
    for field in dataclasses.fields(one):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if dataclasses.is_dataclass(a):
            inner = different_field(a, b)
            if inner is not None:
                return (f"{field.name}.{inner[0]}", *inner[1:])
        elif a != b:
            return field.name, a, b
    return None


def write_config(config: RunConfig, path: str | Path, sources: Mapping[str, str]) -> None:
    """Write all fields of `config` as YAML, in one step; comments before them say what the run is made from.

    Raises:
        InputError: the file cannot be written.
    """
    text = "".join(f"# {what}: {json.dumps(source)}\n" for what, source in sources.items())
    text += yaml.safe_dump(_plain(dataclasses.asdict(config)), sort_keys=False)
    with atomic_file(path) as file:
        file.write(text.encode())


def configured_steps(path: Path) -> int:
    """Return the steps of the run that a ``config.yaml`` of :func:`write_config` describes.

    Raises:
        InputError: it cannot be read, or says no number of steps.
    """
    try:
        steps = _read_yaml(path).get("steps")
    except InputError as error:
        raise InputError(error.problem, file=path, found=error.found, expected=error.expected) from error
    if not isinstance(steps, int):
        raise InputError(
            "not the configuration of a run",
            file=path,
            field="steps",
            found=shown(steps),
            expected="a whole number",
            fix="Give the command that wrote it again, with --restart",
        )
    return steps


def config_hash(config: RunConfig) -> str:
    """Return 64 hexadecimal digits that name everything in `config` that changes a run's result."""
    content = {"kind": type(config).__name__, **dataclasses.asdict(config)}
    return hashlib.sha256(json.dumps(_plain(content), sort_keys=True).encode()).hexdigest()


def _read_yaml(path: Path) -> dict[str, Any]:
    with reading(path, InputError) as (file, size):
        if size > _SIZE_LIMIT:
            raise InputError("too large for a configuration", found=size, expected=f"at most {_SIZE_LIMIT} bytes")
        data = file.read(_SIZE_LIMIT)
    try:
        values = yaml.safe_load(data.decode("utf-8"))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"not a YAML file: {error}") from error
    if not isinstance(values, dict):
        raise InputError("not a run configuration", found=shown(values), expected="fields and their values")
    return values


def _apply(values: dict[str, Any], override: str) -> None:
    key, separator, text = override.partition("=")
    names = key.split(".")
    if not separator or not all(names):
        raise InputError("not an override", field="--set", found=shown(override), expected="key=value")
    for name in names[:-1]:
        values = values.setdefault(name, {})
        if not isinstance(values, dict):
            raise InputError("a single value has no fields", field=f"--set {key}", found=shown(values))
    try:
        values[names[-1]] = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"not a YAML value: {error}", field=f"--set {key}", found=shown(text)) from error


def _build(kind: type[Any], values: object, prefix: str) -> Any:
    """Return the dataclass `kind` with these values, each checked against its annotation."""
    if not isinstance(values, Mapping):
        raise InputError("no fields", field=prefix.rstrip("."), found=shown(values), expected="fields and values")
    hints = get_type_hints(kind)
    for name in values:
        if name not in hints:
            raise InputError(
                "no such field", field=f"{prefix}{shown(name).strip(chr(39))}", expected=f"one of {', '.join(hints)}"
            )
    return kind(**{name: _value(hints[name], value, f"{prefix}{name}") for name, value in values.items()})


def _value(hint: Any, value: object, field: str) -> Any:
    if dataclasses.is_dataclass(hint):
        assert isinstance(hint, type)
        return _build(hint, value, f"{field}.")
    origin = get_origin(hint)
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            raise _unfit(field, value, "a list")
        return tuple(_value(get_args(hint)[0], item, f"{field}[{i}]") for i, item in enumerate(value))
    if origin is Literal:
        if value not in get_args(hint):
            raise _unfit(field, value, " or ".join(map(repr, get_args(hint))))
        return value
    if hint is float:
        return _number(value, field)
    assert not isinstance(hint, types.UnionType)
    if type(value) is not hint:
        raise _unfit(field, value, {int: "a whole number", bool: "true or false", str: "a text"}[hint])
    return value


def _number(value: object, field: str) -> float:
    """YAML 1.1 takes 1e-3 for a text, everyone else for a number."""
    number: float | None = None
    if type(value) in (int, float, str):
        try:
            number = float(value)  # type: ignore[arg-type]
        except (ValueError, OverflowError):
            number = None
    if number is None or not abs(number) < float("inf"):
        raise _unfit(field, value, "a finite number")
    return number


def _unfit(field: str, found: object, expected: str) -> InputError:
    return InputError("a value of another type", field=field, found=shown(found), expected=expected)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (tuple, list)) else value
