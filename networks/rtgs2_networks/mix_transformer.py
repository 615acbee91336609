"""Mix Transformer (MiT): the branch of the fusion network that reads the rendered feature image.

Xie et al., "SegFormer: Simple and Efficient Design for Semantic Segmentation with Transformers", NeurIPS 2021.
Maps are channels-last, (B, H, W, C), throughout this branch: all but the convolutions work on the last axis.
"""

from __future__ import annotations

from collections import OrderedDict

import torch.nn.functional as F
from torch import Tensor, nn

BLOCK_NORM_EPS = 1e-6
EMBEDDING_NORM_EPS = 1e-5  # also the norm after the spatial reduction


class PatchEmbedding(nn.Module):
    """Overlapping strided convolution and LayerNorm."""

    def __init__(self, in_channels: int, width: int, *, kernel: int, stride: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(in_channels, width, kernel_size=kernel, stride=stride, padding=kernel // 2)
        self.norm = nn.LayerNorm(width, eps=EMBEDDING_NORM_EPS)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, in_channels, H, W) to the channels-last (B, H/stride, W/stride, width)."""
        out: Tensor = self.norm(self.proj(x).permute(0, 2, 3, 1))
        return out


class SpatialReductionAttention(nn.Module):
    """Self-attention of all pixels over a map that a strided convolution has made `reduction` times smaller."""

    def __init__(self, width: int, heads: int, reduction: int) -> None:
        super().__init__()
        self.heads = heads
        self.reduction = reduction
        self.q = nn.Linear(width, width)
        self.kv = nn.Linear(width, 2 * width)
        self.proj = nn.Linear(width, width)
        if reduction > 1:
            self.sr = nn.Conv2d(width, width, kernel_size=reduction, stride=reduction)
            self.norm = nn.LayerNorm(width, eps=EMBEDDING_NORM_EPS)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, H, W, width) to the same shape."""
        reduced = x
        if self.reduction > 1:
            reduced = self.norm(self.sr(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1))
        query = self.q(x).flatten(1, 2).unflatten(2, (self.heads, -1)).transpose(1, 2)
        key, value = self.kv(reduced).flatten(1, 2).unflatten(2, (2, self.heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)
        attended = F.scaled_dot_product_attention(query, key, value)  # (B, heads, H * W, head size)
        out: Tensor = self.proj(attended.transpose(1, 2).reshape(x.shape))
        return out


class MixFeedForward(nn.Module):
    """Linear, depthwise 3x3, GELU, Linear."""

    def __init__(self, width: int, ratio: int) -> None:
        super().__init__()
        hidden = ratio * width
        self.fc1 = nn.Linear(width, hidden)
        depthwise = nn.Conv2d(hidden, hidden, kernel_size=3, padding=1, groups=hidden)
        self.dwconv = nn.Sequential(OrderedDict(dwconv=depthwise))
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """Return the (B, H, W, width) update of `x` of that shape, without the shortcut."""
        x = self.dwconv(self.fc1(x).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        out: Tensor = self.fc2(F.gelu(x))
        return out


class MixTransformerBlock(nn.Module):
    """Spatial-reduction attention and mix feed-forward, pre-norm, each with a shortcut."""

    def __init__(self, width: int, heads: int, reduction: int, mlp_ratio: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=BLOCK_NORM_EPS)
        self.attn = SpatialReductionAttention(width, heads, reduction)
        self.norm2 = nn.LayerNorm(width, eps=BLOCK_NORM_EPS)
        self.mlp = MixFeedForward(width, mlp_ratio)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, H, W, width) to the same shape."""
        x = x + self.attn(self.norm1(x))
        out: Tensor = x + self.mlp(self.norm2(x))
        return out
