from __future__ import annotations

import itertools

import pytest

from rtgs2_training.runs.config import ScheduleConfig
from rtgs2_training.runs.schedule import learning_rate


def test_linear_warm_up_then_polynomial_fall():
    config = ScheduleConfig(learning_rate=1e-2, warmup_steps=10, power=0.9)
    rates = [learning_rate(config, step, 110) for step in range(110)]
    assert rates[:10] == pytest.approx([1e-3 * (i + 1) for i in range(10)])
    assert rates[10] == pytest.approx(1e-2)
    assert rates[60] == pytest.approx(1e-2 * 0.5**0.9)
    assert rates[109] == pytest.approx(1e-2 * 0.01**0.9)
    assert all(later < earlier for earlier, later in itertools.pairwise(rates[10:]))


def test_final_fraction_is_where_it_ends_and_power_zero_is_constant():
    falling = ScheduleConfig(learning_rate=1.0, power=1.0, final_fraction=0.2)
    assert learning_rate(falling, 50, 100) == pytest.approx(0.6)
    assert learning_rate(falling, 99, 100) == pytest.approx(0.208)
    constant = ScheduleConfig(learning_rate=0.5)
    assert {learning_rate(constant, step, 7) for step in range(7)} == {0.5}
