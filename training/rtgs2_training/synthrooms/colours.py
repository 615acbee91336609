"""Colours as homes have them, by what is coloured: walls are pale, lacquer mostly white, cushions of any colour."""

from __future__ import annotations

import colorsys

import numpy as np

Colour = tuple[float, float, float]  # sRGB, 0..1
Range = tuple[float, float]
Taste = dict[str, float]  # the share of each family of colours; the shares add up to 1

FAMILIES: dict[str, tuple[Range, Range, Range]] = {  # ranges of hue, saturation and value
    "white": ((0.06, 0.16), (0.00, 0.08), (0.84, 0.96)),
    "grey": ((0.00, 1.00), (0.00, 0.08), (0.25, 0.75)),
    "beige": ((0.07, 0.12), (0.14, 0.40), (0.58, 0.88)),
    "brown": ((0.03, 0.09), (0.40, 0.70), (0.20, 0.50)),
    "black": ((0.00, 1.00), (0.00, 0.15), (0.06, 0.17)),
    "muted": ((0.00, 1.00), (0.15, 0.45), (0.30, 0.82)),
    "bright": ((0.00, 1.00), (0.55, 0.92), (0.45, 0.92)),
    "pale": ((0.00, 1.00), (0.00, 0.13), (0.78, 0.97)),
}
EVERYTHING: Taste = {
    "white": 0.25,
    "grey": 0.16,
    "beige": 0.17,
    "brown": 0.08,
    "black": 0.08,
    "muted": 0.17,
    "bright": 0.09,
}
"""Small things, bedding, books."""
PALE: Taste = {"pale": 1.0}
"""White with a hint of colour: walls, ceilings, doors."""
SUBDUED: Taste = {
    "white": 0.13,
    "grey": 0.29,
    "beige": 0.22,
    "brown": 0.11,
    "black": 0.06,
    "muted": 0.16,
    "bright": 0.03,
}
"""What is large and of cloth: sofas, carpets, curtains."""
LACQUER: Taste = {
    "white": 0.58,
    "grey": 0.14,
    "beige": 0.08,
    "brown": 0.02,
    "black": 0.07,
    "muted": 0.08,
    "bright": 0.03,
}
"""Painted furniture."""


def random_colour(rng: np.random.Generator, taste: Taste = EVERYTHING) -> Colour:
    """A colour of a family drawn by the shares of ``taste``."""
    names = list(taste)
    family = FAMILIES[names[int(rng.choice(len(names), p=list(taste.values())))]]
    hue, saturation, value = (float(rng.uniform(low, high)) for low, high in family)
    return colorsys.hsv_to_rgb(hue, saturation, value)
