"""Floor plans: how many rooms a flat has, of what kind and shape, where its walls have doors and windows.

A wall runs clockwise round its room, so from inside it goes from left to right. Its frame, used throughout: x out of
the wall into the room, y along the wall from its start, z up.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .surfaces import Surface, moved

Corner = tuple[float, float]
Rect = tuple[float, float, float, float]  # x0, y0, x1, y1

AREAS = {  # square metres
    "living": (14, 26),
    "bedroom": (9, 16),
    "kitchen": (8, 15),
    "bathroom": (4.8, 8.5),
    "office": (8, 16),
    "dining": (9, 16),
    "studio": (17, 28),
}
_COUNTS = {1: 0.22, 2: 0.46, 3: 0.26, 4: 0.06}
_WEIGHTS = {"living": 1.2, "bedroom": 1.3, "kitchen": 1.6, "bathroom": 2.0, "office": 1.2, "dining": 0.4, "studio": 0.6}
_NARROWEST = {"bathroom": 1.75}
_NARROWEST_ROOM = 2.3
_RELIEFS = (0.62, 0.2, 0.18)  # share of rooms with none, on some walls, on all
_DOORWAY_CLEARANCE = 0.12  # between an opening and the next corner or opening
_OUTDOORS = 0.45  # metres free behind a wall: more than any wall between rooms is thick
_FAR = 4.0


@dataclass(frozen=True)
class Opening:
    """A hole in a wall: metres along the wall from its start and above the floor.

    ``kind``: "window"; "door" (leaf and frame), "passage" (nothing in it). ``depth`` is how far the hole goes through
    the wall; ``leaf_degrees`` how far the leaf of a door stands open, None without a leaf; ``shared`` marks the far
    side of a door, whose parts belong to the near side; ``behind`` are the rooms behind the wall of a window, see
    :func:`rooms_behind`.
    """

    kind: str
    left: float
    right: float
    low: float
    high: float
    depth: float
    leaf_degrees: float | None = None
    shared: bool = False
    behind: tuple[Rect, ...] = ()

    @property
    def width(self) -> float:
        """Metres along the wall."""
        return self.right - self.left


@dataclass(frozen=True)
class Wall:
    """A straight wall from ``start`` to ``end``, seen from the room that it belongs to.

    ``relief``: how far battens, panels or mouldings stand out from it, metres; 0 without.
    """

    start: Corner
    end: Corner
    openings: tuple[Opening, ...] = ()
    relief: float = 0.0

    @property
    def length(self) -> float:
        """Metres."""
        return math.dist(self.start, self.end)

    @property
    def along(self) -> Corner:
        """Unit vector from start to end."""
        return ((self.end[0] - self.start[0]) / self.length, (self.end[1] - self.start[1]) / self.length)

    @property
    def inward(self) -> Corner:
        """Unit vector into the room."""
        x, y = self.along
        return (y, -x)

    @property
    def yaw_degrees(self) -> float:
        """The turn that brings +x to :attr:`inward`."""
        x, y = self.inward
        return math.degrees(math.atan2(y, x))

    def point(self, x: float, y: float) -> Corner:
        """World position of a point in the wall's frame."""
        (nx, ny), (ax, ay) = self.inward, self.along
        return (self.start[0] + x * nx + y * ax, self.start[1] + x * ny + y * ay)

    def placed(self, surfaces: Iterable[Surface]) -> list[Surface]:
        """Surfaces given in the wall's frame, in the world."""
        return moved(surfaces, (*self.start, 0.0), self.yaw_degrees)

    def rect(self, x0: float, y0: float, x1: float, y1: float) -> Rect:
        """A rectangle of the wall's frame in the world (walls are parallel to the axes)."""
        (ax, ay), (bx, by) = self.point(x0, y0), self.point(x1, y1)
        return (min(ax, bx), min(ay, by), max(ax, bx), max(ay, by))

    def free(self, left: float, right: float, low: float, high: float) -> bool:
        """Whether no opening meets this part of the wall."""
        return all(o.right <= left or o.left >= right or o.high <= low or o.low >= high for o in self.openings)


@dataclass(frozen=True)
class Space:
    """One room of a flat: its kind, the disjoint rectangles that it is made of, its height and walls."""

    kind: str
    rectangles: tuple[Rect, ...]
    height: float
    walls: tuple[Wall, ...]

    @property
    def area(self) -> float:
        """Square metres."""
        return sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in self.rectangles)

    @property
    def bounds(self) -> Rect:
        """The rectangle around it."""
        x0, y0, x1, y1 = zip(*self.rectangles, strict=True)
        return (min(x0), min(y0), max(x1), max(y1))

    def contains(self, x: float, y: float, margin: float = 0.0) -> bool:
        """Whether a point is inside and at least about ``margin`` from every wall."""

        def inside(px: float, py: float) -> bool:
            return any(
                x0 - 1e-6 <= px <= x1 + 1e-6 and y0 - 1e-6 <= py <= y1 + 1e-6 for x0, y0, x1, y1 in self.rectangles
            )

        return all(inside(x + dx * margin, y + dy * margin) for dx in (-1, 0, 1) for dy in (-1, 0, 1))


@dataclass(frozen=True)
class FloorPlan:
    """The rooms of a flat."""

    spaces: tuple[Space, ...]

    @property
    def bounds(self) -> Rect:
        """The rectangle around all rooms."""
        x0, y0, x1, y1 = zip(*(space.bounds for space in self.spaces), strict=True)
        return (min(x0), min(y0), max(x1), max(y1))

    @property
    def height(self) -> float:
        """Of the highest room, metres."""
        return max(space.height for space in self.spaces)


def floor_plan(rng: np.random.Generator, kinds: Sequence[str] | None = None) -> FloorPlan:
    """A random flat of one to four rooms, or of rooms of the given kinds."""
    kinds = tuple(kinds or _random_kinds(rng))
    for _ in range(400):
        cells = _divided(kinds, rng)
        if all(_roomy(kind, rects) for kind, rects in cells):
            plan = _with_doors(cells, rng)
            if plan is not None:
                spaces = (_with_windows(plan, index, rng) for index in range(len(plan)))
                return FloorPlan(tuple(_with_reliefs(space, rng) for space in spaces))
    raise AssertionError(f"no floor plan found for {kinds}")


def _with_reliefs(space: Space, rng: np.random.Generator) -> Space:
    """Some rooms have reliefs on some of their walls, some on all."""
    share, depth = rng.choice([0.0, 0.3, 1.0], p=_RELIEFS), float(rng.uniform(0.01, 0.06))
    walls = tuple(replace(wall, relief=depth) if rng.random() < share else wall for wall in space.walls)
    return replace(space, walls=walls)


def _random_kinds(rng: np.random.Generator) -> list[str]:
    count = int(rng.choice(list(_COUNTS), p=list(_COUNTS.values())))
    names, weights = list(_WEIGHTS), np.array(list(_WEIGHTS.values()))
    chosen = list(rng.choice(names, count, replace=False, p=weights / weights.sum()))
    return [str(kind) for kind in chosen]


def _divided(kinds: Sequence[str], rng: np.random.Generator) -> list[tuple[str, tuple[Rect, ...]]]:
    """The flat's rectangle divided among the rooms in proportion to their areas."""
    areas = [float(rng.uniform(*AREAS[kind])) for kind in kinds]
    aspect, total, thickness = rng.uniform(1.0, 1.55), sum(areas), float(rng.uniform(0.1, 0.2))
    sides = (math.sqrt(total * aspect), math.sqrt(total / aspect))
    width, depth = sides if rng.random() < 0.5 else sides[::-1]
    cells = _split(list(zip(kinds, areas, strict=True)), (0.0, 0.0, width, depth), thickness, rng)
    if len(cells) == 1 and kinds[0] != "bathroom" and rng.random() < 0.4:  # a corner that belongs to the neighbours
        kind, (rect,) = cells[0]
        cells = [(kind, _cut(rect, rng.uniform(0.25, 0.45), rng.uniform(0.25, 0.5), 0.0, int(rng.integers(4)))[0])]
    return cells


def _split(
    rooms: list[tuple[str, float]], rect: Rect, thickness: float, rng: np.random.Generator
) -> list[tuple[str, tuple[Rect, ...]]]:
    if len(rooms) == 1:
        return [(rooms[0][0], (rect,))]
    x0, y0, x1, y1 = rect
    if len(rooms) == 2 and rng.random() < 0.45:  # the smaller room takes a corner of the larger one
        small, large = sorted(rooms, key=lambda room: room[1])
        share = math.sqrt(small[1] / (small[1] + large[1]))
        stretch = float(rng.uniform(0.85, 1.18))
        rest, corner = _cut(rect, share * stretch, share / stretch, thickness, int(rng.integers(4)))
        return [(large[0], rest), (small[0], (corner,))]
    at = int(rng.integers(1, len(rooms)))
    first, second = rooms[:at], rooms[at:]
    share = sum(area for _, area in first) / sum(area for _, area in rooms)
    if x1 - x0 > y1 - y0:
        cut = x0 + share * (x1 - x0)
        halves: tuple[Rect, Rect] = ((x0, y0, cut - thickness / 2, y1), (cut + thickness / 2, y0, x1, y1))
    else:
        cut = y0 + share * (y1 - y0)
        halves = ((x0, y0, x1, cut - thickness / 2), (x0, cut + thickness / 2, x1, y1))
    return _split(first, halves[0], thickness, rng) + _split(second, halves[1], thickness, rng)


def _cut(rect: Rect, share_x: float, share_y: float, thickness: float, corner: int) -> tuple[tuple[Rect, Rect], Rect]:
    """An L, as two rectangles, and the rectangle cut out of its corner (0..3), with a wall between them."""
    x0, y0, x1, y1 = rect
    w, d = share_x * (x1 - x0), share_y * (y1 - y0)
    east, north = corner % 2 == 1, corner // 2 == 1
    cx0, cx1 = (x1 - w, x1) if east else (x0, x0 + w)
    cy0, cy1 = (y1 - d, y1) if north else (y0, y0 + d)
    wide: Rect = (x0, y0, x1, cy0 - thickness) if north else (x0, cy1 + thickness, x1, y1)
    sx0, sx1 = (x0, cx0 - thickness) if east else (cx1 + thickness, x1)
    narrow: Rect = (sx0, wide[3], sx1, y1) if north else (sx0, y0, sx1, wide[1])
    return (wide, narrow), (cx0, cy0, cx1, cy1)


def _roomy(kind: str, rects: tuple[Rect, ...]) -> bool:
    narrowest = _NARROWEST.get(kind, _NARROWEST_ROOM)
    limits = [narrowest] if len(rects) == 1 else [narrowest, min(narrowest, 1.3)]
    sizes = [(x1 - x0, y1 - y0) for x0, y0, x1, y1 in rects]
    return all(min(size) > limit for size, limit in zip(sizes, limits, strict=True))


def outline(rects: tuple[Rect, ...]) -> list[Corner]:
    """The corners, clockwise, of a rectangle or of an L made of a wide rectangle and a narrow one on its long side."""
    x0, y0, x1, y1 = rects[0]
    if len(rects) == 1:
        return [(x0, y0), (x0, y1), (x1, y1), (x1, y0)]
    a0, b0, a1, b1 = rects[1]
    if b0 == y1:  # above
        upper = [(x0, b1), (a1, b1), (a1, y1), (x1, y1)] if a0 == x0 else [(x0, y1), (a0, y1), (a0, b1), (x1, b1)]
        return [(x0, y0), *upper, (x1, y0)]
    lower = [(x1, y0), (a1, y0), (a1, b0), (x0, b0)] if a0 == x0 else [(x1, b0), (a0, b0), (a0, y0), (x0, y0)]
    return [(x0, y1), (x1, y1), *lower]


def _with_doors(cells: list[tuple[str, tuple[Rect, ...]]], rng: np.random.Generator) -> list[Space] | None:
    """The rooms with doorways that join them all, or None if some have no wall in common."""
    height = float(rng.choice([rng.uniform(2.3, 2.75), rng.uniform(2.6, 3.3)]))
    spaces = []
    for kind, rects in cells:
        corners = outline(rects)
        walls = tuple(Wall(a, b) for a, b in zip(corners, corners[1:] + corners[:1], strict=True))
        own = height if rng.random() < 0.7 else max(2.25, height + float(rng.uniform(-0.35, 0.1)))
        spaces.append(Space(kind, rects, own, walls))
    joined, pending = {0}, set(range(1, len(spaces)))
    while pending:
        options = [(i, j) for i in sorted(joined) for j in sorted(pending) if _common_walls(spaces[i], spaces[j])]
        if not options:
            return None
        i, j = options[int(rng.integers(len(options)))]
        if not _join(spaces, i, j, rng):
            return None
        joined.add(j)
        pending.discard(j)
    return [_with_more_doors(spaces, index, rng) for index in range(len(spaces))]


def _common_walls(first: Space, second: Space) -> list[tuple[int, int, float, float, float]]:
    """Pairs of walls of two rooms back to back: indices, the common stretch along the first, and the distance."""
    found = []
    for i, a in enumerate(first.walls):
        for j, b in enumerate(second.walls):
            (nx, ny), (mx, my) = a.inward, b.inward
            apart = -((b.start[0] - a.start[0]) * nx + (b.start[1] - a.start[1]) * ny)
            if nx * mx + ny * my > -0.5 or not 0 < apart < 0.4:
                continue
            ends = [(p[0] - a.start[0]) * a.along[0] + (p[1] - a.start[1]) * a.along[1] for p in (b.start, b.end)]
            left, right = max(0.0, min(ends)), min(a.length, max(ends))
            if right - left > 1.0 + 2 * _DOORWAY_CLEARANCE:
                found.append((i, j, left, right, apart))
    return found


def _join(spaces: list[Space], i: int, j: int, rng: np.random.Generator) -> bool:
    """Put a doorway between two rooms."""
    options = _common_walls(spaces[i], spaces[j])
    near, far, left, right, apart = options[int(rng.integers(len(options)))]
    private = "bathroom" in (spaces[i].kind, spaces[j].kind)
    lowest = min(spaces[i].height, spaces[j].height)
    passage = not private and rng.random() < 0.35
    if passage:
        width = float(rng.uniform(0.9, min(2.6, right - left - 2 * _DOORWAY_CLEARANCE)))
        high = float(rng.uniform(2.0, lowest - 0.1))
    else:
        width = float(rng.uniform(0.72, min(1.0, right - left - 2 * _DOORWAY_CLEARANCE)))
        high = float(rng.uniform(1.95, min(2.2, lowest - 0.12)))
    start = float(rng.uniform(left + _DOORWAY_CLEARANCE, right - _DOORWAY_CLEARANCE - width))
    leaf = None
    if not passage:
        state = rng.random()
        leaf = 0.0 if state < 0.3 else float(rng.uniform(50, 95)) if state < 0.88 else None
    opening = Opening("passage" if passage else "door", start, start + width, 0.0, high, apart, leaf)
    a, b = spaces[i].walls[near], spaces[j].walls[far]
    ends = [a.point(0, y) for y in (opening.left, opening.right)]
    across = sorted((p[0] - b.start[0]) * b.along[0] + (p[1] - b.start[1]) * b.along[1] for p in ends)
    mirrored = replace(opening, left=across[0], right=across[1], shared=True)
    if not (
        a.free(opening.left - 0.2, opening.right + 0.2, 0, high) and b.free(across[0] - 0.2, across[1] + 0.2, 0, high)
    ):
        return False
    spaces[i] = _opened(spaces[i], near, opening)
    spaces[j] = _opened(spaces[j], far, mirrored)
    return True


def _opened(space: Space, wall: int, opening: Opening) -> Space:
    walls = list(space.walls)
    walls[wall] = replace(walls[wall], openings=(*walls[wall].openings, opening))
    return replace(space, walls=tuple(walls))


def _with_more_doors(spaces: list[Space], index: int, rng: np.random.Generator) -> Space:
    """A closed door (entrance, closet) in some rooms; for sure in a flat of one room."""
    space = spaces[index]
    if rng.random() > (1.0 if len(spaces) == 1 else 0.35):
        return space
    for _ in range(12):
        wall = int(rng.integers(len(space.walls)))
        width, high = float(rng.uniform(0.72, 1.0)), float(rng.uniform(1.95, min(2.2, space.height - 0.12)))
        room = space.walls[wall].length - width - 2 * _DOORWAY_CLEARANCE
        if room < 0:
            continue
        left = _DOORWAY_CLEARANCE + float(rng.uniform(0, room))
        if not space.walls[wall].free(left - 0.25, left + width + 0.25, 0.0, high):
            continue
        behind = rooms_behind(spaces, space.walls[wall])
        if free_behind(behind, left - _DOORWAY_CLEARANCE, left + width + _DOORWAY_CLEARANCE) < _OUTDOORS:
            continue  # frame and handles would come out in the next room
        ajar = rng.random() < 0.25
        leaf = float(rng.uniform(15, 90)) if ajar else 0.0
        opening = Opening("door", left, left + width, 0.0, high, float(rng.uniform(0.08, 0.2)), leaf)
        return _opened(space, wall, opening)
    return space


def _with_windows(spaces: list[Space], index: int, rng: np.random.Generator) -> Space:
    """Windows in the outer walls of a room."""
    space = spaces[index]
    wanted = int(rng.choice([0, 1, 2], p=[0.5, 0.45, 0.05] if space.kind == "bathroom" else [0.08, 0.47, 0.45]))
    for _ in range(30):
        if wanted == 0:
            break
        number = int(rng.integers(len(space.walls)))
        wall = space.walls[number]
        tall = rng.random() < 0.2
        low = 0.06 if tall else float(rng.uniform(0.55, 1.15))
        high = float(rng.uniform(1.95, space.height - 0.12))
        if space.kind == "bathroom":
            low, high = max(low, 1.1), max(1.7, min(high, 2.1))
        width = float(rng.uniform(0.6, 1.2) if space.kind == "bathroom" else rng.uniform(0.7, 2.6))
        room = wall.length - width - 0.4
        if room < 0:
            continue
        left = 0.2 + float(rng.uniform(0, room))
        behind = rooms_behind(spaces, wall)
        outdoors = free_behind(behind, left, left + width) >= _OUTDOORS
        if not outdoors or not wall.free(left - 0.25, left + width + 0.25, low, high):
            continue
        opening = Opening("window", left, left + width, low, high, float(rng.uniform(0.06, 0.26)), behind=behind)
        space = _opened(space, number, opening)
        wanted -= 1
    return space


def rooms_behind(spaces: Sequence[Space], wall: Wall) -> tuple[Rect, ...]:
    """What of the rooms lies behind a wall, beside it too: near and far metres out of it, from and to along it.

    As (near, from, far, to) in the wall's frame, x turned outwards.
    """
    found = []
    (sx, sy), (nx, ny), (ax, ay) = wall.start, wall.inward, wall.along
    for x0, y0, x1, y1 in (rect for space in spaces for rect in space.rectangles):
        out = sorted(-((x - sx) * nx + (y - sy) * ny) for x, y in ((x0, y0), (x1, y1)))
        along = sorted((x - sx) * ax + (y - sy) * ay for x, y in ((x0, y0), (x1, y1)))
        if out[1] > 1e-6:
            found.append((max(out[0], 0.0), along[0], out[1], along[1]))
    return tuple(found)


def free_behind(behind: Iterable[Rect], left: float, right: float) -> float:
    """How far (at most 4 m) it is from a stretch of a wall outwards to the next room."""
    met = (near for near, start, _, end in behind if start < right - 1e-6 and end > left + 1e-6)
    return min([_FAR, *met])
