"""An evaluation for people: a table, a CSV file, bars of the classes, a sheet of colour, truth and prediction."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from rtgs2_trt.atomic import atomic_file
from rtgs2_trt.classes import ClassTable
from rtgs2_trt.depth_pictures import depth_sheet
from rtgs2_trt.page_layout import Picture
from rtgs2_trt.pictures import comparison_sheet, save_image

from .evaluation import Evaluation
from .metrics import ConfusionMatrix


def text_report(values: dict[str, Any]) -> str:
    """Return the lines that a person reads.

    Args:
        values: of :meth:`Evaluation.to_dict`.
    """
    lines = []
    if "miou" in values:
        present = _sorted_classes(values)
        width = max((len(name) for name, _, _ in present), default=0)
        lines += [f"{'class':{width}}   IoU, %  of pixels"]
        lines += [f"{name:{width}}  {100 * iou:6.2f}  {100 * share:7.2f} %" for name, iou, share in present]
        absent = [name for name, iou in values["iou"].items() if iou is None]
        if absent:
            lines.append(f"not in these views: {', '.join(absent)}")
        lines += [
            "",
            f"mIoU              {_percent(values['miou'])} over the {len(present)} classes present",
            f"pixel accuracy    {_percent(values['pixel_accuracy'])}",
            f"class accuracy    {_percent(values['class_accuracy'])}",
        ]
        if values["view_consistency"] is not None:
            points = values["consistency_points"]
            lines.append(f"view consistency  {_percent(values['view_consistency'])} of {points} surface points")
    if "depth_rmse" in values:
        lines += [
            f"depth RMSE        {_metres(values['depth_rmse'])}",
            f"absolute relative {_percent(values['depth_absolute_relative'])}",
        ]
    lines.append(f"{values['scenes']} scenes, {values['views']} views, {values['pixels']} labelled pixels")
    return "\n".join(lines)


def write_report(folder: Path, evaluation: Evaluation, values: dict[str, Any], heading: str) -> None:
    """Write an evaluation's files to `folder`, ``evaluation.json`` last.

    The others are ``contact_sheet.png`` and, where there are classes, ``classes.csv``, ``classes.png`` and
    ``confusion.csv``: pixels, rows are true classes, columns predicted ones.

    Args:
        folder: made if it is not there.
        evaluation: the result, with examples.
        values: what ``evaluation.json`` shall say, :meth:`Evaluation.to_dict` and more.
        heading: the sheet's title.

    Raises:
        InputError: a file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if evaluation.classes is not None and evaluation.confusion is not None:
        _write(folder / "classes.csv", _class_csv(values))
        _write(folder / "confusion.csv", _confusion_csv(evaluation.classes, evaluation.confusion))
        _write(folder / "classes.png", _class_bars(evaluation, values))
    if evaluation.examples:
        save_image(folder / "contact_sheet.png", _examples_sheet(evaluation, heading))
    _write(folder / "evaluation.json", (json.dumps(values, indent=1) + "\n").encode())


def _examples_sheet(evaluation: Evaluation, heading: str) -> Picture:
    if evaluation.classes is None:
        depth_rows = [
            (example.title, example.prediction.rgb, [_array(example.depth), _array(example.prediction.depth)])
            for example in evaluation.examples
        ]
        return depth_sheet(depth_rows, ["true depth", "predicted depth"], heading=heading)
    rows = [
        (example.title, example.prediction.rgb, _array(example.labels), _array(example.prediction.labels))
        for example in evaluation.examples
    ]
    return comparison_sheet(rows, evaluation.classes.colors, evaluation.classes.names, heading=heading)


def _class_csv(values: dict[str, Any]) -> bytes:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    columns = ("iou", "recall", "precision", "pixel_share")
    table.writerow(["class", *columns])
    for name in values["iou"]:
        found = [values[column][name] for column in columns]
        table.writerow([name, *("" if value is None else f"{value:.6f}" for value in found)])
    return text.getvalue().encode()


def _confusion_csv(classes: ClassTable, confusion: ConfusionMatrix) -> bytes:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["class", *classes.names])
    table.writerows([name, *row] for name, row in zip(classes.names, confusion.counts.tolist(), strict=True))
    return text.getvalue().encode()


def _class_bars(evaluation: Evaluation, values: dict[str, Any]) -> bytes:
    """A PNG with a bar for the IoU of each present class, in the class's colour, best first."""
    from matplotlib.figure import Figure

    assert evaluation.classes is not None
    colors = {entry.name: np.asarray(entry.color) / 255 for entry in evaluation.classes}
    present = _sorted_classes(values)[::-1]
    figure = Figure(figsize=(7, 1 + 0.26 * max(1, len(present))), layout="constrained")
    axes = figure.add_subplot()
    names = [name for name, _, _ in present]
    bars = axes.barh(names, [iou for _, iou, _ in present], color=[colors[name] for name in names], edgecolor="0.35")
    axes.bar_label(bars, [f"{iou:.2f}   {100 * share:.1f} % of pixels" for _, iou, share in present], padding=4)
    if values["miou"] is not None:
        axes.axvline(values["miou"], color="0.3", linestyle="--", linewidth=1)
        axes.set_title(f"IoU of each class, mean {values['miou']:.3f} (dashed)", loc="left")
    axes.set_xlim(0, 1.3)
    axes.set_xticks(np.linspace(0, 1, 6))
    axes.spines[["top", "right"]].set_visible(False)
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=110)
    return image.getvalue()


def _sorted_classes(values: dict[str, Any]) -> list[tuple[str, float, float]]:
    """(name, IoU, share of pixels) of the present classes, best first."""
    present = [(name, iou, values["pixel_share"][name]) for name, iou in values["iou"].items() if iou is not None]
    return sorted(present, key=lambda entry: (-entry[1], entry[0]))


def _write(path: Path, content: bytes) -> None:
    with atomic_file(path) as file:
        file.write(content)


def _array(values: Any) -> Any:
    assert values is not None
    return values


def _percent(value: float | None) -> str:
    return "  -   " if value is None else f"{100 * value:6.2f} %"


def _metres(value: float | None) -> str:
    return "  -   " if value is None else f"{value:.4f} m"
