"""Labels of the GPU are those of the CPU, to the last bit. Skipped where no GPU can be used."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cuda_frames import PROBLEM, label_on_gpu
from rtgs2_trt.upsample_argmax import upsample_argmax

pytestmark = pytest.mark.skipif(PROBLEM is not None, reason=f"no GPU: {PROBLEM}")


def assert_as_on_cpu(logits: NDArray[Any], height: int, width: int) -> None:
    labels, confidence = label_on_gpu(logits, height, width)
    expected, expected_confidence = upsample_argmax(logits.astype(np.float32), height, width, confidence=True)
    assert labels.dtype == expected.dtype
    np.testing.assert_array_equal(labels, expected)
    # The GPU's exp is within 1e-6 for what matters, and sums have the same order.
    np.testing.assert_allclose(confidence, expected_confidence, rtol=5e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize(
    ("classes", "rows", "columns"), [(1, 1, 1), (2, 1, 9), (46, 30, 40), (255, 5, 7), (256, 5, 7), (300, 16, 9)]
)
def test_matches_cpu(classes: int, rows: int, columns: int, dtype: type) -> None:
    rng = np.random.default_rng([classes, rows, columns])
    assert_as_on_cpu(rng.standard_normal((classes, rows, columns)).astype(dtype), 4 * rows, 4 * columns)


@pytest.mark.parametrize(("height", "width"), [(20, 28), (19, 27), (17, 25), (20, 1), (1, 28), (3, 2), (0, 5), (5, 0)])
def test_matches_cpu_cropped(height: int, width: int) -> None:
    assert_as_on_cpu(np.random.default_rng(1).standard_normal((19, 5, 7)).astype(np.float32), height, width)


def test_ties_go_to_the_lowest_class() -> None:
    rng = np.random.default_rng(2)
    assert_as_on_cpu(rng.integers(-2, 3, (30, 12, 16)).astype(np.float32), 48, 64)


def test_values_that_are_not_finite() -> None:
    rng = np.random.default_rng(3)
    logits = rng.standard_normal((9, 12, 16)).astype(np.float32)
    logits[rng.uniform(size=logits.shape) < 0.05] = np.nan
    logits[rng.uniform(size=logits.shape) < 0.05] = np.inf
    logits[rng.uniform(size=logits.shape) < 0.05] = -np.inf
    assert_as_on_cpu(logits, 48, 64)
    assert_as_on_cpu(np.full((3, 2, 2), -np.inf, np.float32), 8, 8)
