import re

import numpy as np
import pytest

from rtgs2_trt import SceneError
from rtgs2_trt.scene import Scene
from rtgs2_trt.scene_tools import floaters, inside_box, merge, select, statistics

ENCODER = "0123456789abcdef" * 4


def cloud(count=50, coefficients=1, seed=0, features=None):
    rng = np.random.default_rng(seed)
    return Scene(
        means=rng.uniform(-1, 1, (count, 3)),
        scales=rng.uniform(0.01, 0.1, (count, 3)),
        rotations=rng.normal(size=(count, 4)),
        opacities=rng.uniform(0, 1, count),
        sh=rng.normal(size=(count, coefficients, 3)),
        features=None if features is None else rng.normal(size=(count, features)),
        features_encoder=None if features is None else ENCODER,
    )


def test_a_box_keeps_what_is_inside_with_everything_that_belongs_to_it():
    scene = cloud(features=3)
    inside = inside_box(scene, (-0.5, -np.inf, 0), (0.5, np.inf, 1))
    kept = select(scene, inside)
    expected = [i for i, (x, _, z) in enumerate(scene.means) if -0.5 <= x <= 0.5 and 0 <= z <= 1]
    assert 0 < len(expected) < len(scene)
    for name in ("means", "scales", "rotations", "opacities", "sh", "features"):
        np.testing.assert_array_equal(getattr(kept, name), getattr(scene, name)[expected])
    assert kept.features_encoder == ENCODER


@pytest.mark.parametrize(
    ("low", "high", "message"),
    [
        ((0, 0), (1, 1, 1), "low: not a corner of a box (found [0.0, 0.0], expected three numbers)"),
        ((0, 0, np.nan), (1, 1, 1), "low: not a corner of a box (found [0.0, 0.0, nan]"),
        ((0, 0, 0), "abc", "high: not a corner of a box (expected three numbers)"),
        ((0, 2, 0), (1, 1, 1), "low, high: a box without an inside (found [0.0, 2.0, 0.0], [1.0, 1.0, 1.0]"),
    ],
)
def test_impossible_boxes(low, high, message):
    with pytest.raises(SceneError, match="^" + re.escape(message)):
        inside_box(cloud(), low, high)


def test_impossible_selections():
    with pytest.raises(SceneError, match=r"keep: no Gaussians are left \(found 0 of 50\)"):
        select(cloud(), np.zeros(50, bool))
    with pytest.raises(SceneError, match=r"keep: not a mask of the Gaussians \(found \(49,\) bool, expected \(50,\)\)"):
        select(cloud(), np.ones(49, bool))
    with pytest.raises(SceneError, match="keep: not a mask"):
        select(cloud(), np.ones(50))


def lone(scene, *places):
    count = len(places)
    return merge(
        [
            scene,
            Scene(places, np.full((count, 3), 0.1), [[1, 0, 0, 0]] * count, np.ones(count), np.zeros((count, 1, 3))),
        ]
    )


def test_what_floats_is_told_from_surfaces():
    rng = np.random.default_rng(0)
    wall = Scene(
        means=np.column_stack([rng.uniform(0, 3, 3000), rng.uniform(0, 2, 3000), np.zeros(3000)]),
        scales=np.full((3000, 3), 0.02),
        rotations=[[1, 0, 0, 0]] * 3000,
        opacities=np.ones(3000),
        sh=np.zeros((3000, 1, 3)),
    )
    scene = lone(wall, (1, 1, 1), (1.5, 1, 0.9), (1e7, 0, 0), (-1e30, 1, 1), (1e30, 1e30, 1e30))
    found = floaters(scene)
    assert found[3000:].all()
    assert not found[:3000].any()


def test_floaters_count_neighbours_across_cubes():
    """Against all pairs: what is alone in its cube's surroundings, wherever the grid lies."""
    scene = cloud(200)
    cells = np.floor((scene.means - np.median(scene.means.astype(float), axis=0)) / 0.3)
    around = (np.abs(cells[:, None] - cells[None]).max(axis=2) <= 1).sum(axis=1) - 1
    np.testing.assert_array_equal(floaters(scene, 0.3, 8), around < 8)


@pytest.mark.parametrize(("cell", "neighbours"), [(0, 3), (-1, 3), (np.nan, 3), (0.1, 0), (0.1, 1.5)])
def test_impossible_floater_options(cell, neighbours):
    with pytest.raises(SceneError):
        floaters(cloud(), cell, neighbours)


def test_merged_scenes():
    first, second = cloud(5, 1), cloud(7, 4, seed=1)
    both = merge([first, second])
    assert (len(both), both.sh_degree, both.features) == (12, 1, None)
    np.testing.assert_array_equal(both.means, np.concatenate([first.means, second.means]))
    np.testing.assert_array_equal(both.sh[:5, :1], first.sh)
    assert not both.sh[:5, 1:].any()
    np.testing.assert_array_equal(both.sh[5:], second.sh)
    with pytest.raises(SceneError, match="there are no scenes to merge"):
        merge([])


def test_merged_features_need_one_encoder():
    first, second = cloud(5, features=2), cloud(6, features=2, seed=1)
    both = merge([first, second])
    assert (both.features.shape, both.features_encoder) == ((11, 2), ENCODER)
    assert merge([first, second.with_features(second.features, "f" * 64)]).features is None
    assert merge([first, second.with_features(None)]).features is None


def test_statistics():
    scene = lone(cloud(500), (100, 0, 0))
    numbers = statistics(scene)
    assert (numbers.gaussians, numbers.sh_degree, numbers.features) == (501, 0, 0)
    assert numbers.bounds[1][0] == 100
    assert max(numbers.extent) < 2.1
    assert numbers.faint == np.mean(scene.opacities < 0.05)
    assert numbers.floating >= 1 / 501
    assert numbers.to_dict()["gaussians"] == 501
