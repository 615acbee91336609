"""The frame graph for TensorRT: its plugin node executed by the CPU rasteriser, the whole against FP32."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from rtgs2_export.cli import main
from rtgs2_export.export import export_bundle
from rtgs2_export.fp16_emulation import emulate_fp16
from rtgs2_export.frame_graph import RASTERIZE, build_frame_graph
from rtgs2_export.frame_on_cpu import FrameOnCpu, frame_feed
from rtgs2_export.lint import lint_graph
from rtgs2_export.value_types import value_types
from rtgs2_networks.checkpoint import load_checkpoint
from rtgs2_trt import Bundle, Camera, Scene, Segmenter, rasterize
from rtgs2_trt.backends.engines import OnnxRuntimeNetwork
from rtgs2_trt.bundle import FRAME_FP16, FRAME_GOLDEN
from rtgs2_trt.errors import BundleError, InputError
from rtgs2_trt.self_check import read_golden
from rtgs2_trt.tensorrt.frame_interface import camera_numbers, camera_of, stored_channels, stored_features
from rtgs2_trt.upsample import upsample
from rtgs2_trt.upsample_argmax import upsample_argmax

DEMO = Path(__file__).parents[2] / "examples/demo/ckpt.pt"
TIE = 5e-3  # of the largest logit: see docs/precision.md


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The demo's bundle with a frame graph of 320x240."""
    path = tmp_path_factory.mktemp("demo") / "demo.rtgs2"
    exported = export_bundle(load_checkpoint(DEMO), path, image_size=(320, 240), tensorrt=True)
    return exported, onnx.load(path / FRAME_FP16)


@pytest.fixture(scope="module")
def views(demo):
    """The demo room, and two views of it."""
    from rtgs2_training.synthrooms import demo_room

    room = demo_room()
    scene = Segmenter(demo[0].path, "cpu", precision="fp32").encode(room.scene)
    return scene, [view.camera for view in list(room.views.values())[:2]]


def shapes(entries):
    return {
        entry.name: (
            entry.type.tensor_type.elem_type,
            [size.dim_param or size.dim_value for size in entry.type.tensor_type.shape.dim],
        )
        for entry in entries
    }


def test_interface(demo):
    _, model = demo
    half, single = TensorProto.FLOAT16, TensorProto.FLOAT
    assert shapes(model.graph.input) == {
        "means": (single, ["gaussians", 3]),
        "scales": (single, ["gaussians", 3]),
        "rotations": (single, ["gaussians", 4]),
        "opacities": (single, ["gaussians"]),
        "sh": (single, ["gaussians", "coefficients", 3]),
        "gaussian_features": (half, ["gaussians", 32]),
        "camera": (single, [19]),
    }
    assert shapes(model.graph.output) == {
        "logits": (half, [1, 22, 64, 80]),
        "image": (half, [1, 3, 256, 320]),
        "alpha": (single, [1, 256, 320]),
        "view_depth": (single, [1, 256, 320]),
        "needs": (TensorProto.INT64, [2]),
    }
    node = model.graph.node[0]
    assert (node.name, node.op_type, node.domain) == (RASTERIZE, "RtgsRasterizeGaussians", "rtgs2")
    assert {entry.name for entry in model.graph.input} == set(node.input)


def test_every_value_has_a_type_and_lint_passes(demo):
    _, model = demo
    types = value_types(model)
    assert all(types.get(name) for node in model.graph.node for name in node.output)
    assert lint_graph(model, "tensorrt") == []
    assert [(finding.rule, finding.where) for finding in lint_graph(model, "onnxruntime")] == [("plugin", RASTERIZE)]


def test_what_follows_the_plugin_is_the_checked_fusion_graph(demo):
    exported, model = demo
    fusion = onnx.load(exported.path / "fusion.fp16.onnx")
    assert list(model.graph.node[1:]) == list(fusion.graph.node)
    assert list(model.graph.initializer) == list(fusion.graph.initializer)


def test_whole_frame_labels_as_fp32_does(demo, views):
    """End to end: Gaussians -> plugin node -> FP16 network -> labels, against the FP32 bundle."""
    exported, model = demo
    scene, cameras = views
    frame, exact = FrameOnCpu(model), OnnxRuntimeNetwork(exported.path / "fusion.onnx", 2)
    rounded = OnnxRuntimeNetwork("rounded", 2, content=emulate_fp16(frame.rest).SerializeToString())
    reference = Segmenter(exported.path, "cpu", precision="fp32")
    pixels = differing = beyond = 0
    for camera in cameras:
        found = frame.run(frame_feed(scene, camera.padded(32)))
        expected = reference(scene, camera)
        size, padded = (camera.height, camera.width), camera.padded(32)
        # The camera's numbers are FP32 here: single Gaussians come to the other side of alpha = 1/255.
        drawn = rasterize(scene, camera_of(camera_numbers(padded), padded.width, padded.height))
        np.testing.assert_allclose(found["image"][0], drawn.rgb, rtol=2**-10, atol=1e-6)  # rounded to FP16
        np.testing.assert_array_equal(found["alpha"][0], drawn.alpha)
        np.testing.assert_allclose(drawn.rgb, rasterize(scene, padded).rgb, atol=1 / 255)
        logits = exact.run(_drawn(scene, camera.padded(32)))[0]
        wide = np.stack([upsample(plane, *size) for plane in logits])
        for output in (found["logits"][0], rounded.run(_drawn(scene, camera.padded(32)))[0]):
            labels = upsample_argmax(output, *size)[0]
            rows, columns = np.nonzero(labels != expected.labels)
            lead = wide[expected.labels[rows, columns], rows, columns] - wide[labels[rows, columns], rows, columns]
            pixels, differing = pixels + labels.size, differing + len(rows)
            beyond += int((lead > TIE * np.abs(logits).max()).sum())
    print(f"{differing} of {pixels} labels differ, {beyond} beyond a near-tie")
    assert differing <= 0.002 * pixels
    assert beyond == 0


def _drawn(scene, camera):
    view = rasterize(scene, camera)
    return {"image": view.rgb[None], "features": view.features[None]}


def test_self_check_of_the_export_is_of_this_graph(demo):
    exported, _ = demo
    check = exported.frame_self_check
    assert check.passed
    assert check.pixels == 320 * 240
    assert 0 < check.logits_difference < 2e-2
    golden = read_golden(Bundle(exported.path), FRAME_GOLDEN)
    assert (golden.camera.width, golden.camera.height) == (320, 240)


@pytest.mark.parametrize(
    ("features", "sh"),
    [(4.0, 1.0), (-4.0, 1.0), (1.0, 1e4), (0.0, 0.0)],
    ids=["large features", "negative features", "glaring", "dark"],
)
def test_large_activations_stay_finite(demo, views, features, sh):
    _, model = demo
    scene, cameras = views
    probe = Scene(scene.means, scene.scales, scene.rotations, scene.opacities, scene.sh * np.float32(sh)).with_features(
        scene.features * np.float32(features)
    )
    feed = _drawn(probe, cameras[0].padded(32))
    found = FrameOnCpu(model).run(frame_feed(probe, cameras[0].padded(32)))
    assert np.isfinite(found["logits"]).all()
    rounded = OnnxRuntimeNetwork("rounded", 2, content=emulate_fp16(FrameOnCpu(model).rest).SerializeToString())
    assert np.isfinite(rounded.run(feed)).all()


def test_camera_survives_the_numbers():
    camera = Camera.look_at((0.2, 0.3, 0.6), (1.8, 1.2, 0.5), width=160, height=96, fov_degrees=80)
    numbers = camera_numbers(camera)
    assert (numbers.shape, numbers.dtype) == ((19,), np.float32)
    back = camera_of(numbers, 160, 96)
    np.testing.assert_allclose(back.world_to_camera, camera.world_to_camera, rtol=0, atol=1e-6)
    np.testing.assert_allclose([back.fx, back.cx, back.cy], [camera.fx, 80, 48], rtol=1e-6)


def test_features_are_stored_in_rows_that_tensor_cores_take():
    assert [stored_channels(channels) for channels in (1, 8, 9, 32, 33, 64)] == [8, 8, 16, 32, 64, 64]
    with pytest.raises(ValueError, match="1 to 64 channels"):
        stored_channels(65)
    stored = stored_features(np.full((2, 3), 1.5, np.float32))
    assert stored.dtype == np.float16
    assert stored.tolist() == [[1.5] * 3 + [0.0] * 5] * 2


def test_sizes_that_no_engine_has_are_refused(demo):
    exported, _ = demo
    with pytest.raises(ValueError, match="multiples of 32"):
        build_frame_graph(onnx.load(exported.path / "fusion.fp16.onnx"), (320, 240))
    checkpoint = load_checkpoint(DEMO)
    with pytest.raises(InputError, match=r"image_size: .*4096x64.*2048"):
        export_bundle(checkpoint, "unused.rtgs2", image_size=(4096, 64), tensorrt=True)
    with pytest.raises(InputError, match=r"precision: .*computes in FP16"):
        export_bundle(checkpoint, "unused.rtgs2", precision="fp32", tensorrt=True)
    config = checkpoint.config
    encoder = replace(config.encoder, decoder_channels=(96,) * 4)
    wide = replace(
        checkpoint, config=replace(config, encoder=encoder, fusion=replace(config.fusion, feature_channels=96))
    )
    with pytest.raises(InputError, match=r"decoder_channels: too many .*found 96, expected at most 64"):
        export_bundle(wide, "unused.rtgs2", tensorrt=True)


def test_graph_of_two_plugins_is_no_frame(demo):
    _, model = demo
    twice = onnx.ModelProto()
    twice.CopyFrom(model)
    twice.graph.node.append(model.graph.node[0])
    with pytest.raises(ValueError, match="this has 2"):
        FrameOnCpu(twice)


def test_depth_bundle_and_command_line(depth_checkpoint, tmp_path, capsys):
    out = tmp_path / "depth.rtgs2"
    arguments = [str(depth_checkpoint), "-o", str(out), "--image-size", "96x64", "--tensorrt", "--json", "--quiet"]
    assert main(arguments) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["frame"]["self_check"]["passed"]
    assert {FRAME_FP16, FRAME_GOLDEN} <= values["bytes"].keys()
    outputs = shapes(onnx.load(out / FRAME_FP16).graph.output)
    assert outputs["depth"] == (TensorProto.FLOAT, [1, 1, 16, 24])
    assert main([argument for argument in arguments if argument != "--json"]) == 0
    assert "rtgs2 build depth.rtgs2" in capsys.readouterr().out


def test_manifest_wants_graph_and_golden_view_together(demo, tmp_path):
    import shutil

    copy = Path(shutil.copytree(demo[0].path, tmp_path / "half.rtgs2"))
    manifest = json.loads((copy / "manifest.json").read_text())
    del manifest["files"][FRAME_GOLDEN]
    (copy / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BundleError, match=r"both or neither of frame\.fp16\.onnx and golden\.frame\.npz"):
        Bundle(copy)
