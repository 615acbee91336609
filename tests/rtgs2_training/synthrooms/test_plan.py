"""Floor plans: closed outlines, openings inside their walls, doors that fit both rooms, every room reachable."""

from itertools import pairwise

import numpy as np
import pytest

from rtgs2_training.synthrooms.plan import Space, Wall, floor_plan, free_behind, rooms_behind

PLANS = [floor_plan(np.random.default_rng(seed)) for seed in range(60)]


def test_there_are_all_shapes_and_kinds():
    assert {len(plan.spaces) for plan in PLANS} == {1, 2, 3, 4}
    assert {len(space.walls) for plan in PLANS for space in plan.spaces} == {4, 6}
    kinds = {space.kind for plan in PLANS for space in plan.spaces}
    assert kinds == {"living", "bedroom", "kitchen", "bathroom", "office", "dining", "studio"}


@pytest.mark.parametrize("plan", PLANS[:30])
def test_walls_enclose_the_rectangles(plan):
    for space in plan.spaces:
        corners = [wall.start for wall in space.walls]
        turned = corners[1:] + corners[:1]
        assert turned == [wall.end for wall in space.walls]
        area = sum(bx * ay - ax * by for (ax, ay), (bx, by) in zip(corners, turned, strict=True)) / 2
        assert area == pytest.approx(space.area)  # positive: clockwise
        for wall in space.walls:
            assert space.contains(*wall.point(0.05, wall.length / 2))
            assert not space.contains(*wall.point(-0.05, wall.length / 2))


@pytest.mark.parametrize("plan", PLANS)
def test_rooms_do_not_overlap_and_openings_fit(plan):
    rectangles = [rect for space in plan.spaces for rect in space.rectangles]
    for i, (ax0, ay0, ax1, ay1) in enumerate(rectangles):
        for bx0, by0, bx1, by1 in rectangles[:i]:
            assert min(ax1, bx1) <= max(ax0, bx0) + 1e-9 or min(ay1, by1) <= max(ay0, by0) + 1e-9
    for space in plan.spaces:
        for wall in space.walls:
            spans = sorted((o.left, o.right) for o in wall.openings)
            assert all(0.0 < left < right < wall.length for left, right in spans)
            assert all(a[1] < b[0] for a, b in pairwise(spans))
            assert all(0 <= o.low < o.high < space.height for o in wall.openings)


@pytest.mark.parametrize("plan", PLANS)
def test_every_room_is_reached_and_both_sides_of_a_doorway_lie_opposite(plan):
    openings = [(i, wall, o) for i, space in enumerate(plan.spaces) for wall in space.walls for o in wall.openings]
    far_sides = [(i, wall.point(0, o.left), wall.point(0, o.right)) for i, wall, o in openings if o.shared]
    assert len(far_sides) == len(plan.spaces) - 1
    joined = {0}
    for _ in plan.spaces:
        for i, wall, o in openings:
            if o.kind == "window" or o.shared:
                continue
            ends = np.array([wall.point(-o.depth, o.right), wall.point(-o.depth, o.left)])
            for j, left, right in far_sides:
                if np.allclose(ends, [left, right]) and {i, j} & joined:
                    joined |= {i, j}
    assert joined == set(range(len(plan.spaces)))


@pytest.mark.parametrize("plan", PLANS)
def test_openings_that_lead_out_come_out_in_no_room(plan):
    """Doors too: their frames stand 2 cm out on the other side."""
    openings = [(wall, o) for space in plan.spaces for wall in space.walls for o in wall.openings]
    far_sides = [wall.point(0, o.left) for wall, o in openings if o.shared]
    for wall, o in openings:
        joins = o.shared or any(np.allclose(wall.point(-o.depth, o.right), side) for side in far_sides)
        for along in np.linspace(o.left, o.right, 5):
            beyond = wall.point(-o.depth - (-0.001 if joins else 0.021), along)
            assert not any(space.contains(*beyond) for space in plan.spaces)


def test_what_is_free_behind_a_wall_is_exact():
    """An L open to the north-east, and a room 15 cm south of it."""
    space = Space("living", ((0.0, 0.0, 5.0, 3.0), (0.0, 3.0, 2.0, 4.5)), 2.5, ())
    below = Space("office", ((0.0, -3.15, 5.0, -0.15),), 2.5, ())
    notch, south = Wall((2.0, 3.0), (5.0, 3.0)), Wall((5.0, 0.0), (0.0, 0.0))
    behind = rooms_behind([space, below], notch)
    assert behind == (pytest.approx((0.0, -2.0, 1.5, 0.0)),)
    assert free_behind(behind, 0.0, 3.0) == 4.0
    assert free_behind(behind, -0.1, 1.0) == 0.0
    assert free_behind(rooms_behind([space, below], south), 1.0, 2.0) == pytest.approx(0.15)
