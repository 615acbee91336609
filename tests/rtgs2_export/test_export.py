from __future__ import annotations

import dataclasses
import json

import numpy as np
import onnx
import onnxruntime
import pytest

torch = pytest.importorskip("torch")

from rtgs2_export.cli import main  # noqa: E402
from rtgs2_export.export import export_bundle  # noqa: E402
from rtgs2_networks.checkpoint import load_checkpoint  # noqa: E402
from rtgs2_trt import Bundle  # noqa: E402
from rtgs2_trt.errors import BundleError  # noqa: E402

GRAPHS = ("encoder.onnx", "fusion.onnx", "encoder.fp16.onnx", "fusion.fp16.onnx")


def leftovers(folder):
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


def test_graphs_promise_what_the_design_says(exported_bundle):
    fusion = onnx.load(exported_bundle / "fusion.onnx")
    encoder = onnx.load(exported_bundle / "encoder.onnx")
    for model in (fusion, encoder):
        assert model.opset_import[0].domain == ""
        assert model.opset_import[0].version == 20
        assert model.ir_version <= 10  # the newest that ONNX Runtime 1.18 reads
    shapes = {
        entry.name: [d.dim_param or d.dim_value for d in entry.type.tensor_type.shape.dim]
        for entry in [*fusion.graph.input, *fusion.graph.output]
    }
    assert shapes == {
        "image": [1, 3, "height", "width"],
        "features": [1, 32, "height", "width"],
        "logits": [1, 5, "height_quarter", "width_quarter"],
    }
    assert [entry.domain for entry in fusion.opset_import] == [""]
    assert [entry.domain for entry in encoder.opset_import] == ["", "com.microsoft"]  # ONNX Runtime's fused attention


def test_node_names_speak_the_networks_language(exported_bundle):
    names = [node.name for node in onnx.load(exported_bundle / "encoder.onnx").graph.node]
    assert len(names) == len(set(names))
    assert any(name.startswith("stage0/encoder_block0/attention/") for name in names)


def test_cli_exports_and_reports(tiny_checkpoint, tmp_path, capsys):
    out = tmp_path / "out.rtgs2"
    assert main([str(tiny_checkpoint), "-o", str(out), "--image-size", "640x352"]) == 0
    assert "self-check against PyTorch: features differ by" in capsys.readouterr().out
    assert Bundle(out).manifest.image_size == (640, 352)
    assert main([str(tiny_checkpoint), "-o", str(out), "--json", "--quiet"]) == 0  # replaces the older one
    captured = capsys.readouterr()
    values = json.loads(captured.out)
    assert captured.err == ""
    assert values["self_check"]["passed"]
    assert values["self_check"]["features_difference"] < 1e-4
    assert set(values["bytes"]) == {*GRAPHS, "golden.npz", "manifest.json"}
    assert leftovers(tmp_path) == []
    assert values["fp16"]["self_check"]["passed"]
    assert 1e-6 < values["fp16"]["self_check"]["logits_difference"] < values["fp16"]["self_check"]["bound"]
    assert 1e-5 < values["fp16"]["self_check"]["features_difference"] < values["fp16"]["self_check"]["features_bound"]
    assert set(values["fp16"]["graphs"]) == {"encoder.fp16.onnx", "fusion.fp16.onnx"}
    for report in values["fp16"]["graphs"].values():
        assert sum(map(len, report["fp32"].values())) > 30
        assert any(name.endswith("layer_norm") for names in report["fp32"].values() for name in names)


def test_fp16_graph_is_half_the_size_and_takes_fp16(exported_bundle):
    graph = onnx.load(exported_bundle / "fusion.fp16.onnx").graph
    types = {entry.name: entry.type.tensor_type.elem_type for entry in (*graph.input, *graph.output)}
    assert types == dict.fromkeys(("image", "features", "logits"), onnx.TensorProto.FLOAT16)
    sizes = [(exported_bundle / name).stat().st_size for name in ("fusion.fp16.onnx", "fusion.onnx")]
    assert 0.5 < sizes[0] / sizes[1] < 0.6


def test_export_without_the_fp16_graph(tiny_checkpoint, tmp_path, capsys):
    out = tmp_path / "out.rtgs2"
    assert main([str(tiny_checkpoint), "-o", str(out), "--precision", "fp32", "--json", "--quiet"]) == 0
    assert "fp16" not in json.loads(capsys.readouterr().out)
    manifest = Bundle(out).manifest
    assert manifest.precision == ("fp32",)
    assert set(manifest.files) == {"encoder.onnx", "fusion.onnx", "golden.npz"}


def test_failing_fp16_self_check_writes_nothing(tiny_checkpoint, tmp_path, monkeypatch):
    from rtgs2_export import export

    real = export.build_fp16_graph

    def wrong(build, probes):
        model, report = real(build, probes)
        if model.graph.name == "rtgs2_encoder":
            return model, report
        bias = next(t for t in model.graph.initializer if t.name == "decoder/predict/bias")
        changed = onnx.numpy_helper.to_array(bias) + np.float16([1, 0, 0, 0, 0])
        bias.CopyFrom(onnx.numpy_helper.from_array(changed, bias.name))
        return model, report

    monkeypatch.setattr(export, "build_fp16_graph", wrong)
    with pytest.raises(BundleError, match=r"exported graphs \(fp16\) differ .*--precision fp32"):
        export_bundle(load_checkpoint(tiny_checkpoint), tmp_path / "out.rtgs2")
    assert list(tmp_path.iterdir()) == []


def test_graphs_are_looked_over(tiny_checkpoint, tmp_path, monkeypatch):
    from rtgs2_export import export

    real = export.build_fusion_graph

    def nameless(*arguments, **options):
        model = real(*arguments, **options)
        model.graph.node[0].name = ""
        return model

    monkeypatch.setattr(export, "build_fusion_graph", nameless)
    with pytest.raises(BundleError, match=r"fusion\.onnx: \(no name\): .* have no name"):
        export_bundle(load_checkpoint(tiny_checkpoint), tmp_path / "out.rtgs2")
    assert list(tmp_path.iterdir()) == []


def test_default_output_is_the_checkpoints_name(tiny_checkpoint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main([str(tiny_checkpoint), "--quiet"]) == 0
    assert Bundle("tiny.rtgs2").manifest.description == "test weights"


def test_something_else_in_the_way_is_kept(tiny_checkpoint, tmp_path, capsys):
    for name in ("file.rtgs2", "folder.rtgs2"):
        target = tmp_path / name
        if name.startswith("folder"):
            target.mkdir()
            (target / "thesis.tex").write_text("do not lose")
        else:
            target.write_text("do not lose")
        assert main([str(tiny_checkpoint), "-o", str(target), "--quiet"]) == 2
        assert f"{target}: is in the way and is no bundle" in capsys.readouterr().err
        kept = target / "thesis.tex" if target.is_dir() else target
        assert kept.read_text() == "do not lose"


def test_missing_output_folder(tiny_checkpoint, tmp_path, capsys):
    assert main(["no checkpoint.pt", "-o", str(tmp_path / "no" / "out.rtgs2"), "--quiet"]) == 2  # before it is read
    assert f"{tmp_path / 'no'}: --output: there is no such folder" in capsys.readouterr().err
    with pytest.raises(BundleError, match="no such folder to write to"):
        export_bundle(load_checkpoint(tiny_checkpoint), tmp_path / "no" / "out.rtgs2")


def test_failing_self_check_writes_nothing(tiny_checkpoint, tmp_path, monkeypatch):
    from rtgs2_export import export

    real = export.build_fusion_graph

    def wrong(config, weights, *arguments, **options):
        broken = dict(weights)
        broken["Decoder.linear_pred.bias"] = broken["Decoder.linear_pred.bias"] + np.float32([1, 0, 0, 0, 0])
        return real(config, broken, *arguments, **options)

    monkeypatch.setattr(export, "build_fusion_graph", wrong)
    with pytest.raises(BundleError, match="differ from the PyTorch networks, nothing was written"):
        export_bundle(load_checkpoint(tiny_checkpoint), tmp_path / "out.rtgs2")
    assert list(tmp_path.iterdir()) == []


def test_interrupted_export_leaves_the_older_bundle(tiny_checkpoint, bundle, monkeypatch):
    from rtgs2_export import export

    before = (bundle / "manifest.json").read_bytes()

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(export, "make_golden", interrupt)
    with pytest.raises(KeyboardInterrupt):
        export_bundle(load_checkpoint(tiny_checkpoint), bundle)
    assert (bundle / "manifest.json").read_bytes() == before
    assert leftovers(bundle.parent) == []
    Bundle(bundle)


def test_bgr_weights_pass_the_self_check(tiny_checkpoint, tmp_path):
    checkpoint = load_checkpoint(tiny_checkpoint)
    bgr = dataclasses.replace(checkpoint, config=dataclasses.replace(checkpoint.config, trained_on="bgr"))
    exported = export_bundle(bgr, tmp_path / "bgr.rtgs2")
    assert exported.self_check.passed
    assert Bundle(exported.path).manifest.trained_on == "bgr"


@pytest.mark.parametrize(("inputs", "told"), [("features", "features"), ("colour", "image")])
def test_network_of_one_input_is_told_nothing_by_the_other(inputs, told, tiny_checkpoint, tmp_path):
    checkpoint = load_checkpoint(tiny_checkpoint)
    fusion = dataclasses.replace(checkpoint.config.fusion, inputs=inputs)
    one = dataclasses.replace(checkpoint, config=dataclasses.replace(checkpoint.config, fusion=fusion))
    exported = export_bundle(one, tmp_path / "one.rtgs2")  # graphs and PyTorch agree, FP16 too
    assert exported.self_check.passed
    session = onnxruntime.InferenceSession(exported.path / "fusion.onnx", providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(1)
    feed = {
        "image": rng.random((1, 3, 64, 96), dtype=np.float32),
        "features": rng.standard_normal((1, 32, 64, 96), dtype=np.float32),
    }
    (before,) = session.run(None, feed)
    for name, values in feed.items():
        (after,) = session.run(None, {**feed, name: 1 - values})
        assert np.array_equal(before, after) == (name != told)


@pytest.mark.parametrize(
    "arguments",
    [[], ["a.pt", "--encoder", "b.pth"], ["--encoder", "b.pth"], ["--encoder", "b.pth", "--fusion", "c.pth"]],
)
def test_wrong_arguments_exit_with_2(arguments):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


def test_bad_checkpoint_exits_with_2(tmp_path, capsys):
    (tmp_path / "ckpt.pt").write_bytes(b"nothing")
    assert main([str(tmp_path / "ckpt.pt"), "-o", str(tmp_path / "out.rtgs2")]) == 2
    assert "ckpt.pt" in capsys.readouterr().err
    assert not (tmp_path / "out.rtgs2").exists()
