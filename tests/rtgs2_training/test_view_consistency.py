from __future__ import annotations

import numpy as np
import pytest

from box_room import box_truth, box_views
from rtgs2_training.view_consistency import ComparedView, Consistency, match_pixels, view_consistency
from rtgs2_trt import Camera


def facing_the_plane(x, z=0.0, width=40, height=30):
    """A camera at (x, 0, z) that looks along +z, 40 pixels a unit at distance 1."""
    pose = np.eye(4)
    pose[:3, 3] = -x, 0, -z
    return Camera(width, height, 40.0, 40.0, world_to_camera=pose)


def plane_view(camera, label_of_x, wrong=None):
    """The view of the plane z = 2, whose class depends on x alone."""
    distance = 2 - camera.position[2]
    columns = (np.arange(camera.width) + 0.5 - camera.cx) / camera.fx * distance + camera.position[0]
    labels = np.tile(label_of_x(columns), (camera.height, 1))
    depth = np.full(labels.shape, distance, np.float32)
    return ComparedView(camera, depth, labels, labels if wrong is None else wrong(labels))


def left_or_right(x):
    return (x > 0.3).astype(int)


def test_matches_on_a_plane_are_where_geometry_says():
    """Moved by 0.5 at distance 2 with 40 pixels a unit: 10 pixels to the left, rows as they are."""
    first, second = facing_the_plane(0.0), facing_the_plane(0.5)
    depth = np.full((30, 40), 2.0, np.float32)
    here, there = match_pixels(first, depth, second, depth)
    assert len(here) == 30 * 30  # the ten columns on the left leave the second view
    np.testing.assert_array_equal(here // 40, there // 40)
    np.testing.assert_array_equal(here % 40 - 10, there % 40)


def test_truth_is_consistent_and_a_flipped_view_is_not():
    first, second = facing_the_plane(0.0), facing_the_plane(0.5)
    same = view_consistency([plane_view(first, left_or_right), plane_view(second, left_or_right)])
    assert same == Consistency(points=900, kept=900)
    flipped = plane_view(second, left_or_right, wrong=lambda labels: 1 - labels)
    assert view_consistency([plane_view(first, left_or_right), flipped]).kept == 0
    wrong_in_both = [plane_view(c, left_or_right, wrong=lambda labels: 1 - labels) for c in (first, second)]
    assert view_consistency(wrong_in_both).share == 1


def test_share_is_that_of_the_changed_columns():
    first, second = facing_the_plane(0.0), facing_the_plane(0.5)

    def five_columns(labels):
        changed = labels.copy()
        changed[:, :5] += 7
        return changed

    result = view_consistency([plane_view(first, left_or_right), plane_view(second, left_or_right, five_columns)])
    assert result == Consistency(points=900, kept=900 - 5 * 30)


def test_hidden_points_are_not_compared():
    """In the second view a nearer plane hides what the first one sees."""
    first, second = facing_the_plane(0.0), facing_the_plane(0.5)
    near = np.full((30, 40), 1.0, np.float32)
    assert len(match_pixels(first, np.full((30, 40), 2.0, np.float32), second, near)[0]) == 0


def test_unknown_depth_unknown_truth_and_points_behind():
    first, second = facing_the_plane(0.0), facing_the_plane(0.5)
    unknown = np.full((30, 40), np.nan, np.float32)
    known = np.full((30, 40), 2.0, np.float32)
    assert len(match_pixels(first, unknown, second, known)[0]) == 0
    assert len(match_pixels(first, known, second, unknown)[0]) == 0
    assert len(match_pixels(first, known, facing_the_plane(0.0, z=5.0), known)[0]) == 0
    unlabelled = plane_view(first, lambda x: np.full(len(x), -1))
    assert np.isnan(view_consistency([unlabelled, plane_view(second, left_or_right)]).share)


def test_points_whose_true_labels_differ_are_not_the_same_surface():
    first, second = facing_the_plane(0.0), facing_the_plane(0.5)
    other = plane_view(second, lambda x: (x > 0.4).astype(int))
    result = view_consistency([plane_view(first, left_or_right), other])
    assert result.points == 900 - 2 * 30  # 0.1 is two pixels
    assert result.share == 1


def test_box_room_in_every_pair_of_views():
    views = []
    for camera in box_views(4, 160, 120).values():
        ids, depth = box_truth(camera)
        views.append(ComparedView(camera, depth.astype(np.float32), ids.astype(int), ids.astype(int)))
    result = view_consistency(views)
    assert result.points > 20_000
    assert result.share == 1
    one_wrong = ComparedView(views[0].camera, views[0].depth, views[0].truth, views[0].labels + 1)
    assert view_consistency([one_wrong, *views[1:]]).share == pytest.approx(0.5, abs=0.1)  # 3 of 6 pairs


def test_large_views_are_sampled():
    camera = facing_the_plane(0.0, width=640, height=480)
    depth = np.full((480, 640), 2.0, np.float32)
    here, there = match_pixels(camera, depth, camera, depth)
    np.testing.assert_array_equal(here, there)
    assert len(here) == 160 * 120 == len(np.unique(here))
