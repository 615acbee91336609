"""ConvNeXt: the branch of the fusion network that reads the rendered colour image.

Liu et al., "A ConvNet for the 2020s", CVPR 2022.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LAYER_NORM_EPS = 1e-6
LAYER_SCALE_INIT = 0.1
"""Initial ``gamma``: the value for at most 18 blocks in Touvron et al., "Going Deeper with Image Transformers"."""


class ChannelsFirstLayerNorm(nn.LayerNorm):
    """LayerNorm over the channels of a (B, C, H, W) map."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=LAYER_NORM_EPS)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise `x` (B, C, H, W) at every pixel."""
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ConvNextBlock(nn.Module):
    """Depthwise 7x7, LayerNorm, Linear, GELU, Linear, layer scale, shortcut."""

    def __init__(self, width: int, mlp_ratio: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.full((width,), LAYER_SCALE_INIT))
        self.dwconv = nn.Conv2d(width, width, kernel_size=7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width, eps=LAYER_NORM_EPS)
        self.pwconv1 = nn.Linear(width, mlp_ratio * width)
        self.pwconv2 = nn.Linear(mlp_ratio * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, width, H, W) to the same shape."""
        update = self.norm(self._depthwise(x).permute(0, 2, 3, 1))
        update = self.gamma * self.pwconv2(F.gelu(self.pwconv1(update)))
        out: Tensor = x + update.permute(0, 3, 1, 2)
        return out

    def _depthwise(self, x: Tensor) -> Tensor:
        if x.device.type == "cpu" and torch.is_autocast_enabled("cpu"):
            with torch.autocast("cpu", enabled=False):  # the gradient in bfloat16 takes three times as long there
                return self.dwconv(x.float())  # type: ignore[no-any-return]
        return self.dwconv(x)  # type: ignore[no-any-return]


def stem(in_channels: int, width: int) -> nn.Sequential:
    """Return the first stage's entry: (B, in_channels, H, W) -> (B, width, H/4, W/4)."""
    return nn.Sequential(nn.Conv2d(in_channels, width, kernel_size=4, stride=4), ChannelsFirstLayerNorm(width))


def downsampling(in_width: int, width: int) -> nn.Sequential:
    """Return a later stage's entry: (B, in_width, h, w) -> (B, width, h/2, w/2)."""
    return nn.Sequential(ChannelsFirstLayerNorm(in_width), nn.Conv2d(in_width, width, kernel_size=2, stride=2))
