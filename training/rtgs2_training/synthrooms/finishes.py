"""What walls, floors, ceilings, doors and windows are made of: random materials, none with a colour of its own."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np

from .surfaces import Array
from .textures import Colour, Material, fabric, mix, noise, paint, planks, shaded, wood

WET = ("bathroom", "kitchen")


@dataclass(frozen=True)
class Finish:
    """A material and the size of the cells (metres along u and v) that shows its pattern."""

    material: Material
    spacing: tuple[float, float]


def any_colour(rng: np.random.Generator) -> Colour:
    """A colour as things indoors have it: often pale or grey, at times strong or dark."""
    kind = rng.random()
    if kind < 0.38:  # white, grey, black
        value = float(rng.choice([rng.uniform(0.8, 0.97), rng.uniform(0.08, 0.8)], p=[0.55, 0.45]))
        tint = rng.normal(0, 0.012, 3)
        return _clipped(value + tint)
    if kind < 0.62:  # wood, leather, clay, sand
        return _clipped(colorsys.hsv_to_rgb(rng.uniform(0.03, 0.12), rng.uniform(0.2, 0.65), rng.uniform(0.2, 0.9)))
    if kind < 0.85:  # muted
        return _clipped(colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.06, 0.35), rng.uniform(0.3, 0.95)))
    return _clipped(colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.35, 0.9), rng.uniform(0.2, 0.9)))


def pale_colour(rng: np.random.Generator) -> Colour:
    """White with a hint of colour."""
    return _clipped(colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.0, 0.12), rng.uniform(0.78, 0.97)))


def wood_colour(rng: np.random.Generator) -> Colour:
    """From bleached ash to wenge."""
    return _clipped(colorsys.hsv_to_rgb(rng.uniform(0.04, 0.11), rng.uniform(0.15, 0.65), rng.uniform(0.2, 0.88)))


def _clipped(colour: Array | tuple[float, float, float]) -> Colour:
    r, g, b = (float(min(max(channel, 0.02), 0.98)) for channel in colour)
    return (r, g, b)


def wall_finish(rng: np.random.Generator, kind: str) -> Finish:
    """Paint mostly; wallpaper, panels, bricks, plaster, in wet rooms tiles."""
    chance = rng.random()
    if kind in WET and chance < 0.45:
        return tile_finish(rng, pale_colour(rng) if rng.random() < 0.5 else any_colour(rng), float(rng.uniform(0.1, 0.5)))
    if chance < 0.62:
        colour = pale_colour(rng) if rng.random() < 0.55 else any_colour(rng)
        return Finish(paint(colour, grain=float(rng.uniform(0.004, 0.03))), (0.068, 0.068))
    if chance < 0.72:
        return Finish(_wallpaper(rng), (0.05, 0.05))
    if chance < 0.82:
        return Finish(_boards(rng), (0.04, 0.08))
    if chance < 0.89:
        return Finish(_bricks(rng), (0.045, 0.03))
    return Finish(_plaster(any_colour(rng), float(rng.uniform(0.04, 0.12))), (0.06, 0.06))


def floor_finish(rng: np.random.Generator, kind: str) -> Finish:
    """Boards, parquet, tiles, carpet, concrete, linoleum."""
    chance = rng.random()
    gloss = float(rng.uniform(0.0, 0.16))
    if kind in WET or chance < 0.25:
        if rng.random() < 0.7:
            return tile_finish(rng, any_colour(rng), float(rng.uniform(0.12, 0.6)), gloss)
        return Finish(_plaster(any_colour(rng), 0.05, gloss), (0.06, 0.06))
    if chance < 0.62:
        colour = wood_colour(rng) if rng.random() < 0.8 else any_colour(rng)
        width = float(rng.uniform(0.07, 0.22))
        return Finish(planks(colour, width=width, length=float(rng.uniform(0.7, 2.0)), gloss=gloss), (0.09, 0.034))
    if chance < 0.88:
        return Finish(fabric(any_colour(rng), grain=float(rng.uniform(0.04, 0.14))), (0.055, 0.055))
    return Finish(_plaster(any_colour(rng), float(rng.uniform(0.03, 0.1)), gloss), (0.06, 0.06))


def ceiling_finish(rng: np.random.Generator) -> Finish:
    """White mostly; now and then coloured, boards or plaster."""
    chance = rng.random()
    if chance < 0.72:
        return Finish(paint(pale_colour(rng), grain=0.006), (0.09, 0.09))
    if chance < 0.84:
        return Finish(planks(wood_colour(rng), width=float(rng.uniform(0.09, 0.2))), (0.1, 0.05))
    return Finish(_plaster(any_colour(rng) if rng.random() < 0.6 else pale_colour(rng), 0.04), (0.08, 0.08))


def joinery(rng: np.random.Generator) -> Material:
    """Doors, frames, skirting: lacquer or wood."""
    chance = rng.random()
    if chance < 0.42:
        return paint(pale_colour(rng), grain=0.01, gloss=float(rng.uniform(0, 0.06)))
    if chance < 0.75:
        return wood(wood_colour(rng), gloss=float(rng.uniform(0, 0.08)))
    return paint(any_colour(rng), grain=0.02, gloss=float(rng.uniform(0, 0.08)))


def metal(rng: np.random.Generator) -> Material:
    """Handles and fittings: steel, brass, black."""
    colour = ((0.72, 0.72, 0.74), (0.72, 0.56, 0.28), (0.1, 0.1, 0.11))[int(rng.integers(3))]
    return paint(colour, gloss=0.2)


def tile_finish(rng: np.random.Generator, colour: Colour, size: float, gloss: float = 0.1) -> Finish:
    """Tiles of about ``size`` metres, square or twice as long, with joints, each of its own tone."""
    long = size * float(rng.choice([1.0, 1.0, 2.0]))
    tones, joint = float(rng.uniform(0.0, 0.08)), float(rng.choice([-0.35, -0.15, 0.15]))
    second = any_colour(rng) if rng.random() < 0.15 else colour
    vein = float(rng.uniform(0, 0.14)) * (rng.random() < 0.4)

    def texture(u: Array, v: Array, rng: np.random.Generator) -> Array:
        row, column = np.floor(v / size).astype(int), np.floor(u / long).astype(int)
        tone = rng.normal(0, tones, (64, 64))[row % 64, column % 64] + vein * noise(u * 3, v * 3 + row, rng)
        chequer = mix(colour, second, ((row + column) % 2) * 1.0)
        edge = np.minimum(v - row * size, u - column * long) < min(0.02, 0.1 * size)
        return chequer * (1 + np.where(edge, joint, tone))[:, None]

    cell = float(np.clip(size / 5, 0.032, 0.06))
    return Finish(Material(texture, gloss), (cell, cell))


def _wallpaper(rng: np.random.Generator) -> Material:
    first, second = any_colour(rng), any_colour(rng)
    period, form, strength = float(rng.uniform(0.1, 0.6)), int(rng.integers(3)), float(rng.uniform(0.3, 1.0))

    def texture(u: Array, v: Array, rng: np.random.Generator) -> Array:
        if form == 0:
            share = ((u / period) % 1.0 < 0.5) * 1.0
        elif form == 1:
            share = np.hypot((u / period) % 1.0 - 0.5, (v / period) % 1.0 - 0.5) < 0.28
        else:
            share = noise(u * 1.5 / period, v * 1.5 / period, rng) > 0.25
        return mix(first, second, strength * share)

    return Material(texture)


def _boards(rng: np.random.Generator) -> Material:
    """Upright boards."""
    colour = wood_colour(rng) if rng.random() < 0.75 else any_colour(rng)
    width, gloss = float(rng.uniform(0.08, 0.3)), float(rng.uniform(0, 0.06))

    def texture(u: Array, v: Array, rng: np.random.Generator) -> Array:
        board = np.floor(u / width).astype(int)
        tone = rng.normal(0, 0.09, 256)[board % 256] + 0.09 * noise(u * 35, v * 2 + board * 3, rng)
        return shaded(colour, np.where(u - board * width < 0.015, -0.45, tone))

    return Material(texture, gloss)


def _bricks(rng: np.random.Generator) -> Material:
    brick = _clipped(colorsys.hsv_to_rgb(rng.uniform(0.0, 0.1), rng.uniform(0.05, 0.6), rng.uniform(0.3, 0.9)))
    mortar = pale_colour(rng)

    def texture(u: Array, v: Array, rng: np.random.Generator) -> Array:
        row = np.floor(v / 0.075).astype(int)
        shifted = u + 0.12 * (row % 2)
        column = np.floor(shifted / 0.24).astype(int)
        tone = rng.normal(0, 0.14, (64, 64))[row % 64, column % 64]
        joint = ((v - row * 0.075 < 0.012) | (shifted - column * 0.24 < 0.012)) * 1.0
        return mix(np.asarray(brick) * (1 + tone[:, None]), mortar, joint)

    return Material(texture)


def _plaster(colour: Colour, strength: float, gloss: float = 0.0) -> Material:
    """Rough plaster, concrete, stone: blotches of two sizes."""
    return Material(
        lambda u, v, rng: shaded(colour, strength * (noise(u * 1.3, v * 1.3, rng) + noise(u * 7, v * 7, rng))), gloss
    )
