from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import re

import numpy as np
import pytest

from rtgs2_trt import Bundle, Segmenter, self_check
from rtgs2_trt.cli import main
from rtgs2_trt.errors import BackendError, BundleError
from rtgs2_trt.self_check import SelfCheck, read_golden, relative_difference, run_self_check

FILES = ("encoder.onnx", "encoder.fp16.onnx", "fusion.onnx", "fusion.fp16.onnx", "golden.npz")


def edit_manifest(bundle, **changes):
    path = bundle / "manifest.json"
    values = json.loads(path.read_text())
    values.update(changes)
    path.write_text(json.dumps(values))
    return values


def replace_file(bundle, name, content):
    """Replace a file and its hash, as somebody who means harm would."""
    (bundle / name).write_bytes(content)
    files = json.loads((bundle / "manifest.json").read_text())["files"]
    edit_manifest(bundle, files={**files, name: hashlib.sha256(content).hexdigest()})


def test_manifest_tells_what_the_model_is(exported_bundle):
    manifest = Bundle(exported_bundle).manifest
    assert manifest.image_size == (320, 240)
    assert manifest.description == "test weights"
    assert manifest.precision == ("fp32", "fp16")
    assert [entry.name for entry in manifest.classes.classes] == ["wall", "floor", "chair", "table", "lamp"]
    assert manifest.encoder.stages == 5
    assert manifest.encoder.voxel_size == 0.07
    assert set(manifest.files) == {*FILES}


def without(bundle, *names):
    """What versions before these graphs wrote."""
    files = json.loads((bundle / "manifest.json").read_text())["files"]
    for name in names:
        (bundle / name).unlink()
        del files[name]
    edit_manifest(bundle, files=files)


def without_fp16(bundle):
    without(bundle, "encoder.fp16.onnx", "fusion.fp16.onnx")
    edit_manifest(bundle, precision=["fp32"])


def test_fp16_encoder_goes_with_the_fp16_fusion_network(bundle, scene):
    exact = Segmenter(bundle).encode(scene).features
    half = Segmenter(bundle, precision="fp16").encode(scene).features
    assert 1e-5 < relative_difference(half, exact) < 5e-3
    without(bundle, "encoder.fp16.onnx")
    np.testing.assert_array_equal(Segmenter(bundle, precision="fp16").encode(scene).features, exact)


def test_fp16_encoder_without_fp16_in_the_precision(bundle):
    without(bundle, "fusion.fp16.onnx")
    edit_manifest(bundle, precision=["fp32"])
    with pytest.raises(
        BundleError, match=r"precision: manifest is damaged .*'fp16', since files has encoder\.fp16\.onnx"
    ):
        Bundle(bundle)


def test_bundles_without_an_fp16_graph_still_run(bundle, scene, camera, capsys):
    before = Segmenter(bundle)
    expected = before(before.encode(scene), camera).labels
    without_fp16(bundle)
    segmenter = Segmenter(bundle)
    np.testing.assert_array_equal(segmenter(segmenter.encode(scene), camera).labels, expected)
    with pytest.raises(BundleError, match=r"tiny\.rtgs2: bundle has no FP16 graph .*rtgs2-export --precision both"):
        Segmenter(bundle, precision="fp16")
    assert main(["info", str(bundle), "--json", "--quiet"]) == 0
    assert json.loads(capsys.readouterr().out)["precision"] == ["fp32"]


@pytest.mark.parametrize("precision", [["fp32"], ["fp32", "fp16"]])
def test_precision_and_files_agree(bundle, precision):
    if "fp16" in precision:
        without_fp16(bundle)
    edit_manifest(bundle, precision=precision)
    with pytest.raises(
        BundleError, match=r"precision: manifest is damaged .*if and only if files has fusion\.fp16\.onnx"
    ):
        Bundle(bundle)


def test_fp16_graph_must_take_fp16(bundle):
    replace_file(bundle, "fusion.fp16.onnx", (bundle / "fusion.onnx").read_bytes())
    with pytest.raises(BundleError, match=r"fusion\.fp16\.onnx: image: .*found float32 .*expected float16"):
        Segmenter(bundle, precision="fp16")


def test_missing_folder(tmp_path):
    with pytest.raises(BundleError, match=r"nothing\.rtgs2: no such bundle folder.*Give the NAME\.rtgs2 folder"):
        Bundle(tmp_path / "nothing.rtgs2")


def test_folder_without_manifest(tmp_path):
    with pytest.raises(BundleError, match=r"not a bundle: it has no manifest\.json.*Export"):
        Bundle(tmp_path)


@pytest.mark.parametrize("name", FILES)
def test_missing_file(bundle, name):
    (bundle / name).unlink()
    with pytest.raises(BundleError, match=rf"{name}: file of the bundle is missing.*Export the checkpoint again"):
        Bundle(bundle)


@pytest.mark.parametrize("name", FILES)
def test_altered_file(bundle, name):
    content = bytearray((bundle / name).read_bytes())
    content[len(content) // 2] ^= 1
    (bundle / name).write_bytes(content)
    with pytest.raises(BundleError, match=rf"{name}: file does not match its SHA-256.*Copy the bundle again"):
        Bundle(bundle)


def test_files_exchanged_after_the_check_are_refused(bundle, scene):
    opened, segmenter = Bundle(bundle), Segmenter(bundle)
    for name in ("encoder.onnx", "fusion.onnx", "golden.npz"):
        # as good a file: a graph says the same with one more comment, an archive with one more byte in front
        (bundle / name).write_bytes((bundle / name).read_bytes() + b"\x32\x01x" if name.endswith("onnx") else b"P")
    refused = "file does not match its SHA-256"
    with pytest.raises(BundleError, match=rf"encoder\.onnx: {refused}"):
        segmenter.encode(scene)  # the encoder is loaded when it is needed
    with pytest.raises(BundleError, match=rf"fusion\.onnx: {refused}"):
        Segmenter(opened)
    with pytest.raises(BundleError, match=rf"golden\.npz: {refused}"):
        read_golden(opened)
    (bundle / "encoder.onnx").unlink()
    with pytest.raises(BundleError, match=r"encoder\.onnx: there is no such file"):
        segmenter.encode(scene)


@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16"])
def test_what_is_loaded_is_what_was_checked(bundle, scene, camera, monkeypatch, precision):
    """A file exchanged between its check and its use changes nothing: it is not opened again."""
    if precision == "bf16":
        openvino = pytest.importorskip("openvino", reason="the extra [openvino] is not installed")
        if "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            pytest.skip("this CPU does not compute in BF16")

    def labels():
        segmenter = Segmenter(bundle, precision=precision)
        return segmenter(segmenter.encode(scene), camera).labels

    expected = labels()
    read = Bundle.read

    def exchange_after_reading(self, name):
        content = read(self, name)
        self.file(name).write_bytes(b"another graph")
        return content

    monkeypatch.setattr(Bundle, "read", exchange_after_reading)
    np.testing.assert_array_equal(labels(), expected)
    ending = "fp16.onnx" if precision == "fp16" else "onnx"
    for name in (f"fusion.{ending}", f"encoder.{ending}"):
        assert (bundle / name).read_bytes() == b"another graph"


def test_half_written_file(bundle):
    content = (bundle / "fusion.onnx").read_bytes()
    (bundle / "fusion.onnx").write_bytes(content[: len(content) // 2])
    with pytest.raises(BundleError, match=r"fusion\.onnx: file does not match its SHA-256.*half written"):
        Bundle(bundle)


def test_half_written_manifest(bundle):
    path = bundle / "manifest.json"
    path.write_text(path.read_text()[:200])
    with pytest.raises(BundleError, match=r"manifest\.json: manifest is not JSON.*Export"):
        Bundle(bundle)


def test_newer_format(bundle):
    edit_manifest(bundle, format="rtgs2-bundle/2")
    with pytest.raises(
        BundleError, match=r"newer version of rtgs2-trt \(found 'rtgs2-bundle/2', expected 'rtgs2-bundle/1'\).*Update"
    ):
        Bundle(bundle)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "zip"}, "format: manifest is damaged"),
        ({"format": None}, "format: manifest is damaged"),
        ({"image_size": [0, 480]}, r"image_size: manifest is damaged.*\[width, height\]"),
        ({"image_size": 7}, "image_size"),
        ({"trained_on": "cmyk"}, "trained_on: manifest is damaged.*'rgb' or 'bgr'"),
        ({"precision": []}, "precision"),
        ({"encoder": {}}, r"encoder\.stages"),
        ({"format": "rtgs2-bundle/²"}, "format: manifest is damaged"),
        ({"format": "rtgs2-bundle/" + "9" * 5000}, "format: manifest is damaged"),
        ({"classes": {"name": "x", "table": [{"index": 0}]}}, "class table is damaged"),
        ({"files": {}}, r"files: manifest is damaged.*also encoder\.onnx"),
        ({"files": {"../evil": "0" * 64}}, "files: manifest is damaged.*plain file names"),
        ({"files": {"encoder.onnx": "short"}}, r"files\.encoder\.onnx.*64 hexadecimal"),
        ({"tools": {"torch": 2}}, "tools"),
        ({"description": 5}, "description"),
    ],
)
def test_damaged_manifest(bundle, changes, message):
    edit_manifest(bundle, **changes)
    with pytest.raises(BundleError, match=message) as caught:
        Bundle(bundle)
    assert "Export the checkpoint again" in str(caught.value)


@pytest.mark.parametrize(
    ("field", "value"),
    [("voxel_size", 10**400), ("voxel_size", -0.07), ("voxel_size", True), ("weights_sha256", "x"), ("stages", 99)],
)
def test_damaged_encoder_spec(bundle, field, value):
    encoder = json.loads((bundle / "manifest.json").read_text())["encoder"]
    edit_manifest(bundle, encoder={**encoder, field: value})
    with pytest.raises(BundleError, match=rf"encoder\.{field}: manifest is damaged"):
        Bundle(bundle)


@pytest.mark.parametrize("text", ["[]", "7", "null", "[" * 100_000, '{"format": NaN}', "\xff\xfe"])
def test_manifest_that_is_no_manifest(bundle, text):
    (bundle / "manifest.json").write_text(text, "latin-1")
    with pytest.raises(BundleError, match=r"manifest\.json"):
        Bundle(bundle)


def test_manifest_with_a_number_of_thousands_of_digits(bundle):
    (bundle / "manifest.json").write_text('{"format": ' + "1" * 5000 + "}")
    with pytest.raises(BundleError, match=r"manifest\.json: .*number of thousands of digits\. Export"):
        Bundle(bundle)


def test_graph_that_is_no_graph(bundle, scene):
    replace_file(bundle, "encoder.onnx", b"not a graph")
    with pytest.raises(BundleError, match=r"encoder\.onnx: ONNX Runtime .* cannot load the graph"):
        Segmenter(bundle).encode(scene)


@pytest.mark.parametrize(("name", "precision"), [("encoder.onnx", "fp32"), ("encoder.fp16.onnx", "fp16")])
def test_graph_of_another_network(bundle, scene, name, precision):
    replace_file(bundle, name, (bundle / "fusion.onnx").read_bytes())
    with pytest.raises(BundleError, match=rf"{re.escape(name)}: inputs: graph does not have the input"):
        Segmenter(bundle, precision=precision).encode(scene)


def test_golden_that_is_no_golden(bundle):
    replace_file(bundle, "golden.npz", b"PK\x03\x04 nothing")
    opened = Bundle(bundle)
    with pytest.raises(BundleError, match=r"golden\.npz: golden input is damaged"):
        read_golden(opened)


def test_unknown_backend(exported_bundle):
    with pytest.raises(
        BackendError, match=r"no backend 'vulkan'; choose 'auto' or one of \['cpu', 'cuda', 'tensorrt'\]"
    ):
        Segmenter(exported_bundle, "vulkan")


def with_golden(bundle, **changes):
    """The bundle with other golden arrays and a hash that fits them."""
    arrays = {**read_golden(Bundle(bundle)).arrays(), **changes}
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    replace_file(bundle, "golden.npz", stream.getvalue())
    return Bundle(bundle)


def test_self_check_passes(exported_bundle):
    opened = Bundle(exported_bundle)
    check = run_self_check(opened, Segmenter(opened)._backend)
    assert check.passed
    assert check.features_difference < 1e-4
    assert check.logits_difference < 1e-4
    assert check.pixels == 128 * 96


def test_self_check_notices_other_features(bundle):
    golden = read_golden(Bundle(bundle))
    opened = with_golden(bundle, features=golden.features * np.float32(1.01))
    check = run_self_check(opened, Segmenter(opened)._backend)
    assert check.features_difference == pytest.approx(0.01, rel=0.05)
    assert check.logits_difference < 1e-4
    assert not check.passed


def test_self_check_notices_other_logits(bundle):
    golden = read_golden(Bundle(bundle))
    opened = with_golden(bundle, logits=golden.logits[::-1].copy())
    check = run_self_check(opened, Segmenter(opened)._backend)
    assert check.features_difference < 1e-4
    assert check.labels_wrong > 0
    assert not check.passed


@pytest.mark.parametrize("name", ["features", "logits"])
def test_golden_that_is_not_finite_is_refused(bundle, name):
    golden = read_golden(Bundle(bundle))
    opened = with_golden(bundle, **{name: np.full_like(getattr(golden, name), np.nan)})
    with pytest.raises(BundleError, match=r"golden\.npz: golden input is damaged.*must be finite"):
        run_self_check(opened, Segmenter(opened)._backend)


def test_a_difference_that_is_not_finite_never_passes():
    infinite = SelfCheck(0.0, float("inf"), 0, 0, 1, 1e-4, 1e-4)
    unknown = SelfCheck(float("nan"), 0.0, 0, 0, 1, 1e-4, 1e-4)
    assert not infinite.passed
    assert not unknown.passed
    assert infinite.to_dict()["logits_difference"] is None
    assert relative_difference(np.ones(2), np.array([1, np.nan])) == float("inf")


def test_failed_check_exits_with_1(bundle, capsys):
    golden = read_golden(Bundle(bundle))
    with_golden(bundle, logits=golden.logits[::-1].copy())
    assert main(["info", str(bundle), "--check", "--json", "--quiet"]) == 1
    assert json.loads(capsys.readouterr().out)["self_check"]["passed"] is False


def test_encoder_hash_names_the_whole_encoder(bundle, tiny_checkpoint):
    """Other voxels or patches are another encoder, though the graph is the same; other tools are not."""
    manifest = Bundle(bundle).manifest
    original = manifest.encoder.hash
    for change in ({"voxel_size": 0.5}, {"patch_size": 64}, {"weights_sha256": "0" * 64}):
        assert dataclasses.replace(manifest.encoder, **change).hash != original
    edit_manifest(bundle, tools={"rtgs2-trt": "9.9"}, description="the same")
    assert Bundle(bundle).encoder_hash == original


@pytest.mark.parametrize("version", ["\u00b2", "9" * 5000])
def test_format_that_only_looks_like_a_version(bundle, version):
    edit_manifest(bundle, format=f"rtgs2-bundle/{version}")
    with pytest.raises(BundleError, match=r"manifest is damaged \(found 'rtgs2-bundle/"):
        Bundle(bundle)


@pytest.mark.parametrize("name", ["../x", "a/b", "a\\b", "a" * 5000, "a\0b", "\ud800", "..", "manifest.json"])
def test_file_names_that_are_none(bundle, name):
    files = json.loads((bundle / "manifest.json").read_text())["files"]
    edit_manifest(bundle, files={**files, name: "0" * 64})
    with pytest.raises(BundleError, match=r"files: manifest is damaged .*plain file names"):
        Bundle(bundle)


@pytest.mark.parametrize(
    ("member", "array", "message"),
    [
        ("features", np.zeros((2, 2), np.float32), r"features must be finite and of the shape"),
        ("logits", np.zeros((5, 1, 1), np.float32), r"logits must be finite and of the shape"),
        ("image_size", np.array([16384, 16384]), r"a view of 16384 x 16384 pixels, at most 2048 a side"),
        ("image_size", np.array([np.inf, 3]), r"cannot convert float infinity"),
        ("image_size", np.array(3), r"0-d array"),
        ("means", np.zeros((6 << 20, 3), np.float32), r"bytes unpacked, at most \d+ are expected"),
    ],
)
def test_golden_input_that_does_not_fit(bundle, member, array, message):
    with np.load(bundle / "golden.npz") as stored:
        arrays = {**stored, member: array}
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    replace_file(bundle, "golden.npz", content.getvalue())
    with pytest.raises(BundleError, match=rf"golden\.npz: golden input is damaged: .*{message}"):
        read_golden(Bundle(bundle))


def test_golden_logits_may_be_those_of_a_large_view_of_many_classes(bundle, monkeypatch):
    """Of 150 classes at 1920 x 1080 they are 78 MB, more than anything else in the file."""
    monkeypatch.setattr(self_check, "_GOLDEN_LIMIT", 0)
    assert read_golden(Bundle(bundle)).logits.size


def test_graph_that_computes_another_shape(bundle, scene):
    onnx = pytest.importorskip("onnx")
    model = onnx.load(bundle / "encoder.onnx")
    for node in model.graph.node:
        node.output[:] = ["all" if name == "features" else name for name in node.output]
    constants = {"zero": [0], "two": [2]}
    model.graph.initializer.extend(
        onnx.numpy_helper.from_array(np.array(value, np.int64), name) for name, value in constants.items()
    )
    model.graph.node.append(onnx.helper.make_node("Slice", ["all", "zero", "two"], ["features"]))
    replace_file(bundle, "encoder.onnx", model.SerializeToString())
    with pytest.raises(BundleError, match=r"encoder\.onnx: features: graph computes something of another shape"):
        Segmenter(bundle).encode(scene)


def test_graph_with_an_input_that_nobody_provides(bundle, scene):
    onnx = pytest.importorskip("onnx")
    model = onnx.load(bundle / "encoder.onnx")
    model.graph.input.append(onnx.helper.make_tensor_value_info("more", onnx.TensorProto.FLOAT, [1]))
    replace_file(bundle, "encoder.onnx", model.SerializeToString())
    with pytest.raises(BundleError, match=r"encoder\.onnx: 'more': graph has an input that no geometry plan provides"):
        Segmenter(bundle).encode(scene)


def test_manifest_of_another_encoder(bundle, scene):
    """The graph says which manifest it belongs to: an edited one is noticed, though no file has another hash."""
    encoder = json.loads((bundle / "manifest.json").read_text())["encoder"]
    for change in ({"voxel_size": 0.5}, {"stages": 4}, {"patch_size": 64}):
        edit_manifest(bundle, encoder={**encoder, **change})
        with pytest.raises(BundleError, match=r"encoder\.onnx: rtgs2_encoder: graph is not the encoder that the man"):
            Segmenter(bundle).encode(scene)


def test_fusion_graph_is_checked_at_once(bundle):
    table = json.loads((bundle / "manifest.json").read_text())["classes"]
    edit_manifest(bundle, classes={**table, "table": table["table"][:-1]})
    with pytest.raises(BundleError, match=r"fusion\.onnx: logits: graph does not have the output"):
        Segmenter(bundle)
