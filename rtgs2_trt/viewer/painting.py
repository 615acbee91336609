"""Modes: what a labelled frame looks like as colour, labels, overlay, depth or confidence, with classes left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtgs2_trt.camera import Camera
from rtgs2_trt.depth_pictures import color_depth
from rtgs2_trt.errors import InputError, shown
from rtgs2_trt.page_layout import Picture
from rtgs2_trt.pictures import blend, color_labels, to_picture
from rtgs2_trt.segmenter import Segmentation
from rtgs2_trt.task import Task

COLOR, LABELS, OVERLAY, DEPTH, CONFIDENCE, PREDICTED = (
    "colour",
    "labels",
    "overlay",
    "depth",
    "confidence",
    "predicted depth",
)
HIDDEN_COLOR = (24, 24, 24)
"""Colour of hidden classes where nothing else is shown in their place."""


@dataclass(frozen=True, eq=False)
class LabelledFrame:
    """One view with all that any mode shows of it.

    Attributes:
        camera: the view, of the frame's size.
        result: labels, confidence, rgb and depth of a semantic bundle; depth_prediction, rgb and depth of the other.
        share: its share of all pixels that a frame can have.
        seconds: what drawing and labelling took.
    """

    camera: Camera
    result: Segmentation
    share: float
    seconds: float


@dataclass(frozen=True)
class Look:
    """How a client wants to see frames.

    Attributes:
        mode: one of :func:`modes`.
        hidden: class indices that are not shown.
        opacity: of the labels in the overlay, 0..1.
    """

    mode: str
    hidden: frozenset[int] = frozenset()
    opacity: float = 0.5

    def __post_init__(self) -> None:
        if not (isinstance(self.opacity, int | float) and 0 <= self.opacity <= 1):
            raise InputError("not a share", field="opacity", found=shown(self.opacity), expected="0 to 1")


def modes(task: Task) -> tuple[str, ...]:
    """Return the modes of bundles of a task; the one to begin with is first."""
    return (OVERLAY, LABELS, COLOR, DEPTH, CONFIDENCE) if task == "semantic" else (PREDICTED, COLOR, DEPTH)


def paint(frame: LabelledFrame, look: Look) -> Picture:
    """Return the picture, (H, W, 3) uint8, of a frame in a mode.

    Depth is bright near and dark far, between the distances of :func:`depth_limits`; confidence is bright at 1.

    Raises:
        InputError: no mode of this frame's bundle.
    """
    result = frame.result
    if look.mode == COLOR:
        return to_picture(result.rgb)  # type: ignore[arg-type]
    if look.mode in (DEPTH, PREDICTED):
        depth = result.depth if look.mode == DEPTH else result.depth_prediction
        if depth is not None:
            return color_depth(depth, *depth_limits(depth))
    elif result.labels is not None:
        return _paint_labels(result, look)
    raise InputError("no mode of this bundle", field="mode", found=shown(look.mode))


def _paint_labels(result: Segmentation, look: Look) -> Picture:
    colors = result.classes.colors
    hidden = np.isin(result.labels, list(look.hidden)) if look.hidden else None
    if look.mode == LABELS:
        picture, instead = color_labels(result.labels, colors), np.array(HIDDEN_COLOR, np.uint8)
    elif look.mode == CONFIDENCE:
        picture = color_depth(np.float32(1) - result.confidence, 0.0, 1.0)
        instead = np.array(HIDDEN_COLOR, np.uint8)
    elif look.mode == OVERLAY:
        picture = blend(result.rgb, result.labels, colors, look.opacity)  # type: ignore[arg-type]
        instead = to_picture(result.rgb)  # type: ignore[arg-type]
    else:
        raise InputError("no mode of this bundle", field="mode", found=shown(look.mode))
    return picture if hidden is None else np.where(hidden[..., None], instead, picture)


def depth_limits(depth: NDArray[np.float32]) -> tuple[float, float]:
    """Return the distances in metres that depth is painted between: 1 % of the known pixels are nearer, 1 % farther."""
    known = depth[np.isfinite(depth)]
    if not known.size:
        return 0.0, 1.0
    near, far = np.percentile(known, (1, 99))
    return float(near), float(far)


def class_counts(labels: NDArray[Any], classes: int) -> NDArray[np.int64]:
    """Return the pixels of each class, and last of the unknown, (classes + 1,)."""
    counts = np.bincount(labels.ravel(), minlength=classes + 1)
    return np.append(counts[:classes], counts[classes:].sum()).astype(np.int64)


def legend_order(counts: NDArray[np.int64], hidden: Sequence[int] | frozenset[int] = ()) -> list[int]:
    """Return the classes of a legend, the most frequent first: those in the picture, and hidden ones."""
    return [int(i) for i in np.argsort(-counts, kind="stable") if counts[i] or int(i) in hidden]
