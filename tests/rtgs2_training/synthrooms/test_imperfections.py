"""What a capture does to surfaces: some Gaussians end up behind them, no deeper than there is room; and floaters."""

from dataclasses import replace

import numpy as np
import pytest

from rtgs2_training.synthrooms.catalogue import DESIGNS
from rtgs2_training.synthrooms.imperfections import MOST_BEFORE, MOST_HAZE, NO_OWNER, captured, random_flaws
from rtgs2_training.synthrooms.piece import Placement
from rtgs2_training.synthrooms.plan import FloorPlan, Space, floor_plan
from rtgs2_training.synthrooms.shell import shell
from rtgs2_training.synthrooms.surfels import Surfels, sample

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
        behind=ROOM_BEHIND.repeat(COUNT // 2),
    )


def heights(buried, burial, warp=0.0):
    """z of the captured Gaussians, and their owners, of an otherwise flawless capture."""
    rng = np.random.default_rng(1)
    flaws = replace(random_flaws(0, rng), buried=buried, burial=burial, warp=warp)
    grey = np.full((COUNT, 3), 0.5)
    gaussians, owner = captured(level_surfels(), grey, np.zeros_like(grey), floor_plan(rng), COUNT, flaws, rng)
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


@pytest.mark.parametrize("buried", [0, 0.7])
def test_haze_is_faint_and_mostly_before_the_surface(buried):
    rng = np.random.default_rng(1)
    flaws = replace(random_flaws(0, rng), faint=0.25, haze=0.03, buried=buried, burial=0.05)
    grey = np.full((COUNT, 3), 0.5)
    gaussians, _ = captured(level_surfels(), grey, np.zeros_like(grey), floor_plan(rng), COUNT, flaws, rng)
    z, faint = gaussians["means"][:, 2], gaussians["opacities"] < 0.43
    assert faint.sum() == COUNT // 4
    assert z[~faint].max() == 0
    assert (z[faint] > 0).mean() == pytest.approx(0.785, abs=0.03)  # 0.85, but 1 cm of noise crosses the surface
    assert np.median(z[faint]) == pytest.approx(0.015, abs=0.008)
    assert MOST_HAZE - 0.02 < z[faint].max() < MOST_HAZE + 0.06


def test_waves_move_floors_and_hardly_boards():
    z, owner = heights(buried=0, burial=0.03, warp=0.02)
    floor, board = z[owner == 0], z[owner == 1]
    assert -0.04 <= floor.min() < -0.02
    assert 0.002 < floor.max() <= 0.0031  # posters hang 4 to 8 mm before a wall
    assert np.abs(board).max() <= 0.04 * (0.015 / 0.1) ** 2 * (1 + 1e-6)


def test_usual_captures_differ_in_how_much_is_buried():
    shares = [random_flaws(1, np.random.default_rng(seed)).buried for seed in range(40)]
    assert min(shares) < 0.1 < 0.6 < max(shares) <= 0.7


@pytest.mark.parametrize("design", [*DESIGNS["picture"], *DESIGNS["mirror"]], ids=lambda design: design.__name__)
@pytest.mark.parametrize("seed", range(4))
def test_what_hangs_on_a_wall_stays_before_it(design, seed):
    """Its back hangs 4 mm before the wall's plane, and waves bring the wall nearly so far forward."""
    piece = design(np.random.default_rng(seed))
    assert piece.placement is Placement.MOUNTED
    surfels = sample(
        [(0, [surface for part in piece.parts for surface in part.surfaces])], 3000, np.random.default_rng(0)
    )
    front = surfels.normals[:, 0] > 0.9
    assert front.any()
    wave = 0.04 * np.minimum(surfels.behind / 0.1, 1) ** 2
    assert (0.004 + surfels.points[:, 0] - surfels.behind - wave)[front].min() > MOST_BEFORE


@pytest.mark.parametrize("seed", [0, 4, 9])  # flats of several rooms
def test_gaussians_of_walls_stay_out_of_the_other_rooms(seed):
    plan = floor_plan(np.random.default_rng([seed, 0]))
    assert len(plan.spaces) > 1
    parts = shell(plan, np.random.default_rng([seed, 1])).parts
    numbers = [number for number, part in enumerate(parts) if part.class_name == "wall"]
    surfels = sample([(number, parts[number].surfaces) for number in numbers], 20_000, np.random.default_rng(0))
    rng = np.random.default_rng(1)
    flaws = replace(random_flaws(0, rng), buried=0.9, burial=0.05, warp=0.02)
    grey = np.full((len(surfels), 3), 0.5)
    gaussians, owner = captured(surfels, grey, np.zeros_like(grey), plan, len(grey), flaws, rng)
    for number, space in zip(numbers, plan.spaces, strict=True):
        x, y, _ = gaussians["means"][owner == number].T
        for other in plan.spaces:
            for x0, y0, x1, y1 in other.rectangles if other is not space else ():
                depth = np.minimum(np.minimum(x - x0, x1 - x), np.minimum(y - y0, y1 - y))
                assert depth.max() < 0.004  # linings of passages come forward by 3 mm as walls do


def test_floaters_are_in_both_arms_of_an_l():
    arms = ((0.0, 0.0, 5.0, 3.0), (0.0, 3.0, 2.0, 5.5))
    plan = FloorPlan((Space("living", arms, 2.5, ()),))
    flaws = replace(random_flaws(0, np.random.default_rng(0)), floaters=0.25)
    grey = np.full((COUNT, 3), 0.5)
    gaussians, owner = captured(
        level_surfels(), grey, np.zeros_like(grey), plan, COUNT, flaws, np.random.default_rng(1)
    )
    y = gaussians["means"][owner == NO_OWNER, 1]
    assert len(y) == COUNT // 4
    assert (y > 3.0).mean() == pytest.approx(0.25, abs=0.03)  # 5 of 20 square metres
