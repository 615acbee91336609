"""Every format against files that were packed value by value in plain Python."""

import json

import numpy as np
import pytest

import scene_file_samples as samples
from rtgs2_trt.errors import SceneError
from rtgs2_trt.scene import Scene, SceneFidelityWarning

SAMPLES = {
    "compressed PLY": lambda: samples.compressed_ply(degree=2),
    "compressed PLY, one chunk": lambda: samples.compressed_ply(256, degree=0),
    "compressed PLY without colour ranges": lambda: samples.compressed_ply(257, degree=3, colours=False),
    "splat": samples.splat,
    "spz 1": lambda: samples.spz(1, degree=0),
    "spz 2": lambda: samples.spz(2, degree=3),
    "spz 3": lambda: samples.spz(3, degree=2, bits=9),
    "sog": lambda: samples.sog(degree=2),
    "sog without harmonics": lambda: samples.sog(degree=0),
    "sog 1": lambda: samples.sog(1, degree=3),
}


def assert_equal(scene, expected):
    # Float32 arithmetic here, float64 there.
    np.testing.assert_allclose(scene.means, expected.means, rtol=0, atol=2e-6)
    np.testing.assert_allclose(scene.scales, expected.scales, rtol=3e-6)
    np.testing.assert_allclose(scene.opacities, expected.opacities, atol=1e-6)
    np.testing.assert_allclose(scene.sh, expected.sh, atol=3e-6)
    signs = np.sign((scene.rotations * expected.rotations).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(scene.rotations * signs, expected.rotations, atol=2e-6)


@pytest.mark.parametrize("name", SAMPLES)
def test_formats_are_recognised_by_their_content(tmp_path, name, recwarn):
    data, expected = SAMPLES[name]()
    path = tmp_path / "scene.dat"
    path.write_bytes(data)
    assert_equal(Scene.load(path), expected)
    assert not [w for w in recwarn if issubclass(w.category, SceneFidelityWarning)]


@pytest.mark.parametrize("degree", [0, 3])
def test_spz_4(tmp_path, degree):
    pytest.importorskip("zstandard")
    data, expected = samples.spz(4, degree=degree)
    (tmp_path / "scene").write_bytes(data)
    assert_equal(Scene.load(tmp_path / "scene"), expected)


def test_a_sog_folder(tmp_path):
    members, expected = samples.sog_members()
    for name, data in members.items():
        (tmp_path / name).write_bytes(data)
    assert_equal(Scene.load(tmp_path), expected)
    assert_equal(Scene.load(tmp_path / "meta.json"), expected)


@pytest.mark.parametrize("name", ["room.json", "META.JSON", "scene.dat"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf", b"\n  "])
def test_a_sog_folder_whose_meta_json_has_another_name(tmp_path, name, start):
    members, expected = samples.sog_members()
    members[name] = start + members.pop("meta.json")
    (tmp_path / "cameras.json").write_text("[]")  # beside it, and first by name
    for file, data in members.items():
        (tmp_path / file).write_bytes(data)
    assert_equal(Scene.load(tmp_path / name), expected)
    if name.lower().endswith(".json"):
        assert_equal(Scene.load(tmp_path), expected)
        (tmp_path / "other.json").write_bytes(members[name])
        with pytest.raises(SceneError, match="Name a file in it"):
            Scene.load(tmp_path)


def test_json_that_is_no_scene(tmp_path):
    (tmp_path / "a.json").write_text('{"means": 3}')
    with pytest.raises(SceneError, match="not a PLY file or another scene file"):
        Scene.load(tmp_path / "a.json")
    with pytest.raises(SceneError, match="this is a folder, not a file"):
        Scene.load(tmp_path)


def test_a_codebook_whose_first_value_was_lost(tmp_path):
    members, expected = samples.sog_members()
    meta = json.loads(members["meta.json"])
    book = meta["shN"]["codebook"]
    first = book[1] + (book[1] - book[255]) / 255
    lost = [value == book[0] for value in np.ravel(expected.sh)]
    book[0] = None
    members["meta.json"] = json.dumps(meta).encode()
    (tmp_path / "scene").write_bytes(samples.archive(members))
    expected.sh = np.where(np.reshape(lost, np.shape(expected.sh)), first, expected.sh)
    assert any(lost)
    assert_equal(Scene.load(tmp_path / "scene"), expected)


def test_a_compressed_ply_of_big_endian_numbers_and_other_order(tmp_path):
    """Elements and properties are found by name, chunks behind the Gaussians too."""
    data, expected = samples.compressed_ply(300, degree=0)
    header, body = data.split(b"end_header\n")
    lines = header.decode().splitlines()
    chunk = lines[2 : lines.index("element vertex 300")]
    vertex = lines[lines.index("element vertex 300") :]
    lines = ["ply", "format binary_big_endian 1.0", *vertex, *chunk, "end_header\n"]
    words = np.frombuffer(body, "<u4")
    split = len(words) - 4 * 300
    turned = np.concatenate([words[split:], words[:split]]).astype(">u4")
    (tmp_path / "scene.ply").write_bytes("\n".join(lines).encode() + turned.tobytes())
    assert_equal(Scene.load(tmp_path / "scene.ply"), expected)


TOLD = {
    "spz flag": lambda: samples.spz(3, flags=1)[0],
    "sog antialias": lambda: samples.sog(antialias=True)[0],
    "sog model": lambda: samples.sog(model="antialiased")[0],
    "compressed PLY comment": lambda: samples.compressed_ply(comments=["SplatRenderMode: mip"])[0],
}


@pytest.mark.parametrize("name", TOLD)
def test_antialiased_captures_are_told_of(tmp_path, name):
    (tmp_path / "scene").write_bytes(TOLD[name]())
    with pytest.warns(SceneFidelityWarning, match=r"scene: it was trained with antialiasing \(Mip-Splatting's 2D filt"):
        Scene.load(tmp_path / "scene")


def test_surfels_in_a_sog_are_told_of(tmp_path):
    (tmp_path / "scene").write_bytes(samples.sog(model="2dgs")[0])
    with pytest.warns(SceneFidelityWarning, match="it was trained with 2D Gaussian Splatting"):
        Scene.load(tmp_path / "scene")


def test_harmonics_of_degree_4_are_told_of_and_cut(tmp_path):
    data, expected = samples.spz(3, degree=4)
    (tmp_path / "scene").write_bytes(data)
    with pytest.warns(SceneFidelityWarning, match="its spherical harmonics have degree 4"):
        scene = Scene.load(tmp_path / "scene")
    assert_equal(scene, expected)
    assert scene.sh_degree == 3


def test_scale_and_up_apply_to_every_format(tmp_path):
    (tmp_path / "scene").write_bytes(samples.splat()[0])
    scene = Scene.load(tmp_path / "scene")
    turned = Scene.load(tmp_path / "scene", scale=2, up="-y")
    np.testing.assert_allclose(turned.means, 2 * scene.means[:, [0, 2, 1]] * [1, 1, -1], atol=1e-5)
