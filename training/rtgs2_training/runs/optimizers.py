"""The optimisers of all kinds of training: Adam, AdamW, and Muon for the weights between a network's ends."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import torch
from torch import Tensor, nn

from .config import OptimizerName

_MOMENTUM = 0.95
_NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # steep at 0: five steps bring singular values from 0.003 up near 1
_NEWTON_SCHULZ_STEPS = 5
_ROOT_MEAN_SQUARE = 0.2  # of an update of AdamW, about


def make_optimizer(
    name: OptimizerName, module: nn.Module, ends: Collection[str], learning_rate: float, weight_decay: float
) -> torch.optim.Optimizer:
    """Return an optimiser of all parameters of `module`.

    Args:
        name: adam, the paper's for the encoder, where decay is a part of the gradient; adamw; or muon: Muon for hidden
            weights, AdamW for all others. With these two biases, norms and layer scales do not decay.
        module: network and losses.
        ends: names of layers (or parts of their names) that read the inputs or give the answers: Muon is not for
            these, nor for depthwise convolutions, whose channels share nothing.
        learning_rate: of both; Muon's updates have the size of AdamW's.
        weight_decay: of the weights.
    """
    if name == "adam":
        return torch.optim.Adam(module.parameters(), lr=learning_rate, weight_decay=weight_decay)
    hidden, matrices, vectors = [], [], []
    for parameter_name, parameter in module.named_parameters():
        if parameter.ndim <= 1:
            vectors.append(parameter)
        elif name == "muon" and parameter.shape[1] > 1 and not any(end in parameter_name for end in ends):
            hidden.append(parameter)
        else:
            matrices.append(parameter)
    groups: list[dict[str, Any]] = [{"params": matrices}, {"params": vectors, "weight_decay": 0.0}]
    adamw = torch.optim.AdamW(groups, lr=learning_rate, weight_decay=weight_decay, fused=True)
    return Muon(hidden, adamw, learning_rate, weight_decay) if hidden else adamw


class Muon(torch.optim.Optimizer):
    """Momentum whose update of each matrix is made orthogonal (Jordan et al., 2024), beside AdamW for other parameters.

    The update is scaled by 0.2 times the root of the matrix's longer side (Liu et al., 2025), so that a learning rate
    that suits AdamW suits it. Weights of convolutions count as matrices, a row an output channel.

    Args:
        hidden: parameters of two or more axes, the first of which is the outputs'.
        adamw: optimiser of all others.
        learning_rate: of the hidden weights.
        weight_decay: of the hidden weights, decoupled.
    """

    def __init__(
        self, hidden: list[nn.Parameter], adamw: torch.optim.AdamW, learning_rate: float, weight_decay: float
    ) -> None:
        self._adamw = adamw
        group = {"params": hidden, "lr": learning_rate, "weight_decay": weight_decay}
        super().__init__([group, *adamw.param_groups], {})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update all parameters from their gradients."""
        assert closure is None, "one gradient a step"
        hidden, *others = self.param_groups
        same_shape: dict[torch.Size, list[tuple[Tensor, Tensor]]] = {}
        for parameter in hidden["params"]:
            if parameter.grad is None:
                continue
            state = self.state[parameter]
            if not state:
                state["momentum"] = torch.zeros_like(parameter)
            momentum = state["momentum"].lerp_(parameter.grad, 1 - _MOMENTUM)
            ahead = parameter.grad.lerp(momentum, _MOMENTUM).flatten(1)  # Nesterov's
            same_shape.setdefault(ahead.shape, []).append((parameter, ahead))
        learning_rate, decay = hidden["lr"], hidden["weight_decay"]
        for shape, members in same_shape.items():
            updates = orthogonal(torch.stack([ahead for _, ahead in members]))
            size = learning_rate * _ROOT_MEAN_SQUARE * max(shape) ** 0.5
            for (parameter, _), update in zip(members, updates, strict=True):
                parameter.mul_(1 - learning_rate * decay).add_(update.view_as(parameter), alpha=-size)
        # a loaded state has replaced groups and state
        self._adamw.param_groups, self._adamw.state = others, self.state
        self._adamw.step()


def orthogonal(matrices: Tensor) -> Tensor:
    """Return (B, m, n) matrices with the singular vectors of `matrices` and singular values near 1 (0.7 to 1.2).

    By five steps of a Newton-Schulz iteration of fifth degree, in the matrices' dtype. Each step multiplies x by a
    polynomial of x xT from the left. All of these commute, so their product and the next x xT follow from small square
    matrices alone, and x itself is multiplied once.
    """
    a, b, c = _NEWTON_SCHULZ
    tall = matrices.shape[1] > matrices.shape[2]
    x: Tensor = matrices.mT if tall else matrices
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    diagonal = a * torch.eye(x.shape[1], dtype=x.dtype, device=x.device)

    def polynomial(square: Tensor) -> Tensor:
        return torch.baddbmm(torch.add(diagonal, square, alpha=b), square, square, alpha=c)

    square = x @ x.mT
    factor = product = polynomial(square)
    for _ in range(_NEWTON_SCHULZ_STEPS - 1):
        square = factor @ square @ factor
        factor = polynomial(square)
        product = factor @ product
    x = product @ x
    return x.mT if tall else x
