"""The CUDA rasteriser against golden views, the CPU rasteriser and its own promises. Skipped where no GPU is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cuda_frames import PROBLEM, Frames
from rasterizer_scenes import (
    GOLDEN_VIEWS,
    Gaussians,
    assert_same_bits,
    assert_same_view,
    camera_at_origin,
    golden_view,
    one_gaussian,
    random_scene,
    stack,
)
from rtgs2_trt.camera import Camera
from rtgs2_trt.rasterize import Rendering, rasterize

pytestmark = pytest.mark.skipif(PROBLEM is not None, reason=f"no GPU: {PROBLEM}")

# Parts of the largest value of a channel. Float32 sums in another order than the CPU's, with fused multiply-add and
# the GPU's exp. On tensor cores features and weights are rounded to half, 2^-11 and at most twice that for a sum that
# is smaller than its terms; images of half are rounded once more.
ROUNDING = {"plain": 5e-5, "tensor_cores": 2e-3}
WAYS = [("float", "plain"), ("half", "plain"), ("half", "tensor_cores")]


def in_half(scene: Gaussians) -> Gaussians:
    """With features as half storage holds them."""
    if scene.features is None:
        return scene
    return replace(scene, features=scene.features.astype(np.float16).astype(np.float32))


def with_storage(scene: Gaussians, storage: str) -> Gaussians:
    return in_half(scene) if storage == "half" else scene


@pytest.mark.parametrize(("storage", "blend"), WAYS)
@pytest.mark.parametrize("name", GOLDEN_VIEWS)
def test_matches_golden_view(name: str, storage: str, blend: str) -> None:
    scene, camera, expected = golden_view(name)
    found = Frames(scene, camera, storage=storage, blend=blend).draw()
    assert_same_view(found, expected, rounding=2e-3 if storage == "half" else 5e-5)


@pytest.mark.parametrize(("storage", "blend"), WAYS)
@pytest.mark.parametrize("channels", [0, 1, 3, 13, 32, 64])
@pytest.mark.parametrize("sh_count", [1, 4, 9, 16])
def test_matches_cpu(sh_count: int, channels: int, storage: str, blend: str) -> None:
    scene = random_scene(100 * sh_count + channels, 3000, sh_count, channels)
    camera = Camera.look_at((0.3, -0.2, 0.1), (2, 1, 0.4), width=153, height=137, fov_degrees=75)
    background = (0.2, 0.4, 0.9)
    expected = rasterize(with_storage(scene, storage), camera, background=background)
    found = Frames(scene, camera, storage=storage, blend=blend).draw(background=background)
    assert_same_view(found, expected, rounding=ROUNDING[blend])


@pytest.mark.parametrize("blend", ["plain", "tensor_cores"])
@pytest.mark.parametrize(("width", "height"), [(1, 1), (16, 16), (17, 15), (31, 64), (100, 3)])
def test_matches_cpu_for_odd_sizes_off_centre(width: int, height: int, blend: str) -> None:
    scene = in_half(random_scene(width, 400, 4, 2))
    camera = Camera(width, height, 40.0, 44.5, 0.21 * width, 1.3 * height, world_to_camera=np.eye(4))
    found = Frames(scene, camera, storage="half", blend=blend).draw()
    assert_same_view(found, rasterize(scene, camera), rounding=ROUNDING[blend])


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("layout", ["planar", "channels_last"])
@pytest.mark.parametrize("blend", ["plain", "tensor_cores"])
def test_layouts_and_types(layout: str, dtype: str, blend: str) -> None:
    scene, camera = random_scene(3, 1500, 4, 13), camera_at_origin(75, 60)
    expected = Frames(scene, camera, storage="half", blend=blend).draw()
    found = Frames(scene, camera, storage="half", blend=blend, layout=layout, dtype=dtype).draw()
    if dtype == "float32":
        assert_same_bits(found, expected)
    np.testing.assert_array_equal(found.rgb, expected.rgb.astype(dtype).astype(np.float32))
    np.testing.assert_array_equal(found.features, expected.features.astype(dtype).astype(np.float32))


@pytest.mark.parametrize(("storage", "blend"), WAYS)
def test_bits_do_not_depend_on_the_run(storage: str, blend: str) -> None:
    scene, camera = random_scene(7, 9000, 4, 5), camera_at_origin(150, 130)
    frames = Frames(scene, camera, storage=storage, blend=blend)
    expected = frames.draw()
    assert expected.alpha.max() > 0.9
    for graph in (False, True, True):
        assert_same_bits(frames.draw(graph=graph), expected)


def test_graph_follows_the_camera() -> None:
    scene = random_scene(11, 4000, 4, 32)
    cameras = [
        Camera.look_at((0, 0, 0), target, width=96, height=80) for target in ((1, 1, 0), (-1, 1, 0), (0, -1, 0.2))
    ]
    frames = Frames(scene, cameras[0], storage="half")
    expected = [Frames(scene, camera, storage="half").draw() for camera in cameras]
    for camera, view in zip(cameras * 2, expected * 2, strict=True):
        assert_same_bits(frames.draw(camera, graph=True), view)


def test_views_that_are_set_ahead_come_in_order() -> None:
    scene, camera = random_scene(12, 4000, 4, 3), camera_at_origin(64, 48)
    frames = Frames(scene, camera, storage="half")
    expected = frames.draw(background=(0.5, 0.25, 1.0))
    for step in range(20):
        frames.set_view(camera, (0.01 * step, 0.0, 0.0))
        frames.rasterizer.launch(frames.stream.address)
    frames.set_view(camera, (0.5, 0.25, 1.0))
    frames.rasterizer.launch(frames.stream.address)
    frames.stream.wait()
    assert not frames.rasterizer.grow()
    assert_same_bits(frames.read(), expected)


def test_scene_that_does_not_fit_is_drawn_after_growth() -> None:
    # Large Gaussians: each touches most of the tiles, far more pairs than there is room for at first.
    scene = random_scene(13, 30000, 1, 8)
    scene = replace(scene, scales=np.full_like(scene.scales, 0.8))
    camera = camera_at_origin(320, 240, focal=150.0)
    frames = Frames(scene, camera, storage="half", blend="plain")
    before = frames.rasterizer.capacities()
    frames.set_view(camera)
    frames.rasterizer.enqueue(frames.stream.address)
    frames.stream.wait()
    assert frames.rasterizer.needs()[1] > before[1]
    found = frames.draw(graph=True)
    assert frames.rasterizer.capacities()[1] > before[1]
    assert frames.rasterizer.needs()[1] <= frames.rasterizer.capacities()[1]
    assert_same_view(found, rasterize(in_half(scene), camera), rounding=ROUNDING["plain"])


def test_room_that_is_not_needed_is_given_back() -> None:
    scene, camera = random_scene(17, 400_000, 1, 3), camera_at_origin(64, 48, focal=400.0)
    frames = Frames(scene, camera, storage="half")
    expected = frames.draw(graph=True)
    before, memory = frames.rasterizer.capacities(), frames.rasterizer.bytes
    assert frames.rasterizer.tighten()
    assert frames.rasterizer.capacities() < before
    assert frames.rasterizer.bytes < memory
    assert_same_bits(frames.draw(graph=True), expected)
    assert not frames.rasterizer.tighten()


def test_new_features_are_drawn() -> None:
    scene, camera = random_scene(14, 2000, 1, 5), camera_at_origin(50, 40)
    other = np.random.default_rng(1).standard_normal((2000, 5)).astype(np.float32)
    frames = Frames(scene, camera)
    frames.draw(graph=True)
    frames.scene.set_features(other)
    expected = Frames(replace(scene, features=other), camera).draw()
    assert_same_bits(frames.draw(graph=True), expected)


def test_equal_depths_are_blended_by_index() -> None:
    first, second = one_gaussian(), replace(one_gaussian(), features=np.array([[1.0, 100.0]], np.float32))
    for scene, expected in ((stack(first, second), 0.5 * -3 + 0.25 * 100), (stack(second, first), 50 + 0.25 * -3)):
        for blend in ("plain", "tensor_cores"):
            view = Frames(scene, camera_at_origin(), storage="half", blend=blend).draw()
            assert view.features[1, 16, 16] == pytest.approx(expected, rel=1e-3)


def test_a_pixel_ends_before_the_gaussian_that_would_fill_it() -> None:
    layers = [one_gaussian((0, 0, 2 + 0.1 * i), opacity=0.95) for i in range(5)]
    layers[4] = replace(layers[4], opacities=np.array([0.1], np.float32))
    for blend in ("plain", "tensor_cores"):
        view = Frames(stack(*layers), camera_at_origin(), storage="half", blend=blend).draw()
        assert 1 - view.alpha[16, 16] == pytest.approx(0.05**3, rel=2e-3)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
def test_features_that_are_not_finite_show_only_where_they_reach(value: float) -> None:
    scene = stack(one_gaussian((0.1, 0, 2.0)), one_gaussian((0, 0, 3.0)))
    scene.features[0, 0] = value  # as half even 1e30 is infinite
    frames = Frames(scene, camera_at_origin(), storage="half")
    assert not frames.scene.features_are_finite
    view = frames.draw()
    alone = rasterize(one_gaussian((0.1, 0, 2.0)), camera_at_origin()).alpha > 0
    np.testing.assert_array_equal(np.isfinite(view.features[0]), ~alone)
    assert np.isfinite(view.features[1]).all()
    with pytest.raises(ValueError, match="tensor cores"):
        Frames(scene, camera_at_origin(), storage="half", blend="tensor_cores")


@pytest.mark.parametrize("blend", ["plain", "tensor_cores"])
def test_no_gaussians_give_the_background(blend: str) -> None:
    view = Frames(random_scene(0, 0, 4, 7), camera_at_origin(19, 5), storage="half", blend=blend).draw(
        background=(0.125, 0.25, 0.5)
    )
    np.testing.assert_array_equal(view.rgb, np.broadcast_to(np.float32([[[0.125]], [[0.25]], [[0.5]]]), (3, 5, 19)))
    assert not view.features.any()
    assert not view.alpha.any()
    assert not view.depth.any()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38, -3e38, 1e20, 1e-38, 0.0, -1.0])
@pytest.mark.parametrize("name", ["means", "scales", "rotations", "opacities"])
@pytest.mark.parametrize("blend", ["plain", "tensor_cores"])
def test_hostile_shapes_leave_the_rest_alone(name: str, value: float, blend: str) -> None:
    scene = in_half(random_scene(15, 600, 4, 3))
    getattr(scene, name)[::7] = value
    camera = camera_at_origin(70, 50)
    found = Frames(scene, camera, storage="half", blend=blend).draw()
    assert np.isfinite(found.alpha).all()
    assert found.alpha.min() >= 0
    assert found.alpha.max() <= 1
    expected = rasterize(scene, camera)
    finite = np.isfinite(expected.rgb).all(0) & np.isfinite(expected.depth)
    parts = [np.where(finite, getattr(expected, part), 0) for part in ("rgb", "features", "alpha", "depth")]
    seen = [np.where(finite, getattr(found, part), 0) for part in ("rgb", "features", "alpha", "depth")]
    assert_same_view(Rendering(*seen), Rendering(*parts), rounding=ROUNDING[blend])


def test_impossible_requests_are_refused() -> None:
    scene, camera = random_scene(16, 10, 1, 3), camera_at_origin(20, 20)
    with pytest.raises(ValueError, match="at most 64"):
        Frames(random_scene(16, 10, 1, 65), camera)
    with pytest.raises(ValueError, match="'sideways'"):
        Frames(scene, camera, layout="sideways")
    frames = Frames(scene, camera)
    with pytest.raises(ValueError, match="21 x 20"):
        frames.set_view(camera_at_origin(21, 20))
