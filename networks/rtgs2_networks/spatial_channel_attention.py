"""SCC: the module that merges the colour branch into the feature branch at one scale.

Du et al., "AsymFormer: Asymmetrical Cross-Modal Representation Learning for Mobile Platform Real-Time RGB-D Semantic
Segmentation", 2023: local attention-guided feature selection, then cross-modal attention-guided correlation.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SpatialChannelGate(nn.Module):
    """Weigh the pixels and the channels of a map by what its spatial mean says."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc_spatial = nn.Sequential(
            nn.Linear(channels, channels // 16, bias=False),
            nn.ReLU(),
            nn.Linear(channels // 16, channels, bias=False),
        )
        self.fc_channel = nn.Sequential(
            nn.Linear(channels, channels // 8, bias=False),
            nn.ReLU(),
            nn.Linear(channels // 8, channels, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        channels = x.shape[1]
        mean = x.mean((2, 3))
        # dividing by C twice is how the published network is defined and trained
        scores = torch.einsum("bchw,bc->bhw", x, self.fc_spatial(mean)) / channels / channels
        out: Tensor = scores.sigmoid()[:, None] * x * self.fc_channel(mean)[:, :, None, None]
        return out


class CrossAttention(nn.Module):
    """Two-headed attention over all pixels, its queries and keys mixed from both branches, its values merged."""

    def __init__(self, feature_width: int, rgb_width: int) -> None:
        super().__init__()
        query_width = rgb_width // 4
        self.bn_x1 = nn.BatchNorm2d(feature_width)
        self.bn_x2 = nn.BatchNorm2d(rgb_width)
        self.kq1 = nn.Linear(feature_width, 2 * query_width)
        self.kq2 = nn.Linear(rgb_width, 2 * query_width)
        self.v_conv = nn.Linear(feature_width, feature_width // 2)
        self.out_conv = nn.Linear(feature_width // 2, feature_width)
        self.bn_last = nn.BatchNorm2d(feature_width)

    def forward(self, feature: Tensor, rgb: Tensor, merged: Tensor) -> Tensor:
        """Correlate `feature` (B, Cf, H, W) and `rgb` (B, Cr, H, W); returns the update of `merged` (B, Cf, H, W)."""
        from_feature = self.kq1(_tokens(self.bn_x1(feature))).chunk(4, dim=2)
        from_rgb = self.kq2(_tokens(self.bn_x2(rgb))).chunk(4, dim=2)
        # a channel shuffle in two groups: each head's key and query take a quarter of both branches
        key1, query1, key2, query2 = (torch.cat(pair, dim=2) for pair in zip(from_feature, from_rgb, strict=True))
        query, key = torch.stack((query1, query2), dim=1), torch.stack((key1, key2), dim=1)
        value = torch.stack(self.v_conv(_tokens(merged)).chunk(2, dim=2), dim=1)
        attended = F.scaled_dot_product_attention(query, key, value)  # (B, 2, H * W, Cf / 4)
        update = self.out_conv(attended.transpose(1, 2).flatten(2))
        out: Tensor = self.bn_last(update.transpose(1, 2).reshape(merged.shape))
        return out


class SpatialChannelCrossAttention(nn.Module):
    """Gate both maps together, project them to the feature branch's width and add their cross-attention."""

    def __init__(self, feature_width: int, rgb_width: int) -> None:
        super().__init__()
        self.fus_atten = SpatialChannelGate(feature_width + rgb_width)
        self.conv1 = nn.Conv2d(feature_width + rgb_width, feature_width, kernel_size=1, bias=False)
        self.bn = nn.BatchNorm2d(feature_width)
        self.cross_atten = CrossAttention(feature_width, rgb_width)

    def forward(self, feature: Tensor, rgb: Tensor) -> Tensor:
        """Merge `feature` (B, Cf, H, W) and `rgb` (B, Cr, H, W) into (B, Cf, H, W)."""
        merged = self.bn(self.conv1(self.fus_atten(torch.cat((feature, rgb), dim=1))))
        out: Tensor = merged + self.cross_atten(feature, rgb, merged)
        return out


def _tokens(x: Tensor) -> Tensor:
    """Turn a map (B, C, H, W) into (B, H * W, C)."""
    return x.flatten(2).transpose(1, 2)
