"""Lifting pixels to Gaussians: against its reference, as the transpose of drawing, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from rasterizer_scenes import GOLDEN_VIEWS, Gaussians, camera_at_origin, golden_view, one_gaussian, random_scene
from rtgs2_trt import _native
from rtgs2_trt.camera import Camera
from rtgs2_trt.errors import InputError, SceneError
from rtgs2_trt.instruction_sets import forced_instruction_set, instruction_sets
from rtgs2_trt.lift import Lifted, lift
from rtgs2_trt.rasterize import rasterize
from rtgs2_trt.reference.lift import lift_reference


@pytest.fixture(autouse=True, params=instruction_sets())
def instructions(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every test runs with every instruction set of this machine."""
    with forced_instruction_set(request.param):
        yield request.param


def random_pixels(camera: Camera, channels: int) -> NDArray[np.float32]:
    rng = np.random.default_rng([camera.width, camera.height, channels])
    return rng.uniform(0, 1, (channels, camera.height, camera.width)).astype(np.float32)


def assert_lifted(scene: Gaussians, camera: Camera, channels: int) -> None:
    """Rounding may flip whether a Gaussian counts in a pixel: few Gaussians, each by a small part of a pixel."""
    pixels = random_pixels(camera, channels)
    found = lift(scene, camera, pixels)
    sums, weights = lift_reference(scene, camera, pixels)
    assert weights.max() > 1
    errors = np.abs(np.column_stack([found.sums - sums, found.weights - weights])).max(axis=1)
    # Sums of up to some hundred pixels in float32, whose weights agree to 1e-5 of the largest, 1 (see ROUNDING).
    flipped = errors > 1e-5 * (1 + weights)
    print(f"Gaussians with flips: {flipped.sum()} of {len(weights)}; largest error {errors.max():.1e}")
    assert flipped.mean() <= 0.01
    assert errors.max() <= 0.05


@pytest.mark.parametrize("channels", [0, 1, 15, 16, 22, 70])
def test_kernel_matches_reference(channels: int) -> None:
    camera = Camera.look_at((0.3, -0.2, 0.1), (2, 1, 0.4), width=53, height=37, fov_degrees=75)
    assert_lifted(random_scene(channels, 500), camera, channels)


@pytest.mark.parametrize(("width", "height"), [(16, 16), (17, 15), (31, 64), (100, 3)])
def test_kernel_matches_reference_for_odd_sizes_off_centre(width: int, height: int) -> None:
    camera = Camera(width, height, 40.0, 44.5, 0.21 * width, 1.3 * height, world_to_camera=np.eye(4))
    assert_lifted(random_scene(width, 400), camera, 3)


@pytest.mark.parametrize("name", GOLDEN_VIEWS)
def test_lifting_is_the_transpose_of_drawing(name: str) -> None:
    scene, camera, _ = golden_view(name)
    assert scene.features is not None
    pixels = random_pixels(camera, scene.features.shape[1])
    drawn = rasterize(scene, camera).features.astype(np.float64)
    lifted = lift(scene, camera, pixels)
    size = np.abs(drawn * pixels).sum()
    assert (drawn * pixels).sum() == pytest.approx(
        (scene.features * lifted.sums.astype(np.float64)).sum(), abs=1e-6 * size
    )
    assert lifted.weights.sum(dtype=np.float64) == pytest.approx(rasterize(scene, camera).alpha.sum(dtype=np.float64))


def test_views_are_added_up() -> None:
    scene = random_scene(3, 300)
    cameras = [Camera.look_at((0, 0, 0), target, width=40, height=30) for target in ((1, 0, 0.1), (0, 1, 0.2))]
    pixels = [random_pixels(camera, 4) + i for i, camera in enumerate(cameras)]
    both = Lifted.nothing(300, 4)
    for camera, values in zip(cameras, pixels, strict=True):
        assert lift(scene, camera, values, into=both) is both
    alone = [lift(scene, camera, values) for camera, values in zip(cameras, pixels, strict=True)]
    np.testing.assert_allclose(both.sums, alone[0].sums + alone[1].sums, rtol=1e-6)
    np.testing.assert_allclose(both.weights, alone[0].weights + alone[1].weights, rtol=1e-6)


def test_same_bits_for_every_number_of_threads() -> None:
    scene, camera, _ = golden_view(GOLDEN_VIEWS[0])
    pixels = random_pixels(camera, 22)
    one = lift(scene, camera, pixels, threads=1)
    for threads in (0, 2, 5):
        other = lift(scene, camera, pixels, threads=threads)
        assert other.sums.tobytes() == one.sums.tobytes()
        assert other.weights.tobytes() == one.weights.tobytes()


def test_what_hides_another_takes_its_pixels() -> None:
    front, back = one_gaussian((0, 0, 1), 0.99), one_gaussian((0, 0, 3), 0.99)
    scene = Gaussians(*(np.concatenate([getattr(g, n) for g in (back, front)]) for n in vars(front)))
    lifted = lift(scene, camera_at_origin(), np.full((1, 33, 33), 7.0))
    np.testing.assert_allclose(lifted.sums[:, 0], 7 * lifted.weights, rtol=1e-6)
    assert lifted.weights[0] < 0.1 * lifted.weights[1]


def test_what_is_not_seen_gets_nothing() -> None:
    behind = one_gaussian((0, 0, -2))
    lifted = lift(behind, camera_at_origin(), np.ones((2, 33, 33)))
    assert lifted.weights.tolist() == [0]
    assert lifted.sums.tolist() == [[0, 0]]


@pytest.mark.parametrize(
    ("pixels", "text"),
    [
        (np.ones((2, 33, 32)), r"pixels: wrong shape \(found \(2, 33, 32\), expected \(C, 33, 33\)"),
        (np.ones((33, 33)), r"pixels: wrong shape"),
        ("many", r"pixels: not an array of numbers"),
    ],
)
def test_refuses_pixels(pixels: object, text: str) -> None:
    with pytest.raises(InputError, match=text):
        lift(one_gaussian(), camera_at_origin(), pixels)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "into",
    [
        Lifted.nothing(2, 1),
        Lifted.nothing(1, 2),
        Lifted(np.zeros((1, 1)), np.zeros(1, np.float32)),  # type: ignore[arg-type]
        Lifted(np.zeros((1, 1), np.float32), np.broadcast_to(np.float32(0), (1,))),
    ],
)
def test_refuses_what_cannot_be_added_to(into: Lifted) -> None:
    with pytest.raises(InputError, match=r"into\.(sums|weights): cannot be added to"):
        lift(one_gaussian(), camera_at_origin(), np.ones((1, 33, 33)), into=into)


def test_refuses_what_cannot_be_drawn() -> None:
    with pytest.raises(InputError, match="threads"):
        lift(one_gaussian(), camera_at_origin(), np.ones((1, 33, 33)), threads=-1)
    with pytest.raises(SceneError, match="scales: wrong shape"):
        lift(replace(one_gaussian(), scales=np.ones((2, 3))), camera_at_origin(), np.ones((1, 33, 33)))
    huge = replace(
        one_gaussian(),
        **{
            n: np.repeat(getattr(one_gaussian(), n), 1100, 0)
            for n in ("means", "scales", "rotations", "opacities", "sh")
        },
        features=None,
    )
    with pytest.raises(SceneError, match="scales are linear"):
        lift(replace(huge, scales=huge.scales * 1e5), camera_at_origin(16384, 16384), np.ones((0, 16384, 16384)))


def test_binding_refuses_other_arrays() -> None:
    good = one_gaussian()
    arrays = (good.means, good.scales, good.rotations, good.opacities)
    rest = (60.0, 60.0, 1.0, 1.0, np.eye(4))
    sums, weights = np.zeros((1, 2), np.float32), np.zeros(1, np.float32)
    pixels = np.zeros((2, 3, 3), np.float32)
    _native.lift(*arrays, pixels, *rest, sums, weights, 1)
    with pytest.raises(ValueError, match="sums has the shape"):
        _native.lift(*arrays, pixels, *rest, sums[:, :1].copy(), weights, 1)
    with pytest.raises(ValueError, match="pixels must hold float32"):
        _native.lift(*arrays, pixels.astype(np.float64), *rest, sums, weights, 1)
    with pytest.raises(TypeError):  # read-only
        _native.lift(*arrays, pixels, *rest, np.broadcast_to(np.float32(0), (1, 2)), weights, 1)
