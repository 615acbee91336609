"""Scenes for the rasterisers of CPU and GPU, and how their views are compared.

Errors are told apart in two kinds. Where alpha is cut off at 1/255, where a pixel is full and where a Gaussian's square
of tiles ends, rounding can flip a decision: such pixels are counted, bounded in number and size. All other pixels must
agree up to rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rtgs2_trt.camera import Camera
from rtgs2_trt.rasterize import Rendering

GOLDEN = Path(__file__).parent / "golden"
GOLDEN_VIEWS = ("rasterizer_seed1", "rasterizer_offcentre_seed2")

# Parts of the largest value of a channel. Sums of about a hundred float32 terms: measured 2e-6 on the golden views.
ROUNDING = 1e-5
# Flips: at most this share of the pixels, each by at most this part of the channel's largest value. The largest jump is
# at the border of the square of tiles: exp(-4.5) = 0.011 of a Gaussian's value, which may exceed those in the image.
FLIP_SHARE = 1e-3
FLIP_SIZE = 0.05


@dataclass(frozen=True)
class Gaussians:
    means: NDArray[np.float32]
    scales: NDArray[np.float32]
    rotations: NDArray[np.float32]
    opacities: NDArray[np.float32]
    sh: NDArray[np.float32]
    features: NDArray[np.float32] | None = None


def golden_view(name: str) -> tuple[Gaussians, Camera, Rendering]:
    with np.load(GOLDEN / f"{name}.npz") as file:
        golden = dict(file)
    scene = Gaussians(
        means=golden["means"],
        scales=np.exp(golden["log_scales"]),
        rotations=golden["quats"] / np.linalg.norm(golden["quats"], axis=1, keepdims=True),
        opacities=1 / (1 + np.exp(-golden["logit_opacity"][:, 0])),
        sh=golden["sh"],
        features=golden["features"],
    )
    sizes = (int(golden["width"]), int(golden["height"]), float(golden["fx"]), float(golden["fy"]))
    centre = (float(golden["cx"]), float(golden["cy"])) if "cx" in golden else (None, None)
    camera = Camera(*sizes, *centre, world_to_camera=golden["world_to_camera"])
    expected = Rendering(golden["rgb"], golden["rendered_features"], golden["alpha"], golden["depth"])
    return scene, camera, expected


def random_scene(seed: int, count: int, sh_count: int = 1, channels: int | None = None) -> Gaussians:
    """Gaussians all around the origin, so that some lie behind a camera there, beside its view or across its edges."""
    rng = np.random.default_rng(seed)
    rotations = rng.standard_normal((count, 4))
    return Gaussians(
        means=rng.uniform(-3, 3, (count, 3)).astype(np.float32),
        scales=np.exp(rng.normal(-2.0, 0.8, (count, 3))).astype(np.float32),
        rotations=(rotations / np.linalg.norm(rotations, axis=1, keepdims=True)).astype(np.float32),
        opacities=rng.uniform(0, 1, count).astype(np.float32),
        sh=rng.normal(0, 0.4, (count, sh_count, 3)).astype(np.float32),
        features=None if channels is None else rng.standard_normal((count, channels)).astype(np.float32),
    )


def one_gaussian(mean: tuple[float, float, float] = (0.0, 0.0, 2.0), opacity: float = 0.5) -> Gaussians:
    return Gaussians(
        means=np.array([mean], np.float32),
        scales=np.full((1, 3), 0.1, np.float32),
        rotations=np.array([[1, 0, 0, 0]], np.float32),
        opacities=np.array([opacity], np.float32),
        sh=np.array([[[1.0, 0.0, -1.0]]], np.float32),
        features=np.array([[2.0, -3.0]], np.float32),
    )


def stack(*scenes: Gaussians) -> Gaussians:
    names = ("means", "scales", "rotations", "opacities", "sh", "features")
    return Gaussians(**{name: np.concatenate([getattr(scene, name) for scene in scenes]) for name in names})


def only(scene: Gaussians, chosen: NDArray[np.bool_]) -> Gaussians:
    names = ("means", "scales", "rotations", "opacities", "sh", "features")
    return Gaussians(**{name: getattr(scene, name)[chosen] for name in names})


def camera_at_origin(width: int = 33, height: int = 33, focal: float = 60.0, **principal_point: float) -> Camera:
    return Camera(width, height, focal, focal, **principal_point, world_to_camera=np.eye(4))


def planes(rendering: Rendering) -> NDArray[np.float64]:
    parts = (rendering.rgb, rendering.features, rendering.alpha[None], rendering.depth[None])
    return np.concatenate(parts).astype(np.float64)


def assert_same_view(found: Rendering, expected: Rendering, rounding: float = ROUNDING) -> None:
    want = planes(expected)
    largest = np.abs(want).max(axis=(1, 2), keepdims=True)
    errors = np.abs(planes(found) - want) / np.maximum(largest, 1e-3)
    flipped = (errors > rounding).any(axis=0)
    interior = errors[:, ~flipped].max(initial=0.0)
    print(f"flipped pixels: {flipped.sum()} of {flipped.size}; largest error elsewhere: {interior:.1e} of the largest")
    assert flipped.sum() <= FLIP_SHARE * flipped.size, f"{flipped.sum()} of {flipped.size} pixels differ"
    assert errors.max(initial=0.0) <= FLIP_SIZE


def assert_same_bits(found: Rendering, expected: Rendering) -> None:
    for name in ("rgb", "features", "alpha", "depth"):
        assert getattr(found, name).tobytes() == getattr(expected, name).tobytes(), name
