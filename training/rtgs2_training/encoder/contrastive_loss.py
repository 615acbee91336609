"""The point contrast that trains the encoder without labels.

Xie et al., "PointContrast: Unsupervised Pre-training for 3D Point Cloud Understanding", ECCV 2020 (PointInfoNCE), as
RT-GS2 takes it for Gaussians.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def point_info_nce(a: Tensor, b: Tensor, temperature: float, *, unit_length: bool) -> tuple[Tensor, Tensor]:
    """Return the contrastive loss of matching points, and how often the match is found.

    Row i of both is the same point. With ``s_ij = a_i . b_j / temperature`` the loss is the mean over both directions
    of ``-log(exp(s_ii) / sum_j exp(s_ij))``: every other point of the other view is a negative.

    Args:
        a: (M, C) features of the points as one view sees them.
        b: (M, C) features of the same points as the other view sees them.
        temperature: divides the dot products.
        unit_length: compare directions alone: rows are divided by their length first.

    Returns:
        The loss, and the share of points (0..1) whose most similar point of the other view is themselves, both scalars.
    """
    with torch.autocast(a.device.type, enabled=False):  # bfloat16 would make ties among similarities
        a, b = a.float(), b.float()
        if unit_length:
            a, b = F.normalize(a, dim=1), F.normalize(b, dim=1)
        similarities = a @ b.T / temperature
    itself = torch.arange(len(a), device=a.device)
    loss = (F.cross_entropy(similarities, itself) + F.cross_entropy(similarities.T, itself)) / 2
    found = (similarities.detach().argmax(1) == itself).float().mean()
    return loss, found
