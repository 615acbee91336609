"""Parts of the shell by themselves."""

from __future__ import annotations

import numpy as np
import pytest

from rtgs2_training.synthrooms.finishes import wall_finish
from rtgs2_training.synthrooms.mesh import tessellate
from rtgs2_training.synthrooms.shell import _cornice


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
