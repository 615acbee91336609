"""A second answer, from the colour branch alone, that training asks for and no checkpoint holds.

Features tell most from the first step on, so hardly any gradient reaches the colour branch, whose weights are random at
first. Supervised by itself, it learns all the same (deep supervision: Lee et al., "Deeply-Supervised Nets", 2015).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

_WIDTH = 64


class ColourHead(nn.Module):
    """Project the maps of all scales to one width, add them at the finest, classify.

    Args:
        widths: channels of the colour branch's maps.
        outputs: classes, or 1 for depth.
    """

    def __init__(self, widths: Sequence[int], outputs: int) -> None:
        super().__init__()
        self.projections = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, _WIDTH, kernel_size=1, bias=False), nn.BatchNorm2d(_WIDTH))
            for width in widths
        )
        self.answer = nn.Conv2d(_WIDTH, outputs, kernel_size=1)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Answer from maps (B, C_i, h / 2**i, w / 2**i) with (B, outputs, h, w)."""
        size = maps[0].shape[2:]
        projected = [projection(x) for projection, x in zip(self.projections, maps, strict=True)]
        total = projected[0]
        for x in projected[1:]:
            total = total + F.interpolate(x, size, mode="bilinear", align_corners=False)
        answer: Tensor = self.answer(F.relu(total))
        return answer
