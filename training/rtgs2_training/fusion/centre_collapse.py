"""The centre-collapse regulariser (CeCo): class centres are drawn to a fixed simplex.

Zhong et al., "Understanding Imbalanced Semantic Segmentation Through Neural Collapse", CVPR 2023. Centres of classes,
unlike single pixels, are balanced: each present class counts once.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def simplex_frame(classes: int, width: int, seed: int = 0) -> Tensor:
    """Return a simplex equiangular tight frame: (classes, width) unit rows, each pair at cosine -1 / (classes - 1).

    ``sqrt(K / (K - 1)) (I - 1 1^T / K) U`` with orthonormal rows U, drawn from `seed`. Where `width` is too small for
    K directions at equal angles, U's rows are as far from dependent as a random matrix allows, and the angles are only
    about equal.

    Args:
        classes: K, at least 2.
        width: length of a row.
        seed: of the random orientation.
    """
    generator = torch.Generator().manual_seed(seed)
    directions = torch.randn(max(width, classes), classes, generator=generator, dtype=torch.float64)
    orthonormal = torch.linalg.qr(directions)[0].T[:, :width]
    frame = math.sqrt(classes / (classes - 1)) * (orthonormal - orthonormal.mean(dim=0))
    return F.normalize(frame, dim=1).float()


def class_centres(embedding: Tensor, labels: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Return the mean embedding of each class, and how many pixels it has.

    Args:
        embedding: (B, D, h, w).
        labels: (B, h, w) int64, class indices; negative ones are ignored.
        classes: K.

    Returns:
        (K, D) means, zero for classes without pixels, and (K,) counts.
    """
    rows = embedding.float().permute(0, 2, 3, 1).flatten(0, 2)
    flat = labels.flatten()
    members = F.one_hot(flat.clamp(min=0), classes).to(rows.dtype) * (flat >= 0)[:, None]
    counts = members.sum(0)
    with torch.autocast(rows.device.type, enabled=False):  # sums over thousands of pixels
        return members.T @ rows / counts.clamp(min=1)[:, None], counts


def centre_collapse_loss(embedding: Tensor, labels: Tensor, frame: Tensor) -> Tensor:
    """Return the cross-entropy of the present classes' centres against the fixed classifier `frame` (K, D).

    Args:
        embedding: (B, D, h, w), the map that the network's classifier reads.
        labels: (B, h, w) int64, class indices; negative ones are ignored.
        frame: :func:`simplex_frame`.
    """
    centres, counts = class_centres(embedding, labels, len(frame))
    with torch.autocast(frame.device.type, enabled=False):
        logits = centres @ frame.T
    each = F.cross_entropy(logits, torch.arange(len(frame), device=frame.device), reduction="none")
    present = (counts > 0).to(each.dtype)
    return (each * present).sum() / present.sum().clamp(min=1)
