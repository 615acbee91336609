"""Frame sizes follow the machine: simulated times, no clock."""

from itertools import pairwise

import numpy as np
import pytest

from rtgs2_trt.viewer.frame_sizes import (
    FIRST_REST_SECONDS,
    MOVING_SECONDS,
    SHARES,
    FrameTimes,
    frame_size,
    moving_share,
    resting_share,
)


def flown(times, machine, frames, last=None):
    """Fly on a simulated machine; return the shares drawn."""
    shares = []
    for _ in range(frames):
        last = moving_share(times.predicted, last)
        times.took(last, machine(last))
        shares.append(last)
    return shares


def test_a_fast_machine_always_draws_all_pixels():
    assert set(flown(FrameTimes(), lambda share: 0.01 + 0.02 * share, 10)) == {1.0}


def test_a_slow_machine_finds_the_largest_size_that_is_fluid():
    shares = flown(FrameTimes(), lambda share: 0.02 + 0.6 * share, 20)
    assert shares[-1] == 0.125  # 0.095 s; the next larger would take 0.17 s
    assert len(set(shares[-10:])) == 1


def test_a_large_fixed_part_does_not_keep_frames_small_for_ever():
    times = FrameTimes()
    times.took(1.0, 0.09)
    times.took(0.25, 0.0675)
    assert flown(times, lambda share: 0.06 + 0.03 * share, 40)[-1] == 0.5  # 0.075 s, a whole one 0.09: over 0.8 of 0.1


def test_it_gives_way_to_other_work_and_comes_back():
    times = FrameTimes()
    calm, busy = (lambda share: 0.01 + 0.15 * share), (lambda share: 0.03 + 0.45 * share)
    before = flown(times, calm, 20)[-1]
    during = flown(times, busy, 20, before)
    after = flown(times, calm, 30, during[-1])[-1]
    assert (before, during[-1], after) == (0.5, 0.125, 0.5)
    assert during.index(during[-1]) < 6  # within half a second


def test_sizes_do_not_flicker_with_noise():
    rng = np.random.default_rng(3)
    shares = flown(FrameTimes(), lambda share: (0.01 + 0.3 * share) * rng.uniform(0.85, 1.15), 200)
    changes = sum(a != b for a, b in pairwise(shares[20:]))
    assert changes <= 6
    assert max(shares[20:]) <= 0.5


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf")])
def test_impossible_times_are_not_learned(seconds):
    times = FrameTimes()
    times.took(1.0, 0.1)
    times.took(1.0, seconds)
    assert times.predicted(1.0) == pytest.approx(0.1)


def test_predictions_never_become_negative():
    times = FrameTimes()
    for share, seconds in [(1.0, 0.001), (1 / 32, 0.5), (1.0, 0.001), (1 / 32, 0.001)] * 5:
        times.took(share, seconds)
        assert all(times.predicted(s) >= 0 for s in SHARES)


def test_a_resting_camera_gets_all_pixels_at_once_where_that_is_quick():
    assert resting_share(lambda share: 0.2 * share, 0.25) == 1.0


def test_a_resting_camera_gets_a_quick_frame_first_where_all_pixels_take_long():
    def seconds(share):
        return 0.8 * share

    assert resting_share(seconds, 0.125) == 0.25
    assert resting_share(seconds, 0.25) == 1.0
    assert resting_share(lambda share: 9.0, 1 / 32) == 1.0  # nothing is quick: the whole one at last


def test_a_resting_camera_gets_no_frame_between_where_all_pixels_take_no_half_second():
    assert resting_share(lambda share: 0.45 * share, 0.125) == 1.0


def test_a_camera_that_came_to_rest_unseen_gets_the_best_quick_frame():
    assert resting_share(lambda share: 0.2 * share, 0.0) == 1.0
    assert resting_share(lambda share: 0.45 * share, 0.0) == 0.5
    assert resting_share(lambda share: 9.0, 0.0) == SHARES[-1]


def test_the_first_frame_of_an_unknown_scene_is_whole():
    assert moving_share(FrameTimes().predicted, None) == 1.0
    assert MOVING_SECONDS < FIRST_REST_SECONDS


@pytest.mark.parametrize(
    ("window", "share", "expected"),
    [
        ((1280, 960), 1.0, (640, 480)),
        ((1280, 960), 0.25, (320, 240)),
        ((320, 240), 1.0, (320, 240)),  # no more than the window has
        ((1920, 1080), 1.0, (739, 416)),
        ((50, 40), 1 / 32, (32, 32)),
    ],
)
def test_frames_have_the_windows_shape(window, share, expected):
    assert frame_size(window, 640 * 480, share) == expected


@pytest.mark.parametrize("window", [(16384, 1), (1, 16384), (1, 1), (16384, 16384)])
def test_absurd_windows_get_bounded_frames(window):
    width, height = frame_size(window, 640 * 480, 1.0)
    assert 32 <= width <= 2220
    assert 32 <= height <= 2220
