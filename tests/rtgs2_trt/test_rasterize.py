"""The rasteriser against golden views, against its reference, and in the cases that its definition singles out."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from rasterizer_scenes import (
    GOLDEN_VIEWS,
    Gaussians,
    assert_same_bits,
    assert_same_view,
    camera_at_origin,
    golden_view,
    one_gaussian,
    only,
    random_scene,
    stack,
)
from rtgs2_trt import _native
from rtgs2_trt.camera import Camera
from rtgs2_trt.errors import InputError, SceneError
from rtgs2_trt.instruction_sets import forced_instruction_set, instruction_sets
from rtgs2_trt.rasterize import Rendering, rasterize
from rtgs2_trt.reference.rasterize import rasterize_reference

TESTS = Path(__file__).parents[1]


@pytest.fixture(autouse=True, params=instruction_sets())
def instructions(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every test runs with every instruction set of this machine."""
    with forced_instruction_set(request.param):
        yield request.param


@pytest.mark.parametrize("name", GOLDEN_VIEWS)
def test_kernel_matches_golden_view(name: str) -> None:
    scene, camera, expected = golden_view(name)
    assert_same_view(rasterize(scene, camera), expected)


@pytest.mark.parametrize("name", GOLDEN_VIEWS)
def test_reference_matches_golden_view(name: str) -> None:
    scene, camera, expected = golden_view(name)
    # What is left is the rounding of the stored float32 values, and of exp, sigmoid and norm taken in float32 above.
    assert_same_view(Rendering(*rasterize_reference(scene, camera)), expected, rounding=1e-6)


@pytest.mark.parametrize("channels", [0, 1, 3, 32, 64])
@pytest.mark.parametrize("sh_count", [1, 4, 9, 16])
def test_kernel_matches_reference(sh_count: int, channels: int) -> None:
    scene = random_scene(100 * sh_count + channels, 500, sh_count, channels)
    camera = Camera.look_at((0.3, -0.2, 0.1), (2, 1, 0.4), width=53, height=37, fov_degrees=75)
    background = (0.2, 0.4, 0.9)
    found = rasterize(scene, camera, background=background)
    assert found.features.shape == (channels, 37, 53)
    assert_same_view(found, Rendering(*rasterize_reference(scene, camera, background=background)))


@pytest.mark.parametrize(("width", "height"), [(1, 1), (16, 16), (17, 15), (31, 64), (100, 3)])
def test_kernel_matches_reference_for_odd_sizes_off_centre(width: int, height: int) -> None:
    scene = random_scene(width, 400, 4, 2)
    camera = Camera(width, height, 40.0, 44.5, 0.21 * width, 1.3 * height, world_to_camera=np.eye(4))
    assert_same_view(rasterize(scene, camera), Rendering(*rasterize_reference(scene, camera)))


def test_kernel_matches_reference_far_from_the_origin() -> None:
    scene = random_scene(5, 400, 16, 3)
    shift = np.array([100, -200, 50], np.float32)
    moved = replace(scene, means=scene.means + shift)
    eye = shift + np.array([0.01234567, 0.2, -0.1])
    camera = Camera.look_at(eye, eye + np.array([1, 2, 0]), width=40, height=30)
    # The position of the camera, 229 m from the origin, is rounded to 8e-6 m: up to 1e-3 pixels for near Gaussians.
    assert_same_view(rasterize(moved, camera), Rendering(*rasterize_reference(moved, camera)), rounding=1e-4)


def test_needles_keep_their_precision() -> None:
    # A needle 600 pixels long and one wide, across the image: the usual form of the exponent cancels, by 1e-3 and more.
    quarter = np.pi / 8  # half the angle of 45 degrees about z
    needle = replace(
        one_gaussian(opacity=0.9),
        scales=np.array([[0.6, 1e-4, 1e-4]], np.float32),
        rotations=np.array([[np.cos(quarter), 0, 0, np.sin(quarter)]], np.float32),
    )
    camera = camera_at_origin(301, 299, focal=500.0)
    assert_same_view(rasterize(needle, camera), Rendering(*rasterize_reference(needle, camera)))


def test_values_at_the_centre_of_a_gaussian() -> None:
    view = rasterize(one_gaussian(), camera_at_origin(), background=(0.0, 1.0, 0.0))
    middle = 16  # (33 - 1) / 2
    assert np.unravel_index(view.alpha.argmax(), view.alpha.shape) == (middle, middle)
    colour = 0.5 + 0.28209479177387814 * np.array([1.0, 0.0, -1.0])
    np.testing.assert_allclose(view.alpha[middle, middle], 0.5, rtol=1e-6)
    np.testing.assert_allclose(view.depth[middle, middle], 0.5 * 2.0, rtol=1e-6)
    np.testing.assert_allclose(view.features[:, middle, middle], (1.0, -1.5), rtol=1e-6)
    np.testing.assert_allclose(view.rgb[:, middle, middle], 0.5 * colour + (0.0, 0.5, 0.0), rtol=1e-6)
    assert view.alpha[0, 0] == 0
    np.testing.assert_array_equal(view.rgb[:, 0, 0], (0.0, 1.0, 0.0))


def test_colours_are_clamped_below_but_not_above() -> None:
    scene = replace(one_gaussian(), sh=np.array([[[9.0, -9.0, 0.0]]], np.float32))
    rgb = rasterize(scene, camera_at_origin()).rgb[:, 16, 16]
    np.testing.assert_allclose(rgb, (0.5 * (9 * 0.28209479177387814 + 0.5), 0.0, 0.25), rtol=1e-6)


def test_equal_depths_are_blended_by_index() -> None:
    first, second = one_gaussian(), replace(one_gaussian(), features=np.array([[1.0, 100.0]], np.float32))
    for scene, expected in ((stack(first, second), 0.5 * -3 + 0.25 * 100), (stack(second, first), 50 + 0.25 * -3)):
        assert rasterize(scene, camera_at_origin()).features[1, 16, 16] == pytest.approx(expected, rel=1e-6)


def test_alpha_is_limited_and_faint_gaussians_are_left_out() -> None:
    def alpha(opacity: float) -> float:
        return float(rasterize(one_gaussian(opacity=opacity), camera_at_origin()).alpha.max())

    assert alpha(1.0) == pytest.approx(0.99, rel=1e-6)
    assert alpha(1.001 / 255) == pytest.approx(1.001 / 255, rel=1e-4)
    assert alpha(0.999 / 255) == 0


def test_a_pixel_ends_before_the_gaussian_that_would_fill_it() -> None:
    layers = [one_gaussian((0, 0, 2 + 0.1 * i), opacity=0.95) for i in range(5)]
    # 0.05^3 = 1.25e-4 is left after three layers; the fourth would leave 6e-6, and nothing after it counts either.
    layers[4] = replace(layers[4], opacities=np.array([0.1], np.float32))
    alpha = rasterize(stack(*layers), camera_at_origin()).alpha[16, 16]
    assert 1 - alpha == pytest.approx(0.05**3, rel=1e-3)


def test_near_plane() -> None:
    camera = camera_at_origin()
    assert rasterize(one_gaussian((0, 0, 0.2)), camera).alpha.max() == 0
    assert rasterize(one_gaussian((0, 0, 0.201)), camera).alpha.max() > 0
    assert rasterize(one_gaussian((0, 0, -2.0)), camera).alpha.max() == 0


def test_no_gaussians_give_the_background() -> None:
    scene = random_scene(0, 0, 4, 7)
    view = rasterize(scene, camera_at_origin(19, 5), background=(0.1, 0.2, 0.3))
    assert view.features.shape == (7, 5, 19)
    np.testing.assert_array_equal(view.rgb, np.broadcast_to(np.float32([[[0.1]], [[0.2]], [[0.3]]]), (3, 5, 19)))
    assert not view.features.any()
    assert not view.alpha.any()
    assert not view.depth.any()


def test_bits_do_not_depend_on_threads_or_runs() -> None:
    scene = random_scene(7, 9000, 4, 5)
    camera = Camera.look_at((0, 0, 0), (1, 1, 0), width=150, height=130)
    expected = rasterize(scene, camera, threads=1)
    assert expected.alpha.max() > 0.9
    for threads in (1, 2, 3, 7, 0):
        assert_same_bits(rasterize(scene, camera, threads=threads), expected)


WINDOW = (slice(32, 64), slice(48, 80))


def window(view: Rendering) -> Rendering:
    return Rendering(*(part[(..., *WINDOW)] for part in (view.rgb, view.features, view.alpha, view.depth)))


@cache
def layers() -> tuple[Gaussians, Camera, Rendering]:
    """60,000 faint Gaussians at 64 depths, all in view: enough to sort and list in seven parts.

    The reference draws those that come near a window: only there it is complete.
    """
    count, rng = 60_000, np.random.default_rng(20)
    depths = rng.choice(np.linspace(2, 3, 64), (count, 1))
    scene = replace(
        random_scene(20, count, 1, 1),
        means=np.hstack([depths * rng.uniform(-0.45, 0.45, (count, 2)), depths]).astype(np.float32),
        scales=rng.uniform(0.002, 0.01, (count, 3)).astype(np.float32),
        opacities=rng.uniform(0.05, 0.5, count).astype(np.float32),
    )
    camera = camera_at_origin(130, 100, focal=100.0)
    pixels = 100.0 * scene.means[:, 1::-1] / scene.means[:, 2:] + (camera.cy, camera.cx)  # row, column
    low, high = ([getattr(side, end) for side in WINDOW] for end in ("start", "stop"))
    near = ((pixels > np.subtract(low, 6)) & (pixels < np.add(high, 6))).all(axis=1)  # none reaches over 3 pixels
    return scene, camera, window(Rendering(*rasterize_reference(only(scene, near), camera)))


@pytest.mark.parametrize("threads", [1, 2, 3, 7, 40])
def test_sorting_and_listing_in_parts_change_nothing(threads: int) -> None:
    scene, camera, reference = layers()
    found = rasterize(scene, camera, threads=threads)
    assert_same_bits(found, rasterize(scene, camera, threads=1))
    assert_same_view(window(found), reference)


def test_bits_do_not_depend_on_the_instruction_set() -> None:
    # Any number of channels, so that all sizes of groups are met; values at which comparisons could differ.
    scene = random_scene(17, 6000, 16, 13)
    scene.opacities[::50], scene.opacities[1::50] = 1 / 255, np.inf
    scene.features[::70, ::3], scene.scales[::60] = np.nan, 0
    camera = Camera.look_at((0, 0, 0), (1, 1, 0), width=150, height=130)
    found = rasterize(scene, camera)
    with forced_instruction_set(instruction_sets()[0]):
        assert_same_bits(found, rasterize(scene, camera))


def test_memory_of_another_view_does_not_show() -> None:
    first, second = random_scene(18, 3000, 16, 40), random_scene(19, 500, 1, 2)
    expected = rasterize(second, camera_at_origin(50, 40))
    rasterize(first, camera_at_origin(200, 170))
    assert_same_bits(rasterize(second, camera_at_origin(50, 40)), expected)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_features_that_are_not_finite_show_only_where_they_reach(value: float) -> None:
    scene = stack(one_gaussian((0.1, 0, 2.0)), one_gaussian((0, 0, 3.0)))
    scene.features[0, 0] = value
    view = rasterize(scene, camera_at_origin())
    alone = rasterize(one_gaussian((0.1, 0, 2.0)), camera_at_origin()).alpha > 0
    np.testing.assert_array_equal(np.isfinite(view.features[0]), ~alone)
    assert np.isfinite(view.features[1]).all()


@pytest.mark.parametrize("seed", range(3))
def test_tiles_that_an_ellipse_does_not_reach_are_left_out_unseen(seed: int) -> None:
    # Needles at all angles, faint ones and Gaussians whose centre lies far outside: the shapes for which the square of
    # tiles and the tiles that the ellipse meets differ most.
    scene = random_scene(seed, 300, 1, 1)
    scales = scene.scales * np.float32([4.0, 0.02, 0.02])
    opacities = np.where(np.arange(300) % 3 == 0, np.float32(1.02 / 255), scene.opacities)
    scene = replace(scene, scales=scales, opacities=opacities.astype(np.float32))
    camera = camera_at_origin(150, 100, focal=80.0)
    assert_same_view(rasterize(scene, camera), Rendering(*rasterize_reference(scene, camera)))


def test_stages_are_timed() -> None:
    seconds = rasterize(one_gaussian(), camera_at_origin()).seconds
    assert list(seconds) == ["project", "sort", "bin", "blend"]
    assert all(value >= 0 for value in seconds.values())


def test_callers_may_draw_at_the_same_time() -> None:
    scene, camera = random_scene(8, 2000, 1, 3), camera_at_origin(90, 70)
    expected = rasterize(scene, camera)
    with ThreadPoolExecutor(4) as pool:
        for view in pool.map(lambda _: rasterize(scene, camera, threads=2), range(8)):
            assert_same_bits(view, expected)


def test_features_given_apart_replace_those_of_the_scene() -> None:
    scene, camera = random_scene(9, 200, 1, 4), camera_at_origin()
    other = np.random.default_rng(1).standard_normal((200, 2))
    assert_same_bits(rasterize(scene, camera, other), rasterize(replace(scene, features=other), camera))
    assert rasterize(replace(scene, features=None), camera).features.shape == (0, 33, 33)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38, -3e38, 1e20, 1e-38, 0.0, -1.0])
@pytest.mark.parametrize("field", ["means", "scales", "rotations", "opacities", "sh", "features"])
def test_hostile_values_are_survived(field: str, value: float) -> None:
    scene = random_scene(11, 300, 4, 2)
    values = getattr(scene, field).copy()
    values[::3] = value
    values.reshape(len(values), -1)[1::3, 0] = value
    with np.errstate(all="ignore"):
        view = rasterize(replace(scene, **{field: values}), camera_at_origin(40, 30))
    assert np.isfinite(view.alpha).all()
    assert view.alpha.min() >= 0
    assert view.alpha.max() <= 1
    assert np.isfinite(view.depth).all()
    if field not in ("sh", "features"):
        assert np.isfinite(view.rgb).all()
        assert np.isfinite(view.features).all()


@pytest.mark.parametrize(
    ("field", "value"), [("means", np.nan), ("means", np.inf), ("scales", np.nan), ("rotations", 0), ("opacities", 0)]
)
def test_gaussians_without_a_shape_change_nothing(field: str, value: float) -> None:
    scene, broken = random_scene(12, 200, 4, 2), random_scene(13, 50, 4, 2)
    broken = replace(broken, **{field: np.full_like(getattr(broken, field), value)})
    camera = camera_at_origin(40, 30)
    assert_same_bits(rasterize(stack(broken, scene, broken), camera), rasterize(scene, camera))


def test_too_many_tiles_are_refused() -> None:
    scene = random_scene(14, 17000)
    scene = replace(scene, means=scene.means + np.float32([0, 0, 10]), scales=np.full_like(scene.scales, 1000.0))
    scene = replace(scene, opacities=np.ones_like(scene.opacities))
    with pytest.raises(SceneError, match=r"17000 visible Gaussians touch 1114112000 tiles.*check that the scales"):
        rasterize(scene, camera_at_origin(4096, 4096, focal=4000.0))


@pytest.mark.parametrize("instructions", instruction_sets()[:1], indirect=True)
def test_a_list_of_tiles_beyond_the_memory_is_refused_with_our_error() -> None:
    # 12,000 Gaussians that touch all 2^14 tiles: their list takes 786 MB, where 400 MB more are allowed.
    script = """
import pathlib, resource
import numpy as np
from rasterizer_scenes import camera_at_origin, random_scene
from rtgs2_trt.errors import SceneError
from rtgs2_trt.rasterize import rasterize
scene = random_scene(14, 12_000)
scene.means[:, 2] += 10
scene.scales[:], scene.opacities[:] = 1000, 1
camera = camera_at_origin(2048, 2048, focal=2000.0)
pages = int(pathlib.Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + (400 << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    rasterize(scene, camera, threads=1)
except SceneError as error:
    print(error)
"""
    found = subprocess.run(
        [sys.executable, "-c", script], cwd=TESTS, capture_output=True, text=True, timeout=120, check=False
    )
    assert found.stdout.startswith("scene: drawing it takes more memory than there is (found 12000 Gaussians"), found


@pytest.mark.parametrize(
    ("field", "shape"),
    [
        ("means", (10, 2)),
        ("scales", (9, 3)),
        ("rotations", (10, 3)),
        ("opacities", (10, 1)),
        ("sh", (10, 3)),
        ("sh", (10, 5, 3)),
        ("features", (9, 4)),
    ],
)
def test_wrong_shapes_are_refused_by_name(field: str, shape: tuple[int, ...]) -> None:
    scene = replace(random_scene(0, 10, 1, 4), **{field: np.zeros(shape, np.float32)})
    with pytest.raises(SceneError, match=rf"^{field}: .*found \({shape[0]}, "):
        rasterize(scene, camera_at_origin())


def test_wrong_arguments_are_refused() -> None:
    scene, camera = one_gaussian(), camera_at_origin()
    with pytest.raises(InputError, match="background"):
        rasterize(scene, camera, background=(0.0, 1.0))
    for background in ("abc", ("a", 0, 0), (1j, 0, 0), (10**400, 0, 0), (np.nan, 0, 0), (1e39, 0, 0), None, {}):
        with pytest.raises(InputError, match=r"^background: not a colour"):
            rasterize(scene, camera, background=background)  # type: ignore[arg-type]
    for digits in (400, 5000):
        with pytest.raises(SceneError, match=r"^features: not an array of numbers"):
            rasterize(scene, camera, [[10**digits, 0]])
    for threads in (-1, 1025, 1.5, True, 10**5000):
        with pytest.raises(InputError, match="threads"):
            rasterize(scene, camera, threads=threads)  # type: ignore[arg-type]


def native_arguments(**changes: object) -> dict[str, object]:
    scene = random_scene(3, 6, 4, 2)
    arguments: dict[str, object] = {
        **{name: getattr(scene, name) for name in ("means", "scales", "rotations", "opacities", "sh", "features")},
        **{"width": 20, "height": 10, "fx": 20.0, "fy": 20.0, "cx": 10.0, "cy": 5.0},
        **{"world_to_camera": np.eye(4), "background": (0.0, 0.0, 0.0), "threads": 1},
    }
    return arguments | changes


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"means": np.zeros((6, 3))}, "means must hold float32"),
        ({"means": np.zeros((6, 4), np.float32)}, r"means has the shape \(6, 4\), expected \(any, 3\)"),
        ({"scales": np.zeros((3, 6), np.float32).T}, "scales must be in C order"),
        ({"opacities": np.zeros((5,), np.float32)}, r"opacities has the shape \(5,\), expected \(6,\)"),
        ({"sh": np.zeros((6, 2, 3), np.float32)}, "2 spherical-harmonics coefficients: use 1, 4, 9 or 16"),
        ({"sh": np.zeros((6, 25, 3), np.float32)}, "more than 16"),
        ({"world_to_camera": np.eye(4, dtype=np.float32)}, "world_to_camera must hold float64"),
        ({"width": 16385}, "width and height must be 0 to 16384"),
        ({"height": -1}, "width and height must be 0 to 16384"),
        ({"threads": -1}, "threads"),
    ],
)
def test_core_refuses_what_it_cannot_read(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _native.rasterize(**native_arguments(**changes))  # type: ignore[arg-type]


def test_core_refuses_an_image_whose_size_no_number_holds() -> None:
    """2^58 channels of 64 x 64 pixels are 0 modulo 2^64."""
    shapes = {"means": (3,), "scales": (3,), "rotations": (4,), "opacities": (), "sh": (1, 3), "features": (2**58,)}
    nothing = {name: np.zeros((0, *shape), np.float32) for name, shape in shapes.items()}
    with pytest.raises(MemoryError):
        _native.rasterize(**native_arguments(**nothing, width=64, height=64))  # type: ignore[arg-type]


def test_core_draws_images_without_pixels() -> None:
    rgb, features, alpha, depth, _ = _native.rasterize(**native_arguments(width=0))  # type: ignore[arg-type]
    assert (rgb.shape, features.shape, alpha.shape, depth.shape) == ((3, 10, 0), (2, 10, 0), (10, 0), (10, 0))


def test_core_draws_nothing_through_a_camera_that_is_not_finite() -> None:
    for changes in ({"world_to_camera": np.zeros((4, 4))}, {"fx": np.nan}, {"cx": np.inf}, {"fx": 0.0}):
        _, _, alpha, _, _ = _native.rasterize(**native_arguments(**changes))  # type: ignore[arg-type]
        assert np.isfinite(alpha).all()
