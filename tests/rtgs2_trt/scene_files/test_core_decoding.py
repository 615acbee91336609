"""What the core decodes and checks, against the references in NumPy."""

import numpy as np
import pytest

import scene_file_samples as samples
from rtgs2_trt import Scene, _native, ply
from rtgs2_trt.errors import SceneError
from rtgs2_trt.reference.compressed_ply import read_reference
from rtgs2_trt.reference.gaussian_checks import checked_reference
from rtgs2_trt.scene_files import read_scene_file
from rtgs2_trt.scene_files.gaussian_arrays import GaussianArrays, checked
from rtgs2_trt.scene_files.read_progress import ReadProgress

ARRAYS = ("means", "scales", "rotations", "opacities", "sh")
PACKED = ["packed_position", "packed_rotation", "packed_scale", "packed_color"]
COLUMNS = [f"{end}_{of}{axis}" for of in ("", "scale_") for end in ("min", "max") for axis in "xyz"]
COLOURS = [f"{end}_{channel}" for end in ("min", "max") for channel in "rgb"]


def write_compressed(path, count, *, higher=8, colours=True, order="<", shuffled=False, hostile=0.0, seed=0):
    """Random words and limits; `shuffled`: properties in another order, with others between them."""
    rng = np.random.default_rng(seed)
    names = COLUMNS + (COLOURS if colours else [])
    limits = rng.uniform(-5, 5, (-(-count // 256), len(names)))
    limits[rng.random(limits.shape) < hostile] = rng.choice([np.nan, np.inf, -np.inf, 3e38, -3e38])
    columns = {
        "chunk": [(name, "f4", limits[:, i]) for i, name in enumerate(names)],
        "vertex": [(name, "u4", rng.integers(0, 1 << 32, count)) for name in PACKED],
        "sh": [(f"f_rest_{i}", "u1", rng.integers(0, 256, count)) for i in range(3 * higher)],
    }
    if shuffled:
        columns["vertex"].insert(1, ("confidence", "u1", np.zeros(count)))
        columns = {key: [values[i] for i in rng.permutation(len(values))] for key, values in columns.items()}
    types = {"f4": "float", "u4": "uint", "u1": "uchar"}
    lines = ["ply", f"format binary_{'big' if order == '>' else 'little'}_endian 1.0"]
    body = b""
    for element, values in columns.items():
        if not values:
            continue
        rows = np.empty(len(values[0][2]), [(name, order + kind) for name, kind, _ in values])
        for name, _, column in values:
            rows[name] = column
        lines += [f"element {element} {len(rows)}", *(f"property {types[kind]} {name}" for name, kind, _ in values)]
        body += rows.tobytes()
    path.write_bytes(("\n".join(lines) + "\nend_header\n").encode() + body)
    return path


@pytest.mark.parametrize(
    "options",
    [
        {"higher": 0},
        {"higher": 0, "colours": False},
        {"higher": 3, "order": ">"},
        {"higher": 8, "shuffled": True},
        {"higher": 15, "shuffled": True, "order": ">", "colours": False},
    ],
)
@pytest.mark.parametrize("count", [1, 256, 257, 5000])
def test_compressed_ply_equals_the_reference(tmp_path, options, count):
    path = write_compressed(tmp_path / "scene.ply", count, **options)
    found = read_scene_file(path, threads=3)
    expected = checked_reference(read_reference(path, ply.read_header(path)))
    for name in ("means", "opacities", "sh"):  # the same operations in the same order
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)
    np.testing.assert_allclose(found.scales, expected.scales, rtol=1.2e-7)  # two exponentials, rounded to float32
    np.testing.assert_allclose(found.rotations, expected.rotations, rtol=0, atol=1.2e-7)
    assert found.unusable is None


def test_limits_that_are_none_are_told_of(tmp_path):
    path = write_compressed(tmp_path / "scene.ply", 20_000, hostile=0.01, seed=3)
    found = read_scene_file(path, threads=3)
    with np.errstate(over="ignore", invalid="ignore"):
        expected = checked_reference(read_reference(path, ply.read_header(path)))
    assert found.faults == expected.faults
    assert {fault.field for fault in found.faults} == {"means", "scales", "sh"}
    np.testing.assert_array_equal(found.unusable, expected.unusable)
    good = ~expected.unusable
    np.testing.assert_array_equal(found.means[good], expected.means[good])


def hostile_arrays(count, seed):
    rng = np.random.default_rng(seed)

    def values(*shape):
        numbers = rng.normal(size=shape).astype(np.float32)
        strange = np.array([np.nan, np.inf, -np.inf, 0, -0.0, 1e-40, 3e38], np.float32)
        where = rng.random(shape) < 0.002
        numbers[where] = rng.choice(strange, int(where.sum()))
        return numbers

    rotations = values(count, 4)
    rotations[rng.random(count) < 0.01] = 0
    scales = values(count, 3)
    scales[rng.random(count) < 0.9] = np.abs(scales[rng.random(count) < 0.9]).max()
    return GaussianArrays(values(count, 3), scales, rotations, values(count), values(count, 4, 3))


@pytest.mark.parametrize("threads", [1, 3])
def test_checks_equal_the_reference(threads):
    arrays = hostile_arrays(70_000, 1)
    expected = checked_reference(arrays)
    found = checked(arrays, threads)
    assert found.faults == expected.faults
    assert len(found.faults) == 7
    np.testing.assert_array_equal(found.unusable, expected.unusable)
    good = ~found.unusable
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(found, name)[good], getattr(expected, name)[good], err_msg=name)


def test_checks_take_arrays_in_any_order():
    arrays = hostile_arrays(100, 2)
    fortran = GaussianArrays(*(np.asfortranarray(getattr(arrays, name)) for name in ARRAYS))
    np.testing.assert_array_equal(checked(fortran).rotations, checked(arrays).rotations)


def test_the_core_refuses_arrays_that_do_not_fit():
    arrays = hostile_arrays(10, 0)
    with pytest.raises(ValueError, match="do not fit each other"):
        _native.check_gaussians(arrays.means[:9], arrays.scales, arrays.rotations, arrays.opacities, arrays.sh, 1)
    places = (0, 16, [0, 4, 8, 12])
    limits = np.zeros((1, 12), np.float32)
    given = [getattr(arrays, name) for name in ARRAYS]
    for changed, message in [
        ({"vertices": (0, 16, [0, 4, 8, 13])}, "outside the row"),
        ({"vertices": (0, 16, [0, 4, 8])}, "not the places"),
        ({"limits": np.zeros((2, 12), np.float32)}, "not limits of all chunks"),
        ({"limits": np.zeros((1, 13), np.float32)}, "12 or 18 columns"),
        ({"harmonics": None}, "coefficients that the file does not have"),
    ]:
        values = {"vertices": places, "harmonics": (0, 9, list(range(9))), "limits": limits} | changed
        with pytest.raises(ValueError, match=message):
            _native.CompressedPlyDecoder(values["vertices"], values["harmonics"], False, values["limits"], *given)


def scene_of(format_, path):
    rng = np.random.default_rng(0)
    count = 40_000  # three blocks
    Scene(
        means=rng.uniform(-2, 2, (count, 3)),
        scales=rng.uniform(0.01, 0.1, (count, 3)),
        rotations=rng.normal(size=(count, 4)),
        opacities=rng.uniform(0, 1, count),
        sh=rng.normal(size=(count, 4, 3)) / 4,
    ).save(path, format_)
    return path


@pytest.mark.parametrize("format_", ["ply", "compressed-ply", "splat", "spz", "sog"])
def test_progress_grows_to_one(tmp_path, format_):
    told = []
    Scene.load(scene_of(format_, tmp_path / "scene"), progress=told.append)
    assert told[-1] == 1
    assert told == sorted(set(told))
    assert all(0 <= share < 1 for share in told[:-1])
    assert len(told) >= (2 if format_.endswith("ply") else 3)


def test_progress_of_ascii_and_of_many_parts(tmp_path, monkeypatch):
    lines = [f"property float {name}" for name in ("x", "y", "z", "f_dc_0", "f_dc_1", "f_dc_2", "opacity")]
    lines += [
        f"property float {name}" for name in ("scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3")
    ]
    path = tmp_path / "scene.ply"
    header = ["ply", "format ascii 1.0", "element vertex 9000", *lines, "end_header"]
    path.write_text("\n".join([*header, *["1 0 0 0 0 0 0 -3 -3 -3 1 0 0 0"] * 4500, *["0 " * 10 + "1 0 0 0"] * 4500]))
    told = []
    Scene.load(path, progress=told.append)
    assert len(told) >= 3
    monkeypatch.setattr(ply, "_PART_BYTES", 100_000)
    told.clear()
    binary = scene_of("ply", tmp_path / "binary.ply")
    whole = Scene.load(binary, progress=told.append)
    assert len(told) > 40
    monkeypatch.undo()
    np.testing.assert_array_equal(whole.sh, Scene.load(binary).sh)


def test_what_progress_raises_ends_the_loading(tmp_path):
    def stop(share):
        raise KeyboardInterrupt

    for format_ in ("ply", "compressed-ply", "splat", "spz", "sog"):
        with pytest.raises(KeyboardInterrupt):
            Scene.load(scene_of(format_, tmp_path / "scene"), progress=stop)


def test_a_file_that_shrinks_while_it_is_read(tmp_path):
    path = tmp_path / "scene.ply"
    path.write_bytes(samples.compressed_ply(3000, degree=1)[0])

    def shrink(done, total):
        with path.open("r+b") as file:
            file.truncate(path.stat().st_size - 10)

    class Shrinking(ReadProgress):
        tell = staticmethod(shrink)

    with pytest.raises(SceneError, match=r"scene\.ply: element vertex: the file ends early"):
        read_scene_file(path, 1, Shrinking())


def test_bytes_are_looked_up():
    rng = np.random.default_rng(4)
    stored = rng.integers(0, 256, (1000, 5)).astype(np.uint8)
    tables = rng.normal(size=(3, 256)).astype(np.float32)
    whole = np.zeros((1000, 4, 3), np.float32)
    _native.look_up(stored, tables, whole[:, 1])  # rows that lie apart
    expected = np.stack([tables[c][stored[:, c]] for c in range(3)], axis=1)
    np.testing.assert_array_equal(whole[:, 1], expected)
    assert not whole[:, [0, 2, 3]].any()
    for bad_stored, bad_tables, out in [
        (stored[:, :2].copy(), tables, whole[:, 1]),
        (stored, tables[:, :255].copy(), whole[:, 1]),
        (stored, tables, whole[:, :, 0][:, :3]),
        (stored, tables, whole[:999, 1]),
    ]:
        with pytest.raises(ValueError, match="do not fit each other"):
            _native.look_up(bad_stored, bad_tables, out)


def test_positions_of_24_bits():
    numbers = np.array([0, 1, -1, (1 << 23) - 1, -(1 << 23), 12345], np.int64)
    stored = np.array([list((int(n) & 0xFFFFFF).to_bytes(3, "little")) for n in numbers], np.uint8).reshape(2, 9)
    out = np.empty((2, 3), np.float32)
    _native.unpack_positions(stored, (0.5, -0.25, 2.0), out)
    np.testing.assert_array_equal(out, numbers.reshape(2, 3) * [0.5, -0.25, 2.0])
    with pytest.raises(ValueError, match="do not fit each other"):
        _native.unpack_positions(stored[:, :8].copy(), (1.0, 1.0, 1.0), out)


def test_rotations_of_ten_bits():
    """Against the same in Python, a word at a time; samples of whole files are checked elsewhere."""
    rng = np.random.default_rng(5)
    words = rng.integers(0, 1 << 32, 500).astype("<u4")
    out = np.empty((500, 4), np.float32)
    _native.unpack_rotations(words.view(np.uint8).reshape(500, 4), out)
    for word, found in zip(words.tolist(), out, strict=True):
        fields = [(word >> shift) & 1023 for shift in (20, 10, 0)]
        three = [(field & 511) / 511 * (-1 if field & 512 else 1) for field in fields]
        x, y, z, w = samples.with_largest(three, word >> 30)
        np.testing.assert_allclose(found, [w, x, -y, -z], atol=3e-4)  # of the root of what nearly cancels
    with pytest.raises(ValueError, match="do not fit each other"):
        _native.unpack_rotations(words.view(np.uint8).reshape(250, 8), out)
