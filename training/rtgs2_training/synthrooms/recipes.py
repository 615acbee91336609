"""What belongs into which kind of room."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .floor_space import FloorSpace, Pose
from .layout import Furnisher
from .piece import Piece, free_standing
from .plan import FloorPlan

_WET = ("kitchen", "bathroom")
_ROOMY = 14.0  # square metres: a sofa may stand away from the walls
_CHAIRS_ASIDE = 0.55  # metres from a sofa's middle


def furnish(plan: FloorPlan, rng: np.random.Generator) -> list[FloorSpace]:
    """Furnish every room of the flat."""
    rooms = []
    for space in plan.spaces:
        room = Furnisher(space, rng)
        if space.kind not in _WET and room.chance(0.2):
            room.drape_a_wall()
        _RECIPES[space.kind](room)
        _everywhere(room)
        rooms.append(room.floor)
    return rooms


def _everywhere(room: Furnisher) -> None:
    """What every room may have: curtains, a radiator, pictures, lamps, a rug, a plant, things that lie about."""
    wet = room.space.kind in _WET
    room.curtains(room.maker("curtain"), 0.35 if wet else 0.8)
    if room.chance(0.5):
        room.ceiling_lamp(room.maker("ceiling lamp"))
    if not wet and room.chance(0.6):
        room.heat(room.maker("radiator"))
    for _ in range(room.count(0, 1) if wet else room.count(1, 3 + round(room.space.area / 8))):
        room.hang(room.maker("picture"), 1)
    if room.chance(0.3):
        room.hang(room.maker("mirror", "clock", "wall television"), 1)
    if room.chance(0.45):
        room.lay(room.maker("rug")())
    room.add("clutter", "clutter", "floor plant", "floor lamp", count=room.count(1, 4))
    room.add("otherfurniture", count=room.count(0, 2))
    if room.chance(0.3):
        room.add("bench", "blanket chest")


def _front(piece_depth: float, centred: bool) -> float:
    return piece_depth / 2 if centred else piece_depth


def _lounge(room: Furnisher, sofas: int) -> None:
    for _ in range(sofas):
        sofa = room.maker("sofa")()
        if room.space.area > _ROOMY and room.chance(0.4):
            sofa = free_standing(sofa)
        placed = room.stand(sofa)
        if placed is not None:
            _before_sofa(room, sofa, placed[0])
    room.add("easy chair", count=room.count(0, 2))


def _before_sofa(room: Furnisher, sofa: Piece, pose: Pose) -> None:
    """A low table, the first of three that fits, and now and then up to two chairs across from the sofa."""
    front = _front(sofa.depth, sofa.placement.centred)
    if room.chance(0.85):
        for _ in range(3):
            if room.before(room.maker("coffee table")(), pose, front + float(room.rng.uniform(0.28, 0.5))):
                break
    if room.chance(0.35):
        make, distance = room.maker("easy chair"), front + float(room.rng.uniform(1.2, 1.8))
        for aside in (-_CHAIRS_ASIDE, _CHAIRS_ASIDE):
            room.before(make(), pose, distance, aside=aside, turn=180.0)


def _eat(room: Furnisher) -> None:
    make = room.maker("dining chair", "dining chair", "dining chair", "bar stool", "office chair", "bench")
    for table, pose, under in room.add("dining table"):
        room.seats_around(table, pose, under, make, 6)


def _work(room: Furnisher) -> None:
    for desk, pose, under in room.add("desk"):
        if room.chance(0.9):
            room.seat_before(desk, pose, under, room.maker("office chair", "office chair", "dining chair"))


def _sleep(room: Furnisher) -> None:
    for bed, pose, _ in room.add("bed", count=2 if room.chance(0.15) else 1):
        if room.chance(0.25):
            bench = room.maker("padded bench")()
            if bench.width < bed.width + 0.1:
                room.before(bench, pose, _front(bed.depth, bed.placement.centred) + float(room.rng.uniform(0.02, 0.12)))
        make = room.maker("nightstand", "nightstand", "side table")
        for side in (-1, 1):
            if room.chance(0.7):
                room.beside(make, pose, bed.width, side)


def _cook(room: Furnisher) -> None:
    """Counters in a row, a sink among them, perhaps with the refrigerator at its end and cabinets above."""
    make, sink = room.maker("counter"), room.maker("kitchen sink")
    for _ in range(24):
        wall = room.wall(1.6)
        if wall is None:
            return
        start = 0.02 if room.chance(0.7) else float(room.rng.uniform(0, wall.length / 2))
        pieces = [make() for _ in range(room.count(1, 4))]
        pieces.insert(int(room.rng.integers(len(pieces) + 1)), sink())
        if room.chance(0.65):
            pieces.insert(int(room.rng.integers(len(pieces) + 1)), room.maker("stove")())
        if room.chance(0.8):
            pieces.insert(0 if room.chance(0.5) else len(pieces), room.maker("refrigerator")())
        if room.row(pieces, wall, start) < 2:
            continue
        if room.chance(0.7):
            above = room.maker("wall cabinet")
            hung = [above() for _ in range(room.count(2, 4))]
            room.row(hung, wall, start, max(hung[0].lift, 1.35))
        return


def _living(room: Furnisher) -> None:
    _lounge(room, 2 if room.space.area > 20 and room.chance(0.5) else 1)
    room.add("tv bench", "sideboard", "cabinet", count=room.count(1, 2))
    room.add("bookshelf", count=room.count(0, 2))
    if room.chance(0.35):
        _eat(room)
    if room.chance(0.35):
        _work(room)
    room.add("console table", "side table", "cabinet", "otherfurniture", count=room.count(0, 2))


def _bedroom(room: Furnisher) -> None:
    _sleep(room)
    room.add("wardrobe", "wardrobe", "chest of drawers", "cabinet", count=room.count(1, 2))
    if room.chance(0.6):
        _work(room)
    if room.chance(0.45):
        room.add("bookshelf")
    if room.chance(0.4):
        room.add("easy chair", "dining chair")
    room.add("otherfurniture", count=room.count(0, 1))


def _kitchen(room: Furnisher) -> None:
    _cook(room)
    if room.chance(0.3):
        _cook(room)
    if not any(part.class_name == "refrigerator" for part in room.floor.parts):
        room.add("refrigerator")
    if room.chance(0.25):
        for island, pose, under in room.add("kitchen island"):
            room.seats_around(island, pose, under, room.maker("bar stool"), 3)
    if room.chance(0.8):
        _eat(room)
    room.add("cabinet", "dresser", count=room.count(0, 2))


def _bathroom(room: Furnisher) -> None:
    tubs = room.add("bathtub")
    room.add("toilet")
    room.add("sink")
    for tub, pose, _ in tubs:
        if room.chance(0.75):
            curtain = room.maker("shower curtain")()
            free = max(0.0, tub.width - curtain.width) / 2
            there = pose.relative(tub.depth, float(room.rng.uniform(-free, free)))
            z = min(max(curtain.lift, 0.2), room.space.height - curtain.height)
            room.floor.place(curtain, Pose(there.x, there.y, z, pose.yaw_degrees))
    if not tubs or room.chance(0.25):
        room.add("shower")
    if room.chance(0.6):
        room.add("bathroom cabinet", "cabinet")
    if room.chance(0.35):
        room.add("washing machine", "laundry basket", "radiator")


def _office(room: Furnisher) -> None:
    for _ in range(room.count(1, 3)):
        _work(room)
    room.add("bookshelf", count=room.count(1, 3))
    room.add("cabinet", "sideboard", "chest of drawers", count=room.count(0, 2))
    room.add("office chair", "dining chair", count=room.count(0, 2))
    if room.chance(0.3):
        room.add("sofa")
    if room.chance(0.3):
        room.add("otherfurniture")


def _dining(room: Furnisher) -> None:
    _eat(room)
    room.add("sideboard", "dresser", "cabinet", count=room.count(1, 2))
    room.add("otherfurniture", "console table")
    if room.chance(0.4):
        room.add("bookshelf")


def _studio(room: Furnisher) -> None:
    _sleep(room)
    if room.chance(0.75):
        _cook(room)
    _lounge(room, 1)
    if room.chance(0.7):
        _eat(room)
    if room.chance(0.7):
        _work(room)
    room.add("wardrobe", "chest of drawers", "cabinet", "bookshelf", count=room.count(1, 2))


_RECIPES: dict[str, Callable[[Furnisher], None]] = {
    "living": _living,
    "bedroom": _bedroom,
    "kitchen": _kitchen,
    "bathroom": _bathroom,
    "office": _office,
    "dining": _dining,
    "studio": _studio,
}
