from __future__ import annotations

import math

import pytest
import torch

from rtgs2_training.encoder.contrastive_loss import point_info_nce


def test_value_written_down_by_hand():
    """Two points, features (1, 0) and (0, 1) on both sides, temperature 1/2: every row is softmax of (2, 0)."""
    features = torch.eye(2)
    loss, found = point_info_nce(features, features, 0.5, unit_length=False)
    assert float(loss) == pytest.approx(math.log(1 + math.exp(-2)))
    assert float(found) == 1.0


def test_against_a_loop_over_points_and_both_directions():
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(7, 5, generator=generator), torch.randn(7, 5, generator=generator)
    for unit_length in (False, True):
        x, y = (t / t.norm(dim=1, keepdim=True) if unit_length else t for t in (a, b))
        expected = 0.0
        for i in range(7):
            forth = [math.exp(float(x[i] @ y[j]) / 0.7) for j in range(7)]
            back = [math.exp(float(x[j] @ y[i]) / 0.7) for j in range(7)]
            expected -= (math.log(forth[i] / sum(forth)) + math.log(back[i] / sum(back))) / 14
        loss, _ = point_info_nce(a, b, 0.7, unit_length=unit_length)
        assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_unit_length_ignores_how_long_features_are():
    a, b = torch.randn(6, 4), torch.randn(6, 4)
    long, short = (point_info_nce(a * k, b, 0.07, unit_length=True)[0] for k in (100.0, 0.01))
    assert float(long) == pytest.approx(float(short), rel=1e-5)


def test_found_counts_points_that_recognise_themselves():
    a = torch.eye(4)
    b = a[[0, 1, 3, 2]]  # the last two are mistaken for each other
    _, found = point_info_nce(a, b, 0.07, unit_length=True)
    assert float(found) == 0.5
