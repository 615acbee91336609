"""What the furniture catalogue hands to the layout: pieces made of labelled parts.

A piece stands on z = 0, centred on y = 0, its back at x = 0 (a centred one is centred on x too), and its front looks
along +x. Metres, z up.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto

from .surfaces import Surface, moved


class Placement(Enum):
    """Where a piece belongs."""

    WALL = auto()  # its back against a wall
    CORNER = auto()  # its back against a wall and its -y side against another
    FREE = auto()  # anywhere on the floor
    MOUNTED = auto()  # hangs on a wall, ``lift`` above the floor
    CEILING = auto()  # hangs from the ceiling: z = 0 is the ceiling, the piece reaches down to -height
    FLOOR = auto()  # lies flat on the floor, others may stand on it

    @property
    def centred(self) -> bool:
        """Whether the origin is in the middle of the piece, not at its back."""
        return self in (Placement.FREE, Placement.CEILING, Placement.FLOOR)


@dataclass(frozen=True)
class Part:
    """Surfaces of one class that are one instance."""

    class_name: str  # a name of the class table ``synthrooms``
    surfaces: tuple[Surface, ...]


@dataclass(frozen=True)
class Piece:
    """A piece of furniture with what stands on it. Each part is one instance; the first is the piece itself."""

    parts: tuple[Part, ...]
    width: float  # along y
    depth: float  # along x
    height: float  # along z
    placement: Placement
    lift: float = 0.0  # height of its lower edge over the floor (MOUNTED)
    clearance: float = 0.0  # free floor wanted in front (+x)


def free_standing(piece: Piece) -> Piece:
    """A piece for a wall as one that stands anywhere: its origin moves from its back to its middle."""
    parts = tuple(Part(one.class_name, tuple(moved(one.surfaces, (-piece.depth / 2, 0.0, 0.0)))) for one in piece.parts)
    return replace(piece, parts=parts, placement=Placement.FREE)
