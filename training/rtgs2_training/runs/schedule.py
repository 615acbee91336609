"""The learning rate of every step."""

from __future__ import annotations

from .config import ScheduleConfig


def learning_rate(config: ScheduleConfig, step: int, steps: int) -> float:
    """Return the learning rate of a step.

    It rises linearly over ``warmup_steps``, whose last has the peak, and then falls as
    ``final + (peak - final) * (1 - progress) ** power``; progress is 0 at the end of the warm-up and would be 1 at
    step `steps`, which is none any more.

    Args:
        config: peak, warm-up, power, and the final rate as a fraction of the peak.
        step: 0 to steps - 1.
        steps: length of the run.
    """
    warmup = min(config.warmup_steps, steps)
    if step < warmup:
        return config.learning_rate * (step + 1) / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    final = config.final_fraction
    return config.learning_rate * float(final + (1 - final) * (1 - progress) ** config.power)
