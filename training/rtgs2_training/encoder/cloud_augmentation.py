"""Random changes of a cloud of Gaussians, as the encoder sees it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..runs.config import CloudAugmentationConfig

_Floats = NDArray[np.float32]

_POSITION, _COLOUR, _OPACITY, _LOG_SCALES = slice(0, 3), slice(3, 6), 6, slice(7, 10)
_LEAST = 1e-4  # opacity, and what it lacks to 1: their logits stay finite
_WAVELENGTHS, _WAVES = (0.3, 3.0), 6  # metres; how many make a field


def augment_cloud(inputs: _Floats, config: CloudAugmentationConfig, rng: np.random.Generator) -> _Floats:
    """Return a copy of encoder inputs as another capture of the same surfaces, placed elsewhere, would have them.

    Args:
        inputs: (N, 10) of :func:`rtgs2_trt.encoder_inputs.encoder_inputs`: xyz, colour in 0..1, opacity, log scales.
        config: how much of each.
        rng: source of all randomness.
    """
    out: _Floats = inputs.copy()
    factor = rng.uniform(config.scale[0], config.scale[-1])
    pivot = np.append(inputs[:, :2].mean(axis=0), 0.0)  # heights stay heights over the floor
    shift = rng.uniform(-1, 1, 3) * (config.shift, config.shift, config.lift)
    turned = (inputs[:, _POSITION] - pivot) @ (factor * random_rotation(config.tilt, rng)).T + pivot + shift
    noise = config.jitter + _blur(inputs[:, _POSITION], config, rng)
    out[:, _POSITION] = turned + noise * rng.standard_normal(turned.shape)
    out[:, _COLOUR] = recoloured(inputs[:, _COLOUR], config, rng)
    if config.opacity:
        out[:, _OPACITY] = _other_opacities(inputs[:, _OPACITY], config.opacity, rng)
    sizes = _without_cues(inputs[:, _POSITION], inputs[:, _LOG_SCALES], config, rng)
    out[:, _LOG_SCALES] = _other_sizes(sizes + np.log(factor), config, rng)
    return out


def _blur(position: _Floats, config: CloudAugmentationConfig, rng: np.random.Generator) -> NDArray[np.float64] | float:
    """Return (N, 1) metres: where photographs show no texture, a capture's surfaces are clouds, some voxels thick."""
    if not config.blur:
        return 0.0
    waves = _waves(position.astype(np.float64), rng)[:, None]
    return np.asarray(config.blur * rng.random() * np.clip(0.5 + 0.5 * waves, 0, 1))


def _other_opacities(opacity: _Floats, amount: float, rng: np.random.Generator) -> NDArray[np.float64]:
    kept = np.clip(opacity.astype(np.float64), _LEAST, 1 - _LEAST)
    logits = np.log(kept / (1 - kept)) + amount * (rng.uniform(-1, 1) + 0.5 * rng.standard_normal(len(kept)))
    return np.asarray(1 / (1 + np.exp(-logits)))


def _without_cues(
    position: _Floats, log_scales: _Floats, config: CloudAugmentationConfig, rng: np.random.Generator
) -> NDArray[np.floating]:
    """Return sizes that tell less of what a Gaussian is part of.

    How finely a capture covers a surface, and with how long Gaussians, is its texture's and the training's doing.
    """
    sizes: NDArray[np.floating] = log_scales
    if config.size_contrast != (1.0, 1.0):
        middle = sizes.mean(axis=0)
        sizes = middle + (sizes - middle) * rng.uniform(config.size_contrast[0], config.size_contrast[-1])
    if config.size_waves:
        amplitude = config.size_waves * rng.random()
        sizes = sizes + (amplitude * _waves(position.astype(np.float64), rng))[:, None]
    if config.size_axes:
        sizes = sizes + config.size_axes * rng.random() * rng.standard_normal(sizes.shape)
    return sizes


def _waves(position: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """A smooth random field (N,) with a standard deviation of about 1."""
    total = np.zeros(len(position))
    for wavelength in np.exp(rng.uniform(np.log(_WAVELENGTHS[0]), np.log(_WAVELENGTHS[1]), _WAVES)):
        heading = rng.standard_normal(3)
        heading *= 2 * np.pi / (wavelength * np.linalg.norm(heading))
        total += np.sin(position @ heading + rng.uniform(0, 2 * np.pi))
    return np.asarray(total / np.sqrt(_WAVES / 2))


def _other_sizes(
    log_scales: NDArray[np.floating], config: CloudAugmentationConfig, rng: np.random.Generator
) -> NDArray[np.floating]:
    change = config.size * (rng.uniform(-1, 1) + 0.5 * rng.standard_normal((len(log_scales), 1)))
    changed: NDArray[np.floating] = log_scales + change
    return rng.permuted(changed, axis=1) if rng.random() < config.axis_order else changed


def random_rotation(tilt: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a (3, 3) rotation about the vertical by any angle, after tilts about x and y of up to `tilt` degrees."""
    x, y = np.radians(rng.uniform(-tilt, tilt, 2))
    z = rng.uniform(0, 2 * np.pi)
    about_x = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_z = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    rotation: NDArray[np.float64] = about_z @ about_y @ about_x
    return rotation


def recoloured(colour: _Floats, config: CloudAugmentationConfig, rng: np.random.Generator) -> _Floats:
    """Return (N, 3) colours in 0..1 under another light and another camera."""
    gain = rng.uniform(1 - config.gain, 1 + config.gain, 3)
    brightness = rng.uniform(-config.brightness, config.brightness)
    power = config.gamma ** rng.uniform(-1, 1)
    if rng.random() < config.grey:
        colour = np.repeat(colour.mean(axis=1, keepdims=True), 3, axis=1)
    contrast = rng.uniform(config.contrast[0], config.contrast[-1])
    if contrast != 1:
        middle = colour.mean(axis=0)
        colour = middle + (colour - middle) * np.float32(contrast)
    return np.asarray(np.clip(colour * gain + brightness, 0, 1) ** power, np.float32)
