"""Upsampling and softmax against the reference, and against upsampling and argmax."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from rtgs2_trt.errors import InputError
from rtgs2_trt.reference.upsample_argmax import upsample_softmax_reference
from rtgs2_trt.upsample_argmax import upsample_argmax
from rtgs2_trt.upsample_softmax import upsample_softmax


def random_logits(classes: int, rows: int, columns: int) -> NDArray[np.float32]:
    rng = np.random.default_rng([classes, rows, columns])
    return (4 * rng.standard_normal((classes, rows, columns))).astype(np.float32)


@pytest.mark.parametrize(
    ("classes", "height", "width"), [(1, 20, 28), (2, 17, 25), (22, 3, 2), (300, 20, 1), (5, 0, 4)]
)
def test_matches_reference(classes: int, height: int, width: int) -> None:
    logits = random_logits(classes, 5, 7)
    found = upsample_softmax(logits, height, width)
    assert found.shape == (classes, height, width)
    assert found.dtype == np.float32
    expected = upsample_softmax_reference(logits, height, width)
    # Logits of size 16 are rounded by 1e-6, which their exponentials carry on.
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(found.sum(axis=0), 1, rtol=1e-5)


def test_agrees_with_the_labels_for_every_number_of_threads() -> None:
    logits = random_logits(30, 12, 9)
    labels, confidence = upsample_argmax(logits, 48, 36, confidence=True)
    probabilities = upsample_softmax(logits, 48, 36, threads=1)
    np.testing.assert_array_equal(probabilities.argmax(axis=0), labels)
    np.testing.assert_array_equal(probabilities.max(axis=0), confidence)
    assert upsample_softmax(logits, 48, 36, threads=3).tobytes() == probabilities.tobytes()


def test_a_pixel_of_nan_is_nan() -> None:
    logits = random_logits(3, 4, 4)
    logits[1, 0, 0] = np.nan
    found = upsample_softmax(logits, 16, 16)
    assert np.isnan(found[:, 0, 0]).all()
    assert np.isfinite(found[:, 8:, 8:]).all()


def test_refuses_impossible_sizes() -> None:
    with pytest.raises(InputError, match="height: impossible size"):
        upsample_softmax(np.zeros((2, 3, 3)), 13, 12)
    with pytest.raises(InputError, match="logits: wrong shape"):
        upsample_softmax(np.zeros((3, 3)), 12, 12)
