"""Books: standing in rows, lying in piles."""

from __future__ import annotations

import numpy as np

from ..surfaces import Surface, box, moved, rectangle
from ..textures import Colour, paint, random_colour, spine

PAPER = paint((0.88, 0.84, 0.74))


def book_row(rng: np.random.Generator, length: float, room: float, depth: float = 0.2) -> list[Surface]:
    """Books side by side along +y from the origin, backs about x = 0 looking along +x, at most ``room`` tall."""
    surfaces: list[Surface] = []
    usual, y = rng.uniform(0.62, 0.85) * room, 0.0
    sets = random_colour(rng)
    before = 0.0
    while True:
        thickness = float(rng.uniform(0.02, 0.055))
        if y + thickness > length:
            break
        tall = float(np.clip(rng.normal(usual, 0.1 * room), 0.45 * room, room))
        cover = sets if rng.random() < 0.15 else random_colour(rng)
        front = -float(rng.uniform(0.0, 0.03))
        back = spine(cover, random_colour(rng), tall)
        surfaces += [
            rectangle(
                (front, y + thickness, 0), (0, 0, tall), (0, -thickness, 0), back, (0.03, 0.022), inset=(0.25, 0.25)
            )
        ]
        low, high = (front - depth, y, 0.0), (front, y + thickness, tall)
        surfaces += box(low, high, PAPER, 0.045, ("+z",))
        if tall > before + 0.03:
            surfaces += box((front - depth, y, before), high, paint(cover), 0.045, ("-y",))
        y, before = y + thickness + 0.002, tall
    if y > 0:
        surfaces += box((-depth, 0, 0), (-0.01, y - 0.002, before), paint(random_colour(rng)), 0.045, ("+y",))
    return surfaces


def book_pile(rng: np.random.Generator, count: int) -> list[Surface]:
    """Books or magazines lying on each other."""
    surfaces: list[Surface] = []
    z = 0.0
    for number in range(count):
        thickness, x, y = float(rng.uniform(0.012, 0.045)), float(rng.uniform(0.09, 0.14)), float(rng.uniform(0.07, 0.1))
        faces = ("-x", "+x", "-y", "+y", "+z")
        cover: Colour = random_colour(rng)
        book = box((-x, -y, 0), (x, y, thickness), paint(cover, gloss=0.04), 0.024, faces)
        surfaces += moved(book, (0, 0, z), float(rng.uniform(-25, 25) if number else 0))
        z += thickness
    return surfaces
