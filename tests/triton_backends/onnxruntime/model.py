"""For tests: stands for Triton's backend ``onnxruntime``, which is not to be had from PyPI.

Triton's core takes a folder with a ``model.py`` for a backend. As the real one does, it refuses a model whose
configuration says other names, types or dimensions than its graph.
"""

import json
from pathlib import Path

import onnxruntime
import triton_python_backend_utils as pb_utils

TYPES = {"tensor(float)": "TYPE_FP32", "tensor(float16)": "TYPE_FP16"}


class TritonPythonModel:
    def initialize(self, args):
        self.config = json.loads(args["model_config"])
        graph = Path(args["model_repository"]) / args["model_version"] / "model.onnx"
        self.session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
        for field, entries in (("input", self.session.get_inputs()), ("output", self.session.get_outputs())):
            found = {e.name: (TYPES[e.type], [d if isinstance(d, int) else -1 for d in e.shape]) for e in entries}
            said = {c["name"]: (c["data_type"], [int(d) for d in c["dims"]]) for c in self.config[field]}
            if found != said:
                raise pb_utils.TritonModelException(f"{field}: the graph has {found}, the configuration {said}")

    def execute(self, requests):
        names = [entry["name"] for entry in self.config["output"]]
        responses = []
        for request in requests:
            feeds = {
                entry["name"]: pb_utils.get_input_tensor_by_name(request, entry["name"]).as_numpy()
                for entry in self.config["input"]
            }
            results = zip(names, self.session.run(names, feeds), strict=True)
            responses.append(pb_utils.InferenceResponse([pb_utils.Tensor(name, value) for name, value in results]))
        return responses
