"""The fusion network in reduced precision, and what is said where it cannot be had."""

from __future__ import annotations

import builtins
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from rtgs2_trt import Bundle, Camera, Segmenter
from rtgs2_trt.backends import create_backend, engines
from rtgs2_trt.cli import main
from rtgs2_trt.errors import BackendError, BundleError
from rtgs2_trt.self_check import BOUNDS, relative_difference, run_self_check


@pytest.fixture(scope="module")
def openvino():
    module = pytest.importorskip("openvino", reason="the extra [openvino] is not installed")
    if "BF16" not in module.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        pytest.skip("this CPU does not compute in BF16")
    return module


@pytest.fixture(scope="module")
def inputs():
    rng = np.random.default_rng(2)
    return rng.random((3, 96, 128), dtype=np.float32), rng.standard_normal((32, 96, 128)).astype(np.float32)


def test_fp16_is_near_fp32_and_is_not_fp32(exported_bundle, inputs):
    bundle = Bundle(exported_bundle)
    exact = create_backend("cpu", bundle, 2).fuse(*inputs)
    reduced = create_backend("cpu", bundle, 2, "fp16").fuse(*inputs)
    assert reduced.dtype == np.float32
    assert 1e-4 < relative_difference(reduced, exact) < BOUNDS["fp16"]


def test_fp16_labels_agree(exported_bundle, scene, camera):
    exact, reduced = Segmenter(exported_bundle), Segmenter(exported_bundle, precision="fp16")
    assert reduced.precision == "fp16"
    encoded = exact.encode(scene)
    assert (exact(encoded, camera).labels == reduced(encoded, camera).labels).mean() > 0.99


def test_fp16_depth_agrees(depth_bundle, scene, camera):
    exact, reduced = Segmenter(depth_bundle), Segmenter(depth_bundle, precision="fp16")
    encoded = exact.encode(scene)
    depths = [s(encoded, camera).depth_prediction for s in (exact, reduced)]
    assert relative_difference(depths[1], depths[0]) < BOUNDS["fp16"]


def test_fp16_self_check(exported_bundle, capsys):
    bundle = Bundle(exported_bundle)
    check = run_self_check(bundle, create_backend("cpu", bundle, 0, "fp16"))
    assert check.passed
    assert check.bound == BOUNDS["fp16"]
    assert check.features_bound == BOUNDS["fp16"]
    assert BOUNDS["fp32"] < check.features_difference < 5e-3
    assert BOUNDS["fp32"] < check.logits_difference
    assert main(["info", str(exported_bundle), "--check", "--precision", "fp16", "--json", "--quiet"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["self_check"]["bound"] == BOUNDS["fp16"]
    assert values["precision"] == ["fp32", "fp16"]
    assert "fusion.fp16.onnx" in values["megabytes"]


def test_bf16_is_near_fp32_and_is_not_fp32(openvino, exported_bundle, inputs):
    bundle = Bundle(exported_bundle)
    exact = create_backend("cpu", bundle, 2).fuse(*inputs)
    reduced = create_backend("cpu", bundle, 2, "bf16").fuse(*inputs)
    assert reduced.dtype == np.float32
    # 8 bits of mantissa leave 2e-3 of each value; what FP32 leaves, 1e-6, would mean that nothing was reduced
    assert 1e-4 < relative_difference(reduced, exact) < BOUNDS["bf16"]


def test_bf16_labels_agree(openvino, exported_bundle, scene, camera):
    exact = Segmenter(exported_bundle)
    reduced = Segmenter(exported_bundle, precision="bf16")
    assert (exact.precision, reduced.precision) == ("fp32", "bf16")
    encoded = exact.encode(scene)
    np.testing.assert_array_equal(reduced.encode(scene).features, encoded.features)  # the encoder stays FP32
    labels, expected = reduced(encoded, camera).labels, exact(encoded, camera).labels
    assert len(np.unique(expected)) > 1
    assert (labels == expected).mean() > 0.95


def test_bf16_serves_sizes_in_turn_and_threads_at_once(openvino, exported_bundle, scene):
    segmenter = Segmenter(exported_bundle, precision="bf16")
    encoded = segmenter.encode(scene)
    views = [  # six sizes: more than stay compiled
        Camera.look_at((0.2, 0.2, 0.6), (1.8, 1.2, 0.5), width=64 + 32 * (i % 6), height=64) for i in range(12)
    ]
    alone = [segmenter(encoded, view).labels for view in views]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda view: segmenter(encoded, view).labels, views))
    for a, b in zip(alone, together, strict=True):
        np.testing.assert_array_equal(a, b)


class LastOneTaken(list):
    """What a thread sees that looks just before another one takes the last entry."""

    def __bool__(self):
        return True


def test_bf16_makes_another_request_when_the_last_one_was_just_taken(openvino, exported_bundle, inputs):
    backend = create_backend("cpu", Bundle(exported_bundle), 1, "bf16")
    expected = backend.fuse(*inputs)
    (compiled,) = backend._network("fusion.onnx")._compiled.values()
    compiled.idle = LastOneTaken()
    np.testing.assert_array_equal(backend.fuse(*inputs), expected)
    assert len(compiled.idle) == 1


def test_bf16_keeps_the_sizes_used_last(openvino, exported_bundle):
    backend = create_backend("cpu", Bundle(exported_bundle), 1, "bf16")
    network = backend._network("fusion.onnx")
    widths = [32 * (i + 1) for i in range(engines._SIZES_KEPT + 1)]
    for width in [*widths[:-1], widths[0], widths[-1]]:
        backend.fuse(np.zeros((3, 32, width), np.float32), np.zeros((32, 32, width), np.float32))
        assert len(network._compiled) <= engines._SIZES_KEPT
    kept = {dict(sizes)["image"][3] for sizes in network._compiled}
    assert kept == {width for width in widths if width != widths[1]}  # the first was used again


def test_self_check_has_a_bound_for_each_precision(openvino, exported_bundle, capsys):
    bundle = Bundle(exported_bundle)
    check = run_self_check(bundle, create_backend("cpu", bundle, 0, "bf16"))
    assert check.passed
    assert check.bound == BOUNDS["bf16"]
    assert check.features_difference < BOUNDS["fp32"] < check.logits_difference
    assert main(["info", str(exported_bundle), "--check", "--precision", "bf16", "--json", "--quiet"]) == 0
    assert json.loads(capsys.readouterr().out)["self_check"]["bound"] == BOUNDS["bf16"]


def test_graph_that_openvino_cannot_read(openvino, bundle):
    from rtgs2_trt.backends.engines import OpenVinoNetwork

    (bundle / "broken.onnx").write_bytes(b"no graph")
    with pytest.raises(BundleError, match=r"broken\.onnx: OpenVINO .* cannot load the graph"):
        OpenVinoNetwork(bundle / "broken.onnx", 1)


def test_run_that_openvino_refuses(openvino, exported_bundle, inputs):
    backend = create_backend("cpu", Bundle(exported_bundle), 1, "bf16")
    with pytest.raises(BackendError, match="OpenVINO failed"):
        backend.fuse(inputs[0][:, :64], inputs[1])


def test_without_openvino(exported_bundle, monkeypatch):
    real = builtins.__import__

    def missing(name, *arguments, **options):
        if name == "openvino":
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", missing)
    Segmenter(exported_bundle)
    with pytest.raises(BackendError, match=r"needs OpenVINO: pip install 'rtgs2-trt\[openvino\]', or take .*'fp32'"):
        Segmenter(exported_bundle, precision="bf16")


def test_cpu_without_bf16(openvino, exported_bundle, monkeypatch):
    class OldCpu:
        def get_property(self, device, name):
            return ["FP32", "INT8"]

    monkeypatch.setattr(openvino, "Core", OldCpu)
    with pytest.raises(BackendError, match="this CPU does not compute in BF16; take precision 'fp32'"):
        Segmenter(exported_bundle, precision="bf16")


def test_unknown_precision(exported_bundle):
    with pytest.raises(BackendError, match=r"no such precision: 'int4'; choose one of \['auto', 'fp32'"):
        Segmenter(exported_bundle, precision="int4")
