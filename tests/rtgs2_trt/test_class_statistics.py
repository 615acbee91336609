"""Pixels of each class: counted, as CSV and as a picture."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from rtgs2_trt import InputError
from rtgs2_trt.class_statistics import ClassStatistics
from rtgs2_trt.classes import ClassTable, SemanticClass

TABLE = ClassTable(
    tuple(
        SemanticClass(i, id_, name, color)
        for i, (id_, name, color) in enumerate(
            [(3, "chair", (200, 0, 0)), (7, "=table", (0, 200, 0)), (9, "x", (1, 2, 3))]
        )
    ),
    "three",
)


@pytest.fixture
def statistics():
    counted = ClassStatistics(TABLE)
    counted.add("first, view", np.array([[0, 0, 0, 1]], np.uint8))
    counted.add("second", np.array([[1, 1, 1, 255]], np.uint8))
    return counted


def test_counts(statistics):
    assert statistics.pixels.tolist() == [[3, 1, 0, 0], [0, 3, 0, 1]]
    with pytest.raises(InputError, match="a label outside the class table"):
        statistics.add("third", np.array([[3]], np.uint8))
    assert len(statistics.views) == 2


def test_csv(statistics, tmp_path):
    statistics.save_csv(tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["view", "class_id", "class", "pixels", "share"],
        ["first, view", "3", "chair", "3", "0.750000"],
        ["first, view", "7", "'=table", "1", "0.250000"],
        ["second", "7", "'=table", "3", "0.750000"],
        ["second", "", "unknown", "1", "0.250000"],
    ]


def test_chart_shows_the_shares_as_areas(statistics):
    chart = statistics.chart("two views").reshape(-1, 3)
    area = {
        name: (chart == color).all(axis=1).sum()
        for name, color in (
            ("chair", (200, 0, 0)),
            ("table", (0, 200, 0)),
            ("x", (1, 2, 3)),
            ("unknown", (128, 128, 128)),
        )
    }
    whole = 960 * 360
    # The swatches of the legend add a little to each.
    for name, share in (("chair", 3 / 8), ("table", 4 / 8), ("x", 0), ("unknown", 1 / 8)):
        assert area[name] / whole == pytest.approx(share, abs=0.005), name
    with pytest.raises(InputError, match="no views"):
        ClassStatistics(TABLE).chart()
