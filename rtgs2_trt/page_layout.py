"""A page of pictures: rows of tiles under captions, with a heading, a note and a legend. Pillow draws it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from .errors import InputError, Rtgs2Error

Picture = NDArray[np.uint8]
Color = tuple[int, int, int]

PAPER: Color = (255, 255, 255)
INK: Color = (32, 33, 36)
FAINT_INK: Color = (110, 113, 118)
NOTE_INK: Color = (176, 84, 0)
SWATCH_EDGE: Color = (90, 92, 96)


def picture_page(
    rows: Sequence[tuple[str, Sequence[Picture]]],
    captions: Sequence[str],
    *,
    legend: Callable[[int, int], Image.Image],
    heading: str = "",
    note: str = "",
    tile_width: int = 480,
) -> Picture:
    """Lay several views out on one page, each a row of pictures.

    Args:
        rows: of each view its title and its pictures, (H, W, 3) uint8, as many as there are captions.
        captions: over the columns.
        legend: draws what goes below, given the width of the content and the size of the text in pixels.
        heading: the page's title.
        note: a remark under it; long ones are wrapped.
        tile_width: pictures wider than this are shrunk to it.

    Returns:
        (H', W', 3) uint8.

    Raises:
        InputError: no views.
    """
    if not rows:
        raise InputError("no views for a contact sheet", field="rows", expected="at least one view")
    tiles = [(title, [tile(picture, tile_width) for picture in pictures]) for title, pictures in rows]
    cell, across = max(row[0].width for _, row in tiles), len(captions)
    size = font_size(cell * across)
    gap = round(0.6 * size)
    content_width = across * cell + (across - 1) * gap

    blocks: list[tuple[int, Image.Image]] = []  # the space above a block, and the block
    if heading:
        blocks.append((0, text_line(heading, 1.7 * size, INK)))
    blocks += [(gap // 2, text_line(line, size, NOTE_INK)) for line in wrapped(note, page_font(size), content_width)]
    labels = [text_line(caption, size, FAINT_INK) for caption in captions]
    blocks.append((2 * gap if blocks else 0, side_by_side(labels, cell, gap)))
    for row_number, (title, row) in enumerate(tiles):
        if title:
            blocks.append((2 * gap if row_number else gap, text_line(title, size, INK)))
        blocks.append((gap // 2, side_by_side(row, cell, gap)))
    blocks.append((2 * gap, legend(content_width, size)))
    return np.array(stacked(blocks, margin=2 * size))


def stacked(blocks: Sequence[tuple[int, Image.Image]], margin: int) -> Image.Image:
    """Blocks below each other, flush left, on a page with margins."""
    page = Image.new(
        "RGB",
        (
            max(block.width for _, block in blocks) + 2 * margin,
            sum(space + block.height for space, block in blocks) + 2 * margin,
        ),
        PAPER,
    )
    y = margin
    for space, block in blocks:
        y += space
        page.paste(block, (margin, y))
        y += block.height
    return page


def side_by_side(tiles: Sequence[Image.Image], cell: int, gap: int) -> Image.Image:
    """Tiles in cells of one width, flush left and top."""
    strip = Image.new("RGB", (len(tiles) * (cell + gap) - gap, max(tile.height for tile in tiles)), PAPER)
    for column, tile in enumerate(tiles):
        strip.paste(tile, (column * (cell + gap), 0))
    return strip


def tile(picture: Picture, width: int) -> Image.Image:
    """The picture, shrunk to ``width`` if it is wider."""
    tile = Image.fromarray(picture)
    if tile.width > width:
        height = max(1, round(tile.height * width / tile.width))
        tile = tile.resize((width, height), Image.Resampling.LANCZOS)
    return tile


def text_line(text: str, size: float, ink: Color) -> Image.Image:
    """One line of text, as high as its font's line."""
    font = page_font(size)
    ascent, descent = font.getmetrics()
    image = Image.new("RGB", (max(1, math.ceil(font.getlength(text))), ascent + descent), PAPER)
    ImageDraw.Draw(image).text((0, ascent), text, fill=ink, font=font, anchor="ls")
    return image


def page_font(size: float) -> ImageFont.FreeTypeFont:
    """Pillow's own font, of so many pixels."""
    font = ImageFont.load_default(size=round(size))
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise Rtgs2Error("this Pillow was built without FreeType and cannot draw text. Install Pillow from PyPI")
    return font


def font_size(width: int) -> int:
    """A readable size for pictures ``width`` pixels wide, in pixels: it grows slower than they do."""
    return min(40, max(12, round(0.58 * math.sqrt(width))))


def shortened(text: str, font: ImageFont.FreeTypeFont, width: float) -> str:
    """The text, cut and marked with dots if it is wider than ``width`` pixels."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "...") > width:
        text = text[:-1]
    return text.rstrip() + "..."


def wrapped(text: str, font: ImageFont.FreeTypeFont, width: float) -> list[str]:
    """The words of the text in lines no wider than ``width`` pixels (a single word may be)."""
    lines: list[str] = []
    for word in text.split():
        if lines and font.getlength(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
