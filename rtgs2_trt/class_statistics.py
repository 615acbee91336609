"""How many pixels of each view are of which class: as numbers, as CSV, as a picture."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from rtgs2_trt.atomic import atomic_file
from rtgs2_trt.classes import ClassTable
from rtgs2_trt.errors import InputError
from rtgs2_trt.page_layout import FAINT_INK, INK, PAPER, Picture, page_font, stacked, text_line
from rtgs2_trt.pictures import UNKNOWN_COLOR, LegendEntry, legend_picture

HEADER = ("view", "class_id", "class", "pixels", "share")
UNKNOWN = "unknown"

_CHART_WIDTH, _CHART_HEIGHT, _TEXT = 960, 360, 15
_LEGEND_CLASSES = 30


class ClassStatistics:
    """Counts the pixels of views by class.

    Args:
        classes: C classes that labels are indices of.

    Attributes:
        views: names of the views, in their order.
    """

    def __init__(self, classes: ClassTable) -> None:
        self.views: list[str] = []
        self._classes = classes
        self._pixels: list[NDArray[np.int64]] = []

    def add(self, view: str, labels: NDArray[Any]) -> None:
        """Count a view.

        Args:
            view: its name.
            labels: (H, W) class indices; the greatest value of their type is unknown.

        Raises:
            InputError: a label outside the table.
        """
        count = len(self._classes)
        known = labels != np.iinfo(labels.dtype).max
        if known.any() and int(labels[known].max()) >= count:
            raise InputError("a label outside the class table", field="labels", found=int(labels[known].max()))
        pixels = np.bincount(np.where(known, labels, count).ravel().astype(np.int64), minlength=count + 1)
        self.views.append(view)
        self._pixels.append(pixels)

    @property
    def pixels(self) -> NDArray[np.int64]:
        """(views, C + 1) pixels of each view and class, unknown ones last."""
        return np.array(self._pixels, np.int64).reshape(-1, len(self._classes) + 1)

    def save_csv(self, path: str | Path) -> None:
        """Write a line for each view and each class that it shows: view, class_id, class, pixels, share (0 to 1).

        Unknown pixels have no class_id. A name that a spreadsheet would take for a formula gets an apostrophe first.

        Raises:
            InputError: the file cannot be written.
        """
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(HEADER)
        ids = [*self._classes.ids.tolist(), ""]
        names = [*self._classes.names, UNKNOWN]
        for view, pixels in zip(self.views, self.pixels, strict=True):
            for index in np.flatnonzero(pixels):
                share = f"{pixels[index] / pixels.sum():.6f}"
                writer.writerow([_plain(view), ids[index], _plain(names[index]), int(pixels[index]), share])
        with atomic_file(path) as file:
            file.write(text.getvalue().encode())

    def chart(self, heading: str = "") -> Picture:
        """Return the shares of the classes from view to view as stacked columns, with a legend.

        Raises:
            InputError: no views.
        """
        if not self.views:
            raise InputError("no views to draw", field="views", expected="at least one")
        shares = self.pixels / np.maximum(1, self.pixels.sum(axis=1, keepdims=True))
        mean = shares.mean(axis=0)
        order = [int(index) for index in np.argsort(-mean, kind="stable") if mean[index] > 0]  # largest at the bottom
        colors = np.array([*self._classes.colors.tolist(), UNKNOWN_COLOR], np.uint8)
        tops = np.cumsum(shares[:, order], axis=1)
        heights = 1 - (np.arange(_CHART_HEIGHT) + 0.5) / _CHART_HEIGHT
        view_of_column = np.arange(_CHART_WIDTH) * len(self.views) // _CHART_WIDTH
        # Of each pixel of the chart the first class whose top is above it.
        layer = (tops[view_of_column][None] <= heights[:, None, None]).sum(axis=2)
        chart = colors[np.array(order)[np.minimum(layer, len(order) - 1)]]
        names = [*self._classes.names, UNKNOWN]
        entries = [
            LegendEntry(names[index], (int(c[0]), int(c[1]), int(c[2])), float(mean[index]))
            for index in order[:_LEGEND_CLASSES]
            for c in (colors[index],)
        ]
        if len(order) > _LEGEND_CLASSES:
            rest = float(mean[order[_LEGEND_CLASSES:]].sum())
            entries.append(LegendEntry(f"+ {len(order) - _LEGEND_CLASSES} more", None, rest))
        plot = self._with_axes(Image.fromarray(chart))
        legend = Image.fromarray(legend_picture(entries, plot.width, _TEXT))
        blocks = [(_TEXT if heading else 0, plot), (_TEXT, legend)]
        if heading:
            blocks.insert(0, (0, text_line(heading, 1.4 * _TEXT, INK)))
        return np.array(stacked(blocks, margin=2 * _TEXT))

    def _with_axes(self, chart: Image.Image) -> Image.Image:
        font = page_font(_TEXT)
        left = round(font.getlength("100 % "))
        image = Image.new("RGB", (left + chart.width, chart.height + 2 * _TEXT), PAPER)
        image.paste(chart, (left, _TEXT // 2))
        draw = ImageDraw.Draw(image)
        for percent in (0, 25, 50, 75, 100):
            y = _TEXT // 2 + (100 - percent) / 100 * chart.height
            draw.text((left - _TEXT // 3, y), f"{percent} %", fill=FAINT_INK, font=font, anchor="rm")
        below = _TEXT + chart.height
        draw.text((left, below), f"view 1 of {len(self.views)}", fill=FAINT_INK, font=font, anchor="lt")
        draw.text((image.width, below), f"view {len(self.views)}", fill=FAINT_INK, font=font, anchor="rt")
        return image


def _plain(text: str) -> str:
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
