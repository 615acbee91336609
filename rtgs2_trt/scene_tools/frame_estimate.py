"""How large a captured interior is and which way is up: from its floor and ceiling, and from where cameras stood.

Structure from motion leaves both open. What is known of rooms: floor and ceiling are the largest parallel surfaces with
everything between them, most that lies flat lies on the lower side, ceilings are about 2.7 m high, and people hold
cameras about 1.4 m above the floor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtgs2_trt.camera import Camera
from rtgs2_trt.errors import SceneError
from rtgs2_trt.orientation import orientation
from rtgs2_trt.scene import Scene

ROOM_HEIGHT = 2.7
"""Metres between floor and ceiling that are taken as usual: dwellings have 2.4 to 3.1."""
CAMERA_HEIGHT = 1.4
"""Metres above the floor at which captures are taken as held, on average: 1.1 to 1.7."""
# Spread of the logarithms of both: what 1 of 3 rooms or captures exceeds.
_ROOM_SPREAD, _CAMERA_SPREAD = 0.10, 0.13

_SAMPLES = 200_000
_DIRECTIONS = 1024
_ALIGNED = math.cos(math.radians(12))
_SLABS = 160  # that the height is cut into
_LEAST_SHARE = 0.04  # of all that lies level, in a slab that is the ceiling
# Of it in a floor with a ceiling above. Spread evenly, a slab would have 0.02; generated rooms have 0.31 and more.
_LEAST_FLOOR = 0.1
# Of all flat surfaces, that lie level. Turned at random 0.02 would; in generated rooms 0.25 and more do.
_LEAST_LEVEL = 0.06


@dataclass(frozen=True, eq=False)
class SceneFrame:
    """What was found about a scene's units and axes, in the units of its file.

    Attributes:
        scale: metres per unit.
        uncertainty: the scale is within this factor of the truth in two of three cases, 1.1 for 10 %.
        up: (3,) unit vector that points up in the file's axes.
        up_axis: the axis next to it: x, -x, y, -y, z or -z.
        rotation: (3, 3) that turns `up` into +z, a small turn after that of `up_axis`; for ``transformed``.
        floor: position of the floor along `up`, units.
        ceiling: position of the ceiling along `up`, units; None where none was found.
        camera_height: mean height of the cameras above the floor, units; None without cameras.
        by_room: metres per unit by the room's height alone, None without a ceiling.
        by_cameras: metres per unit by the cameras' height alone, None without cameras.
    """

    scale: float
    uncertainty: float
    up: NDArray[np.float64]
    up_axis: str
    rotation: NDArray[np.float64]
    floor: float
    ceiling: float | None
    camera_height: float | None
    by_room: float | None
    by_cameras: float | None

    def __str__(self) -> str:
        parts = [f"{self.scale:.3g} m per unit (give or take {100 * (self.uncertainty - 1):.0f} %)"]
        parts.append(f"up is near {self.up_axis}")
        if self.ceiling is not None:
            parts.append(f"room {(self.ceiling - self.floor) * self.scale:.2f} m high")
        if self.camera_height is not None:
            parts.append(f"cameras {self.camera_height * self.scale:.2f} m above the floor")
        return ", ".join(parts)


def estimate_frame(scene: Scene, cameras: Sequence[Camera] = (), *, up: str | None = None) -> SceneFrame:
    """Estimate units and axes of an interior whose file is in neither metres nor z up.

    Args:
        scene: as loaded with ``scale=1`` and ``up="z"``.
        cameras: views of it, loaded likewise; they make the estimate much better.
        up: the file's axis that points up, if it is known: only the tilt within 30 degrees of it is estimated then.

    Raises:
        SceneError: no floor can be told (too few flat surfaces), or nothing that a size could be told by; `up` is no
            axis.
    """
    normals, positions, areas = _flat_surfaces(scene)
    axes = _main_axes(normals, areas)
    candidates = [sign * axis for axis in axes for sign in (1.0, -1.0)]
    if up is not None:
        wanted = orientation(up, error=SceneError).T @ (0.0, 0.0, 1.0)
        vertical = max(candidates, key=lambda axis: float(axis @ wanted))
        if vertical @ wanted < math.cos(math.radians(30)):
            vertical = wanted  # nothing lies flat across it: taken as it is
    elif cameras:
        vertical = _upright_in_pictures(candidates, cameras)
    else:
        vertical = _vertical(axes, normals, positions, areas)
    level = np.abs(normals @ vertical) > _ALIGNED
    if areas[level].sum() < _LEAST_LEVEL * areas.sum():
        raise _no_floor()
    floor, ceiling = _floor_and_ceiling(positions[level] @ vertical, areas[level])
    camera_height = float(np.mean([camera.position @ vertical for camera in cameras]) - floor) if cameras else None
    if camera_height is not None and camera_height <= 0:
        camera_height = None
    by_room = None if ceiling is None else ROOM_HEIGHT / (ceiling - floor)
    by_cameras = None if camera_height is None else CAMERA_HEIGHT / camera_height
    cues = [(by_room, _ROOM_SPREAD), (by_cameras, _CAMERA_SPREAD)]
    weights = [(math.log(value), spread**-2) for value, spread in cues if value is not None]
    if not weights:
        raise SceneError(
            "its size cannot be estimated: there is no ceiling and there are no cameras above a floor",
            field="scale",
            fix="Give the metres per unit with scale= (--scale on the command line).",
        )
    total = sum(weight for _, weight in weights)
    axis = max(("x", "-x", "y", "-y", "z", "-z"), key=lambda a: float((orientation(a).T @ (0, 0, 1)) @ vertical))
    return SceneFrame(
        scale=math.exp(sum(value * weight for value, weight in weights) / total),
        uncertainty=math.exp(total**-0.5),
        up=vertical,
        up_axis=axis,
        rotation=_upright(vertical, axis),
        floor=floor,
        ceiling=ceiling,
        camera_height=camera_height,
        by_room=by_room,
        by_cameras=by_cameras,
    )


def _flat_surfaces(scene: Scene) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return normals (n, 3), positions (n, 3) and visible areas (n,) of Gaussians that are flat."""
    sample = slice(None, None, max(1, len(scene) // _SAMPLES))
    scales = scene.scales[sample].astype(np.float64)
    order = np.argsort(scales, axis=1)
    least, middle, most = np.take_along_axis(scales, order, axis=1).T
    areas = middle * most * scene.opacities[sample]
    flat = (least < 0.5 * middle) & (scene.opacities[sample] > 0.1)
    if np.count_nonzero(flat) < 100:
        raise SceneError(
            "its axes cannot be estimated: hardly any of its Gaussians are flat",
            field="up",
            found=f"{np.count_nonzero(flat)} of {len(flat)}",
            fix="Give scale= and up= (--scale and --up on the command line).",
        )
    areas = np.minimum(areas[flat], np.quantile(areas[flat], 0.98))  # no single one decides
    w, x, y, z = scene.rotations[sample][flat].astype(np.float64).T
    columns = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)],
            [2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)],
            [2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)],
        ]
    )  # (axis, component, n)
    normals = columns[order[flat, 0], :, np.arange(len(w))]
    return normals, scene.means[sample][flat].astype(np.float64), areas


def _main_axes(normals: NDArray[np.float64], areas: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Return three orthogonal axes along which most area faces."""
    index = np.arange(_DIRECTIONS) + 0.5  # evenly over half a sphere
    height = index / _DIRECTIONS
    angle = math.pi * (1 + math.sqrt(5)) * index
    ring = np.sqrt(1 - height**2)
    directions = np.column_stack([ring * np.cos(angle), ring * np.sin(angle), height])
    step = max(1, len(normals) // 20_000)
    facing = np.abs(normals[::step] @ directions.T) > _ALIGNED
    first = _refined(directions[int((areas[::step] @ facing).argmax())], normals, areas)
    across = np.abs(directions @ first) < 0.2
    second = directions[across][int((areas[::step] @ facing[:, across]).argmax())]
    second = _refined(second, normals, areas)
    second = second - (second @ first) * first
    second /= np.linalg.norm(second)
    return [first, second, np.cross(first, second)]


def _refined(
    axis: NDArray[np.float64], normals: NDArray[np.float64], areas: NDArray[np.float64]
) -> NDArray[np.float64]:
    for _ in range(5):
        cosines = normals @ axis
        near = np.abs(cosines) > _ALIGNED
        if not near.any():
            break
        mean = (areas[near] * np.sign(cosines[near])) @ normals[near]
        axis = mean / np.linalg.norm(mean)
    return axis


def _upright_in_pictures(candidates: Sequence[NDArray[np.float64]], cameras: Sequence[Camera]) -> NDArray[np.float64]:
    """Return the axis that cameras see as upright: their rows are level, however steeply they look down."""
    right = np.array([camera.world_to_camera[0, :3] for camera in cameras])
    above = -np.mean([camera.world_to_camera[1, :3] for camera in cameras], axis=0)
    return min(
        (axis for axis in candidates if axis @ above >= 0),
        key=lambda axis: float(np.mean((right @ axis) ** 2) - 0.1 * (axis @ above)),
    )


def _vertical(
    axes: Sequence[NDArray[np.float64]],
    normals: NDArray[np.float64],
    positions: NDArray[np.float64],
    areas: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the axis across floor and ceiling, pointing away from the side where more lies level: up."""
    best: tuple[float, NDArray[np.float64]] | None = None
    for axis in axes:
        level = np.abs(normals @ axis) > _ALIGNED
        heights, masses = positions[level] @ axis, areas[level]
        if len(heights) < 20:
            continue
        edges, mass = _profile(heights, masses)
        half = _SLABS // 2
        low, high = int(mass[:half].argmax()), half + int(mass[half:].argmax())
        between = mass[low + 3 : high - 2]
        lower, upper = between[: len(between) // 2].sum(), between[len(between) // 2 :].sum()
        leaning = (lower - upper) / (lower + upper) if lower + upper > 0 else 0.0
        # The floor is one slab, while the walls of a flat are many; a flat is wider than it is high; and what lies
        # level, such as beds and tables, lies nearer to the floor.
        score = math.log(max(mass[low], mass[high])) - math.log(edges[high] - edges[low]) + abs(leaning)
        sign = 1.0 if leaning >= 0 else -1.0
        if best is None or score > best[0]:
            best = float(score), sign * axis
    if best is None:
        raise SceneError("its axes cannot be estimated", field="up", fix="Give up= (--up on the command line).")
    return best[1]


def _profile(
    heights: NDArray[np.float64], masses: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return edges (n + 1,) and areas (n,) of slabs over 98 % of what lies level."""
    order = np.argsort(heights)
    cumulated = np.cumsum(masses[order])
    low, high = (heights[order][np.searchsorted(cumulated, share * cumulated[-1])] for share in (0.01, 0.99))
    margin = 0.02 * (high - low) + 1e-12
    edges = np.linspace(low - margin, high + margin, _SLABS + 1)
    mass, _ = np.histogram(heights, edges, weights=masses)
    smooth = np.convolve(mass, (1.0, 1.0, 1.0), "same")  # surfaces are a few centimetres thick
    return edges, smooth


def _floor_and_ceiling(heights: NDArray[np.float64], masses: NDArray[np.float64]) -> tuple[float, float | None]:
    """Return where the lowest and the highest large level surface lie."""
    if len(heights) < 20:
        raise _no_floor()
    edges, mass = _profile(heights, masses)
    half = _SLABS // 2
    low, high = int(mass[:half].argmax()), half + int(mass[half:].argmax())
    floor, ceiling = (_position(heights, masses, edges, at) for at in (low, high))
    whole = float(masses.sum())
    is_room = mass[low] >= _LEAST_FLOOR * whole and mass[high] >= _LEAST_SHARE * whole and high > low + 3
    return floor, ceiling if is_room else None


def _no_floor() -> SceneError:
    return SceneError(
        "no floor can be told from the rest",
        field="up",
        fix="Give scale= and up= (--scale and --up on the command line).",
    )


def _position(heights: NDArray[np.float64], masses: NDArray[np.float64], edges: NDArray[np.float64], at: int) -> float:
    near = (heights >= edges[max(0, at - 1)]) & (heights <= edges[min(at + 2, _SLABS)])
    return float(np.average(heights[near], weights=masses[near]))


def _upright(vertical: NDArray[np.float64], axis: str) -> NDArray[np.float64]:
    """Return the rotation that turns `vertical` into +z: that of the axis, then the shortest turn for the rest."""
    first = orientation(axis)
    x, y, z = first @ vertical
    turn = np.array(
        [[1 - x * x / (1 + z), -x * y / (1 + z), -x], [-x * y / (1 + z), 1 - y * y / (1 + z), -y], [x, y, z]]
    )
    return turn @ first
