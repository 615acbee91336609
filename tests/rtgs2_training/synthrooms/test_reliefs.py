"""Reliefs stand out from their wall by what the wall says, and leave its openings free."""

from __future__ import annotations

import numpy as np
import pytest

from rtgs2_training.synthrooms import reliefs
from rtgs2_training.synthrooms.finishes import wall_finish
from rtgs2_training.synthrooms.floor_space import against
from rtgs2_training.synthrooms.mesh import TOLERANCE, tessellate, triangles_of
from rtgs2_training.synthrooms.plan import Opening, Wall, floor_plan
from rtgs2_training.synthrooms.reliefs import random_relief
from triangle_distance import distance_to_triangles

DOOR, WINDOW = Opening("door", 0.8, 1.6, 0.0, 2.0, 0.1), Opening("window", 2.5, 3.4, 0.9, 2.1, 0.1)
WALL = Wall((0.0, 0.0), (0.0, 5.0), (WINDOW, DOOR), relief=0.04)
HEIGHT = 2.5


@pytest.mark.parametrize("design", ["_battens", "_slats", "_panels", "_mouldings"])
@pytest.mark.parametrize("seed", range(4))
def test_they_stand_out_and_leave_openings_free(design, seed, monkeypatch):
    monkeypatch.setattr(reliefs, "one_of", lambda rng, designs: getattr(reliefs, design))
    rng = np.random.default_rng(seed)
    surfaces = random_relief(WALL, HEIGHT, wall_finish(rng, "living"), rng)
    triangles = tessellate([(0, surfaces)]).triangles
    points = triangles.reshape(-1, 3)
    assert points[:, 0].min() > -1e-6
    assert points[:, 0].max() == pytest.approx(WALL.relief, abs=1e-3)
    assert points[:, 1].min() >= 0
    assert points[:, 1].max() <= WALL.length
    assert points[:, 2].min() >= -1e-6
    assert points[:, 2].max() <= HEIGHT + 1e-6
    for opening in (DOOR, WINDOW):
        left, right = triangles[..., 1].min(axis=1), triangles[..., 1].max(axis=1)
        assert not ((right > opening.left - 0.05) & (left < opening.right + 0.05)).any()
    for place in (0.3, 2.05, 4.2):  # and every stretch between openings has some
        assert (np.abs(points[:, 1] - place) < 0.75).any()


@pytest.mark.parametrize("design", ["_battens", "_slats", "_panels", "_mouldings"])
def test_their_triangles_are_their_surfaces(design, monkeypatch):
    monkeypatch.setattr(reliefs, "one_of", lambda rng, designs: getattr(reliefs, design))
    rng = np.random.default_rng(2)
    for surface in random_relief(WALL, HEIGHT, wall_finish(rng, "living"), rng)[:3]:
        points = surface.shape(*rng.uniform(size=(2, 40)))
        assert distance_to_triangles(points, triangles_of(surface)).max() < 3 * TOLERANCE


@pytest.mark.parametrize("design", ["_battens", "_slats", "_panels", "_mouldings"])
@pytest.mark.parametrize("seed", range(4))
def test_gaussians_do_not_come_out_of_narrow_strips_on_the_other_side(design, seed, monkeypatch):
    monkeypatch.setattr(reliefs, "one_of", lambda rng, designs: getattr(reliefs, design))
    rng = np.random.default_rng(seed)
    for surface in random_relief(WALL, HEIGHT, wall_finish(rng, "living"), rng, 0.08):
        if design == "_panels":  # nothing but the wall is behind them
            assert surface.behind == 0.08
        else:
            thickness = WALL.relief if design == "_slats" else min(*surface.size, WALL.relief)
            assert 0 < surface.behind <= thickness / 2 + 1e-9


def test_furniture_stands_before_them():
    (x, y), flat = (against(WALL, 2.0).x, against(WALL, 2.0).y), Wall(WALL.start, WALL.end)
    assert x - against(flat, 2.0).x == pytest.approx(WALL.relief * WALL.inward[0])
    assert y == pytest.approx(against(flat, 2.0).y)


def test_some_rooms_have_them():
    spaces = [space for seed in range(60) for space in floor_plan(np.random.default_rng(seed)).spaces]
    shares = [np.mean([wall.relief > 0 for wall in space.walls]) for space in spaces]
    assert 0.1 < np.mean(np.array(shares) == 1) < 0.35
    assert 0.4 < np.mean(np.array(shares) == 0) < 0.8
    assert max(wall.relief for space in spaces for wall in space.walls) <= 0.06
