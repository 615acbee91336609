"""Which parts of a room's floor and walls are taken, and where a piece of furniture still fits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from .piece import Part, Piece, Placement
from .plan import Space, Wall
from .surfaces import Array, moved

GAP = 0.02  # metres left between things
DOOR_CLEARANCE = 0.75  # metres in front of doors and passages


@dataclass(frozen=True)
class Footprint:
    """A rectangle on the floor, corners (4, 2) in order, from one height to another."""

    corners: Array
    low: float
    high: float

    def meets(self, other: Footprint) -> bool:
        """Whether the two overlap (separating axes: the sides of both)."""
        if self.high <= other.low or other.high <= self.low:
            return False
        for one in (self.corners, other.corners):
            for side in (one[1] - one[0], one[2] - one[1]):
                a, b = self.corners @ side, other.corners @ side
                if a.max() <= b.min() or b.max() <= a.min():
                    return False
        return True


@dataclass(frozen=True)
class Pose:
    """Where a piece stands: position of its origin and the turn about z."""

    x: float
    y: float
    z: float
    yaw_degrees: float

    def point(self, x: float, y: float) -> tuple[float, float]:
        """World position of a point given relative to the piece."""
        cos, sin = math.cos(math.radians(self.yaw_degrees)), math.sin(math.radians(self.yaw_degrees))
        return (self.x + cos * x - sin * y, self.y + sin * x + cos * y)

    def relative(self, x: float, y: float, turn_degrees: float = 0.0) -> Pose:
        """A pose given relative to this one."""
        return Pose(*self.point(x, y), self.z, self.yaw_degrees + turn_degrees)


@dataclass
class FloorSpace:
    """A room while it is being furnished."""

    space: Space
    taken: list[Footprint] = field(default_factory=list)  # nothing else may be there
    kept_free: list[Footprint] = field(default_factory=list)  # in front of things: may overlap each other
    doorways: list[Footprint] = field(default_factory=list)  # likewise in front of doors and passages
    parts: list[Part] = field(default_factory=list)
    placed: list[tuple[Piece, Pose]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for wall in self.space.walls:
            for opening in wall.openings:
                if opening.kind != "window":
                    depth = max(DOOR_CLEARANCE, opening.width if opening.leaf_degrees else 0.0)
                    corners = [
                        wall.point(x, y)
                        for x, y in (
                            (0.0, opening.left - 0.05),
                            (0.0, opening.right + 0.05),
                            (depth, opening.right + 0.05),
                            (depth, opening.left - 0.05),
                        )
                    ]
                    self.doorways.append(Footprint(np.array(corners), 0.0, opening.high))

    def fits(self, piece: Piece, pose: Pose, *, ignoring: Sequence[Footprint] = (), margin: float = GAP) -> bool:
        """Whether a piece can stand there: inside the room, on nothing else, not in the way of a door."""
        body = footprint(piece, pose, margin)
        if body.high > self.space.height + 0.001 or not self.inside(body):
            return False
        ignored = {id(other) for other in ignoring}
        others = (*self.taken, *self.kept_free, *self.doorways)
        if any(body.meets(other) for other in others if id(other) not in ignored):
            return False
        front = front_of(piece, pose)
        return front is None or not any(front.meets(other) for other in self.taken if id(other) not in ignored)

    def put(self, piece: Piece, pose: Pose) -> Footprint:
        """Place a piece."""
        body = footprint(piece, pose, 0.0)
        self.taken.append(body)
        front = front_of(piece, pose)
        if front is not None:
            self.kept_free.append(front)
        self.place(piece, pose)
        return body

    def place(self, piece: Piece, pose: Pose) -> None:
        """Place a piece that takes no room of its own."""
        offset = (pose.x, pose.y, pose.z)
        self.parts += [Part(p.class_name, tuple(moved(p.surfaces, offset, pose.yaw_degrees))) for p in piece.parts]
        self.placed.append((piece, pose))

    def inside(self, body: Footprint) -> bool:
        """Whether its corners, the middles of its sides and its centre are in the room."""
        corners = body.corners
        points = [*corners, *((corners + np.roll(corners, 1, axis=0)) / 2), corners.mean(axis=0)]
        return all(self.space.contains(float(x), float(y)) for x, y in points)


def footprint(piece: Piece, pose: Pose, margin: float) -> Footprint:
    """The floor under a piece, a margin wider at its sides and its front."""
    centred = piece.placement.centred
    back = -piece.depth / 2 - margin if centred else 0.0
    front = piece.depth / 2 + margin if centred else piece.depth + margin
    half = piece.width / 2 + margin
    corners = [pose.point(x, y) for x, y in ((back, -half), (back, half), (front, half), (front, -half))]
    low = pose.z - piece.height if piece.placement is Placement.CEILING else pose.z
    return Footprint(np.array(corners), low + 0.01, low + piece.height - 0.002)


def front_of(piece: Piece, pose: Pose) -> Footprint | None:
    """The floor wanted free before a piece."""
    if piece.clearance <= 0:
        return None
    start = piece.depth / 2 if piece.placement.centred else piece.depth
    half = 0.8 * piece.width / 2
    xs = (start, start + piece.clearance)
    corners = [pose.point(x, y) for x, y in ((xs[0], -half), (xs[0], half), (xs[1], half), (xs[1], -half))]
    return Footprint(np.array(corners), pose.z + 0.01, pose.z + 0.6)


def against(wall: Wall, y: float, z: float = 0.0, gap: float = GAP) -> Pose:
    """The pose of a piece with its back to a wall, its middle at ``y`` along it."""
    return Pose(*wall.point(gap + wall.relief, y), z, wall.yaw_degrees)


def wall_is_free(wall: Wall, piece: Piece, y: float, z: float) -> bool:
    """Whether a piece at a wall covers no opening (it may stand under a window)."""
    half = piece.width / 2
    if y - half < 0 or y + half > wall.length:
        return False
    return wall.free(y - half - GAP, y + half + GAP, z, z + piece.height)
