"""The ten numbers a Gaussian, by hand: PyTorch, the golden input and the runtime all share the one function."""

from __future__ import annotations

import numpy as np

from rtgs2_trt import Scene
from rtgs2_trt.encoder_inputs import encoder_inputs


def make(dc):
    sh = np.zeros((3, 4, 3), np.float32)
    sh[:, 0] = dc
    sh[:, 1:] = 7  # only the constant counts
    return Scene(
        means=[[1, 2, 3], [-4, 5, 6], [7, 8, -9]],
        scales=[[1, np.e, 0.1], [0.01, 0.02, 0.03], [2, 2, 2]],
        rotations=[[1, 0, 0, 0]] * 3,
        opacities=[0.25, 1, 0],
        sh=sh,
    )


def test_rows_are_position_colour_opacity_and_log_scales():
    # colours 0.5 + dc * 0.28209479; the scene's least is -1 (dc), its greatest 3: one minimum and maximum for all three
    found = encoder_inputs(make([[-1, 0, 1], [3, 0, 2], [1, 1, 1]]))
    assert found.dtype == np.float32
    expected = [
        [1, 2, 3, 0, 0.25, 0.5, 0.25, np.log(1), 1, np.log(0.1)],
        [-4, 5, 6, 1, 0.25, 0.75, 1, np.log(0.01), np.log(0.02), np.log(0.03)],
        [7, 8, -9, 0.5, 0.5, 0.5, 0, np.log(2), np.log(2), np.log(2)],
    ]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_one_colour_everywhere_is_zero_not_nan():
    found = encoder_inputs(make([[0.3, 0.3, 0.3]] * 3))
    np.testing.assert_array_equal(found[:, 3:6], 0)
    assert np.isfinite(found).all()
