"""Frames of a video of labels: pictures side by side over a legend that keeps its place."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from rtgs2_trt.classes import ClassTable
from rtgs2_trt.errors import InputError
from rtgs2_trt.page_layout import FAINT_INK, INK, PAPER, SWATCH_EDGE, Picture, font_size, page_font, shortened
from rtgs2_trt.pictures import UNKNOWN_COLOR, blend, color_labels, to_picture

VideoLayout = Literal["overlay", "labels", "side-by-side"]
VIDEO_LAYOUTS: tuple[VideoLayout, ...] = get_args(VideoLayout)


class FrameComposer:
    """Lays out one view after the other in frames of one size.

    The legend lists every class of the table at one place; those that a frame shows are black, with their share of the
    pixels, the others faint.

    Args:
        classes: what labels mean.
        width: of the views, pixels.
        height: of the views, pixels.
        layout: ``"overlay"``, ``"labels"``, or ``"side-by-side"``: colour, labels and overlay.
    """

    def __init__(self, classes: ClassTable, width: int, height: int, layout: VideoLayout = "side-by-side") -> None:
        if layout not in VIDEO_LAYOUTS:
            raise InputError("no such layout", field="layout", found=layout, expected=", ".join(VIDEO_LAYOUTS))
        self._classes = classes
        self._size = (height, width)
        self._layout = layout
        panels = 3 if layout == "side-by-side" else 1
        self._letters = min(18, font_size(width * panels))
        font = page_font(self._letters)
        self._names = [shortened(name, font, 14 * self._letters) for name in [*classes.names, "unknown"]]
        self._colors = [*(tuple(map(int, color)) for color in classes.colors), UNKNOWN_COLOR]
        line, swatch = round(1.5 * self._letters), self._letters
        longest = max(font.getlength(name) for name in self._names)
        column = round(swatch * 1.5 + longest + font.getlength("  100 %") + 1.5 * self._letters)
        whole = max(panels * width, column + self._letters)
        columns = max(1, (whole - self._letters) // column)
        lines = -(-len(self._names) // columns)
        self._canvas = Image.new("RGB", (whole, height + lines * line + self._letters), PAPER)
        self._line, self._column, self._lines = line, column, lines

    def compose(self, rgb: NDArray[np.float32], labels: NDArray[Any]) -> Picture:
        """Return the frame of a view.

        Args:
            rgb: (3, H, W) floats in 0..1.
            labels: (H, W) class indices; the greatest value of their type is unknown.

        Returns:
            (H', W', 3) uint8, of one size for all views.

        Raises:
            InputError: arrays of another form or size.
        """
        if labels.shape != self._size:
            raise InputError("views of two sizes", field="labels", found=labels.shape, expected=self._size)
        colors = self._classes.colors
        panels = {
            "overlay": lambda: [blend(rgb, labels, colors)],
            "labels": lambda: [color_labels(labels, colors)],
            "side-by-side": lambda: [to_picture(rgb), color_labels(labels, colors), blend(rgb, labels, colors)],
        }[self._layout]()
        frame = self._canvas.copy()
        for number, panel in enumerate(panels):
            frame.paste(Image.fromarray(panel), (number * self._size[1], 0))
        self._draw_legend(frame, labels)
        return np.array(frame)

    def _draw_legend(self, frame: Image.Image, labels: NDArray[Any]) -> None:
        count = len(self._classes)
        pixels = np.bincount(np.minimum(labels.ravel().astype(np.int64), count), minlength=count + 1)
        draw, font, size = ImageDraw.Draw(frame), page_font(self._letters), self._letters
        for number, (name, color) in enumerate(zip(self._names, self._colors, strict=True)):
            x = size + number // self._lines * self._column
            middle = self._size[0] + size // 2 + number % self._lines * self._line + self._line / 2
            ink = INK if pixels[number] else FAINT_INK
            if pixels[number]:
                box = (x, middle - size / 2, x + size - 1, middle + size / 2 - 1)
                draw.rectangle(box, fill=color, outline=SWATCH_EDGE)
                share = 100 * pixels[number] / labels.size
                text = f"{share:.0f} %" if share >= 0.5 else "< 1 %"
                draw.text((x + self._column - 1.5 * size, middle), text, fill=FAINT_INK, font=font, anchor="rm")
            draw.text((x + 1.5 * size, middle), name, fill=ink, font=font, anchor="lm")
