import re
import warnings

import numpy as np
import pytest

from ply_files import CODES, ORDERS, gaussian_columns, header, rows
from rtgs2_trt import _native, ply, ply_ascii
from rtgs2_trt.errors import SceneError
from rtgs2_trt.reference.ply import read_rows_reference

FORMATS = ["ascii", "binary_little_endian", "binary_big_endian"]
PROPERTIES = {
    "a": "uchar",
    "b": "double",
    "c": "float",
    "d": "short",
    "e": "uint",
    "f": "char",
    "g": "ushort",
    "h": "int",
}


def columns(count):
    rng = np.random.default_rng(count)
    values = {name: rng.integers(0, 100, count) for name in PROPERTIES}
    for name in "bc":
        values[name] = rng.normal(size=count).astype(np.float32)
    return values


def write(path, data):
    path.write_bytes(data)
    return path


def read_rows(path, arrays, threads=0):
    with ply.open_ply(path) as source:
        return ply.read_rows(source, "vertex", arrays, threads=threads)


def read(path, *names):
    return read_rows(path, {"all": ply.Columns(names)}).arrays["all"]


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_reads_all_types_in_all_formats(tmp_path, format_, end):
    expected = columns(50)
    path = write(
        tmp_path / "a.ply", header(format_, PROPERTIES, 50, end=end) + rows(format_, PROPERTIES, expected) + b"trailing"
    )
    for name in PROPERTIES:
        np.testing.assert_array_equal(read(path, name)[:, 0], expected[name].astype(np.float32))
    found = read(path, "h", "a", "h")
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    np.testing.assert_array_equal(found, np.stack([expected["h"], expected["a"], expected["h"]], axis=1))


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("block", [("_BLOCK_NUMBERS", 60), ("_BLOCK_BYTES", 300)], ids=["numbers", "bytes"])
def test_reads_in_chunks(tmp_path, format_, block, monkeypatch):
    monkeypatch.setattr(ply_ascii, *block)
    expected = columns(50)
    path = write(tmp_path / "a.ply", header(format_, PROPERTIES, 50) + rows(format_, PROPERTIES, expected))
    np.testing.assert_array_equal(read(path, "c")[:, 0], expected["c"])


@pytest.mark.parametrize("format_", FORMATS)
def test_skips_other_elements(tmp_path, format_):
    expected = columns(5)
    first = {"p": "float", "q": "uchar"}
    before = rows(format_, first, {"p": np.ones(3), "q": np.arange(3)})
    text = header(
        format_, PROPERTIES, 5, ["comment x", "obj_info y z", "element chunk 3", "property float p", "property uchar q"]
    )
    text = text.replace(b"end_header", b"element face 1\nproperty list uchar int i\nend_header")
    path = write(tmp_path / "a.ply", text + before + rows(format_, PROPERTIES, expected) + b"3 1 2 3\n")
    assert ply.read_header(path).comments == ("x",)
    np.testing.assert_array_equal(read(path, "d")[:, 0], expected["d"])


# Kernel against reference

SCENE_COLUMNS = {
    "means": ply.Columns(("x", "y", "z")),
    "sh": ply.Columns(("f_dc_0", "f_dc_1", "f_dc_2", *(f"f_rest_{c * 3 + k}" for k in range(3) for c in range(3)))),
    "opacities": ply.Columns(("opacity",), "logit"),
    "scales": ply.Columns(("scale_0", "scale_1", "scale_2"), "logarithm"),
    "rotations": ply.Columns(("rot_0", "rot_1", "rot_2", "rot_3"), "quaternion"),
}


def scene_file(path, format_, count, kind="float", damage=False):
    values = gaussian_columns(count, degree=1, seed=count)
    if kind in ("double", "float"):
        values["scale_1"][: count // 2] *= 40  # clipped, subnormal before
        values["opacity"][: count // 2] *= 60
        unit = np.stack([values[f"rot_{i}"] for i in range(4)])[:, : count // 3]
        for i, row in enumerate(unit / np.linalg.norm(unit, axis=0)):
            values[f"rot_{i}"][: count // 3] = row
    if damage:
        rng = np.random.default_rng(5)
        for name, bad in [("x", np.nan), ("f_rest_7", -np.inf), ("opacity", np.nan), ("scale_2", np.inf)]:
            values[name][rng.integers(0, count, 9)] = bad
        values["opacity"][rng.integers(0, count, 20)] = np.inf  # valid
        for i in range(4):
            values[f"rot_{i}"][[3, count - 1]] = -0.0
    properties = dict.fromkeys(values, kind)
    if kind in ("char", "short", "int"):
        values = {name: np.round(20 * column).astype(int) for name, column in values.items()}
    layout = ORDERS[format_] + CODES[kind]
    table = np.stack(list(values.values()), axis=1).astype(layout)
    return write(path, header(format_, properties, count) + table.tobytes())


@pytest.mark.parametrize("format_", ORDERS)
@pytest.mark.parametrize("kind", ["float", "double", "char", "short", "int"])
def test_rows_are_those_of_the_reference(tmp_path, format_, kind):
    path = scene_file(tmp_path / "a.ply", format_, 5000, kind)
    parsed = ply.read_header(path)
    found = read_rows(path, SCENE_COLUMNS, threads=2)
    expected, unusable = read_rows_reference(path, parsed, "vertex", SCENE_COLUMNS)
    assert unusable.any() == (found.unusable is not None)
    if found.unusable is not None:  # whole numbers make a quaternion of zeros now and then
        assert kind in ("char", "short", "int")
        np.testing.assert_array_equal(found.unusable, unusable)
    for name, array in expected.items():
        assert found.arrays[name].dtype == np.float32
        if name in ("scales", "opacities"):
            # Both compute in float64 and round once: a float32 apart only where the exact value is all but halfway.
            apart = found.arrays[name] != array
            assert apart.mean() < 1e-4
            np.testing.assert_array_max_ulp(found.arrays[name], array, maxulp=1)
        else:
            assert found.arrays[name].tobytes() == array.tobytes()


def test_unit_quaternions_stay_bit_for_bit(tmp_path):
    path = scene_file(tmp_path / "a.ply", "binary_little_endian", 3000)
    rotations = read_rows_reference(path, ply.read_header(path), "vertex", {"q": ply.Columns(ROTATION)})[0]["q"]
    found = read_rows(path, {"q": ply.Columns(ROTATION, "quaternion")}).arrays["q"]
    assert found[:1000].tobytes() == rotations[:1000].tobytes()
    assert (found[1000:] != rotations[1000:]).any(axis=1).all()


ROTATION = ("rot_0", "rot_1", "rot_2", "rot_3")


@pytest.mark.parametrize("format_", ORDERS)
def test_faults_are_counted_and_found(tmp_path, format_):
    path = scene_file(tmp_path / "a.ply", format_, 4000, damage=True)
    parsed = ply.read_header(path)
    found = read_rows(path, SCENE_COLUMNS, threads=3)
    expected, unusable = read_rows_reference(path, parsed, "vertex", SCENE_COLUMNS)
    np.testing.assert_array_equal(found.unusable, unusable)
    assert 20 < unusable.sum() < 40
    for name, array in expected.items():
        np.testing.assert_array_max_ulp(found.arrays[name][~unusable], array[~unusable], maxulp=1)
    assert [fault.field for fault in found.faults] == ["x", "f_rest_7", "opacity", "scale_2", "rot_0..3"]
    assert found.faults[-1] == ply.Fault("rot_0..3", "zero quaternions", 2, 3)
    for fault in found.faults[:-1]:
        raw = read_rows_reference(path, parsed, "vertex", {"a": ply.Columns((fault.field,))})[0]["a"][:, 0]
        bad = np.isnan(raw) if fault.field == "opacity" else ~np.isfinite(raw)
        assert (fault.count, fault.first) == (bad.sum(), np.argmax(bad))


def test_every_number_of_threads_gives_the_same(tmp_path):
    # 40 MB: more than one thread's share of the file.
    path = scene_file(tmp_path / "a.ply", "binary_little_endian", 400_000, damage=True)
    one, *others = (read_rows(path, SCENE_COLUMNS, threads=n) for n in (1, 2, 3, 0))
    for other in others:
        assert other.faults == one.faults
        np.testing.assert_array_equal(other.unusable, one.unusable)
        for name, array in one.arrays.items():
            assert other.arrays[name].tobytes() == array.tobytes()


def test_exponentials_are_exact_to_a_float32(tmp_path):
    stored = np.concatenate([np.linspace(-110, 110, 200_001), [-np.inf, np.inf, 0.0, 1e-30]]).astype(np.float32)
    data = np.stack([np.clip(stored, -1e30, 1e30), stored], axis=1).astype("<f4")
    properties = {"scale": "float", "logit": "float"}
    path = write(tmp_path / "a.ply", header("binary_little_endian", properties, len(stored)) + data.tobytes())
    wanted = {"scale": ply.Columns(("scale",), "logarithm"), "logit": ply.Columns(("logit",), "logit")}
    found = read_rows(path, wanted)
    assert found.unusable is None
    exact = np.exp(np.clip(stored.astype(np.longdouble), -87, 88))
    np.testing.assert_array_max_ulp(found.arrays["scale"][:, 0], exact.astype(np.float32), maxulp=1)
    exact = 1 / (1 + np.exp(-np.clip(stored.astype(np.longdouble), -104, 104)))
    np.testing.assert_array_max_ulp(found.arrays["logit"][:, 0], exact.astype(np.float32), maxulp=1)
    assert found.arrays["logit"][-4:, 0].tolist() == [0, 1, 0.5, 0.5]


def test_sizes_that_the_memory_cannot_hold(tmp_path, monkeypatch):
    path = write(tmp_path / "huge.ply", header("binary_little_endian", {"x": "float"}, 2) + bytes(8))

    def refuse(*_, **__):
        raise MemoryError

    monkeypatch.setattr(np, "empty", refuse)
    with pytest.raises(SceneError, match=r"huge\.ply: element vertex: too large for the memory .*\(found 2 rows\)"):
        read(path, "x")


def test_the_decoder_keeps_within_its_arrays():
    array = np.zeros((4, 1), dtype=np.float32)
    for offset, kind, message in [(-1, "u1", "outside the row"), (1, "f4", "outside the row"), (0, "f2", "unknown")]:
        with pytest.raises(ValueError, match=message):
            _native.PlyDecoder(4, False, 4, [(array, "number", [(offset, kind)])])
    with pytest.raises(ValueError, match="four columns"):
        _native.PlyDecoder(4, False, 4, [(array, "quaternion", [(0, "f4")])])
    with pytest.raises(ValueError, match="'angle' is unknown"):
        _native.PlyDecoder(4, False, 4, [(array, "angle", [(0, "f4")])])
    with pytest.raises(ValueError, match="at least one byte"):
        _native.PlyDecoder(0, False, 4, [])
    with pytest.raises(ValueError, match="more rows than any file holds"):
        _native.PlyDecoder(1 << 40, False, 1 << 40, [])
    with pytest.raises(ValueError, match="shape"):
        _native.PlyDecoder(4, False, 5, [(array, "number", [(0, "f4")])])
    with pytest.raises(TypeError):  # never a converted copy, which nobody would see filled
        _native.PlyDecoder(4, False, 4, [(array.astype(np.float64), "number", [(0, "f4")])])
    decoder = _native.PlyDecoder(4, False, 4, [(array, "number", [(0, "f4")])])
    rows = np.arange(3, dtype="<f4").view(np.uint8)
    for first in (-1, 2, 1 << 62):
        with pytest.raises(IndexError):
            decoder.decode(rows, first)
    with pytest.raises(ValueError, match="whole rows"):
        decoder.decode(rows[1:], 0)
    decoder.decode(rows, 1)
    assert array[:, 0].tolist() == [0, 0, 1, 2]
    with pytest.raises(OSError, match="Bad file descriptor"):
        decoder.read(-1, 0, 0, 4, 1)
    for first, count in [(-1, 2), (3, 2), (0, 1 << 62)]:
        with pytest.raises(IndexError):
            decoder.read(-1, 0, first, count, 1)


def test_values_beyond_float32_become_infinite(tmp_path):
    for format_ in FORMATS:
        data = rows(format_, {"x": "double"}, {"x": np.array([1e300, 1.0])})
        path = write(tmp_path / "a.ply", header(format_, {"x": "double"}, 2) + data)
        np.testing.assert_array_equal(read(path, "x")[:, 0], [np.inf, 1])


def test_ascii_blank_lines_and_white_space(tmp_path):
    path = write(tmp_path / "a.ply", header("ascii", {"x": "float", "y": "float"}, 2) + b"\n  1 \t 2\r\n\n3 4")
    np.testing.assert_array_equal(read(path, "y", "x"), [[2, 1], [4, 3]])


HEADERS = {
    "is empty": b"",
    "not a PLY file": b"solid cube\n",
    "not a PLY file (expected 'ply'": b"\x89PNG\r\n\x1a\n" + bytes(50),
    "the header ends early": b"ply\nformat ascii 1.0\nelement vertex 1\nprop",
    "names no format": b"ply\nelement vertex 1\nproperty float x\nend_header\n",
    "unknown or repeated format (found 'format binary_middle_endian 1.0'": b"ply\nformat binary_middle_endian 1.0\n",
    "unknown or repeated format (found 'format ascii 2.0'": b"ply\nformat ascii 2.0\n",
    "unknown or repeated format (found 'format ascii 1.0'": b"ply\nformat ascii 1.0\nformat ascii 1.0\n",
    "an element appears twice": b"ply\nformat ascii 1.0\nelement a 1\nelement a 1\nend_header\n",
    "vertex.x: a property appears twice": header("ascii", {"x": "float"}, 1, ["comment"]).replace(
        b"end_header", b"property float x\nend_header"
    ),
    "element vertex: not a number of rows (found '-1'": b"ply\nformat ascii 1.0\nelement vertex -1\nend_header\n",
    "element vertex: not a number of rows (found 'many'": b"ply\nformat ascii 1.0\nelement vertex many\nend_header\n",
    "element vertex: not a number of rows (found '1e3'": b"ply\nformat ascii 1.0\nelement vertex 1e3\nend_header\n",
    "element vertex: not a number of rows (found '99999": b"ply\nformat ascii 1.0\nelement vertex "
    + b"9" * 400
    + b"\nend_header\n",
    "a header line is far too long (found 'element vertex 99999": b"ply\nformat ascii 1.0\nelement vertex "
    + b"9" * 5000
    + b"\nend_header\n",
    "makes no sense (found 'element vertex')": b"ply\nformat ascii 1.0\nelement vertex\nend_header\n",
    "(found 'property float x')": b"ply\nformat ascii 1.0\nproperty float x\nend_header\n",
    "v.x: unknown type of a property (found 'half', expected one of char, ": (
        b"ply\nformat ascii 1.0\nelement v 1\nproperty half x\nend_header\n"
    ),
    "v.x: unknown type of a property (found 'half'": (
        b"ply\nformat ascii 1.0\nelement v 1\nproperty list uchar half x\nend_header\n"
    ),
    "vertex.p4096: too many properties (expected at most 4096)": header(
        "ascii", {f"p{i}": "float" for i in range(100_000)}, 1
    ),
    "(found 'property list float x')": b"ply\nformat ascii 1.0\nelement v 1\nproperty list float x\nend_header\n",
    "makes no sense (found '')": b"ply\nformat ascii 1.0\n\nend_header\n",
    "no end_header in the first MiB": b"ply\nformat ascii 1.0\n" + b"comment more\n" * 100_000,
}


@pytest.mark.parametrize("message", HEADERS)
def test_bad_headers(tmp_path, message):
    path = write(tmp_path / "bad.ply", HEADERS[message])
    with pytest.raises(SceneError, match=re.escape(message)) as caught:
        ply.read_header(path)
    assert str(path) in str(caught.value)


def test_header_in_one_endless_line(tmp_path):
    with pytest.raises(SceneError, match="no end_header in the first MiB"):
        ply.read_header(write(tmp_path / "bad.ply", b"ply\ncomment " + b"x" * (2 << 20)))


def test_paths_that_are_no_files(tmp_path):
    with pytest.raises(SceneError, match="there is no such file"):
        ply.read_header(tmp_path / "absent.ply")
    with pytest.raises(SceneError, match="a folder, not a file"):
        ply.read_header(tmp_path)
    with pytest.raises(SceneError, match="not a regular file"):
        ply.read_header("/dev/null")
    with pytest.raises(SceneError, match="cannot be read"):
        ply.read_header("nul\0byte.ply")


@pytest.mark.parametrize("format_", FORMATS)
def test_counts_are_checked_before_allocating(tmp_path, format_):
    path = write(tmp_path / "bad.ply", header(format_, {"x": "float"}, 10**17) + b"1\n2\n")
    with pytest.raises(
        SceneError, match=r"shorter than its header promises.*of 1000+ rows, expected at least \d+ bytes"
    ):
        read(path, "x")


@pytest.mark.parametrize("format_", FORMATS)
def test_truncation_anywhere_is_refused(tmp_path, format_):
    whole = header(format_, PROPERTIES, 12) + rows(format_, PROPERTIES, columns(12)).rstrip(b"\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for size in range(0, len(whole) - 1, 3):
            path = write(tmp_path / "bad.ply", whole[:size])
            if format_ == "ascii" and whole[size : size + 1].isdigit() and b" " not in whole[size:]:
                continue  # the last number lost digits: nobody can tell
            expected = (
                "the file is empty|not a PLY file|header line [0-9]+: the header ends early|"
                "element vertex: the file (is shorter|ends early)|vertex [0-9]+: a malformed ASCII row"
            )
            with pytest.raises(SceneError, match=f"^{re.escape(str(path))}: ({expected})"):
                read(path, "h")


def test_a_file_that_shrinks_while_it_is_read(tmp_path):
    count = 100_000  # more than what reading the header buffers
    for format_ in FORMATS:
        data = header(format_, {"x": "float"}, count) + rows(format_, {"x": "float"}, {"x": np.arange(float(count))})
        path = write(tmp_path / "a.ply", data)
        with ply.open_ply(path) as source:
            write(path, data[: -len("99999.0\n")])  # the same file, in place
            with pytest.raises(SceneError, match=r"a\.ply.*ends early \(found 9999[89] rows, expected 100000 rows\)"):
                ply.read_rows(source, "vertex", {"x": ply.Columns(("x",))})


@pytest.mark.parametrize("format_", FORMATS)
def test_a_file_that_is_replaced_while_it_is_read(tmp_path, format_):
    """Header and rows are of one file, even if another one of the same size has its name by now."""
    path, other = tmp_path / "a.ply", tmp_path / "other.ply"
    wanted = {name: np.arange(4) + 10 * i for i, name in enumerate("xy")}
    properties = dict.fromkeys("xy", "int")
    write(path, header(format_, properties, 4) + rows(format_, properties, wanted))
    properties = dict.fromkeys("yx", "int")
    write(other, header(format_, properties, 4) + rows(format_, properties, wanted))
    with ply.open_ply(path) as source:
        other.replace(path)
        found = ply.read_rows(source, "vertex", {"all": ply.Columns(("x", "y"))}).arrays["all"]
    np.testing.assert_array_equal(found, np.stack([wanted["x"], wanted["y"]], axis=1))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1.00", "vertex 1: a malformed ASCII row (found 1 values, expected 2 numbers)"),
        ("1 2 3", "vertex 1: a malformed ASCII row (found 3 values, expected 2 numbers)"),
        ("1 two", "vertex 1: a malformed ASCII row (found 'two' among 2 values"),
        ("1 1_0", "vertex 1: a malformed ASCII row (found '1_0'"),
        ("1 # 2", "vertex 1: a malformed ASCII row (found '#'"),
        ("1 \xff", "vertex 1: a malformed ASCII row"),
        ("1\r2", "cannot be read as numbers"),
        ("1" * 5000, "far too long"),
    ],
)
def test_bad_ascii_rows(tmp_path, row, message):
    path = write(
        tmp_path / "bad.ply", header("ascii", {"x": "float", "y": "float"}, 3) + f"1 2\n{row}\n1 2\n".encode("latin-1")
    )
    with pytest.raises(SceneError, match=re.escape(message)):
        read(path, "x")


def test_lists_before_the_element_are_refused(tmp_path):
    text = header("ascii", {"x": "float"}, 1, ["element face 1", "property list uchar int i"])
    with pytest.raises(SceneError, match="element face: a list property"):
        read(write(tmp_path / "bad.ply", text + b"1 1\n1\n"), "x")
    text = header("ascii", {"x": "float"}, 1).replace(b"end_header", b"property list uchar int i\nend_header")
    with pytest.raises(SceneError, match="element vertex: a list property"):
        read(write(tmp_path / "bad.ply", text + b"1 0\n"), "x")


def test_writes_what_it_reads(tmp_path, monkeypatch):
    monkeypatch.setattr(ply, "_CHUNK_BYTES", 64)
    kinds = {"u1": np.uint8, "u2": np.uint16, "i4": np.int32, "f4": np.float32, "f8": np.float64}
    wanted = {name: np.arange(30).astype(kind) for name, kind in kinds.items()}
    ply.write_ply(tmp_path / "a.ply", wanted, ["made by a test"])
    parsed = ply.read_header(tmp_path / "a.ply")
    assert parsed.comments == ("made by a test",)
    assert [p.type for p in parsed.elements[0].properties] == list(kinds)
    for name, values in wanted.items():
        np.testing.assert_array_equal(read(tmp_path / "a.ply", name)[:, 0], values)


def test_writing_is_whole_or_not_at_all(tmp_path, monkeypatch):
    path = write(tmp_path / "a.ply", b"before")

    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(np, "empty", fail)
        with pytest.raises(SceneError, match=r"a\.ply: cannot be written: .*No space left"):
            ply.write_ply(path, {"x": np.zeros(3)})
    assert path.read_bytes() == b"before"
    assert [p.name for p in tmp_path.iterdir()] == ["a.ply"]


def test_writing_to_impossible_places(tmp_path):
    with pytest.raises(SceneError, match="its folder does not exist"):
        ply.write_ply(tmp_path / "absent" / "a.ply", {"x": np.zeros(3)})
    with pytest.raises(SceneError, match="a folder or device has this name"):
        ply.write_ply(tmp_path, {"x": np.zeros(3)})
    with pytest.raises(SceneError, match="a folder or device has this name"):
        ply.write_ply("/dev/null", {"x": np.zeros(3)})


def test_writing_through_a_link_keeps_the_link(tmp_path):
    (tmp_path / "link.ply").symlink_to(tmp_path / "a.ply")
    ply.write_ply(tmp_path / "link.ply", {"x": np.zeros(3)})
    assert (tmp_path / "link.ply").is_symlink()
    assert ply.read_header(tmp_path / "a.ply").elements[0].count == 3


def test_columns_that_cannot_be_written(tmp_path):
    with pytest.raises(ValueError, match="one length"):
        ply.write_ply(tmp_path / "a.ply", {"x": np.zeros(3), "y": np.zeros(2)})
    with pytest.raises(ValueError, match="no type"):
        ply.write_ply(tmp_path / "a.ply", {"x": np.zeros(3, dtype=complex)})
    with pytest.raises(ValueError, match="one line"):
        ply.write_ply(tmp_path / "a.ply", {"x": np.zeros(3)}, ["end\nend_header"])
    assert not list(tmp_path.iterdir())
