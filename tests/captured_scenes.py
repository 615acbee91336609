"""Captured figures that are no part of the repository, and small ones that are made in the same formats.

``RTGS2_SCENES`` names the folder of the captured ones; without it that is ``../shared/scenes`` beside the repository.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from rtgs2_trt import Scene
from rtgs2_trt.orientation import orientation
from rtgs2_trt.ply import write_ply

CAPTURED = {"biker.compressed.ply": (152_746, 0), "playbot.ply": (500_000, 2)}
"""Number of Gaussians and degree of the spherical harmonics, by name. Both have y down."""
MADE = {"made.compressed.ply": (3000, 0), "made.ply": (3000, 2)}
"""The same of the small ones: a ball over a plate; the PLY is without normals, as playbot's."""


def captured_scene(name: str) -> Path:
    """Return the file of a captured scene, or skip the test."""
    folder = Path(os.environ.get("RTGS2_SCENES") or Path(__file__).parents[2] / "shared" / "scenes")
    if not (folder / name).is_file():
        pytest.skip(f"{name}, a captured scene that is not part of the repository, is not in $RTGS2_SCENES")
    return folder / name


def made_scene(name: str, folder: Path) -> Path:
    """Write a small scene in the format of its name."""
    count, degree = MADE[name]
    rng = np.random.default_rng(3)
    points = rng.normal(size=(count, 3))
    points *= 0.4 / np.linalg.norm(points, axis=1, keepdims=True)
    points[: count // 3] = rng.uniform((-1, -1, -0.55), (1, 1, -0.5), (count // 3, 3))
    colours = np.where(np.arange(count)[:, None] < count // 3, (0.3, 0.5, 0.3), (0.9, 0.5, 0.1))
    harmonics = rng.normal(scale=0.05, size=(count, (degree + 1) ** 2, 3))
    harmonics[:, 0] = (colours - 0.5) / 0.28209479
    scene = Scene(
        means=points,
        scales=rng.uniform(0.01, 0.06, (count, 3)),
        rotations=rng.normal(size=(count, 4)),
        opacities=rng.uniform(0.3, 0.98, count),
        sh=harmonics,
    ).transformed(1.0, orientation("-y").T)
    if name.endswith(".compressed.ply"):
        scene.save(folder / name)
    else:
        write_ply(folder / name, {key: v for key, v in scene.ply_columns().items() if key not in ("nx", "ny", "nz")})
    return folder / name
