"""What stands where: each kind of room has its recipe of furniture, put down piece by piece where it fits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .catalogue import DESIGNS
from .floor_space import FloorSpace, Footprint, Pose, against, wall_is_free
from .piece import Part, Piece, Placement
from .plan import FloorPlan, Space, Wall

_TRIES = 24
PICTURE_EYE = 1.55  # metres: the middle of a picture hangs about there

Recipe = Callable[["Furnisher"], None]


def furnish(plan: FloorPlan, rng: np.random.Generator) -> list[FloorSpace]:
    """Furnish every room of the flat."""
    rooms = []
    for space in plan.spaces:
        furnisher = Furnisher(space, rng)
        furnisher.run()
        rooms.append(furnisher.floor)
    return rooms


class Furnisher:
    """Puts furniture into one room."""

    def __init__(self, space: Space, rng: np.random.Generator) -> None:
        self.space, self.rng = space, rng
        self.floor = FloorSpace(space)

    def run(self) -> None:
        """Follow the recipe of the room's kind, then hang and strew what every room has."""
        _RECIPES[self.space.kind](self)
        self.windows_dressed()
        self.walls_hung()
        self.strewn()

    # Choosing

    def chance(self, probability: float) -> bool:
        """A biased coin."""
        return bool(self.rng.random() < probability)

    def design(self, kind: str) -> Callable[[], Piece]:
        """A design of a kind with everything decided: every call makes the same piece."""
        designs = DESIGNS[kind]
        chosen, seed = designs[int(self.rng.integers(len(designs)))], int(self.rng.integers(2**31))
        return lambda: chosen(np.random.default_rng(seed))

    def piece(self, kind: str) -> Piece:
        """A new piece of a kind."""
        return self.design(kind)()

    def wall(self, least: float = 0.0) -> Wall | None:
        """A random wall of at least this length, longer ones more often."""
        walls = [wall for wall in self.space.walls if wall.length >= least]
        if not walls:
            return None
        weights = np.array([wall.length for wall in walls])
        return walls[int(self.rng.choice(len(walls), p=weights / weights.sum()))]

    # Placing

    def add(self, kind: str, count: int = 1) -> list[tuple[Piece, Pose, Footprint]]:
        """Put pieces of a kind where their placement says; those that fit nowhere are left out."""
        done = []
        for _ in range(count):
            piece = self.piece(kind)
            placed = self.stand(piece)
            if placed is not None:
                done.append((piece, *placed))
        return done

    def stand(self, piece: Piece) -> tuple[Pose, Footprint] | None:
        """Put one piece where its placement says."""
        for _ in range(_TRIES):
            pose = self._candidate(piece)
            if pose is not None and self.floor.fits(piece, pose):
                return pose, self.floor.put(piece, pose)
        return None

    def _candidate(self, piece: Piece) -> Pose | None:
        if piece.placement.centred:
            x0, y0, x1, y1 = self.space.rectangles[int(self.rng.integers(len(self.space.rectangles)))]
            yaw = 90.0 * int(self.rng.integers(4)) + (self.rng.normal(0, 8) if self.chance(0.7) else self.rng.uniform(-45, 45))
            return Pose(float(self.rng.uniform(x0, x1)), float(self.rng.uniform(y0, y1)), 0.0, float(yaw))
        wall = self.wall(piece.width + 0.04)
        if wall is None:
            return None
        half, z = piece.width / 2 + 0.02, piece.lift
        if piece.placement is Placement.CORNER:
            y = half  # its -y side towards the wall's start
        else:
            y = float(self.rng.uniform(half, wall.length - half))
            if piece.placement is Placement.WALL and self.chance(0.3):
                y = half if self.chance(0.5) else wall.length - half
        if not wall_is_free(wall, piece, y, z):
            return None
        return against(wall, y, z, 0.003 if piece.placement is Placement.MOUNTED else 0.02)

    def seats_around(self, table: Piece, pose: Pose, under: Footprint, kind: str = "chair", most: int = 6) -> None:
        """The same chair at the sides of a table, some pushed in, some pulled out or turned."""
        make = self.design(kind)
        chair = make()
        along = max(1, int(table.width // (chair.width + 0.12)))
        spots = [(side, (k + 0.5) / along * table.width - table.width / 2) for side in (1, -1) for k in range(along)]
        if self.chance(0.6):
            spots += [(2, 0.0), (-2, 0.0)]
        self.rng.shuffle(spots)
        for side, offset in spots[: int(self.rng.integers(2, most + 1))]:
            out = chair.depth / 2 + float(self.rng.uniform(-0.22, 0.12))
            if abs(side) == 1:
                x, y, turn = np.sign(side) * (table.depth / 2 + out), float(offset), 180.0 if side > 0 else 0.0
            else:
                x, y, turn = 0.0, np.sign(side) * (table.width / 2 + out), -90.0 if side > 0 else 90.0
            seat = pose.relative(float(x), float(y), turn + float(self.rng.normal(0, 9)))
            if self.floor.fits(chair, seat, ignoring=(under,), margin=0.0):
                self.floor.put(make(), seat)

    def beside(self, make: Callable[[], Piece], pose: Pose, width: float, side: int, gap: float = 0.05) -> bool:
        """Put a piece at the same wall beside one of the given width; side 1 is towards +y."""
        piece = make()
        there = pose.relative(0.0, side * (width / 2 + piece.width / 2 + gap))
        if not self._clear_of_openings(piece, there) or not self.floor.fits(piece, there, margin=0.0):
            return False
        self.floor.put(piece, there)
        return True

    def _clear_of_openings(self, piece: Piece, pose: Pose) -> bool:
        for wall in self.space.walls:
            dx, dy = pose.x - wall.start[0], pose.y - wall.start[1]
            if abs(dx * wall.inward[0] + dy * wall.inward[1]) < 0.1 and abs(wall.yaw_degrees - pose.yaw_degrees) < 1:
                y = dx * wall.along[0] + dy * wall.along[1]
                return wall_is_free(wall, piece, y, pose.z)
        return False

    def before(self, kind: str, pose: Pose, depth: float, gap: float, turn: float = 0.0, off: float = 0.0) -> None:
        """Put a free piece in front of another one, whose front is ``depth`` before its pose."""
        piece = self.piece(kind)
        reach = piece.depth if turn % 180 == 0 else piece.width
        there = pose.relative(depth + gap + reach / 2, off, turn)
        if self.floor.fits(piece, there, ignoring=tuple(self.floor.kept_free)):
            self.floor.put(piece, there)

    # What every room has

    def windows_dressed(self) -> None:
        """Curtains beside some windows."""
        for wall in self.space.walls:
            for opening in wall.openings:
                if opening.kind != "window" or not self.chance(0.3 if self.space.kind in ("kitchen", "bathroom") else 0.75):
                    continue
                make = self.design("curtain")
                for side in (-1, 1):
                    piece = make()
                    middle = (opening.left + opening.right) / 2
                    y = middle + side * (opening.width / 2 + float(self.rng.uniform(-0.3, 0.6)) * piece.width / 2)
                    y = float(np.clip(y, piece.width / 2, wall.length - piece.width / 2))
                    z = max(piece.lift, 0.01)
                    if piece.width < wall.length and z + piece.height < self.space.height:
                        pose = against(wall, y, z, 0.05)
                        body_free = all(not self._touches(piece, pose, other) for other in self.floor.taken)
                        if body_free and wall.free(y - piece.width / 2, y + piece.width / 2, 0.0, 0.05):
                            self.floor.put(piece, pose)
                    if piece.width > 0.8 * opening.width:
                        break

    def _touches(self, piece: Piece, pose: Pose, other: Footprint) -> bool:
        from .floor_space import footprint

        return footprint(piece, pose, 0.0).meets(other)

    def walls_hung(self) -> None:
        """Pictures."""
        for _ in range(int(self.rng.integers(0, 2 + round(self.space.area / 5)))):
            piece = self.piece("picture")
            if piece.height > self.space.height - 0.9:
                continue
            wall = self.wall(piece.width + 0.1)
            if wall is None:
                continue
            y = float(self.rng.uniform(piece.width / 2 + 0.05, wall.length - piece.width / 2 - 0.05))
            z = PICTURE_EYE + float(self.rng.normal(0, 0.15)) - piece.height / 2
            z = float(np.clip(z, 0.6, self.space.height - piece.height - 0.05))
            pose = against(wall, y, z, 0.004)
            if wall_is_free(wall, piece, y, z) and self.floor.fits(piece, pose):
                self.floor.put(piece, pose)

    def strewn(self) -> None:
        """Rugs, plants, lamps, bags, baskets."""
        if self.chance(0.45) and "rug" in DESIGNS:
            for _ in range(6):
                piece = self.piece("rug")
                pose = self._candidate(piece)
                if pose is not None and self._rug_fits(piece, pose):
                    self.floor.place(piece, pose)
                    break
        self.add("objects", int(self.rng.integers(1, 4)))
        if self.chance(0.5):
            self.add("otherfurniture")

    def _rug_fits(self, piece: Piece, pose: Pose) -> bool:
        from .floor_space import footprint

        return all(self.space.contains(float(x), float(y)) for x, y in footprint(piece, pose, 0.0).corners)


# Recipes


def _living(f: Furnisher) -> None:
    for piece, pose, _ in f.add("sofa", 2 if f.space.area > 20 and f.chance(0.5) else 1):
        if f.chance(0.75):
            depth = piece.depth / 2 if piece.placement.centred else piece.depth
            f.before("coffee_table" if "coffee_table" in DESIGNS else "table", pose, depth, float(f.rng.uniform(0.3, 0.5)), 90.0)
    f.add("cabinet", int(f.rng.integers(1, 3)))
    f.add("bookshelf", int(f.rng.integers(0, 3)))
    f.add("chair", int(f.rng.integers(0, 3)))
    if f.chance(0.35):
        _eat(f)
    if f.chance(0.3):
        _work(f)
    f.add("otherfurniture", int(f.rng.integers(1, 3)))


def _eat(f: Furnisher) -> None:
    for table, pose, under in f.add("table"):
        f.seats_around(table, pose, under)


def _work(f: Furnisher) -> None:
    for desk, pose, _ in f.add("desk"):
        depth = desk.depth / 2 if desk.placement.centred else desk.depth
        chair = f.piece("chair")
        there = pose.relative(depth + chair.depth / 2 + float(f.rng.uniform(-0.15, 0.25)), float(f.rng.normal(0, 0.1)), 180 + float(f.rng.normal(0, 20)))
        kept = tuple(f.floor.kept_free) + tuple(f.floor.taken[-1:])
        if f.floor.fits(chair, there, ignoring=kept, margin=0.0):
            f.floor.put(chair, there)


def _bedroom(f: Furnisher) -> None:
    for bed, pose, _ in f.add("bed", 2 if f.chance(0.15) else 1):
        make = f.design("nightstand" if "nightstand" in DESIGNS else "otherfurniture")
        for side in (-1, 1):
            if f.chance(0.7) and make().placement is Placement.WALL:
                f.beside(make, pose, bed.width, side)
    f.add("cabinet", int(f.rng.integers(1, 3)))
    if f.chance(0.5):
        _work(f)
    if f.chance(0.4):
        f.add("bookshelf")
    f.add("chair", int(f.rng.integers(0, 2)))


def _kitchen(f: Furnisher) -> None:
    _counter_row(f)
    if f.chance(0.3):
        _counter_row(f)
    if not any(part.class_name == "refrigerator" for part in f.floor.parts):
        f.add("refrigerator")
    if f.chance(0.8):
        _eat(f)
    f.add("cabinet", int(f.rng.integers(0, 3)))


def _counter_row(f: Furnisher) -> None:
    """Counters in a row, a sink among them, perhaps with the refrigerator at its end and cabinets above."""
    counter, sink = f.design("counter"), f.design("kitchen_sink" if "kitchen_sink" in DESIGNS else "counter")
    for _ in range(_TRIES):
        wall = f.wall(1.6)
        if wall is None:
            return
        at = 0.02 if f.chance(0.7) else float(f.rng.uniform(0, wall.length / 2))
        pieces = [counter() for _ in range(int(f.rng.integers(2, 5)))]
        pieces[int(f.rng.integers(len(pieces)))] = sink()
        if f.chance(0.75):
            pieces.insert(0 if f.chance(0.5) else len(pieces), f.piece("refrigerator"))
        count = 0
        for piece in pieces:
            y = at + piece.width / 2
            if wall_is_free(wall, piece, y, 0.0):
                pose = against(wall, y)
                if f.floor.fits(piece, pose, margin=0.0):
                    f.floor.put(piece, pose)
                    count += 1
            at += piece.width + 0.004
        if count >= 2:
            return


def _bathroom(f: Furnisher) -> None:
    tubs = f.add("bathtub")
    f.add("toilet")
    f.add("sink")
    for tub, pose, _ in tubs:
        if f.chance(0.7):
            curtain = f.piece("shower_curtain")
            there = pose.relative(tub.depth - 0.08, float(f.rng.uniform(-0.3, 0.3)) * tub.width / 2)
            f.floor.place(curtain, Pose(there.x, there.y, max(curtain.lift, 0.25), pose.yaw_degrees))
    if not tubs or f.chance(0.2):
        f.add("shower_curtain")
    if f.chance(0.6):
        f.add("cabinet")
    if f.chance(0.3):
        f.add("otherfurniture")


def _office(f: Furnisher) -> None:
    for _ in range(int(f.rng.integers(1, 4))):
        _work(f)
    f.add("bookshelf", int(f.rng.integers(1, 4)))
    f.add("cabinet", int(f.rng.integers(0, 3)))
    f.add("chair", int(f.rng.integers(0, 3)))
    if f.chance(0.25):
        f.add("sofa")


def _dining(f: Furnisher) -> None:
    _eat(f)
    f.add("cabinet", int(f.rng.integers(1, 3)))
    f.add("otherfurniture")
    if f.chance(0.4):
        f.add("bookshelf")


def _studio(f: Furnisher) -> None:
    _bedroom(f)
    f.add("sofa")
    if f.chance(0.7):
        _counter_row(f)
    _eat(f)
    _work(f)
    f.add("bookshelf")


_RECIPES: dict[str, Recipe] = {
    "living": _living,
    "bedroom": _bedroom,
    "kitchen": _kitchen,
    "bathroom": _bathroom,
    "office": _office,
    "dining": _dining,
    "studio": _studio,
}


def all_parts(rooms: list[FloorSpace]) -> list[Part]:
    """The parts of all furniture."""
    return [part for room in rooms for part in room.parts]
