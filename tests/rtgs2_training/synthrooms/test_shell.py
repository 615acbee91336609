"""Parts of the shell by themselves."""

from __future__ import annotations

import numpy as np
import pytest

from rtgs2_training.synthrooms.finishes import wall_finish
from rtgs2_training.synthrooms.mesh import tessellate
from rtgs2_training.synthrooms.plan import floor_plan
from rtgs2_training.synthrooms.shell import _cornice, shell


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
