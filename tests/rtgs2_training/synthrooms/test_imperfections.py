"""What a capture does to surfaces: some Gaussians end up behind them, no deeper than there is room."""

from dataclasses import replace

import numpy as np
import pytest

from rtgs2_training.synthrooms.imperfections import captured, random_flaws
from rtgs2_training.synthrooms.plan import floor_plan
from rtgs2_training.synthrooms.surfels import Surfels

COUNT = 8000
ROOM_BEHIND = np.array([0.1, 0.015])  # metres, of a floor (owner 0) and of a board (owner 1)


def level_surfels():
    """Two square metres at z = 0, seen from above: half floor, half board."""
    rng = np.random.default_rng(0)
    axes = np.eye(3)[:, None].repeat(COUNT, axis=1)
    return Surfels(
        points=np.concatenate([rng.random((COUNT, 2)), np.zeros((COUNT, 1))], axis=1),
        tangents=axes[0],
        normals=axes[2],
        radii=np.full((COUNT, 2), 0.01),
        albedo=np.full((COUNT, 3), 0.5),
        gloss=np.zeros(COUNT),
        thin=np.zeros(COUNT, bool),
        glows=np.zeros(COUNT, bool),
        owner=np.repeat([0, 1], COUNT // 2).astype(np.int32),
    )


def heights(buried, burial, warp=0.0):
    """z of the captured Gaussians, and their owners, of an otherwise flawless capture."""
    rng = np.random.default_rng(1)
    flaws = replace(random_flaws(0, rng), buried=buried, burial=burial, warp=warp)
    grey = np.full((COUNT, 3), 0.5)
    gaussians, owner = captured(
        level_surfels(), grey, np.zeros_like(grey), floor_plan(rng), COUNT, flaws, ROOM_BEHIND, rng
    )
    return gaussians["means"][:, 2], owner


def test_a_flawless_capture_is_as_thin_as_its_surface():
    assert random_flaws(0, np.random.default_rng(2)).buried == 0
    z, _ = heights(buried=0, burial=0.03)
    assert np.abs(z).max() == 0


@pytest.mark.parametrize("burial", [0.01, 0.05])
def test_some_gaussians_lie_behind_none_before_and_none_too_deep(burial):
    z, owner = heights(buried=0.8, burial=burial)
    assert z.max() == 0
    for number, room in enumerate(ROOM_BEHIND):
        depth = -z[owner == number]
        deepest, share = depth.max(), (depth > 0).mean()
        assert deepest <= room * (1 + 1e-6)
        assert 0.02 < share <= 0.82  # at most `buried`, less for some things
        mean = burial * (1 - np.exp(-room / burial))  # of an exponential distribution cut off at `room`
        assert depth[depth > 0].mean() == pytest.approx(mean, rel=0.25)


def test_waves_move_floors_and_hardly_boards():
    z, owner = heights(buried=0, burial=0.03, warp=0.02)
    floor, board = z[owner == 0], z[owner == 1]
    assert -0.04 <= floor.min() < -0.02
    assert 0.005 < floor.max() <= 0.01
    assert np.abs(board).max() <= 0.04 * (0.015 / 0.1) ** 2 * (1 + 1e-6)


def test_usual_captures_differ_in_how_much_is_buried():
    shares = [random_flaws(1, np.random.default_rng(seed)).buried for seed in range(40)]
    assert min(shares) < 0.1 < 0.6 < max(shares) <= 0.7
