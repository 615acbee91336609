"""The Point Transformer V3 encoder as an ONNX graph.

Integer structure (neighbours, serialised orders, pooling) enters as inputs, as
:class:`rtgs2_trt.geometry_plan.GeometryPlan` names it. Attention walks over the patches, one or a few at a time, so
that memory does not grow with patches x 1024 x 1024. Two steps of the algebra speak to ONNX Runtime's CPU kernels only,
``fuse_attention`` and ``skip_empty_neighbours``: without them it has no more than Gather, MatMul, norms, softmax,
ReduceMax and the loop, which any engine takes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx

from rtgs2_networks.config import EncoderConfig

from .algebra import Algebra, Array, BatchNorm, batch_norm_after_linear, batch_norm_as_affine, linear_after_linear
from .graph import Arithmetic, GraphBuilder, Value

CURVES = ("z", "z_transposed", "hilbert", "hilbert_transposed")

HEADS_AT_ONCE = 16
"""Heads of patches whose scores exist at a time, unless one patch has more: 16 x 1024 x 1024 are 64 MiB in FP32."""

LEAST_HEAD_SIZE = 16
"""Of fused attention on GPUs, and what a tensor core sums at once."""

STEM_REASON = "stem: positions in metres, FP16 numbers are 4 to 16 mm apart from 4 to 32 m, and voxels 70 mm wide"


def build_encoder_graph(
    config: EncoderConfig,
    weights: Mapping[str, Array],
    algebra: Algebra,
    version: str,
    *,
    arithmetic: Arithmetic = "float32",
    kept: Mapping[str, str] | None = None,
) -> onnx.ModelProto:
    """Return the model: ``inputs`` (n_0, in_channels) + plan -> ``features`` (n_0, out_channels), float32.

    Args:
        config: of the encoder.
        weights: its arrays by name.
        algebra: which simplifications to make.
        version: of this project, for the model's producer.
        arithmetic: what it computes in; inputs and features are float32 in any case.
        kept: of an FP16 graph, nodes that compute in FP32 all the same, by name, each with the reason.
    """
    return _EncoderGraph(config, weights, algebra, arithmetic, kept).build(version)


class _EncoderGraph:
    def __init__(
        self,
        config: EncoderConfig,
        weights: Mapping[str, Array],
        algebra: Algebra,
        arithmetic: Arithmetic,
        kept: Mapping[str, str] | None,
    ) -> None:
        self.config = config
        self.weights = weights
        self.algebra = algebra
        self.graph = GraphBuilder("rtgs2_encoder", arithmetic, kept)
        self.pairs: dict[str, list[tuple[Value, Value]]] = {}
        self.whole_blocks: dict[tuple[Value, int], Value] = {}

    def build(self, version: str) -> onnx.ModelProto:
        graph, config = self.graph, self.config
        x = graph.input("inputs", "float32", ("voxels_0", config.in_channels))
        with graph.scope("stem"), graph.wide(STEM_REASON):
            x = self._stem(x)
        x = graph.in_arithmetic(x)
        outputs = []
        for stage in range(config.stages):
            if stage > 0:
                with graph.scope(f"stage{stage}/pool"):
                    x = self._pool(x, stage)
            x = self._blocks(
                x, x, f"enc.enc{stage}", stage, config.encoder_depths[stage], config.encoder_heads[stage], "encoder"
            )
            outputs.append(x)
        for stage in reversed(range(config.stages - 1)):
            with graph.scope(f"stage{stage}/unpool"):
                x, projected_skip = self._unpool(x, outputs[stage], stage)
            c = projected_skip if config.cpe_input == "research" else x
            x = self._blocks(
                x, c, f"dec.dec{stage}", stage, config.decoder_depths[stage], config.decoder_heads[stage], "decoder"
            )
        graph.output(x, "features", ("voxels_0", config.out_channels))
        return graph.model(version)

    def _stem(self, x: Value) -> Value:
        weight = self.weights["embedding.stem.conv.weight"]
        norm, eps = self._batch_norm("embedding.stem.norm"), self.config.batch_norm_eps
        if self.algebra.fold_batch_norm:
            weight, bias = batch_norm_after_linear(weight, None, norm, eps)
            y = self._sparse_convolution(x, "stem_neighbours", weight, bias, 0)
        else:
            y = self.graph.batch_norm(self._sparse_convolution(x, "stem_neighbours", weight, None, 0), norm, eps)
        return self.graph.gelu(y)

    def _blocks(self, x: Value, c: Value, prefix: str, stage: int, depth: int, heads: int, side: str) -> Value:
        for block in range(depth):
            with self.graph.scope(f"stage{stage}/{side}_block{block}"):
                x, mlp = self._block(x, c, f"{prefix}.block{block}", stage, CURVES[block % len(CURVES)], heads)
            c = mlp if self.config.cpe_input == "research" else x
        return x

    def _block(self, x: Value, c: Value, prefix: str, stage: int, curve: str, heads: int) -> tuple[Value, Value]:
        graph, eps = self.graph, self.config.layer_norm_eps
        with graph.scope("positional_encoding"):
            weight, bias = self._linear(f"{prefix}.cpe.0")
            next_weight, next_bias = self._linear(f"{prefix}.cpe.1")
            skip = self.algebra.skip_empty_neighbours
            convolution = self._convolution_of_pairs if skip else self._sparse_convolution
            if self.algebra.fold_cpe_linear:
                weight, folded_bias = linear_after_linear(weight, bias, next_weight, next_bias)
                y = convolution(c, f"stage{stage}_neighbours", weight, folded_bias, stage)
            else:
                y = convolution(c, f"stage{stage}_neighbours", weight, bias, stage)
                y = graph.linear(y, next_weight, next_bias)
            x = graph.add(x, graph.layer_norm(y, *self._linear(f"{prefix}.cpe.2"), eps))
        with graph.scope("attention"):
            y = graph.layer_norm(x, *self._linear(f"{prefix}.norm1.0"), eps)
            x = graph.add(x, self._attention(y, f"{prefix}.attn", stage, curve, heads))
        with graph.scope("mlp"):
            y = graph.layer_norm(x, *self._linear(f"{prefix}.norm2.0"), eps)
            y = graph.gelu(graph.linear(y, *self._linear(f"{prefix}.mlp.0.fc1"), "expand"))
            mlp = graph.linear(y, *self._linear(f"{prefix}.mlp.0.fc2"), "contract")
            return graph.add(x, mlp), mlp

    def _attention(self, x: Value, prefix: str, stage: int, curve: str, heads: int) -> Value:
        graph = self.graph
        voxels, patches, patch = f"voxels_{stage}", f"patches_{stage}", f"patch_size_{stage}"
        members = graph.input(f"stage{stage}_{curve}_patches", "int32", (patches, patch))
        slots = graph.input(f"stage{stage}_{curve}_slots", "int32", (voxels,))
        weight, bias = self._linear(f"{prefix}.qkv")
        channels = weight.shape[1]
        scale = (channels // heads) ** -0.5
        if self.algebra.fold_attention_scale:
            factor = np.ones((3 * channels,), np.float32)
            factor[:channels] = scale
            weight, bias, scale = weight * factor[:, None], bias * factor, 1.0
        projection, projection_bias = self._linear(f"{prefix}.proj")
        if self.algebra.pad_values and channels // heads < LEAST_HEAD_SIZE:
            weight, bias, projection = _with_wider_heads(weight, bias, projection, heads)
        if self.algebra.fuse_attention:
            attended = self._attend_fused(x, members, weight, bias, heads, scale)
        else:
            attended = self._attend_in_blocks(x, members, weight, bias, heads, scale)
        flat = graph.reshape(attended, (-1, projection.shape[1]), "join_heads")
        return graph.linear(graph.gather(flat, slots, "unpatch"), projection, projection_bias, "projection")

    def _attend_fused(self, x: Value, members: Value, weight: Array, bias: Array, heads: int, scale: float) -> Value:
        """All heads of a patch in one operator; returns (patches, patch size, C).

        The operator would take all patches at once, but an ONNX Runtime that does not know the size of the CPU's cache
        holds all scores (to be expected on ARM, not tried); the loop keeps that at one patch.
        """
        graph, channels = self.graph, weight.shape[0] // 3
        rows = graph.gather(x, members)
        names = ("query", "key", "value")
        parts = [
            graph.linear(rows, w, b, name)
            for w, b, name in zip(np.split(weight, 3), np.split(bias, 3), names, strict=True)
        ]

        def attend(items: Sequence[Value]) -> Value:
            batch = [graph.reshape(item, (1, -1, channels), "as_batch") for item in items]
            return graph.reshape(graph.fused_attention(batch, heads, scale), (-1, channels), "as_patch")

        return graph.for_each(parts, ("patch_size", channels), attend, "patches")

    def _attend_in_blocks(
        self, x: Value, members: Value, weight: Array, bias: Array, heads: int, scale: float
    ) -> Value:
        """A few patches at a time with all their heads; returns (patches or more, patch size, heads * size).

        Scores of all patches would take gigabytes, and how many patches there are is known with the scene only, so
        the loop is needed; the larger its steps, the fewer kernels are started.
        """
        graph, size = self.graph, weight.shape[0] // (3 * heads)
        block = max(1, HEADS_AT_ONCE // heads)
        qkv = graph.linear(x, weight, bias, "qkv")
        members = self._in_whole_blocks(members, block)
        rows = graph.reshape(graph.gather(qkv, members), (0, 0, 3, heads, size), "split_heads")
        rows = graph.transpose(rows, (2, 0, 3, 1, 4), "heads_first")

        def attend(items: Sequence[Value]) -> Value:
            q, k, v = items
            scores = graph.matmul(q, graph.transpose(k, (0, 2, 1), "keys"), "scores")
            if scale != 1:
                scores = graph.multiply(scores, np.asarray(scale, np.float32), "scale")
            return graph.matmul(graph.softmax(scores), v, "mix")

        by_block = graph.sizes([-1, block * heads, (members, 1), size], "block_shape")
        parts = [graph.reshape(part, by_block, "blocks") for part in graph.split(rows, 3, axis=0)]
        attended = graph.for_each(parts, (block * heads, "patch_size", size), attend, "blocks_of_patches")
        by_patch = graph.sizes([-1, heads, (members, 1), size], "patch_shape")
        return graph.transpose(graph.reshape(attended, by_patch, "by_patch"), (0, 2, 1, 3), "heads_last")

    def _in_whole_blocks(self, members: Value, block: int) -> Value:
        """Patches (P, K) followed by copies of the first, so that blocks of `block` patches come out even."""
        graph = self.graph
        if block == 1:
            return members
        if (members, block) not in self.whole_blocks:
            with graph.scope(f"{members}/blocks_of_{block}"):

                def number(value: int) -> Value:
                    return graph.constant(np.asarray([value], np.int64), f"number_{value}")

                first = graph.node("Slice", [members, number(0), number(1), number(0)], "first")
                more = graph.concat([members, *[first] * (block - 1)], 0, "more")
                blocks = graph.node("Div", [graph.sizes([(more, 0)], "patches"), number(block)], "blocks")
                end = graph.multiply(blocks, number(block), "end")
                self.whole_blocks[members, block] = graph.node("Slice", [more, number(0), end, number(0)], "whole")
        return self.whole_blocks[members, block]

    def _pool(self, x: Value, stage: int) -> Value:
        graph, prefix, eps = self.graph, f"enc.enc{stage}.down", self.config.batch_norm_eps
        children = graph.input(f"stage{stage - 1}_children", "int32", (f"voxels_{stage}", 8))
        y = graph.gather(graph.linear(x, *self._linear(f"{prefix}.proj")), children)
        y = graph.reduce("ReduceMax", y, (1,), keepdims=False, name="max")
        norm = self._batch_norm(f"{prefix}.norm.0")
        if self.algebra.fold_batch_norm:
            scale, shift = batch_norm_as_affine(norm, eps)
            y = graph.multiply(y, scale.astype(np.float32), "scale")
            y = graph.add(y, graph.constant(shift.astype(np.float32), "shift_by"), "shift")
        else:
            y = graph.batch_norm(y, norm, eps)
        return graph.gelu(y)

    def _unpool(self, x: Value, skip: Value, stage: int) -> tuple[Value, Value]:
        graph, prefix = self.graph, f"dec.dec{stage}.up"
        parents = graph.input(f"stage{stage}_parents", "int32", (f"voxels_{stage}",))
        projected_skip = self._project(skip, f"{prefix}.proj_skip", "skip")
        projected = self._project(x, f"{prefix}.proj", "deep")
        return graph.add(projected_skip, graph.gather(projected, parents)), projected_skip

    def _project(self, x: Value, prefix: str, name: str) -> Value:
        graph, eps = self.graph, self.config.batch_norm_eps
        weight, bias = self._linear(f"{prefix}.0")
        norm = self._batch_norm(f"{prefix}.1")
        with graph.scope(name):
            if self.algebra.fold_batch_norm:
                y = graph.linear(x, *batch_norm_after_linear(weight, bias, norm, eps))
            else:
                y = graph.batch_norm(graph.linear(x, weight, bias), norm, eps)
            return graph.gelu(y)

    def _sparse_convolution(self, x: Value, table: str, weight: Array, bias: Array | None, stage: int) -> Value:
        """Submanifold convolution, a plane of taps (k0 fixed) at a time; weight [out, k0, k1, k2, in].

        A plane at a time keeps the gathered rows at k * k, not k ** 3, times the voxels.
        """
        graph = self.graph
        out_channels, k, in_channels = weight.shape[0], weight.shape[1], weight.shape[4]
        neighbours = graph.input(table, "int32", (k, f"voxels_{stage}", k * k))
        with graph.scope("convolution"):
            zero_row = graph.constant(np.zeros((1, in_channels), np.float32), "zero_row")
            padded = graph.concat([x, zero_row], 0, "with_zero_row")
            total: Value | None = None
            for plane, indices in enumerate(graph.split(neighbours, k, axis=0, name="planes")):
                with graph.scope(f"plane{plane}"):
                    rows = graph.reshape(graph.gather(padded, indices), (-1, k * k * in_channels))
                    matrix = weight[:, plane].reshape(out_channels, -1)
                    part = graph.linear(rows, matrix, bias if plane == 0 else None)
                    total = part if total is None else graph.add(total, part)
            assert total is not None
            return total

    def _convolution_of_pairs(self, x: Value, table: str, weight: Array, bias: Array | None, stage: int) -> Value:
        """The same, but a tap is computed only for voxels that have a neighbour there, about a third of them.

        Two voxels that are neighbours at an offset are so the other way round at its opposite: one list of pairs
        serves two taps.
        """
        graph = self.graph
        out_channels, taps, in_channels = weight.shape[0], weight.shape[1] ** 3, weight.shape[4]
        matrices = weight.reshape(out_channels, taps, in_channels)
        pairs = self._neighbour_pairs(table, weight.shape[1], stage)
        with graph.scope("convolution"):
            total = graph.linear(x, matrices[:, taps // 2], bias, "centre")
            for tap, (voxels, neighbours) in enumerate(pairs):
                for opposite, to, source in ((tap, voxels, neighbours), (taps - 1 - tap, neighbours, voxels)):
                    with graph.scope(f"tap{opposite}"):
                        rows = graph.reshape(graph.gather(x, source), (-1, in_channels))
                        total = graph.add_to_rows(total, to, graph.linear(rows, matrices[:, opposite], None))
            return total

    def _neighbour_pairs(self, table: str, k: int, stage: int) -> list[tuple[Value, Value]]:
        """What a neighbour table holds: (voxels, neighbours), each (pairs, 1), for each tap of the first half."""
        graph = self.graph
        if table not in self.pairs:
            neighbours = graph.input(table, "int32", (k, f"voxels_{stage}", k * k))
            self.pairs[table] = []
            with graph.scope("neighbour_pairs"):
                empty = graph.cast(graph.sizes([(neighbours, 1)], "empty"), "int32")
                shape = graph.sizes([k**3, (neighbours, 1)], "by_tap_shape")
                by_tap = graph.reshape(graph.transpose(neighbours, (0, 2, 1)), shape, "by_tap")
                for row in graph.split(by_tap, k**3, axis=0, name="taps")[: k**3 // 2]:
                    column = graph.reshape(row, (-1,), "column")
                    occupied = graph.node("NonZero", [graph.node("Less", [column, empty])])
                    voxels = graph.reshape(occupied, (-1, 1), "voxels")
                    self.pairs[table].append((voxels, graph.cast(graph.gather(column, voxels), "int64")))
        return self.pairs[table]

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


def _with_wider_heads(weight: Array, bias: Array, projection: Array, heads: int) -> tuple[Array, Array, Array]:
    """Query, key and value weights whose heads end in zeros, :data:`LEAST_HEAD_SIZE` wide, and what projects them."""
    channels = weight.shape[1]
    missing = LEAST_HEAD_SIZE - channels // heads

    def padded(array: Array, axis: int, groups: tuple[int, ...]) -> Array:
        split = array.reshape(*array.shape[:axis], *groups, -1, *array.shape[axis + 1 :])
        widths = [(0, 0)] * split.ndim
        widths[axis + len(groups)] = (0, missing)
        wide = np.pad(split, widths)
        return wide.reshape(*array.shape[:axis], -1, *array.shape[axis + 1 :])

    return padded(weight, 0, (3, heads)), padded(bias, 0, (3, heads)), padded(projection, 1, (heads,))
