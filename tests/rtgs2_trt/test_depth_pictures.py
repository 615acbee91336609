from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from rtgs2_trt import depth_pictures
from rtgs2_trt.errors import InputError
from rtgs2_trt.pictures import UNKNOWN_COLOR


def test_depth_png_holds_millimetres(tmp_path):
    depth = np.array([[1.2344, np.nan, 0.0], [-1.0, 70.0, np.inf]], np.float32)
    depth_pictures.save_depth_image(tmp_path / "d.png", depth)
    with Image.open(tmp_path / "d.png") as image:
        assert image.mode == "I;16"
        np.testing.assert_array_equal(np.asarray(image), [[1234, 0, 1], [1, 65535, 65535]])


def test_near_is_bright_far_is_dark_unknown_is_grey():
    depth = np.array([np.append(np.linspace(1, 5, 50), np.nan)], np.float32)
    painted = depth_pictures.color_depth(depth, 1, 5)
    brightness = painted[0, :50].astype(float) @ [0.299, 0.587, 0.114]
    assert (np.diff(brightness) < 0).all()
    assert tuple(painted[0, 50]) == UNKNOWN_COLOR
    np.testing.assert_array_equal(depth_pictures.color_depth(depth, 2, 3)[0, 0], painted[0, 0])


def test_range_of_what_is_known():
    maps = [np.array([[np.nan, 2.0]], np.float32), np.array([[0.5]], np.float32)]
    assert depth_pictures.depth_range(*maps) == (0.5, 2.0)
    assert depth_pictures.depth_range(np.full((2, 2), np.nan, np.float32)) == (0.0, 1.0)


def test_sheet_has_one_scale_for_all():
    rgb = np.full((3, 30, 40), 0.3, np.float32)
    rows = [(f"view {i}", rgb, [np.full((30, 40), 1.0 + i, np.float32)] * 2) for i in range(2)]
    sheet = depth_pictures.depth_sheet(rows, ["truth", "prediction"], heading="A room")
    for depth in (1.0, 2.0):
        color = depth_pictures.color_depth(np.full((1, 1), depth, np.float32), 1, 2)[0, 0]
        assert np.all(sheet == color, axis=-1).sum() >= 2 * 30 * 40


def test_refusals(tmp_path):
    with pytest.raises(InputError, match="depth: not a depth map"):
        depth_pictures.save_depth_image(tmp_path / "d.png", np.zeros((2, 2), np.uint16))
    with pytest.raises(InputError, match="no views"):
        depth_pictures.depth_sheet([], [])
