"""What all tests of the training share."""

from __future__ import annotations

import sys

import pytest


@pytest.fixture(autouse=True, scope="module")
def _threads_at_first():
    """The number of torch's threads before any fixture of the module ran a command."""
    torch = sys.modules.get("torch")  # SynthRooms needs none
    before = torch.get_num_threads() if torch else 0
    yield before
    if torch:
        torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def _threads_of_torch(_threads_at_first):
    """Commands with --threads set those of this process; other tests compare results that depend on their number."""
    yield
    if _threads_at_first:
        sys.modules["torch"].set_num_threads(_threads_at_first)
