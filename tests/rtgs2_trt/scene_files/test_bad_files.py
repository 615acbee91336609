"""Hostile and damaged files of every format: one clear error each, without much memory or time."""

import gzip
import io
import json
import re
import struct
import sys
import tracemalloc
import zipfile
import zlib
from functools import cache

import numpy as np
import pytest
from PIL import Image

import scene_file_samples as samples
from limited_memory import assert_all_refused
from rtgs2_trt.errors import SceneError
from rtgs2_trt.scene import DroppedGaussiansWarning, Scene

MEGABYTES = 24  # that a refusal may take; three images of the size that is just allowed have 4 each
PLY = samples.compressed_ply(300, degree=1)[0]
SPLAT = samples.splat(100)[0]
SPZ_PAYLOAD = samples.spz_payload(3)[0]
MEMBERS = samples.sog_members()[0]
SPZ_ROW = 9 + 1 + 3 + 3 + 4 + 9


def edited(**changes):
    """A SOG archive whose ``meta.json`` has other values; a dictionary changes what is inside."""
    meta = json.loads(MEMBERS["meta.json"])
    for key, value in changes.items():
        meta[key] = {**meta[key], **value} if isinstance(value, dict) else value
    return samples.archive({**MEMBERS, "meta.json": json.dumps(meta).encode()})


def with_member(name, data, compression=zipfile.ZIP_STORED):
    return samples.archive({**MEMBERS, name: data}, compression)


def without_member(name):
    return samples.archive({key: value for key, value in MEMBERS.items() if key != name})


def spz_header(version=3, count=100, degree=1, bits=12, magic=b"NGSP"):
    return gzip.compress(struct.pack("<4sIIBBBB", magic, version, count, degree, bits, 0, 0) + SPZ_PAYLOAD[16:])


@cache
def spz_bomb():
    """Half a GB of zeros in two MB, for Gaussians that all are the same."""
    count = (1 << 29) // SPZ_ROW
    pack = zlib.compressobj(1, zlib.DEFLATED, 31)
    zeros = bytes(1 << 24)
    data = pack.compress(struct.pack("<4sIIBBBB", b"NGSP", 3, count, 1, 12, 0, 0))
    return data + b"".join(pack.compress(zeros) for _ in range(32)) + pack.flush()


def webp_of(width, height):
    """The header of a WebP image of any size, and nothing behind it."""
    bits = (width - 1) | (height - 1) << 14
    chunk = b"VP8L" + struct.pack("<IBI", 200, 0x2F, bits) + bytes(196)
    return b"RIFF" + struct.pack("<I", len(chunk) + 4) + b"WEBP" + chunk


@cache
def sog_bomb():
    """5.8 million equal Gaussians in images of one colour, as many pixels as the count says: 10 kB."""
    side = 2400
    meta = json.loads(MEMBERS["meta.json"])
    members = {}
    for name, mode in {"means_l": "RGB", "means_u": "RGB", "quats": "RGBA", "scales": "RGB", "sh0": "RGBA"}.items():
        data = io.BytesIO()
        Image.new(mode, (side, side), (128, 128, 128, 252)[: len(mode)]).save(data, "WEBP", lossless=True, method=0)
        members[f"{name}.webp"] = data.getvalue()
    del meta["shN"]
    meta["count"] = side * side
    return samples.archive({"meta.json": json.dumps(meta).encode(), **members})


def ply_with(old, new):
    assert old in PLY
    return PLY.replace(old, new, 1)


def splat_with(index, offset, data):
    content = bytearray(SPLAT)
    content[32 * index + offset : 32 * index + offset + len(data)] = data
    return bytes(content)


NAN = struct.pack("<f", float("nan"))
BAD_FILES = {
    "PLY: truncated": (PLY[:-1], "element vertex: the file is shorter than its header promises (found 76"),
    "PLY: lying count": (
        ply_with(b"element vertex 300", b"element vertex 3000"),
        "element chunk: not one chunk for 256 Gaussians (found 2 chunks for 3000 Gaussians, expected 12)",
    ),
    "PLY: gigantic count": (
        ply_with(b"vertex 300", b"vertex 99999999999999999").replace(b"chunk 2\n", b"chunk 390625000000000\n"),
        "element sh: not spherical harmonics of degree 1 to 3 for every Gaussian (found 300 rows of 9 properties, exp",
    ),
    "PLY: no Gaussians": (ply_with(b"vertex 300", b"vertex 0"), "element vertex: there are no Gaussians in it (found"),
    "PLY: no chunks": (ply_with(b"element chunk", b"element lump"), "element chunk: a compressed PLY without this ele"),
    "PLY: other type": (
        ply_with(b"uint packed_scale", b"int packed_scale"),
        "vertex.packed_scale: a property of a compressed PLY is missing or of another type (found i4, expected u4)",
    ),
    "PLY: missing limit": (
        ply_with(b"float max_scale_y", b"float other"),
        "chunk.max_scale_y: a property of a compressed PLY is missing or of another type (found no such property, ex",
    ),
    "PLY: ASCII": (ply_with(b"binary_little_endian", b"ascii"), "a compressed PLY must be binary and without lists"),
    "PLY: NaN": (
        PLY.replace(b"end_header\n" + PLY.split(b"end_header\n")[1][:4], b"end_header\n" + NAN),
        "means: NaN or infinite values (found 256 of 300 Gaussians, the first at index 0)",
    ),
    "splat: truncated": (SPLAT[:-1], "not a PLY file or another scene file that is known here (found 3199 bytes that "),
    "splat: noise": (
        np.random.default_rng(0).integers(0, 256, 3200, np.uint8).tobytes(),
        "not a PLY file or another scene file that is known here (found 3200 bytes that begin with",
    ),
    "splat: NaN": (splat_with(7, 4, NAN), "means: NaN or infinite values (found 1 of 100 Gaussians, the first at ind"),
    "splat: negative scale": (
        splat_with(7, 12, struct.pack("<f", -0.1)),
        "scales: negative scales (found 1 of 100 Gaussians, the first at index 7)",
    ),
    "splat: no rotation": (splat_with(99, 28, b"\x80" * 4), "rotations: zero quaternions (found 1 of 100 Gaussians,"),
    "spz: truncated": (samples.spz(3)[0][:-300], "gzip: the file ends early (found "),
    "spz: header only": (
        gzip.compress(SPZ_PAYLOAD[:10]),
        "gzip: the file ends early (found 10 of the next 16 unpacked",
    ),
    "spz: damaged": (
        samples.spz(3)[0][:200] + b"\xff" * 200 + samples.spz(3)[0][400:],
        "gzip: damaged compressed data: Error -3",
    ),
    "spz: another gzip": (
        gzip.compress(b"ply\nformat ascii 1.0\n"),
        "magic: a gzip file, but no SPZ in it (found b'ply\\n', expected b'NGSP'). Unpack it first",
    ),
    "spz: version 9": (spz_header(9), "version: not an SPZ of a version that is known here (found 9, expected 1 to 3)"),
    "spz: degree 5": (spz_header(degree=5), "shDegree: not an SPZ of a version that is known here (found 5, expected"),
    "spz: 200 bits": (spz_header(bits=200), "fractionalBits: not an SPZ of a version that is known here (found 200"),
    "spz: no Gaussians": (spz_header(count=0), "numPoints: there are no Gaussians in it (found 0)"),
    "spz: lying count": (spz_header(count=101), "gzip: the file ends early (found "),
    "spz: gigantic count": (
        spz_header(count=(1 << 32) - 1),
        f"numPoints: it would unpack to far more than a scene holds (found {SPZ_ROW * ((1 << 32) - 1)} bytes from ",
    ),
    "spz: bomb": (spz_bomb, "numPoints: it would unpack to far more than a scene holds (found 5368709"),
    "sog: truncated": (samples.sog()[0][:-60], "a damaged archive: its end is missing (found "),
    "sog: no image": (without_member("scales.webp"), "scales.webp: there is no such file in the archive"),
    "sog: version 3": (
        edited(version=3),
        "meta.json: version: not a number that can be (found 3, expected a whole num",
    ),
    "sog: no version": (
        edited(version=2).replace(b'"version"', b'"Version"'),
        "a damaged archive: Bad CRC-32 for file 'meta.json'",
    ),
    "sog: neither version": (
        samples.archive({"meta.json": b'{"means": {}}'}),
        "meta.json: means: neither a version nor a shape of means (found {}, expected SOG version 1 or 2)",
    ),
    "sog: lying count": (
        edited(count=101),
        "means_l.webp: an image of another size than its Gaussians need (found 12x8, expected 101 to 1048778 pixels)",
    ),
    "sog: larger count": (
        edited(count=5_000_000),  # below what is free to expand
        "means_l.webp: an image of another size than its Gaussians need (found 12x8, expected 5000000 to 11048576 pix",
    ),
    "sog: gigantic count": (
        edited(count=1 << 31),
        "means_l.webp: it would unpack to far more than a scene holds (found 25769803776 bytes from ",
    ),
    "sog: image bomb": (
        sog_bomb,
        "means_l.webp: it would unpack to far more than a scene holds (found 69120000 bytes from ",
    ),
    "sog: no Gaussians": (edited(count=0), "meta.json: count: not a number that can be (found 0, expected a whole"),
    "sog: fractional count": (edited(count=1.5), "meta.json: count: not a number that can be (found 1.5, expected"),
    "sog: path upwards": (
        edited(quats={"files": ["../../etc/passwd"]}),
        "meta.json: quats: files: a file elsewhere: only files beside meta.json are read (found ['../../etc/passwd']",
    ),
    "sog: absolute path": (edited(quats={"files": ["/etc/passwd"]}), "meta.json: quats: files: a file elsewhere: only"),
    "sog: drive": (edited(quats={"files": ["C:x.webp"]}), "meta.json: quats: files: a file elsewhere: only files"),
    "sog: address": (edited(quats={"files": ["http://a/b"]}), "meta.json: quats: files: a file elsewhere: only files"),
    "sog: no list of files": (edited(quats={"files": "quats.webp"}), "meta.json: quats: files: not a list of file na"),
    "sog: short codebook": (edited(sh0={"codebook": [0, 1]}), "meta.json: sh0: codebook: not a list of finite number"),
    "sog: NaN codebook": (
        edited(sh0={"codebook": [float("nan")] * 256}),
        "meta.json: sh0: codebook: not a list of finite numbers (found [nan, nan",
    ),
    "sog: infinite means": (
        edited(means={"maxs": [200, 200, 200]}),
        "means: NaN or infinite values (found ",
    ),
    "sog: limits beyond float32": (edited(means={"maxs": [1e300, 1, 1]}), "meta.json: means: maxs: not a list of fini"),
    "sog: no object": (edited(scales=3), "meta.json: scales: not an object (found 3, expected an object)"),
    "sog: four bands": (edited(shN={"bands": 4}), "meta.json: shN: bands: not a number that can be (found 4, expected"),
    "sog: other bands": (
        edited(shN={"bands": 2}),
        "shN_centroids.webp: an image of another size than its Gaussians need (found 192x2, expected 512x1 to 512x2)",
    ),
    "sog: JSON that is none": (with_member("meta.json", b"{"), "meta.json: not readable JSON: Expecting"),
    "sog: deep JSON": (with_member("meta.json", b"[" * 100_000), "meta.json: not readable JSON: nested too deeply"),
    "sog: JSON list": (with_member("meta.json", b"[]"), "meta.json: not a JSON object (found [])"),
    "sog: endless JSON": (
        with_member("meta.json", b" " * (8 << 20), zipfile.ZIP_DEFLATED),
        "meta.json: far larger than its Gaussians need (found 8388608 bytes, expected at most 1048576)",
    ),
    "sog: zip bomb": (
        with_member("quats.webp", bytes(200 << 20), zipfile.ZIP_DEFLATED),
        "quats.webp: far larger than its Gaussians need (found 209715200 bytes, expected at most 5",
    ),
    "sog: unusual compression": (
        with_member("quats.webp", MEMBERS["quats.webp"], zipfile.ZIP_LZMA),
        "meta.json: an unusual compression (expected stored or deflated)",
    ),
    "sog: huge texture": (
        with_member("scales.webp", webp_of(16383, 16383)),
        "scales.webp: an image of another size than its Gaussians need (found 16383x16383, expected 90 to 1048756",
    ),
    "sog: image without pixels": (with_member("scales.webp", webp_of(12, 8)), "scales.webp: not a readable image (fou"),
    "sog: no image at all": (with_member("scales.webp", b"GIF89a" + bytes(50)), "scales.webp: not a readable image (e"),
    "sog: no rotation": (
        with_member("quats.webp", samples.webp([[128, 128, 128, 0]] * 90, 12)),
        "rotations: zero quaternions (found 90 of 90 Gaussians, the first at index 0)",
    ),
    "zip of something else": (
        samples.archive({"readme.txt": b"hello"}),
        "not a PLY file or another scene file that is known here (found ",
    ),
}


def content(name):
    data = BAD_FILES[name][0]
    return data() if callable(data) else data


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_files(tmp_path, name):
    path = tmp_path / "bad"
    path.write_bytes(content(name))
    tracemalloc.start()
    try:
        with pytest.raises(SceneError, match="^" + re.escape(f"{path}: {BAD_FILES[name][1]}")) as caught:
            Scene.load(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(str(caught.value)) < 1000
    assert peak < MEGABYTES << 20


def test_bad_files_cost_no_memory_outside_python_either(tmp_path):
    """All of them in a process that may take 1 GiB beyond its start: Pillow's and zlib's own memory counts too."""
    for number, name in enumerate(BAD_FILES):
        (tmp_path / f"{number:03}").write_bytes(content(name))
    assert_all_refused(tmp_path)


@pytest.mark.parametrize(
    ("name", "kept"), [("PLY: NaN", 44), ("splat: NaN", 99), ("splat: negative scale", 99), ("splat: no rotation", 99)]
)
def test_bad_gaussians_can_be_dropped(tmp_path, name, kept):
    (tmp_path / "bad").write_bytes(content(name))
    with pytest.warns(DroppedGaussiansWarning, match=f"dropped {300 - kept if kept == 44 else 1} of"):
        scene = Scene.load(tmp_path / "bad", invalid="drop")
    assert len(scene) == kept


def zstandard_file(**changes):
    """Version 4 with other header fields: name -> value."""
    data = samples.spz(4)[0]
    names = ("magic", "version", "count", "degree", "bits", "flags", "streams", "table")
    fields = dict(zip(names, struct.unpack("<4sIIBBBBI12x", data[:32]), strict=True)) | changes
    return struct.pack("<4sIIBBBBI12x", *fields.values()) + data[32:]


def zstandard_bomb():
    import zstandard

    count = 1000
    sizes = [count * width for width in (9, 1, 3, 3, 4)]
    packed = zstandard.ZstdCompressor().compress(bytes(1 << 30))  # a GiB behind a claim of 9000 bytes
    table = b"".join(struct.pack("<QQ", len(packed), size) for size in sizes)
    return struct.pack("<4sIIBBBBI12x", b"NGSP", 4, count, 0, 12, 0, 5, 32) + table + packed * 5


BAD_VERSION_4 = {
    "truncated": (lambda: samples.spz(4)[0][:-10], "stream sh: the file ends early (found "),
    "header only": (lambda: samples.spz(4)[0][:20], "the header ends early (found 20 bytes)"),
    "version 5": (
        lambda: zstandard_file(version=5),
        "version: not an SPZ of a version that is known here (found 5, exp",
    ),
    "lying count": (
        lambda: zstandard_file(count=101),
        "stream positions: a stream of another length than its Gaussians need (found 900 bytes, expected 101 times 9)",
    ),
    "few streams": (lambda: zstandard_file(streams=2), "numStreams, tocByteOffset: a table of streams that cannot be"),
    "table outside": (lambda: zstandard_file(table=1 << 30), "numStreams, tocByteOffset: a table of streams that cann"),
    "damaged": (
        lambda: samples.spz(4)[0][:128] + b"\0" * 40 + samples.spz(4)[0][168:],
        "stream positions: damaged compressed data",
    ),
}


@pytest.mark.parametrize("name", BAD_VERSION_4)
def test_bad_files_of_spz_4(tmp_path, name):
    pytest.importorskip("zstandard")
    make, message = BAD_VERSION_4[name]
    path = tmp_path / "bad"
    path.write_bytes(make())
    with pytest.raises(SceneError, match="^" + re.escape(f"{path}: {message}")):
        Scene.load(path)


@pytest.mark.filterwarnings("ignore::rtgs2_trt.scene.SceneScaleWarning")
def test_streams_that_unpack_to_more_than_they_claim_are_read_as_far_as_claimed(tmp_path):
    pytest.importorskip("zstandard")
    (tmp_path / "bomb").write_bytes(zstandard_bomb())
    tracemalloc.start()
    try:
        scene = Scene.load(tmp_path / "bomb")  # zeros are Gaussians too
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(scene) == 1000
    assert peak < MEGABYTES << 20


def test_without_zstandard_the_message_says_so(tmp_path, monkeypatch):
    pytest.importorskip("zstandard")
    (tmp_path / "scene").write_bytes(samples.spz(4)[0])
    monkeypatch.setitem(sys.modules, "zstandard", None)
    monkeypatch.setitem(sys.modules, "compression.zstd", None)
    with pytest.raises(
        SceneError, match=r"which Python has from 3\.14 on\. Install the package: pip install zstandard"
    ):
        Scene.load(tmp_path / "scene")


@pytest.mark.parametrize("sample", ["compressed_ply", "splat", "spz", "sog"])
def test_truncated_anywhere(tmp_path, sample):
    data = getattr(samples, sample)()[0]
    path = tmp_path / "scene"
    for size in {1, 2, 5, 17, *range(30, len(data), max(1, len(data) // 60))}:
        path.write_bytes(data[:size])
        if sample == "splat" and size % 32 == 0:
            assert len(Scene.load(path)) == size // 32  # the format has no count
            continue
        with pytest.raises(SceneError, match=re.escape(str(path))):
            Scene.load(path)


def test_a_folder_without_a_scene(tmp_path):
    with pytest.raises(SceneError, match=r"this is a folder, not a file \(expected a file, or a folder with the meta"):
        Scene.load(tmp_path)


def test_links_in_a_folder_are_read_but_devices_are_not(tmp_path):
    for name, data in MEMBERS.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "scales.webp").unlink()
    (tmp_path / "scales.webp").symlink_to("/dev/zero")
    with pytest.raises(SceneError, match=r"scales\.webp: this is not a regular file"):
        Scene.load(tmp_path)
