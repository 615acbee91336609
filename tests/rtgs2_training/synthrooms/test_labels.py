"""Label and depth images against a ray cast that knows nothing of rasterisation, and against the Gaussians.

The ray cast meets the same triangles as the images are drawn from: that there are those of all surfaces and no others
is asked of the Gaussians, and that there are none in doorways of the plan.
"""

import numpy as np
import pytest

from ray_casting import ray_cast
from rtgs2_training.synthrooms import RoomSettings, generate_room
from rtgs2_training.synthrooms.mesh import tessellate
from rtgs2_training.synthrooms.plan import floor_plan
from rtgs2_training.synthrooms.shell import shell
from triangle_distance import distance_to_triangles

SIZE = (56, 42)
SETTINGS = RoomSettings(gaussians=30_000, views=2, image_size=SIZE, imperfections=0)


@pytest.fixture(scope="module", params=[101, 102, 103])
def room(request):
    return generate_room(request.param, SETTINGS)


def through_pixels(camera):
    """Directions (H W, 3) through the pixel centres, one unit deep."""
    column, row = np.meshgrid(np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5)
    in_camera = np.stack([(column - camera.cx) / camera.fx, (row - camera.cy) / camera.fy, np.ones_like(row)], -1)
    return in_camera.reshape(-1, 3) @ camera.world_to_camera[:3, :3]


def away_from_edges(owner, depth):
    """Pixels whose neighbours (and their depths, but for slopes) belong to the same thing."""
    calm = np.ones(owner.shape, bool)
    for axis in (0, 1):
        for step in (-1, 1):
            calm &= np.roll(owner, step, axis) == owner
            calm &= np.abs(np.roll(depth, step, axis) - depth) < 0.1 * depth
    return calm


def test_labels_and_depth_are_those_of_a_ray_cast(room):
    for view in room.views.values():
        found = ray_cast(room.mesh.triangles, view.camera.position, through_pixels(view.camera))
        first, depth = (array.reshape(view.semantic.shape) for array in found)
        owner = np.where(first >= 0, room.mesh.owner[first], -1)
        classes, instances = (np.where(owner >= 0, room.owner_ids[owner, k], 0) for k in (0, 1))
        calm = away_from_edges(owner, np.where(np.isfinite(depth), depth, 1e3))
        assert calm.mean() > 0.3
        assert (view.semantic == classes)[calm].mean() >= 0.999
        assert (view.instance == instances)[calm].mean() >= 0.999
        assert (view.semantic == classes).mean() >= 0.99
        seen = calm & (owner >= 0) & (view.instance == instances)
        glass = room.transparent[owner]
        assert (view.depth[seen & glass] == 0).all()
        np.testing.assert_allclose(view.depth[seen & ~glass] / 1000, depth[seen & ~glass], atol=0.002)
        assert_gaussians_cover(room, view.camera, np.where((owner >= 0) & ~glass, owner, -1), depth)


def assert_gaussians_cover(room, camera, owner, depth):
    """Where rays end there are Gaussians of what they end on: no triangle is superfluous, no Gaussian missing."""
    means, scales = room.gaussians["means"].astype(float), room.gaussians["scales"].max(axis=1)
    chosen = np.random.default_rng(1).permutation(np.flatnonzero(owner.ravel() >= 0))[:200]
    ends = camera.position + through_pixels(camera)[chosen] * depth.ravel()[chosen, None]
    labels = np.column_stack([room.class_ids, room.instance_ids])
    away = []  # in standard deviations of the nearest one
    for end, number in zip(ends, owner.ravel()[chosen], strict=True):
        own = (labels == room.owner_ids[number]).all(axis=1)
        away.append((np.linalg.norm(means[own] - end, axis=1) / scales[own]).min() if own.any() else np.inf)
    assert (np.array(away) < 2.0).mean() > 0.99


def test_gaussians_in_front_have_the_label_of_the_surface_that_they_lie_on(room):
    """Without flaws, a ray to a Gaussian that nothing hides ends on the surface that the Gaussian is a sample of."""
    means, rng = room.gaussians["means"].astype(float), np.random.default_rng(0)
    camera = next(iter(room.views.values())).camera
    chosen = rng.permutation(np.flatnonzero((means - camera.position) @ camera.world_to_camera[2, :3] > 0.5))[:1000]
    run = means[chosen] - camera.position
    first, distance = ray_cast(room.mesh.triangles, camera.position, run)
    beyond = (distance - 1) * np.linalg.norm(run, axis=1)  # metres from a Gaussian to where the ray to it ends
    there = np.abs(beyond) < 0.003
    assert there.sum() > 40
    owner = room.owner_ids[room.mesh.owner[first[there]]]
    assert (owner[:, 0] == room.class_ids[chosen[there]]).mean() > 0.98
    assert (owner[:, 1] == room.instance_ids[chosen[there]]).mean() > 0.97
    # None is in the air. Some rays slip past the edge of what their Gaussian lies on, which is then beside them.
    before = means[chosen[beyond > 0.03]]
    assert len(before) < 0.03 * len(chosen)
    low, high = room.mesh.triangles.min(axis=1) - 0.03, room.mesh.triangles.max(axis=1) + 0.03
    for place in before:
        near = ((low < place) & (place < high)).all(axis=1)
        assert distance_to_triangles(place[None], room.mesh.triangles[near]).max() < 0.03


@pytest.mark.parametrize("seed", range(100, 112))
def test_rays_go_through_doorways(seed):
    plan = floor_plan(np.random.default_rng([seed, 0]))
    mesh = tessellate(enumerate(part.surfaces for part in shell(plan, np.random.default_rng([seed, 1])).parts))
    ways = [(wall, way) for space in plan.spaces for wall in space.walls for way in wall.openings]
    for wall, way in ways:
        if way.kind == "window" or way.leaf_degrees == 0:
            continue
        for share in (0.25, 0.5, 0.75):  # of the width; an open leaf stands in the way of one at most
            y = way.left + share * way.width
            start, end = (np.array([*wall.point(x, y), 1.2]) for x in (0.3, -way.depth - 0.3))
            _, distance = ray_cast(mesh.triangles, start, (end - start)[None])
            depth = 0.3 - distance[0] * (way.depth + 0.6)  # x in the wall's frame, out of the wall
            assert not any(abs(depth - plane) < 0.01 for plane in (0.0, -way.depth))
