"""The example of a Triton client without a server: what it sends is what the model says that it takes."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from rtgs2_trt import Segmenter, rasterize

EXAMPLE = Path(__file__).parents[2] / "examples" / "triton_client.py"
KINDS = {"FP32": np.float32, "FP16": np.float16}


class InferInput:
    """As tritonclient.http's, which needs gevent: refuses values of another type or shape than was said."""

    def __init__(self, name, shape, datatype):
        self.name, self.shape, self.datatype = name, tuple(shape), datatype

    def set_data_from_numpy(self, values):
        assert (values.dtype, values.shape) == (KINDS[self.datatype], self.shape)
        self.values = values


class Server:
    """Has one model, which refuses tensors of another datatype than its own."""

    def __init__(self, datatype):
        self.datatype = datatype
        self.got = {}

    def get_model_metadata(self, model):
        assert model == "room_fusion"
        return {"inputs": [{"name": name, "datatype": self.datatype} for name in ("image", "features")]}

    def infer(self, model, inputs):
        assert model == "room_fusion"
        for tensor in inputs:
            assert tensor.datatype == self.datatype
            self.got[tensor.name] = tensor.values
        return SimpleNamespace(as_numpy={"logits": np.ones((1, 5, 8, 8), KINDS[self.datatype])}.__getitem__)


@pytest.mark.parametrize("datatype", KINDS)
def test_it_sends_what_the_model_takes(exported_bundle, scene, camera, datatype, monkeypatch):
    pytest.importorskip("tritonclient.utils", reason="needs tritonclient: pip install 'tritonclient[http]'")
    http = ModuleType("tritonclient.http")
    http.InferInput, http.InferenceServerClient = InferInput, Server
    monkeypatch.setitem(sys.modules, "tritonclient.http", http)
    spec = importlib.util.spec_from_file_location("triton_client_example", EXAMPLE)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    server, encoded = Server(datatype), Segmenter(exported_bundle).encode(scene)
    logits = example.fuse(server, "room_fusion", encoded, camera)
    assert logits.dtype == np.float32  # which the upsampling takes
    drawn = rasterize(encoded, camera.padded(32))
    for name, values in (("image", drawn.rgb), ("features", drawn.features)):
        np.testing.assert_array_equal(server.got[name], values[None].astype(KINDS[datatype]))
