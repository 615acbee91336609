"""The AsymFormer (VDVI) fusion network as an ONNX graph.

Feature maps are kept as NHWC where LayerNorm and Linear want them and turned to NCHW around convolutions, so few
shapes are ever computed.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext

import numpy as np
import onnx

from rtgs2_networks.config import FusionConfig
from rtgs2_trt.bundle import OUTPUT_NAMES
from rtgs2_trt.task import Task

from .algebra import (
    Algebra,
    Array,
    BatchNorm,
    batch_norm_after_linear,
    batch_norm_before_linear,
    linear_after_linear,
)
from .graph import Arithmetic, GraphBuilder, Value

_BATCH_NORM_EPS = 1e-5
_CONVNEXT_EPS = 1e-6
_BLOCK_EPS = 1e-6
_PATCH_EPS = 1e-5

GATE_REASON = "SCC gate: means over all pixels, and the few vectors that follow from them"
SIMILARITY_REASON = "SCC gate: the sum over the channels is scaled and goes through a sigmoid that is flat at the ends"
DEPTH_REASON = "depth: numbers of FP16 are 2 to 4 mm apart from 2 to 8 m"


def build_fusion_graph(
    config: FusionConfig,
    weights: Mapping[str, Array],
    algebra: Algebra,
    *,
    bgr: bool,
    version: str,
    task: Task = "semantic",
    arithmetic: Arithmetic = "float32",
    kept: Mapping[str, str] | None = None,
) -> onnx.ModelProto:
    """Return the model: RGB ``image`` (1, 3, H, W) and ``features`` (1, D, H, W) -> ``logits`` (1, C, H/4, W/4).

    Of the depth task the output is called ``depth``: (1, 1, H/4, W/4), metres. The image is clipped to [0, 1] inside;
    for weights trained on BGR the swap is folded into the first convolution. H and W are dynamic multiples of 32.
    Inputs and logits have the type of the `arithmetic`, depth is float32. `kept`: see :class:`GraphBuilder`.
    """
    return _FusionGraph(config, weights, algebra, bgr, task, arithmetic, kept).build(version)


class _FusionGraph:
    def __init__(
        self,
        config: FusionConfig,
        weights: Mapping[str, Array],
        algebra: Algebra,
        bgr: bool,
        task: Task,
        arithmetic: Arithmetic,
        kept: Mapping[str, str] | None,
    ) -> None:
        self.config = config
        self.weights = weights
        self.algebra = algebra
        self.bgr = bgr
        self.task: Task = task
        self.graph = GraphBuilder("rtgs2_fusion", arithmetic, kept)

    def build(self, version: str) -> onnx.ModelProto:
        graph, config = self.graph, self.config
        image = graph.input("image", graph.arithmetic, (1, 3, "height", "width"))
        feature = graph.input("features", graph.arithmetic, (1, config.feature_channels, "height", "width"))
        low, high = (graph.constant(np.asarray(v, np.float32), n) for v, n in ((0, "image_min"), (1, "image_max")))
        rgb = graph.node("Clip", [image, low, high], "clip_image")
        if config.inputs != "fusion":  # the input stays, for whoever links the graphs, and tells nothing
            nothing = graph.constant(np.asarray(0, np.float32), "nothing")
            if config.inputs == "features":
                rgb = graph.node("Mul", [rgb, nothing], "without_image")
            else:
                feature = graph.node("Mul", [feature, nothing], "without_features")
        maps = []
        for scale in range(4):
            with graph.scope(f"scale{scale + 1}"):
                with graph.scope("rgb"):
                    rgb = self._rgb_stage(rgb, scale)
                with graph.scope("feature"):
                    feature = self._feature_stage(feature, scale)
                if scale > 0:
                    with graph.scope("merge"):
                        feature = self._merge(feature, self._as_channels_last(rgb), scale)
                maps.append(feature)
                if scale < 3:
                    feature = graph.to_channels_first(feature)
        with graph.scope("decoder"):
            output = self._decode(maps)
        shape = (1, config.num_classes, "height_quarter", "width_quarter")
        output_type = "float32" if self.task == "depth" else graph.arithmetic
        graph.output(output, OUTPUT_NAMES[self.task], shape, output_type)
        return graph.model(version)

    # -- colour branch: ConvNeXt, NHWC in and out if the algebra says so, else NCHW -------------------------------

    def _rgb_stage(self, x: Value, scale: int) -> Value:
        graph, prefix = self.graph, f"down_sample_{scale + 1}.rgb_stem"
        with graph.scope("stem"):
            if scale == 0:
                weight, bias = self._linear(f"{prefix}.0")
                x = graph.convolution(x, weight[:, ::-1] if self.bgr else weight, bias, "patches", stride=4)
                norm = graph.layer_norm(graph.to_channels_last(x), *self._linear(f"{prefix}.1"), _CONVNEXT_EPS)
                x = self._from_channels_last(norm)
            else:
                norm = graph.layer_norm(self._as_channels_last(x), *self._linear(f"{prefix}.0"), _CONVNEXT_EPS)
                x = graph.convolution(graph.to_channels_first(norm), *self._linear(f"{prefix}.1"), "patches", stride=2)
                x = graph.to_channels_last(x) if self.algebra.channels_last else x
        for block in range(self.config.rgb_depths[scale]):
            with graph.scope(f"block{block}"):
                x = self._convnext_block(x, f"down_sample_{scale + 1}.rgb_layer.{block}")
        return x

    def _as_channels_last(self, x: Value) -> Value:
        return x if self.algebra.channels_last else self.graph.to_channels_last(x)

    def _from_channels_last(self, x: Value) -> Value:
        return x if self.algebra.channels_last else self.graph.to_channels_first(x)

    def _convnext_block(self, x: Value, prefix: str) -> Value:
        graph = self.graph
        weight, bias = self._linear(f"{prefix}.dwconv")
        y = graph.to_channels_first(x) if self.algebra.channels_last else x
        y = graph.convolution(y, weight, bias, "depthwise", padding=3, groups=len(weight))
        y = graph.layer_norm(graph.to_channels_last(y), *self._linear(f"{prefix}.norm"), _CONVNEXT_EPS)
        y = graph.gelu(graph.linear(y, *self._linear(f"{prefix}.pwconv1"), "expand"))
        weight, bias = self._linear(f"{prefix}.pwconv2")
        gamma = self.weights[f"{prefix}.gamma"]
        if self.algebra.fold_layer_scale:
            y = graph.linear(y, weight * gamma[:, None], bias * gamma, "contract")
        else:
            y = graph.multiply(graph.linear(y, weight, bias, "contract"), gamma, "layer_scale")
        return graph.add(x, self._from_channels_last(y))

    # -- feature branch: Mix Transformer, NCHW in, NHWC out ------------------------------------------------------

    def _feature_stage(self, x: Value, scale: int) -> Value:
        graph, prefix = self.graph, f"down_sample_{scale + 1}"
        with graph.scope("stem"):
            weight, bias = self._linear(f"{prefix}.depth_stem.proj")
            kernel = weight.shape[2]
            x = graph.convolution(x, weight, bias, "patches", stride=4 if scale == 0 else 2, padding=kernel // 2)
            x = graph.layer_norm(graph.to_channels_last(x), *self._linear(f"{prefix}.depth_stem.norm"), _PATCH_EPS)
        for block in range(self.config.feature_depths[scale]):
            with graph.scope(f"block{block}"):
                x = self._mix_block(x, f"{prefix}.depth_layer.{block}", scale)
        return graph.layer_norm(x, *self._linear(f"{prefix}.depth_norm"), _BLOCK_EPS)

    def _mix_block(self, x: Value, prefix: str, scale: int) -> Value:
        graph = self.graph
        with graph.scope("attention"):
            y = graph.layer_norm(x, *self._linear(f"{prefix}.norm1"), _BLOCK_EPS)
            x = graph.add(x, self._reduced_attention(y, f"{prefix}.attn", scale))
        with graph.scope("mlp"):
            y = graph.layer_norm(x, *self._linear(f"{prefix}.norm2"), _BLOCK_EPS)
            y = graph.to_channels_first(graph.linear(y, *self._linear(f"{prefix}.mlp.fc1"), "expand"))
            weight, bias = self._linear(f"{prefix}.mlp.dwconv.dwconv")
            y = graph.convolution(y, weight, bias, "depthwise", padding=1, groups=len(weight))
            y = graph.gelu(graph.to_channels_last(y))
            return graph.add(x, graph.linear(y, *self._linear(f"{prefix}.mlp.fc2"), "contract"))

    def _reduced_attention(self, x: Value, prefix: str, scale: int) -> Value:
        graph, heads = self.graph, self.config.feature_heads[scale]
        ratio = self.config.spatial_reductions[scale]
        channels = self.config.feature_widths[scale]
        size = channels // heads
        query_weight, query_bias = self._linear(f"{prefix}.q")
        if self.algebra.fold_attention_scale:
            query_weight, query_bias = query_weight * size**-0.5, query_bias * np.float32(size**-0.5)
        q = graph.linear(x, query_weight, query_bias, "query")
        shape = graph.shape(q)
        if ratio > 1:
            reduced = graph.convolution(
                graph.to_channels_first(x), *self._linear(f"{prefix}.sr"), "spatial_reduction", stride=ratio
            )
            reduced = graph.layer_norm(graph.to_channels_last(reduced), *self._linear(f"{prefix}.norm"), _PATCH_EPS)
        else:
            reduced = x
        kv = graph.reshape(graph.linear(reduced, *self._linear(f"{prefix}.kv"), "key_value"), (-1, 2 * heads, size))
        k, v = graph.split(graph.transpose(kv, (1, 0, 2), "heads_first"), 2, axis=0)
        q = graph.transpose(graph.reshape(q, (-1, heads, size), "split_heads"), (1, 0, 2), "query_heads_first")
        mixed = graph.transpose(self._attend(q, k, v, size, scale), (1, 0, 2), "rows")
        return graph.linear(graph.reshape(mixed, shape, "join_heads"), *self._linear(f"{prefix}.proj"), "projection")

    def _attend(self, q: Value, k: Value, v: Value, size: int, scale: int) -> Value:
        """Softmax attention of q (heads, pixels, size) on k (heads, keys, size) and v (heads, keys, value size)."""
        graph = self.graph
        # sides are multiples of 32, so at 1/4, 1/8, 1/16, 1/32 the pixels divide by 64, 16, 4, 1
        blocks = min(16, 4 ** (3 - scale)) if self.algebra.split_queries else 1
        keys = graph.transpose(k, (0, 2, 1), "keys")
        mixed = []
        for part in graph.split(q, blocks, axis=1, name="query_blocks") if blocks > 1 else [q]:
            scores = graph.matmul(part, keys, "scores")
            if not self.algebra.fold_attention_scale:
                scores = graph.multiply(scores, np.asarray(size**-0.5, np.float32), "scale")
            mixed.append(graph.matmul(graph.softmax(scores), v, "mix"))
        return graph.concat(mixed, 1, "join_blocks") if blocks > 1 else mixed[0]

    # -- spatial-channel cross-attention: NHWC in and out ----------------------------------------------------------

    def _merge(self, feature: Value, rgb: Value, scale: int) -> Value:
        graph, prefix = self.graph, f"down_sample_{scale + 1}.SCC"
        weight = self.weights[f"{prefix}.conv1.weight"][:, :, 0, 0]
        if self.algebra.fold_gate:
            x = self._folded_gate(feature, rgb, weight, prefix, scale)
        else:
            with graph.scope("gate"):
                gated = self._gate(graph.concat([feature, rgb], 3), f"{prefix}.fus_atten", scale)
            with graph.scope("reduce"):
                x = self._linear_then_batch_norm(gated, weight, None, f"{prefix}.bn")
        with graph.scope("cross_attention"):
            return graph.add(x, self._cross_attention(x, feature, rgb, f"{prefix}.cross_atten", scale))

    def _gate(self, x: Value, prefix: str, scale: int) -> Value:
        graph, weights = self.graph, self.weights
        channels = self.config.feature_widths[scale] + self.config.rgb_widths[scale]
        with graph.wide(GATE_REASON):
            mean = graph.reduce("ReduceMean", x, (1, 2), keepdims=True, name="mean_over_pixels")
        with graph.scope("spatial"), graph.wide(GATE_REASON):
            hidden = graph.node("Relu", [graph.linear(mean, weights[f"{prefix}.fc_spatial.0.weight"], None)])
            direction = graph.linear(hidden, weights[f"{prefix}.fc_spatial.2.weight"], None, "direction")
            column = graph.transpose(direction, (0, 1, 3, 2), "column")
            similarity = graph.multiply(graph.matmul(x, column), np.asarray(1 / channels / channels, np.float32))
            spatial = graph.node("Sigmoid", [similarity])
        with graph.scope("channel"), graph.wide(GATE_REASON):
            hidden = graph.node("Relu", [graph.linear(mean, weights[f"{prefix}.fc_channel.0.weight"], None)])
            gate = graph.node("Sigmoid", [graph.linear(hidden, weights[f"{prefix}.fc_channel.2.weight"], None, "gate")])
        return graph.multiply(graph.multiply(x, spatial, "by_pixel"), gate, "by_channel")

    def _folded_gate(self, feature: Value, rgb: Value, weight: Array, prefix: str, scale: int) -> Value:
        """Gate and reduction in one: the channel gate scales the reduction's weights, the pixel gate its result."""
        graph, gates = self.graph, f"{prefix}.fus_atten"
        channels = self.config.feature_widths[scale] + self.config.rgb_widths[scale]
        bias = np.zeros((len(weight),), np.float32)
        if self.algebra.fold_batch_norm:
            weight, bias = batch_norm_after_linear(weight, None, self._batch_norm(f"{prefix}.bn"), _BATCH_NORM_EPS)
        means, rows = [], []
        with graph.scope("gate"), graph.wide(GATE_REASON):
            for name, x, width in (
                ("feature", feature, self.config.feature_widths[scale]),
                ("rgb", rgb, self.config.rgb_widths[scale]),
            ):
                rows.append(graph.reshape(x, (-1, width), f"{name}_rows"))
                means.append(graph.reduce("ReduceMean", rows[-1], (0,), keepdims=True, name=f"{name}_mean"))
            mean = graph.concat(means, 1, "mean_over_pixels")
            with graph.scope("spatial"):
                hidden = graph.node("Relu", [graph.linear(mean, self.weights[f"{gates}.fc_spatial.0.weight"], None)])
                # 1/C here and 1/C behind the sum: neither the direction nor the sum leaves the range of FP16
                last = self.weights[f"{gates}.fc_spatial.2.weight"] / np.float32(channels)
                direction = graph.transpose(graph.linear(hidden, last, None, "direction"), (1, 0), "column")
            with graph.scope("channel"):
                hidden = graph.node("Relu", [graph.linear(mean, self.weights[f"{gates}.fc_channel.0.weight"], None)])
                gate = graph.linear(hidden, self.weights[f"{gates}.fc_channel.2.weight"], None, "gate")
                gate = graph.transpose(graph.node("Sigmoid", [gate]), (1, 0), "column")
        with graph.scope("reduce"):
            with graph.wide(GATE_REASON):
                scaled = graph.multiply(gate, weight.T, "gated_weight")
            both = graph.concat([scaled, direction], 1, "with_direction")  # one product gives both
            split_at = graph.constant(
                np.asarray([self.config.feature_widths[scale], self.config.rgb_widths[scale]], np.int64), "widths"
            )
            halves = graph.nodes("Split", [both, split_at], 2, "by_input", axis=0)
            sums = graph.add(*(graph.matmul(x, half) for x, half in zip(rows, halves, strict=True)))
            sizes = graph.constant(np.asarray([len(weight), 1], np.int64), "outputs")
            y, similarity = graph.nodes("Split", [sums, sizes], 2, "apart", axis=1)
            with graph.wide(SIMILARITY_REASON):
                similarity = graph.multiply(similarity, np.asarray(1 / channels, np.float32), "similarity")
                by_pixel = graph.node("Sigmoid", [similarity])
            y = graph.multiply(y, by_pixel, "by_pixel")
            if self.algebra.fold_batch_norm:
                y = graph.add(y, graph.constant(bias, "bias"), "add_bias")
            y = graph.reshape(y, graph.sizes([1, (feature, 1), (feature, 2), len(weight)], "map_shape"), "as_map")
            return y if self.algebra.fold_batch_norm else self._plain_batch_norm(y, f"{prefix}.bn")

    def _cross_attention(self, x: Value, feature: Value, rgb: Value, prefix: str, scale: int) -> Value:
        graph = self.graph
        shape = graph.shape(x)
        width = self.config.rgb_widths[scale] // 4
        value_width = self.config.feature_widths[scale] // 4
        from_feature = self._batch_norm_then_linear(feature, f"{prefix}.bn_x1", f"{prefix}.kq1", "from_feature")
        from_rgb = self._batch_norm_then_linear(rgb, f"{prefix}.bn_x2", f"{prefix}.kq2", "from_rgb")
        k1, q1, k2, q2 = self._shuffled_parts(from_feature, from_rgb, width)

        padding = width - value_width if self.algebra.pad_values else 0
        value_weight, value_bias = self._linear(f"{prefix}.v_conv")
        out_weight, out_bias = self._linear(f"{prefix}.out_conv")
        if padding > 0:
            value_weight, value_bias, out_weight = _pad_values(value_weight, value_bias, out_weight, padding)
        values = graph.linear(x, value_weight, value_bias, "values")
        v1, v2 = graph.split(graph.reshape(values, (1, -1, len(value_weight)), "value_rows"), 2, axis=2)

        mixed = []
        for number, (q, k, v) in enumerate(((q1, k1, v1), (q2, k2, v2)), start=1):
            with graph.scope(f"attention{number}"):
                mixed.append(self._attend(q, k, v, width, scale))
        joined = graph.concat(mixed, 2, "join")
        if self.algebra.fold_batch_norm:
            norm = self._batch_norm(f"{prefix}.bn_last")
            out_weight, out_bias = batch_norm_after_linear(out_weight, out_bias, norm, _BATCH_NORM_EPS)
            return graph.reshape(graph.linear(joined, out_weight, out_bias, "projection"), shape, "as_map")
        y = graph.reshape(graph.linear(joined, out_weight, out_bias, "projection"), shape, "as_map")
        return self._plain_batch_norm(y, f"{prefix}.bn_last")

    def _shuffled_parts(self, from_feature: Value, from_rgb: Value, width: int) -> list[Value]:
        """Return k1, q1, k2, q2, each (1, pixels, width)."""
        graph = self.graph
        if self.algebra.fold_channel_shuffle:
            # which parts meet matters, the order of channels within a part does not: it cancels in q . k
            halves = [
                graph.split(graph.reshape(v, (1, -1, 2 * width), n), 4, axis=2, name=f"{n}_parts")
                for v, n in ((from_feature, "feature_rows"), (from_rgb, "rgb_rows"))
            ]
            return [graph.concat([a, b], 2, name) for a, b, name in zip(*halves, ("k1", "q1", "k2", "q2"), strict=True)]
        joined = graph.reshape(graph.concat([from_feature, from_rgb], 3), (1, -1, 2, 2 * width), "groups")
        shuffled = graph.reshape(graph.transpose(joined, (0, 1, 3, 2), "shuffle"), (1, -1, 4 * width), "ungroup")
        return graph.split(shuffled, 4, axis=2, name="parts")

    # -- decoder -------------------------------------------------------------------------------------------------

    def _decode(self, maps: list[Value]) -> Value:
        graph, width = self.graph, self.config.decoder_width
        fuse = self.weights["Decoder.linear_fuse.0.weight"][:, :, 0, 0]
        fuse_bias = self.weights["Decoder.linear_fuse.0.bias"]
        norm = self._batch_norm("Decoder.linear_fuse.1")
        if self.algebra.fold_batch_norm:
            fuse, fuse_bias = batch_norm_after_linear(fuse, fuse_bias, norm, _BATCH_NORM_EPS)
        projected = []
        for place, scale in enumerate((3, 2, 1, 0)):  # the order in which linear_fuse expects the branches
            with graph.scope(f"branch{scale + 1}"):
                weight, bias = self._linear(f"Decoder.linear_c{scale + 1}.proj")
                if self.algebra.fold_decoder:
                    part = fuse[:, place * width : (place + 1) * width]
                    weight, folded = linear_after_linear(weight, bias, part, fuse_bias if scale == 0 else None)
                    assert folded is not None
                    bias = folded
                y = graph.linear(maps[scale], weight, bias)
                y = graph.to_channels_first(y)
                projected.append(graph.upsample(y, 2**scale) if scale > 0 else y)
        if self.algebra.fold_decoder:
            y = projected[0]
            for other in projected[1:]:
                y = graph.add(y, other, "sum")
        else:
            y = graph.convolution(graph.concat(projected, 1), fuse[:, :, None, None], fuse_bias, "fuse")
        if not self.algebra.fold_batch_norm:
            y = self._decoder_batch_norm(y, norm)
        y = graph.node("Relu", [y])
        if not self.algebra.drop_x_lin:
            graph.output(graph.upsample(y, 4, "x_lin"), "x_lin", (1, width, "height", "width"))
        with graph.wide(DEPTH_REASON) if self.task == "depth" else nullcontext():
            return self._predict(y)

    def _predict(self, y: Value) -> Value:
        graph = self.graph
        weight, bias = self._linear("Decoder.linear_pred")
        if self.algebra.channels_last_decoder:  # ONNX Runtime moves the transposes together, where they cancel
            y = graph.linear(graph.to_channels_last(y), weight[:, :, 0, 0], bias, "predict")
            return graph.to_channels_first(y)
        return graph.convolution(y, weight, bias, "predict")

    def _decoder_batch_norm(self, y: Value, norm: BatchNorm) -> Value:
        return self.graph.batch_norm(y, norm, _BATCH_NORM_EPS)

    # -- weights -------------------------------------------------------------------------------------------------

    def _linear_then_batch_norm(self, x: Value, weight: Array, bias: Array | None, norm: str) -> Value:
        if self.algebra.fold_batch_norm:
            folded = batch_norm_after_linear(weight, bias, self._batch_norm(norm), _BATCH_NORM_EPS)
            return self.graph.linear(x, *folded)
        return self._plain_batch_norm(self.graph.linear(x, weight, bias), norm)

    def _batch_norm_then_linear(self, x: Value, norm: str, linear: str, name: str) -> Value:
        """BatchNorm and Linear of a key-query projection, with the softmax scale in its query parts."""
        weight, bias = self._linear(linear)
        if self.algebra.fold_attention_scale:
            factor = np.ones((len(weight),), np.float32)
            part = len(weight) // 4
            scale = (2 * part) ** -0.5  # each part is half as wide as a query
            factor[part : 2 * part] = scale
            factor[3 * part :] = scale
            weight, bias = weight * factor[:, None], bias * factor
        with self.graph.scope(name):
            if self.algebra.fold_batch_norm:
                folded = batch_norm_before_linear(weight, bias, self._batch_norm(norm), _BATCH_NORM_EPS)
                return self.graph.linear(x, *folded)
            return self.graph.linear(self._plain_batch_norm(x, norm), weight, bias)

    def _plain_batch_norm(self, x: Value, prefix: str) -> Value:
        """BatchNorm of an NHWC map."""
        graph = self.graph
        y = graph.batch_norm(graph.to_channels_first(x), self._batch_norm(prefix), _BATCH_NORM_EPS)
        return graph.to_channels_last(y)

    def _linear(self, prefix: str) -> tuple[Array, Array]:
        return self.weights[f"{prefix}.weight"], self.weights[f"{prefix}.bias"]

    def _batch_norm(self, prefix: str) -> BatchNorm:
        weights = self.weights
        return (
            weights[f"{prefix}.weight"],
            weights[f"{prefix}.bias"],
            weights[f"{prefix}.running_mean"],
            weights[f"{prefix}.running_var"],
        )


def _pad_values(weight: Array, bias: Array, out_weight: Array, padding: int) -> tuple[Array, Array, Array]:
    """Append `padding` zero channels to each of the two value heads, and the columns that ignore them."""
    weights, biases, columns = [], [], []
    for head_weight, head_bias, head_columns in zip(
        np.split(weight, 2), np.split(bias, 2), np.split(out_weight, 2, axis=1), strict=True
    ):
        weights.append(np.pad(head_weight, ((0, padding), (0, 0))))
        biases.append(np.pad(head_bias, (0, padding)))
        columns.append(np.pad(head_columns, ((0, 0), (0, padding))))
    return np.concatenate(weights), np.concatenate(biases), np.concatenate(columns, axis=1)
