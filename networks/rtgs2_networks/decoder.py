"""The fusion network's decoder: the MLP head of SegFormer over the maps of four scales."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn


class MlpDecoder(nn.Module):
    """Project every scale to one width, upsample to the finest, mix, classify."""

    def __init__(self, widths: Sequence[int], width: int, num_classes: int) -> None:
        super().__init__()
        for scale in reversed(range(len(widths))):
            projection = nn.Linear(widths[scale], width)
            self.add_module(f"linear_c{scale + 1}", nn.Sequential(OrderedDict(proj=projection)))
        self.linear_fuse = nn.Sequential(
            nn.Conv2d(len(widths) * width, width, kernel_size=1), nn.BatchNorm2d(width), nn.ReLU()
        )
        self.linear_pred = nn.Conv2d(width, num_classes, kernel_size=1)

    def forward(self, maps: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Decode `maps`, (B, C_i, h / 2**i, w / 2**i) each.

        Returns:
            Logits (B, num_classes, h, w) and the embedding (B, width, h, w) that they are a linear function of.
        """
        size = maps[0].shape[2:]
        mix, norm, activation = self.linear_fuse
        assert isinstance(mix, nn.Conv2d)
        # The mixing of the joined scales is a sum over them, and each summand commutes with its upsampling: far fewer
        # pixels are mixed. The research weights join the coarsest scale first.
        mixed = []
        scales = reversed(range(len(maps)))
        for scale, weight in zip(scales, mix.weight.flatten(1).chunk(len(maps), dim=1), strict=True):
            projection = self.get_submodule(f"linear_c{scale + 1}")
            bias = mix.bias if scale == 0 else None
            x = F.linear(projection(maps[scale].permute(0, 2, 3, 1)), weight, bias).permute(0, 3, 1, 2)
            mixed.append(x if scale == 0 else F.interpolate(x, size, mode="bilinear", align_corners=False))
        embedding = activation(norm(sum(mixed[1:], start=mixed[0])))
        return self.linear_pred(embedding), embedding
