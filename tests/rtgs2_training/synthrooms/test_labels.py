"""Label and depth images against a ray cast that knows nothing of rasterisation, and against the Gaussians."""

import numpy as np
import pytest

from rtgs2_training.synthrooms import RoomSettings, generate_room

SIZE = (40, 30)
SETTINGS = RoomSettings(gaussians=30_000, views=2, image_size=SIZE, imperfections=0)


@pytest.fixture(scope="module", params=[101, 102, 103])
def room(request):
    return generate_room(request.param, SETTINGS)


def ray_cast(triangles, camera):
    """The first triangle (H, W) and its view z along the ray through every pixel centre (Moeller and Trumbore, 1997)."""
    pose = camera.world_to_camera
    column, row = np.meshgrid(np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5)
    in_camera = np.stack([(column - camera.cx) / camera.fx, (row - camera.cy) / camera.fy, np.ones_like(row)], -1)
    directions = in_camera.reshape(-1, 3) @ pose[:3, :3]
    origin = camera.position
    a, u_edge, v_edge = triangles[:, 0], triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    to_origin = origin - a
    q = np.cross(to_origin, u_edge)
    along = np.einsum("mk,mk->m", v_edge, q)
    first, depth = np.full(len(directions), -1), np.full(len(directions), np.inf)
    for number, direction in enumerate(directions):
        p = np.cross(direction, v_edge)
        with np.errstate(divide="ignore", invalid="ignore"):
            inverse = 1 / np.einsum("mk,mk->m", u_edge, p)
            u, v, t = np.einsum("mk,mk->m", to_origin, p) * inverse, (q @ direction) * inverse, along * inverse
            hit = (u >= 0) & (v >= 0) & (u + v <= 1) & (t > 0.02)
        if hit.any():
            t = np.where(hit, t, np.inf)
            first[number], depth[number] = np.argmin(t), t.min()  # directions have z = 1: t is the view's z
    return first.reshape(row.shape), depth.reshape(row.shape)


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
        first, depth = ray_cast(room.mesh.triangles, view.camera)
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


def test_gaussians_near_the_front_surface_have_its_label(room):
    """Without flaws the Gaussians lie on the surfaces: those at the depth of a pixel belong to what it shows."""
    means = room.gaussians["means"].astype(float)
    for view in room.views.values():
        camera = view.camera
        x, y, z = (means @ camera.world_to_camera[:3, :3].T + camera.world_to_camera[:3, 3]).T
        front = z > 0.3
        column, row = (np.floor(f * p / np.where(front, z, 1) + c).astype(int) for f, p, c in
                       ((camera.fx, x, camera.cx), (camera.fy, y, camera.cy)))  # fmt: skip
        front &= (column >= 0) & (column < camera.width) & (row >= 0) & (row < camera.height)
        column, row, z = column[front], row[front], z[front]
        depth = view.depth / 1000
        calm = away_from_edges(view.instance, np.where(depth > 0, depth, 1e3))
        there = calm[row, column] & (np.abs(depth[row, column] - z) < 0.01 * z)
        assert there.sum() > 100
        same = room.class_ids[front][there] == view.semantic[row, column][there]
        assert same.mean() > 0.98
