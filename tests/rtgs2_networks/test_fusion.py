from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from golden_values import golden, relative_error, seeded_state_dict, state_entries
from rtgs2_networks.config import FusionConfig, preset
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
