"""What fitting to photographs leaves of a surface: translucent and uneven Gaussians, their axes in any order.

Measured on captures (0.75 to 3 million Gaussians a furnished flat): median opacity 0.5 to 0.9, a tenth under 0.1 to
0.2; log scales of the thin axis -10 to -4.5, any of the three axes thin; the two others differ by a factor of 2 and
more for half of the Gaussians; a few colours far outside 0..1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .surfaces import Array

_OPAQUE, _HALF = 3.0, -0.1  # logits of the median opacity of the most opaque and of the most translucent scenes
_OUTLIERS = 0.001  # share of the Gaussians


@dataclass(frozen=True)
class Fit:
    """How far a scene's Gaussians are from even, opaque discs."""

    translucent: float  # 0 opaque .. 1: half of the Gaussians are half transparent
    uneven: float  # standard deviation of the logarithm of their sizes
    thickness: float  # metres, median standard deviation along the normal
    thickness_spread: float  # standard deviation of its logarithm
    outliers: float  # standard deviation of the colours of a few
    any_order: bool  # whether the thin axis may be any of the three


def random_fit(strength: float, rng: np.random.Generator) -> Fit:
    """The statistics of one scene; ``strength`` 0 is a scene of even discs, from 1 on they vary as in captures."""
    strength = min(strength, 1.0)
    translucent, uneven, thin, spread, outliers = rng.random(5)
    return Fit(
        translucent=strength * translucent**2,
        uneven=0.35 * strength * uneven,
        thickness=float(np.exp(np.log(0.003) - 2.2 * strength * thin)),
        thickness_spread=0.35 + 1.3 * strength * spread,
        outliers=strength * 1.5 * outliers**2,
        any_order=strength > 0,
    )


def sizes(count: int, fit: Fit, rng: np.random.Generator) -> Array:
    """Factors (N,) of the discs' radii: many small ones, few large ones, and larger where all are translucent."""
    factor = np.exp(np.clip(rng.normal(0, fit.uneven, count), -3, 1.1)) if fit.uneven else np.ones(count)
    return np.asarray(factor * (1 + 0.4 * fit.translucent))


def opacities(count: int, fit: Fit, rng: np.random.Generator) -> Array:
    """Opacities (N,): a logistic-normal distribution."""
    if fit.translucent == 0:
        return np.asarray(1 - rng.gamma(1.6, 0.035, count))
    median = _OPAQUE + fit.translucent * (_HALF - _OPAQUE)
    logits = median + (0.8 + 1.6 * fit.translucent) * rng.standard_normal(count)
    return np.asarray(1 / (1 + np.exp(-logits)))


def thicknesses(count: int, fit: Fit, rng: np.random.Generator) -> Array:
    """Standard deviations (N,) along the normal, metres, at most 0.1."""
    return np.minimum(np.exp(rng.normal(np.log(fit.thickness), fit.thickness_spread, count)), 0.1)


def with_outliers(colour: Array, opacity: Array, fit: Fit, rng: np.random.Generator) -> tuple[Array, Array]:
    """Colours (N, 3) and opacities (N,), a few of them faint and far out: they set the range that encoders stretch."""
    chosen = rng.random(len(colour)) < _OUTLIERS * (fit.outliers > 0)
    count = int(chosen.sum())
    colour, opacity = colour.copy(), opacity.copy()
    colour[chosen] += fit.outliers * rng.standard_normal((count, 1)) + 0.1 * rng.standard_normal((count, 3))
    opacity[chosen] = np.minimum(opacity[chosen], rng.uniform(0.02, 0.2, count))
    return colour, opacity


def axis_shifts(count: int, fit: Fit, rng: np.random.Generator) -> NDArray[np.int64]:
    """By how many places (N,) the axes (tangent, bitangent, normal) of each Gaussian are rotated: 0, 1 or 2."""
    return rng.integers(3, size=count) if fit.any_order else np.zeros(count, np.int64)
