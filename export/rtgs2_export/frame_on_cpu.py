"""The frame graph run without TensorRT: split at the plugin's node, which the CPU rasteriser executes.

What comes before the node (the inputs) and after it (the fusion network) is the graph's own; the node's inputs and
outputs are those that the plugin gets and gives, in the same types.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper

from rtgs2_trt.backends import Frame
from rtgs2_trt.backends.engines import OnnxRuntimeNetwork
from rtgs2_trt.bundle import FRAME_GOLDEN, OUTPUT_NAMES, Bundle
from rtgs2_trt.camera import Camera
from rtgs2_trt.rasterize import rasterize
from rtgs2_trt.scene import Scene
from rtgs2_trt.self_check import BOUNDS, SelfCheck, compare_frame, read_golden
from rtgs2_trt.tensorrt.frame_interface import (
    ALPHA,
    CAMERA_INPUT,
    FEATURES,
    GAUSSIAN_INPUTS,
    IMAGE,
    PLUGIN,
    PLUGIN_OUTPUTS,
    VIEW_DEPTH,
    camera_numbers,
    camera_of,
    scene_arrays,
)
from rtgs2_trt.threads import available_threads
from rtgs2_trt.upsample import upsample
from rtgs2_trt.upsample_argmax import upsample_argmax

from .value_types import without_weights

Feed = Mapping[str, npt.NDArray[Any]]


class FrameOnCpu:
    """A frame graph whose plugin node is executed by the CPU rasteriser and the rest by ONNX Runtime.

    Args:
        model: the frame graph.
        threads: of the rest; 0 for all that this process may use.

    Raises:
        ValueError: the graph has not exactly one rasteriser node.
    """

    def __init__(self, model: onnx.ModelProto, threads: int = 0) -> None:
        nodes = [node for node in model.graph.node if node.op_type == PLUGIN]
        if len(nodes) != 1:
            raise ValueError(f"a frame graph has one node {PLUGIN}, this has {len(nodes)}")
        self._node = nodes[0]
        self._attributes = {entry.name: helper.get_attribute_value(entry) for entry in self._node.attribute}
        self.rest = _without_plugin(model)
        self._network = OnnxRuntimeNetwork(
            "frame graph", threads or available_threads(), content=self.rest.SerializeToString()
        )

    def run(self, feed: Feed) -> dict[str, npt.NDArray[Any]]:
        """Return the graph's outputs by name for its inputs by name (without ``needs``, which tells of a GPU's lists).

        Raises:
            BackendError: ONNX Runtime failed.
            SceneError: the Gaussians cannot be drawn.
        """
        names = (*GAUSSIAN_INPUTS, CAMERA_INPUT)
        taken = dict(zip(names, (feed[name] for name in self._node.input), strict=True))
        width, height, channels = (int(self._attributes[name]) for name in ("width", "height", "channels"))
        scene = Scene(
            means=taken["means"],
            scales=taken["scales"],
            rotations=taken["rotations"],
            opacities=taken["opacities"],
            sh=taken["sh"],
            features=taken["gaussian_features"][:, :channels].astype(np.float32),
        )
        view = rasterize(scene, camera_of(taken[CAMERA_INPUT], width, height))
        with np.errstate(over="ignore"):
            drawn: dict[str, npt.NDArray[Any]] = {
                IMAGE: view.rgb[None].astype(np.float16),
                FEATURES: view.features[None].astype(np.float16),
                ALPHA: view.alpha[None],
                VIEW_DEPTH: view.depth[None],
            }
        outputs = {name: array for name, array in drawn.items() if name != FEATURES}
        named = dict(zip(self._node.output, PLUGIN_OUTPUTS, strict=True))
        network_feed = {value: drawn[kind] for value, kind in named.items() if kind in drawn}
        outputs[next(iter(self._network.outputs))] = self._network.run(network_feed)
        return outputs


def frame_feed(scene: Scene, camera: Camera) -> dict[str, npt.NDArray[Any]]:
    """Return the frame graph's inputs for an encoded scene and a view."""
    return {**scene_arrays(scene), CAMERA_INPUT: camera_numbers(camera)}


def check_frame_graph(model: onnx.ModelProto, bundle: Bundle) -> SelfCheck:
    """Run the golden view of the frame graph's size through `model` and compare it with PyTorch's answer."""
    golden = read_golden(bundle, FRAME_GOLDEN)
    camera = golden.camera
    outputs = FrameOnCpu(model).run(frame_feed(golden.scene.with_features(golden.features), camera.padded(32)))
    task = bundle.manifest.task
    output = outputs[OUTPUT_NAMES[task]][0]
    size = (camera.height, camera.width)
    frame = Frame(
        labels=upsample_argmax(output, *size)[0] if task == "semantic" else None,
        depth_prediction=upsample(output[0], *size) if task == "depth" else None,
        output=output,
        **dict.fromkeys(("confidence", "rgb", "alpha", "depth")),
        seconds={},
    )
    return compare_frame(golden, frame, BOUNDS["fp16"])


def _without_plugin(model: onnx.ModelProto) -> onnx.ModelProto:
    """The graph behind the plugin's node: what the node gives comes in, and the network's output alone leaves."""
    graph = model.graph
    (plugin,) = (node for node in graph.node if node.op_type == PLUGIN)
    nodes = [node for node in graph.node if node is not plugin and node.op_type != PLUGIN]
    read = {name for node in nodes for name in node.input}
    values = {value.name: value for value in (*graph.value_info, *graph.output)}
    rest = helper.make_graph(
        nodes,
        f"{graph.name}_behind_the_plugin",
        [values[name] for name in plugin.output if name in read],
        [value for value in graph.output if value.name not in plugin.output],
        initializer=list(graph.initializer),
    )
    split = helper.make_model(
        rest, opset_imports=[entry for entry in model.opset_import if entry.domain == ""], ir_version=model.ir_version
    )
    onnx.checker.check_model(without_weights(split))
    return split
