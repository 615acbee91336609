"""From class logits at a quarter of the image's size to class probabilities of every pixel."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rtgs2_trt import _native
from rtgs2_trt.threads import check_threads
from rtgs2_trt.upsample_argmax import checked_logits


def upsample_softmax(logits: ArrayLike, height: int, width: int, *, threads: int = 0) -> NDArray[np.float32]:
    """Upsample logits bilinearly by 4, as :func:`rtgs2_trt.upsample_argmax` does, then take the softmax over classes.

    Args:
        logits: (C, h, w), C from 1 to 65535; converted to float32 in C order if it is not.
        height: rows of the result, at most 4 h; rows beyond are cropped.
        width: columns of the result, at most 4 w.
        threads: threads to use, 0 = all that the machine has.

    Returns:
        (C, height, width) float32. A pixel with a logit that is NaN, or whose largest is infinite, is NaN.

    Raises:
        InputError: impossible logits, sizes or threads.
    """
    values = checked_logits(logits, height, width)
    check_threads(threads)
    return _native.upsample_softmax(values, height, width, threads)
