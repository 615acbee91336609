"""The frame graph for TensorRT: Gaussians and a camera -> rasteriser plugin -> FP16 fusion network.

It is the FP16 fusion graph as it was built and checked, with fixed sizes, and one node that draws what the fusion graph
takes. That node is the only operator that is not ONNX's.
"""

from __future__ import annotations

import onnx
from onnx import TensorProto, helper

from rtgs2_trt.tensorrt.frame_interface import (
    ALPHA,
    CAMERA_INPUT,
    CAMERA_NUMBERS,
    FEATURES,
    IMAGE,
    INPUTS,
    NEEDS,
    PLUGIN,
    PLUGIN_NAMESPACE,
    PLUGIN_OUTPUTS,
    PLUGIN_VERSION,
    VIEW_DEPTH,
    stored_channels,
)

from .tensorrt_support import PLUGIN_DOMAIN
from .value_types import without_weights

RASTERIZE = "rasterize"
"""Name of the plugin's node."""


def build_frame_graph(fusion: onnx.ModelProto, image_size: tuple[int, int]) -> onnx.ModelProto:
    """Return the frame graph.

    Args:
        fusion: the FP16 fusion graph, with the inputs ``image`` and ``features`` of any size.
        image_size: (width, height) in pixels, multiples of 32: engines have one size.

    The number of Gaussians ("gaussians") and of spherical-harmonics coefficients ("coefficients") are dynamic. Outputs
    are those of the fusion graph, ``image`` (1, 3, H, W) float16, ``alpha`` and ``view_depth`` (1, H, W) float32, and
    ``needs`` (2,) int64: visible Gaussians and tile pairs that the view needed, more than there was room for if it is
    not whole.

    Raises:
        ValueError: a size that is no multiple of 32.
    """
    width, height = image_size
    if width % 32 or height % 32:
        raise ValueError(f"the frame graph draws multiples of 32 pixels, not {width} x {height}")
    channels = {entry.name: entry.type.tensor_type.shape.dim[1].dim_value for entry in fusion.graph.input}[FEATURES]
    node = helper.make_node(
        PLUGIN,
        list(INPUTS),
        list(PLUGIN_OUTPUTS),
        name=RASTERIZE,
        domain=PLUGIN_DOMAIN,
        plugin_version=PLUGIN_VERSION,
        plugin_namespace=PLUGIN_NAMESPACE,
        width=width,
        height=height,
        channels=channels,
        visible_capacity=0,
        pair_capacity=0,
    )
    half, single = TensorProto.FLOAT16, TensorProto.FLOAT
    image = helper.make_tensor_value_info(IMAGE, half, [1, 3, height, width])
    features = helper.make_tensor_value_info(FEATURES, half, [1, channels, height, width])
    graph = helper.make_graph(
        [node, *fusion.graph.node],
        "rtgs2_frame",
        [helper.make_tensor_value_info(name, *kind) for name, kind in _inputs(channels).items()],
        [
            *(_sized(output, width, height) for output in fusion.graph.output),
            image,
            helper.make_tensor_value_info(ALPHA, single, [1, height, width]),
            helper.make_tensor_value_info(VIEW_DEPTH, single, [1, height, width]),
            helper.make_tensor_value_info(NEEDS, TensorProto.INT64, [2]),
        ],
        initializer=list(fusion.graph.initializer),
        value_info=[features],  # nobody but the plugin could tell
    )
    model = helper.make_model(
        graph,
        opset_imports=[*fusion.opset_import, helper.make_opsetid(PLUGIN_DOMAIN, 1)],
        ir_version=fusion.ir_version,
        producer_name=fusion.producer_name,
        producer_version=fusion.producer_version,
    )
    onnx.checker.check_model(without_weights(model))
    return model


def _inputs(channels: int) -> dict[str, tuple[int, list[int | str]]]:
    single, count = TensorProto.FLOAT, "gaussians"
    shapes: tuple[list[int | str], ...] = ([count, 3], [count, 3], [count, 4], [count], [count, "coefficients", 3])
    inputs: dict[str, tuple[int, list[int | str]]] = dict(zip(INPUTS, ((single, s) for s in shapes), strict=False))
    inputs[INPUTS[5]] = (TensorProto.FLOAT16, [count, stored_channels(channels)])
    inputs[CAMERA_INPUT] = (single, [CAMERA_NUMBERS])
    return inputs


def _sized(output: onnx.ValueInfoProto, width: int, height: int) -> onnx.ValueInfoProto:
    tensor = output.type.tensor_type
    shape = [1, tensor.shape.dim[1].dim_value, height // 4, width // 4]
    return helper.make_tensor_value_info(output.name, tensor.elem_type, shape)
