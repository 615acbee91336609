"""How far points are from triangles, for the tests of what label images are drawn from."""

import numpy as np


def distance_to_triangles(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Of each point (N,) to the nearest of M triangles (M, 3, 3): to its plane, met inside, or to its edges."""
    nearest = np.full(len(points), np.inf)
    for a, b, c in corners:
        for start, end in ((a, b), (b, c), (c, a)):
            along = np.clip((points - start) @ (end - start) / max((end - start) @ (end - start), 1e-30), 0, 1)
            nearest = np.minimum(nearest, np.linalg.norm(points - start - along[:, None] * (end - start), axis=1))
        normal = np.cross(b - a, c - a)
        length = np.linalg.norm(normal)
        if length < 1e-15:
            continue
        normal /= length
        height = (points - a) @ normal
        foot = points - height[:, None] * normal
        inside = np.all([np.cross(q - p, foot - p) @ normal >= 0 for p, q in ((a, b), (b, c), (c, a))], axis=0)
        nearest = np.where(inside, np.minimum(nearest, np.abs(height)), nearest)
    return nearest
