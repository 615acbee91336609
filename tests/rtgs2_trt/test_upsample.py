from __future__ import annotations

import numpy as np
import pytest

from rtgs2_trt.errors import InputError
from rtgs2_trt.reference.upsample_argmax import upsample_reference
from rtgs2_trt.upsample import upsample


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 7), (5, 1), (24, 33)])
def test_equals_the_reference(rows, columns):
    values = np.random.default_rng(rows).normal(3, 2, (rows, columns)).astype(np.float32)
    full = upsample_reference(values[None])[0]
    for height, width in [(4 * rows, 4 * columns), (4 * rows - 3, 4 * columns - 1), (0, 2)]:
        found = upsample(values, height, width)
        assert found.dtype == np.float32
        assert found.flags.c_contiguous
        np.testing.assert_allclose(found, full[:height, :width], atol=1e-6 * np.abs(values).max())


def test_equals_pytorch():
    torch = pytest.importorskip("torch")
    values = np.random.default_rng(0).random((13, 9)).astype(np.float32)
    expected = torch.nn.functional.interpolate(torch.from_numpy(values)[None, None], scale_factor=4, mode="bilinear")
    np.testing.assert_allclose(upsample(values, 52, 36), expected[0, 0].numpy(), atol=1e-6)


def test_values_that_are_not_finite_raise_no_warning():
    assert np.isnan(upsample([[np.inf, -np.inf], [np.nan, 3e38]], 8, 8)).any()


@pytest.mark.parametrize(
    ("values", "height", "width", "message"),
    [
        (np.zeros((1, 2, 2)), 4, 4, r"values: wrong shape \(found \(1, 2, 2\)"),
        (np.zeros((0, 2)), 0, 4, "values: wrong shape"),
        (np.zeros((2, 2)), 9, 4, "height: impossible size .*0 to 8"),
        (np.zeros((2, 2)), 4, -1, "width: impossible size"),
    ],
)
def test_refusals(values, height, width, message):
    with pytest.raises(InputError, match=message):
        upsample(values, height, width)
