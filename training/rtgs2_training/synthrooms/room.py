"""A whole scene: a furnished flat as labelled Gaussians, and views of it with exact labels."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from rtgs2_trt.camera import Camera
from rtgs2_trt.classes import builtin_class_table
from rtgs2_trt.scene import Scene

from .floor_space import FloorSpace
from .imperfections import captured, random_flaws, surfels_wanted
from .lighting import lit, random_lighting
from .mesh import Mesh, tessellate
from .photographs import Photographs, random_photographs
from .piece import Part
from .plan import floor_plan
from .recipes import furnish
from .settings import RoomSettings
from .shell import shell
from .surfaces import Array, Surface
from .surfels import Surfels, sample
from .viewpoints import random_camera, worth_keeping
from .zbuffer import FrontSurface, front_surface

CLASS_TABLE = "synthrooms"
MILLIMETRES = 1000
_MORE_VIEWS = {"bathroom": 2.0, "kitchen": 1.4}  # what stands there stands nowhere else
_STREAMS = ("plan", "shell", "furniture", "lighting", "surfels", "flaws", "cameras", "photographs")
_PILOT = 40_000  # surfels, at most, that tell how many of all are seen
_SPARE = 1.02  # finer sampled, a little less may be seen


@dataclass(frozen=True, eq=False)
class View:
    """A camera and what it sees at its pixel centres, (H, W) each.

    ``semantic`` uint16 class ids, 0 where nothing is; ``instance`` uint16, 0 likewise; ``depth`` uint16 millimetres
    along the view's z, 0 where nothing is, through the glass of windows and beyond 65 m.
    """

    camera: Camera
    semantic: NDArray[np.uint16]
    instance: NDArray[np.uint16]
    depth: NDArray[np.uint16]


@dataclass(frozen=True, eq=False)
class Room:
    """A generated scene.

    ``gaussians`` are the arrays of :class:`rtgs2_trt.Scene` by name (N rows each); ``class_ids`` and ``instance_ids``
    (N,) uint16 say what each Gaussian belongs to, 0 for floaters; ``views`` by name; ``mesh`` is the geometry that the
    labels are drawn from, its owners are rows of ``owner_ids``: (P, 2) uint16 class and instance.
    """

    seed: int
    gaussians: dict[str, NDArray[np.float32]]
    class_ids: NDArray[np.uint16]
    instance_ids: NDArray[np.uint16]
    views: dict[str, View]
    mesh: Mesh
    owner_ids: NDArray[np.uint16]
    transparent: NDArray[np.bool_]  # (P,) owners whose depth is unknown: glass

    @property
    def scene(self) -> Scene:
        """The Gaussians."""
        return Scene(**cast(dict[str, Any], self.gaussians))


def generate_room(seed: int, settings: RoomSettings | None = None, *, threads: int = 1) -> Room:
    """Make the room of a seed. The same seed and settings give the same bytes (on one machine).

    Seeds under 100 000 are kept for the demo and for tests: no data set that ``rtgs2-train generate`` writes holds
    them.

    Args:
        seed: not negative.
        settings: how it is sampled and looked at.
        threads: how many views and photographs are drawn at once.
    """
    settings = settings or RoomSettings()
    random = {name: np.random.default_rng([seed, number]) for number, name in enumerate(_STREAMS)}
    plan = floor_plan(random["plan"])
    built = shell(plan, random["shell"])
    rooms = furnish(plan, random["furniture"])
    parts = [*built.parts, *(part for room in rooms for part in room.parts)]
    assert built.style is not None
    lighting = random_lighting(plan, built.windows, built.style.view, _lamps(parts), random["lighting"])

    groups = [(index, part.surfaces) for index, part in enumerate(parts)]
    panes = [(len(parts) + number, [pane]) for number, (_, pane) in enumerate(built.panes)]
    mesh = tessellate([*groups, *panes])
    table = builtin_class_table(CLASS_TABLE)
    ids = {entry.name: entry.id for entry in table.classes}
    own = [(ids[part.class_name], index + 1) for index, part in enumerate(parts)]
    owner_ids = np.array([*own, *(own[index] for index, _ in built.panes)], np.uint16)
    transparent = np.arange(len(owner_ids)) >= len(parts)
    views = _views(rooms, mesh, owner_ids, transparent, settings, random["cameras"], threads)

    photographed = random["photographs"].random() < settings.photographed
    flaws = random_flaws(settings.imperfections, random["flaws"], hazy=photographed)
    wanted, photographs = surfels_wanted(settings.gaussians, flaws), None
    if photographed:
        cameras = [view.camera for view in views.values()] + random_photographs(rooms, random["photographs"])
        photographs = Photographs(mesh.triangles[~transparent[mesh.owner]], cameras, threads)
    surfels, everything = _seen_surfels(groups, wanted, photographs, random["surfels"])
    colour, highlight = lit(surfels, plan, lighting, everything)
    gaussians, owner = captured(surfels, colour, highlight, plan, settings.gaussians, flaws, random["flaws"])
    labels = np.concatenate([owner_ids, np.zeros((1, 2), np.uint16)])[owner]  # floaters: -1, the last row
    return Room(seed, gaussians, labels[:, 0], labels[:, 1], views, mesh, owner_ids, transparent)


def _seen_surfels(
    groups: list[tuple[int, tuple[Surface, ...]]],
    wanted: int,
    photographs: Photographs | None,
    rng: np.random.Generator,
) -> tuple[Surfels, Surfels]:
    """About ``wanted`` surfels that the photographs see, None sees all; and these with those that hide."""

    def sampled(count: int) -> Surfels:
        """The same every time but for how fine it is."""
        return sample(groups, count, copy.deepcopy(rng))

    if photographs is None:
        surfels = sampled(wanted)
        return surfels, surfels
    count = min(_PILOT, wanted)
    for _ in range(4):
        everything = sampled(count)
        seen = photographs.see(everything.points)
        if seen.sum() >= wanted:
            break
        count = round(_SPARE * wanted / max(seen.mean(), 0.05))
    return everything.taken(seen), everything


def _lamps(parts: list[Part]) -> list[Array]:
    """Where things glow, windows apart."""
    half = np.array([0.1, 0.35, 0.6, 0.85])
    positions = []
    for part in parts:
        glowing = [surface for surface in part.surfaces if surface.material.glows]
        if glowing and part.class_name != "window":
            points = np.concatenate([surface.shape(half, half[::-1]) for surface in glowing])
            positions.append(points.mean(axis=0))
    return positions


def _labelled(
    front: FrontSurface, mesh: Mesh, owner_ids: NDArray[np.uint16], transparent: NDArray[np.bool_], camera: Camera
) -> View:
    owner = np.where(front.triangle >= 0, mesh.owner[front.triangle], len(owner_ids))
    table = np.concatenate([owner_ids, np.zeros((1, 2), np.uint16)])
    known = ~np.append(transparent, True)[owner]
    depth = np.where(known, front.depth, 0.0) * MILLIMETRES
    depth = np.where(depth < np.iinfo(np.uint16).max, np.rint(depth), 0).astype(np.uint16)
    return View(camera, table[owner, 0], table[owner, 1], depth)


def _views(
    rooms: list[FloorSpace],
    mesh: Mesh,
    owner_ids: NDArray[np.uint16],
    transparent: NDArray[np.bool_],
    settings: RoomSettings,
    rng: np.random.Generator,
    threads: int,
) -> dict[str, View]:
    """Views that show something; the larger the room, the more."""
    weights = np.sqrt([room.space.area for room in rooms]) * [_MORE_VIEWS.get(room.space.kind, 1.0) for room in rooms]
    weights /= weights.sum()

    def candidate() -> Camera:
        for _ in range(2000):
            camera = random_camera(rooms, int(rng.choice(len(rooms), p=weights)), settings.image_size, rng)
            if camera is not None:
                return camera
        raise AssertionError("no room for a camera")

    views: dict[str, View] = {}
    with ThreadPoolExecutor(threads) as pool:
        for attempt in range(8):
            missing = settings.views - len(views)
            cameras = [candidate() for _ in range(missing)]
            fronts = pool.map(lambda camera: front_surface(mesh.triangles, camera), cameras)
            for camera, front in zip(cameras, fronts, strict=True):
                if attempt == 7 or worth_keeping(front, mesh.owner):
                    views[f"{len(views):04d}"] = _labelled(front, mesh, owner_ids, transparent, camera)
            if len(views) == settings.views:
                break
    return views
