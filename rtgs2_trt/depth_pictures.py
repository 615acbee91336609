"""Pictures of depth: 16-bit PNGs in millimetres, and colours for people."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from .atomic import atomic_file
from .errors import InputError
from .page_layout import FAINT_INK, PAPER, SWATCH_EDGE, Picture, page_font, picture_page
from .pictures import UNKNOWN_COLOR, to_picture

FARTHEST = 65.535
"""Largest distance in metres that a 16-bit PNG in millimetres holds."""

# Anchors from near to far, evenly spaced: brightness falls steadily, so that it reads without colour too.
_ANCHORS = np.asarray(
    [(253, 231, 140), (244, 170, 78), (217, 92, 82), (150, 47, 108), (78, 30, 102), (18, 14, 40)], np.float32
)


def save_depth_image(path: str | Path, depth: NDArray[Any]) -> None:
    """Write depth as a 16-bit PNG in millimetres, 0 where it is not known. The file appears whole or not at all.

    Args:
        path: the file to write; an existing one is replaced.
        depth: (H, W) floats, metres; NaN is unknown. What lies before 1 mm or beyond 65.535 m is cut off there.

    Raises:
        InputError: an array of another form, or a folder that does not exist.
    """
    values = _checked(depth)
    known = ~np.isnan(values)
    millimetres = np.zeros(values.shape, np.uint16)
    millimetres[known] = np.rint(np.clip(values[known], 0.001, FARTHEST) * 1000)
    with atomic_file(path) as file:
        Image.fromarray(millimetres).save(file, format="PNG")


def depth_range(*depths: NDArray[Any]) -> tuple[float, float]:
    """Return the nearest and farthest distance in metres of what is known in (H, W) maps, (0, 1) if nothing is.

    Raises:
        InputError: an array of another form.
    """
    known = np.concatenate([values[np.isfinite(values)] for values in map(_checked, depths)])
    return (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)


def color_depth(depth: NDArray[Any], near: float, far: float) -> Picture:
    """Paint depth: bright and warm at `near`, dark at `far`, grey where it is unknown.

    Args:
        depth: (H, W) floats, metres; NaN is unknown.
        near: metres.
        far: metres.

    Returns:
        (H, W, 3) uint8.

    Raises:
        InputError: an array of another form.
    """
    values = _checked(depth).astype(np.float32)
    position: NDArray[np.float32] = np.clip(np.nan_to_num((values - near) / max(far - near, 1e-6)), 0, 1) * (
        len(_ANCHORS) - 1
    )
    below = np.minimum(position.astype(np.intp), len(_ANCHORS) - 2)
    share = (position - below)[..., None]
    painted: Picture = np.rint(_ANCHORS[below] * (1 - share) + _ANCHORS[below + 1] * share).astype(np.uint8)
    painted[np.isnan(values)] = UNKNOWN_COLOR
    return painted


def depth_sheet(
    rows: Sequence[tuple[str, NDArray[Any], Sequence[NDArray[Any]]]],
    captions: Sequence[str],
    *,
    heading: str = "",
    note: str = "",
    tile_width: int = 480,
) -> Picture:
    """Several views on one page: colour and depth maps side by side, all on one scale, with its bar below.

    Args:
        rows: of each view its title, its colours (3, H, W) as floats in 0..1 and its depth maps (H, W) in metres.
        captions: of the depth maps.
        heading: the page's title.
        note: a remark under it; long ones are wrapped.
        tile_width: views wider than this are shrunk to it.

    Returns:
        (H', W', 3) uint8.

    Raises:
        InputError: no views, or arrays of another form.
    """
    near, far = depth_range(*(depth for _, _, depths in rows for depth in depths)) if rows else (0.0, 1.0)
    pictures = [
        (title, [to_picture(rgb), *(color_depth(depth, near, far) for depth in depths)]) for title, rgb, depths in rows
    ]
    legend = partial(_scale_bar, near, far)
    columns = ("colour", *captions)
    return picture_page(pictures, columns, legend=legend, heading=heading, note=note, tile_width=tile_width)


def _scale_bar(near: float, far: float, width: int, size: int) -> Image.Image:
    """The colours from near to far with their distances below."""
    length = min(width, 24 * size)
    ramp = np.tile(np.linspace(near, far, length, dtype=np.float32), (size, 1))
    image = Image.new("RGB", (length, round(2.6 * size)), PAPER)
    image.paste(Image.fromarray(color_depth(ramp, near, far)), (0, 0))
    draw, font = ImageDraw.Draw(image), page_font(size)
    draw.rectangle((0, 0, length - 1, size - 1), outline=SWATCH_EDGE)
    for share, anchor in ((0.0, "ls"), (0.5, "ms"), (1.0, "rs")):
        text = f"{near + share * (far - near):.2f} m"
        draw.text((share * length, 2.2 * size), text, fill=FAINT_INK, font=font, anchor=anchor)
    return image


def _checked(depth: NDArray[Any]) -> NDArray[Any]:
    if depth.ndim != 2 or depth.size == 0 or depth.dtype.kind != "f":
        found = f"{depth.shape} {depth.dtype}"
        raise InputError("not a depth map", field="depth", found=found, expected="(H, W) floats in metres")
    return depth
