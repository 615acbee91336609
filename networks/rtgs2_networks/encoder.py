"""Point Transformer V3 over the occupied voxels of a Gaussian scene, in plain PyTorch.

Wu et al., "Point Transformer V3: Simpler, Faster, Stronger", CVPR 2024. The network here does floating point work
only: neighbours, serialised orders, patches and clusters are looked up in a geometry plan that is computed before.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from rtgs2_networks.config import EncoderConfig
from rtgs2_trt.errors import InputError

CURVES = ("z", "z_transposed", "hilbert", "hilbert_transposed")
"""The serialised orders as a plan names them; block ``i`` of a stage attends along ``CURVES[i % 4]``."""

Plan = Mapping[str, Any]
"""A geometry plan as tensors by name; see :meth:`PointTransformerEncoder.forward`."""

Patches = Tensor | Sequence[Tensor]
"""The patches (P, K) of a scene; or, where several scenes are encoded as one batch, those of each scene."""

_SCORES_AT_ONCE = 2**26  # attention scores in memory at a time: 256 MB in float32


def take_rows(table: Tensor, index: Tensor) -> Tensor:
    """Return ``table[index]``: rows of a (n, C) tensor by an int tensor of any shape, as (*index.shape, C)."""
    return table.index_select(0, index.flatten()).view(*index.shape, -1)  # trains faster than table[index]


def _convolved(x: Tensor, weight: Tensor, neighbours: Tensor) -> Tensor:
    """Return (n, out), `x` (n, in) convolved by `weight` (out, k, k, k, in)."""
    out = x.new_zeros(())
    for plane, rows in zip(weight.unbind(1), _rows(x, neighbours), strict=True):
        out = out + F.linear(rows, plane.flatten(1))
    return out


def _rows(x: Tensor, neighbours: Tensor) -> Iterator[Tensor]:
    """Yield (n, k * k * C), what each voxel reads of `x` (n, C) in one plane of the kernel: bounds the copy."""
    padded = F.pad(x, (0, 0, 0, 1))  # row n is the zero that empty neighbours read
    for plane in neighbours.unbind(0):
        yield take_rows(padded, plane).flatten(1)


class _Convolution(Function):
    """Submanifold convolution whose gradients gather rows as it does.

    Automatic differentiation would add rows of gradients to those that were read, one by one. But a voxel is its
    neighbour's neighbour, in the opposite place, so the gradient of `x` is a convolution too, by the turned kernel.
    What was read is gathered again for the weight's, which saves ``k**3`` times the memory of `x`.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, neighbours: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight, neighbours)
        return _convolved(x, weight, neighbours)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, weight, neighbours = ctx.saved_tensors
        of_x = of_weight = None
        if ctx.needs_input_grad[0]:
            of_x = _convolved(gradient, weight.flip(1, 2, 3).transpose(0, 4), neighbours)
        if ctx.needs_input_grad[1]:
            planes = [gradient.mT @ rows for rows in _rows(x, neighbours)]
            of_weight = torch.stack(planes, dim=1).view_as(weight)
        return of_x, of_weight, None


class SubmanifoldConv(nn.Module):
    """Cubic convolution evaluated at occupied voxels only; empty neighbours count as zero.

    ``weight`` is (out, k, k, k, in) with the first k along x, not flipped: it equals a dense ``conv3d`` with
    ``weight.permute(0, 4, 1, 2, 3)`` and padding ``k // 2``, read at the occupied voxels.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: int, *, bias: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(out_channels, kernel, kernel, kernel, in_channels))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None
        bound = 1 / math.sqrt(in_channels * kernel**3)
        nn.init.uniform_(self.weight, -bound, bound)

    def forward(self, x: Tensor, neighbours: Tensor) -> Tensor:
        """Convolve `x` (n, in) with `neighbours` (k, n, k * k), n where there is none; returns (n, out).

        Gradients take it that every voxel is its neighbour's neighbour in the opposite place, as in all geometry plans.
        """
        weight: Tensor = self.weight
        if torch.is_autocast_enabled(x.device.type):
            dtype = torch.get_autocast_dtype(x.device.type)
            x, weight = x.to(dtype), weight.to(dtype)
        out: Tensor = _Convolution.apply(x, weight, neighbours)  # type: ignore[no-untyped-call]
        return out if self.bias is None else out + self.bias


class PositionalEncoding(nn.ModuleList):
    """Conditional positional encoding ("cpe"): submanifold convolution, Linear, LayerNorm."""

    def __init__(self, channels: int, config: EncoderConfig) -> None:
        super().__init__(
            [
                SubmanifoldConv(channels, channels, config.cpe_kernel, bias=True),
                nn.Linear(channels, channels),
                nn.LayerNorm(channels, eps=config.layer_norm_eps),
            ]
        )

    def forward(self, x: Tensor, neighbours: Tensor) -> Tensor:
        """Encode `x` (n, C) with the stage's neighbour table; returns (n, C)."""
        convolution, linear, norm = self
        out: Tensor = norm(linear(convolution(x, neighbours)))
        return out


class PatchAttention(nn.Module):
    """Multi-head attention within patches of voxels that follow each other in a serialised order."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)

    def forward(self, x: Tensor, patches: Patches, slots: Tensor) -> Tensor:
        """Attend over `x` (n, C); `patches` (P, K) holds voxels, `slots` (n,) each voxel's place in the patches."""
        qkv = self.qkv(x)
        attended = torch.cat([self._attend(take_rows(qkv, part)) for part in self._parts(patches)])
        out: Tensor = self.proj(take_rows(attended, slots))
        return out

    def _parts(self, patches: Patches) -> Iterator[Tensor]:
        """Yield as many patches at a time as memory is meant to take."""
        for of_a_scene in (patches,) if isinstance(patches, Tensor) else patches:
            at_once = max(1, _SCORES_AT_ONCE // (self.heads * of_a_scene.shape[1] ** 2))
            yield from torch.split(of_a_scene, at_once)

    def _attend(self, qkv: Tensor) -> Tensor:
        """Attention of patches `qkv` (P, K, 3 * C), laid out [3, heads, head size]; returns (P * K, C)."""
        query, key, value = qkv.view(*qkv.shape[:2], 3, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        return F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(0, 1).flatten(1)


class Mlp(nn.Module):
    """Linear, GELU, Linear on (n, C)."""

    def __init__(self, channels: int, ratio: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, ratio * channels)
        self.fc2 = nn.Linear(ratio * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Return the (n, C) update of `x` (n, C), without the shortcut."""
        out: Tensor = self.fc2(F.gelu(self.fc1(x)))
        return out


class Block(nn.Module):
    """Positional encoding, patch attention and MLP, each added to the shortcut; the last two are pre-norm."""

    def __init__(self, channels: int, heads: int, config: EncoderConfig) -> None:
        super().__init__()
        self.cpe = PositionalEncoding(channels, config)
        self.norm1 = nn.Sequential(nn.LayerNorm(channels, eps=config.layer_norm_eps))
        self.attn = PatchAttention(channels, heads)
        self.norm2 = nn.Sequential(nn.LayerNorm(channels, eps=config.layer_norm_eps))
        self.mlp = nn.Sequential(Mlp(channels, config.mlp_ratio))

    def forward(
        self, x: Tensor, cpe_input: Tensor, neighbours: Tensor, patches: Patches, slots: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the block's output (n, C) and, alone, the MLP update that is its last summand (n, C)."""
        x = x + self.cpe(cpe_input, neighbours)
        x = x + self.attn(self.norm1(x), patches, slots)
        update = self.mlp(self.norm2(x))
        return x + update, update


class Pooling(nn.Module):
    """Halve the resolution: Linear, maximum over the cluster, BatchNorm, GELU."""

    def __init__(self, in_channels: int, out_channels: int, config: EncoderConfig) -> None:
        super().__init__()
        self.proj = nn.Linear(in_channels, out_channels)
        self.norm = nn.Sequential(nn.BatchNorm1d(out_channels, eps=config.batch_norm_eps))

    def forward(self, x: Tensor, children: Tensor) -> Tensor:
        """Pool `x` (n, in) over `children` (m, 8), missing children repeating another; returns (m, out)."""
        return F.gelu(self.norm(take_rows(self.proj(x), children).amax(1)))


class Unpooling(nn.Module):
    """Double the resolution: the projected skip plus the projected coarse voxel that each fine voxel lies in."""

    def __init__(self, in_channels: int, skip_channels: int, out_channels: int, config: EncoderConfig) -> None:
        super().__init__()

        def projection(channels: int) -> nn.Sequential:
            norm = nn.BatchNorm1d(out_channels, eps=config.batch_norm_eps)
            return nn.Sequential(nn.Linear(channels, out_channels), norm, nn.GELU())

        self.proj = projection(in_channels)
        self.proj_skip = projection(skip_channels)

    def forward(self, x: Tensor, skip: Tensor, parents: Tensor) -> tuple[Tensor, Tensor]:
        """Unpool `x` (m, in) to the voxels of `skip` (n, skip) by `parents` (n,).

        Returns the sum (n, out) and, alone, the projected skip (n, out).
        """
        projected_skip = self.proj_skip(skip)
        return projected_skip + take_rows(self.proj(x), parents), projected_skip


class _Stage(nn.Module):
    """The blocks of one stage, named ``block0``, ``block1``, ... as in the checkpoints."""

    def __init__(self, stage: int, config: EncoderConfig) -> None:
        super().__init__()
        self.stage = stage
        self.research_cpe = config.cpe_input == "research"

    def _add_blocks(self, depth: int, channels: int, heads: int, config: EncoderConfig) -> None:
        self.depth = depth
        for i in range(depth):
            self.add_module(f"block{i}", Block(channels, heads, config))

    def _run_blocks(self, x: Tensor, first_cpe_input: Tensor, plan: Plan) -> Tensor:
        neighbours = _entry(plan, f"stage{self.stage}_neighbours")
        # The research code drops the return value that would hand the sum on, so each of its positional encodings
        # convolves what the module before it computed last; its weights are trained that way.
        cpe_input = first_cpe_input
        for i in range(self.depth):
            order = f"stage{self.stage}_{CURVES[i % len(CURVES)]}"
            patches, slots = _entry(plan, f"{order}_patches"), _entry(plan, f"{order}_slots")
            block = self.get_submodule(f"block{i}")
            x, cpe_input = block(x, cpe_input if self.research_cpe else x, neighbours, patches, slots)
        return x


class EncoderStage(_Stage):
    """Pooling (except in stage 0) and blocks."""

    def __init__(self, stage: int, config: EncoderConfig) -> None:
        super().__init__(stage, config)
        channels = config.encoder_channels[stage]
        if stage > 0:
            self.down = Pooling(config.encoder_channels[stage - 1], channels, config)
        self._add_blocks(config.encoder_depths[stage], channels, config.encoder_heads[stage], config)

    def forward(self, x: Tensor, plan: Plan) -> Tensor:
        """Map the features of the stage before (n of that stage, C) to this stage's (n_s, C_s)."""
        if self.stage > 0:
            x = self.down(x, _entry(plan, f"stage{self.stage - 1}_children"))
        return self._run_blocks(x, x, plan)


class DecoderStage(_Stage):
    """Unpooling and blocks."""

    def __init__(self, stage: int, config: EncoderConfig) -> None:
        super().__init__(stage, config)
        coarse = (*config.decoder_channels, config.encoder_channels[-1])[stage + 1]
        channels = config.decoder_channels[stage]
        self.up = Unpooling(coarse, config.encoder_channels[stage], channels, config)
        self._add_blocks(config.decoder_depths[stage], channels, config.decoder_heads[stage], config)

    def forward(self, x: Tensor, skip: Tensor, plan: Plan) -> Tensor:
        """Map coarse features (n_{s+1}, C) and the encoder's features of this stage (n_s, C') to (n_s, C_s)."""
        x, projected_skip = self.up(x, skip, _entry(plan, f"stage{self.stage}_parents"))
        return self._run_blocks(x, projected_skip, plan)


class Stem(nn.Module):
    """Submanifold convolution, BatchNorm, GELU."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        channels = config.encoder_channels[0]
        self.conv = SubmanifoldConv(config.in_channels, channels, config.stem_kernel, bias=False)
        self.norm = nn.BatchNorm1d(channels, eps=config.batch_norm_eps)

    def forward(self, inputs: Tensor, neighbours: Tensor) -> Tensor:
        """Embed `inputs` (n_0, in_channels); returns (n_0, C_0). Never autocast: positions would be centimetres off."""
        if torch.is_autocast_enabled(inputs.device.type):
            with torch.autocast(inputs.device.type, enabled=False):
                return self(inputs, neighbours)  # type: ignore[no-any-return]
        return F.gelu(self.norm(self.conv(inputs, neighbours)))


class PointTransformerEncoder(nn.Module):
    """The view-independent encoder: one feature vector for every occupied voxel of a scene.

    Parameter names and shapes are those of the RT-GS2 research checkpoints.
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.ModuleDict({"stem": Stem(config)})
        self.enc = nn.ModuleDict({f"enc{s}": EncoderStage(s, config) for s in range(config.stages)})
        self.dec = nn.ModuleDict({f"dec{s}": DecoderStage(s, config) for s in reversed(range(config.stages - 1))})

    def forward(self, inputs: Tensor, plan: Plan) -> Tensor:
        """Encode the voxels of a scene.

        Args:
            inputs: (n_0, in_channels) float: of each voxel's representative Gaussian xyz in metres, DC colour scaled
                to 0..1 over the scene, opacity in 0..1 and log scales; rows in the plan's voxel order.
            plan: the scene's geometry plan as int32 or int64 tensors; n_s voxels in stage s, K_s voxels a patch:
                ``stem_neighbours`` (k, n_0, k * k) and ``stage{s}_neighbours`` (k, n_s, k * k) with n_s where empty,
                ``stage{s}_{curve}_patches`` (P_s, K_s) and ``stage{s}_{curve}_slots`` (n_s,) for the curves in use,
                ``stage{s}_parents`` (n_s,) and ``stage{s}_children`` (n_{s+1}, 8) for all stages but the last.
                Several scenes may be joined to one batch: rows one scene after the other, all indices moved along,
                and the patches a list with a tensor for each scene.

        Returns:
            (n_0, out_channels) features, one row a voxel.

        Raises:
            InputError: inputs of another shape than the plan's voxels, or a plan without one of its arrays.
        """
        neighbours = _entry(plan, "stem_neighbours")
        expected = (neighbours.shape[1], self.config.in_channels)
        if tuple(inputs.shape) != expected:
            raise InputError(
                "the inputs do not fit the geometry plan",
                field="inputs",
                found=f"shape {tuple(inputs.shape)}",
                expected=f"shape {expected}, one row a voxel of the plan",
                fix="Take the rows of plan.representatives, not one row a Gaussian.",
            )
        x: Tensor = self.embedding["stem"](inputs, neighbours)
        skips = []
        for stage in self.enc.values():
            x = stage(x, plan)
            skips.append(x)
        skips.pop()  # the coarsest stage goes straight on
        for stage in self.dec.values():
            x = stage(x, skips.pop(), plan)
        return x


def _entry(plan: Plan, name: str) -> Any:
    if name not in plan:
        raise InputError(
            "the geometry plan lacks an array",
            field=name,
            fix="Build the plan with as many stages and the patch size of this encoder's configuration.",
        )
    return plan[name]
