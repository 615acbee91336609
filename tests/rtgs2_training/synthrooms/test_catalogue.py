import itertools

import numpy as np
import pytest

from rtgs2_training.synthrooms.catalogue import DESIGNS, curtains
from rtgs2_training.synthrooms.mesh import TOLERANCE, triangles_of
from rtgs2_training.synthrooms.piece import Piece, Placement, free_standing
from rtgs2_training.synthrooms.surfels import sample
from rtgs2_training.synthrooms.zbuffer import front_surface
from rtgs2_trt import Camera
from rtgs2_trt.classes import builtin_class_table
from triangle_distance import distance_to_triangles

CLASSES = builtin_class_table("synthrooms")
SEEDS = range(3)
# The layout makes these itself.
BUILT_IN = {"wall", "floor", "ceiling", "door", "window"}


def curtain_wall(rng: np.random.Generator) -> Piece:
    """What the layout makes for a wall of its size."""
    return curtains.curtain_wall(rng, 3.0, 2.6)


ONE_OF_EACH = list(dict.fromkeys((kind, design) for kind, designs in DESIGNS.items() for design in designs))
ONE_OF_EACH.append(("curtain", curtain_wall))
FINE_PLEATS = 0.03  # metres: wide curtains have more pleats than their triangles follow
EACH_DESIGN = [pytest.param(kind, design, id=f"{kind}: {design.__name__}") for kind, design in ONE_OF_EACH]


def edges_and_inside(piece: Piece) -> np.ndarray:
    """Points of all surfaces, on a grid other than the one that the pieces were measured on."""
    grid = np.linspace(0, 1, 18)
    s, t = (axis.ravel() for axis in np.meshgrid(grid, grid))
    return np.concatenate([surface.shape(s, t) for part in piece.parts for surface in part.surfaces])


def surfels(piece: Piece, seed: int):
    groups = [(number, part.surfaces) for number, part in enumerate(piece.parts)]
    return sample(groups, 1500, np.random.default_rng(seed))


@pytest.mark.parametrize(("kind", "design"), EACH_DESIGN)
def test_it_fills_the_space_it_declares(kind, design):
    for seed in SEEDS:
        piece = design(np.random.default_rng(seed))
        points = edges_and_inside(piece)
        assert np.isfinite(points).all()
        x0 = -piece.depth / 2 if piece.placement.centred else 0.0
        z0 = -piece.height if piece.placement is Placement.CEILING else 0.0
        low = np.array([x0, -piece.width / 2, z0])
        high = low + np.array([piece.depth, piece.width, piece.height])
        np.testing.assert_allclose(points.min(axis=0), low, atol=0.02, err_msg=f"seed {seed}")
        np.testing.assert_allclose(points.max(axis=0), high, atol=0.02, err_msg=f"seed {seed}")
        assert piece.lift >= 0
        assert piece.clearance >= 0
        assert piece.height + piece.lift < 2.75, "would not fit under a usual ceiling"


@pytest.mark.parametrize(("kind", "design"), EACH_DESIGN)
def test_its_surfels_are_sound(kind, design):
    names = {entry.name for entry in CLASSES}
    for seed in SEEDS:
        piece = design(np.random.default_rng(seed))
        assert {part.class_name for part in piece.parts} <= names
        assert all(part.surfaces for part in piece.parts)
        discs = surfels(piece, seed)
        for name in ("points", "tangents", "normals", "radii", "albedo", "gloss"):
            assert np.isfinite(getattr(discs, name)).all(), name
        assert discs.albedo.min() >= 0
        assert discs.albedo.max() <= 1
        assert len(np.unique(discs.owner)) == len(piece.parts)
        # A few at poles and where folds end may shrink to nothing; a degenerate patch would make whole rows of them.
        assert np.mean(np.abs(np.linalg.norm(discs.normals, axis=1) - 1) < 1e-3) > 0.97


@pytest.mark.parametrize(("kind", "design"), [one for one in EACH_DESIGN if one.values[0] != "rug"])
def test_gaussians_behind_its_surfaces_stay_inside(kind, design):
    """But for rugs, which share the room below the floor."""
    piece = design(np.random.default_rng(0))
    discs = surfels(piece, 0)
    behind = discs.points - discs.behind[:, None] * discs.normals
    assert (behind.min(axis=0) > discs.points.min(axis=0) - 0.025).all()
    assert (behind.max(axis=0) < discs.points.max(axis=0) + 0.025).all()


@pytest.mark.parametrize(
    "design", [*DESIGNS["bathtub"], *DESIGNS["sink"], *DESIGNS["kitchen sink"]], ids=lambda design: design.__name__
)
def test_hollow_things_stay_hollow(design):
    """No Gaussian behind a skin comes out far in the bowl; the back wall of a washbasin is 8 cm thick."""
    for seed in SEEDS:
        parts = design(np.random.default_rng(seed)).parts
        hollow = [part for part in parts if part.class_name in ("bathtub", "sink")]
        assert max(surface.behind for part in hollow for surface in part.surfaces) < 0.05


@pytest.mark.parametrize(("kind", "design"), EACH_DESIGN)
def test_the_seed_decides(kind, design):
    first, again, other = (design(np.random.default_rng(seed)) for seed in (5, 5, 6))
    same = edges_and_inside(first)
    np.testing.assert_array_equal(same, edges_and_inside(again))
    np.testing.assert_array_equal(surfels(first, 1).albedo, surfels(again, 1).albedo)
    different = edges_and_inside(other)
    assert same.shape != different.shape or not np.allclose(same, different)


def test_every_class_has_three_designs():
    designs = {name: set() for name in (entry.name for entry in CLASSES)}
    for _, design in ONE_OF_EACH:
        for seed in SEEDS:
            designs[design(np.random.default_rng(seed)).parts[0].class_name].add(design)
    designs["sink"] |= set(DESIGNS["kitchen sink"])
    assert {name: len(found) for name, found in designs.items() if len(found) < 3 and name not in BUILT_IN} == {}


@pytest.mark.parametrize("kind", ["sofa", "dining table", "cabinet", "refrigerator", "toilet", "curtain", "bathtub"])
def test_a_kind_has_no_colour_of_its_own(kind):
    means = []
    for design, seed in itertools.product(set(DESIGNS[kind]), range(6)):
        piece = design(np.random.default_rng(seed))
        discs = surfels(piece, seed)
        means.append(discs.albedo[discs.owner == 0].mean(axis=0))
    brightness = np.mean(means, axis=1)
    assert brightness.max() - brightness.min() > 0.4
    assert np.ptp(np.array(means)[:, 0] - np.array(means)[:, 2]) > 0.15, "warm and cold ones"


@pytest.mark.parametrize("design", DESIGNS["rug"])
def test_rugs_lie_on_the_floor_and_not_in_it(design):
    """In one plane with the floor, it would be left to chance which of them is seen."""
    for seed in SEEDS:
        points = edges_and_inside(design(np.random.default_rng(seed)))
        across = np.hypot(points[:, 0], points[:, 1])
        assert points[across < 0.5 * across.max(), 2].max() > 0.01


def test_counters_stand_in_a_row():
    for kind in ("counter", "kitchen sink"):
        for design, seed in itertools.product(DESIGNS[kind], SEEDS):
            piece = design(np.random.default_rng(seed))
            top = next(part for part in piece.parts if part.class_name == "counter")
            points = edges_and_inside(Piece((top,), 0, 0, 0, Placement.WALL))
            assert piece.placement is Placement.WALL
            assert 0.55 < piece.depth < 0.75
            # A worktop at 0.9 m from side to side.
            level = points[np.abs(points[:, 2] - 0.9) < 0.01]
            assert level[:, 1].max() - level[:, 1].min() > piece.width - 0.05


@pytest.mark.parametrize(("kind", "design"), EACH_DESIGN)
def test_its_triangles_are_its_surfaces(kind, design):
    """Labels are drawn from triangles: no point of a surface is far from them, and none fills a hole."""
    rng = np.random.default_rng(5)
    surfaces = [surface for part in design(np.random.default_rng(1)).parts for surface in part.surfaces]
    for surface in (surfaces[i] for i in rng.permutation(len(surfaces))[:6]):
        s, t = rng.uniform(size=(2, 12))
        u, v = s * surface.size[0], t * surface.size[1]
        hole = np.zeros(len(s), bool)
        for u0, v0, u1, v1 in surface.holes:
            hole |= (u > u0) & (u < u1) & (v > v0) & (v < v1)
        distance = distance_to_triangles(surface.shape(s, t), triangles_of(surface))
        assert (distance[~hole] < (FINE_PLEATS if kind == "curtain" else 3 * TOLERANCE)).all()
        assert (distance[hole] > 0).all()


def assert_outsides_show(piece, along_x):
    """No see-through gaps and no face turned inside out, seen from above and aside: what is seen is the lit side."""
    surfaces = [surface for part in piece.parts for surface in part.surfaces]
    triangles = [triangles_of(surface) for surface in surfaces]
    thin = np.repeat([s.material.thin or s.material.glows for s in surfaces], [len(group) for group in triangles])
    corners = np.concatenate(triangles)
    low, high = corners.min(axis=(0, 1)), corners.max(axis=(0, 1))
    middle, reach = (low + high) / 2, max(1.1 * float(np.linalg.norm(high - low)), 0.6)
    up = -0.35 if piece.placement is Placement.CEILING else 0.4
    eye = middle + reach * np.array([along_x, 0.5, up])
    camera = Camera.look_at(eye, middle, width=96, height=96, fov_degrees=60)
    seen = front_surface(corners, camera).triangle
    seen = seen[seen >= 0]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    turned_away = np.einsum("nk,nk->n", normals, eye - corners[:, 0]) < 0
    assert len(seen) > 30
    assert np.mean(turned_away[seen] & ~thin[seen]) < 0.06


@pytest.mark.parametrize(("kind", "design"), EACH_DESIGN)
def test_it_shows_its_outsides(kind, design):
    assert_outsides_show(design(np.random.default_rng(3)), 0.75)


@pytest.mark.parametrize("design", [*dict.fromkeys(DESIGNS["sofa"])], ids=lambda design: design.__name__)
def test_sofas_may_stand_amid_a_room(design):
    against_wall = design(np.random.default_rng(3))
    piece = free_standing(against_wall)
    x = edges_and_inside(piece)[:, 0]
    assert piece.placement.centred
    assert [x.min(), x.max()] == pytest.approx([-piece.depth / 2, piece.depth / 2], abs=0.02)
    assert_outsides_show(piece, -0.75)
