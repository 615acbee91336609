"""Augmented views: colours, features and labels stay on the same pixels, and everything changes as far as it should."""

from __future__ import annotations

import math
from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from rtgs2_training.fusion import image_augmentation as augmentation
from rtgs2_training.fusion.view_batches import StoredViews
from rtgs2_training.runs.config import ImageAugmentationConfig

CPU = torch.device("cpu")
HEIGHT, WIDTH, CHANNELS = 64, 96, 4
NOTHING = ImageAugmentationConfig(
    **{
        field.name: {"zoom": (1.0, 1.0), "gamma": 1.0, "cut_out": 0}.get(field.name, 0.0)
        for field in fields(ImageAugmentationConfig)
    }
)


def ramps(depth=False, size=(HEIGHT, WIDTH)):
    """A view whose colours, features and target all say where a pixel is."""
    row, column = np.mgrid[:HEIGHT, :WIDTH]
    place = np.stack([row * 3, column * 2, np.full_like(row, 100)], axis=-1)
    features = np.stack([row, column, np.full_like(row, 50), -row], axis=-1).astype(np.int8)
    target = np.full((HEIGHT, WIDTH), math.nan if depth else -1, np.float32 if depth else np.int16)
    target[: size[0], : size[1]] = (row * WIDTH + column)[: size[0], : size[1]]
    scale = np.array([1, 1, 0.5, 0.25], np.float32)
    return StoredViews(
        numbers=(0,),
        image=place[None].astype(np.uint8),
        features=features[None],
        scale=scale[None],
        largest=127 * scale[None],
        target=target[None],
        sizes=np.array([size]),
    )


def warped(homography, crop, stored=None):
    return augmentation.warp(stored or ramps(), homography[None], crop, CPU)


def shift(x, y):
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], float)


def test_identity_returns_the_stored_view():
    stored = ramps()
    views = warped(np.eye(3), (HEIGHT, WIDTH), stored)
    torch.testing.assert_close(255 * views.image[0].permute(1, 2, 0), torch.from_numpy(stored.image[0]).float())
    expected = stored.features[0] * stored.scale[0]
    torch.testing.assert_close(views.features[0].permute(1, 2, 0), torch.from_numpy(expected))
    assert (views.target[0].numpy() == stored.target[0]).all()


def test_crop_takes_the_same_pixels_of_all_three():
    stored = ramps()
    views = warped(shift(20, 10), (32, 64), stored)
    part = (slice(10, 42), slice(20, 84))
    assert (views.target[0].numpy() == stored.target[0][part]).all()
    torch.testing.assert_close(views.features[0, 0], torch.arange(10.0, 42)[:, None].expand(32, 64))
    torch.testing.assert_close(255 * views.image[0, 1], 2 * torch.arange(20.0, 84).expand(32, 64))


@pytest.mark.parametrize("depth", [False, True])
def test_beyond_the_view_is_nothing(depth):
    views = warped(shift(-8, -4), (32, 32), ramps(depth))
    beyond = torch.ones(32, 32, dtype=torch.bool)
    beyond[4:, 8:] = False
    assert (views.features[0][:, beyond] == 0).all()
    assert (views.image[0][:, beyond].amax(0) <= 100 / 255).all()  # half a pixel of the border is blended
    assert (views.image[0][:, :3, :7] == 0).all()
    known = torch.isfinite(views.target[0]) if depth else views.target[0] >= 0
    assert (known == ~beyond).all()


@pytest.mark.parametrize("seed", range(12))
def test_whatever_the_geometry_the_three_agree(seed):
    config = replace(NOTHING, zoom=(0.7, 2.0), rotation=20.0, perspective=0.2, flip=0.5)
    rng = np.random.default_rng(seed)
    views = warped(augmentation.random_homography((HEIGHT, WIDTH), (32, 64), config, rng), (32, 64))
    inside = views.target[0] >= 0
    assert inside.float().mean() > 0.5
    label_row, label_column = views.target[0] // WIDTH, views.target[0] % WIDTH
    assert (views.features[0, 0] == label_row)[inside].all()
    assert (views.features[0, 1] == label_column)[inside].all()
    away = inside & (label_row > 0) & (label_row < HEIGHT - 1) & (label_column > 0) & (label_column < WIDTH - 1)
    # an interpolated place is at most half a pixel from the nearest one
    assert ((255 * views.image[0, 0] / 3 - label_row)[away].abs() <= 0.501).all()
    assert ((255 * views.image[0, 1] / 2 - label_column)[away].abs() <= 0.501).all()


def test_small_views_are_centred_and_labels_end_with_the_view():
    homography = augmentation.random_homography((40, 60), (HEIGHT, WIDTH), NOTHING, np.random.default_rng(0))
    np.testing.assert_allclose(homography, shift((60 - WIDTH) / 2, (40 - HEIGHT) / 2))
    views = warped(homography, (HEIGHT, WIDTH), ramps(size=(40, 60)))
    known = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    known[12:52, 18:78] = True
    assert ((views.target[0] >= 0) == known).all()


def test_zoom_enlarges_and_a_flip_mirrors():
    large = augmentation.random_homography(
        (HEIGHT, WIDTH), (32, 32), replace(NOTHING, zoom=(2.0, 2.0)), np.random.default_rng(0)
    )
    corners = np.array([[0, 0, 1], [32, 32, 1]]) @ large.T
    np.testing.assert_allclose(corners[1, :2] - corners[0, :2], 16)
    mirrored = augmentation.random_homography(
        (HEIGHT, WIDTH), (HEIGHT, WIDTH), replace(NOTHING, flip=1.0), np.random.default_rng(0)
    )
    views = warped(mirrored, (HEIGHT, WIDTH))
    assert (views.target[0].numpy() == ramps().target[0][:, ::-1]).all()


def test_crops_reach_every_part_of_the_view():
    rng = np.random.default_rng(0)
    starts = np.array(
        [augmentation.random_homography((HEIGHT, WIDTH), (32, 32), NOTHING, rng)[:2, 2] for _ in range(200)]
    )
    assert (starts >= -1e-9).all()
    assert (starts <= [WIDTH - 32 + 1e-9, HEIGHT - 32 + 1e-9]).all()
    assert (starts.min(0) < 3).all()
    assert (starts.max(0) > [WIDTH - 35, HEIGHT - 35]).all()


def generators(count=2):
    return [np.random.default_rng(i) for i in range(count)]


def test_colours_stay_where_nothing_is_to_change():
    image = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)).clamp(1e-3, 1)
    torch.testing.assert_close(augmentation.recolour(image, NOTHING, generators()), image)


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation", "gain", "hue", "gamma", "grey"])
def test_each_change_of_colour_changes_colours_alone(name):
    value = {"hue": 40.0, "gamma": 2.0, "grey": 1.0}.get(name, 0.5)
    image = 0.3 + 0.4 * torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    changed = augmentation.recolour(image, replace(NOTHING, **{name: value}), generators())
    assert changed.shape == image.shape
    assert ((changed >= 0) & (changed <= 1)).all()
    assert (changed - image).abs().max() > 0.01
    grey = image.mean(1, keepdim=True).expand_as(image)
    if name in ("saturation", "hue", "grey"):  # what has no colour has none to change
        torch.testing.assert_close(augmentation.recolour(grey, replace(NOTHING, **{name: value}), generators()), grey)
    if name == "grey":
        torch.testing.assert_close(changed[:, 0], changed[:, 2])


def test_features_change_by_channel():
    features = torch.ones(2, 50, 4, 4)
    largest = np.full((2, 50), 10, np.float32)
    config = replace(NOTHING, feature_gain=0.2, feature_shift=0.05, channel_dropout=0.3)
    augmentation.vary_features(features, largest, config, generators())
    assert (features == features[:, :, :1, :1]).all()
    values = features[:, :, 0, 0]
    dropped = values == 0
    assert 0.1 < dropped.float().mean() < 0.5
    assert (values[~dropped] >= 0.8 - 0.5).all()
    assert (values[~dropped] <= 1.2 + 0.5).all()
    assert values[~dropped].std() > 0.1


def test_rectangles_and_whole_inputs_go_missing():
    config = replace(NOTHING, cut_out=3)
    image, features = torch.full((40, 3, 32, 32), 0.5), torch.ones(40, 5, 32, 32)
    augmentation.cut_out(image, features, config, generators(40))
    assert 0.02 < (features == 0).float().mean() < 0.4
    assert ((features == 0).all(1) == (features == 0).any(1)).all()
    assert 0.02 < (image != 0.5).any(1).float().mean() < 0.4

    image, features = torch.full((200, 3, 4, 4), 0.5), torch.ones(200, 5, 4, 4)
    augmentation.cut_out(image, features, replace(NOTHING, colour_dropout=0.2, feature_dropout=0.25), generators(200))
    no_image, no_features = (image == 0).all(-1).all(-1).all(-1), (features == 0).all(-1).all(-1).all(-1)
    assert not (no_image & no_features).any()
    assert 0.1 < no_image.float().mean() < 0.3
    assert 0.1 < no_features.float().mean() < 0.3


def test_noise_differs_in_strength_and_follows_the_generator():
    image = torch.full((8, 3, 32, 32), 0.5)
    config = replace(NOTHING, noise=0.1)
    noisy = [augmentation.add_noise(image, config, torch.Generator().manual_seed(3)) for _ in range(2)]
    assert (noisy[0] == noisy[1]).all()
    spread = (noisy[0] - 0.5).flatten(1).std(1)
    assert spread.max() <= 0.105
    assert spread.max() > 2 * spread.min()
