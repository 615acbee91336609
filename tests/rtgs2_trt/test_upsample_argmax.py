"""Upsampling and argmax against PyTorch, against the reference and in the cases that its definition singles out."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from rtgs2_trt import _native
from rtgs2_trt.errors import InputError
from rtgs2_trt.reference.upsample_argmax import upsample_argmax_reference, upsample_reference
from rtgs2_trt.upsample_argmax import upsample_argmax

# Upsampled logits of size up to 5 round to about 1e-6 in float32: classes nearer than this are a tie.
TIE = 5e-6


def random_logits(classes: int, rows: int, columns: int) -> NDArray[np.float32]:
    rng = np.random.default_rng([classes, rows, columns])
    return rng.standard_normal((classes, rows, columns)).astype(np.float32)


def assert_same_labels(labels: NDArray[np.integer], expected: NDArray[np.integer], full: NDArray[np.floating]) -> None:
    """Labels may differ only where the largest two of the full-size logits tie."""
    top_two = np.sort(full, axis=0)[-2:]
    differs = labels != expected
    ties = np.ptp(top_two, axis=0) < TIE
    print(f"labels that differ: {differs.sum()} of {differs.size}; ties: {(ties & differs).sum()}")
    assert not (differs & ~ties).any()


@pytest.mark.parametrize(
    ("classes", "rows", "columns"), [(2, 1, 1), (3, 1, 9), (46, 30, 40), (255, 5, 7), (256, 5, 7), (300, 16, 9)]
)
def test_matches_pytorch(classes: int, rows: int, columns: int) -> None:
    torch = pytest.importorskip("torch")
    logits = random_logits(classes, rows, columns)
    full = torch.nn.functional.interpolate(
        torch.from_numpy(logits)[None], scale_factor=4, mode="bilinear", align_corners=False
    )[0]
    labels, confidence = upsample_argmax(logits, 4 * rows, 4 * columns, confidence=True)
    assert labels.dtype == (np.uint8 if classes <= 255 else np.uint16)
    assert_same_labels(labels, full.argmax(0).numpy(), full.numpy())
    assert confidence is not None
    assert confidence.dtype == np.float32
    # Sums of up to 300 exponentials in float32.
    np.testing.assert_allclose(confidence, full.double().softmax(0).amax(0).numpy(), rtol=2e-5)


@pytest.mark.parametrize(("height", "width"), [(20, 28), (19, 27), (17, 25), (20, 1), (1, 28), (3, 2)])
def test_matches_reference_cropped(height: int, width: int) -> None:
    logits = random_logits(19, 5, 7)
    labels, confidence = upsample_argmax(logits, height, width, confidence=True)
    expected, expected_confidence = upsample_argmax_reference(logits, height, width)
    assert labels.shape == (height, width)
    assert_same_labels(labels, expected, upsample_reference(logits)[:, :height, :width])
    np.testing.assert_allclose(confidence, expected_confidence, rtol=1e-5)


def test_confidence_only_on_request() -> None:
    logits = random_logits(4, 3, 3)
    labels, confidence = upsample_argmax(logits, 12, 12)
    assert confidence is None
    np.testing.assert_array_equal(labels, upsample_argmax(logits, 12, 12, confidence=True)[0])


def test_equal_logits_give_the_lowest_class() -> None:
    plane = random_logits(1, 4, 5)[0]
    logits = np.stack([plane - 1, plane, plane - 2, plane, plane])
    labels, confidence = upsample_argmax(logits, 16, 20, confidence=True)
    assert (labels == 1).all()
    np.testing.assert_allclose(confidence, 1 / (3 + np.exp(-1) + np.exp(-2)), rtol=1e-5)


def test_constant_logits_stay_constant() -> None:
    logits = np.broadcast_to(np.float32([[[0.1]], [[0.7]], [[-3.0]]]), (3, 4, 6))
    labels, confidence = upsample_argmax(logits, 16, 24, confidence=True)
    assert (labels == 1).all()
    np.testing.assert_allclose(confidence, 1 / (1 + np.exp(-0.6) + np.exp(-3.7)), rtol=1e-6)


def test_the_exponential_is_accurate() -> None:
    # Its error shows undiminished in the confidence of one class over another a little less likely.
    logits = np.stack([np.zeros((1, 500)), np.linspace(0, -100, 500)[None]]).astype(np.float32)
    _, confidence = upsample_argmax(logits, 4, 2000, confidence=True)
    np.testing.assert_allclose(confidence, upsample_argmax_reference(logits, 4, 2000)[1], rtol=4e-7)


def test_bits_do_not_depend_on_threads() -> None:
    logits = random_logits(21, 33, 15)
    expected = upsample_argmax(logits, 131, 59, confidence=True, threads=1)
    for threads in (2, 3, 7, 0):
        labels, confidence = upsample_argmax(logits, 131, 59, confidence=True, threads=threads)
        assert labels.tobytes() == expected[0].tobytes()
        assert confidence is not None
        assert expected[1] is not None
        assert confidence.tobytes() == expected[1].tobytes()


def test_nan_never_wins() -> None:
    logits = np.zeros((3, 2, 8), np.float32)
    logits[0, :, :4] = np.nan
    logits[1] = 1.0
    labels, confidence = upsample_argmax(logits, 8, 32, confidence=True)
    assert (labels == 1).all()
    assert confidence is not None
    assert np.isnan(confidence[:, :14]).all()
    assert np.isfinite(confidence[:, 20:]).all()


@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_without_any_logit_the_class_is_zero(value: float) -> None:
    labels, confidence = upsample_argmax(np.full((3, 2, 2), value, np.float32), 8, 8, confidence=True)
    assert (labels == 0).all()
    assert np.isnan(confidence).all()


@pytest.mark.parametrize("value", [np.inf, 3e38, -3e38, 1e-45])
def test_extreme_logits_are_survived(value: float) -> None:
    logits = random_logits(5, 3, 4)
    logits[2, 1] = value
    labels, _ = upsample_argmax(logits, 12, 16, confidence=True)
    assert labels.max() < 5
    if value > 1:
        assert (labels[4:8] == 2).all()


def test_wrong_arguments_are_refused() -> None:
    logits = random_logits(3, 2, 2)
    with pytest.raises(InputError, match="logits"):
        upsample_argmax(logits[0], 8, 8)
    with pytest.raises(InputError, match="logits"):
        upsample_argmax(logits[:0], 8, 8)
    with pytest.raises(InputError, match="height"):
        upsample_argmax(logits, 9, 8)
    with pytest.raises(InputError, match="width"):
        upsample_argmax(logits, 8, -1)
    with pytest.raises(InputError, match="threads"):
        upsample_argmax(logits, 8, 8, threads=-1)


def test_core_refuses_what_it_cannot_read() -> None:
    with pytest.raises(ValueError, match="logits must hold float32"):
        _native.upsample_argmax(np.zeros((2, 2, 2)), 8, 8, False, 1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="C order"):
        _native.upsample_argmax(np.zeros((2, 3, 4), np.float32).transpose(0, 2, 1), 8, 8, False, 1)
    with pytest.raises(ValueError, match="4 times"):
        _native.upsample_argmax(np.zeros((2, 2, 2), np.float32), 9, 8, False, 1)
    with pytest.raises(ValueError, match="0 classes"):
        _native.upsample_argmax(np.zeros((0, 2, 2), np.float32), 8, 8, False, 1)
