"""Clicks into frames."""

import numpy as np
import pytest

from rtgs2_trt import Camera, InputError
from rtgs2_trt.viewer.picking import pick, point_at
from viewer_frames import depth_frame, semantic_frame


def test_a_click_tells_class_confidence_and_point():
    frame = semantic_frame()
    picked = pick(frame, 0.99, 0.99)
    assert (picked.column, picked.row, picked.name, picked.class_id) == (3, 2, "lamp", 300)
    assert picked.confidence == 1.0
    assert picked.depth == 4.0
    in_camera = frame.camera.world_to_camera @ np.append(picked.point, 1)
    pixel = (frame.camera.fx * in_camera[0] / in_camera[2] + frame.camera.cx,
             frame.camera.fy * in_camera[1] / in_camera[2] + frame.camera.cy)  # fmt: skip
    assert pixel == pytest.approx((3.5, 2.5))
    assert in_camera[2] == pytest.approx(4.0)


def test_a_point_lies_before_the_camera():
    camera = Camera.look_at((1, 2, 3), (1, 7, 3), width=5, height=5)
    np.testing.assert_allclose(point_at(camera, 2, 2, 2.0), (1, 4, 3), atol=1e-12)


def test_a_click_where_nothing_is():
    picked = pick(semantic_frame(), 0.0, 0.0)
    assert (picked.depth, picked.point) == (None, None)
    assert pick(semantic_frame(), 0.0, 1.0).name == "unknown"
    assert pick(semantic_frame(), 0.0, 1.0).class_id is None
    assert pick(semantic_frame(), 0.0, 1.0).confidence is None  # the network's is of what it said instead


def test_the_edges_belong_to_the_picture():
    assert (pick(semantic_frame(), 1.0, 1.0).column, pick(semantic_frame(), 1.0, 1.0).row) == (3, 2)
    assert (pick(semantic_frame(), 0, 0).column, pick(semantic_frame(), 0, 0).row) == (0, 0)


def test_a_bundle_that_predicts_depth_has_no_classes():
    picked = pick(depth_frame(), 0.5, 0.5)
    assert (picked.name, picked.class_id, picked.confidence) == (None, None, None)
    assert picked.predicted_depth == 2.5


@pytest.mark.parametrize("place", [(-0.1, 0.5), (0.5, 1.1), (float("nan"), 0.5), ("a", 0.5), (None, None)])
def test_nonsense_is_no_click(place):
    with pytest.raises(InputError):
        pick(semantic_frame(), *place)
