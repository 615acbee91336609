"""Pictures as materials: what hangs framed on walls. u is along the width, v up; sizes in metres."""

from __future__ import annotations

import numpy as np

from .patterns import Array, Colour, Material, mix, noise


def random_artwork(rng: np.random.Generator, width: float, height: float) -> Material:
    """A picture of the given size: landscape, town, shapes, colour fields, portrait, photograph, plant or poster."""
    painters = (_hills, _shapes, _fields, _portrait, _photograph, _plant, _poster, _town)
    return painters[int(rng.integers(len(painters)))](rng, width, height)


def _tone(rng: np.random.Generator, low: float = 0.05, high: float = 0.95) -> Colour:
    """Any colour, tempered: pictures are where the bright ones are."""
    base = rng.uniform(low, high)
    r, g, b = np.clip(base + rng.normal(0, 0.2, 3), 0.03, 0.97)
    return float(r), float(g), float(b)


def _hills(rng: np.random.Generator, width: float, height: float) -> Material:
    horizon, top = _tone(rng, 0.5), _tone(rng, 0.3)
    levels = np.sort(rng.uniform(0.15, 0.65, int(rng.integers(2, 6))))[::-1]
    near = _tone(rng, 0.05, 0.4)
    rough, sun_x = float(rng.uniform(1.5, 6)), float(rng.uniform(0.2, 0.8))

    def texture(u: Array, v: Array, rng: np.random.Generator) -> Array:
        x, y = u / width, v / height
        picture = mix(horizon, top, (y - 0.4) * 1.8)
        picture = mix(picture, (1.0, 0.95, 0.82), (np.hypot((x - sun_x) * width / height, y - 0.72) < 0.08) * 1.0)
        for number, level in enumerate(levels):
            share = (number + 1) / len(levels)
            ridge = level + 0.1 * noise(x * rough, np.zeros_like(x), rng)
            colour = tuple(np.array(horizon) * (1 - share) + np.array(near) * share)
            picture = mix(picture, np.array(colour), (y < ridge) * 1.0)
        return picture * (1 + 0.05 * noise(u * 40, v * 40, rng)[:, None])

    return Material(texture, gloss=0.04)


def _shapes(rng: np.random.Generator, width: float, height: float) -> Material:
    ground, ratio = _tone(rng), height / width
    figures = [
        (float(rng.uniform(0.1, 0.9)), float(rng.uniform(0.1, 0.9)), float(rng.uniform(0.06, 0.3)), _tone(rng), i % 2)
        for i in range(int(rng.integers(3, 9)))
    ]

    def texture(u: Array, v: Array, rng: np.random.Generator) -> Array:
        x, y = u / width, v / height
        picture = mix(ground, ground, x)
        for cx, cy, size, colour, square in figures:
            dx, dy = np.abs(x - cx), np.abs(y - cy) * ratio
            picture = mix(picture, colour, ((np.maximum(dx, 0.6 * dy) if square else np.hypot(dx, dy)) < size) * 1.0)
        return picture

    return Material(texture, gloss=0.04)


def _fields(rng: np.random.Generator, width: float, height: float) -> Material:
    edges = np.sort(rng.uniform(0.1, 0.9, int(rng.integers(1, 4))))
    colours = np.array([_tone(rng) for _ in range(len(edges) + 1)])

    def texture(u: Array, v: Array, rng: np.random.Generator) -> Array:
        level = v / height + 0.02 * noise(u * 9, v * 9, rng)
        picture = colours[np.searchsorted(edges, level)]
        border = np.minimum(np.minimum(u, width - u), np.minimum(v, height - v)) < 0.06 * min(width, height)
        return mix(picture, colours[0], border * 0.7) * (1 + 0.08 * noise(u * 25, v * 25, rng)[:, None])

    return Material(texture, gloss=0.02)


def _portrait(rng: np.random.Generator, width: float, height: float) -> Material:
    ground, coat, hair = _tone(rng, 0.1, 0.7), _tone(rng, 0.05, 0.8), _tone(rng, 0.05, 0.5)
    skin = np.array((0.85, 0.66, 0.53)) * rng.uniform(0.4, 1.05)
    ratio, tilt = height / width, float(rng.uniform(-0.06, 0.06))

    def texture(u: Array, v: Array, rng: np.random.Generator) -> Array:
        x, y = u / width - 0.5 - tilt, v / height
        picture = mix(ground, ground, x) * (1 + 0.15 * noise(u * 8, v * 8, rng)[:, None])
        picture = mix(picture, coat, (np.hypot(x / 0.42, (y + 0.05) / 0.42) < 1) * 1.0)
        picture = mix(picture, hair, (np.hypot(x / 0.2, (y - 0.62) * ratio / 0.27) < 1) * 1.0)
        return mix(picture, np.minimum(skin, 0.95), (np.hypot(x / 0.145, (y - 0.57) * ratio / 0.2) < 1) * 1.0)

    return Material(texture, gloss=0.05)


def _photograph(rng: np.random.Generator, width: float, height: float) -> Material:
    tint = np.clip(1 + rng.normal(0, 0.08, 3), 0.8, 1.1)
    bright, contrast, scale = rng.uniform(0.35, 0.6), rng.uniform(0.25, 0.45), rng.uniform(2, 7)

    def texture(u: Array, v: Array, rng: np.random.Generator) -> Array:
        x, y = scale * u / width, scale * v / width
        grey = bright + contrast * (noise(x, y, rng) + 0.5 * noise(2.7 * x, 2.7 * y, rng) + 0.4 * (v / height - 0.5))
        return np.asarray(np.clip(grey, 0.03, 0.96)[:, None] * tint)

    return Material(texture, gloss=0.06)


def _plant(rng: np.random.Generator, width: float, height: float) -> Material:
    paper, leaf = _tone(rng, 0.75, 0.95), _tone(rng, 0.1, 0.5)
    leaves = [(float(y), float(rng.uniform(0.15, 0.35)), side) for y in np.linspace(0.3, 0.85, 5) for side in (-1, 1)]

    def texture(u: Array, v: Array, rng: np.random.Generator) -> Array:
        x, y = u / width - 0.5, v / height
        picture = mix(paper, paper, x)
        picture = mix(picture, leaf, ((np.abs(x) < 0.02) & (y > 0.1) & (y < 0.88)) * 1.0)
        for level, length, side in leaves:
            along, across = side * x, y - level - 0.4 * side * x
            inside = (along > 0) & (along < length) & (np.abs(across) < 0.07 * np.sin(np.pi * along / length))
            picture = mix(picture, leaf, inside * 1.0)
        return picture

    return Material(texture, gloss=0.02)


def _poster(rng: np.random.Generator, width: float, height: float) -> Material:
    ground, ink = _tone(rng), _tone(rng)
    bands = [
        (float(y), float(rng.uniform(0.02, 0.09)), float(rng.uniform(0.3, 0.85))) for y in rng.uniform(0.05, 0.95, 5)
    ]
    ring = (float(rng.uniform(0.35, 0.65)), float(rng.uniform(0.4, 0.7)), float(rng.uniform(0.15, 0.3)))

    def texture(u: Array, v: Array, rng: np.random.Generator) -> Array:
        x, y = u / width, v / height
        picture = mix(ground, ground, x)
        distance = np.hypot(x - ring[0], (y - ring[1]) * height / width)
        picture = mix(picture, ink, (np.abs(distance - ring[2]) < 0.06) * 1.0)
        for level, thickness, length in bands:
            picture = mix(picture, ink, ((np.abs(y - level) < thickness / 2) & (x > 0.08) & (x < 0.08 + length)) * 1.0)
        return picture

    return Material(texture, gloss=0.05)


def _town(rng: np.random.Generator, width: float, height: float) -> Material:
    sky, low, count = _tone(rng, 0.4), _tone(rng, 0.05, 0.5), int(rng.integers(6, 16))
    tops, tones = rng.uniform(0.25, 0.8, count), rng.uniform(0.6, 1.5, count)

    def texture(u: Array, v: Array, rng: np.random.Generator) -> Array:
        x, y = np.clip(u / width, 0, 0.999), v / height
        house = (x * count).astype(int)
        windows = (((x * count * 3) % 1.0 < 0.4) & ((y * 14) % 1.0 < 0.4)) * 0.5
        front = np.clip(np.array(low) * tones[house][:, None] * (1 + windows[:, None]), 0, 1)
        picture = mix(sky, (0.9, 0.88, 0.86), 1 - y)
        return np.where((y < tops[house])[:, None], front, picture)

    return Material(texture, gloss=0.04)
