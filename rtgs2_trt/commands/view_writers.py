"""What ``rtgs2 segment`` writes of every view and at the end, for labels and for depth."""

from __future__ import annotations

import json
import statistics
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np

from ..atomic import atomic_file
from ..class_map import LabelRules
from ..class_statistics import ClassStatistics
from ..classes import ClassTable
from ..depth_pictures import color_depth, depth_range, depth_sheet, save_depth_image
from ..page_layout import Picture
from ..pictures import contact_sheet, overlay, save_color_image, save_image, save_label_image
from ..segmenter import Segmentation, Segmenter


class ViewLog:
    """Remembers which views were predicted and how long it took; writes nothing.

    Attributes:
        views: name and size of each view, and its file where one was written.
    """

    def __init__(self) -> None:
        self.views: list[dict[str, Any]] = []
        self._seconds: dict[str, list[float]] = {}

    def add(self, file_name: str, title: str, result: Segmentation, *, on_sheet: bool) -> None:
        """Take a view, which was predicted with its colour."""
        assert result.rgb is not None
        for stage, seconds in result.seconds.items():
            self._seconds.setdefault(stage, []).append(seconds)
        _, height, width = result.rgb.shape
        self.views.append({"name": title, "width": width, "height": height})

    def median_seconds(self) -> dict[str, float]:
        """Return the median time of each stage over the views."""
        return {stage: round(statistics.median(values), 4) for stage, values in self._seconds.items()}

    def finish(self, summary: dict[str, Any]) -> None:
        """End."""


class ViewWriter(ViewLog, ABC):
    """Writes the images of each view at once, what sums them up at the end."""

    folders: tuple[str, ...]

    def __init__(self, output: Path, segmenter: Segmenter, heading: str) -> None:
        super().__init__()
        self.output = output
        self.note = segmenter.bundle.manifest.description
        self.heading = heading

    def add(self, file_name: str, title: str, result: Segmentation, *, on_sheet: bool) -> None:
        """Write the images of a view, which was predicted with its colour."""
        assert result.rgb is not None
        for folder in self.folders:
            (self.output / folder).mkdir(parents=True, exist_ok=True)
        save_color_image(self.output / "color" / f"{file_name}.png", result.rgb)
        self._write_images(f"{file_name}.png", result)
        if on_sheet:
            self._keep(title, result)
        super().add(file_name, title, result, on_sheet=on_sheet)
        self.views[-1] = {"name": title, "file": f"{file_name}.png", **self.views[-1]}

    def finish(self, summary: dict[str, Any]) -> None:
        """Write the contact sheet and the summary; nothing if there was no view."""
        if self.views:
            save_image(self.output / "contact_sheet.png", self._sheet())
            self._write_json("summary.json", summary)

    def _write_json(self, name: str, values: Any) -> None:
        with atomic_file(self.output / name) as file:
            file.write((json.dumps(values, indent=1) + "\n").encode())

    @abstractmethod
    def _write_images(self, name: str, result: Segmentation) -> None:
        """Write the view's labels or depths."""

    @abstractmethod
    def _keep(self, title: str, result: Segmentation) -> None:
        """Remember the view for the contact sheet."""

    @abstractmethod
    def _sheet(self) -> Picture:
        """Return the contact sheet of the views kept."""


class LabelWriter(ViewWriter):
    """Label images, overlays, ``classes.json``, and how many pixels are of which class as CSV and as a picture."""

    folders = ("labels", "color", "overlay")

    def __init__(self, output: Path, segmenter: Segmenter, classes: ClassTable, heading: str) -> None:
        super().__init__(output, segmenter, heading)
        self.classes = classes
        self._statistics = ClassStatistics(classes)
        self._rows: list[tuple[str, Any, Any]] = []

    def finish(self, summary: dict[str, Any]) -> None:
        """See :class:`ViewWriter`."""
        super().finish(summary)
        if self.views:
            self._write_json("classes.json", self.classes.to_list())
            self._statistics.save_csv(self.output / "statistics.csv")
            save_image(self.output / "statistics.png", self._statistics.chart(self.heading))

    def add(self, file_name: str, title: str, result: Segmentation, *, on_sheet: bool) -> None:
        """See :class:`ViewWriter`."""
        super().add(file_name, title, result, on_sheet=on_sheet)
        self._statistics.add(title, result.labels)

    def _write_images(self, name: str, result: Segmentation) -> None:
        assert result.rgb is not None
        save_label_image(self.output / "labels" / name, result.labels, self.classes.ids)
        blended = overlay(result.rgb, result.labels, self.classes.colors, self.classes.names)
        save_image(self.output / "overlay" / name, blended)

    def _keep(self, title: str, result: Segmentation) -> None:
        self._rows.append((title, result.rgb, result.labels))

    def _sheet(self) -> Picture:
        classes = self.classes
        return contact_sheet(self._rows, classes.colors, classes.names, heading=self.heading, note=self.note)


class DepthWriter(ViewWriter):
    """Depth images in millimetres, and painted ones for people, each on a scale of its own."""

    folders = ("depth", "color", "depth_color")

    def __init__(self, output: Path, segmenter: Segmenter, heading: str) -> None:
        super().__init__(output, segmenter, heading)
        self._rows: list[tuple[str, Any, list[Any]]] = []

    def _write_images(self, name: str, result: Segmentation) -> None:
        depth = result.depth_prediction
        save_depth_image(self.output / "depth" / name, depth)
        save_image(self.output / "depth_color" / name, color_depth(depth, *depth_range(depth)))

    def _keep(self, title: str, result: Segmentation) -> None:
        self._rows.append((title, result.rgb, [np.asarray(result.depth_prediction)]))

    def _sheet(self) -> Picture:
        return depth_sheet(self._rows, ["predicted depth"], heading=self.heading, note=self.note)


def view_writer(output: Path | None, segmenter: Segmenter, rules: LabelRules | None, heading: str) -> ViewLog:
    """Return the writer for what `segmenter` predicts; `rules` say what the classes of its results are."""
    if output is None:
        return ViewLog()
    if rules is None:
        return DepthWriter(output, segmenter, heading)
    return LabelWriter(output, segmenter, rules.table, heading)
