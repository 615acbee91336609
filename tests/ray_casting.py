"""A ray cast that knows nothing of rasterisation."""

import numpy as np


def ray_cast(triangles, origin, directions):
    """The first triangle (N,) along each ray, -1 for none, and how many times its direction away (N,).

    After Moeller and Trumbore, "Fast, minimum storage ray/triangle intersection", 1997.
    """
    a, u_edge, v_edge = triangles[:, 0], triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    to_origin = origin - a
    q = np.cross(to_origin, u_edge)
    along = np.einsum("mk,mk->m", v_edge, q)
    first, distance = np.full(len(directions), -1), np.full(len(directions), np.inf)
    for number, direction in enumerate(directions):
        p = np.cross(direction, v_edge)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            inverse = 1 / np.einsum("mk,mk->m", u_edge, p)
            u, v, t = np.einsum("mk,mk->m", to_origin, p) * inverse, (q @ direction) * inverse, along * inverse
            hit = (u >= 0) & (v >= 0) & (u + v <= 1) & (t > 0.02)
        if hit.any():
            t = np.where(hit, t, np.inf)
            first[number], distance[number] = np.argmin(t), t.min()
    return first, distance
