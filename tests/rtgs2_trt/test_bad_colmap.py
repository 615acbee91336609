"""COLMAP models that are refused: one message each, in little memory."""

import re
import struct
import tracemalloc

import numpy as np
import pytest

from camera_samples import colmap_binary, write_model
from rtgs2_trt.camera_files import colmap, load_cameras
from rtgs2_trt.errors import CameraError

POSE = "1 0 0 0 1 2 3"
LENS = "1 SIMPLE_PINHOLE 8 6 5 4 3"

BAD_TEXT = [
    ("cameras", "line 1: a malformed line", "1 PINHOLE 8", ""),
    ("cameras", "line 1: not a whole number (found 'x')", "x PINHOLE 8 6 5 5 4 3", ""),
    ("cameras", "line 1: not a whole number (found '-8')", "1 PINHOLE -8 6 5 5 4 3", ""),
    ("cameras", "line 1: not a whole number", f"1 PINHOLE {'9' * 5000} 6 5 5 4 3", ""),
    ("cameras", "line 1: not a number (found 'five')", "1 PINHOLE 8 6 five 5 4 3", ""),
    ("cameras", "line 1: camera 1: malformed parameters of PINHOLE", "1 PINHOLE 8 6 5 5 4", ""),
    ("cameras", "expected fx fy cx cy", "1 PINHOLE 8 6 5 5 4 nan", ""),
    (
        "cameras",
        "camera 1: k: lens distortion is not supported (found 0.1, expected 0)",
        "1 SIMPLE_RADIAL 8 6 5 4 3 0.1",
        "",
    ),
    ("cameras", "camera 1: p2: lens distortion", "1 OPENCV 8 6 5 5 4 3 0 0 0 1e-9", ""),
    (
        "cameras",
        "this camera model is not supported (found 'FULL_OPENCV'",
        "1 FULL_OPENCV 8 6 5 5 4 3 0 0 0 0 0 0 0 0",
        "",
    ),
    ("cameras", "camera 1: the camera appears twice", f"{LENS}\n{LENS}", ""),
    ("cameras", "line 1: not UTF-8 text", "1 \udcff 8 6 5 5 4 3", ""),
    ("images", "there are no cameras in it", LENS, "# nothing\n\n"),
    ("images", "line 1: a malformed line", LENS, "1 1 0 0 0 1 2 3 1"),
    ("images", "line 1: not a whole number (found '1.5')", LENS, f"1.5 {POSE} 1 a.png"),
    ("images", "line 1: not a number (found 'w')", LENS, "1 w 0 0 0 1 2 3 1 a.png"),
    ("images", "image 'a.png': there is no such camera (found camera 2)", LENS, f"1 {POSE} 2 a.png"),
    ("images", "image 'a.png': not a pose", LENS, "1 0 0 0 0 1 2 3 1 a.png"),
    ("images", "image 'a.png': not a pose", LENS, "1 1 1 0 0 1 2 3 1 a.png"),
    ("images", "image 'a.png': not a pose", LENS, "1 nan 0 0 0 1 2 3 1 a.png"),
    ("images", "image 'a.png': not a pose", LENS, "1 1 0 0 0 inf 2 3 1 a.png"),
    ("images", "line 3: image 'a.png': the name appears twice", LENS, f"1 {POSE} 1 a.png\n\n2 {POSE} 1 a.png"),
    ("images", "line 2: an image must be followed", LENS, f"1 {POSE} 1 a.png\n2 {POSE} 1 b.png"),
    ("images", "line 1: not UTF-8 text", LENS, f"1 {POSE} 1 \udcff.png"),
    ("cameras", "line 1: camera 1: fx: beyond the range of float32 (found 1e-300", "1 PINHOLE 8 6 1e-300 5 4 3", ""),
    ("cameras", "line 1: camera 1: cy: beyond the range of float32 (found 1e+308", "1 PINHOLE 8 6 5 5 4 1e308", ""),
    ("images", "line 1: image 'a.png': world_to_camera: beyond the range of f", LENS, "1 1 0 0 0 0 1e300 0 1 a.png"),
    ("cameras", "line 1: not a number (found '5_0')", "1 PINHOLE 8 6 5_0 5 4 3", ""),
    ("cameras", "line 1: not a number (found '\u0665')", "1 PINHOLE 8 6 \u0665 5 4 3", ""),
    ("images", "line 1: not a number (found '0_0')", LENS, "1 1 0 0 0_0 1 2 3 1 a.png"),
    (
        "cameras",
        "line 2: camera 2: fx: a focal length must be positive (found 0.0)",
        f"{LENS}\n2 PINHOLE 8 6 0 5 4 3",
        "",
    ),
    (
        "cameras",
        "line 1: camera 1: width: impossible image size (found 0",
        "1 SIMPLE_PINHOLE 0 6 5 4 3",
        f"1 {POSE} 1 a.png",
    ),
    (
        "cameras",
        "camera 1: fx: a focal length must be positive (found -5.0)",
        "1 SIMPLE_PINHOLE 8 6 -5 4 3",
        f"1 {POSE} 1 a.png",
    ),
    (
        "cameras",
        "camera 1: fy: a focal length must be positive (found 0.0)",
        "1 PINHOLE 8 6 5 0 4 3",
        f"1 {POSE} 1 a.png",
    ),
]


@pytest.mark.parametrize(("file", "message", "cameras", "images"), BAD_TEXT)
def test_bad_colmap_text(tmp_path, file, message, cameras, images):
    write_model(tmp_path, ".txt", (cameras.encode(errors="surrogateescape"), images.encode(errors="surrogateescape")))
    with pytest.raises(CameraError, match=rf"{file}\.txt: .*" + re.escape(message)):
        load_cameras(tmp_path)


def refused_within(folder, suffix, files, file, message, megabytes):
    """`files` are refused with `message`, at the beginning of what is said of `file`, within so much memory."""
    write_model(folder, suffix, files)
    path = folder / (file + suffix)
    tracemalloc.start()
    try:
        with pytest.raises(CameraError, match="^" + re.escape(f"{path}: {message}")):
            load_cameras(folder)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < megabytes << 20


@pytest.mark.parametrize(
    ("file", "message", "cameras", "images"),
    [
        ("cameras", "line 2: a line is far too long (found b'1 OPENCV", f"#\n1 OPENCV 8 6{' 5' * 2_000_000}", ""),
        ("cameras", "line 1: a line is far too long (found b'11111", "1" * 4_000_000, ""),
        ("cameras", "line 1: a line is far too long (found b'#####", "#" * 8192, ""),
        ("images", "line 1: a line is far too long (found b'99999", LENS, f"{'9' * 4_000_000} {POSE} 1 a.png"),
        ("images", "line 1: a line is far too long (found b'1 1 0 0", LENS, f"1 {POSE} 1 {'n' * 4_000_000}"),
        ("images", "line 2: an image must be followed", LENS, f"1 {POSE} 1 a.png\n{'1.5 2.5 ' * 100_000}"),
        ("images", "line 4: a malformed line", LENS, f"1 {POSE} 1 a.png\n{'1.5 2.5 3 ' * 100_000}\n\nx"),
    ],
)
def test_long_lines_of_colmap_text_take_little_memory(tmp_path, file, message, cameras, images):
    refused_within(tmp_path, ".txt", (cameras.encode(), images.encode()), file, message, megabytes=6)


@pytest.mark.parametrize("separator", [" ", "  ", " \t"])
def test_the_values_of_a_long_colmap_line_are_counted_across_its_pieces(tmp_path, monkeypatch, separator):
    """With pieces of every size, values and white space of a line lie across their ends."""
    cameras, images = LENS.encode(), f"1 {POSE} 1 a.png\n{separator.join(['10.25', '2', '-1'] * 5)}\n2 {POSE} 1 b.png"
    write_model(tmp_path, ".txt", (cameras, images.encode()))
    for size in range(1, 40):
        monkeypatch.setattr(colmap, "_PIECE_BYTES", size)
        assert list(load_cameras(tmp_path)) == ["a.png", "b.png"]


def test_the_longest_lines_of_colmap_text(tmp_path):
    pose = " ".join(["1.000000000000000000000000", *["0.000000000000000000000001"] * 6])
    name = "n" * 4096
    write_model(tmp_path, ".txt", (LENS.encode(), f"4294967295 {pose} 1 {name}\n".encode()))
    assert list(load_cameras(tmp_path)) == [name]


def lens(model=0, width=8, height=6, values=(5, 4, 3), identity=1):
    return struct.pack(f"<IiQQ{len(values)}d", identity, model, width, height, *values)


def image(quaternion=(1, 0, 0, 0), name=b"a.png\0", points=0, camera=1):
    return struct.pack("<I7dI", 1, *quaternion, 1, 2, 3, camera) + name + struct.pack("<Q", points)


def counted(*entries, count=None):
    return struct.pack("<Q", len(entries) if count is None else count) + b"".join(entries)


BAD_BINARY = [
    (
        "cameras",
        "number of cameras: the file is shorter than it says (found 18446744073709551615",
        counted(lens(), count=2**64 - 1),
        b"",
    ),
    (
        "cameras",
        "camera 1: this camera model is not supported (found 'FOV'",
        counted(lens(7, values=(5, 5, 4, 3, 1))),
        b"",
    ),
    ("cameras", "camera 1: this camera model is not supported (found 'number 99'", counted(lens(99)), b""),
    ("cameras", "camera 1: this camera model is not supported (found 'number -1'", counted(lens(-1)), b""),
    ("cameras", "camera 1: malformed parameters of SIMPLE_PINHOLE", counted(lens(values=(np.inf, 4, 3))), b""),
    ("cameras", "camera 1: k: lens distortion", counted(lens(2, values=(5, 4, 3, 1))), b""),
    ("cameras", "camera 1: the camera appears twice", counted(lens(), lens()), b""),
    ("cameras", "byte 56: bytes are left after the last entry (found 1 bytes)", counted(lens()) + b"x", b""),
    ("images", "number of images: the file is shorter than it says", counted(lens()), counted(image(), count=2**60)),
    ("images", "there are no cameras in it", counted(lens()), counted()),
    ("images", "image 0 ('a.png'): not a pose", counted(lens()), counted(image((0, 0, 0, 0)))),
    ("images", "image 0 ('a.png'): not a pose", counted(lens()), counted(image((np.nan, 0, 0, 0)))),
    ("images", "image 0 ('a.png'): not a pose", counted(lens()), counted(image((1e308, 1e308, 0, 0)))),
    (
        "images",
        "image 0 ('a.png'): there is no such camera (found camera 9)",
        counted(lens()),
        counted(image(camera=9)),
    ),
    ("images", "image 0 ('a.png'): the file is shorter", counted(lens()), counted(image(points=2**62))),
    ("images", "image 0: an image without name", counted(lens()), counted(image(name=b"\0")) + b"x"),
    ("images", "image 0: a name without end", counted(lens()), counted(image(name=b"x" * 9000))),
    ("images", "image 0: not UTF-8 text", counted(lens()), counted(image(name=b"\xff\xfe\0"))),
    ("images", "image 1 ('a.png'): the name appears twice", counted(lens()), counted(image(), image())),
    (
        "images",
        "byte 86: bytes are left after the last entry (found 3 bytes)",
        counted(lens()),
        counted(image()) + b"xyz",
    ),
    (
        "cameras",
        "camera 1: width: impossible image size (found 9223372036854775808",
        counted(lens(width=2**63)),
        counted(image()),
    ),
    ("cameras", "camera 1: height: impossible image size (found 0", counted(lens(height=0)), counted(image())),
    (
        "cameras",
        "camera 1: fx: a focal length must be positive (found -5.0)",
        counted(lens(values=(-5, 4, 3))),
        counted(image()),
    ),
    (
        "cameras",
        "camera 1: fx: a focal length must be positive (found 0.0)",
        counted(lens(values=(0, 4, 3))),
        counted(image()),
    ),
    (
        "cameras",
        "camera 1: fx: beyond the range of float32 (found 1e-300",
        counted(lens(values=(1e-300, 4, 3))),
        counted(image()),
    ),
    # Counts that lie by one, in either direction.
    ("cameras", "number of cameras: the file is shorter than it says (found 2", counted(lens(), count=2), b""),
    ("cameras", "byte 8: bytes are left after the last entry (found 48 bytes)", counted(lens(), count=0), b""),
    ("cameras", "camera 1: malformed parameters of SIMPLE_PINHOLE", counted(lens(values=(np.nan, 4, 3))), b""),
    ("images", "number of images: the file is shorter than it says", counted(lens()), counted(image(), count=2)),
    (
        "images",
        "byte 86: bytes are left after the last entry (found 78 bytes)",
        counted(lens()),
        counted(image(), image(), count=1),
    ),
    ("images", "image 0 ('a.png'): the file is shorter than it says", counted(lens()), counted(image(points=1))),
]


@pytest.mark.parametrize(("file", "message", "cameras", "images"), BAD_BINARY)
def test_bad_colmap_binary(tmp_path, file, message, cameras, images):
    # Whatever a count says: these files have a few hundred bytes.
    refused_within(tmp_path, ".bin", (cameras, images), file, message, megabytes=1)


# Damage


def test_truncated_colmap_binaries_are_refused(tmp_path):
    cameras, images = colmap_binary()
    for size in range(len(cameras)):
        with pytest.raises(
            CameraError, match=r"cameras\.bin: (number of cameras|camera [017]): the file is shorter th"
        ):
            load_cameras(write_model(tmp_path, ".bin", (cameras[:size], images)))
    for size in range(len(images)):
        with pytest.raises(CameraError, match=r"images\.bin: (number of images|image [0-2].*): the file is shorter th"):
            load_cameras(write_model(tmp_path, ".bin", (cameras, images[:size])))
