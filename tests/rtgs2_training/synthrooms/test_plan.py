"""Floor plans: closed outlines, openings inside their walls, doors that fit both rooms, every room reachable."""

import numpy as np
import pytest

from rtgs2_training.synthrooms.plan import floor_plan

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
            assert all(a[1] < b[0] for a, b in zip(spans, spans[1:], strict=False))
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
                if np.allclose(ends, [left, right]):
                    if {i, j} & joined:
                        joined |= {i, j}
    assert joined == set(range(len(plan.spaces)))
