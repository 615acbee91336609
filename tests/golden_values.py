"""The golden files: values of the original network definitions, and the seeded weights they were computed with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from golden.seeded_weights import seeded_state

if TYPE_CHECKING:
    from torch import Tensor

GOLDEN = Path(__file__).parent / "golden"


def golden(name: str) -> dict[str, np.ndarray]:
    """Return the arrays of ``golden/NAME.npz``."""
    with np.load(GOLDEN / f"{name}.npz") as arrays:
        return dict(arrays)


def state_entries(network: str) -> dict[str, tuple[int, ...]]:
    """Return name -> shape of the state dict of "encoder" or "fusion", in order."""
    entries = {}
    for line in (GOLDEN / f"{network}_state_dict.txt").read_text().splitlines():
        name, _, shape = line.partition("\t")
        entries[name] = tuple(int(size) for size in shape.split(",") if size)
    return entries


def seeded_state_dict(network: str, seed: int) -> dict[str, Tensor]:
    """Return the weights that the golden values of "encoder" or "fusion" were computed with."""
    import torch  # here: tests of the runtime alone run without it

    state = seeded_state(state_entries(network), seed)
    return {name: torch.from_numpy(np.asarray(value)) for name, value in state.items()}


def relative_error(found: np.ndarray, expected: np.ndarray) -> float:
    """Return max |found - expected| / max |expected|."""
    return float(np.abs(found - expected).max() / np.abs(expected).max())
