"""Materials drawn at random over what homes are made of. No kind of thing has a colour of its own.

Every ``random_*`` takes a generator and returns a new :class:`Material`: whites, greys, beiges and woods are frequent,
bright colours less so (``colours``). The patterns they are made of are in ``patterns``, pictures in ``artwork``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from .artwork import random_artwork
from .colours import EVERYTHING, LACQUER, SUBDUED, Taste, random_colour
from .patterns import (
    BLACK,
    Array,
    Colour,
    Material,
    Texture,
    brushed,
    checked,
    dotted,
    fabric,
    flowered,
    glow,
    gridded,
    grooved,
    marbled,
    mix,
    mottled,
    noise,
    paint,
    parquet,
    planks,
    rug,
    shaded,
    speckled,
    spine,
    striped,
    tiled,
    wood,
    zigzag,
)

__all__ = [
    "BLACK",
    "Array",
    "Colour",
    "Material",
    "Texture",
    "chance",
    "fabric",
    "glow",
    "mix",
    "noise",
    "one_of",
    "paint",
    "planks",
    "random_artwork",
    "random_brick",
    "random_carpet",
    "random_ceramic",
    "random_clay",
    "random_colour",
    "random_concrete",
    "random_fabric",
    "random_floorboards",
    "random_front",
    "random_leather",
    "random_metal",
    "random_paint",
    "random_panelling",
    "random_plaster",
    "random_plastic",
    "random_steel",
    "random_stone",
    "random_tiles",
    "random_upholstery",
    "random_wallpaper",
    "random_wood",
    "rug",
    "shaded",
    "spine",
    "striped",
    "wood",
]

Choice = TypeVar("Choice")

WOODS: tuple[Colour, ...] = (
    (0.87, 0.80, 0.69),  # white-washed pine
    (0.82, 0.68, 0.49),  # birch
    (0.80, 0.63, 0.42),  # pine
    (0.72, 0.54, 0.36),  # oak
    (0.64, 0.44, 0.27),  # beech, oiled
    (0.58, 0.32, 0.19),  # cherry
    (0.45, 0.22, 0.14),  # mahogany
    (0.42, 0.27, 0.17),  # walnut
    (0.25, 0.17, 0.12),  # wenge
    (0.56, 0.51, 0.45),  # weathered grey
)
METALS: tuple[Colour, ...] = (
    (0.72, 0.73, 0.74),  # steel
    (0.85, 0.86, 0.88),  # chrome
    (0.10, 0.10, 0.11),  # black powder coat
    (0.72, 0.56, 0.28),  # brass
    (0.70, 0.42, 0.30),  # copper
    (0.90, 0.90, 0.88),  # white powder coat
    (0.36, 0.34, 0.32),  # bronze, anthracite
)


_REPEATS: tuple[Callable[..., Material], ...] = (striped, checked, zigzag, dotted)


def one_of(rng: np.random.Generator, options: Sequence[Choice]) -> Choice:
    """One of the options, all equally likely."""
    return options[int(rng.integers(len(options)))]


def chance(rng: np.random.Generator, share: float) -> bool:
    """True in ``share`` of the draws."""
    return bool(rng.random() < share)


def _varied(colour: Colour, rng: np.random.Generator, spread: float = 0.08) -> Colour:
    r, g, b = np.clip(np.array(colour) * rng.uniform(1 - spread, 1 + spread) + rng.normal(0, 0.015, 3), 0.02, 0.97)
    return float(r), float(g), float(b)


def _contrasting(rng: np.random.Generator, colour: Colour) -> Colour:
    """Another colour that can be told from ``colour``, half of the time a lighter or darker tone of it."""
    if chance(rng, 0.5):
        darker = sum(colour) > 1.2
        r, g, b = np.array(colour) * rng.uniform(0.55, 0.8) if darker else 0.35 + 0.65 * np.array(colour)
        return float(r), float(g), float(b)
    others = [random_colour(rng) for _ in range(3)]
    return max(others, key=lambda other: float(np.abs(np.subtract(other, colour)).sum()))


def random_wood(rng: np.random.Generator) -> Material:
    """Wood with its grain along u, from white-washed pine to wenge, matt or lacquered."""
    return wood(_varied(one_of(rng, WOODS), rng, 0.12), gloss=float(rng.choice([0.02, 0.05, 0.12])))


def random_paint(rng: np.random.Generator) -> Material:
    """Lacquer of one colour, matt to glossy: white most of the time."""
    return paint(random_colour(rng, LACQUER), gloss=float(rng.choice([0.0, 0.03, 0.08, 0.15])))


def random_plastic(rng: np.random.Generator) -> Material:
    """Dull dark plastic: castors, cases, computers."""
    tone = float(rng.uniform(0.05, 0.14))
    return paint((tone, tone, tone * float(rng.uniform(1.0, 1.1))), gloss=float(rng.choice([0.05, 0.25])))


def random_clay(rng: np.random.Generator) -> Material:
    """Unglazed clay."""
    return paint(_varied((0.7, 0.42, 0.3), rng, 0.15), grain=0.05)


def random_front(rng: np.random.Generator) -> Material:
    """What cupboards are made of: wood or paint, in equal parts."""
    return random_wood(rng) if chance(rng, 0.5) else random_paint(rng)


def random_steel(rng: np.random.Generator) -> Material:
    """Brushed or polished steel."""
    return brushed(_varied(one_of(rng, METALS[:2]), rng), gloss=float(rng.uniform(0.1, 0.35)))


def random_metal(rng: np.random.Generator) -> Material:
    """Steel, chrome, brass, copper, or metal powder-coated in black or white."""
    return brushed(_varied(one_of(rng, METALS), rng), gloss=float(rng.uniform(0.1, 0.35)))


def random_ceramic(rng: np.random.Generator) -> Material:
    """Sanitary ware: white most of the time, else cream, black, grey or a pastel of the seventies."""
    pastels = ((0.80, 0.74, 0.62), (0.12, 0.12, 0.13), (0.62, 0.62, 0.61), (0.62, 0.74, 0.68), (0.86, 0.68, 0.68))
    colour = one_of(rng, pastels) if chance(rng, 0.08) else (0.94, 0.93, 0.91)
    return paint(_varied(colour, rng, 0.04), grain=0.01, gloss=0.2)


def random_fabric(rng: np.random.Generator, taste: Taste = EVERYTHING, *, thin: bool = False) -> Material:
    """Cloth: plain most of the time, else striped, checked, zigzag, dotted or with flowers."""
    ground = random_colour(rng, taste)
    figure, period = _contrasting(rng, ground), float(rng.uniform(0.07, 0.25))
    kind = rng.choice(
        ["plain", "stripes", "checks", "zigzag", "dots", "flowers"], p=[0.72, 0.08, 0.06, 0.03, 0.03, 0.08]
    )
    cloth = {
        "plain": fabric(ground, grain=float(rng.uniform(0.03, 0.1))),
        "stripes": striped(ground, figure, period=period),
        "checks": checked(ground, figure, period=period),
        "zigzag": zigzag(ground, figure, period=period),
        "dots": dotted(ground, figure, period=period),
        "flowers": flowered(ground, figure, random_colour(rng), period=1.5 * period, count=int(rng.integers(4, 8))),
    }[str(kind)]
    return Material(cloth.colour, cloth.gloss, thin)


def random_leather(rng: np.random.Generator) -> Material:
    """Leather: tan, brown, black, oxblood, bottle green, cream, grey."""
    hides = (
        (0.58, 0.35, 0.20), (0.32, 0.19, 0.12), (0.09, 0.08, 0.08), (0.34, 0.10, 0.09),
        (0.12, 0.22, 0.16), (0.86, 0.81, 0.72), (0.45, 0.44, 0.43), (0.90, 0.89, 0.87),
    )  # fmt: skip
    return mottled(_varied(one_of(rng, hides), rng), strength=0.14, scale=0.12, gloss=0.1)


def random_upholstery(rng: np.random.Generator) -> Material:
    """What chairs and sofas are covered with: cloth, one time in four leather."""
    return random_leather(rng) if chance(rng, 0.25) else random_fabric(rng, SUBDUED)


def random_stone(rng: np.random.Generator) -> Material:
    """Marble, granite or terrazzo, polished."""
    colour = random_colour(rng) if chance(rng, 0.3) else _varied((0.88, 0.86, 0.83), rng)
    kind = rng.integers(3)
    if kind == 0:
        if chance(rng, 0.25):
            return marbled((0.12, 0.12, 0.13), (0.78, 0.76, 0.72), scale=float(rng.uniform(0.2, 0.5)))
        return marbled(colour, _contrasting(rng, colour), scale=float(rng.uniform(0.2, 0.6)))
    if kind == 1:
        ground = one_of(rng, ((0.30, 0.30, 0.31), (0.62, 0.58, 0.54), (0.14, 0.14, 0.15), (0.58, 0.42, 0.36)))
        return speckled(_varied(ground, rng), [(0.16, 0.15, 0.15), (0.80, 0.77, 0.73)], size=0.025, share=0.3)
    chips = [random_colour(rng) for _ in range(3)]
    return speckled(colour, chips, size=float(rng.uniform(0.03, 0.07)), share=0.25)


def random_tiles(rng: np.random.Generator) -> Material:
    """Wall or floor tiles: small mosaic to large slabs, metro tiles, chequerboards, in glaze or stone."""
    colour, joint = (
        random_colour(rng, LACQUER),
        one_of(rng, ((0.86, 0.85, 0.83), (0.55, 0.54, 0.52), (0.25, 0.25, 0.25))),
    )
    side, kind = float(rng.choice([0.1, 0.15, 0.2, 0.3, 0.45, 0.6])), rng.integers(5)
    gap = max(0.004, 0.03 * side)
    gloss = float(rng.uniform(0.05, 0.25))
    if kind == 0:
        return tiled([colour], joint, width=2 * side, height=side, gap=gap, shift=0.5, gloss=gloss)
    if kind == 1:
        pair = [colour, _contrasting(rng, colour)]
        return tiled(pair, joint, width=side, height=side, gap=gap, alternate=True, gloss=gloss)
    if kind == 2:
        shades = [_varied(colour, rng, 0.2) for _ in range(4)]
        return tiled(shades, joint, width=0.06, height=0.06, gap=0.008, gloss=gloss)
    if kind == 3:
        stone = _varied((0.72, 0.68, 0.62), rng, 0.2)
        return tiled([stone], joint, width=side, height=side, gap=gap, spread=0.07, gloss=0.06)
    return tiled([colour], joint, width=side, height=side, gap=gap, gloss=gloss)


def random_brick(rng: np.random.Generator) -> Material:
    """Brickwork: red, yellow, grey or whitewashed."""
    colour = one_of(rng, ((0.60, 0.30, 0.22), (0.70, 0.55, 0.38), (0.45, 0.43, 0.42), (0.86, 0.84, 0.81)))
    shades = [_varied(colour, rng, 0.18) for _ in range(4)]
    joint = one_of(rng, ((0.75, 0.73, 0.69), (0.45, 0.43, 0.41)))
    return tiled(shades, joint, width=0.24, height=0.075, gap=0.014, shift=0.5, spread=0.08, gloss=0.0)


def random_concrete(rng: np.random.Generator) -> Material:
    """Fair-faced concrete or screed."""
    grey = float(rng.uniform(0.4, 0.72))
    return mottled((grey, grey * 0.99, grey * 0.965), strength=0.14, scale=float(rng.uniform(0.2, 0.8)), gloss=0.02)


def random_plaster(rng: np.random.Generator) -> Material:
    """Plain painted plaster, smooth or rough."""
    return mottled(
        random_colour(rng, LACQUER), strength=float(rng.uniform(0.02, 0.08)), scale=float(rng.uniform(0.1, 0.6))
    )


def random_carpet(rng: np.random.Generator) -> Material:
    """Carpet: plain, mottled, with a grid of lines, or with a small repeat."""
    colour = random_colour(rng, SUBDUED)
    draw = rng.random()
    if draw < 0.65:
        return mottled(colour, strength=float(rng.uniform(0.06, 0.2)), scale=0.06)
    figure, period = _contrasting(rng, colour), float(rng.uniform(0.15, 0.4))
    if draw < 0.8:
        broken = float(rng.choice([0.0, 0.3]))
        sides = (float(rng.uniform(0.12, 0.7)), float(rng.uniform(0.12, 0.7)))
        return gridded(colour, figure, period=sides, width=float(rng.uniform(0.015, 0.05)), broken=broken)
    return one_of(rng, _REPEATS)(colour, figure, period=period)


def random_wallpaper(rng: np.random.Generator) -> Material:
    """Wallpaper: stripes, flowers, dots, zigzags, or a woven plain."""
    ground = random_colour(rng)
    figure, period = _contrasting(rng, ground), float(rng.uniform(0.12, 0.45))
    kind = rng.integers(5)
    if kind == 0:
        return striped(ground, figure, period=period)
    if kind in (1, 2):
        return flowered(ground, figure, random_colour(rng), period=period, count=int(rng.integers(3, 9)))
    if kind == 3:
        return one_of(rng, _REPEATS[2:])(ground, figure, period=period)
    return fabric(ground, grain=0.08)


def random_panelling(rng: np.random.Generator) -> Material:
    """Upright boards, of wood or painted."""
    return grooved(random_front(rng), width=float(rng.uniform(0.08, 0.22)))


def random_floorboards(rng: np.random.Generator) -> Material:
    """Boards or parquet of any wood, now and then painted."""
    colour = _varied(one_of(rng, WOODS), rng, 0.12) if chance(rng, 0.9) else random_colour(rng)
    gloss = float(rng.uniform(0.02, 0.12))
    if chance(rng, 0.25):
        return parquet(colour, width=float(rng.uniform(0.06, 0.11)), gloss=gloss)
    return planks(colour, width=float(rng.uniform(0.08, 0.24)), length=float(rng.uniform(0.9, 2.4)), gloss=gloss)
