"""What modes look like."""

import numpy as np
import pytest

from rtgs2_trt import InputError
from rtgs2_trt.pictures import UNKNOWN_COLOR
from rtgs2_trt.viewer.painting import HIDDEN_COLOR, Look, class_counts, legend_order, modes, paint
from viewer_frames import CLASSES, depth_frame, semantic_frame


def test_labels_are_painted_in_the_classes_colours():
    picture = paint(semantic_frame(), Look("labels"))
    for row, color in [(0, (200, 0, 0)), (1, (0, 200, 0)), (2, (0, 0, 200))]:
        assert tuple(picture[row, 3]) == color
    assert tuple(picture[2, 0]) == UNKNOWN_COLOR


def test_hidden_classes_are_dark_in_labels_and_confidence_and_uncoloured_in_the_overlay():
    look = frozenset({1})
    assert tuple(paint(semantic_frame(), Look("labels", look))[1, 1]) == HIDDEN_COLOR
    assert tuple(paint(semantic_frame(), Look("confidence", look))[1, 1]) == HIDDEN_COLOR
    assert tuple(paint(semantic_frame(), Look("overlay", look))[1, 1]) == (128, 128, 128)
    for mode in ("labels", "confidence", "overlay"):
        shown, whole = paint(semantic_frame(), Look(mode, look)), paint(semantic_frame(), Look(mode))
        np.testing.assert_array_equal(shown[[0, 2]], whole[[0, 2]])


def test_the_overlay_mixes_as_much_as_is_asked():
    for opacity, expected in [(0.0, (128, 128, 128)), (1.0, (200, 0, 0)), (0.5, (164, 64, 64))]:
        assert tuple(paint(semantic_frame(), Look("overlay", opacity=opacity))[0, 0]) == expected


def test_confidence_and_depth_are_bright_where_sure_and_near():
    confidence = paint(semantic_frame(), Look("confidence")).sum(axis=2).ravel()
    assert (np.diff(confidence.astype(int)) > 0).all()
    depth = paint(semantic_frame(), Look("depth")).sum(axis=2).ravel()[1:-1].astype(int)
    assert (np.diff(depth) < 0).all()
    assert tuple(paint(semantic_frame(), Look("depth"))[0, 0]) == UNKNOWN_COLOR


@pytest.mark.parametrize(("frame", "task"), [(semantic_frame, "semantic"), (depth_frame, "depth")])
def test_every_mode_of_a_task_can_be_painted_and_no_other(frame, task):
    pictures = [paint(frame(), Look(mode)) for mode in modes(task)]
    assert all(picture.shape == (3, 4, 3) and picture.dtype == np.uint8 for picture in pictures)
    others = {"nonsense", "", *modes("semantic"), *modes("depth")} - set(modes(task))
    for mode in others:
        with pytest.raises(InputError, match="no mode"):
            paint(frame(), Look(mode))


@pytest.mark.parametrize("opacity", [-0.1, 1.1, float("nan"), "much", None])
def test_nonsense_is_no_opacity(opacity):
    with pytest.raises(InputError):
        Look("overlay", opacity=opacity)


def test_counts_are_of_all_pixels():
    counts = class_counts(semantic_frame().result.labels, len(CLASSES))
    np.testing.assert_array_equal(counts, (4, 4, 3, 1))


def test_the_legend_has_what_is_there_or_hidden_the_most_first():
    assert legend_order(np.array([3, 0, 5, 0]), {3}) == [2, 0, 3]
