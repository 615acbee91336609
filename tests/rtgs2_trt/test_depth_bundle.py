"""The depth task from checkpoint to pictures."""

from __future__ import annotations

import io
import json
import shutil

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from rtgs2_export.cli import main as export_main  # noqa: E402
from rtgs2_export.golden import encode_with_pytorch, fuse_with_pytorch  # noqa: E402
from rtgs2_networks.checkpoint import load_checkpoint, save_checkpoint  # noqa: E402
from rtgs2_networks.config import preset, to_dict  # noqa: E402
from rtgs2_trt import Bundle, Camera, Segmenter, save_cameras  # noqa: E402
from rtgs2_trt.cli import main  # noqa: E402
from rtgs2_trt.errors import BundleError, CheckpointError, InputError  # noqa: E402
from rtgs2_trt.file_access import sha256_of  # noqa: E402
from rtgs2_trt.self_check import read_golden, run_self_check  # noqa: E402


@pytest.fixture(scope="module")
def segmenter(depth_bundle):
    return Segmenter(depth_bundle)


@pytest.fixture(scope="module")
def encoded(segmenter, scene):
    return segmenter.encode(scene)


def test_depth_equals_pytorch(depth_checkpoint, segmenter, scene, encoded, camera):
    checkpoint = load_checkpoint(depth_checkpoint)
    features = encode_with_pytorch(checkpoint, scene)
    quarter = torch.from_numpy(fuse_with_pytorch(checkpoint, scene.with_features(features), camera))
    full = torch.nn.functional.interpolate(quarter[None], scale_factor=4, mode="bilinear")[0, 0].numpy()
    expected = full[: camera.height, : camera.width]
    result = segmenter(encoded, camera)
    assert result.depth_prediction.shape == (camera.height, camera.width)
    assert result.depth_prediction.dtype == np.float32
    assert expected.std() > 0.01
    assert np.abs(result.depth_prediction - expected).max() < 1e-4 * np.abs(expected).max()


def test_what_a_depth_bundle_has_and_has_not(segmenter, encoded, camera):
    result = segmenter(encoded, camera)
    assert segmenter.task == "depth"
    assert result.labels is None
    assert result.classes is None
    assert segmenter.classes is None
    assert set(result.seconds) == {"rasterize", "fuse", "upsample"}
    with pytest.raises(InputError, match="confidence: a depth prediction has no class probabilities"):
        segmenter(encoded, camera, confidence=True)


def test_a_semantic_bundle_predicts_no_depth(exported_bundle, scene, camera):
    segmenter = Segmenter(exported_bundle)
    assert segmenter.task == "semantic"
    assert segmenter(segmenter.encode(scene), camera).depth_prediction is None


def test_unknown_below_makes_depth_nan(segmenter, encoded):
    away = Camera.look_at((0.2, 0.2, 0.6), (-1.0, -1.0, 0.6), width=64, height=64)
    result = segmenter(encoded, away, alpha=True, unknown_below=0.5)
    np.testing.assert_array_equal(np.isnan(result.depth_prediction), result.alpha < 0.5)
    assert np.isnan(result.depth_prediction).any()
    assert np.isfinite(segmenter(encoded, away).depth_prediction).all()


def test_self_check_bounds_the_depth(depth_bundle, tmp_path):
    bundle = tmp_path / "depth.rtgs2"
    shutil.copytree(depth_bundle, bundle)
    opened = Bundle(bundle)
    check = run_self_check(opened, Segmenter(opened)._backend)
    assert check.passed
    assert 0 <= check.depth_difference <= check.depth_bound
    assert "labels_different" not in check.to_dict()
    assert check.to_dict()["depth_difference"] == check.depth_difference

    golden = read_golden(opened)
    stream = io.BytesIO()
    np.savez(stream, **{**golden.arrays(), "logits": golden.logits + np.float32(0.05)})
    (bundle / "golden.npz").write_bytes(stream.getvalue())
    manifest = json.loads((bundle / "manifest.json").read_text())
    manifest["files"]["golden.npz"] = sha256_of(bundle / "golden.npz")
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    opened = Bundle(bundle)
    check = run_self_check(opened, Segmenter(opened)._backend)
    assert check.depth_difference == pytest.approx(0.05, rel=0.01)
    assert not check.passed


def test_export_and_info_speak_of_depth(depth_checkpoint, tmp_path, capsys):
    out = tmp_path / "d.rtgs2"
    assert export_main([str(depth_checkpoint), "-o", str(out), "--quiet"]) == 0
    printed = capsys.readouterr().out
    assert "MB, depth" in printed
    assert "depth at full size differs by at most" in printed
    assert main(["info", str(out), "--check", "--json", "--quiet"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert (values["task"], values["classes"], values["self_check"]["passed"]) == ("depth", None, True)


def test_segment_writes_depth(depth_bundle, scene, tmp_path, capsys):
    scene.save(tmp_path / "scene.ply")
    views = {str(i): Camera.look_at((0.2, 0.2 + 0.3 * i, 0.6), (1.8, 1.2, 0.5), width=100, height=70) for i in range(2)}
    save_cameras(tmp_path / "cameras.json", views)
    out = tmp_path / "out"
    paths = [str(depth_bundle), str(tmp_path / "scene.ply"), "--cameras", str(tmp_path / "cameras.json")]
    assert main(["segment", *paths, "-o", str(out), "--quiet"]) == 0
    assert "2 views with depth" in capsys.readouterr().out
    assert sorted(path.name for path in out.iterdir()) == [
        "color",
        "contact_sheet.png",
        "depth",
        "depth_color",
        "summary.json",
    ]
    summary = json.loads((out / "summary.json").read_text())
    assert (summary["task"], len(summary["views"])) == ("depth", 2)
    segmenter = Segmenter(depth_bundle)
    loaded = segmenter.load(tmp_path / "scene.ply")
    for name, camera in views.items():
        expected = segmenter(loaded, camera).depth_prediction
        with Image.open(out / "depth" / f"{name}.png") as image:
            assert image.mode == "I;16"
            stored = np.asarray(image) / 1000
        np.testing.assert_allclose(stored, np.clip(expected, 0.001, 65.535), atol=0.0006)


def edited(depth_bundle, tmp_path, change):
    bundle = tmp_path / "edited.rtgs2"
    shutil.copytree(depth_bundle, bundle)
    manifest = json.loads((bundle / "manifest.json").read_text())
    change(manifest)
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    return bundle


TABLE = {"name": "t", "table": [{"index": 0, "id": 1, "name": "a", "color": [1, 2, 3]}]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda m: m.update(task="normals"),
            r"task: manifest is damaged \(found 'normals', expected 'semantic' or 'de",
        ),
        (lambda m: m.update(task=[]), "task: manifest is damaged"),
        (lambda m: m.update(classes=TABLE), "classes: manifest is damaged .*none in a bundle that predicts depth"),
        (lambda m: m.pop("task"), "classes: manifest is damaged"),
    ],
)
def test_manifests_that_contradict_themselves(depth_bundle, tmp_path, change, message):
    with pytest.raises(BundleError, match=message):
        Bundle(edited(depth_bundle, tmp_path, change))


def test_a_depth_graph_is_no_label_graph(depth_bundle, tmp_path):
    bundle = edited(depth_bundle, tmp_path, lambda m: m.update(task="semantic", classes=TABLE))
    with pytest.raises(BundleError, match=r"fusion\.onnx: logits: graph does not have the output"):
        Segmenter(bundle)


def test_checkpoints_say_what_they_predict(depth_checkpoint, tiny_checkpoint, tmp_path):
    assert load_checkpoint(depth_checkpoint).config.task == "depth"
    assert load_checkpoint(depth_checkpoint).classes is None
    content = torch.load(tiny_checkpoint, weights_only=True)
    del content["config"]["task"]  # as older versions saved it
    torch.save(content, tmp_path / "old.pt")
    assert load_checkpoint(tmp_path / "old.pt").config.task == "semantic"
    content["config"]["task"] = "normals"
    torch.save(content, tmp_path / "odd.pt")
    with pytest.raises(CheckpointError, match=r"odd\.pt: task: .*found normals, expected 'semantic' or 'depth'"):
        load_checkpoint(tmp_path / "odd.pt")


def test_classes_and_task_go_together(depth_checkpoint, tiny_checkpoint, tmp_path):
    depth, semantic = load_checkpoint(depth_checkpoint), load_checkpoint(tiny_checkpoint)
    with pytest.raises(CheckpointError, match=r"classes: .*found class table 'test', expected none with task 'depth'"):
        save_checkpoint(tmp_path / "x.pt", depth.config, semantic.classes, depth.encoder, depth.fusion)
    with pytest.raises(CheckpointError, match=r"classes: .*found no class table, expected one with task 'semantic'"):
        save_checkpoint(tmp_path / "x.pt", semantic.config, None, semantic.encoder, semantic.fusion)
    with pytest.raises(CheckpointError, match=r"fusion\.num_classes: .*found 5, expected 1, the depth"):
        preset("tiny", 5, task="depth")
    assert to_dict(preset("tiny", task="depth"))["task"] == "depth"
