"""Random numbers that depend on what they are for, not on what was drawn before.

A run that goes on after a kill, or on another number of processes, so meets the same samples in the same order.
"""

from __future__ import annotations

import threading
import zlib

import numpy as np
import torch
from numpy.typing import NDArray


def generator(seed: int, purpose: str, *indices: int) -> np.random.Generator:
    """Return NumPy's generator for the item `indices` (a step, a sample) of a purpose."""
    return np.random.default_rng([seed, zlib.crc32(purpose.encode()), *indices])


def torch_generator(device: torch.device, seed: int, purpose: str, *indices: int) -> torch.Generator:
    """Return torch's generator on `device` for the item `indices` of a purpose."""
    state = int(generator(seed, purpose, *indices).integers(2**63))
    return torch.Generator(device=device).manual_seed(state)


def shuffled_item(seed: int, count: int, position: int) -> int:
    """Return item `position` of an endless sequence that goes through 0..count-1 in a new order each time."""
    epoch, place = divmod(position, count)
    order: NDArray[np.int64] = _order(seed, count, epoch)
    return int(order[place])


def _order(seed: int, count: int, epoch: int) -> NDArray[np.int64]:
    key = (seed, count, epoch)
    with _lock:  # samples are drawn by several threads
        order = _orders.get(key)
        if order is None:
            order = generator(seed, "order", count, epoch).permutation(count)
            while len(_orders) >= 4:
                del _orders[next(iter(_orders))]
            _orders[key] = order
    return order


_lock = threading.Lock()
_orders: dict[tuple[int, int, int], NDArray[np.int64]] = {}
