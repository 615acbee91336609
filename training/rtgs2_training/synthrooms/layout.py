"""Puts furniture into a room, piece by piece, where it fits. What belongs into which room is said in ``recipes``."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .catalogue import DESIGNS
from .catalogue.curtains import curtain_wall
from .floor_space import FloorSpace, Footprint, Pose, against, footprint, front_of, wall_is_free
from .piece import Piece, Placement
from .plan import Space, Wall

_TRIES = 24
_PICTURE_HEIGHT = 1.55  # metres: where the middle of a picture hangs, about

Maker = Callable[[], Piece]


class Furnisher:
    """Furnishes one room; everything random comes from one generator."""

    def __init__(self, space: Space, rng: np.random.Generator) -> None:
        self.space, self.rng = space, rng
        self.floor = FloorSpace(space)

    # Choosing

    def chance(self, probability: float) -> bool:
        """A biased coin."""
        return bool(self.rng.random() < probability)

    def count(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return int(self.rng.integers(low, high + 1))

    def maker(self, *kinds: str) -> Maker:
        """A design of one of the kinds with everything decided: every call makes the same piece."""
        designs = DESIGNS[kinds[int(self.rng.integers(len(kinds)))]]
        chosen, seed = designs[int(self.rng.integers(len(designs)))], int(self.rng.integers(2**31))
        return lambda: chosen(np.random.default_rng(seed))

    def wall(self, least: float = 0.0) -> Wall | None:
        """A random wall of at least this length, longer ones more often."""
        walls = [wall for wall in self.space.walls if wall.length >= least]
        if not walls:
            return None
        weights = np.array([wall.length for wall in walls])
        return walls[int(self.rng.choice(len(walls), p=weights / weights.sum()))]

    # Placing

    def add(self, *kinds: str, count: int = 1) -> list[tuple[Piece, Pose, Footprint]]:
        """Put pieces of one of the kinds where their placement says; those that fit nowhere are left out."""
        done = []
        for _ in range(count):
            piece = self.maker(*kinds)()
            placed = self.stand(piece)
            if placed is not None:
                done.append((piece, *placed))
        return done

    def stand(self, piece: Piece) -> tuple[Pose, Footprint] | None:
        """Put one piece where its placement says, if there is room; what is free faces no wall right before it."""
        for _ in range(_TRIES):
            pose = self._candidate(piece)
            if pose is None:
                continue
            front = front_of(piece, pose) if piece.placement is Placement.FREE else None
            if self.floor.fits(piece, pose) and (front is None or self.floor.inside(front)):
                return pose, self.floor.put(piece, pose)
        return None

    def _candidate(self, piece: Piece) -> Pose | None:
        if piece.placement.centred:
            x0, y0, x1, y1 = self.space.rectangles[int(self.rng.integers(len(self.space.rectangles)))]
            yaw = 90.0 * self.count(0, 3)
            yaw += float(self.rng.normal(0, 6) if self.chance(0.75) else self.rng.uniform(-45, 45))
            z = self.space.height if piece.placement is Placement.CEILING else 0.0
            return Pose(float(self.rng.uniform(x0, x1)), float(self.rng.uniform(y0, y1)), z, yaw)
        wall = self.wall(piece.width + 0.04)
        if wall is None:
            return None
        half, mounted = piece.width / 2 + 0.02, piece.placement is Placement.MOUNTED
        y = float(self.rng.uniform(half, wall.length - half))
        if piece.placement is Placement.CORNER:
            y = half  # its -y side towards the wall's start
        elif not mounted and self.chance(0.3):
            y = half if self.chance(0.5) else wall.length - half
        z = piece.lift if mounted else 0.0
        return against(wall, y, z, 0.004 if mounted else 0.02) if wall_is_free(wall, piece, y, z) else None

    def seats_around(self, table: Piece, pose: Pose, under: Footprint, make: Maker, most: int) -> None:
        """The same chair at the sides of a table, some pushed in, some pulled out or turned."""
        chair = make()
        along = max(1, int(table.width // (chair.width + 0.12)))
        spots = [(side, (k + 0.5) / along * table.width - table.width / 2) for side in (1, -1) for k in range(along)]
        spots += [(2, 0.0), (-2, 0.0)] if self.chance(0.6) else []
        self.rng.shuffle(spots)
        for side, offset in spots[: self.count(2, most)]:
            out = chair.depth / 2 + float(self.rng.uniform(-0.22, 0.12))
            if abs(side) == 1:
                x, y, turn = np.sign(side) * (table.depth / 2 + out), float(offset), 180.0 if side > 0 else 0.0
            else:
                x, y, turn = 0.0, np.sign(side) * (table.width / 2 + out), -90.0 if side > 0 else 90.0
            seat = pose.relative(float(x), float(y), turn + float(self.rng.normal(0, 9)))
            if self.floor.fits(chair, seat, ignoring=(under, *self.floor.kept_free), margin=0.0):
                self.floor.put(chair, seat)

    def seat_before(self, desk: Piece, pose: Pose, under: Footprint, make: Maker) -> None:
        """A chair in front of a desk, facing it more or less."""
        chair, front = make(), desk.depth / 2 if desk.placement.centred else desk.depth
        out = front + chair.depth / 2 + float(self.rng.uniform(-0.2, 0.2))
        there = pose.relative(out, float(self.rng.normal(0, 0.1)), 180 + float(self.rng.normal(0, 20)))
        if self.floor.fits(chair, there, ignoring=(under, *self.floor.kept_free), margin=0.0):
            self.floor.put(chair, there)

    def beside(self, make: Maker, pose: Pose, width: float, side: int, gap: float = 0.05) -> bool:
        """Put a piece at the same wall beside one of the given width; side 1 is towards +y."""
        piece = make()
        there = pose.relative(0.0, side * (width / 2 + piece.width / 2 + gap))
        if piece.placement.centred:
            there = there.relative(piece.depth / 2, 0.0)
        if not self._clear_of_openings(piece, there) or not self.floor.fits(piece, there, margin=0.0):
            return False
        self.floor.put(piece, there)
        return True

    def _clear_of_openings(self, piece: Piece, pose: Pose) -> bool:
        for wall in self.space.walls:
            dx, dy = pose.x - wall.start[0], pose.y - wall.start[1]
            turn = (wall.yaw_degrees - pose.yaw_degrees + 180) % 360 - 180
            if abs(dx * wall.inward[0] + dy * wall.inward[1]) < piece.depth / 2 + 0.1 and abs(turn) < 1:
                return wall_is_free(wall, piece, dx * wall.along[0] + dy * wall.along[1], pose.z)
        return False

    def before(self, piece: Piece, pose: Pose, distance: float, *, aside: float = 0.0, turn: float = 0.0) -> bool:
        """Put a free piece ``distance`` metres before a pose and ``aside`` to its left, about, if it fits there."""
        there = pose.relative(
            distance + piece.depth / 2, aside + float(self.rng.normal(0, 0.1)), turn + float(self.rng.normal(0, 4))
        )
        if not self.floor.fits(piece, there, ignoring=tuple(self.floor.kept_free)):
            return False
        self.floor.put(piece, there)
        return True

    def row(self, pieces: Sequence[Piece], wall: Wall, start: float, lift: float = 0.0) -> int:
        """Put pieces side by side along a wall from ``start``; how many found room."""
        count = 0
        for piece in pieces:
            y = start + piece.width / 2
            if wall_is_free(wall, piece, y, lift):
                pose = against(wall, y, lift, 0.01)
                if self.floor.fits(piece, pose, margin=0.0):
                    self.floor.put(piece, pose)
                    count += 1
            start += piece.width + 0.004
        return count

    # What hangs

    def curtains(self, make: Maker, share: float) -> None:
        """Curtains at the sides of some windows, or over them."""
        for wall in self.space.walls:
            for opening in wall.openings:
                if opening.kind == "window" and self.chance(share):
                    middle, first = (opening.left + opening.right) / 2, make()
                    if first.width > 0.8 * opening.width:
                        self._hang(first, wall, middle)
                        continue
                    for side in (-1, 1):
                        apart = opening.width / 2 + float(self.rng.uniform(-0.25, 0.3)) * first.width
                        self._hang(first, wall, middle + side * apart)

    def drape_a_wall(self) -> None:
        """A curtain along all of the first wall over 1.6 m with windows and nothing else, if it fits there."""
        for wall in self.space.walls:
            if wall.length > 1.6 and {opening.kind for opening in wall.openings} == {"window"}:
                piece = curtain_wall(self.rng, wall.length - 0.12, self.space.height - 0.03)
                pose = against(wall, wall.length / 2, 0.01, 0.03)
                if self.floor.fits(piece, pose, margin=0.0):
                    self.floor.put(piece, pose)
                return

    def _hang(self, piece: Piece, wall: Wall, y: float) -> None:
        half = piece.width / 2
        if wall.length < piece.width:
            return
        y = float(np.clip(y, half, wall.length - half))
        z = max(piece.lift, 0.01)
        pose = against(wall, y, min(z, self.space.height - piece.height - 0.01), 0.03)
        doors = [o for o in wall.openings if o.kind != "window"]
        if pose.z < 0 or any(o.left < y + half and y - half < o.right for o in doors):
            return
        if self.floor.fits(piece, pose, margin=0.0):
            self.floor.put(piece, pose)

    def heat(self, make: Maker) -> None:
        """A radiator under every window that is high enough for it, none that hangs; curtains may hang before it."""
        for wall in self.space.walls:
            for opening in wall.openings:
                piece = make()
                if opening.kind != "window" or piece.placement is Placement.MOUNTED or piece.height > opening.low:
                    continue
                half = piece.width / 2 + 0.02
                if wall.length < 2 * half:
                    continue
                y = float(np.clip((opening.left + opening.right) / 2, half, wall.length - half))
                pose = against(wall, y, 0.0, 0.02)
                if self.floor.fits(piece, pose):
                    self.floor.put(piece, pose)

    def hang(self, make: Maker, count: int) -> None:
        """Pictures and the like, at the height of the eyes, over furniture and between windows."""
        for _ in range(count):
            piece = make()
            wall = self.wall(piece.width + 0.1)
            if wall is None or piece.height > self.space.height - 0.8:
                continue
            for _ in range(4):
                y = float(self.rng.uniform(piece.width / 2 + 0.05, wall.length - piece.width / 2 - 0.05))
                z = _PICTURE_HEIGHT + float(self.rng.normal(0, 0.15)) - piece.height / 2
                z = float(np.clip(z, 0.5, self.space.height - piece.height - 0.05))
                pose = against(wall, y, z, 0.004)
                if wall_is_free(wall, piece, y, z) and self.floor.fits(piece, pose):
                    self.floor.put(piece, pose)
                    break

    def ceiling_lamp(self, make: Maker) -> None:
        """A lamp in the middle of each rectangle of the room, more or less."""
        for x0, y0, x1, y1 in self.space.rectangles:
            piece = make()
            x, y = float(self.rng.uniform(0.4, 0.6)), float(self.rng.uniform(0.4, 0.6))
            pose = Pose(x0 + x * (x1 - x0), y0 + y * (y1 - y0), self.space.height - 0.001, 0.0)
            if self.space.height - piece.height > 1.7 and self.floor.fits(piece, pose):
                self.floor.put(piece, pose)

    def lay(self, piece: Piece) -> None:
        """Put something flat on the floor; furniture may stand on it."""
        for _ in range(8):
            pose = self._candidate(piece)
            if pose is not None:
                corners = footprint(piece, pose, 0.0).corners
                if all(self.space.contains(float(x), float(y)) for x, y in corners):
                    self.floor.place(piece, pose)
                    return
