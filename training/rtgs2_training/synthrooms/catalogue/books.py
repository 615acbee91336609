"""Books: standing in rows, lying in piles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..surfaces import Surface, box, moved, rectangle
from ..textures import Colour, paint, random_colour, spine

PAPER = paint((0.88, 0.84, 0.74))


@dataclass(frozen=True)
class _Book:
    start: float  # along y
    end: float
    tall: float
    front: float  # x of its back, as books call it
    cover: Colour


def book_row(rng: np.random.Generator, length: float, room: float, depth: float = 0.2) -> list[Surface]:
    """Books side by side along +y from the origin, backs about x = 0 looking along +x, at most ``room`` tall."""
    usual, sets, y = rng.uniform(0.62, 0.85) * room, random_colour(rng), 0.0
    books: list[_Book] = []
    while True:
        thickness = float(rng.uniform(0.02, 0.055))
        if y + thickness > length:
            break
        tall = float(np.clip(rng.normal(usual, 0.1 * room), 0.45 * room, room))
        cover = sets if rng.random() < 0.15 else random_colour(rng)
        books.append(_Book(y, y + thickness, tall, -float(rng.uniform(0.0, 0.03)), cover))
        y += thickness + 0.001
    surfaces: list[Surface] = []
    for number, book in enumerate(books):
        back, wide = spine(book.cover, random_colour(rng), book.tall), book.end - book.start
        surfaces += [
            rectangle(
                (book.front, book.end, 0), (0, 0, book.tall), (0, -wide, 0), back, (0.03, 0.022), (), (0.25, 0.25)
            )
        ]
        low, high = (book.front - depth, book.start, 0.0), (book.front, book.end, book.tall)
        surfaces += box(low, high, PAPER, 0.045, ("+z",))
        for side, neighbour in (("-y", number - 1), ("+y", number + 1)):
            beside = books[neighbour] if 0 <= neighbour < len(books) else None
            surfaces += _uncovered(book, beside, side, depth)
    return surfaces


def _uncovered(book: _Book, beside: _Book | None, side: str, depth: float) -> list[Surface]:
    """What of a book's side is not hidden by the book beside it: what stands out above it and before it."""
    cover, back = paint(book.cover), book.front - depth
    if beside is None:
        return box((back, book.start, 0), (book.front, book.end, book.tall), cover, 0.04, (side,))
    surfaces: list[Surface] = []
    if book.tall > beside.tall:
        surfaces += box((back, book.start, beside.tall), (book.front, book.end, book.tall), cover, 0.045, (side,))
    if book.front > beside.front:
        high = min(book.tall, beside.tall)
        surfaces += box((beside.front, book.start, 0), (book.front, book.end, high), cover, 0.045, (side,))
    return surfaces


def book_pile(rng: np.random.Generator, count: int) -> list[Surface]:
    """Books or magazines lying on each other."""
    surfaces: list[Surface] = []
    z = 0.0
    for number in range(count):
        thickness, x, y = (
            float(rng.uniform(0.012, 0.045)),
            float(rng.uniform(0.09, 0.14)),
            float(rng.uniform(0.07, 0.1)),
        )
        faces = ("-x", "+x", "-y", "+y", "+z")
        cover: Colour = random_colour(rng)
        book = box((-x, -y, 0), (x, y, thickness), paint(cover, gloss=0.04), 0.024, faces)
        surfaces += moved(book, (0, 0, z), float(rng.uniform(-25, 25) if number else 0))
        z += thickness
    return surfaces
