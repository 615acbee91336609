"""Metrics of a run: a CSV file with a row every so many steps, and their curves as a picture."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping
from pathlib import Path

from matplotlib.figure import Figure  # not pyplot: no display, no global state

from rtgs2_trt.atomic import atomic_file

Row = dict[str, float]


class MetricsLog:
    """Rows of numbers by step.

    The files are written whole each time: they hold at most some thousand rows, and a kill leaves the old ones.

    Args:
        folder: where ``metrics.csv`` and ``curves.png`` go.
        rows: rows of the run so far, when it goes on.
    """

    def __init__(self, folder: Path, rows: Iterable[Mapping[str, float]] = ()) -> None:
        self._folder = folder
        self.rows: list[Row] = [dict(row) for row in rows]

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Add values to the row of `step`, the number of steps done."""
        if not self.rows or self.rows[-1]["step"] != step:
            self.rows.append({"step": float(step)})
        self.rows[-1].update(values)

    def last(self, name: str) -> float | None:
        """Return the newest value of that name, if there is one."""
        return next((row[name] for row in reversed(self.rows) if name in row), None)

    def seconds_in_steps(self) -> float:
        """Return the time that all stages of all steps took together."""
        total, before = 0.0, 0.0
        for row in self.rows:
            times = [value for name, value in row.items() if name.startswith("seconds_")]
            if times:  # means over the steps since the row before that has them
                total += sum(times) * (row["step"] - before)
                before = row["step"]
        return total

    def write(self) -> None:
        """Write ``metrics.csv``: a column a name, empty where a row has no value.

        Raises:
            InputError: the file cannot be written.
        """
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(names)
        for row in self.rows:
            writer.writerow([_cell(name, row[name]) if name in row else "" for name in names])
        with atomic_file(self._folder / "metrics.csv") as file:
            file.write(text.getvalue().encode())

    def plot(self) -> None:
        """Draw ``curves.png``: one panel a metric, training and validation together.

        Raises:
            InputError: the file cannot be written.
        """
        panels: dict[str, list[str]] = {}
        for name in dict.fromkeys(name for row in self.rows for name in row):
            if name != "step" and not name.startswith("seconds_"):
                panels.setdefault(name.removeprefix("validation_"), []).append(name)
        if not panels:
            return
        columns = min(3, len(panels))
        lines = math.ceil(len(panels) / columns)
        figure = Figure(figsize=(4.8 * columns, 3.2 * lines), layout="constrained")
        for place, (metric, names) in enumerate(panels.items()):
            axes = figure.add_subplot(lines, columns, place + 1)
            for name in names:
                points = [(row["step"], row[name]) for row in self.rows if name in row]
                label = "validation" if name.startswith("validation_") else "training"
                axes.plot(*zip(*points, strict=True), marker="." if len(points) < 60 else "", label=label)
            axes.set_title(metric.replace("_", " "))
            axes.set_xlabel("step")
            axes.grid(alpha=0.3)
            if len(names) > 1 or names[0].startswith("validation_"):
                axes.legend()
        with atomic_file(self._folder / "curves.png") as file:
            figure.savefig(file, format="png", dpi=100)


def _cell(name: str, value: float) -> str:
    return str(int(value)) if name == "step" else repr(float(value))
