"""Materials and their procedural patterns. Colours are sRGB, 0..1; u and v are metres on the surface."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Colour = tuple[float, float, float]
Texture = Callable[[Array, Array, np.random.Generator], Array]


@dataclass(frozen=True)
class Material:
    """What a surface is made of: ``colour(u (N,), v (N,), rng) -> (N, 3)`` and how it takes light."""

    colour: Texture
    gloss: float = 0.0
    thin: bool = False
    glows: bool = False


def noise(u: Array, v: Array, rng: np.random.Generator) -> Array:
    """Smooth value noise in -1..1 with one lattice point a unit of u and v."""
    size = 64
    lattice = rng.uniform(-1, 1, (size, size))
    u, v = u + rng.uniform(0, size), v + rng.uniform(0, size)
    i, j = np.floor(u).astype(int), np.floor(v).astype(int)
    a, b = (x * x * (3 - 2 * x) for x in (u - i, v - j))
    i, j, k, m = i % size, j % size, (i + 1) % size, (j + 1) % size
    low, high = (lattice[i, row] * (1 - a) + lattice[k, row] * a for row in (j, m))
    return np.asarray(low * (1 - b) + high * b)


def mix(first: Colour | Array, second: Colour | Array, share: Array) -> Array:
    """``first`` where ``share`` is 0, ``second`` where it is 1."""
    weight = np.clip(share, 0.0, 1.0)[:, None]
    return np.asarray(np.asarray(first) * (1 - weight) + np.asarray(second) * weight)


def shaded(colour: Colour, brightness: Array) -> Array:
    """``colour`` times 1 + brightness."""
    return np.asarray(np.asarray(colour) * (1 + brightness[:, None]))


def paint(colour: Colour, *, grain: float = 0.02, gloss: float = 0.0, thin: bool = False) -> Material:
    """An even colour with faint blotches: walls, lacquer, china, leaves."""
    return Material(
        lambda u, v, rng: shaded(colour, grain * (noise(u * 3, v * 3, rng) + rng.normal(0, 0.4, u.shape))), gloss, thin
    )


def glow(colour: Colour) -> Material:
    """A light: shown as it is, whatever falls on it."""
    return Material(lambda u, v, rng: np.tile(np.asarray(colour, dtype=float), (len(u), 1)), glows=True)


def wood(colour: Colour, *, gloss: float = 0.03) -> Material:
    """Sawn wood, grain along u."""
    return Material(
        lambda u, v, rng: shaded(colour, 0.10 * noise(u * 2, v * 35, rng) + 0.06 * noise(u * 5, v * 110, rng)), gloss
    )


def planks(colour: Colour, *, width: float = 0.16, length: float = 1.5, gloss: float = 0.05) -> Material:
    """A floor of staggered boards along u, every board with its own tone, dark joints between them."""

    def texture(u: Array, v: Array, rng: np.random.Generator) -> Array:
        row = np.floor(v / width).astype(int)
        shifted = u + rng.uniform(0, length, 256)[row % 256]
        board = np.floor(shifted / length).astype(int)
        tone = rng.normal(0, 0.13, (256, 64))[row % 256, board % 64]
        grain = 0.08 * noise(u * 2.5, v * 45 + board * 7, rng) + 0.05 * noise(u * 6, v * 120, rng)
        joint = np.minimum(v - row * width, shifted - board * length) < 0.012
        return shaded(colour, np.where(joint, -0.55, tone + grain))

    return Material(texture, gloss)


def fabric(colour: Colour, *, grain: float = 0.07, thin: bool = False) -> Material:
    """Woven cloth: fine mottling over soft folds."""
    return Material(
        lambda u, v, rng: shaded(colour, grain * (rng.normal(0, 0.6, u.shape) + noise(u * 6, v * 6, rng))), thin=thin
    )


def striped(colour: Colour, stripe: Colour, *, period: float) -> Material:
    """Cloth with stripes across u."""
    return Material(
        lambda u, v, rng: mix(colour, stripe, ((u / period) % 1.0 < 0.35) * 1.0) + rng.normal(0, 0.02, (len(u), 1))
    )


def rug(width: float, length: float) -> Material:
    """A woven rug of the given size: bordered, with a lattice of diamonds."""
    cream, brick, navy, sand = (0.84, 0.78, 0.68), (0.62, 0.27, 0.20), (0.16, 0.22, 0.34), (0.74, 0.58, 0.40)

    def texture(u: Array, v: Array, rng: np.random.Generator) -> Array:
        edge = np.minimum(np.minimum(u, width - u), np.minimum(v, length - v))
        diamond = np.abs((u / 0.42) % 1.0 - 0.5) + np.abs((v / 0.42) % 1.0 - 0.5)
        field = mix(cream, sand, (diamond < 0.36) * 1.0)
        field = mix(field, navy, (diamond < 0.15) * 1.0)
        field = mix(field, brick, (np.abs(diamond - 0.45) < 0.05) * 1.0)
        field = mix(field, brick, (edge < 0.26) * 1.0)
        field = mix(field, cream, ((edge > 0.13) & (edge < 0.17)) * 1.0)
        field = mix(field, navy, (edge < 0.06) * 1.0)
        return field * (1 + rng.normal(0, 0.05, (len(u), 1)))

    return Material(texture)


def gridded(
    colour: Colour, line: Colour, *, period: tuple[float, float], width: float, broken: float = 0.0
) -> Material:
    """A carpet or rug with a grid of lines, not quite straight.

    Args:
        colour: of the ground, sRGB 0..1.
        line: of the lines, likewise.
        period: between lines along u and along v, metres.
        width: of a line, metres.
        broken: share of the lines' pieces, from one crossing to the next, that are left out.
    """

    def texture(u: Array, v: Array, rng: np.random.Generator) -> Array:
        drawn = np.zeros(len(u), dtype=bool)
        for across, along, step, other in ((u, v, period[0], period[1]), (v, u, period[1], period[0])):
            place = across + 0.3 * width * noise(across / step, along * 3, rng)
            number, piece = np.floor(place / step).astype(int), np.floor(along / other).astype(int)
            kept = rng.random((64, 64)) >= broken
            drawn |= (place - number * step < width) & kept[number % 64, piece % 64]
        tone = 0.04 * noise(u / 0.2, v / 0.2, rng) + rng.normal(0, 0.04, len(u))
        return mix(colour, line, drawn * 1.0) * (1 + tone)[:, None]

    return Material(texture)


def checked(colour: Colour, line: Colour, *, period: float, share: float = 0.4) -> Material:
    """Cloth woven in checks: two crossing sets of stripes, darkest where they meet."""

    def texture(u: Array, v: Array, rng: np.random.Generator) -> Array:
        weight = 0.5 * ((u / period) % 1.0 < share) + 0.5 * ((v / period) % 1.0 < share)
        return mix(colour, line, weight) + rng.normal(0, 0.02, (len(u), 1))

    return Material(texture)


def zigzag(colour: Colour, line: Colour, *, period: float) -> Material:
    """Cloth or paper with a herringbone of zigzag bands along u."""

    def texture(u: Array, v: Array, rng: np.random.Generator) -> Array:
        phase = v / period + np.abs((u / period) % 1.0 - 0.5)
        return mix(colour, line, (phase % 1.0 < 0.45) * 1.0) + rng.normal(0, 0.02, (len(u), 1))

    return Material(texture)


def flowered(ground: Colour, petals: Colour, leaves: Colour, *, period: float, count: int = 5) -> Material:
    """Cloth or paper with flowers of ``count`` petals in a half-drop repeat, leaves between them."""

    def texture(u: Array, v: Array, rng: np.random.Generator) -> Array:
        column = np.floor(u / period)
        x = u / period - column - 0.5
        y = (v / period + 0.5 * (column % 2)) % 1.0 - 0.5
        radius, angle = np.hypot(x, y), np.arctan2(y, x)
        green = (np.abs(x + 0.25 * np.sin(2 * np.pi * y)) < 0.06) * 1.0
        picture = mix(ground, leaves, 0.8 * green)
        picture = mix(picture, petals, (radius < 0.2 + 0.14 * np.cos(count * angle)) * 1.0)
        picture = mix(picture, ground, (radius < 0.06) * 1.0)
        return picture * (1 + rng.normal(0, 0.02, (len(u), 1)))

    return Material(texture)


def dotted(colour: Colour, dot: Colour, *, period: float, size: float = 0.3) -> Material:
    """Cloth or paper with dots on a staggered lattice."""

    def texture(u: Array, v: Array, rng: np.random.Generator) -> Array:
        row = np.floor(v / period)
        x, y = (u / period + 0.5 * (row % 2)) % 1.0 - 0.5, v / period - row - 0.5
        return mix(colour, dot, (np.hypot(x, y) < size) * 1.0) + rng.normal(0, 0.02, (len(u), 1))

    return Material(texture)


def tiled(
    colours: Sequence[Colour],
    joint: Colour,
    *,
    width: float,
    height: float,
    gap: float = 0.006,
    shift: float = 0.0,
    spread: float = 0.03,
    alternate: bool = False,
    gloss: float = 0.12,
) -> Material:
    """Tiles or bricks with joints of ``gap`` metres, every row moved on by ``shift`` tiles, each with its own tone.

    The colours are dealt out at random, or in turn (a chequerboard) if ``alternate``.
    """
    palette = np.array(colours, dtype=float)

    def texture(u: Array, v: Array, rng: np.random.Generator) -> Array:
        row = np.floor(v / height).astype(int)
        moved = u / width + shift * row
        column = np.floor(moved).astype(int)
        dealt = rng.integers(len(palette), size=(128, 128))[row % 128, column % 128]
        chosen = (row + column) % len(palette) if alternate else dealt
        tone = rng.normal(0, spread, (128, 128))[row % 128, column % 128] + 0.015 * noise(u * 12, v * 12, rng)
        seam = ((moved - column) * width < gap) | (v - row * height < gap)
        return np.asarray(np.where(seam[:, None], np.array(joint), palette[chosen] * (1 + tone[:, None])))

    return Material(texture, gloss)


def marbled(colour: Colour, vein: Colour, *, scale: float, gloss: float = 0.12) -> Material:
    """Polished stone with veins; ``scale`` is metres between them."""

    def texture(u: Array, v: Array, rng: np.random.Generator) -> Array:
        x, y = u / scale, v / scale
        bent = 1.2 * noise(x, y, rng) + 0.5 * noise(2.3 * x, 2.3 * y, rng)
        ridge = np.abs(noise(0.7 * x + bent, 0.7 * y - bent, rng))
        cloud = 0.12 * (noise(0.6 * x, 0.6 * y, rng) + 1)
        return mix(colour, vein, np.exp(-ridge * 14) * 0.85 + cloud)

    return Material(texture, gloss)


def speckled(
    colour: Colour, chips: Sequence[Colour], *, size: float, share: float = 0.4, gloss: float = 0.1
) -> Material:
    """Stone of grains or chips of the given size (metres): granite, terrazzo, cork."""
    palette = np.array(chips, dtype=float)

    def texture(u: Array, v: Array, rng: np.random.Generator) -> Array:
        picture = np.tile(np.array(colour, dtype=float), (len(u), 1))
        for chip in palette:
            grain = noise(u / size, v / size, rng) > 0.75 - share
            picture = mix(picture, chip, grain * 0.9)
        return picture * (1 + rng.normal(0, 0.03, (len(u), 1)))

    return Material(texture, gloss)


def grooved(boards: Material, *, width: float, depth: float = 0.45) -> Material:
    """Panelling: the given wood or paint in upright boards across u, dark grooves and a tone of their own."""

    def texture(u: Array, v: Array, rng: np.random.Generator) -> Array:
        board = np.floor(u / width).astype(int)
        tone = rng.normal(0, 0.06, 256)[board % 256]
        groove = (u - board * width < 0.012) * depth
        return np.asarray(boards.colour(v + board * 1.7, u, rng) * (1 + tone - groove)[:, None])

    return Material(texture, boards.gloss)


def parquet(colour: Colour, *, width: float = 0.09, gloss: float = 0.06) -> Material:
    """A floor of short boards laid in squares that alternate in direction."""

    def texture(u: Array, v: Array, rng: np.random.Generator) -> Array:
        side = 4 * width
        column, row = np.floor(u / side).astype(int), np.floor(v / side).astype(int)
        turned = (column + row) % 2 == 0
        along, across = np.where(turned, u, v), np.where(turned, v, u)
        board = np.floor(across / width).astype(int)
        tone = rng.normal(0, 0.1, (256, 256))[board % 256, np.where(turned, column, row) % 256]
        grain = 0.06 * noise(along * 4, across * 50, rng)
        joint = (across - board * width < 0.007) | (along % side < 0.007)
        return shaded(colour, np.where(joint, -0.45, tone + grain))

    return Material(texture, gloss)


def brushed(colour: Colour, *, gloss: float = 0.3) -> Material:
    """Metal with fine scratches along u."""
    return Material(
        lambda u, v, rng: shaded(colour, 0.06 * noise(u * 3, v * 90, rng) + 0.05 * noise(u, v * 2, rng)), gloss
    )


def mottled(colour: Colour, *, strength: float = 0.12, scale: float = 0.25, gloss: float = 0.0) -> Material:
    """Concrete, plaster or leather: cloudy tones of about ``scale`` metres over a fine grain."""

    def texture(u: Array, v: Array, rng: np.random.Generator) -> Array:
        cloud = noise(u / scale, v / scale, rng) + 0.5 * noise(3 * u / scale, 3 * v / scale, rng)
        return shaded(colour, strength * (0.6 * cloud + rng.normal(0, 0.3, u.shape)))

    return Material(texture, gloss)


def spine(colour: Colour, band: Colour, height: float) -> Material:
    """A book's back of the given height, u along it: a coloured cover with a title band."""

    def texture(u: Array, v: Array, rng: np.random.Generator) -> Array:
        along = u / height
        marked = (along > 0.64) & (along < 0.80)
        return mix(colour, band, marked * 0.6) + rng.normal(0, 0.015, (len(u), 1))

    return Material(texture, gloss=0.02)


BLACK = paint((0.11, 0.11, 0.12), gloss=0.06)
