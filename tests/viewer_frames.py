"""A labelled frame made by hand, for tests of what is done with one."""

import numpy as np

from rtgs2_trt import Camera, ClassTable
from rtgs2_trt.segmenter import Segmentation
from rtgs2_trt.viewer.painting import LabelledFrame

CLASSES = ClassTable.from_list(
    [
        {"index": 0, "id": 1, "name": "wall", "color": [200, 0, 0]},
        {"index": 1, "id": 7, "name": "<b>chair</b>", "color": [0, 200, 0]},
        {"index": 2, "id": 300, "name": "lamp", "color": [0, 0, 200]},
    ],
    "test",
)
UNKNOWN = 255


def semantic_frame():
    """4 x 3 pixels: wall above, chair in the middle, unknown and lamp below; the depth of one pixel is not known."""
    labels = np.array([[0, 0, 0, 0], [1, 1, 1, 1], [UNKNOWN, 2, 2, 2]], np.uint8)
    depth = np.linspace(1, 4, 12, dtype=np.float32).reshape(3, 4)
    depth[0, 0] = np.nan
    rgb = np.full((3, 3, 4), 0.5, np.float32)
    confidence = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    camera = Camera.look_at((0, 0, 1), (0, 5, 1), width=4, height=3, fov_degrees=60)
    result = Segmentation(labels, CLASSES, None, confidence, rgb, depth, None, {})
    return LabelledFrame(camera, result, 1.0, 0.01)


def depth_frame():
    """The same of a bundle that predicts depth."""
    frame = semantic_frame()
    seen = frame.result
    predicted = np.full((3, 4), 2.5, np.float32)
    result = Segmentation(None, None, predicted, None, seen.rgb, seen.depth, None, {})
    return LabelledFrame(frame.camera, result, 1.0, 0.01)
