"""The shell of a flat: floors, walls, ceilings, skirting, doors and windows, and the light that comes in."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .finishes import Finish, ceiling_finish, floor_finish, joinery, wall_finish
from .openings import WindowStyle, door, lining, window, window_style
from .piece import Part
from .plan import FloorPlan, Opening, Rect, Space, Wall, free_behind, rooms_behind
from .reliefs import random_relief
from .surfaces import BEYOND_FLOORS, MOST_BEHIND, Surface, box, rectangle, with_room_behind
from .textures import Material

MISSING_CEILING, TORN_CEILING = 0.1, 0.06  # share of flats
_SKIRTING = 0.015  # metres thick
_WITH_WAVES = 1.4  # how much deeper waves of that size bring Gaussians, at most


@dataclass
class Shell:
    """What the shell is made of, in the world. ``panes`` are the glass of the windows: labels, but no Gaussians."""

    parts: list[Part] = field(default_factory=list)
    panes: list[tuple[int, Surface]] = field(default_factory=list)  # index into parts, surface
    windows: list[tuple[int, Wall, Opening]] = field(default_factory=list)  # space, wall, opening
    style: WindowStyle | None = None


def shell(plan: FloorPlan, rng: np.random.Generator) -> Shell:
    """Build the shell of every room of the flat."""
    built = Shell(style=window_style(rng))
    chance = rng.random()
    ceiling = "none" if chance < MISSING_CEILING else "torn" if chance < MISSING_CEILING + TORN_CEILING else "whole"
    shared_floor = floor_finish(rng, "living") if rng.random() < 0.4 else None
    shared_wall = wall_finish(rng, "living") if rng.random() < 0.4 else None
    for index, space in enumerate(plan.spaces):
        dry = space.kind not in ("bathroom", "kitchen")
        floor = shared_floor if shared_floor and dry else floor_finish(rng, space.kind)
        walls = shared_wall if shared_wall and dry else wall_finish(rng, space.kind)
        built.parts.append(Part("floor", tuple(with_room_behind(_floor(space, floor), BEYOND_FLOORS))))
        solid = [_room_behind(plan, wall) for wall in space.walls]
        _add_walls(built, index, space, solid, walls, floor, rng)
        if ceiling != "none":
            built.parts.append(Part("ceiling", tuple(_ceiling(space, ceiling == "torn", rng))))
    return built


def _floor(space: Space, finish: Finish) -> list[Surface]:
    return [
        rectangle((x0, y0, 0), (x1 - x0, 0, 0), (0, y1 - y0, 0), finish.material, finish.spacing)
        for x0, y0, x1, y1 in space.rectangles
    ]


def _ceiling(space: Space, torn: bool, rng: np.random.Generator) -> list[Surface]:
    finish, z = ceiling_finish(rng), space.height
    parts: list[Surface] = []
    for number, (x0, y0, x1, y1) in enumerate(space.rectangles):
        width, depth, seam = x1 - x0, y1 - y0, _seam(space.rectangles, number)
        holes = []
        if torn:
            for _ in range(int(rng.integers(1, 4))):
                u, v = rng.uniform(0, 0.6 * width), rng.uniform(0, 0.6 * depth)
                holes.append((u, v, u + rng.uniform(0.3, 0.6) * width, v + rng.uniform(0.3, 0.6) * depth))
        flat = rectangle((x0, y1, z), (width, 0, 0), (0, -depth, 0), finish.material, finish.spacing, holes)
        parts += with_room_behind([flat], BEYOND_FLOORS)
        lowest = space.height - max((o.high for wall in space.walls for o in wall.openings), default=0.0) - 0.05
        if rng.random() < 0.25 and not torn and lowest > 0.06:
            parts += _cornice((x0, y0, x1, y1), z, min(lowest, float(rng.uniform(0.06, 0.35))), finish, rng, seam)
        elif rng.random() < 0.1 and not torn:
            material, drop = joinery(rng), float(rng.uniform(0.1, 0.25))
            for x in np.arange(x0 + 0.4, x1 - 0.3, rng.uniform(0.7, 1.3)):
                end = [seam.face] if seam and seam.left < x + 0.12 and x < seam.right else []
                beam = box((x, y0, z - drop), (x + 0.12, y1, z), material, 0.05, ("-x", "+x", "-z", *end))
                parts += with_room_behind(beam, min(drop, 0.12) / 2)
    return parts


@dataclass(frozen=True)
class _Seam:
    """Where a rectangle of an L goes over into the other one: on its side ``face``, without a wall."""

    face: str  # "-y" or "+y"
    left: float  # x, metres
    right: float


def _seam(rectangles: tuple[Rect, ...], number: int) -> _Seam | None:
    if len(rectangles) == 1:
        return None
    (x0, y0, x1, _), (a0, b0, a1, _) = rectangles[number], rectangles[1 - number]
    return _Seam("+y" if b0 > y0 else "-y", max(x0, a0), min(x1, a1))


def _cornice(
    rectangle_: Rect, z: float, drop: float, finish: Finish, rng: np.random.Generator, seam: _Seam | None = None
) -> list[Surface]:
    """A ceiling hung lower along its edges, in one step or two; where it meets the seam of an L it has an end."""
    x0, y0, x1, y1 = rectangle_
    wide = float(rng.uniform(0.08, 0.22)) * min(x1 - x0, y1 - y0)
    parts: list[Surface] = []
    for step in range(1 if rng.random() < 0.6 else 2):
        high, low, w = z - step * drop / 2, z - (step + 1) * drop / 2, wide / (1 + step)
        strips: list[tuple[tuple[float, float], tuple[float, float], tuple[str, ...]]] = []
        for inner, a, b in (("+y", y0, y0 + w), ("-y", y1 - w, y1)):  # along x, corners included
            if seam is None or seam.face == inner:
                strips.append(((x0, a), (x1, b), (inner, "-z")))
            elif seam.left > x0 + 1e-6:
                strips.append(((x0, a), (seam.left, b), (inner, "-z", "+x")))
            elif seam.right < x1 - 1e-6:
                strips.append(((seam.right, a), (x1, b), (inner, "-z", "-x")))
        for inner, a, b in (("+x", x0, x0 + w), ("-x", x1 - w, x1)):
            start, end, faces = y0 + w, y1 - w, [inner, "-z"]
            if seam is not None and seam.left < (a + b) / 2 < seam.right:  # nothing along x before this end
                start, end = (y0, end) if seam.face == "-y" else (start, y1)
                faces.append(seam.face)
            strips.append(((a, start), (b, end), tuple(faces)))
        for (a, b), (c, d), outer in strips:
            strip = box((a, b, low), (c, d, high), finish.material, 0.08, outer)
            parts += with_room_behind(strip, min(high - low, w) / 2)
    return parts


def _room_behind(plan: FloorPlan, wall: Wall) -> float:
    """So much that Gaussians stay inside the wall, with waves: it is as thick as its openings are deep."""
    free = free_behind(rooms_behind(plan.spaces, wall), 0.0, wall.length)
    return min(MOST_BEHIND, min([free, *(opening.depth for opening in wall.openings)]) / _WITH_WAVES)


def _add_walls(
    built: Shell,
    index: int,
    space: Space,
    solid: list[float],
    finish: Finish,
    floor: Finish,
    rng: np.random.Generator,
) -> None:
    accent = (int(rng.integers(len(space.walls))), wall_finish(rng, space.kind)) if rng.random() < 0.35 else None
    wainscot = (float(rng.uniform(0.7, 1.4)), wall_finish(rng, space.kind)) if rng.random() < 0.18 else None
    skirting = (float(rng.uniform(0.05, 0.14)), joinery(rng)) if rng.random() < 0.7 else None
    if skirting and rng.random() < 0.2:
        skirting = (skirting[0], finish.material)
    surfaces: list[Surface] = []
    doors: list[Part] = []
    windows: list[tuple[Part, Surface, Opening, Wall]] = []
    reveal = joinery(rng) if rng.random() < 0.5 else finish.material
    for number, (wall, behind) in enumerate(zip(space.walls, solid, strict=True)):
        own = accent[1] if accent and accent[0] == number else finish
        bands = [(0.0, space.height, own)]
        if wainscot:
            bands = [(0.0, wainscot[0], wainscot[1]), (wainscot[0], space.height, own)]
        in_frame = with_room_behind([_band(wall, low, high, band) for low, high, band in bands], behind)
        if skirting:
            in_frame += _skirting(wall, *skirting)
        if wall.relief:
            in_frame += random_relief(wall, space.height, own, rng, behind)
        for opening in wall.openings:
            if opening.kind == "window":
                in_frame += with_room_behind(lining(opening, reveal), MOST_BEHIND)
                assert built.style is not None
                part, pane = window(opening, built.style, space.height, rng)
                windows.append(
                    (Part("window", tuple(wall.placed(part.surfaces))), wall.placed([pane])[0], opening, wall)
                )
            elif not opening.shared:
                if opening.kind == "passage":
                    in_frame += with_room_behind(lining(opening, own.material), MOST_BEHIND)
                else:
                    doors.append(Part("door", tuple(wall.placed(door(opening, rng).surfaces))))
                threshold = rectangle(
                    (-opening.depth, opening.left, 0), (opening.depth, 0, 0), (0, opening.width, 0),
                    floor.material, 0.04,
                )  # fmt: skip
                doors.append(Part("floor", tuple(wall.placed(with_room_behind([threshold], BEYOND_FLOORS)))))
        surfaces += wall.placed(in_frame)
    built.parts += [Part("wall", tuple(surfaces)), *doors]
    for part, pane, opening, wall in windows:
        built.panes.append((len(built.parts), pane))
        built.windows.append((index, wall, opening))
        built.parts.append(part)


def _band(wall: Wall, low: float, high: float, finish: Finish) -> Surface:
    """A strip of wall from one height to another, without its openings."""
    holes = [(o.left, max(o.low, low) - low, o.right, min(o.high, high) - low) for o in wall.openings]
    holes = [hole for hole in holes if hole[3] > hole[1]]
    return rectangle((0, 0, low), (0, wall.length, 0), (0, 0, high - low), finish.material, finish.spacing, holes)


def _skirting(wall: Wall, height: float, material: Material) -> list[Surface]:
    parts: list[Surface] = []
    start = 0.0
    for opening in sorted((o for o in wall.openings if o.low < height), key=lambda o: o.left):
        parts += _board(start, opening.left - 0.08, height, material)
        start = opening.right + 0.08
    return parts + _board(start, wall.length, height, material)


def _board(left: float, right: float, height: float, material: Material) -> list[Surface]:
    if right - left < 0.05:
        return []
    return with_room_behind(
        box((0, left, 0), (_SKIRTING, right, height), material, 0.06, ("+x", "+z", "-y", "+y")), _SKIRTING / 2
    )
