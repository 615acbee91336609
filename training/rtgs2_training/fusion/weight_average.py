"""A running mean of a network's weights, which predicts better than the weights of any one step."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn


class WeightAverage:
    """An exponential moving average of all parameters and BatchNorm statistics.

    Args:
        network: is averaged.
        decay: a step; the first steps use less, ``(1 + steps) / (10 + steps)``, so that the start is soon forgotten.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self._network, self._decay = network, decay
        self.network = copy.deepcopy(network).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take the network after `step` steps into the mean."""
        decay = min(self._decay, (1 + step) / (10 + step))
        mean, current = self.network.state_dict(), self._network.state_dict()
        floats = [name for name, value in mean.items() if value.is_floating_point()]
        torch._foreach_lerp_([mean[name] for name in floats], [current[name] for name in floats], 1 - decay)
        for name in mean.keys() - set(floats):
            mean[name].copy_(current[name])

    def state_dict(self) -> dict[str, Any]:
        """Return the mean's state dict."""
        return self.network.state_dict()

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take up a saved mean."""
        self.network.load_state_dict(state)
