"""AdamW and Muon: which parameters each is for, the update against its definition, and going on from a state."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from rtgs2_training.runs.config import OptimizerName
from rtgs2_training.runs.optimizers import Muon, make_optimizer, orthogonal


class Network(nn.Module):
    """One layer of every kind that the rules tell apart."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3)
        self.hidden = nn.Conv2d(8, 12, 3)
        self.depthwise = nn.Conv2d(12, 12, 3, groups=12)
        self.norm = nn.LayerNorm(12)
        self.linear = nn.Linear(12, 6)
        self.answer = nn.Linear(6, 2)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        maps = self.depthwise(torch.relu(self.hidden(torch.relu(self.stem(image)))))
        answer: torch.Tensor = self.answer(torch.relu(self.linear(self.norm(maps.mean((2, 3))))))
        return answer


def make(name: OptimizerName, seed: int = 0, **changes: float) -> tuple[Network, torch.optim.Optimizer]:
    torch.manual_seed(seed)
    network = Network()
    settings = {"learning_rate": 1e-2, "weight_decay": 0.1} | changes
    return network, make_optimizer(name, network, ("stem", "answer"), **settings)


def gradients(network: Network, step: int) -> None:
    image = torch.randn(4, 3, 12, 12, generator=torch.Generator().manual_seed(step))
    network.zero_grad()
    network(image).square().mean().backward()


def names(network: Network, parameters: list[nn.Parameter]) -> set[str]:
    return {name for name, own in network.named_parameters() if any(own is other for other in parameters)}


def test_muon_takes_hidden_weights_alone_and_vectors_do_not_decay() -> None:
    network, optimizer = make("muon")
    hidden, matrices, vectors = optimizer.param_groups
    assert names(network, hidden["params"]) == {"hidden.weight", "linear.weight"}
    assert names(network, matrices["params"]) == {"stem.weight", "depthwise.weight", "answer.weight"}
    assert len(vectors["params"]) == sum(p.ndim <= 1 for p in network.parameters())
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.1, 0.1, 0.0]


def test_adamw_takes_all() -> None:
    network, optimizer = make("adamw")
    assert isinstance(optimizer, torch.optim.AdamW)
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(list(network.parameters()))
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.1, 0.0]


@pytest.mark.parametrize("shape", [(3, 8, 20), (2, 20, 8), (1, 16, 16)])
def test_orthogonal_keeps_singular_vectors(shape: tuple[int, int, int]) -> None:
    """Singular values come near 1 from anywhere above a thousandth of the norm; the vectors stay."""
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    u, _, v = torch.linalg.svd(matrices, full_matrices=False)
    result = orthogonal(matrices)
    along = u.mT @ result @ v.mT
    values = along.diagonal(dim1=1, dim2=2)
    assert result.shape == matrices.shape
    assert (along - torch.diag_embed(values)).abs().max() < 1e-9
    assert values.min() > 0.6
    assert values.max() < 1.3


@pytest.mark.parametrize("shape", [(3, 8, 40), (2, 20, 8), (1, 16, 16)])
def test_orthogonal_is_the_iteration_written_out(shape: tuple[int, int, int]) -> None:
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    x = matrices / matrices.norm(dim=(1, 2), keepdim=True)
    for _ in range(5):
        square = x @ x.mT
        x = 3.4445 * x - 4.7750 * square @ x + 2.0315 * square @ square @ x
    torch.testing.assert_close(orthogonal(matrices), x, rtol=0, atol=1e-6)  # the norm has 1e-7 added
    # single precision, with singular values down to a ten-thousandth of the largest
    weak = matrices * torch.logspace(0, -4, shape[2], dtype=torch.float64)
    torch.testing.assert_close(orthogonal(weak.float()).double(), orthogonal(weak), rtol=0, atol=5e-3)


def test_first_muon_step_is_as_defined() -> None:
    """The polar factor of the gradient, 0.2 sqrt(longer side) long, after the weight has decayed."""
    network, optimizer = make("muon")
    before = network.hidden.weight.detach().clone()
    gradients(network, 0)
    assert network.hidden.weight.grad is not None
    u, s, v = torch.linalg.svd(network.hidden.weight.grad.flatten(1), full_matrices=False)
    optimizer.step()
    moved = (before * (1 - 1e-2 * 0.1) - network.hidden.weight.detach()).flatten(1) / (1e-2 * 0.2 * 72**0.5)
    strong = s > 0.02 * s.norm()  # weaker ones are on their way to 1
    values = (u.mT @ moved @ v.mT).diagonal()[strong]
    assert strong.sum() >= 4
    assert values.min() > 0.6
    assert values.max() < 1.3


def test_others_are_updated_as_by_adamw() -> None:
    network, optimizer = make("muon")
    twin, adamw = make("adamw")
    for step in range(3):
        gradients(network, step)
        with torch.no_grad():
            for own, other in zip(network.parameters(), twin.parameters(), strict=True):
                other.grad = None if own.grad is None else own.grad.clone()
        optimizer.step()
        adamw.step()
    for layer in ("stem", "depthwise", "answer", "norm"):
        assert torch.equal(getattr(network, layer).weight, getattr(twin, layer).weight)
    assert not torch.equal(network.hidden.weight, twin.hidden.weight)


def test_rate_is_set_by_group() -> None:
    network, optimizer = make("muon", weight_decay=0.0)
    before = [parameter.detach().clone() for parameter in network.parameters()]
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    gradients(network, 0)
    optimizer.step()
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_goes_on_from_a_state_bit_for_bit(name: OptimizerName) -> None:
    def steps(network: Network, optimizer: torch.optim.Optimizer, numbers: range) -> None:
        for step in numbers:
            gradients(network, step)
            optimizer.step()

    whole, optimizer = make(name)
    steps(whole, optimizer, range(6))
    first, optimizer = make(name)
    steps(first, optimizer, range(3))
    second, other = make(name, seed=1)
    second.load_state_dict(first.state_dict())
    other.load_state_dict(optimizer.state_dict())
    steps(second, other, range(3, 6))
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), second.parameters(), strict=True))


def test_muon_learns() -> None:
    def loss_after(change: Callable[[torch.optim.Optimizer], None], steps: int) -> float:
        network, optimizer = make("muon", weight_decay=0.0)
        assert isinstance(optimizer, Muon)
        for step in range(steps):
            gradients(network, step)
            change(optimizer)
        image = torch.randn(64, 3, 12, 12, generator=torch.Generator().manual_seed(99))
        return network(image).square().mean().item()

    assert loss_after(lambda optimizer: optimizer.step(), 30) < 0.2 * loss_after(lambda _: None, 1)
