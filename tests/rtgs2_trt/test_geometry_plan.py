"""The core's geometry plan: equal to the reference, true to its definition, and calm about hostile scenes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rtgs2_trt.errors import SceneError
from rtgs2_trt.geometry_plan import CURVES, GeometryPlan, build_geometry_plan
from rtgs2_trt.reference import geometry_plan as reference

GOLDEN_CURVES = np.load(Path(__file__).parents[1] / "golden" / "curves.npz")
GOLDEN_NAMES = {"z": "z", "z_transposed": "z-trans", "hilbert": "hilbert", "hilbert_transposed": "hilbert-trans"}
GOLDEN_DEPTHS = (1, 2, 3, 4, 7, 11, 16)
FLOAT_MAX = float(np.finfo(np.float32).max)


def random_cloud(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Gaussians on three walls of a room 3 m wide, with few different opacities so that voxels see ties."""
    rng = np.random.default_rng([seed, count])
    means = rng.uniform(-1, 2, (count, 3))
    means[np.arange(count), rng.integers(0, 3, count)] = -1
    means += rng.normal(0, 0.02, means.shape)
    return means.astype(np.float32), (rng.integers(1, 4, count) / 4).astype(np.float32)


def cloud_of_cells(cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One Gaussian a cell, exact in float32 at a voxel size of 1; cell (0, 0, 0) must be among them."""
    return (np.asarray(cells) + 0.5).astype(np.float32), np.ones(len(cells), np.float32)


def cells_of(plan: GeometryPlan, means: np.ndarray, voxel_size: float, stage: int = 0) -> np.ndarray:
    """The grid coordinates of a stage's voxels, from the representatives (nothing left out)."""
    cells = np.trunc((means - means.min(axis=0)) / np.float32(voxel_size)).astype(np.int64)[plan.representatives]
    for s in range(stage):
        cells = cells[plan.arrays[f"stage{s}_children"][:, 0]] >> 1
    return cells


def assert_same(plan: GeometryPlan, expected: GeometryPlan) -> None:
    assert plan.depth == expected.depth
    assert plan.voxel_counts == expected.voxel_counts
    np.testing.assert_array_equal(plan.representatives, expected.representatives)
    np.testing.assert_array_equal(plan.voxel_of_gaussian, expected.voxel_of_gaussian)
    assert list(plan.arrays) == list(expected.arrays)
    for name, array in expected.arrays.items():
        np.testing.assert_array_equal(plan.arrays[name], array, err_msg=name)


@pytest.fixture(scope="module")
def cloud() -> tuple[np.ndarray, np.ndarray]:
    return random_cloud(1025)


@pytest.fixture(scope="module")
def plan(cloud: tuple[np.ndarray, np.ndarray]) -> GeometryPlan:
    return build_geometry_plan(*cloud, patch_size=8)


# Curves


@pytest.mark.parametrize("depth", GOLDEN_DEPTHS)
@pytest.mark.parametrize("curve", CURVES)
def test_reference_curves_have_the_golden_codes(curve: str, depth: int) -> None:
    codes = reference.curve_code(curve, GOLDEN_CURVES[f"coords_depth{depth}"].astype(np.int64), depth)
    np.testing.assert_array_equal(codes, GOLDEN_CURVES[f"{GOLDEN_NAMES[curve]}_depth{depth}"])


@pytest.mark.parametrize("depth", GOLDEN_DEPTHS)
@pytest.mark.parametrize("curve", CURVES)
def test_core_walks_the_golden_cells_in_the_golden_order(curve: str, depth: int) -> None:
    # The corner cell has code 0 on every curve and keeps the grid where it is.
    cells = np.concatenate([np.zeros((1, 3), np.int32), GOLDEN_CURVES[f"coords_depth{depth}"]])
    codes = np.concatenate([[0], GOLDEN_CURVES[f"{GOLDEN_NAMES[curve]}_depth{depth}"]])
    means, opacities = cloud_of_cells(cells)
    plan = build_geometry_plan(means, opacities, voxel_size=1, stages=1)
    assert plan.depth == depth
    _, first = np.unique(codes, return_index=True)
    order = plan.arrays[f"stage0_{curve}_patches"].ravel()[: len(first)]
    np.testing.assert_array_equal(cells[plan.representatives[order]], cells[first])


def test_hilbert_order_of_the_same_cells_turns_with_depth_mod_3() -> None:
    rng = np.random.default_rng(5)
    cells = np.unique(np.concatenate([np.zeros((1, 3), int), rng.integers(0, 8, (60, 3))]), axis=0)

    def order_at(depth: int) -> list[int]:
        far = np.full((1, 3), 2**depth - 1)  # last on the z-order, so the other voxels keep their numbers
        means, opacities = cloud_of_cells(np.concatenate([cells, far]))
        plan = build_geometry_plan(means, opacities, voxel_size=1, stages=1)
        assert plan.depth == depth
        return [i for i in plan.arrays["stage0_hilbert_patches"].ravel().tolist() if i < len(cells)]

    assert order_at(4) == order_at(7) == order_at(10)
    assert order_at(4) != order_at(5)
    assert order_at(4) != order_at(6)
    assert order_at(5) != order_at(6)


# Core against reference


@pytest.mark.parametrize("count", [1, 2, 7, 1000, 1024, 1025, 3000])
@pytest.mark.parametrize(("voxel_size", "patch_size"), [(0.07, 1024), (0.07, 8), (0.3, 8), (0.013, 100), (10.0, 8)])
def test_core_equals_reference(count: int, voxel_size: float, patch_size: int) -> None:
    means, opacities = random_cloud(count)
    sizes = {"voxel_size": voxel_size, "patch_size": patch_size}
    assert_same(
        build_geometry_plan(means, opacities, **sizes), reference.build_geometry_plan(means, opacities, **sizes)
    )


@pytest.mark.parametrize(("stem_kernel", "cpe_kernel"), [(1, 1), (3, 5), (7, 3), (9, 1), (1, 7), (15, 15)])
@pytest.mark.parametrize("stages", [1, 2, 3])
def test_core_equals_reference_for_other_kernels(stem_kernel: int, cpe_kernel: int, stages: int) -> None:
    means, opacities = random_cloud(150)
    sizes = {"voxel_size": 0.2, "stages": stages, "stem_kernel": stem_kernel, "cpe_kernel": cpe_kernel}
    assert_same(
        build_geometry_plan(means, opacities, **sizes), reference.build_geometry_plan(means, opacities, **sizes)
    )


def test_core_equals_reference_for_more_stages_than_the_grid_has_bits() -> None:
    means, opacities = random_cloud(100)
    sizes = {"voxel_size": 0.5, "stages": 16, "patch_size": 8}
    plan = build_geometry_plan(means, opacities, **sizes)
    assert plan.voxel_counts[plan.depth :] == (1,) * (16 - plan.depth)
    assert_same(plan, reference.build_geometry_plan(means, opacities, **sizes))


def test_grid_is_computed_in_float32() -> None:
    means = (np.random.default_rng(2).integers(0, 40, (3000, 3)) * 0.07).astype(np.float32)
    opacities = np.ones(3000, np.float32)
    single = np.trunc((means - means.min(axis=0)) / np.float32(0.07))
    double = np.trunc((means.astype(np.float64) - means.min(axis=0)) / 0.07)
    assert (single != double).any(), "this cloud cannot tell the two apart"
    plan = build_geometry_plan(means, opacities)
    np.testing.assert_array_equal(single[plan.representatives[plan.voxel_of_gaussian]], single)
    assert plan.voxel_counts[0] == len(np.unique(single, axis=0))


# Properties


def test_arrays_are_named_shaped_and_typed_as_documented(plan: GeometryPlan) -> None:
    expected: dict[str, tuple[int, ...]] = {"stem_neighbours": (5, plan.voxel_counts[0], 25)}
    for s, n in enumerate(plan.voxel_counts):
        expected[f"stage{s}_neighbours"] = (3, n, 9)
        for curve in CURVES:
            expected[f"stage{s}_{curve}_patches"] = (-(-n // 8), 8)
            expected[f"stage{s}_{curve}_slots"] = (n,)
        if s < 4:
            expected[f"stage{s}_parents"] = (n,)
            expected[f"stage{s}_children"] = (plan.voxel_counts[s + 1], 8)
    assert {name: array.shape for name, array in plan.arrays.items()} == expected
    for array in (*plan.arrays.values(), plan.representatives, plan.voxel_of_gaussian):
        assert array.dtype == np.int32
        assert array.flags.c_contiguous


def test_representative_is_the_first_of_the_most_opaque(
    cloud: tuple[np.ndarray, np.ndarray], plan: GeometryPlan
) -> None:
    _, opacities = cloud
    ties = 0
    for voxel, representative in enumerate(plan.representatives):
        members = np.flatnonzero(plan.voxel_of_gaussian == voxel)
        best = members[opacities[members] == opacities[members].max()]
        ties += len(best) > 1
        assert representative == best[0]
    assert ties > 10


def test_voxels_ascend_in_z_order(cloud: tuple[np.ndarray, np.ndarray], plan: GeometryPlan) -> None:
    for stage in range(5):
        codes = reference.z_order_code(cells_of(plan, cloud[0], 0.07, stage))
        assert (np.diff(codes) > 0).all()


@pytest.mark.parametrize("curve", CURVES)
def test_slots_invert_patches_and_the_last_patch_repeats_the_one_before(plan: GeometryPlan, curve: str) -> None:
    padded = 0
    for stage, n in enumerate(plan.voxel_counts):
        patches = plan.arrays[f"stage{stage}_{curve}_patches"]
        flat, slots = patches.ravel(), plan.arrays[f"stage{stage}_{curve}_slots"]
        np.testing.assert_array_equal(flat[slots], np.arange(n))
        np.testing.assert_array_equal(slots[flat[:n]], np.arange(n))
        np.testing.assert_array_equal(flat[n:], flat[n - patches.shape[1] : flat.size - patches.shape[1]])
        padded += flat.size - n
    assert padded > 0


@pytest.mark.parametrize("curve", CURVES)
def test_each_stage_follows_the_curve_of_its_own_depth(
    cloud: tuple[np.ndarray, np.ndarray], plan: GeometryPlan, curve: str
) -> None:
    for stage, n in enumerate(plan.voxel_counts):
        codes = reference.curve_code(curve, cells_of(plan, cloud[0], 0.07, stage), plan.depth - stage)
        assert (np.diff(codes[plan.arrays[f"stage{stage}_{curve}_patches"].ravel()[:n]]) > 0).all()


def test_neighbours_are_mutual_and_the_centre_is_the_voxel(plan: GeometryPlan) -> None:
    for name in ("stem_neighbours", *(f"stage{s}_neighbours" for s in range(5))):
        kernel, n, _ = plan.arrays[name].shape
        table = plan.arrays[name].transpose(1, 0, 2).reshape(n, kernel**3)
        np.testing.assert_array_equal(table[:, kernel**3 // 2], np.arange(n))
        voxel, tap = np.nonzero(table < n)
        np.testing.assert_array_equal(table[table[voxel, tap], kernel**3 - 1 - tap], voxel)


@pytest.mark.parametrize("stage", range(5))
def test_neighbours_equal_a_search_of_the_dense_grid(
    cloud: tuple[np.ndarray, np.ndarray], plan: GeometryPlan, stage: int
) -> None:
    tables = [plan.arrays[f"stage{stage}_neighbours"]] + [plan.arrays["stem_neighbours"]] * (stage == 0)
    cells = cells_of(plan, cloud[0], 0.07, stage)
    n = len(cells)
    for table in tables:
        kernel = len(table)
        radius = kernel // 2
        dense = np.full(cells.max(axis=0) + 1 + 2 * radius, n)
        dense[tuple((cells + radius).T)] = np.arange(n)
        for voxel, (x, y, z) in enumerate(cells):
            around = dense[x : x + kernel, y : y + kernel, z : z + kernel]
            np.testing.assert_array_equal(table[:, voxel], around.reshape(kernel, kernel * kernel))


def test_full_grid_has_no_neighbours_beyond_its_faces() -> None:
    """Every cell of the 8 x 8 x 8 grid is taken, so a wrapped-around coordinate would find a voxel."""
    means, opacities = cloud_of_cells(np.stack(np.meshgrid(*[np.arange(8)] * 3), axis=-1).reshape(-1, 3))
    plan = build_geometry_plan(means, opacities, voxel_size=1, stages=4)
    for name, side in [("stem_neighbours", 8), *((f"stage{s}_neighbours", 8 >> s) for s in range(4))]:
        kernel, n, _ = plan.arrays[name].shape
        inside_an_axis = sum(max(side - abs(offset), 0) for offset in range(-(kernel // 2), kernel // 2 + 1))
        assert (plan.arrays[name] < n).sum() == inside_an_axis**3


def test_corners_of_the_largest_grid_are_not_neighbours() -> None:
    corners = np.array([(x, y, z) for x in (0, 65535) for y in (0, 65535) for z in (0, 65535)])
    plan = build_geometry_plan(*cloud_of_cells(corners), voxel_size=1)
    assert plan.depth == 16
    assert plan.voxel_counts == (8,) * 5
    for name in ("stem_neighbours", *(f"stage{s}_neighbours" for s in range(5))):
        assert (plan.arrays[name] < 8).sum() == 8


def test_parents_and_children_agree(cloud: tuple[np.ndarray, np.ndarray], plan: GeometryPlan) -> None:
    for stage in range(4):
        parents, children = plan.arrays[f"stage{stage}_parents"], plan.arrays[f"stage{stage}_children"]
        coarse = cells_of(plan, cloud[0], 0.07, stage + 1)
        np.testing.assert_array_equal(cells_of(plan, cloud[0], 0.07, stage) >> 1, coarse[parents])
        for parent, row in enumerate(children):
            members = np.flatnonzero(parents == parent)
            np.testing.assert_array_equal(row[: len(members)], members)
            assert (row[len(members) :] == members[0]).all()


def test_submanifold_convolution_equals_dense_convolution_at_the_voxels() -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(7)
    means, opacities = random_cloud(400)
    plan = build_geometry_plan(means, opacities, voxel_size=0.25)
    for name, stage in (("stem_neighbours", 0), ("stage0_neighbours", 0), ("stage1_neighbours", 1)):
        cells = cells_of(plan, means, 0.25, stage)
        kernel = plan.arrays[name].shape[0]
        weights = rng.standard_normal((6, kernel, kernel, kernel, 4))  # [out, k0, k1, k2, in]
        features = rng.standard_normal((len(cells), 4))
        padded = np.concatenate([features, np.zeros((1, 4))])
        gathered = padded[plan.arrays[name]].reshape(kernel, len(cells), kernel, kernel, 4)
        sparse = np.einsum("anbci,oabci->no", gathered, weights)

        grid = np.zeros((1, 4, *(cells.max(axis=0) + 1)))
        grid[0][(slice(None), *cells.T)] = features.T
        kernels = torch.from_numpy(weights).permute(0, 4, 1, 2, 3)
        dense = torch.nn.functional.conv3d(torch.from_numpy(grid), kernels, padding=kernel // 2)[0].numpy()
        # float64: only the order of at most 500 additions differs.
        np.testing.assert_allclose(sparse, dense[(slice(None), *cells.T)].T, rtol=0, atol=1e-11)


# Hostile and degenerate scenes


@pytest.mark.parametrize("count", [1, 50])
def test_one_voxel(count: int) -> None:
    opacities = np.full(count, 0.5)
    opacities[count // 2] = 0.6
    plan = build_geometry_plan(np.full((count, 3), -3.25), opacities)
    assert plan.depth == 0
    assert plan.voxel_counts == (1,) * 5
    assert plan.representatives.tolist() == [count // 2]
    assert plan.voxel_of_gaussian.tolist() == [0] * count
    centre_only = np.ones((5, 1, 25), np.int32)
    centre_only[2, 0, 12] = 0
    np.testing.assert_array_equal(plan.arrays["stem_neighbours"], centre_only)
    for stage in range(5):
        assert np.flatnonzero(plan.arrays[f"stage{stage}_neighbours"] == 0).tolist() == [13]
        for curve in CURVES:
            assert plan.arrays[f"stage{stage}_{curve}_patches"].tolist() == [[0]]
            assert plan.arrays[f"stage{stage}_{curve}_slots"].tolist() == [0]
    assert plan.arrays["stage3_parents"].tolist() == [0]
    assert plan.arrays["stage3_children"].tolist() == [[0] * 8]


@pytest.mark.parametrize("distance", [1e5, 1e12, FLOAT_MAX])
def test_floaters_are_left_out_and_change_nothing_else(
    cloud: tuple[np.ndarray, np.ndarray], plan: GeometryPlan, distance: float
) -> None:
    means, opacities = cloud
    floaters = distance * np.concatenate([np.eye(3), -np.eye(3), [[1, 1, 1]]])
    places = [0, 0, 17, 500, 500, 1000, 1025]
    all_means = np.insert(means, places, floaters.astype(np.float32), axis=0)
    all_opacities = np.insert(opacities, places, np.float32(1))
    kept = np.flatnonzero(np.insert(np.ones(1025, bool), places, False))

    with_floaters = build_geometry_plan(all_means, all_opacities, patch_size=8)
    of_all = np.full(len(all_means), -1)
    of_all[kept] = plan.voxel_of_gaussian
    assert_same(
        with_floaters,
        GeometryPlan(kept[plan.representatives], of_all, plan.depth, plan.voxel_counts, plan.arrays),
    )
    assert_same(with_floaters, reference.build_geometry_plan(all_means, all_opacities, patch_size=8))


@pytest.mark.parametrize(
    ("positions", "kept"),
    [
        ([0, 5, 65535], [0, 5, 65535]),  # fills the grid to its last cell
        ([0, 30000, 65536], [0, 30000]),  # one cell more
        ([-32767, 0, 32767, 99999], [-32767, 0, 32767]),  # just near enough
        ([-32768, 0, 32768, 99999], [0]),  # just too far
        ([0, 1, 70000, 70001], [0, 1]),  # the lower of two medians
    ],
)
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("voxel_size", [0.0625, 1.0])
def test_window_of_the_kept_gaussians(positions: list[int], kept: list[int], axis: int, voxel_size: float) -> None:
    means = np.zeros((len(positions), 3), np.float32)
    means[:, axis] = np.array(positions) * voxel_size
    opacities = np.ones(len(positions), np.float32)
    plan = build_geometry_plan(means, opacities, voxel_size=voxel_size)
    assert [p for p, voxel in zip(positions, plan.voxel_of_gaussian, strict=True) if voxel >= 0] == kept
    assert plan.depth == (max(kept) - min(kept)).bit_length()
    assert_same(plan, reference.build_geometry_plan(means, opacities, voxel_size=voxel_size))


@pytest.mark.parametrize("voxel_size", [1e-30, 0.07, 1e30])
@pytest.mark.parametrize("magnitude", [1e-45, 1e-30, 1.0, 1e30, FLOAT_MAX])
def test_extreme_magnitudes(magnitude: float, voxel_size: float) -> None:
    rng = np.random.default_rng(3)
    means = (rng.choice([-1, -0.5, 0, 0.25, 0.5, 1], (40, 3), p=[0.1, 0.1, 0.5, 0.1, 0.1, 0.1]) * magnitude).astype(
        np.float32
    )
    means[20:] = 0
    opacities = rng.random(40, np.float32)
    assert_same(
        build_geometry_plan(means, opacities, voxel_size=voxel_size),
        reference.build_geometry_plan(means, opacities, voxel_size=voxel_size),
    )


def test_plan_is_identical_for_all_thread_counts() -> None:
    means, opacities = random_cloud(40_000)
    plans = [build_geometry_plan(means, opacities, voxel_size=0.03, threads=threads) for threads in (1, 2, 5, 5, 0)]
    assert plans[0].voxel_counts[0] > 3 * 4096, "too few voxels for several threads to share"
    for plan in plans[1:]:
        assert_same(plan, plans[0])


def test_other_layouts_and_types_of_the_arguments_are_understood(cloud: tuple[np.ndarray, np.ndarray]) -> None:
    means, opacities = cloud
    expected = build_geometry_plan(means, opacities)
    assert_same(build_geometry_plan(means.astype(np.float64), opacities.astype(np.float64)), expected)
    assert_same(build_geometry_plan(np.asfortranarray(means), np.repeat(opacities, 2)[::2]), expected)
    assert_same(build_geometry_plan(means.tolist(), opacities.tolist()), expected)


# Refusals

MEANS, OPACITIES = np.zeros((4, 3), np.float32), np.ones(4, np.float32)


def spoilt(array: np.ndarray, value: float) -> np.ndarray:
    result = array.astype(np.float64)
    result[2] = value
    return result


@pytest.mark.parametrize(
    ("means", "opacities", "message"),
    [
        (np.zeros((4, 4)), OPACITIES, r"means: wrong shape \(found \(4, 4\), expected \(N, 3\)\)"),
        (np.zeros(12), OPACITIES, r"means: wrong shape"),
        ([[0, 0, 0], [0, 0]], OPACITIES, r"means: not an array: .*\(expected \(N, 3\)\)"),
        (MEANS, np.ones((4, 1)), r"opacities: wrong shape \(found \(4, 1\), expected \(N,\)\)"),
        (MEANS, np.ones(5), r"opacities: not one opacity a Gaussian \(found 5, expected 4\)\. Pass"),
        (np.zeros((0, 3)), np.zeros(0), r"means: unusable number of Gaussians \(found 0, .*\)\. Load a scene"),
        (
            np.broadcast_to(np.float32(0), (2**31, 3)),
            np.broadcast_to(np.float32(0), (2**31,)),
            r"means: unusable number of Gaussians \(found 2147483648, expected 1 to 2\*\*31 - 1\)\. Split",
        ),
        (spoilt(MEANS, np.nan), OPACITIES, r"means: values that are not finite \(found .* at Gaussian 2, 1 such"),
        (spoilt(MEANS, np.inf), OPACITIES, r"means: values that are not finite .*\. Remove these Gaussians"),
        (spoilt(MEANS, 1e39), OPACITIES, r"means: values that are not finite"),
        (MEANS, spoilt(OPACITIES, np.nan), r"opacities: values that are not finite \(found nan at Gaussian 2"),
        (MEANS.astype(complex), OPACITIES, r"means: not real numbers \(found complex128, expected float32\)"),
        (np.eye(3) * 1e9, np.ones(3), r"means: the Gaussians lie too far apart.*pass a larger voxel_size"),
    ],
)
def test_unusable_gaussians_are_refused(means: np.ndarray, opacities: np.ndarray, message: str) -> None:
    with pytest.raises(SceneError, match=message):
        build_geometry_plan(means, opacities)


@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        *(("voxel_size", v, r"voxel_size: not a usable length .* a positive number") for v in (0, -1, np.nan, np.inf)),
        ("voxel_size", 1e-38, r"voxel_size: not a usable length \(found 1e-38, .*1e-30 to 1e30\)"),
        ("voxel_size", 10**400, r"voxel_size: not a usable length \(found 1000"),
        pytest.param("voxel_size", 10**5000, r"voxel_size: not a usable length \(found a number of", id="long"),
        pytest.param("threads", 10**5000, r"threads: not a usable number \(found a number of", id="longer"),
        ("voxel_size", "7 cm", r"voxel_size: not a usable length \(found '7 cm'"),
        *(("stages", v, rf"stages: not a usable number \(found {v}, .* 1 to 16\)") for v in (0, 17, 2.5, None)),
        *(("patch_size", v, rf"patch_size: not a usable number \(found {v}, .*\)") for v in (0, 2**31)),
        *(("stem_kernel", v, rf"stem_kernel: .*found {v}.*\. Pass another stem_kernel") for v in (-1, 4, 17)),
        ("cpe_kernel", 2, r"cpe_kernel: a kernel without a centre \(found 2, expected an odd number\)"),
        ("threads", -1, r"threads: not a usable number \(found -1, expected a whole number from 0 to 1024\)"),
    ],
)
def test_unusable_sizes_are_refused(argument: str, value: object, message: str) -> None:
    with pytest.raises(SceneError, match=message):
        build_geometry_plan(MEANS, OPACITIES, **{argument: value})
