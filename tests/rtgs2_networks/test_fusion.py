from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from golden_values import golden, relative_error, seeded_state_dict, state_entries
from rtgs2_networks.config import FusionConfig, preset
from rtgs2_networks.convnext import ConvNextBlock
from rtgs2_networks.decoder import MlpDecoder
from rtgs2_networks.fusion import FusionNetwork, full_size_logits
from rtgs2_trt.errors import InputError

TINY = preset("tiny", 7).fusion


def views(batch: int, height: int, width: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    image = torch.rand(batch, 3, height, width, generator=generator)
    return image, torch.randn(batch, TINY.feature_channels, height, width, generator=generator)


def test_state_dict_is_the_golden_one() -> None:
    with torch.device("meta"):
        network = FusionNetwork(FusionConfig())
    state = network.state_dict()
    assert [(name, tuple(value.shape)) for name, value in state.items()] == list(state_entries("fusion").items())
    assert sum(parameter.numel() for parameter in network.parameters()) == 33_109_726


def test_fusion_gives_the_golden_logits() -> None:
    values = golden("fusion_seed1")
    seed, height, width = (int(values[key]) for key in ("seed", "height", "width"))
    rng = np.random.default_rng([seed, 11])
    image = torch.from_numpy(rng.random((1, 3, height, width), dtype=np.float32))
    features = torch.from_numpy(rng.standard_normal((1, 32, height, width)).astype(np.float32))
    with torch.device("meta"):
        network = FusionNetwork(FusionConfig(num_classes=int(values["num_classes"]))).eval()
    network.load_state_dict(seeded_state_dict("fusion", seed), assign=True)
    with torch.no_grad():
        logits = network(image, features)
        full = full_size_logits(logits)[0].numpy()
    # float32 rounding; 8e-7 measured
    assert relative_error(logits[0].numpy(), values["logits_quarter"]) < 1e-5
    assert relative_error(full[:, ::7, ::11], values["logits_full_sample"]) < 1e-5
    differing = full.argmax(0) != values["labels"]
    best = np.sort(full, axis=0)[-2:, differing]
    assert np.all(best[1] - best[0] < 1e-5 * np.abs(full).max())  # ties alone may fall the other way


def test_logits_are_linear_in_the_embedding() -> None:
    image, features = views(2, 64, 96)
    network = FusionNetwork(TINY).eval()
    with torch.no_grad():
        logits, embedding = network.forward_with_embedding(image, features)
        assert logits.shape == (2, TINY.num_classes, 16, 24)
        assert embedding.shape == (2, TINY.decoder_width, 64, 96)
        assert torch.equal(logits, network(image, features))
        # bilinear upsampling commutes with a 1x1 convolution, up to rounding
        torch.testing.assert_close(network.Decoder.linear_pred(embedding), full_size_logits(logits))


def test_decoder_is_the_one_that_joins_the_scales_and_then_mixes_them() -> None:
    generator = torch.Generator().manual_seed(4)
    widths = (32, 64, 96, 160)
    decoder = MlpDecoder(widths, 24, 5).double().eval()
    maps = [
        torch.randn(2, width, 16 >> scale, 24 >> scale, dtype=torch.float64, generator=generator)
        for scale, width in enumerate(widths)
    ]
    projected = []
    for scale in (3, 2, 1, 0):
        projection = decoder.get_submodule(f"linear_c{scale + 1}")
        x = projection(maps[scale].permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        projected.append(F.interpolate(x, (16, 24), mode="bilinear", align_corners=False))
    expected = decoder.linear_fuse(torch.cat(projected, dim=1))
    logits, embedding = decoder(maps)
    torch.testing.assert_close(embedding, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(logits, decoder.linear_pred(expected), rtol=0, atol=1e-12)


def test_depthwise_convolutions_of_the_colours_are_not_rounded_on_a_cpu() -> None:
    block = ConvNextBlock(8, 4)
    seen: list[Tensor] = []
    block.dwconv.register_forward_hook(lambda _, given, result: seen.extend((*given, result)))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        block(torch.randn(1, 8, 12, 12).bfloat16())
    assert [tensor.dtype for tensor in seen] == [torch.float32, torch.float32]


def test_views_of_a_batch_are_independent() -> None:
    image, features = views(2, 64, 32)
    network = FusionNetwork(TINY).eval()
    with torch.no_grad():
        torch.testing.assert_close(network(image, features)[1:], network(image[1:], features[1:]))


def test_every_parameter_gets_a_finite_gradient() -> None:
    image, features = views(2, 64, 96)
    network = FusionNetwork(TINY)
    logits, embedding = network.forward_with_embedding(image, features)
    (logits.square().mean() + embedding.square().mean()).backward()
    missing = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    assert missing == []


def test_instances_share_nothing() -> None:
    first, second = FusionNetwork(TINY), FusionNetwork(TINY)
    addresses = [{value.data_ptr() for value in network.state_dict().values()} for network in (first, second)]
    assert not addresses[0] & addresses[1]
    assert not set(map(id, first.modules())) & set(map(id, second.modules()))


@pytest.mark.parametrize(
    ("image", "features", "message"),
    [
        ((1, 3, 64, 80), (1, 32, 64, 80), "not a multiple of 32 .found 80x64.*Render a larger view"),
        ((1, 3, 64, 64), (1, 32, 64, 96), "features: image and features differ in size"),
        ((2, 3, 64, 64), (1, 32, 64, 64), "features: image and features differ in size"),
        ((1, 4, 64, 64), (1, 32, 64, 64), r"image: .*expected shape \(B, 3, H, W\)"),
        ((1, 3, 64, 64), (1, 31, 64, 64), r"features: .*expected shape \(B, 32, H, W\)"),
        ((3, 64, 64), (1, 32, 64, 64), r"image: .*found shape \(3, 64, 64\)"),
    ],
)
def test_sizes_that_do_not_fit(image: tuple[int, ...], features: tuple[int, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        FusionNetwork(TINY)(torch.zeros(image), torch.zeros(features))
