"""The exact algebra of the export: what can be computed once, from the weights, instead of in every frame.

Each step keeps the network's function (up to rounding) and can be switched by itself; ``Algebra.none()`` gives the
plain networks, which the tests compare every step with.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
BatchNorm = tuple[Array, Array, Array, Array]


@dataclass(frozen=True)
class Algebra:
    """Which steps the export takes.

    Attributes:
        drop_x_lin: leave out the full-size embedding that only the training loss reads.
        fold_batch_norm: every BatchNorm goes into the linear map before or after it. After a max pooling, where a
            negative scale would turn the maximum round, it becomes one multiplication and one addition.
        fold_decoder: the decoder is linear up to its ReLU and bilinear upsampling commutes with linear maps over
            channels, so each branch is projected once at its own low resolution, upsampled and added.
        fold_channel_shuffle: the shuffle in the cross-attention only reorders channels that a dot product sums, so
            the parts that meet are concatenated and nothing is interleaved.
        fold_layer_scale: ConvNeXt's ``gamma`` goes into the Linear before it.
        fold_attention_scale: the softmax scale goes into the query projection.
        fold_cpe_linear: the Linear of the conditional positional encoding goes into the convolution before it.
        fold_gate: the SCC gate scales the weights of the 1x1 convolution behind it, a few thousand numbers, instead of
            the map; the map is neither concatenated nor multiplied.
        channels_last: the colour branch hands its maps on as NHWC, only depthwise and strided convolutions see NCHW.
        channels_last_decoder: the decoder ends in NHWC, where ONNX Runtime can cancel its transposes on a CPU. GPU
            graphs end in a 1x1 convolution of NCHW, which needs none.
        split_queries: the fusion network attends in blocks of queries, so that scores stay in a CPU's cache and their
            memory is bounded. GPUs fuse attention whole, so their graphs go without.
        fuse_attention: the encoder attends with ONNX Runtime's fused operator, which never holds a patch's scores.
            Other engines do not know it, so their graphs go without.
        skip_empty_neighbours: the encoder's positional encodings convolve pairs of neighbours instead of all taps of
            all voxels, of which more than half are empty. Adds to scattered rows, which TensorRT cannot.
        pad_values: the cross-attention's values are padded with zeros to the width of its queries, and the encoder's
            heads to 16 channels, which fused attention kernels on GPUs ask for. Costs arithmetic, so the CPU graphs
            go without.
    """

    drop_x_lin: bool = True
    fold_batch_norm: bool = True
    fold_decoder: bool = True
    fold_channel_shuffle: bool = True
    fold_layer_scale: bool = True
    fold_attention_scale: bool = True
    fold_cpe_linear: bool = True
    fold_gate: bool = True
    channels_last: bool = True
    channels_last_decoder: bool = True
    split_queries: bool = True
    fuse_attention: bool = True
    skip_empty_neighbours: bool = True
    pad_values: bool = False

    def for_gpu(self) -> Algebra:
        """The same without what serves CPU kernels alone, and with what fused attention on GPUs asks for."""
        return dataclasses.replace(
            self,
            channels_last_decoder=False,
            split_queries=False,
            fuse_attention=False,
            skip_empty_neighbours=False,
            pad_values=True,
        )

    @classmethod
    def none(cls) -> Algebra:
        """No step at all: the networks as they are defined."""
        return cls(**{step.name: False for step in dataclasses.fields(cls)})


def batch_norm_as_affine(parameters: BatchNorm, eps: float) -> tuple[Array, Array]:
    """Return (scale, shift), each (C,), of y = scale * x + shift that equals the BatchNorm at inference."""
    weight, bias, mean, variance = (p.astype(np.float64) for p in parameters)
    scale = weight / np.sqrt(variance + eps)
    return scale, bias - mean * scale


def batch_norm_after_linear(
    weight: Array, bias: Array | None, parameters: BatchNorm, eps: float
) -> tuple[Array, Array]:
    """Fold BatchNorm(weight x + bias) into one linear map; weight (out, ...), the output channel first."""
    scale, shift = batch_norm_as_affine(parameters, eps)
    folded = weight.astype(np.float64) * scale.reshape(-1, *[1] * (weight.ndim - 1))
    if bias is not None:
        shift = shift + bias * scale
    return folded.astype(np.float32), shift.astype(np.float32)


def batch_norm_before_linear(weight: Array, bias: Array, parameters: BatchNorm, eps: float) -> tuple[Array, Array]:
    """Fold weight BatchNorm(x) + bias into one linear map; weight (out, in)."""
    scale, shift = batch_norm_as_affine(parameters, eps)
    wide = weight.astype(np.float64)
    return (wide * scale).astype(np.float32), (wide @ shift + bias).astype(np.float32)


def linear_after_linear(
    weight: Array, bias: Array | None, next_weight: Array, next_bias: Array | None
) -> tuple[Array, Array | None]:
    """Fold next_weight (weight x + bias) + next_bias into one map; weight (out, ...), next_weight (out2, out)."""
    wide = next_weight.astype(np.float64)
    folded = np.tensordot(wide, weight.astype(np.float64), axes=1)
    if bias is None and next_bias is None:
        return folded.astype(np.float32), None
    shift = np.zeros(len(wide)) if next_bias is None else next_bias.astype(np.float64)
    if bias is not None:
        shift = shift + wide @ bias
    return folded.astype(np.float32), shift.astype(np.float32)
