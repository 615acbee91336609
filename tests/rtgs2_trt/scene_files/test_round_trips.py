"""The same scene through every format that is written: values within its steps, and what a view of it shows."""

import numpy as np
import pytest

from rtgs2_trt import Camera, SceneError, rasterize
from rtgs2_trt.scene import Scene
from rtgs2_trt.scene_files import WRITTEN_FORMATS, format_of_name, spz
from rtgs2_trt.scene_files.morton_order import morton_order
from rtgs2_trt.scene_files.sog_writer import _palette

FORMATS = ["ply", "compressed-ply", "splat", "spz", "sog"]
# What a step of each format is: metres, logarithm of the scale, quaternion, opacity, DC and higher coefficients. The
# cube of 256 Gaussians spans at most 4 m, log scales 1.2; rotations in 10 bits of -0.71..0.71, or 8, twice, since the
# largest component follows from three that are rounded.
BYTE = 1 / 255
STEPS = {
    "ply": (0, 1e-6, 1e-6, 1e-6, 0, 0),
    "compressed-ply": (4 / 1023, 1.2 / 1023, 2.8 / 1023, BYTE, 2 * BYTE / 0.282, 8 / 256),
    "splat": (0, 1e-6, 2 / 128, BYTE, BYTE / 0.282, None),
    "spz": (1 / 4096, 1 / 16, 2 / 511, BYTE, BYTE / 0.15, 1 / 8),
    "sog": (0.001, 0.01, 2.8 / 255, BYTE, 0.02, 0.02),
}


@pytest.fixture(scope="module")
def scene():
    rng = np.random.default_rng(1)
    count = 700
    return Scene(
        means=rng.uniform(-2, 2, (count, 3)),
        scales=np.exp(rng.uniform(-3.2, -2, (count, 3))),
        rotations=rng.normal(size=(count, 4)),
        opacities=rng.uniform(0.05, 1, count),
        sh=np.concatenate([rng.uniform(-1.5, 1.5, (count, 1, 3)), rng.uniform(-0.3, 0.3, (count, 15, 3))], axis=1),
    )


def matched(scene, again):
    """The loaded scene in the order of the saved one: formats sort as they like."""
    distances = np.linalg.norm(scene.means[:, None] - again.means[None], axis=2)
    order = distances.argmin(axis=1)
    assert len(set(order.tolist())) == len(scene)
    return order


@pytest.mark.parametrize("format_", FORMATS)
def test_values_come_back_within_a_step(tmp_path, scene, format_):
    path = tmp_path / "scene"
    scene.save(path, format_)
    again = Scene.load(path)
    order = matched(scene, again)
    steps = STEPS[format_]
    rotations = again.rotations[order]
    rotations *= np.sign((rotations * scene.rotations).sum(axis=1, keepdims=True))
    differences = [
        np.abs(again.means[order] - scene.means).max(),
        np.abs(np.log(again.scales[order] / scene.scales)).max(),
        np.abs(rotations - scene.rotations).max(),
        np.abs(again.opacities[order] - scene.opacities).max(),
        np.abs(again.sh[order, 0] - scene.sh[:, 0]).max(),
    ]
    if steps[5] is not None:
        assert again.sh_degree == 3
        differences.append(np.abs(again.sh[order, 1:] - scene.sh[:, 1:]).max())
    else:
        assert again.sh_degree == 0
    # Rounding to the nearest errs by half a step; float32 adds its own.
    for difference, step in zip(differences, steps, strict=False):
        assert difference <= 0.6 * step + 1e-6


# Degrees, as docs/scenes.md has them: the most, for quaternions whose components are all alike (measured 0.23, 0.25 and
# 0.99; rounding alone allows 0.275 and 1.10), and the median of random ones (0.085, 0.085 and 0.34).
ANGLES = {"compressed-ply": (0.3, 0.1), "spz": (0.3, 0.1), "sog": (1.1, 0.4)}


@pytest.mark.parametrize("format_", ANGLES)
def test_rotations_err_by_what_is_documented(tmp_path, format_):
    rng = np.random.default_rng(4)
    count, alike = 2000, 1000
    rotations = rng.normal(size=(count, 4))
    rotations[:alike] = rng.choice([-0.5, 0.5], (alike, 4)) + rng.normal(scale=0.004, size=(alike, 4))
    means = np.column_stack([0.02 * np.arange(count), np.zeros((count, 2))])
    shared = {"scales": np.full((count, 3), 0.01), "opacities": np.full(count, 0.5), "sh": np.zeros((count, 1, 3))}
    scene = Scene(means=means, rotations=rotations, **shared)
    scene.save(tmp_path / "scene", format_)
    again = Scene.load(tmp_path / "scene")
    ours, theirs = scene.rotations.astype(float), again.rotations[again.means[:, 0].argsort()].astype(float)
    theirs *= np.sign((ours * theirs).sum(axis=1, keepdims=True))
    angles = np.degrees(4 * np.arcsin(np.linalg.norm(ours - theirs, axis=1) / 2))
    most, median = ANGLES[format_]
    assert 0.7 * most < angles.max() <= most
    assert 0.7 * median < np.median(angles[alike:]) <= median


# The greatest mean difference of the pixels, of colours in 0..1; measured 0, 0.0019, 0.0004, 0.0062 and 0.0004.
PICTURES = {"ply": 1e-6, "compressed-ply": 0.003, "splat": 0.0007, "spz": 0.0095, "sog": 0.0007}


@pytest.mark.parametrize("format_", FORMATS)
def test_views_come_back(tmp_path, scene, format_):
    if format_ == "splat":
        scene = Scene(scene.means, scene.scales, scene.rotations, scene.opacities, scene.sh[:, :1])
    camera = Camera.look_at((3.5, -3, 2), (0, 0, 0), width=160, height=120, fov_degrees=70)
    scene.save(tmp_path / "scene", format_)
    before, after = (rasterize(s, camera).rgb for s in (scene, Scene.load(tmp_path / "scene")))
    assert before.mean() > 0.1
    difference = float(np.abs(before - after).mean())
    print(f"{format_}: {difference:.4f}")
    assert difference <= PICTURES[format_]


@pytest.mark.filterwarnings("ignore::rtgs2_trt.scene.SceneScaleWarning")
@pytest.mark.parametrize("format_", FORMATS[1:])
def test_one_gaussian_at_the_origin(tmp_path, format_):
    scene = Scene([[0, 0, 0]], [[0.1, 0.1, 0.1]], [[1, 0, 0, 0]], [1.0], [[[0.5, 0, -0.5]]])
    scene.save(tmp_path / "scene", format_)
    again = Scene.load(tmp_path / "scene")
    np.testing.assert_allclose(again.means, scene.means, atol=1e-6)
    np.testing.assert_allclose(again.scales, scene.scales, rtol=0.04)
    assert again.opacities == 1


@pytest.mark.parametrize("format_", FORMATS)
def test_the_same_scene_gives_the_same_file(tmp_path, scene, format_):
    for name in ("a", "b"):
        scene.save(tmp_path / name, format_)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("format_", FORMATS)
def test_the_number_of_threads_changes_no_bit(tmp_path, format_):
    rng = np.random.default_rng(2)
    count = 40_000  # several blocks, the last one short
    Scene(
        means=rng.uniform(-2, 2, (count, 3)),
        scales=rng.uniform(0.01, 0.1, (count, 3)),
        rotations=rng.normal(size=(count, 4)),
        opacities=rng.uniform(0, 1, count),
        sh=rng.normal(size=(count, 4, 3)) / 4,
    ).save(tmp_path / "scene", format_)
    one, several = (Scene.load(tmp_path / "scene", threads=threads) for threads in (1, 4))
    for name in ("means", "scales", "rotations", "opacities", "sh"):
        np.testing.assert_array_equal(getattr(one, name), getattr(several, name))


def test_the_name_chooses_the_format(tmp_path, scene):
    endings = {"a.PLY": "ply", "a.compressed.ply": "compressed-ply", "a.splat": "splat", "a.spz": "spz", "a.sog": "sog"}
    assert {name: format_of_name(name) for name in endings} == endings
    assert format_of_name("a.dat") is None
    scene.save(tmp_path / "a.spz")
    assert (tmp_path / "a.spz").read_bytes().startswith(spz.GZIP_MAGIC)
    scene.save(tmp_path / "a.dat")
    assert (tmp_path / "a.dat").read_bytes().startswith(b"ply")
    assert set(WRITTEN_FORMATS) == set(FORMATS)


def test_formats_that_are_none(tmp_path, scene):
    with pytest.raises(
        SceneError, match=r"format: no such format \(found 'obj', expected ply, compressed-ply, splat, "
    ):
        scene.save(tmp_path / "a", "obj")


def test_spz_refuses_what_it_cannot_hold(tmp_path):
    scene = Scene([[0, 3000, 0]], [[0.1, 0.1, 0.1]], [[1, 0, 0, 0]], [1.0], [[[0.5, 0, -0.5]]])
    with pytest.raises(
        SceneError, match=r"a\.spz: means: SPZ cannot hold positions so far from the origin \(found 3000"
    ):
        scene.save(tmp_path / "a.spz")
    assert list(tmp_path.iterdir()) == []


def test_many_gaussians_share_a_palette():
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(500, 9))
    values = (centres[rng.integers(0, 500, 70_000)] + rng.normal(size=(70_000, 9)) * 0.01).astype(np.float32)
    entries, labels = _palette(values)
    assert len(entries) <= 65536
    assert labels.max() < len(entries)
    # Centres lie several apart; a few entries stand for members of two of them, where a half ended between.
    assert np.quantile(np.abs(entries[labels] - values).max(axis=1), 0.98) < 0.1


def test_morton_order_keeps_neighbours_together():
    grid = np.stack(np.meshgrid(*[np.arange(16)] * 3, indexing="ij"), axis=-1).reshape(-1, 3).astype(np.float32)
    ordered = grid[morton_order(grid)].reshape(-1, 64, 3)
    assert (ordered.max(axis=1) - ordered.min(axis=1)).max() == 3  # 64 in a row are a cube of 4 x 4 x 4
