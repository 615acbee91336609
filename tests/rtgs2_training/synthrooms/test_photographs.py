"""What photographs see has Gaussians, what hides from all of them has none."""

import numpy as np
import pytest

from ray_casting import ray_cast
from rtgs2_training.synthrooms import RoomSettings, generate_room
from rtgs2_training.synthrooms import room as room_module
from rtgs2_training.synthrooms.imperfections import random_flaws
from rtgs2_training.synthrooms.photographs import FEWEST, MOST, SIZE, Photographs, random_photographs
from rtgs2_training.synthrooms.plan import floor_plan
from rtgs2_training.synthrooms.recipes import furnish
from rtgs2_trt import Camera


def square(x, half):
    """Two triangles that face along x."""
    a, b, c, d = ((x, y, z) for y, z in ((-half, -half), (half, -half), (half, half), (-half, half)))
    return np.array([[a, b, c], [a, c, d]], dtype=float)


def looking_along_x(eye=(0.0, 0.0, 0.0)):
    target = np.array(eye) + np.array([1, 0, 0])
    return Camera.look_at(eye, target, np.array([0.0, 0.0, 1.0]), width=320, height=240, fov_degrees=60)


def test_what_is_behind_is_not_seen_what_is_beside_is():
    triangles = np.concatenate([square(1.0, 0.2), square(2.0, 1.0)])
    photographs = Photographs(triangles, [looking_along_x()])
    on_front, behind, beside = (1.0, 0.1, 0.1), (2.0, 0.2, 0.2), (2.0, 0.6, 0.0)
    deeper, out_of_sight, backwards = (1.005, 0.0, 0.0), (2.0, 1.5, 0.0), (-1.0, 0.0, 0.0)
    seen = photographs.see(np.array([on_front, behind, beside, deeper, out_of_sight, backwards]))
    assert seen.tolist() == [True, False, True, True, False, False]
    two = Photographs(triangles, [looking_along_x(), looking_along_x((0.0, 0.9, 0.9))])
    assert two.see(np.array([behind])).all()


@pytest.fixture(scope="module")
def room():
    return generate_room(104, RoomSettings(gaussians=30_000, views=2, image_size=(64, 48), imperfections=0))


def test_it_agrees_with_a_ray_cast(room):
    """What a ray reaches is seen, but for what is thinner than a pixel; what none reaches is not, but for a rim."""
    camera = room.views["0000"].camera
    means = room.gaussians["means"].astype(float)
    x, y, depth = camera.world_to_camera[:3, :3] @ means.T + camera.world_to_camera[:3, 3:]
    half = (camera.width / 2 / camera.fx, camera.height / 2 / camera.fy)
    framed = np.flatnonzero((depth > 0.1) & (abs(x) < 0.98 * half[0] * depth) & (abs(y) < 0.98 * half[1] * depth))
    chosen = np.random.default_rng(0).permutation(framed)[:1000]
    triangles = room.mesh.triangles[~room.transparent[room.mesh.owner]]
    run = means[chosen] - camera.position
    _, distance = ray_cast(triangles, camera.position, run)
    hidden_by = (1 - distance) * np.linalg.norm(run, axis=1)  # metres before it
    seen = Photographs(triangles, [camera]).see(means[chosen])
    assert 100 < (hidden_by < 0.003).sum() < 900
    assert seen[hidden_by < 0.003].mean() > 0.97
    assert seen[hidden_by > 0.05].mean() < 0.03


@pytest.fixture(scope="module")
def captures():
    """Rooms of some flats, with the photographs of each."""
    made = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        rooms = furnish(floor_plan(rng), rng)
        made.append((rooms, random_photographs(rooms, rng)))
    return made


def test_photographs_are_of_all_rooms(captures):
    for rooms, cameras in captures:
        places = np.array([camera.position for camera in cameras])
        inside = np.array([[room.space.contains(x, y, 0.25) for x, y, _ in places] for room in rooms])
        assert inside.any(axis=0).all()
        assert inside.any(axis=1).all()
        assert {(camera.width, camera.height) for camera in cameras} == {SIZE}


def test_captures_differ_in_how_many_photographs_they_have(captures):
    numbers = [len(cameras) for _, cameras in captures]
    assert len(set(numbers)) > 1
    assert FEWEST - 2 <= min(numbers) <= max(numbers) <= MOST + 4  # rounded in every room


@pytest.mark.parametrize(("seed", "gaussians"), [(104, 60_000), (105, 6_000), (106, 60_000)])
def test_as_many_gaussians_as_asked_for(seed, gaussians):
    """More and fewer than the surfels that tell how many are seen."""
    settings = RoomSettings(gaussians, views=1, image_size=(64, 48), photographed=1)
    assert len(generate_room(seed, settings).class_ids) == pytest.approx(gaussians, rel=0.02)


def test_a_share_of_the_rooms_is_photographed():
    """The seed decides which; the others are as if there was no such thing."""
    chances = {seed: np.random.default_rng([seed, 7]).random() for seed in (110, 111)}
    share = np.mean(list(chances.values()))
    for seed, chance in chances.items():
        some, none = (generate_room(seed, RoomSettings(8_000, 1, (32, 24), photographed=x)) for x in (share, 0.0))
        assert np.array_equal(some.gaussians["means"], none.gaussians["means"]) == (chance > share)


def assert_gaussians_cover(captured, view):
    """Nearly every labelled pixel has a Gaussian of its thing before it or beside it."""
    camera = view.camera
    means = captured.gaussians["means"].astype(float)
    x, y, depth = camera.world_to_camera[:3, :3] @ means.T + camera.world_to_camera[:3, 3:]
    ahead = depth > 0.05
    column, row = (x[ahead] / depth[ahead] * camera.fx + camera.cx, y[ahead] / depth[ahead] * camera.fy + camera.cy)
    instances = captured.instance_ids[ahead]
    rng, away = np.random.default_rng(0), []
    for v, u in rng.permutation(np.argwhere((view.instance > 0) & (view.depth > 0)))[:200]:
        own = instances == view.instance[v, u]
        away.append(np.hypot(column[own] - u - 0.5, row[own] - v - 0.5).min(initial=np.inf))
    assert (np.array(away) < 4.0).mean() > 0.97  # pixels, of a coarsely sampled room


def test_captures_lack_what_no_photograph_saw(room, monkeypatch):
    """Of the flawless room's surfels a capture of it has those that its photographs show, and as many as it should."""
    monkeypatch.setattr(room_module, "random_flaws", lambda strength, rng, hazy: random_flaws(0, rng, hazy=hazy))
    captured = generate_room(104, RoomSettings(30_000, views=2, image_size=(64, 48), photographed=1))
    assert len(captured.class_ids) == pytest.approx(30_000, rel=0.02)
    for view, same in zip(captured.views.values(), room.views.values(), strict=True):
        np.testing.assert_array_equal(view.semantic, same.semantic)
        assert_gaussians_cover(captured, view)
    rooms = furnish(floor_plan(np.random.default_rng([104, 0])), np.random.default_rng([104, 2]))
    rng = np.random.default_rng([104, 7])
    rng.random()  # whether it is one of the photographed rooms
    cameras = random_photographs(rooms, rng)
    triangles = room.mesh.triangles[~room.transparent[room.mesh.owner]]
    photographs = Photographs(triangles, [*cameras, *(view.camera for view in captured.views.values())])
    assert photographs.see(captured.gaussians["means"].astype(float)).mean() > 0.999  # but for rounding
    assert photographs.see(room.gaussians["means"].astype(float)).mean() < 0.9
