"""Random changes of rendered views: one geometry for colour, features and labels, then each its own changes.

Everything works on batches on the training device. The random numbers of a view come from its place in the run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ..runs.config import ImageAugmentationConfig
from .view_batches import StoredViews

_GREY = (0.299, 0.587, 0.114)


@dataclass(eq=False)  # not frozen: Fabric converts its tensors
class Views:
    """A batch of views.

    Attributes:
        image: (B, 3, H, W) float32 in 0..1.
        features: (B, D, H, W) float32.
        target: (B, H, W) int64 class indices, -1 ignored; or float32 depth in metres, NaN unknown.
    """

    image: Tensor
    features: Tensor
    target: Tensor


def random_homography(
    size: tuple[int, int], crop: tuple[int, int], config: ImageAugmentationConfig, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the (3, 3) homography from pixels of the crop to pixels of the view, both as (x, y, 1).

    Args:
        size: height and width of what the view shows.
        crop: height and width of the crop.
        config: zoom, rotation, perspective and flip.
        rng: source of all randomness.
    """
    (height, width), (crop_height, crop_width) = size, crop
    low, high = config.zoom[0], config.zoom[-1]
    zoom = low * (high / low) ** rng.random()
    angle = math.radians(rng.uniform(-config.rotation, config.rotation))
    # half of what is left over by the crop, on either side
    reach = np.maximum(np.array([width, height]) - np.array([crop_width, crop_height]) / zoom, 0) / 2
    centre = np.array([width, height]) / 2 + reach * rng.uniform(-1, 1, 2)
    mirror = -1.0 if rng.random() < config.flip else 1.0
    tilt = rng.uniform(-1, 1, 2) * config.perspective / np.array([crop_width, crop_height])
    to_middle = np.array([[1, 0, -crop_width / 2], [0, 1, -crop_height / 2], [0, 0, 1]])
    foreshorten = np.array([[1, 0, 0], [0, 1, 0], [tilt[0], tilt[1], 1]])
    cosine, sine = math.cos(angle) / zoom, math.sin(angle) / zoom
    turn = np.array([[mirror * cosine, -sine, 0], [mirror * sine, cosine, 0], [0, 0, 1]])
    to_view = np.array([[1, 0, centre[0]], [0, 1, centre[1]], [0, 0, 1]])
    homography: NDArray[np.float64] = to_view @ turn @ foreshorten @ to_middle
    return homography


def warp(views: StoredViews, homographies: NDArray[np.float64], crop: tuple[int, int], device: torch.device) -> Views:
    """Look up the crop's pixels in stored views.

    Colours are interpolated; features and targets are taken from the nearest pixel. What lies outside is black, zero
    and unlabelled. Pixel (0, 0) has its centre at (0.5, 0.5).

    Args:
        views: B views.
        homographies: (B, 3, 3), pixels of the crop to pixels of the views.
        crop: height and width of the result.
        device: of the result; features and image are channels-last in memory.
    """
    count, height, width, channels = views.features.shape
    maps = torch.from_numpy(homographies.astype(np.float32)).to(device)
    y, x = torch.meshgrid(
        torch.arange(crop[0], device=device) + 0.5, torch.arange(crop[1], device=device) + 0.5, indexing="ij"
    )
    points = torch.stack((x, y, torch.ones_like(x)), dim=-1).view(1, -1, 3) @ maps.transpose(1, 2)
    position = points[..., :2] / points[..., 2:]
    outside = ((position < 0) | (position >= torch.tensor([width, height], device=device))).any(-1)
    column, row = (position[..., i].clamp(0, side - 1).long() for i, side in enumerate((width, height)))
    nearest = (row * width + column + torch.arange(count, device=device)[:, None] * (height * width)).flatten()

    image = torch.from_numpy(views.image).to(device).permute(0, 3, 1, 2).float().div_(255)
    grid = (position * torch.tensor([2 / width, 2 / height], device=device) - 1).view(-1, *crop, 2)
    image = F.grid_sample(image, grid, align_corners=False)
    stored = torch.from_numpy(views.features).to(device).view(-1, channels).index_select(0, nearest)
    stored.masked_fill_(outside.view(-1, 1), 0)
    features = stored.view(count, -1, channels).float().mul_(torch.from_numpy(views.scale).to(device)[:, None])
    target = torch.from_numpy(views.target).to(device).flatten().index_select(0, nearest).view(count, -1)
    target = target.masked_fill(outside, math.nan if target.is_floating_point() else -1).view(-1, *crop)
    return Views(
        image=image,
        features=features.view(count, *crop, channels).permute(0, 3, 1, 2),
        target=target if target.is_floating_point() else target.long(),
    )


def vary_features(
    features: Tensor, scale: NDArray[np.float32], config: ImageAugmentationConfig, rngs: list[np.random.Generator]
) -> None:
    """Amplify, move and drop whole channels of (B, D, H, W) features in place.

    Args:
        features: of B views.
        scale: (B, D) a channel's largest value.
        config: how much.
        rngs: one a view.
    """
    factors, shifts = np.ones_like(scale), np.zeros_like(scale)
    for i, rng in enumerate(rngs):
        kept = rng.random(scale.shape[1]) >= config.channel_dropout
        factors[i] = kept * rng.uniform(1 - config.feature_gain, 1 + config.feature_gain, scale.shape[1])
        shifts[i] = kept * scale[i] * rng.uniform(-config.feature_shift, config.feature_shift, scale.shape[1])
    factor, shift = (torch.from_numpy(v).to(features.device)[:, :, None, None] for v in (factors, shifts))
    features.mul_(factor).add_(shift)


def recolour(image: Tensor, config: ImageAugmentationConfig, rngs: list[np.random.Generator]) -> Tensor:
    """Return (B, 3, H, W) images in 0..1 as other cameras in other light would have taken them.

    Brightness, gain of each channel, saturation, hue and contrast are one affine map of the colours, gamma follows.
    """
    maps, powers = zip(*(_colour_map(config, rng) for rng in rngs), strict=True)
    affine = torch.from_numpy(np.stack(maps).astype(np.float32)).to(image.device)
    power = torch.tensor(powers, dtype=torch.float32, device=image.device).view(-1, 1, 1, 1)
    flat = torch.baddbmm(affine[:, :, 3:], affine[:, :, :3], image.flatten(2))
    return flat.view_as(image).clamp_(1e-4, 1).pow(power)


def _colour_map(config: ImageAugmentationConfig, rng: np.random.Generator) -> tuple[NDArray[np.float64], float]:
    """Return a (3, 4) affine map of colours and a power to raise them to afterwards."""
    weights = np.tile(_GREY, (3, 1))
    saturation = rng.uniform(1 - config.saturation, 1 + config.saturation)
    if rng.random() < config.grey:
        saturation = 0.0
    saturate = weights + saturation * (np.eye(3) - weights)
    turn = _rotation_about_grey(math.radians(rng.uniform(-config.hue, config.hue)))
    gain = np.diag(rng.uniform(1 - config.gain, 1 + config.gain, 3))
    factor = rng.uniform(1 - config.brightness, 1 + config.brightness)
    contrast = rng.uniform(1 - config.contrast, 1 + config.contrast)
    linear = contrast * factor * gain @ saturate @ turn
    offset = np.full((3, 1), 0.5 * (1 - contrast))
    return np.hstack([linear, offset]), config.gamma ** float(rng.uniform(-1, 1))


def _rotation_about_grey(angle: float) -> NDArray[np.float64]:
    """Return the (3, 3) rotation about the axis of grey colours (Rodrigues' formula)."""
    cross = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / math.sqrt(3)
    rotation: NDArray[np.float64] = np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross
    return rotation


def cut_out(image: Tensor, features: Tensor, config: ImageAugmentationConfig, rngs: list[np.random.Generator]) -> None:
    """Overwrite rectangles of the colours with one colour, and other rectangles of the features with zero, in place.

    Labels stay: what one input lacks has to be read off the other, or off the surroundings.
    """
    height, width = image.shape[2:]
    for place, rng in enumerate(rngs):
        for target in (image, features):
            for _ in range(int(rng.integers(config.cut_out + 1))):
                side = rng.uniform(0.05, 0.35, 2) * (height, width)
                y, x = (rng.random(2) * ((height, width) - side)).astype(int)
                area = target[place, :, y : y + max(1, int(side[0])), x : x + max(1, int(side[1]))]
                colour = torch.from_numpy(rng.random(3).astype(np.float32)) if target is image else torch.zeros(1)
                area.copy_(colour.to(area.device).view(-1, 1, 1).expand_as(area))
        if rng.random() < config.colour_dropout:
            image[place].zero_()
        elif rng.random() < config.feature_dropout:
            features[place].zero_()


def add_noise(image: Tensor, config: ImageAugmentationConfig, generator: torch.Generator) -> Tensor:
    """Return (B, 3, H, W) images in 0..1 with noise, of another strength in every view."""
    strength = config.noise * torch.rand((len(image), 1, 1, 1), generator=generator, device=image.device)
    noise = torch.randn(image.shape, generator=generator, device=image.device)
    return noise.mul_(strength).add_(image).clamp_(0, 1)
