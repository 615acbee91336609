"""Rooms of any number of Gaussians within seconds: surfaces of a furnished room, as translucent as captures are."""

from __future__ import annotations

import numpy as np

from ..camera import Camera
from ..scene import Scene

SIZE = np.array([5.0, 4.0, 2.6])
"""Of the room, in metres."""

FEATURES = 32
"""Features a Gaussian, random ones."""


def room(gaussians: int, *, sh_count: int = 16, seed: int = 0) -> Scene:
    """A room with 24 boxes in it. Gaussians are flat on the surfaces and small enough to cover them about 6 times."""
    rng = np.random.default_rng(seed)
    corners = [(np.zeros(3), SIZE)]
    for _ in range(24):
        size = rng.uniform((0.2, 0.2, 0.2), (1.2, 0.8, 1.4))
        low = rng.uniform(0, 1, 3) * (SIZE - size) * (1, 1, 0)
        corners.append((low, low + size))
    sides = [(low, high, axis, end) for low, high in corners for axis in range(3) for end in (0, 1)]
    areas = np.array([np.prod(np.delete(high - low, axis)) for low, high, axis, _ in sides])
    side = rng.choice(len(sides), gaussians, p=areas / areas.sum())
    low, high = (np.array([s[i] for s in sides])[side] for i in (0, 1))
    axis, end = (np.array([s[i] for s in sides])[side] for i in (2, 3))
    means = low + rng.random((gaussians, 3)) * (high - low)
    rows = np.arange(gaussians)
    means[rows, axis] = np.where(end == 1, high[rows, axis], low[rows, axis]) + rng.normal(0, 0.003, gaussians)
    spacing = np.sqrt(areas.sum() / gaussians)
    scales = spacing * np.exp(rng.normal(0.2, 0.5, (gaussians, 3)))
    scales[rows, axis] = 0.1 * spacing
    sh = rng.normal(0, 0.04, (gaussians, sh_count, 3)).astype(np.float32)
    sh[:, 0] += rng.normal(0, 0.8, (len(sides), 3)).astype(np.float32)[side]
    rotations = np.zeros((gaussians, 4), np.float32)
    rotations[:, 0] = 1
    features = rng.standard_normal((len(sides), FEATURES), dtype=np.float32)[side]
    return Scene(
        means=means.astype(np.float32),
        scales=scales.astype(np.float32),
        rotations=rotations,
        opacities=np.clip(rng.beta(1.6, 1.0, gaussians), 0.01, 0.99).astype(np.float32),
        sh=sh,
    ).with_features(features, "0" * 64)


def views(size: tuple[int, int], count: int = 8) -> list[Camera]:
    """Views from the middle of the room all around."""
    eye = SIZE * (0.5, 0.5, 0.6)
    angles = 2 * np.pi * np.arange(count) / count
    targets = eye + np.stack([np.cos(angles), np.sin(angles), np.full(count, -0.15)], axis=1)
    return [Camera.look_at(eye, target, width=size[0], height=size[1], fov_degrees=75) for target in targets]
