from __future__ import annotations

import numpy as np
import pytest

from rtgs2_training.metrics import ConfusionMatrix, DepthError
from rtgs2_trt.errors import InputError


def test_hand_computed_values():
    matrix = ConfusionMatrix(4)
    matrix.add(np.array([[0, 0, 0, 0], [1, 1, 2, -1]]), np.array([[0, 0, 0, 1], [1, 0, 1, 3]]))
    scores = matrix.scores()
    # class 0: 3 right, 1 called 1, one 1 called 0; class 1: 1 right; class 2: called 1; class 3 does not occur
    np.testing.assert_allclose(scores.iou, [3 / 5, 1 / 4, 0, np.nan])
    np.testing.assert_allclose(scores.recall, [3 / 4, 1 / 2, 0, np.nan])
    np.testing.assert_allclose(scores.precision, [3 / 4, 1 / 3, np.nan, np.nan])
    assert scores.miou == pytest.approx((3 / 5 + 1 / 4 + 0) / 3)
    assert scores.pixel_accuracy == pytest.approx(4 / 7)
    assert scores.class_accuracy == pytest.approx((3 / 4 + 1 / 2 + 0) / 3)
    np.testing.assert_array_equal(scores.pixels, [4, 2, 1, 0])


def test_equals_a_naive_loop_over_several_views():
    rng = np.random.default_rng(1)
    views = [(rng.integers(-1, 6, (9, 7)).astype(np.int16), rng.integers(0, 7, (9, 7)).astype(np.uint8))] * 2
    views.append((rng.integers(-1, 2, (5, 5)), rng.integers(0, 7, (5, 5))))
    matrix, whole = ConfusionMatrix(7), ConfusionMatrix(7)
    for truth, predicted in views:
        part = ConfusionMatrix(7)
        part.add(truth, predicted)
        whole.merge(part)
        matrix.add(truth, predicted)
    pixels = [
        (int(t), int(p))
        for truth, predicted in views
        for t, p in zip(truth.flat, predicted.flat, strict=True)
        if t >= 0
    ]
    for label in range(7):
        both = sum(t == p == label for t, p in pixels)
        either = sum(t == label or p == label for t, p in pixels)
        present = any(t == label for t, _ in pixels)
        expected = both / either if present else np.nan
        np.testing.assert_allclose(matrix.scores().iou[label], expected)
    assert matrix.scores().pixel_accuracy == pytest.approx(np.mean([t == p for t, p in pixels]))
    np.testing.assert_array_equal(matrix.counts, whole.counts)


def test_a_class_that_is_only_predicted_lowers_others_and_has_no_iou():
    matrix = ConfusionMatrix(3)
    matrix.add(np.array([0, 0, 0, 0]), np.array([0, 0, 2, 2]))
    scores = matrix.scores()
    np.testing.assert_allclose(scores.iou, [0.5, np.nan, np.nan])
    assert scores.miou == 0.5


def test_nothing_labelled_is_not_a_number():
    matrix = ConfusionMatrix(3)
    matrix.add(np.full((2, 2), -1), np.full((2, 2), 250))
    scores = matrix.scores()
    assert np.isnan([scores.miou, scores.pixel_accuracy, scores.class_accuracy]).all()


@pytest.mark.parametrize(
    ("truth", "predicted", "message"),
    [
        (np.zeros((2, 3), int), np.zeros((3, 2), int), r"predicted: .*found \(3, 2\), expected \(2, 3\)"),
        (np.zeros(2), np.zeros(2, int), "truth: not class indices"),
        (np.zeros(2, int), np.array([0, 255]), "predicted: no such class .found 255, expected 0 to 4"),
        (np.array([0, 5]), np.zeros(2, int), "truth: no such class .found 5"),
    ],
)
def test_refusals(truth, predicted, message):
    with pytest.raises(InputError, match=message):
        ConfusionMatrix(5).add(truth, predicted)


def test_impossible_number_of_classes():
    for count in (0, 5000):
        with pytest.raises(InputError, match="classes: impossible number"):
            ConfusionMatrix(count)


def test_depth_error_by_hand():
    error = DepthError()
    error.add(np.array([[1.0, 2.0, np.nan, 0.0]], np.float32), np.array([[1.5, 2.0, 9.0, np.nan]], np.float32))
    other = DepthError()
    other.add(np.array([4.0]), np.array([3.0]))
    error.merge(other)
    assert error.pixels == 3
    assert error.rmse == pytest.approx(np.sqrt((0.25 + 0 + 1) / 3))
    assert error.absolute_relative == pytest.approx((0.5 + 0 + 0.25) / 3)
    assert np.isnan(DepthError().rmse)


def test_depth_error_refuses():
    with pytest.raises(InputError, match="differ in size"):
        DepthError().add(np.ones(2), np.ones(3))
    with pytest.raises(InputError, match="a predicted depth is not finite"):
        DepthError().add(np.ones(2), np.array([1, np.nan]))
