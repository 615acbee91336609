"""Parts of the shell by themselves."""

from __future__ import annotations

import numpy as np
import pytest

from rtgs2_training.synthrooms.finishes import wall_finish
from rtgs2_training.synthrooms.mesh import tessellate
from rtgs2_training.synthrooms.plan import floor_plan
from rtgs2_training.synthrooms.shell import _cornice, _seam, shell


@pytest.mark.parametrize("seed", range(6))
def test_hung_edges_of_a_ceiling_go_round_and_leave_its_middle_free(seed):
    rng, (x0, y0, x1, y1), z, drop = np.random.default_rng(seed), (1.0, 2.0, 5.0, 5.0), 2.5, 0.2
    surfaces = _cornice((x0, y0, x1, y1), z, drop, wall_finish(rng, "living"), rng)
    points = tessellate([(0, surfaces)]).triangles.reshape(-1, 3)
    assert points.min(axis=0) == pytest.approx([x0, y0, points[:, 2].min()])
    assert points.max(axis=0) == pytest.approx([x1, y1, z])
    assert z - drop - 1e-6 <= points[:, 2].min() < z - 0.05
    from_walls = np.minimum(
        np.minimum(points[:, 0] - x0, x1 - points[:, 0]), np.minimum(points[:, 1] - y0, y1 - points[:, 1])
    )
    assert 0.08 * (y1 - y0) - 1e-6 <= from_walls.max() <= 0.22 * (y1 - y0) + 1e-6
    assert len(surfaces) in (8, 16)  # one step or two, four sides, from below and from within


# Ls whose narrow rectangle is above and below, at the left and at the right of the wide one.
LS = [
    ((1.0, 2.0, 6.0, 5.0), (1.0, 5.0, 3.5, 7.0)), ((1.0, 2.0, 6.0, 5.0), (3.5, 5.0, 6.0, 7.0)),
    ((1.0, 2.0, 6.0, 5.0), (1.0, 0.0, 3.5, 2.0)), ((1.0, 2.0, 6.0, 5.0), (3.5, 0.0, 6.0, 2.0)),
]  # fmt: skip


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("rectangles", LS)
def test_hung_edges_follow_walls_and_end_at_the_seam_of_an_l(rectangles, number):
    rng, z, drop = np.random.default_rng(0), 2.5, 0.2
    x0, y0, x1, y1 = rectangles[number]
    surfaces = _cornice(rectangles[number], z, drop, wall_finish(rng, "living"), rng, _seam(rectangles, number))
    triangles = tessellate([(0, surfaces)]).triangles
    low, high = triangles.min(axis=1), triangles.max(axis=1)

    def met(axis, place):
        """Whether a line along an axis through a place meets a triangle's rectangle that is square to it, and where."""
        others = [k for k in range(3) if k != axis]
        flat = high[:, axis] - low[:, axis] < 1e-9
        covered = (low[:, others] < np.array(place)[others]) & (np.array(place)[others] < high[:, others])
        return low[flat & covered.all(axis=1), axis]

    left, start, right, _ = rectangles[1]
    seam = 5.0 if start == 5.0 else 2.0
    side = 1 if seam > (y0 + y1) / 2 else -1  # of this rectangle at which the other one is
    assert not len(met(2, ((left + right) / 2, seam - side * 0.03, 0)))  # nothing hangs over the seam
    for x, inner in ((x0, 1), (x1, -1)):
        along_wall = (x + 0.03 * inner, (y0 + y1) / 2, 0)
        assert len(met(2, along_wall))
        if left <= x <= right:  # a strip runs up to the seam, and is closed there
            end = (x + 0.03 * inner, seam - side * 0.03, 0)
            assert len(met(2, end))
            assert seam in met(1, (x + 0.03 * inner, seam, z - 0.03))
        else:  # it turns the corner, and ends where the wall does
            assert len(met(2, (x + 0.03 * inner, seam - side * 0.03, 0)))
            corner = right if x == x1 else left
            assert len(met(2, (corner + 0.03 * -inner, seam - side * 0.03, 0)))
            assert corner in met(0, (corner, seam - side * 0.03, z - 0.03))
    assert len(met(2, ((left + right) / 2, y0 + 0.03 if side > 0 else y1 - 0.03, 0)))  # the side without a seam


def built(seed):
    """The plan and the shell of a room as `generate_room` makes them."""
    plan = floor_plan(np.random.default_rng([seed, 0]))
    return plan, shell(plan, np.random.default_rng([seed, 1]))


@pytest.mark.parametrize("seed", [100092, 100129, 100250])  # Ls with a window beside their other arm
def test_what_is_seen_through_a_window_stands_in_no_room(seed):
    plan, made = built(seed)
    views = [surface for part in made.parts for surface in part.surfaces if surface.material.glows]
    assert views
    for view in views:
        points = view.shape(*(places.ravel() for places in np.meshgrid(*[np.linspace(0, 1, 60)] * 2)))
        assert np.linalg.norm(np.ptp(points, axis=0)[:2]) > 0.5  # it is still there
        assert not any(space.contains(x, y) for x, y, _ in points for space in plan.spaces)
