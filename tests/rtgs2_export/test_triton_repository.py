"""The Triton model repository: by Triton's own protobuf, and by a real Triton server where there is one."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from rtgs2_export.cli import main  # noqa: E402
from rtgs2_export.triton_repository import model_config, write_triton_repository  # noqa: E402
from rtgs2_trt import Bundle, BundleError, Segmenter, rasterize, upsample_argmax  # noqa: E402
from rtgs2_trt.classes import ClassTable  # noqa: E402
from triton_server import serving  # noqa: E402

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def repository(exported_bundle, tmp_path_factory):
    """A repository with the models of the bundle, shared by all tests: not to be changed."""
    folder = tmp_path_factory.mktemp("triton") / "models"
    assert [path.name for path in write_triton_repository(Bundle(exported_bundle), folder)] == [
        "tiny_fusion",
        "tiny_fusion_fp16",
    ]
    return folder


def parsed(text):
    """A configuration as Triton reads it, by the protobuf of its client."""
    protocol = pytest.importorskip(
        "tritonclient.grpc.model_config_pb2", reason="needs Triton's protobuf: pip install 'tritonclient[grpc]'"
    )
    from google.protobuf import text_format

    return text_format.Parse(text, protocol.ModelConfig()), protocol


@pytest.mark.parametrize(
    ("model", "config", "backend"),
    [
        ("tiny_fusion", "config.pbtxt", "onnxruntime"),
        ("tiny_fusion_fp16", "config.pbtxt", "onnxruntime"),
        ("tiny_fusion_fp16", "configs/tensorrt.pbtxt", "tensorrt"),
    ],
)
def test_the_configuration_says_what_the_graph_says(repository, exported_bundle, model, config, backend):
    said, protocol = parsed((repository / model / config).read_text())
    graph = onnx.load(repository / model / "1" / "model.onnx").graph
    assert (said.name, said.backend, said.max_batch_size) == (model, backend, 0)
    types = {onnx.TensorProto.FLOAT: protocol.TYPE_FP32, onnx.TensorProto.FLOAT16: protocol.TYPE_FP16}
    for field, entries in ((said.input, graph.input), (said.output, graph.output)):
        assert [entry.name for entry in field] == [entry.name for entry in entries]
        for tensor, entry in zip(field, entries, strict=True):
            shape = entry.type.tensor_type.shape.dim
            assert list(tensor.dims) == [d.dim_value or -1 for d in shape]
            assert tensor.data_type == types[entry.type.tensor_type.elem_type]
    assert [list(entry.dims) for entry in said.input] == [[1, 3, -1, -1], [1, 32, -1, -1]]
    bundle = Bundle(exported_bundle)
    parameters = {key: value.string_value for key, value in said.parameters.items()}
    assert ClassTable.from_list(json.loads(parameters["rtgs2_classes"]), "x").classes == bundle.classes.classes
    assert parameters["rtgs2_task"] == "semantic"


def test_the_graphs_are_the_bundles(repository, exported_bundle):
    for model, file in (("tiny_fusion", "fusion.onnx"), ("tiny_fusion_fp16", "fusion.fp16.onnx")):
        assert (repository / model / "1" / "model.onnx").read_bytes() == (exported_bundle / file).read_bytes()


def test_a_depth_bundle_has_no_classes(depth_bundle, tmp_path):
    folder, *_ = write_triton_repository(Bundle(depth_bundle), tmp_path)
    said, _ = parsed((folder / "config.pbtxt").read_text())
    assert [entry.name for entry in said.output] == ["depth"]
    assert list(said.output[0].dims)[:2] == [1, 1]
    assert said.parameters["rtgs2_classes"].string_value == "null"


def test_names_of_any_letters(exported_bundle):
    bundle = Bundle(exported_bundle)
    table = ClassTable.from_list(
        [{"index": 0, "id": 1, "name": 'a "chair"\\ größe \n椅子', "color": [0, 0, 0]}], name="strange"
    )
    bundle.manifest = dataclasses.replace(bundle.manifest, classes=table)
    model = onnx.load(exported_bundle / "fusion.onnx")
    said, _ = parsed(model_config('x"\\', "onnxruntime", model, bundle))
    assert said.name == 'x"\\'
    assert json.loads(said.parameters["rtgs2_classes"].string_value) == table.to_list()


def test_models_are_replaced_and_others_are_left_alone(exported_bundle, tmp_path):
    bundle = Bundle(exported_bundle)
    (tmp_path / "another" / "1").mkdir(parents=True)
    for _ in range(2):
        write_triton_repository(bundle, tmp_path, "my model")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["another", "my_model_fusion", "my_model_fusion_fp16"]
    (tmp_path / "my_model_fusion" / "config.pbtxt").write_text("name: 'someone else'")
    with pytest.raises(BundleError, match=r"my_model_fusion: --triton: another model is in the way\. Move it away"):
        write_triton_repository(bundle, tmp_path, "my model")
    assert (tmp_path / "my_model_fusion" / "config.pbtxt").read_text() == "name: 'someone else'"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_the_command_writes_it(tiny_checkpoint, tmp_path, capsys):
    arguments = [str(tiny_checkpoint), "-o", str(tmp_path / "room.rtgs2"), "--precision", "fp32", "--json", "--quiet"]
    (tmp_path / "file").touch()
    assert main([*arguments, "--triton", str(tmp_path / "file")]) == 2
    assert "--triton: is a file, not a folder" in json.loads(capsys.readouterr().out)["error"]["message"]
    assert main([*arguments, "--triton", str(tmp_path / "models")]) == 0
    assert json.loads(capsys.readouterr().out)["triton"] == [str(tmp_path / "models" / "room_fusion")]
    assert (tmp_path / "models" / "room_fusion" / "1" / "model.onnx").is_file()


def test_a_triton_server_loads_it_and_labels_a_view(repository, exported_bundle, scene, camera, tmp_path):
    """The core of Triton reads and checks the configuration; its ONNX Runtime backend is a stand-in's."""
    reason = "needs tritonclient: pip install 'tritonclient[http]'"
    pytest.importorskip("gevent", reason=reason)  # without which tritonclient.http raises a RuntimeError
    client_module = pytest.importorskip("tritonclient.http", reason=reason)
    segmenter = Segmenter(exported_bundle)
    encoded = segmenter.encode(scene)
    encoded.save(tmp_path / "room.ply")
    with serving(repository, tmp_path) as (url, _):
        client = client_module.InferenceServerClient(url)
        told = client.get_model_metadata("tiny_fusion")
        assert [entry["shape"] for entry in told["inputs"]] == [[1, 3, -1, -1], [1, 32, -1, -1]]
        drawn = rasterize(encoded, camera.padded(32))
        logits = {}
        for model, kind in (("tiny_fusion", np.float32), ("tiny_fusion_fp16", np.float16)):
            inputs = []
            for name, values in (("image", drawn.rgb), ("features", drawn.features)):
                values = values[None].astype(kind)
                inputs.append(client_module.InferInput(name, values.shape, "FP32" if kind == np.float32 else "FP16"))
                inputs[-1].set_data_from_numpy(values)
            logits[model] = client.infer(model, inputs).as_numpy("logits")
            assert logits[model].dtype == kind
        labels, _ = upsample_argmax(logits["tiny_fusion"][0], camera.height, camera.width)
        # Another build of ONNX Runtime may sum in another order: near-ties may flip.
        assert (labels != segmenter(encoded, camera).labels).mean() < 0.001
        difference = np.abs(logits["tiny_fusion_fp16"].astype(np.float32) - logits["tiny_fusion"]).max()
        assert difference < 0.05 * np.abs(logits["tiny_fusion"]).max()
        for model in logits:
            command = [sys.executable, str(EXAMPLES / "triton_client.py"), str(exported_bundle), "room.ply", url, model]
            done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            assert "%" in done.stdout


def test_a_triton_server_refuses_another_configuration(repository, exported_bundle, tmp_path):
    """The proof that the server looks: one wrong dimension, and the model is not served."""
    import shutil

    shutil.copytree(repository / "tiny_fusion", tmp_path / "models" / "tiny_fusion")
    config = tmp_path / "models" / "tiny_fusion" / "config.pbtxt"
    config.write_text(config.read_text().replace("[ 1, 32, -1, -1 ]", "[ 1, 31, -1, -1 ]"))
    with pytest.raises(AssertionError, match="failed to load"), serving(tmp_path / "models", tmp_path):
        pass
