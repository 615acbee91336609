"""From class logits at a quarter of the image's size to a class for every pixel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rtgs2_trt import _native
from rtgs2_trt.errors import InputError
from rtgs2_trt.threads import check_threads


def upsample_argmax(
    logits: ArrayLike, height: int, width: int, *, confidence: bool = False, threads: int = 0
) -> tuple[NDArray[Any], NDArray[np.float32] | None]:
    """Upsample logits bilinearly by 4 and take the class of the largest one, without logits of full size.

    Interpolates like PyTorch's ``interpolate(scale_factor=4, mode="bilinear", align_corners=False)``. Of equal logits
    the lowest class wins, and a NaN never does; where no logit is above minus infinity the class is 0.

    Args:
        logits: (C, h, w), C from 1 to 65535; converted to float32 in C order if it is not.
        height: rows of the result, at most 4 h; rows beyond are cropped.
        width: columns of the result, at most 4 w.
        confidence: whether to compute the softmax probability of the class too.
        threads: threads to use, 0 = all that the machine has.

    Returns:
        Labels (height, width), uint8 for up to 255 classes (255 stays free), else uint16; and the confidence
        (height, width) float32, or None if not asked for. The confidence is NaN where a logit is NaN or the largest is
        infinite.

    Raises:
        InputError: impossible logits, sizes or threads.
    """
    values = checked_logits(logits, height, width)
    check_threads(threads)
    return _native.upsample_argmax(values, height, width, confidence, threads)


def checked_logits(logits: ArrayLike, height: int, width: int) -> NDArray[np.float32]:
    """Return logits (C, h, w) as the core takes them, if they can be upsampled to height x width.

    Raises:
        InputError: impossible logits or sizes.
    """
    values = np.ascontiguousarray(logits, dtype=np.float32)
    if values.ndim != 3 or not 1 <= values.shape[0] <= 65535:
        expected = "(C, h, w) with C from 1 to 65535"
        raise InputError("wrong shape", field="logits", found=values.shape, expected=expected)
    for name, size, most in (("height", height, 4 * values.shape[1]), ("width", width, 4 * values.shape[2])):
        if not 0 <= size <= most:
            expected = f"0 to {most}, four times the logits'"
            raise InputError("impossible size", field=name, found=size, expected=expected)
    return values
