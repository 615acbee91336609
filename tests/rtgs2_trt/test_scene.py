import re
import threading
import warnings

import numpy as np
import pytest

from ply_files import gaussian_columns, header, rows, write_gaussians
from rtgs2_trt.errors import InputError, SceneError
from rtgs2_trt.orientation import orientation
from rtgs2_trt.quaternions import matrix_from_quaternion
from rtgs2_trt.scene import DroppedGaussiansWarning, Scene, SceneScaleWarning
from rtgs2_trt.scene_files import standard_ply
from rtgs2_trt.spherical_harmonics import sh_basis

FORMATS = ["ascii", "binary_little_endian", "binary_big_endian"]
ENCODER = "0123456789abcdef" * 4
ARRAYS = ["means", "scales", "rotations", "opacities", "sh"]


def arguments(count=10, coefficients=4, features=None):
    rng = np.random.default_rng(count)
    return {
        "means": rng.uniform(-3, 3, (count, 3)),
        "scales": rng.uniform(0.01, 1, (count, 3)),
        "rotations": rng.normal(size=(count, 4)),
        "opacities": rng.uniform(0, 1, count),
        "sh": rng.normal(size=(count, coefficients, 3)),
        "features": None if features is None else rng.normal(size=(count, features)),
    }


def covariances(scene):
    turned = [matrix_from_quaternion(q) for q in scene.rotations.astype(float)] * scene.scales[:, None].astype(float)
    return turned @ turned.transpose(0, 2, 1)


# Arrays


def test_arrays_become_contiguous_float32():
    given = arguments(features=5)
    given["sh"] = np.asfortranarray(given["sh"])
    scene = Scene(**given, features_encoder=ENCODER.upper())
    for name in [*ARRAYS, "features"]:
        array = getattr(scene, name)
        assert array.dtype == np.float32
        assert array.flags.c_contiguous
    np.testing.assert_array_equal(scene.means, given["means"].astype(np.float32))
    np.testing.assert_allclose(np.linalg.norm(scene.rotations, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(
        scene.rotations * np.linalg.norm(given["rotations"], axis=1, keepdims=True), given["rotations"], atol=1e-6
    )
    assert (len(scene), scene.sh_degree, scene.features_encoder) == (10, 1, ENCODER)
    np.testing.assert_array_equal(scene.bounds, [scene.means.min(axis=0), scene.means.max(axis=0)])
    assert repr(scene) == "Scene(10 Gaussians, SH degree 1, features 5)"


def test_features_can_be_set_later():
    scene = Scene(**arguments())
    encoded = scene.with_features(np.ones((10, 32)), ENCODER)
    assert scene.features is None
    assert (encoded.features.shape, encoded.features_encoder) == ((10, 32), ENCODER)
    assert encoded.means is scene.means
    np.testing.assert_array_equal(encoded.rotations, scene.rotations)
    with pytest.raises(SceneError, match="features: wrong shape"):
        scene.with_features(np.ones((9, 32)))
    with pytest.raises(SceneError, match="features: NaN or infinite values"):
        scene.with_features(np.full((10, 32), np.nan))
    with pytest.raises(SceneError, match="features_encoder: an encoder without features"):
        scene.with_features(None, ENCODER)
    assert encoded.with_features(None).features is None
    assert encoded.with_features(None).features_encoder is None


@pytest.mark.parametrize("name", [*ARRAYS, "features"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
def test_values_that_are_not_finite(name, bad):
    given = arguments(features=3)
    given[name][7].flat[-1:] = bad
    if name == "opacities":
        given[name][7] = bad
    given[name][4] = bad
    with pytest.raises(SceneError, match=rf"^{name}: NaN or infinite .*2 of 10 Gaussians, the first at index 4"):
        Scene(**given)


BAD_ARRAYS = {
    "means: wrong shape (found (10, 2), expected (N, 3))": {"means": np.zeros((10, 2))},
    "means: there are no Gaussians": {"means": np.zeros((0, 3))},
    "scales: wrong shape (found (9, 3), expected (10, 3))": {"scales": np.ones((9, 3))},
    "rotations: wrong shape (found (10, 3), expected (10, 4))": {"rotations": np.ones((10, 3))},
    "opacities: wrong shape (found (10, 1), expected (10,))": {"opacities": np.ones((10, 1))},
    "sh: wrong shape (found (10, 5, 3)": {"sh": np.ones((10, 5, 3))},
    "sh: wrong shape (found (10, 3)": {"sh": np.ones((10, 3))},
    "features: wrong shape (found (10, 0)": {"features": np.ones((10, 0))},
    "features: wrong shape (found (10,)": {"features": np.ones(10)},
    "means: not an array of real numbers (found <U1": {"means": [["a"] * 3] * 10},
    "means: not an array of numbers": {"means": [[1, 2, 3], [1]]},
    "means: not an array of real numbers (found bool": {"means": np.ones((10, 3), dtype=bool)},
    "means: not an array of real numbers (found complex128": {"means": np.ones((10, 3), dtype=complex)},
    "scales: scales that are not positive (found 10 of 10": {"scales": np.zeros((10, 3))},
    "opacities: opacities outside 0 to 1 (found 1 of 10 Gaussians, the first at index 9": {
        "opacities": [*([0.5] * 9), 1.5]
    },
    "opacities: opacities outside 0 to 1 (found 1 of 10 Gaussians, the first at index 0": {
        "opacities": [-0.5, *([0.5] * 9)]
    },
    "rotations: zero quaternions (found 10 of 10": {"rotations": np.zeros((10, 4))},
    "features_encoder: not a SHA-256": {"features": np.ones((10, 1)), "features_encoder": "abc"},
    "features_encoder: an encoder without features": {"features_encoder": ENCODER},
}


@pytest.mark.parametrize("message", BAD_ARRAYS)
def test_bad_arrays(message):
    with pytest.raises(SceneError, match=re.escape(message)):
        Scene(**{**arguments(), **BAD_ARRAYS[message]})


# Change of world


@pytest.mark.parametrize("up", ["x", "-x", "y", "-y", "z", "-z"])
def test_orientation_turns_the_axis_to_plus_z(up):
    rotation = orientation(up)
    axis = np.eye(3)["xyz".index(up[-1])] * (-1 if up[0] == "-" else 1)
    np.testing.assert_array_equal(rotation @ axis, [0, 0, 1])
    np.testing.assert_array_equal(rotation @ rotation.T, np.eye(3))
    assert np.linalg.det(rotation) == 1


@pytest.mark.parametrize("up", ["w", "", "+z", None, ["z"]])
def test_impossible_axes(up, tmp_path):
    with pytest.raises(InputError, match="up: not an axis"):
        orientation(up)
    with pytest.raises(SceneError, match="up: not an axis"):
        Scene.load(tmp_path, up=up)


@pytest.mark.parametrize("coefficients", [1, 4, 9, 16])
def test_transformed_scene_looks_the_same_from_transformed_places(coefficients):
    scene = Scene(**arguments(coefficients=coefficients, features=2), features_encoder=ENCODER)
    rotation = matrix_from_quaternion(np.array([0.5, -0.1, 0.7, 0.5]))
    moved = scene.transformed(2.5, rotation)
    np.testing.assert_allclose(moved.means, 2.5 * scene.means @ rotation.T, atol=1e-5)
    np.testing.assert_allclose(covariances(moved), 2.5**2 * rotation @ covariances(scene) @ rotation.T, atol=1e-5)
    np.testing.assert_array_equal(moved.opacities, scene.opacities)
    directions = scene.means / np.linalg.norm(scene.means, axis=1, keepdims=True)
    before = np.einsum("nk,nkc->nc", sh_basis(directions, scene.sh_degree), scene.sh)
    after = np.einsum("nk,nkc->nc", sh_basis(directions @ rotation.T, scene.sh_degree), moved.sh)
    np.testing.assert_allclose(after, before, atol=1e-5)
    assert moved.features is None  # they belong to the voxels of the old world
    assert moved.features_encoder is None


def test_extreme_scales_stay_positive_and_finite():
    scene = Scene(**arguments())
    assert scene.transformed(1e-37, np.eye(3)).scales.min() > 0
    with pytest.raises(SceneError, match="means: NaN or infinite"):
        scene.transformed(1e39, np.eye(3))


@pytest.mark.parametrize("scale", [0, -1, np.nan, np.inf, None, "a", 10**400, pytest.param(10**5000, id="long")])
def test_impossible_scales(scale, tmp_path):
    with pytest.raises(SceneError, match="scale: not a positive number"):
        Scene(**arguments()).transformed(scale, np.eye(3))
    with pytest.raises(SceneError, match="scale: not a positive number"):
        Scene.load(tmp_path, scale=scale)


BAD_ROTATIONS = {
    "rotation: wrong shape (found (4, 4), expected (3, 3))": np.eye(4),
    "rotation: not orthonormal": 1.01 * np.eye(3),
    "rotation: not orthonormal.": np.full((3, 3), np.nan),
    "rotation: a reflection": -np.eye(3),
    "rotation: not a matrix of numbers": "turn",
    "rotation: not a matrix of numbers (expected a (3, 3) array)": [[10**400, 0, 0], [0, 1, 0], [0, 0, 1]],
}


@pytest.mark.parametrize("message", BAD_ROTATIONS)
def test_impossible_rotations(message):
    with pytest.raises(SceneError, match=re.escape(message)):
        Scene(**arguments()).transformed(1, BAD_ROTATIONS[message])


# Files


def check_against_columns(scene, columns):
    def stack(*names):
        return np.stack([columns[name] for name in names], axis=-1).astype(np.float64)

    np.testing.assert_array_equal(scene.means, stack("x", "y", "z"))
    np.testing.assert_allclose(scene.scales, np.exp(stack("scale_0", "scale_1", "scale_2")), rtol=1e-6)
    np.testing.assert_allclose(scene.opacities, 1 / (1 + np.exp(-columns["opacity"].astype(np.float64))), rtol=1e-6)
    quaternions = stack("rot_0", "rot_1", "rot_2", "rot_3")
    quaternions /= np.linalg.norm(quaternions, axis=1, keepdims=True)
    np.testing.assert_allclose(scene.rotations, quaternions, atol=1e-7)
    higher = scene.sh.shape[1] - 1
    np.testing.assert_array_equal(scene.sh[:, 0], stack("f_dc_0", "f_dc_1", "f_dc_2"))
    for channel in range(3):
        for k in range(higher):
            np.testing.assert_array_equal(scene.sh[:, 1 + k, channel], columns[f"f_rest_{channel * higher + k}"])


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_loads_standard_files(tmp_path, format_, degree):
    columns = gaussian_columns(degree=degree)
    scene = Scene.load(write_gaussians(tmp_path / "scene.ply", columns, format_))
    assert scene.sh_degree == degree
    assert scene.features is None
    check_against_columns(scene, columns)


@pytest.mark.parametrize("format_", FORMATS)
def test_what_is_loaded_is_what_the_constructor_makes_of_it(tmp_path, format_):
    columns = gaussian_columns(count=500, degree=2) | {"f_pc_0": np.ones(500), "f_pc_1": np.arange(500)}
    columns["scale_0"][:2] = -1e30, 1e30
    columns["opacity"][:2] = -np.inf, np.inf
    for i in range(4):
        columns[f"rot_{i}"][:2] *= np.float32(1e-30), np.float32(1e30)
    loaded = Scene.load(write_gaussians(tmp_path / "scene.ply", columns, format_))
    made = Scene(**vars(loaded))  # checks everything
    for name in [*ARRAYS, "features"]:
        array = getattr(loaded, name)
        assert (array.dtype, array.flags.c_contiguous) == (np.float32, True)
        assert array.shape == getattr(made, name).shape
        assert array.tobytes() == getattr(made, name).tobytes()


@pytest.mark.parametrize("threads", [-1, 1025, 1.5])
def test_impossible_numbers_of_threads(tmp_path, threads):
    with pytest.raises(InputError, match="threads: impossible number of threads"):
        Scene.load(tmp_path, threads=threads)


@pytest.mark.parametrize("format_", FORMATS)
def test_order_types_normals_and_extras_do_not_matter(tmp_path, format_):
    columns = gaussian_columns(degree=2)
    for name in ("nx", "ny", "nz"):
        del columns[name]
    columns["class_id"] = np.arange(20)
    columns["f_restx"] = np.arange(20)
    names = list(np.random.default_rng(3).permutation(list(columns)))
    properties = {name: "ushort" if name == "class_id" else ["float", "double"][i % 2] for i, name in enumerate(names)}
    data = header(format_, properties, 20, ["comment hello"]) + rows(format_, properties, columns)
    path = tmp_path / "scene.ply"
    path.write_bytes(data)
    check_against_columns(Scene.load(path), columns)


def test_loading_changes_units_and_axes(tmp_path):
    columns = gaussian_columns(degree=3)
    path = write_gaussians(tmp_path / "scene.ply", columns)
    loaded, moved = Scene.load(path, scale=2, up="-y"), Scene.load(path).transformed(2, orientation("-y"))
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(loaded, name), getattr(moved, name))
    np.testing.assert_allclose(loaded.means[:, 2], -2 * columns["y"], rtol=1e-6)


def test_extreme_stored_values(tmp_path):
    columns = gaussian_columns()
    columns["scale_0"][:2] = -1e30, 1e30
    columns["opacity"][:2] = -1e30, 1e30
    scene = Scene.load(write_gaussians(tmp_path / "scene.ply", columns))
    assert 0 < scene.scales[0, 0] < 1e-37
    assert 1e38 < scene.scales[1, 0] < np.inf
    np.testing.assert_array_equal(scene.opacities[:2], [0, 1])


@pytest.mark.parametrize("coefficients", [1, 4, 9, 16])
def test_saved_scenes_come_back(tmp_path, coefficients):
    scene = Scene(**arguments(count=1000, coefficients=coefficients, features=32), features_encoder=ENCODER)
    scene.features[:3, 0] = -0.0, 1e-44, 3e38
    scene.opacities[:3] = 0, 1, 1 - 2**-24
    scene.save(tmp_path / "scene.ply")
    back = Scene.load(tmp_path / "scene.ply")
    np.testing.assert_array_equal(back.means, scene.means)
    np.testing.assert_array_equal(back.sh, scene.sh)
    assert back.features.tobytes() == scene.features.tobytes()
    assert back.features_encoder == ENCODER
    # A stored logarithm is rounded to 2**-24 of its size (at most 20 here).
    np.testing.assert_allclose(back.scales, scene.scales, rtol=2e-6)
    np.testing.assert_allclose(back.opacities, scene.opacities, rtol=2e-6, atol=1e-30)
    np.testing.assert_array_equal(back.rotations, scene.rotations)
    assert [p.name for p in tmp_path.iterdir()] == ["scene.ply"]


def two_layouts():
    """Two scenes whose rows take the same bytes in a file and hold different properties."""
    return Scene(**arguments(200, 4, features=36)), Scene(**arguments(200, 16))


def test_a_scene_replaced_while_it_is_loaded_is_the_old_one(tmp_path, monkeypatch):
    old, new = two_layouts()
    path = tmp_path / "a.ply"
    old.save(path)
    expected = Scene.load(path)
    columns_of = standard_ply._gaussian_columns

    def replace_after_the_header(header, file):
        new.save(path)
        return columns_of(header, file)

    monkeypatch.setattr(standard_ply, "_gaussian_columns", replace_after_the_header)
    found = Scene.load(path)
    for name in [*ARRAYS, "features"]:
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    monkeypatch.undo()
    assert Scene.load(path).sh_degree == new.sh_degree


def test_loading_while_another_thread_saves(tmp_path):
    scenes = two_layouts()
    path = tmp_path / "a.ply"
    for scene in reversed(scenes):
        scene.save(path)
    done = threading.Event()

    def save_in_turn():
        while not done.is_set():
            for scene in scenes:
                scene.save(path)

    writer = threading.Thread(target=save_in_turn)
    writer.start()
    try:
        loaded = [Scene.load(path, threads=1) for _ in range(300)]
    finally:
        done.set()
        writer.join()
    for scene in loaded:
        np.testing.assert_array_equal(scene.means, scenes[scene.features is None].means)
        np.testing.assert_array_equal(scene.sh, scenes[scene.features is None].sh)


def test_saved_files_have_the_standard_layout(tmp_path):
    Scene(**arguments(coefficients=4)).save(tmp_path / "scene.ply")
    text = (tmp_path / "scene.ply").read_bytes().split(b"end_header\n")[0].decode()
    names = "x y z nx ny nz f_dc_0 f_dc_1 f_dc_2 " + " ".join(f"f_rest_{i}" for i in range(9))
    names += " opacity scale_0 scale_1 scale_2 rot_0 rot_1 rot_2 rot_3"
    expected = "ply\nformat binary_little_endian 1.0\nelement vertex 10\n"
    assert text == expected + "".join(f"property float {name}\n" for name in names.split())


def test_features_without_encoder(tmp_path):
    Scene(**arguments(features=2)).save(tmp_path / "scene.ply")
    scene = Scene.load(tmp_path / "scene.ply")
    assert scene.features.shape == (10, 2)
    assert scene.features_encoder is None


def test_an_encoder_without_features_is_ignored(tmp_path):
    columns = gaussian_columns()
    text = header("ascii", dict.fromkeys(columns, "float"), 20, [f"comment rtgs2_encoder {ENCODER}"])
    (tmp_path / "scene.ply").write_bytes(text + rows("ascii", dict.fromkeys(columns, "float"), columns))
    assert Scene.load(tmp_path / "scene.ply").features_encoder is None


@pytest.mark.parametrize(
    ("comments", "message"),
    [(["comment rtgs2_encoder xyz"], "not a SHA-256"), ([f"comment rtgs2_encoder {c * 64}" for c in "ab"], "several")],
)
def test_bad_encoders(tmp_path, comments, message):
    columns = gaussian_columns() | {"f_pc_0": np.zeros(20)}
    properties = dict.fromkeys(columns, "float")
    (tmp_path / "scene.ply").write_bytes(header("ascii", properties, 20, comments) + rows("ascii", properties, columns))
    with pytest.raises(SceneError, match=rf"scene\.ply: .*{message}"):
        Scene.load(tmp_path / "scene.ply")


def test_saving_to_an_impossible_place(tmp_path):
    with pytest.raises(SceneError, match="its folder does not exist"):
        Scene(**arguments()).save(tmp_path / "absent" / "scene.ply")


# Files that are not such scenes


def without(*names):
    columns = gaussian_columns()
    for name in names:
        del columns[name]
    return columns


def only(*names):
    columns = gaussian_columns()
    return {name: columns[name] for name in names}


BAD_COLUMNS = {
    "opacity, rot_3: properties are missing": without("opacity", "rot_3"),
    "x: properties are missing": without("x"),
    "2D Gaussians (surfels": without("scale_2"),
    "a mesh or point cloud, not Gaussians (found properties nx, ny, nz, x, y, z)": only(
        "x", "y", "z", "nx", "ny", "nz"
    ),
    "f_rest_*: not a whole degree of spherical harmonics (found 8 properties, expected 0, 9, 24 or 45)": without(
        "f_rest_8"
    ),
    "f_rest_3: numbered with a gap up to f_rest_8": without("f_rest_3"),
    **{
        f"{name}: a property whose number makes no sense (expected {name.rsplit('_', 1)[0]}_0, ": gaussian_columns()
        | {name: np.zeros(20)}
        for name in ("f_rest_" + "9" * 20, "f_rest_01", "f_rest_x", "f_rest_", "f_pc_-1")
    },
    "f_pc_1: numbered with a gap up to f_pc_2": gaussian_columns() | {"f_pc_0": np.ones(20), "f_pc_2": np.ones(20)},
    "element vertex: there are no Gaussians in it (found 0)": gaussian_columns(count=0),
}


@pytest.mark.parametrize("message", BAD_COLUMNS)
def test_files_that_are_no_scenes(tmp_path, message):
    path = write_gaussians(tmp_path / "bad.ply", BAD_COLUMNS[message])
    with pytest.raises(SceneError, match=re.escape(f"{path}: ") + ".*" + re.escape(message)):
        Scene.load(path)


def test_a_file_without_vertices(tmp_path):
    text = header("ascii", {"x": "float"}, 1).replace(b"element vertex", b"element camera")
    (tmp_path / "bad.ply").write_bytes(text + b"1\n")
    with pytest.raises(SceneError, match="expected an element 'vertex'"):
        Scene.load(tmp_path / "bad.ply")


def test_paths_that_are_no_files(tmp_path):
    with pytest.raises(SceneError, match=r"absent\.ply: there is no such file"):
        Scene.load(tmp_path / "absent.ply")
    with pytest.raises(SceneError, match="a folder, not a file"):
        Scene.load(tmp_path)


def test_unreadable_files(tmp_path, monkeypatch):
    path = write_gaussians(tmp_path / "scene.ply", gaussian_columns())

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(path), "open", refuse)
    with pytest.raises(SceneError, match=r"scene\.ply: cannot be read: .*Permission denied"):
        Scene.load(path)


@pytest.mark.parametrize(
    ("name", "bad"), [("f_rest_4", np.nan), ("opacity", np.nan), ("y", -np.inf), ("rot_1", np.nan)]
)
def test_values_in_files_that_are_not_finite(tmp_path, name, bad):
    columns = gaussian_columns()
    columns[name][[5, 11]] = bad
    path = write_gaussians(tmp_path / "bad.ply", columns)
    message = rf"bad\.ply: {name}: NaN or infinite values \(found 2 of 20 Gaussians, the first at index 5\).*drop"
    with pytest.raises(SceneError, match=message):
        Scene.load(path)
    with pytest.warns(DroppedGaussiansWarning, match=rf"^{re.escape(str(path))}: dropped 2 of 20 Gaussians") as caught:
        scene = Scene.load(path, invalid="drop")
    assert caught[0].filename == __file__
    check_against_columns(scene, {key: np.delete(values, [5, 11]) for key, values in columns.items()})


def test_infinite_logits_are_opacities_of_0_and_1(tmp_path):
    columns = gaussian_columns()
    columns["opacity"][:2] = np.inf, -np.inf
    scene = Scene.load(write_gaussians(tmp_path / "scene.ply", columns))
    assert (scene.opacities[0], scene.opacities[1]) == (1, 0)


def test_zero_quaternions_in_files(tmp_path):
    columns = gaussian_columns()
    for i in range(4):
        columns[f"rot_{i}"][3] = 0
    path = write_gaussians(tmp_path / "bad.ply", columns)
    with pytest.raises(
        SceneError, match=r"rot_0\.\.3: zero quaternions \(found 1 of 20 Gaussians, the first at index 3"
    ):
        Scene.load(path)
    with pytest.warns(DroppedGaussiansWarning, match="dropped 1 of 20 Gaussians"):
        assert len(Scene.load(path, invalid="drop")) == 19


def test_dropping_everything_is_refused(tmp_path):
    columns = gaussian_columns()
    columns["x"][:] = np.nan
    with pytest.raises(SceneError, match=r"\.ply: x: every Gaussian has NaN"):
        Scene.load(write_gaussians(tmp_path / "bad.ply", columns), invalid="drop")


def test_other_ways_to_treat_bad_values(tmp_path):
    with pytest.raises(SceneError, match="invalid: not a way to treat bad values"):
        Scene.load(write_gaussians(tmp_path / "scene.ply", gaussian_columns()), invalid="keep")


def test_errors_after_reading_name_the_file(tmp_path):
    path = write_gaussians(tmp_path / "scene.ply", gaussian_columns())
    with pytest.raises(SceneError, match=r"scene\.ply: means: NaN or infinite"):
        Scene.load(path, scale=1e39)


@pytest.mark.parametrize(("factor", "warns"), [(0.01, True), (1, False), (10, False), (100, True)])
def test_implausible_extents_warn(tmp_path, factor, warns):
    columns = gaussian_columns(count=1000)
    columns["x"][:5] = 1e6  # floaters do not count
    for name in "xyz":
        columns[name] *= factor
    path = write_gaussians(tmp_path / "scene.ply", columns)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Scene.load(path)
        Scene.load(path, scale=1 / factor)
    assert [w.category for w in caught] == [SceneScaleWarning] * warns
    if warns:
        assert "Give scale=" in str(caught[0].message)
        assert caught[0].filename == __file__


# Damage


@pytest.mark.parametrize("format_", FORMATS)
def test_truncated_files_are_refused(tmp_path, format_):
    whole = write_gaussians(tmp_path / "scene.ply", gaussian_columns(), format_).read_bytes()
    path = tmp_path / "bad.ply"
    for size in [*range(0, len(whole) - 20, 13), len(whole) - 20]:
        path.write_bytes(whole[:size])
        expected = (
            "the file is empty|not a PLY file|header line [0-9]+: the header ends early|"
            "element vertex: the file (is shorter|ends early)|vertex [0-9]+: a malformed ASCII row"
        )
        with pytest.raises(SceneError, match=rf"bad\.ply: ({expected})"):
            Scene.load(path)


def test_truncation_says_what_is_there(tmp_path):
    path = write_gaussians(tmp_path / "scene.ply", gaussian_columns(degree=0))
    path.write_bytes(path.read_bytes()[:-100])
    message = r"found 1260 bytes of data, at most 18 of 20 rows, expected at least 1360 bytes"
    with pytest.raises(SceneError, match=message):
        Scene.load(path)


@pytest.mark.parametrize("format_", FORMATS)
def test_damaged_files_load_or_are_refused(tmp_path, format_):
    rng = np.random.default_rng(1)
    whole = write_gaussians(tmp_path / "scene.ply", gaussian_columns(count=3, degree=0), format_).read_bytes()
    path = tmp_path / "bad.ply"
    messages = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", SceneScaleWarning)
        warnings.simplefilter("ignore", DroppedGaussiansWarning)
        for _ in range(400):
            data = bytearray(whole)
            for position in rng.integers(0, len(data), rng.integers(1, 4)):
                data[position] = rng.integers(256)
            path.write_bytes(data)
            try:
                assert np.isfinite(Scene.load(path, invalid="drop").scales).all()
            except SceneError as error:
                messages.append(str(error))
    assert 100 < len(messages) < 400
    assert all(str(path) in message for message in messages)
