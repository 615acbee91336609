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

_GREY = (0.299, 0.587, 0.114)


@dataclass(frozen=True, eq=False)
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


def warp(views: Views, homographies: Tensor, crop: tuple[int, int]) -> Views:
    """Look up the crop's pixels in the views.

    Colour and features are interpolated, targets taken from the nearest pixel; what lies outside is black, zero and
    unlabelled. Pixel (0, 0) has its centre at (0.5, 0.5).

    Args:
        views: B views (H, W).
        homographies: (B, 3, 3) float32, pixels of the crop to pixels of the views.
        crop: height and width of the result.
    """
    height, width = views.image.shape[2:]
    device = views.image.device
    y, x = torch.meshgrid(
        torch.arange(crop[0], device=device) + 0.5, torch.arange(crop[1], device=device) + 0.5, indexing="ij"
    )
    points = torch.stack((x, y, torch.ones_like(x)), dim=-1).view(1, -1, 3) @ homographies.transpose(1, 2)
    position = points[..., :2] / points[..., 2:]
    inside = (position >= 0).all(-1) & (position[..., 0] < width) & (position[..., 1] < height)
    to_unit = torch.tensor([2 / width, 2 / height], device=device)
    grid = (position * to_unit - 1).view(-1, *crop, 2)
    image, features = (F.grid_sample(m, grid, align_corners=False) for m in (views.image, views.features))
    column = position[..., 0].clamp(0, width - 1).long()
    row = position[..., 1].clamp(0, height - 1).long()
    target = views.target.flatten(1).gather(1, row * width + column)
    outside = -1 if target.dtype == torch.int64 else math.nan
    target = torch.where(inside, target, outside).view(-1, *crop)
    return Views(image, features, target)


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


def cut_out(
    image: Tensor, features: Tensor, config: ImageAugmentationConfig, rngs: list[np.random.Generator]
) -> None:
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
        if rng.random() < config.input_dropout:
            (image if rng.random() < 0.5 else features)[place].zero_()


def add_noise(
    image: Tensor, features: Tensor, config: ImageAugmentationConfig, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return noisy colours in 0..1 and features; whole channels of the features are dropped. Strengths vary by view."""
    device, count, channels = image.device, len(image), features.shape[1]

    def uniform(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator, device=device)

    if config.noise:
        noise = torch.randn(image.shape, generator=generator, device=device)
        image = (image + noise * uniform(count, 1, 1, 1) * config.noise).clamp(0, 1)
    if config.feature_noise:
        deviation = features.std(dim=(2, 3), keepdim=True)
        coarse = torch.randn(
            (count, channels, features.shape[2] // 4, features.shape[3] // 4), generator=generator, device=device
        )
        noise = F.interpolate(coarse, scale_factor=4, mode="nearest")
        features = features + noise * deviation * uniform(count, 1, 1, 1) * config.feature_noise
    if config.channel_dropout:
        kept = uniform(count, channels, 1, 1) >= config.channel_dropout
        features = features * kept
    return image, features
