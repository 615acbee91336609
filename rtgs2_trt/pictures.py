"""Pictures of results: label and colour PNGs, overlays with a legend, contact sheets.

Pillow draws and writes; everything goes in and out as NumPy arrays. The same input gives the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw

from .atomic import atomic_file
from .errors import InputError
from .page_layout import (
    FAINT_INK,
    INK,
    PAPER,
    SWATCH_EDGE,
    Color,
    Picture,
    font_size,
    page_font,
    picture_page,
    shortened,
)

UNKNOWN_COLOR: Color = (128, 128, 128)
LEGEND_LIMIT = 20
COMPARISON_LEGEND_LIMIT = 48
CAPTIONS = ("colour", "labels", "overlay")


class LegendEntry(NamedTuple):
    """One line of a legend: a class, its colour (``None`` for a sum of classes) and its share of pixels in 0..1."""

    name: str
    color: Color | None
    share: float


def save_label_image(path: str | Path, labels: NDArray[Any], ids: ArrayLike) -> None:
    """Write the class ids of a view as a single-channel PNG.

    The PNG has 8 bits a pixel, or 16 if the table holds an id over 254, so its depth follows the table alone. Pixels
    that are unknown in ``labels`` become 255 or 65535. The file appears complete or not at all.

    Args:
        path: the file to write; an existing one is replaced.
        labels: (H, W) integers, class indices into ``ids``; 255 in uint8 or 65535 in uint16 is unknown where the
            table has no such index.
        ids: the table's id of each class index, 0..65535.

    Raises:
        InputError: labels or ids of another form, or a label outside the table.
    """
    table = np.asarray(ids, dtype=np.int64)
    if table.ndim != 1 or table.size == 0 or table.min() < 0 or table.max() > np.iinfo(np.uint16).max:
        raise InputError(
            "not a table of class ids", field="ids", found=_form(table), expected="a list of integers in 0..65535"
        )
    dtype = np.dtype(np.uint8 if table.max() < np.iinfo(np.uint8).max else np.uint16)
    table = np.append(table, np.iinfo(dtype).max).astype(dtype)
    _save(path, Image.fromarray(table[_class_indices(labels, len(table) - 1)]))


def save_color_image(path: str | Path, rgb: NDArray[Any]) -> None:
    """Write a rendered view as an 8-bit RGB PNG. The file appears complete or not at all.

    Args:
        path: the file to write; an existing one is replaced.
        rgb: (3, H, W) floats, red, green, blue; clipped to 0..1.

    Raises:
        InputError: an array of another form.
    """
    save_image(path, to_picture(rgb))


def save_image(path: str | Path, picture: Picture) -> None:
    """Write a picture, (H, W, 3) uint8, as PNG. The file appears complete or not at all.

    Raises:
        InputError: an array of another form, or a folder that does not exist.
    """
    _save(path, Image.fromarray(_checked_picture(picture)))


def to_picture(rgb: NDArray[Any]) -> Picture:
    """Turn rgb, (3, H, W) floats, into (H, W, 3) uint8; values outside 0..1 are clipped, NaN is black.

    Raises:
        InputError: an array of another form.
    """
    if rgb.ndim != 3 or rgb.shape[0] != 3 or rgb.size == 0 or rgb.dtype.kind != "f":
        raise InputError("not a colour image", field="rgb", found=_form(rgb), expected="(3, H, W) floats in 0..1")
    scaled = np.clip(np.nan_to_num(rgb, nan=0.0), 0, 1) * 255 + 0.5
    return np.ascontiguousarray(scaled.astype(np.uint8).transpose(1, 2, 0))


def color_labels(labels: NDArray[Any], colors: ArrayLike) -> Picture:
    """Paint each pixel of ``labels`` (H, W) in its class's colour, a row of ``colors`` (C, 3) uint8; unknown is grey.

    Raises:
        InputError: arrays of another form, or a label outside the table.
    """
    table = _color_table(colors)
    painted: Picture = table[_class_indices(labels, len(table) - 1)]
    return painted


def blend(rgb: NDArray[Any], labels: NDArray[Any], colors: ArrayLike, opacity: float = 0.5) -> Picture:
    """Lay the colours of the labels over the view.

    Args:
        rgb: (3, H, W) floats in 0..1.
        labels: (H, W) class indices.
        colors: (C, 3) uint8.
        opacity: share of the class colour, 0..1.

    Returns:
        (H, W, 3) uint8.

    Raises:
        InputError: arrays of another form or size, or an opacity outside 0..1.
    """
    picture, painted = to_picture(rgb), color_labels(labels, colors)
    if picture.shape != painted.shape:
        raise InputError(
            "image and labels differ in size", field="labels", found=labels.shape, expected=picture.shape[:2]
        )
    if not 0 <= opacity <= 1:
        raise InputError("not a share", field="opacity", found=opacity, expected="a number in 0..1")
    mixed = picture * np.float32(1 - opacity) + painted * np.float32(opacity)
    blended: Picture = (mixed + np.float32(0.5)).astype(np.uint8)
    return blended


def legend_entries(
    views: Sequence[NDArray[Any]], colors: ArrayLike, names: Sequence[str], limit: int = LEGEND_LIMIT
) -> list[LegendEntry]:
    """The classes that occur in the label images ``views``, largest first, with their shares of all pixels.

    Of more than ``limit`` classes the smallest are summed up in a last entry "+ n more".

    Raises:
        InputError: labels or table of another form, or names and colours that differ in number.
    """
    table = _color_table(colors)
    count = len(table) - 1
    if len(names) != count:
        raise InputError("names and colours differ in number", field="names", found=len(names), expected=count)
    pixels = np.zeros(count + 1, dtype=np.int64)
    for labels in views:
        pixels += np.bincount(_class_indices(labels, count).ravel(), minlength=count + 1)
    shares = pixels / max(1, int(pixels.sum()))
    present = [int(index) for index in np.argsort(-pixels, kind="stable") if pixels[index]]
    shown = present if len(present) <= limit else present[:limit]
    entries = [LegendEntry([*names, "unknown"][index], _rgb(table[index]), float(shares[index])) for index in shown]
    if len(shown) < len(present):
        rest = present[limit:]
        entries.append(LegendEntry(f"+ {len(rest)} more", None, float(shares[rest].sum())))
    return entries


def overlay(
    rgb: NDArray[Any], labels: NDArray[Any], colors: ArrayLike, names: Sequence[str], opacity: float = 0.5
) -> Picture:
    """The view with its labels laid over it, and below it a legend of the classes present.

    Args:
        rgb: (3, H, W) floats in 0..1.
        labels: (H, W) class indices.
        colors: (C, 3) uint8.
        names: C class names.
        opacity: share of the class colour, 0..1.

    Returns:
        (H', W', 3) uint8; the view fills the top-left (H, W), W' > W only where the legend needs it.

    Raises:
        InputError: arrays of another form or size.
    """
    view = blend(rgb, labels, colors, opacity)
    height, width = view.shape[:2]
    size = font_size(width)
    legend = _legend(legend_entries([labels], colors, names), width - 2 * size, size)
    canvas = Image.new("RGB", (legend.width + 2 * size, height + legend.height + 2 * size), PAPER)
    canvas.paste(Image.fromarray(view), (0, 0))
    canvas.paste(legend, (size, height + size))
    return np.array(canvas)


def contact_sheet(
    rows: Sequence[tuple[str, NDArray[Any], NDArray[Any]]],
    colors: ArrayLike,
    names: Sequence[str],
    *,
    heading: str = "",
    note: str = "",
    opacity: float = 0.5,
    tile_width: int = 480,
) -> Picture:
    """Several views on one page: colour, labels and overlay side by side, with one legend for all of them.

    Args:
        rows: of each view its title, its colours (3, H, W) as floats in 0..1 and its labels (H, W), class indices.
        colors: (C, 3) uint8.
        names: C class names.
        heading: the page's title.
        note: a remark under it, such as "untrained weights"; long ones are wrapped.
        opacity: share of the class colour in the overlays.
        tile_width: views wider than this are shrunk to it.

    Returns:
        (H', W', 3) uint8.

    Raises:
        InputError: no views, or arrays of another form or size.
    """
    entries = legend_entries([labels for _, _, labels in rows], colors, names)
    pictures = [
        (title, [to_picture(rgb), color_labels(labels, colors), blend(rgb, labels, colors, opacity)])
        for title, rgb, labels in rows
    ]
    legend = partial(_legend, entries)
    return picture_page(pictures, CAPTIONS, legend=legend, heading=heading, note=note, tile_width=tile_width)


def comparison_sheet(
    rows: Sequence[tuple[str, NDArray[Any], NDArray[Any], NDArray[Any]]],
    colors: ArrayLike,
    names: Sequence[str],
    *,
    heading: str = "",
    note: str = "",
    tile_width: int = 480,
) -> Picture:
    """Several views on one page: colour, true labels and predicted labels side by side, with one legend for all.

    Args:
        rows: of each view its title, its colours (3, H, W) as floats in 0..1, its true labels (H, W), class indices,
            negative where unknown, and its predicted labels (H, W).
        colors: (C, 3) uint8.
        names: C class names; the legend's shares are those of truth and prediction together.
        heading: the page's title.
        note: a remark under it; long ones are wrapped.
        tile_width: views wider than this are shrunk to it.

    Returns:
        (H', W', 3) uint8.

    Raises:
        InputError: no views, or arrays of another form or size.
    """
    known = [np.where(truth < 0, 65535, truth).astype(np.uint16) for _, _, truth, _ in rows]
    entries = legend_entries([*known, *(row[3] for row in rows)], colors, names, limit=COMPARISON_LEGEND_LIMIT)
    pictures = [
        (title, [to_picture(rgb), color_labels(truth, colors), color_labels(predicted, colors)])
        for (title, rgb, _, predicted), truth in zip(rows, known, strict=True)
    ]
    legend = partial(_legend, entries)
    captions = ("colour", "truth", "prediction")
    return picture_page(pictures, captions, legend=legend, heading=heading, note=note, tile_width=tile_width)


def legend_picture(entries: Sequence[LegendEntry], width: int, size: int) -> Picture:
    """Swatch, name and share of each entry, in as many columns as ``width`` pixels take, read column by column.

    Args:
        entries: at least one, as from :func:`legend_entries`.
        width: of the picture, pixels.
        size: of the letters, pixels.

    Returns:
        (H, width, 3) uint8.
    """
    return np.array(_legend(entries, width, size))


def _legend(entries: Sequence[LegendEntry], width: int, size: int) -> Image.Image:
    """Swatch, name and share of each entry, in as many columns as ``width`` takes, read column by column."""
    font = page_font(size)
    line, swatch, space = round(1.6 * size), round(1.05 * size), round(0.5 * size)
    names = [shortened(entry.name, font, 16 * size) for entry in entries]
    shares = [_percent(entry.share) for entry in entries]
    name_width = math.ceil(max(font.getlength(name) for name in names))
    share_width = math.ceil(max(font.getlength(share) for share in shares))
    column = swatch + space + name_width + 2 * space + share_width
    between = 2 * size
    columns = max(1, min(len(entries), (width + between) // (column + between)))
    lines = -(-len(entries) // columns)
    image = Image.new("RGB", (max(width, column), lines * line), PAPER)
    draw = ImageDraw.Draw(image)
    for number, (entry, name, share) in enumerate(zip(entries, names, shares, strict=True)):
        x, y = number // lines * (column + between), number % lines * line
        middle = y + line / 2
        if entry.color is not None:
            top = y + (line - swatch) // 2
            draw.rectangle((x, top, x + swatch - 1, top + swatch - 1), fill=entry.color, outline=SWATCH_EDGE)
        draw.text((x + swatch + space, middle), name, fill=INK, font=font, anchor="lm")
        draw.text((x + column, middle), share, fill=FAINT_INK, font=font, anchor="rm")
    return image


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share >= 0.0005 else "< 0.1 %"


def _class_indices(labels: NDArray[Any], count: int) -> NDArray[np.int64]:
    """The labels (H, W) as indices; ``count`` stands for unknown."""
    if labels.ndim != 2 or labels.size == 0 or labels.dtype.kind not in "iu":
        raise InputError("not a label image", field="labels", found=_form(labels), expected="(H, W) integers")
    indices = labels.astype(np.int64)
    outside = (indices < 0) | (indices >= count)
    if labels.dtype in (np.uint8, np.uint16):
        unknown = outside & (indices == np.iinfo(labels.dtype).max)
        indices[unknown] = count
        outside &= ~unknown
    if outside.any():
        raise InputError(
            "a label outside the table of classes",
            field="labels",
            found=int(indices[outside][0]),
            expected=f"an index in 0..{count - 1}",
            fix="Give the table of the bundle that made the labels.",
        )
    return indices


def _color_table(colors: ArrayLike) -> Picture:
    """The colours (C, 3), and that of unknown as row C."""
    table = np.asarray(colors)
    whole = table.dtype.kind in "iu" and table.size > 0 and table.min() >= 0 and table.max() <= 255
    if table.ndim != 2 or table.shape[1] != 3 or not whole:
        raise InputError(
            "not a table of colours", field="colors", found=_form(table), expected="(C, 3) integers in 0..255"
        )
    return np.concatenate([table, [UNKNOWN_COLOR]]).astype(np.uint8)


def _checked_picture(picture: Picture) -> Picture:
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.size == 0 or picture.dtype != np.uint8:
        raise InputError("not a picture", field="picture", found=_form(picture), expected="(H, W, 3) uint8")
    return np.ascontiguousarray(picture)


def _rgb(row: NDArray[np.uint8]) -> Color:
    red, green, blue = (int(value) for value in row)
    return red, green, blue


def _form(array: NDArray[Any]) -> str:
    return f"{array.shape} {array.dtype}"


def _save(path: str | Path, image: Image.Image) -> None:
    """Write a PNG, whole or not at all."""
    with atomic_file(path) as file:
        image.save(file, format="PNG")
