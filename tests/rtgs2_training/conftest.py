"""What all tests of the training share."""

from __future__ import annotations

import sys

import pytest


@pytest.fixture(autouse=True)
def _threads_of_torch():
    """Commands with --threads set those of this process; other tests compare results that depend on their number."""
    torch = sys.modules.get("torch")  # SynthRooms needs none
    if torch is None:
        yield
        return
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)
