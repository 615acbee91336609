from __future__ import annotations

import dataclasses
import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from rtgs2_trt import Camera, Scene, Segmenter, rasterize
from rtgs2_trt.errors import InputError, SceneError


@pytest.fixture(scope="module")
def segmenter(exported_bundle):
    return Segmenter(exported_bundle)


@pytest.fixture(scope="module")
def encoded(segmenter, scene):
    return segmenter.encode(scene)


def test_labels_of_any_size(segmenter, encoded):
    for width, height in [(64, 32), (150, 100), (33, 1), (1, 65)]:
        view = Camera.look_at((0.2, 0.2, 0.6), (1.8, 1.2, 0.5), width=width, height=height)
        result = segmenter(encoded, view, confidence=True, rgb=True, depth=True, alpha=True)
        assert result.labels.shape == result.confidence.shape == result.depth.shape == (height, width)
        assert result.rgb.shape == (3, height, width)
        assert result.labels.dtype == np.uint8
        assert result.labels.max() < len(result.classes)


def test_only_what_is_asked_for_comes_back(segmenter, encoded, camera):
    result = segmenter(encoded, camera)
    assert result.confidence is None
    assert result.rgb is None
    assert result.depth is None
    assert result.alpha is None
    assert set(result.seconds) == {"rasterize", "fuse", "argmax"}


def test_labels_equal_pytorch(tiny_checkpoint, segmenter, scene, encoded, camera):
    """The same pipeline with the networks in PyTorch; where labels differ, the two classes must be near-tied."""
    torch = pytest.importorskip("torch")
    from rtgs2_export.golden import encode_with_pytorch, fuse_with_pytorch
    from rtgs2_networks.checkpoint import load_checkpoint

    checkpoint = load_checkpoint(tiny_checkpoint)
    features = encode_with_pytorch(checkpoint, scene)
    assert np.abs(features - encoded.features).max() < 1e-4 * np.abs(features).max()
    logits = torch.from_numpy(fuse_with_pytorch(checkpoint, scene.with_features(features), camera))
    full = torch.nn.functional.interpolate(logits[None], scale_factor=4, mode="bilinear")[0]
    full = full[:, : camera.height, : camera.width].numpy()
    expected = full.argmax(0)
    labels = segmenter(encoded, camera).labels
    assert len(np.unique(labels)) > 1
    rows, columns = np.nonzero(labels != expected)
    lead = full[expected[rows, columns], rows, columns] - full[labels[rows, columns], rows, columns]
    assert len(rows) <= labels.size // 1000
    assert (lead < 1e-4 * np.abs(full).max()).all()


def test_same_bits_on_every_run(segmenter, scene, encoded, camera):
    again = segmenter.encode(scene)
    np.testing.assert_array_equal(again.features, encoded.features)
    first, second = (segmenter(encoded, camera, confidence=True) for _ in range(2))
    np.testing.assert_array_equal(first.labels, second.labels)
    np.testing.assert_array_equal(first.confidence, second.confidence)


def test_threads_change_nothing_of_ours_and_at_most_rounding_of_onnx_runtime(exported_bundle, scene, encoded, camera):
    """Plan, rasteriser and argmax: the same bits. ONNX Runtime may sum in another order (it did not where we tried)."""
    alone = Segmenter(exported_bundle, threads=1)
    several = Segmenter(exported_bundle, threads=3)
    for name, array in alone.plan(scene).arrays.items():
        np.testing.assert_array_equal(array, several.plan(scene).arrays[name])
    one, three = alone(encoded, camera, rgb=True), several(encoded, camera, rgb=True)
    np.testing.assert_array_equal(one.rgb, three.rgb)
    difference = np.abs(alone.encode(scene).features - several.encode(scene).features).max()
    assert difference <= 1e-5 * np.abs(encoded.features).max()
    assert (one.labels != three.labels).mean() < 1e-3


def test_one_segmenter_serves_several_threads(segmenter, encoded):
    views = [
        Camera.look_at((0.2 + 0.1 * i, 0.2, 0.6), (1.8, 1.2, 0.5), width=64 + 32 * (i % 3), height=64) for i in range(8)
    ]
    alone = [segmenter(encoded, view).labels for view in views]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda view: segmenter(encoded, view).labels, views))
    for a, b in zip(alone, together, strict=True):
        np.testing.assert_array_equal(a, b)


def test_depth_is_expected_depth_and_nan_where_nothing_is(segmenter, encoded):
    away = Camera.look_at((0.2, 0.2, 0.6), (-1.0, -1.0, 0.6), width=64, height=64)
    result = segmenter(encoded, away, depth=True, alpha=True)
    rendering = rasterize(encoded, away.padded(32))
    covered = rendering.alpha > 0
    assert (~covered).any()
    np.testing.assert_array_equal(np.isnan(result.depth), ~covered)
    np.testing.assert_array_equal(result.depth[covered], rendering.depth[covered] / rendering.alpha[covered])


def test_unknown_below_marks_empty_pixels(segmenter, encoded):
    view = Camera.look_at((0.2, 0.2, 0.6), (-1.0, -1.0, 0.6), width=64, height=64)
    result = segmenter(encoded, view, alpha=True, unknown_below=0.5)
    np.testing.assert_array_equal(result.labels == 255, result.alpha < 0.5)
    assert (segmenter(encoded, view).labels != 255).all()


def test_gaussians_of_one_voxel_share_features(segmenter, scene, encoded):
    plan = segmenter.plan(scene)
    np.testing.assert_array_equal(encoded.features, encoded.features[plan.representatives][plan.voxel_of_gaussian])


def test_floater_keeps_zero_features(segmenter, scene, encoded):
    far = np.concatenate([scene.means, [[5e4, 0, 0]]]).astype(np.float32)
    with_floater = Scene(
        far,
        *(np.concatenate([a, a[:1]]) for a in (scene.scales, scene.rotations, scene.opacities, scene.sh)),
    )
    features = segmenter.encode(with_floater).features
    assert (features[-1] == 0).all()
    np.testing.assert_array_equal(features[:-1], encoded.features)


def test_encoded_scene_can_be_saved_and_loaded(segmenter, encoded, camera, tmp_path):
    encoded.save(tmp_path / "encoded.ply")
    loaded = segmenter.load(tmp_path / "encoded.ply")
    np.testing.assert_array_equal(loaded.features, encoded.features)
    assert loaded.features_encoder == segmenter.bundle.encoder_hash
    same = segmenter(loaded, camera).labels == segmenter(encoded, camera).labels
    assert same.mean() > 0.999  # opacities and scales go through a logarithm and back


def test_scene_that_is_not_encoded(segmenter, scene, camera):
    with pytest.raises(SceneError, match=r"features: scene is not encoded\. Call segmenter\.encode"):
        segmenter(scene, camera)


def test_features_of_another_encoder(segmenter, encoded, camera, tmp_path):
    other = dataclasses.replace(encoded, features_encoder="0" * 64)
    with pytest.raises(SceneError, match=r"features were computed by another encoder.*0000"):
        segmenter(other, camera)
    other.save(tmp_path / "other.ply")
    with pytest.raises(SceneError, match=r"other\.ply: features: features were computed by another encoder"):
        segmenter.load(tmp_path / "other.ply")
    again = segmenter.load(tmp_path / "other.ply", reencode=True)
    assert again.features_encoder == segmenter.bundle.encoder_hash


def test_wrong_arguments(exported_bundle, segmenter, encoded, camera):
    for threads in (-1, 1.5, 5000, "2"):
        with pytest.raises(InputError, match="threads: impossible number of threads"):
            Segmenter(exported_bundle, threads=threads)
    for alpha in ("a", float("nan"), -math.inf, 10**400, 10**5000):
        with pytest.raises(InputError, match="unknown_below: not a finite number"):
            segmenter(encoded, camera, unknown_below=alpha)


def test_features_without_a_record_of_their_encoder(segmenter, encoded, camera):
    with pytest.raises(SceneError, match="features have no record of their encoder"):
        segmenter(encoded.with_features(encoded.features), camera)


def test_import_is_light():
    """``import rtgs2_trt`` brings in neither torch nor ONNX Runtime nor Pillow."""
    import subprocess
    import sys

    code = (
        "import sys, rtgs2_trt; print([m for m in ('torch', 'onnxruntime', 'onnx', 'PIL', 'rich') if m in sys.modules])"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )
