"""View-dependent view-independent fusion: class logits from a rendered colour image and a rendered feature image.

RT-GS2's third stage, an AsymFormer (Du et al., 2023): a ConvNeXt branch reads the colours, a Mix Transformer branch the
features, and at the last three scales the colours are merged into the feature branch.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rtgs2_networks import convnext
from rtgs2_networks.config import FusionConfig
from rtgs2_networks.decoder import MlpDecoder
from rtgs2_networks.mix_transformer import BLOCK_NORM_EPS, MixTransformerBlock, PatchEmbedding
from rtgs2_networks.spatial_channel_attention import SpatialChannelCrossAttention
from rtgs2_trt.errors import InputError

SIZE_MULTIPLE = 32
"""Image height and width are multiples of this; elsewhere the two branches would round differently."""


class FusionStage(nn.Module):
    """One scale of both branches and, from the second scale on, the module that merges them."""

    def __init__(self, stage: int, config: FusionConfig) -> None:
        super().__init__()
        feature_width, rgb_width = config.feature_widths[stage], config.rgb_widths[stage]
        if stage == 0:
            self.depth_stem = PatchEmbedding(config.feature_channels, feature_width, kernel=7, stride=4)
            self.rgb_stem = convnext.stem(3, rgb_width)
        else:
            self.depth_stem = PatchEmbedding(config.feature_widths[stage - 1], feature_width, kernel=3, stride=2)
            self.rgb_stem = convnext.downsampling(config.rgb_widths[stage - 1], rgb_width)
        self.rgb_layer = nn.Sequential(
            *(convnext.ConvNextBlock(rgb_width, config.mlp_ratio) for _ in range(config.rgb_depths[stage]))
        )
        heads, reduction = config.feature_heads[stage], config.spatial_reductions[stage]
        self.depth_layer = nn.Sequential(
            *(
                MixTransformerBlock(feature_width, heads, reduction, config.mlp_ratio)
                for _ in range(config.feature_depths[stage])
            )
        )
        self.depth_norm = nn.LayerNorm(feature_width, eps=BLOCK_NORM_EPS)
        self.SCC = SpatialChannelCrossAttention(feature_width, rgb_width) if stage > 0 else None

    def forward(self, rgb: Tensor, feature: Tensor) -> tuple[Tensor, Tensor]:
        """Bring both branches, (B, C, h, w) each, to this scale; the feature branch comes back merged."""
        rgb = self.rgb_layer(self.rgb_stem(rgb))
        feature = self.depth_norm(self.depth_layer(self.depth_stem(feature))).permute(0, 3, 1, 2)
        if self.SCC is not None:
            feature = self.SCC(feature, rgb)
        return rgb, feature


class FusionNetwork(nn.Module):
    """The fusion network: logits at a quarter of the image size.

    The network takes the image as its weights expect it: it neither clips the colours to 0..1 nor swaps RGB and BGR,
    which is up to the caller and, in exported graphs, done inside. Parameter names and shapes are those of the RT-GS2
    research checkpoints, where "depth" names the feature branch.
    """

    def __init__(self, config: FusionConfig) -> None:
        super().__init__()
        self.config = config
        for stage in range(len(config.rgb_widths)):
            self.add_module(f"down_sample_{stage + 1}", FusionStage(stage, config))
        self.Decoder = MlpDecoder(config.feature_widths, config.decoder_width, config.num_classes)

    def forward(self, image: Tensor, features: Tensor) -> Tensor:
        """Classify the pixels of rendered views.

        Args:
            image: (B, 3, H, W) float in 0..1, channels in the order that the weights were trained with.
            features: (B, feature_channels, H, W) float, alpha-blended encoder features.

        Returns:
            (B, num_classes, H/4, W/4) logits; :func:`full_size_logits` brings them to (H, W).

        Raises:
            InputError: shapes that do not fit, or H or W not a multiple of 32.
        """
        logits, _ = self.quarter_size_outputs(image, features)
        return logits

    def forward_with_embedding(self, image: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """Like :meth:`forward`, with the decoder's embedding for training losses.

        Returns:
            Logits (B, num_classes, H/4, W/4), and the decoder's last map before the classes, upsampled bilinearly to
            (B, decoder_width, H, W): the "x_lin" of the research code.
        """
        logits, embedding = self.quarter_size_outputs(image, features)
        return logits, full_size_logits(embedding)

    def quarter_size_outputs(self, image: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """Like :meth:`forward_with_embedding`, with the embedding as it is: (B, decoder_width, H/4, W/4)."""
        _, merged = self.branch_maps(image, features)
        logits, embedding = self.Decoder(merged)
        return logits, embedding

    def branch_maps(self, image: Tensor, features: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Return the maps of both branches at every scale, finest first, for training losses.

        Returns:
            Of the colour branch, and of the feature branch with the colours merged in from the second scale on, which
            the decoder takes: (B, C_i, H / 2**(i + 2), W / 2**(i + 2)) each.
        """
        self._check(image, features)
        rgb = torch.zeros_like(image) if self.config.inputs == "features" else image
        feature = torch.zeros_like(features) if self.config.inputs == "colour" else features
        colours, merged = [], []
        for stage in range(len(self.config.rgb_widths)):
            rgb, feature = self.get_submodule(f"down_sample_{stage + 1}")(rgb, feature)
            colours.append(rgb)
            merged.append(feature)
        return colours, merged

    def _check(self, image: Tensor, features: Tensor) -> None:
        for name, tensor, channels in (("image", image, 3), ("features", features, self.config.feature_channels)):
            if tensor.ndim != 4 or tensor.shape[1] != channels:
                found, expected = f"shape {tuple(tensor.shape)}", f"shape (B, {channels}, H, W)"
                raise InputError("not a batch of maps", field=name, found=found, expected=expected)
        if image.shape[0] != features.shape[0] or image.shape[2:] != features.shape[2:]:
            raise InputError(
                "image and features differ in size",
                field="features",
                found=f"shape {tuple(features.shape)}",
                expected=f"batch and size of the image {tuple(image.shape)}",
                fix="Render both with the same camera.",
            )
        height, width = image.shape[2:]
        if height % SIZE_MULTIPLE or width % SIZE_MULTIPLE:
            raise InputError(
                "the image size is not a multiple of 32",
                field="image",
                found=f"{width}x{height}",
                expected="width and height that 32 divides",
                fix="Render a larger view with the same fx, fy, cx and cy, and crop the labels.",
            )


def full_size_logits(logits: Tensor) -> Tensor:
    """Upsample maps (B, C, h, w) bilinearly (align_corners=False) to (B, C, 4h, 4w)."""
    return F.interpolate(logits, scale_factor=4, mode="bilinear", align_corners=False)
