from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from rtgs2_networks.fusion import full_size_logits
from rtgs2_training.fusion.centre_collapse import centre_collapse_loss, class_centres, simplex_frame
from rtgs2_training.fusion.pixel_grids import depth_loss, pixels_on_grid, semantic_loss, upsampled_on_grid


@pytest.mark.parametrize(("classes", "width"), [(2, 2), (5, 16), (22, 64), (46, 256)])
def test_frame_is_a_simplex_equiangular_tight_frame(classes, width):
    frame = simplex_frame(classes, width).double()
    cosines = frame @ frame.T
    off_diagonal = cosines[~torch.eye(classes, dtype=torch.bool)]
    torch.testing.assert_close(cosines.diagonal(), torch.ones(classes, dtype=torch.float64), rtol=0, atol=1e-6)
    torch.testing.assert_close(off_diagonal, torch.full_like(off_diagonal, -1 / (classes - 1)), rtol=0, atol=1e-6)


def test_centres_are_means_over_the_pixels_of_each_class():
    embedding, labels = torch.randn(2, 3, 4, 5), torch.randint(-1, 3, (2, 4, 5))
    centres, counts = class_centres(embedding, labels, 4)
    for c in range(4):
        pixels = [embedding[b, :, i, j] for b in range(2) for i in range(4) for j in range(5) if labels[b, i, j] == c]
        assert counts[c] == len(pixels)
        expected = torch.stack(pixels).mean(0) if pixels else torch.zeros(3)
        torch.testing.assert_close(centres[c], expected)


def test_centre_collapse_is_least_where_centres_lie_along_the_frame():
    frame = simplex_frame(4, 8)
    labels = torch.arange(4).repeat(4).view(1, 4, 4)
    right = (20 * frame)[labels].permute(0, 3, 1, 2)
    wrong = (20 * frame)[(labels + 1) % 4].permute(0, 3, 1, 2)
    assert float(centre_collapse_loss(right, labels, frame)) < 0.01
    assert float(centre_collapse_loss(wrong, labels, frame)) > 5


def test_every_grid_of_the_upsampled_map_is_the_full_size_one():
    quarter = torch.randn(2, 3, 6, 5)
    full = full_size_logits(quarter)
    for grid in range(16):
        row, column = divmod(grid, 4)
        torch.testing.assert_close(upsampled_on_grid(quarter, grid), full[:, :, row::4, column::4])
        torch.testing.assert_close(pixels_on_grid(full[:, 0], grid), full[:, 0, row::4, column::4])


def test_cross_entropy_with_smoothing_by_its_formula():
    logits, labels = torch.randn(1, 3, 2, 2), torch.tensor([[[0, 2], [-1, 1]]])
    weights = torch.tensor([1.0, 2.0, 0.5])
    total = mass = 0.0
    for i, j in ((0, 0), (0, 1), (1, 1)):
        log_p, c = F.log_softmax(logits[0, :, i, j], dim=0), int(labels[0, i, j])
        target = torch.full((3,), 0.15 / 3)
        target[c] += 0.85
        total -= float((target * log_p).sum())
        mass += 1
    assert float(semantic_loss(logits, labels, 0.15)) == pytest.approx(total / mass, rel=1e-5)
    only_ignored = torch.full_like(labels, -1)
    assert float(semantic_loss(logits, only_ignored, 0.15)) == 0.0
    heavier = semantic_loss(logits, labels, 0.0, weights)
    expected = F.cross_entropy(logits, labels, weight=weights, ignore_index=-1)
    assert float(heavier) == pytest.approx(float(expected), rel=1e-5)


def test_depth_loss_is_the_mean_square_over_known_pixels():
    depth = torch.tensor([[[1.0, math.nan], [3.0, 2.0]]])
    predicted = torch.tensor([[[[2.0, 100.0], [3.0, 0.0]]]])
    assert float(depth_loss(predicted, depth)) == pytest.approx((1 + 0 + 4) / 3)
