"""Generated rooms: the same again from the same seed, valid scenes, furniture and cameras where they can be."""

import numpy as np
import pytest

from rtgs2_training.synthrooms import RoomSettings, generate_room
from rtgs2_training.synthrooms.floor_space import footprint
from rtgs2_training.synthrooms.layout import Furnisher
from rtgs2_training.synthrooms.plan import floor_plan
from rtgs2_training.synthrooms.recipes import furnish
from rtgs2_trt import Scene
from rtgs2_trt.classes import builtin_class_table
from rtgs2_trt.errors import InputError

SMALL = RoomSettings(gaussians=20_000, views=3, image_size=(64, 48))


def content(room):
    arrays = [*room.gaussians.values(), room.class_ids, room.instance_ids]
    for view in room.views.values():
        arrays += [view.semantic, view.instance, view.depth, view.camera.world_to_camera]
    return [array.tobytes() for array in arrays]


@pytest.fixture(scope="module")
def room():
    return generate_room(11, SMALL)


def test_same_seed_same_bytes_with_any_number_of_threads(room):
    assert content(generate_room(11, SMALL, threads=2)) == content(room)


def test_another_seed_is_another_room(room):
    other = generate_room(12, SMALL)
    assert not set(content(other)) & set(content(room))


def test_more_gaussians_are_of_the_same_room(room):
    fine = generate_room(11, RoomSettings(40_000, 3, (64, 48)))
    assert len(fine.gaussians["means"]) == pytest.approx(2 * len(room.gaussians["means"]), rel=0.02)
    for name, view in room.views.items():
        np.testing.assert_array_equal(fine.views[name].semantic, view.semantic)
    coarse, finer = (np.median(made.gaussians["scales"][:, :2]) for made in (room, fine))
    assert finer < 0.8 * coarse


@pytest.mark.parametrize("seed", range(20, 26))
def test_it_is_a_valid_scene_with_labels_for_all(seed):
    room = generate_room(seed, SMALL)
    scene = Scene(**room.gaussians)
    assert len(scene) == pytest.approx(SMALL.gaussians, rel=0.02)
    assert scene.sh_degree == 1
    assert scene.scales.min() > 0
    assert scene.scales.max() < 0.6
    ids = set(builtin_class_table("synthrooms").ids)
    assert set(room.class_ids.tolist()) <= ids | {0}
    assert len(room.class_ids) == len(room.instance_ids) == len(scene)
    assert (room.class_ids == 0).mean() < 0.05  # floaters
    assert ((room.class_ids == 0) == (room.instance_ids == 0)).all()
    base = 0.5 + 0.28209479 * scene.sh[:, 0]
    assert base.std() > 0.05
    assert list(room.views) == ["0000", "0001", "0002"]
    for view in room.views.values():
        assert view.semantic.shape == view.instance.shape == view.depth.shape == (48, 64)
        assert set(np.unique(view.semantic)) <= ids | {0}
        assert len(np.unique(view.instance)) >= 2


def test_flaws_grow_with_their_strength():
    perfect, bad = (generate_room(30, RoomSettings(20_000, 1, (64, 48), strength)) for strength in (0, 3))
    assert (perfect.class_ids != 0).all()
    assert (bad.class_ids == 0).sum() > 20  # a worst capture has 0.2 % of floaters and more
    assert np.quantile(bad.gaussians["opacities"], 0.05) < 0.4 < np.quantile(perfect.gaussians["opacities"], 0.05)


def _named(room):
    """The class and the footprint of what nothing else may stand in."""
    bodies = [(piece.parts[0].class_name, footprint(piece, pose, 0.0)) for piece, pose in room.placed]
    return [
        (name, body)
        for name, body in bodies
        if any(np.array_equal(body.corners, taken.corners) and body.low == taken.low for taken in room.taken)
    ]


@pytest.mark.parametrize("seed", range(8))
def test_furniture_stands_inside_and_apart_and_leaves_doors_free(seed):
    rng = np.random.default_rng(seed)
    plan = floor_plan(rng)
    rooms = furnish(plan, rng)
    assert sum(len(room.placed) for room in rooms) >= 3
    for room in rooms:
        bodies = room.taken
        for body in bodies:
            assert all(room.space.contains(*corner) for corner in body.corners)
            assert -0.05 < body.low < body.high < room.space.height + 0.01
        shrunk = [
            (name, type(b)(b.corners.mean(0) + 0.9 * (b.corners - b.corners.mean(0)), b.low, b.high))
            for name, b in _named(room)
        ]
        assert len(shrunk) == len(bodies)
        met = [{one, other} for i, (one, a) in enumerate(shrunk) for other, b in shrunk[:i] if a.meets(b)]
        under = [{"chair", other} for other in ("table", "desk", "counter")]
        assert all(pair in under for pair in met)  # seats pushed under their tables
        for wall in room.space.walls:
            for opening in wall.openings:
                if opening.kind != "window":
                    way = wall.point(0.3, (opening.left + opening.right) / 2)
                    assert not any(_covers(body, way) and body.low < 1.0 for body in bodies)


def test_a_draped_wall_hides_its_windows():
    draped = 0
    for seed in range(12):
        plan = floor_plan(np.random.default_rng(seed))
        for space in plan.spaces:
            room = Furnisher(space, np.random.default_rng(seed))
            room.drape_a_wall()
            walls = [
                wall
                for wall in space.walls
                if wall.length > 1.6 and {opening.kind for opening in wall.openings} == {"window"}
            ]
            assert len(room.floor.placed) <= min(1, len(walls))
            for body in room.floor.taken:
                draped += 1
                for opening in walls[0].openings:
                    for along in (opening.left + 0.1, opening.right - 0.1):
                        assert _covers(body, walls[0].point(walls[0].relief + 0.08, along))
    assert draped > 3


def _covers(body, point):
    offset = np.array(point) - body.corners[0]
    return all(
        0 <= offset @ side <= side @ side
        for side in (body.corners[1] - body.corners[0], body.corners[3] - body.corners[0])
    )


def test_cameras_stand_at_eye_height_inside_and_not_before_things(room):
    spaces = floor_plan(np.random.default_rng([11, 0])).spaces
    for view in room.views.values():
        x, y, z = view.camera.position
        assert any(space.contains(x, y, 0.25) for space in spaces)
        assert 0.85 < z < 1.85
        fov = 2 * np.degrees(np.arctan(view.camera.width / 2 / view.camera.fx))
        assert 60 <= fov <= 95
        known = view.depth[view.depth > 0]
        assert (known < 500).mean() < 0.15


@pytest.mark.parametrize(
    ("field", "value"),
    [("gaussians", 10), ("views", 0), ("image_size", (8, 8)), ("imperfections", -1), ("photographed", 1.5)],
)
def test_settings_out_of_range_are_refused(field, value):
    with pytest.raises(InputError, match=field):
        RoomSettings(**{field: value})
