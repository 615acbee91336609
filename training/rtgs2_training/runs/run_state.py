"""The saved state of a run: everything that it needs to go on as if it had never stopped."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from rtgs2_trt.atomic import atomic_file
from rtgs2_trt.errors import CheckpointError, shown
from rtgs2_trt.torch_archives import refuse_compressed

_FORMAT = "rtgs2-training-state/1"
_SHOWN_DIGITS = 12  # of a hash
_KEYS = {"format", "identity", "step", "network", "optimizer", "average", "rows", "sums"}


@dataclass(frozen=True)
class RunState:
    """A run between two steps.

    Random numbers need no state: each is drawn from the run's seed and the number of its step.

    Attributes:
        identity: hashes by what they are of (configuration, data, encoder): which run this is.
        step: steps done.
        network: state dict of the trained network.
        optimizer: state dict of the optimiser.
        average: state dict of the running mean of the network, or None.
        rows: metrics so far.
        sums: sums of the training metrics since the last row, by name, and their number as "count".
    """

    identity: Mapping[str, str]
    step: int
    network: Mapping[str, Any]
    optimizer: Mapping[str, Any]
    average: Mapping[str, Any] | None
    rows: list[dict[str, float]]
    sums: dict[str, float]


def save_state(state: RunState, path: Path) -> None:
    """Write `state` in one step: a kill or a full disk leaves the file that was there.

    Raises:
        CheckpointError: the file cannot be written.
    """
    content = {"format": _FORMAT, **vars(state), "identity": dict(state.identity)}
    buffer = io.BytesIO()  # torch's own writer turns a full disk into an error that says nothing
    torch.save(content, buffer)
    with atomic_file(path, CheckpointError) as file:
        file.write(buffer.getbuffer())


def check_state(path: Path, identity: Mapping[str, str], restart: str) -> None:
    """Check whose state it is, without its tensors; arguments and errors as of :func:`load_state`."""
    _check_identity(path, _read(path, restart, mmap=True), identity, restart)


def load_state(path: Path, identity: Mapping[str, str], restart: str) -> RunState:
    """Read the state of the run that `identity` names; tensors come to the CPU.

    Args:
        path: of the state.
        identity: of the run that is to go on.
        restart: how to start anew, in the words of an error.

    Raises:
        CheckpointError: a damaged file, no state of a run, or another run's.
    """
    content = _read(path, restart)
    _check_identity(path, content, identity, restart)
    return RunState(**{key: value for key, value in content.items() if key != "format"})


def _check_identity(path: Path, content: Mapping[str, Any], identity: Mapping[str, str], restart: str) -> None:
    for what, expected in identity.items():
        found = content["identity"].get(what)
        if found != expected:
            raise CheckpointError(
                f"the state of a run with another {what}",
                file=path,
                field=what,
                found=f"hash {found[:_SHOWN_DIGITS]}" if isinstance(found, str) else shown(found),
                expected=f"hash {expected[:_SHOWN_DIGITS]}",
                fix=f"{restart}, or give another folder with -o",
            )


def saved_step(path: Path) -> int:
    """Return how many steps the run has done whose state is at `path`.

    Raises:
        CheckpointError: a damaged file, or no state of a run.
    """
    step: int = _read(path, "Give the command that wrote it again, with --restart", mmap=True)["step"]
    return step


def _read(path: Path, fix: str, *, mmap: bool = False) -> dict[str, Any]:
    """The checked content of a state; with `mmap` tensors stay in the file."""
    try:
        with path.open("rb"):
            refuse_compressed(path, CheckpointError)
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=mmap)
    except OSError as error:
        raise CheckpointError(f"cannot be read: {error.strerror}", file=path) from error
    except Exception as error:  # a damaged pickle raises whatever its bytes happen to spell
        raise damaged(path, fix) from error
    if not isinstance(content, dict) or content.get("format") != _FORMAT or set(content) != _KEYS:
        found = shown(content.get("format")) if isinstance(content, dict) else type(content).__name__
        raise CheckpointError("not the state of a run", file=path, found=found, expected=_FORMAT, fix=fix)
    kinds = {"identity": dict, "step": int, "network": dict, "optimizer": dict, "rows": list, "sums": dict}
    if any(not isinstance(content[name], kind) for name, kind in kinds.items()):
        raise damaged(path, fix)
    numbers = [content["sums"], *content["rows"]]
    if content["step"] < 0 or not all(_holds_numbers(values) for values in numbers):
        raise damaged(path, fix)
    if any("step" not in row for row in content["rows"]):
        raise damaged(path, fix)
    return content


def _holds_numbers(values: Any) -> bool:
    return isinstance(values, dict) and all(isinstance(value, int | float) for value in values.values())


def damaged(path: Path, restart: str) -> CheckpointError:
    """Return the error of a state that cannot be taken up; `restart` says how to start anew."""
    return CheckpointError("a damaged or incomplete state of a run", file=path, fix=restart)
