"""Full-size outputs on some of the pixels only.

The fusion network answers at a quarter of the image's size and the answer is upsampled bilinearly. The full-size image
is made of 16 grids of pixels 4 apart; on each of them upsampling is one and the same weighted sum of four neighbours.
A loss over a few grids drawn at random has the gradient of the loss over all pixels on average, and costs less.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

GRIDS = 16
_SCALE = 4


def draw_grids(count: int, generator: torch.Generator) -> list[int]:
    """Return `count` different grids, each 0..15: ``4 * row + column`` of its first pixel."""
    return torch.randperm(GRIDS, generator=generator)[:count].tolist()


def upsampled_on_grid(quarter: Tensor, grid: int) -> Tensor:
    """Return what ``full_size_logits(quarter)[:, :, row::4, column::4]`` is, at a sixteenth of its cost.

    Args:
        quarter: (B, C, h, w).
        grid: ``4 * row + column``.

    Returns:
        (B, C, h, w).
    """
    row, column = divmod(grid, _SCALE)
    return _shifted(_shifted(quarter, row, 2), column, 3)


def pixels_on_grid(full: Tensor, grid: int) -> Tensor:
    """Return the pixels (B, H / 4, W / 4) of (B, H, W) maps that belong to a grid."""
    row, column = divmod(grid, _SCALE)
    return full[:, row::_SCALE, column::_SCALE]


def _shifted(x: Tensor, offset: int, dim: int) -> Tensor:
    """Interpolate along `dim` at ``i + (offset + 0.5) / 4 - 0.5``, repeating the border."""
    position = (offset + 0.5) / _SCALE - 0.5
    size = x.shape[dim]
    if position < 0:
        neighbour = torch.cat((x.narrow(dim, 0, 1), x.narrow(dim, 0, size - 1)), dim)
    else:
        neighbour = torch.cat((x.narrow(dim, 1, size - 1), x.narrow(dim, size - 1, 1)), dim)
    return torch.lerp(x, neighbour, abs(position))


def semantic_loss(logits: Tensor, labels: Tensor, smoothing: float, weights: Tensor | None = None) -> Tensor:
    """Return the cross-entropy with label smoothing, the mean over labelled pixels.

    Args:
        logits: (B, K, h, w).
        labels: (B, h, w) int64, -1 ignored.
        smoothing: share of the target that is spread evenly over all classes.
        weights: (K,) of the classes, or None.
    """
    weight = None if weights is None else weights.to(logits.dtype)
    total = F.cross_entropy(logits, labels, weight=weight, ignore_index=-1, label_smoothing=smoothing, reduction="sum")
    labelled = labels >= 0
    count = labelled.sum() if weights is None else weights[labels.clamp(min=0)].mul(labelled).sum()
    return total / count.clamp(min=1)


def depth_loss(predicted: Tensor, depth: Tensor) -> Tensor:
    """Return the mean squared error in square metres where `depth` (B, h, w) is known (not NaN); (B, 1, h, w) given."""
    known = torch.isfinite(depth)
    error = torch.where(known, predicted[:, 0] - torch.nan_to_num(depth), 0.0)
    return (error**2).sum() / known.sum().clamp(min=1)
