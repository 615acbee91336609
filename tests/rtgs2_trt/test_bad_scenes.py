"""Files that a robot may be handed as a map: each is refused by one clear error, without much memory."""

import re
import tracemalloc

import numpy as np
import pytest

from limited_memory import assert_all_refused
from ply_files import gaussian_columns, header, rows
from rtgs2_trt.errors import SceneError
from rtgs2_trt.scene import Scene

MEGABYTES = 12  # of memory that a refusal may take; the largest of these files has 3
BINARY = "binary_little_endian"
COLUMNS = gaussian_columns(degree=1)
PROPERTIES = dict.fromkeys(COLUMNS, "float")
ROWS = rows(BINARY, PROPERTIES, COLUMNS)
WHOLE = header(BINARY, PROPERTIES, 20) + ROWS


def counted(count):
    return WHOLE.replace(b"element vertex 20", f"element vertex {count}".encode())


def with_line(line, before=b"end_header"):
    return WHOLE.replace(before, line + b"\n" + before)


def scene_with(columns, format_=BINARY):
    properties = dict.fromkeys(columns, "float")
    return header(format_, properties, 20) + rows(format_, properties, columns)


def without(*names):
    return scene_with({name: values for name, values in COLUMNS.items() if name not in names})


def changed(name, value):
    values = COLUMNS[name].copy()
    values[4] = value
    return {**COLUMNS, name: values}


def with_elements(*elements):
    """Header of an ASCII file with elements of (name, rows, properties); "vertex" has those of Gaussians besides."""
    lines = ["ply", "format ascii 1.0"]
    for name, count, width in elements if "vertex" in dict(e[:2] for e in elements) else (*elements, ("vertex", 20, 0)):
        lines.append(f"element {name} {count}")
        names = list(PROPERTIES) if name == "vertex" else []
        lines += [f"property float {p}" for p in [*names, *(f"p{i}" for i in range(width - len(names)))]]
    return "\n".join([*lines, "end_header\n"]).encode()


SHORT = "element vertex: the file is shorter than its header promises "
BAD_FILES = {
    "empty": (b"", "the file is empty"),
    "not a PLY": (
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        "not a PLY file or another scene file that is known here (found 108 bytes that begin with b",
    ),
    "header only": (
        header(BINARY, PROPERTIES, 20),
        "element vertex: the file is shorter than its header promises (found 0 bytes of data, at most 0 of 20 rows, "
        "expected at least 2080 bytes of data)",
    ),
    "ASCII header only": (header("ascii", PROPERTIES, 20), SHORT),
    "no end of header": (
        header(BINARY, PROPERTIES, 20)[:-11],
        "header line 30: the header ends early (expected a line end_header)",
    ),
    "no end of header, data behind": (
        WHOLE.replace(b"end_header\n", b"") + b"\n",
        "header line 30: a header line makes no sense",
    ),
    "truncated in the header": (WHOLE[:100], "header line 6: the header ends early"),
    "truncated": (
        WHOLE[:-1],
        SHORT + "(found 2079 bytes of data, at most 19 of 20 rows, expected at least 2080 bytes of data)",
    ),
    "truncated ASCII": (
        b"".join(scene_with(COLUMNS, "ascii").splitlines(keepends=True)[:-3]),
        "element vertex: the file ends early (found 17 rows, expected 20 rows)",
    ),
    "truncated in an ASCII row": (scene_with(COLUMNS, "ascii")[:-100], "vertex 19: a malformed ASCII row (found "),
    "no Gaussians": (counted(0), "element vertex: there are no Gaussians in it (found 0)"),
    "negative count": (counted(-20), "element vertex: not a number of rows (found '-20', expected a whole number"),
    "count beyond the file": (counted(21), SHORT + "(found 2080 bytes of data, at most 20 of 21 rows"),
    "gigantic count": (counted(10**18 - 1), SHORT + "(found 2080 bytes of data, at most 20 of 999999999999999999 rows"),
    "count beyond 64 bits": (counted(2**64 + 20), "element vertex: not a number of rows (found '18446744073709551636'"),
    "gigantic ASCII count": (
        scene_with(COLUMNS, "ascii").replace(b"vertex 20", b"vertex 999999999999999999"),
        SHORT,
    ),
    "gigantic count of an element before": (
        with_line(b"element chunk 999999999999999999\nproperty double a", before=b"element vertex"),
        SHORT,
    ),
    "non-numeric count": (counted("many"), "element vertex: not a number of rows (found 'many'"),
    "fractional count": (counted("2e1"), "element vertex: not a number of rows (found '2e1'"),
    "missing count": (counted(""), "header line 3: a header line makes no sense (found 'element vertex ')"),
    "NaN": (scene_with(changed("y", np.nan)), "y: NaN or infinite values (found 1 of 20 Gaussians, the first at in"),
    "infinity": (scene_with(changed("scale_1", np.inf)), "scale_1: NaN or infinite values (found 1 of 20 Gaussians"),
    "NaN opacity": (scene_with(changed("opacity", np.nan)), "opacity: NaN or infinite values (found 1 of 20"),
    "ASCII NaN": (scene_with(changed("rot_2", np.nan), "ascii"), "rot_2: NaN or infinite values (found 1 of 20"),
    "zero quaternion": (
        scene_with({**COLUMNS, **{f"rot_{i}": np.zeros(20) for i in range(4)}}),
        "rot_0..3: zero quaternions (found 20 of 20 Gaussians, the first at index 0)",
    ),
    "missing property": (without("opacity", "rot_3"), "opacity, rot_3: properties are missing"),
    "duplicate property": (with_line(b"property float opacity"), "vertex.opacity: a property appears twice"),
    "duplicate element": (with_line(b"element vertex 20"), "element vertex: an element appears twice"),
    "odd SH count": (
        without("f_rest_8"),
        "f_rest_*: not a whole degree of spherical harmonics (found 8 properties, expected 0, 9, 24 or 45)",
    ),
    "SH with a gap": (without("f_rest_3"), "f_rest_3: numbered with a gap up to f_rest_8 (found no such property)"),
    "list property": (with_line(b"property list uchar int i"), "element vertex: a list property"),
    "list before the Gaussians": (
        with_line(b"element face 1\nproperty list uchar int i", before=b"element vertex"),
        "element face: a list property before or in the wanted element cannot be skipped",
    ),
    "unknown type": (
        WHOLE.replace(b"float opacity", b"half opacity"),
        "vertex.opacity: unknown type of a property (found 'half', expected one of char, uchar, ",
    ),
    "unknown type of a list": (with_line(b"property list uchar text i"), "vertex.i: unknown type of a property"),
    "unknown format": (
        WHOLE.replace(b"little", b"middle"),
        "header line 2: unknown or repeated format (found 'format binary_middle_endian 1.0', expected ascii or ",
    ),
    "unknown version": (
        WHOLE.replace(b"1.0", b"2.0"),
        "header line 2: unknown or repeated format (found 'format binary_little_end",
    ),
    "two formats": (
        with_line(b"format ascii 1.0"),
        "header line 30: unknown or repeated format (found 'format ascii 1.0'",
    ),
    "no format": (WHOLE.replace(b"format", b"comment"), "format: the header names no format"),
    "mesh": (
        header("ascii", {"x": "float", "y": "float", "z": "float"}, 1).replace(
            b"end_header", b"element face 1\nproperty list uchar int vertex_indices\nend_header"
        )
        + b"0 0 0\n3 0 0 0\n",
        "element vertex: a mesh or point cloud, not Gaussians (found properties x, y, z)",
    ),
    "surfels": (without("scale_2"), "scale_2: 2D Gaussians (surfels, as 2DGS trains them) are not supported"),
    "megabyte-long name": (
        with_line(b"property float " + b"n" * 1_000_000),
        "header line 30: a header line is far too long (found 'property float nnn",
    ),
    "megabyte-long count": (
        counted("9" * 1_000_000),
        "header line 3: a header line is far too long (found 'element vertex 999",
    ),
    "longer lines": (with_line(b"comment " + b"c" * 3_000_000), "header line 30: no end_header in the first MiB"),
    "endless header": (with_line(b"comment more\n" * 200_000), "header line 80642: no end_header in the first MiB"),
    "megabyte-long ASCII row": (
        header("ascii", PROPERTIES, 20) + b"1" * 2_000_000,
        "vertex 0: an ASCII row is far too long (found b'1111",
    ),
    "ASCII row of a million numbers": (
        header("ascii", PROPERTIES, 20) + b"1 " * 26 + b"\n" + b"1 " * 1_000_000,
        "vertex 1: an ASCII row is far too long (found b'1 1 1",
    ),
    "megabyte-long ASCII row of an element before": (
        # Its own width counts, not that of the wide one.
        with_elements(("wide", 1, 1000), ("narrow", 2, 1)) + b"1 " * 1000 + b"\n1\n" + b" " * 3_000_000,
        "narrow 1: an ASCII row is far too long (found b'    ",
    ),
    "megabytes of wide ASCII rows": (
        with_elements(("vertex", 20, 2000)) + (b"1" * 500_000 + b"\n") * 40,
        "vertex 0: a malformed ASCII row (found 1 values, expected 2000 numbers)",
    ),
    "blank ASCII rows": (
        header("ascii", PROPERTIES, 20) + b"\n" * 500_000,
        "vertex 0: far too many blank lines (found 1001 of them, expected rows)",
    ),
    "blank ASCII rows behind a row": (
        header("ascii", PROPERTIES, 20) + b"1 " * 26 + b"\n" * 500_000,
        "vertex 1: far too many blank lines (found 1002 of them, expected rows)",
    ),
    "no element vertex": (
        b"ply\nformat ascii 1.0\nelement face 1\nproperty float x\nend_header\n1\n",
        "element vertex: there are no Gaussians in it (found the elements face, expected",
    ),
    "no element": (
        b"ply\nformat ascii 1.0\nend_header\n",
        "element vertex: there are no Gaussians in it (found no elements, expected",
    ),
    "ASCII rows without numbers": (
        header("ascii", PROPERTIES, 20) + b"one two\n" * 200,
        "vertex 0: a malformed ASCII row (found 'one' among 2 values, expected 26 numbers)",
    ),
    "100,000 properties": (
        header(BINARY, dict.fromkeys([*PROPERTIES, *(f"p{i}" for i in range(100_000))], "char"), 1) + bytes(100_026),
        f"vertex.p{4096 - len(PROPERTIES)}: too many properties (expected at most 4096)",
    ),
    "100,000 elements": (
        b"ply\nformat ascii 1.0\n" + b"".join(b"element e%d 0\n" % i for i in range(100_000)) + b"end_header\n",
        "header line 62336: no end_header in the first MiB",
    ),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_scenes(tmp_path, name):
    data, message = BAD_FILES[name]
    path = tmp_path / "bad.ply"
    path.write_bytes(data)
    tracemalloc.start()
    try:
        with pytest.raises(SceneError, match=f"^{re.escape(f'{path}: {message}')}") as caught:
            Scene.load(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(str(caught.value)) < 1000
    assert peak < MEGABYTES << 20


def test_bad_scenes_cost_no_memory_in_the_core_either(tmp_path):
    """All of them in a process that may take 1 GiB beyond its start: some claim terabytes."""
    for number, (data, _) in enumerate(BAD_FILES.values()):
        (tmp_path / f"{number:03}.ply").write_bytes(data)
    assert_all_refused(tmp_path)


def test_the_file_that_the_others_are_made_of_is_good(tmp_path):
    (tmp_path / "good.ply").write_bytes(WHOLE)
    assert len(Scene.load(tmp_path / "good.ply")) == 20


def test_a_property_line_of_one_word(tmp_path):
    path = tmp_path / "scene.ply"
    path.write_bytes(b"ply\nformat binary_little_endian 1.0\nelement vertex 1\nproperty\nend_header\n")
    with pytest.raises(
        SceneError, match=r"scene\.ply: header line [0-9]+: a header line makes no sense \(found 'property'\)"
    ):
        Scene.load(path)
