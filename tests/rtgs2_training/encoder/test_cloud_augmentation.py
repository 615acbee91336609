"""Augmented clouds: heights and shapes are kept, what a capture leaves to chance is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rtgs2_training.encoder.cloud_augmentation import augment_cloud
from rtgs2_trt.errors import InputError
from still_clouds import STILL


def cloud(count=500):
    rng = np.random.default_rng(5)
    inputs = np.empty((count, 10), np.float32)
    inputs[:, :3] = rng.uniform(-2, 2, (count, 3))
    inputs[:, 3:6] = rng.uniform(0.2, 0.8, (count, 3))
    inputs[:, 6] = rng.uniform(0.1, 0.9, count)
    inputs[:, 7:] = np.sort(rng.normal(-5, 1, (count, 3)), axis=1)
    return inputs


def augmented(seed=0, **changes):
    return augment_cloud(cloud(), replace(STILL, **changes), np.random.default_rng(seed))


def test_only_the_heading_changes_where_nothing_else_may():
    before, after = cloud(), augmented()
    np.testing.assert_allclose(after[:, 2:], before[:, 2:], atol=1e-5)
    centre = before[:, :2].mean(0)
    np.testing.assert_allclose(
        np.linalg.norm(after[:, :2] - centre, axis=1), np.linalg.norm(before[:, :2] - centre, axis=1), atol=1e-5
    )
    assert np.abs(after[:, :2] - before[:, :2]).max() > 0.1


def test_blur_makes_some_places_thick_and_spares_others():
    points = cloud(20000)
    points[:, :3] *= [1.0, 1.0, 0.0]  # a floor
    spreads, thinnest = [], []
    for seed in range(40):
        after = augment_cloud(points, replace(STILL, blur=0.1), np.random.default_rng(seed))
        cells = np.floor(points[:, :2] / 0.5).astype(int) @ (1, 1000)
        thick = [after[cells == cell, 2].std() for cell in np.unique(cells)]
        spreads.append(max(thick))
        thinnest.append(min(thick) / max(thick))
    assert 0.03 < np.mean(spreads) < 0.08  # amplitudes are uniform up to 0.1
    assert max(spreads) < 0.11
    assert np.mean(thinnest) < 0.4


def test_scale_moves_heights_and_sizes_together():
    after = augmented(scale=(1.5, 1.5))
    np.testing.assert_allclose(after[:, 2], 1.5 * cloud()[:, 2], atol=1e-5)
    np.testing.assert_allclose(after[:, 7:], cloud()[:, 7:] + np.log(1.5), atol=1e-5)


def test_scales_and_places_are_drawn_from_all_that_is_allowed():
    before, heights, places = cloud(), [], []
    for seed in range(200):
        heights.append(augmented(seed, scale=(0.5, 2.0))[:, 2].std() / before[:, 2].std())
        moved = augmented(seed, shift=8.0, lift=0.5)
        places.append(moved[:, :3].mean(0) - before[:, :3].mean(0))
    assert (min(heights), max(heights)) == (pytest.approx(0.5, rel=0.1), pytest.approx(2.0, rel=0.1))
    assert (np.abs(places) <= [8.01, 8.01, 0.501]).all()
    np.testing.assert_allclose(np.std(places, axis=0), np.array([8.0, 8.0, 0.5]) / np.sqrt(3), rtol=0.15)


def test_jitter_and_blur_are_noise_of_every_coordinate():
    before = cloud(20000)
    for changes in ({"jitter": 0.05}, {"blur": 0.3}):
        after = augment_cloud(before, replace(STILL, **changes), np.random.default_rng(3))
        centre = before[:, :2].mean(0)
        outwards = np.linalg.norm(after[:, :2] - centre, axis=1) - np.linalg.norm(before[:, :2] - centre, axis=1)
        upwards = after[:, 2] - before[:, 2]
        assert upwards.std() > 0.02
        assert outwards.std() == pytest.approx(upwards.std(), rel=0.15)


def test_colours_change_by_channel_in_tone_and_to_grey():
    before = cloud()[:, 3:6]
    factors = [augmented(seed, gain=0.3)[:, 3:6].mean(0) / before.mean(0) for seed in range(40)]
    assert np.std(factors, axis=1).mean() > 0.05  # each channel by its own
    assert np.std(factors) == pytest.approx(0.3 / np.sqrt(3), rel=0.2)
    tones = [augmented(seed, gamma=2.0)[:, 3:6].mean() for seed in range(40)]
    assert min(tones) < before.mean() - 0.1 < before.mean() + 0.1 < max(tones)
    np.testing.assert_allclose(np.ptp(augmented(grey=1.0)[:, 3:6], axis=1), 0, atol=1e-6)


def test_views_are_tilted_by_up_to_the_angle():
    before, steepest = cloud(), []
    for seed in range(40):
        after = augmented(seed, tilt=10.0)
        (x, y, _), *_ = np.linalg.lstsq(
            before[:, :3] - before[:, :3].mean(0), after[:, 2] - after[:, 2].mean(), rcond=None
        )
        steepest.append(np.degrees(np.arcsin(np.hypot(x, y))))
    assert 10 < max(steepest) < 10 * np.sqrt(2) + 0.01  # about x and about y


def test_opacities_and_sizes_move_by_view_and_by_gaussian():
    before = cloud()
    moves = []
    for seed in range(40):
        after = augmented(seed, opacity=1.0, size=0.5)
        assert ((after[:, 6] > 0) & (after[:, 6] < 1)).all()
        logits = [np.log(values[:, 6] / (1 - values[:, 6])) for values in (before, after)]
        change, growth = logits[1] - logits[0], after[:, 7:] - before[:, 7:]
        np.testing.assert_allclose(growth, np.repeat(growth[:, :1], 3, axis=1), atol=1e-5)
        assert change.std() == pytest.approx(0.5, rel=0.15)
        assert growth[:, 0].std() == pytest.approx(0.25, rel=0.15)
        moves.append((change.mean(), growth.mean()))
    assert (np.abs(moves) < [1.1, 0.55]).all()
    assert (np.std(moves, axis=0) > [0.4, 0.2]).all()


def test_axes_come_in_any_order():
    before, after = cloud(), augmented(axis_order=1.0)
    np.testing.assert_allclose(np.sort(after[:, 7:], axis=1), before[:, 7:], atol=1e-6)
    assert (np.bincount(after[:, 7:].argmin(1), minlength=3) > 100).all()


def test_contrast_draws_colours_together():
    after = augmented(contrast=(0.3, 0.3))
    np.testing.assert_allclose(after[:, 3:6].std(0), 0.3 * cloud()[:, 3:6].std(0), rtol=1e-3)
    np.testing.assert_allclose(after[:, 3:6].mean(0), cloud()[:, 3:6].mean(0), atol=1e-3)


def test_sizes_are_drawn_to_their_mean():
    before, after = cloud()[:, 7:], augmented(size_contrast=(0.25, 0.25))[:, 7:]
    np.testing.assert_allclose(after.mean(0), before.mean(0), atol=1e-4)
    np.testing.assert_allclose(after - after.mean(0), 0.25 * (before - before.mean(0)), atol=1e-4)


def test_waves_of_the_sizes_are_smooth_and_spare_shapes():
    near = cloud()
    near[1::2, :3] = near[::2, :3] + 0.002  # pairs of neighbours
    deviations = []
    for seed in range(40):
        after = augment_cloud(near, replace(STILL, size_waves=1.0), np.random.default_rng(seed))
        growth = after[:, 7:] - near[:, 7:]
        np.testing.assert_allclose(growth, np.repeat(growth[:, :1], 3, axis=1), atol=1e-5)
        assert np.abs(growth[1::2] - growth[::2]).max() < 0.15
        deviations.append(growth[:, 0].std())
    assert 0.3 < np.mean(deviations) < 0.6  # amplitudes are uniform up to 1
    assert max(deviations) > 0.7


def test_axes_of_the_sizes_change_apart():
    before, spreads = cloud(), []
    for seed in range(40):
        growth = augmented(seed, size_axes=1.0)[:, 7:] - before[:, 7:]
        assert np.abs(np.corrcoef(growth.T)[np.triu_indices(3, 1)]).max() < 0.2
        spreads.append(growth.std())
    assert 0.35 < np.mean(spreads) < 0.65
    assert max(spreads) > 0.8


@pytest.mark.parametrize(
    "changes",
    [{"size_contrast": (0.5, 20.0)}, {"size_waves": -0.1}, {"size_axes": 6.0}, {"blur": -1.0}],
)
def test_impossible_changes_are_refused(changes):
    with pytest.raises(InputError, match=f"augmentation.{next(iter(changes))}"):
        replace(STILL, **changes)
