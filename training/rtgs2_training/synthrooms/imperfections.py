"""The flaws of real captures: floaters, holes, blurred, long and faint Gaussians, uneven coverage, noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .fitting import Fit, axis_shifts, opacities, random_fit, sizes, thicknesses, with_outliers
from .gaussians import as_scene, to_sh
from .plan import FloorPlan
from .surfaces import MOST_BEHIND, Array
from .surfels import Surfels

NO_OWNER = -1
MOST_BEFORE = 0.003  # metres that waves come forward: less than there is between a wall and a poster
MOST_HAZE = 0.08  # metres before the surface
_SURPLUS = 1.04  # more surfels than wanted, so that the number comes out right at the end


@dataclass(frozen=True)
class Flaws:
    """How strong each flaw of a scene is."""

    floaters: float  # share of the Gaussians
    faint: float  # share of haze: faint doubles, most of them before the surface
    haze: float  # metres before the surface, scale of an exponential distribution up to MOST_HAZE
    thinned: float  # share of the surface that is covered sparsely
    holes: float  # expected number
    blurred: float  # expected number of blurred places
    long: float  # spread of the Gaussians' aspect
    weak: float  # share of Gaussians with low opacity
    position: float  # metres, standard deviation off the surface
    buried: float  # share of the Gaussians that lie behind the surface, at most
    burial: float  # metres, how far behind it these are on average
    warp: float  # metres, of slow waves of what is 10 cm thick or more: twice as deep behind, at most 3 mm before
    colour: float  # standard deviation of the colour of single Gaussians
    shine: float  # likewise of the view-dependent part
    fit: Fit


def random_flaws(strength: float, rng: np.random.Generator, *, hazy: bool = False) -> Flaws:
    """Flaws of a good or, less often, a bad capture; ``strength`` 0 is none at all, 1 as usual.

    ``hazy`` ones have many faint Gaussians before surfaces, and deeper ones behind these.
    """
    bad = strength * (0.05 + 1.25 * rng.beta(1.1, 3.6))

    def some(amount: float) -> float:
        return float(bad * amount * np.exp(rng.normal(0, 0.4)))

    return Flaws(
        floaters=min(some(0.002), 0.02),
        faint=min(strength, 1.0) * float(rng.uniform(0.02, 0.25)) if hazy else min(some(0.06), 0.25),
        haze=float(rng.uniform(0.01, 0.04)),
        thinned=min(some(0.15), 0.5),
        holes=some(3.0),
        blurred=some(4.0),
        long=min(some(0.4), 0.7),
        weak=min(some(0.08), 0.3),
        position=min(some(0.003), 0.012),
        buried=min(strength, 1.0) * float(rng.uniform(0.0, 0.7)),
        burial=min(strength, 1.0) * float(rng.uniform(0.005, 0.08 if hazy else 0.05)),
        warp=min(strength, 1.0) * float(0.02 * rng.random() ** 2),
        colour=min(some(0.025), 0.09),
        shine=min(some(0.02), 0.08),
        fit=random_fit(strength, rng),
    )


def surfels_wanted(gaussians: int, flaws: Flaws) -> int:
    """How many surfels to sample so that ``gaussians`` are left."""
    kept = 1 - 0.5 * flaws.thinned
    return round(_SURPLUS * gaussians * (1 - flaws.floaters - flaws.faint) / kept)


def captured(
    surfels: Surfels,
    colour: Array,
    highlight: Array,
    plan: FloorPlan,
    gaussians: int,
    flaws: Flaws,
    rng: np.random.Generator,
) -> tuple[dict[str, NDArray[np.float32]], NDArray[np.int32]]:
    """The scene as a capture would have it, and the owner (N,) of each Gaussian, -1 for floaters.

    Args:
        surfels: N discs.
        colour: (N, 3) of each, sRGB.
        highlight: (N, 3), see :func:`rtgs2_training.synthrooms.lighting.lit`.
        plan: where floaters may be.
        gaussians: how many to return, at most.
        flaws: what to do to them.
        rng: where and how.
    """
    keep, grow = _coverage(surfels, flaws, rng)
    colour, highlight, grow = colour[keep], highlight[keep], grow[keep]
    surfels = surfels.taken(keep)
    floaters, doubles = round(flaws.floaters * gaussians), round(flaws.faint * gaussians)
    excess = len(surfels) - (gaussians - floaters - doubles)
    if excess > 0:
        kept = np.sort(rng.permutation(len(surfels))[excess:])
        colour, highlight, grow, surfels = colour[kept], highlight[kept], grow[kept], surfels.taken(kept)

    count = len(surfels)
    blur = _blur(surfels, flaws, rng)
    surfels = _shaken(surfels, grow * (1 + blur) * sizes(count, flaws.fit, rng), flaws, rng)
    surfels = _warped(surfels, flaws, rng)
    on_surface = surfels.points
    surfels = _buried(surfels, flaws, rng)
    colour = _smoothed(surfels, colour, blur) + rng.normal(0, 1, (count, 1)) * flaws.colour
    colour = colour + rng.normal(0, 0.4 * flaws.colour, (count, 3))
    highlight = highlight + rng.normal(0, 1, (count, 3)) * flaws.shine
    weak = rng.random(count) < flaws.weak
    opacity = np.where(weak, rng.uniform(0.08, 0.75, count), opacities(count, flaws.fit, rng))
    opacity = np.clip(opacity * (1 - 0.25 * np.minimum(blur, 1)), 0.02, 0.998)
    shown, opacity = with_outliers(np.clip(colour, 0, 1), opacity, flaws.fit, rng)
    thickness = thicknesses(count, flaws.fit, rng) + 0.4 * flaws.position * rng.random(count)
    shifts = axis_shifts(count, flaws.fit, rng)
    scene = as_scene(surfels, thickness, opacity, to_sh(shown, highlight), shifts)

    extra, extra_owner = _haze(scene, surfels.changed(points=on_surface), doubles, flaws.haze, rng)
    stray = _floaters(plan, colour[rng.integers(count, size=floaters)], rng)
    scene = {name: np.concatenate([scene[name], extra[name], stray[name]]) for name in scene}
    return scene, np.concatenate([surfels.owner, extra_owner, np.full(floaters, NO_OWNER, np.int32)])


def _field(points: Array, wavelength: float, rng: np.random.Generator) -> Array:
    """A smooth random field (N,), roughly normal with standard deviation 1."""
    total = np.zeros(len(points))
    for _ in range(6):
        wave = rng.normal(size=3)
        wave *= 2 * np.pi / (wavelength * rng.uniform(0.5, 2.0) * np.linalg.norm(wave))
        total += np.sin(points @ wave + rng.uniform(0, 2 * np.pi))
    return np.asarray(total / np.sqrt(3))


def _coverage(surfels: Surfels, flaws: Flaws, rng: np.random.Generator) -> tuple[NDArray[np.bool_], Array]:
    """Which surfels are left, and by how much those left grow."""
    count = len(surfels)
    grow = np.ones(count)
    field = _field(surfels.points, 1.2, rng)
    sparse = field > np.quantile(field[:: max(1, count // 5000)], 1 - flaws.thinned) if flaws.thinned else field > 1e9
    keep = ~(sparse & (rng.random(count) < 0.5))
    grow[sparse] = 1.5
    for _ in range(rng.poisson(flaws.holes)):
        centre, radius = surfels.points[rng.integers(count)], rng.uniform(0.08, 0.4)
        offset = (surfels.points - centre) / radius
        squared = np.einsum("nk,nk->n", offset, offset)
        keep &= rng.random(count) > 0.97 * np.clip(1.5 * (1 - squared), 0, 1)
    return keep, grow


def _blur(surfels: Surfels, flaws: Flaws, rng: np.random.Generator) -> Array:
    """How much (N,) larger the Gaussians are in blurred places; 0 elsewhere."""
    blur = np.zeros(len(surfels))
    for _ in range(rng.poisson(flaws.blurred)):
        centre, radius = surfels.points[rng.integers(len(surfels))], rng.uniform(0.2, 0.7)
        offset = (surfels.points - centre) / radius
        share = np.exp(-np.einsum("nk,nk->n", offset, offset))
        blur = np.maximum(blur, rng.uniform(0.3, 1.4) * np.where(share > 0.15, share, 0))
    return blur


def _smoothed(surfels: Surfels, colour: Array, blur: Array) -> Array:
    """Colours of blurred places averaged over cells of 12 cm, part by part."""
    chosen = np.flatnonzero(blur > 0.05)
    if len(chosen) == 0:
        return colour
    cell = np.floor(surfels.points[chosen] / 0.12).astype(np.int64)
    cell -= cell.min(axis=0)
    key = ((cell[:, 0] * 4096 + cell[:, 1]) * 4096 + cell[:, 2]) * 65536 + surfels.owner[chosen]
    _, group = np.unique(key, return_inverse=True)
    size = np.bincount(group)
    mean = np.stack([np.bincount(group, colour[chosen, k]) / size for k in range(3)], axis=1)[group]
    share = np.minimum(blur[chosen], 1)[:, None] * 0.8
    colour = colour.copy()
    colour[chosen] = (1 - share) * colour[chosen] + share * mean
    return colour


def _shaken(surfels: Surfels, grow: Array, flaws: Flaws, rng: np.random.Generator) -> Surfels:
    """Turned in their plane, stretched, of various sizes, off their place."""
    count = len(surfels)
    across = np.stack(
        [
            surfels.normals[:, 1] * surfels.tangents[:, 2] - surfels.normals[:, 2] * surfels.tangents[:, 1],
            surfels.normals[:, 2] * surfels.tangents[:, 0] - surfels.normals[:, 0] * surfels.tangents[:, 2],
            surfels.normals[:, 0] * surfels.tangents[:, 1] - surfels.normals[:, 1] * surfels.tangents[:, 0],
        ],
        axis=1,
    )
    even = surfels.radii[:, 0] / surfels.radii[:, 1]
    angle = np.where((even > 0.7) & (even < 1.4), rng.uniform(-np.pi, np.pi, count), rng.normal(0, 0.1, count))
    angle = angle * (flaws.long > 0)
    tangents = np.cos(angle)[:, None] * surfels.tangents + np.sin(angle)[:, None] * across
    stretch = np.exp(rng.normal(0, 0.5 * flaws.long, count) * rng.gamma(1.0, 1.0, count))
    stretch = np.clip(stretch, 0.16, 6.0)
    size = grow * np.exp(rng.normal(0, 0.12 + 0.15 * flaws.long, count))
    radii = surfels.radii * (size[:, None] * np.stack([np.sqrt(stretch), 1 / np.sqrt(stretch)], axis=1))
    tilt = rng.normal(0, 0.25 * flaws.long, (count, 2))
    normals = surfels.normals + tilt[:, :1] * tangents
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    tangents -= np.einsum("nk,nk->n", tangents, normals)[:, None] * normals
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
    off = rng.normal(0, 1, count) * flaws.position * rng.gamma(1.0, 1.0, count)
    points = surfels.points + off[:, None] * surfels.normals
    return surfels.changed(points=points, tangents=tangents, normals=normals, radii=np.minimum(radii, 0.25))


def _warped(surfels: Surfels, flaws: Flaws, rng: np.random.Generator) -> Surfels:
    """What is thick, walls and floors above all, in slow waves: without texture photographs do not say where it is."""
    if flaws.warp == 0:
        return surfels
    wave = flaws.warp * np.clip(_field(surfels.points, float(rng.uniform(0.4, 1.5)), rng), -2, 0.5)
    share = np.minimum(surfels.behind / MOST_BEHIND, 1.0) ** 2
    off = share * np.minimum(wave, MOST_BEFORE)
    return surfels.changed(points=surfels.points + off[:, None] * surfels.normals)


def _buried(surfels: Surfels, flaws: Flaws, rng: np.random.Generator) -> Surfels:
    """Some behind the surface, where the others hide them and no photograph corrects them; more of some things.

    Those left on the surface grow, for photographs see no gaps.
    """
    share = flaws.buried * rng.random(int(surfels.owner.max(initial=0)) + 1)[surfels.owner] ** 0.5
    depth = np.minimum(flaws.burial * rng.exponential(size=len(surfels)), surfels.behind)
    chosen = rng.random(len(surfels)) < share
    grown = np.where(chosen, 1.0, 1 / np.sqrt(1 - share))
    points = surfels.points - (chosen * depth)[:, None] * surfels.normals
    return surfels.changed(points=points, radii=surfels.radii * grown[:, None])


def _haze(
    scene: dict[str, NDArray[np.float32]], surfels: Surfels, count: int, distance: float, rng: np.random.Generator
) -> tuple[dict[str, NDArray[np.float32]], NDArray[np.int32]]:
    """Faint copies of some Gaussians before the surface, about ``distance`` metres, a few half as far behind it."""
    chosen = rng.integers(len(surfels), size=count)
    extra = {name: array[chosen].copy() for name, array in scene.items()}
    before = np.minimum(distance * rng.exponential(size=(count, 1)), MOST_HAZE)
    off = np.where(rng.random((count, 1)) < 0.85, before, -0.5 * before) * surfels.normals[chosen]
    extra["means"] = (surfels.points[chosen] + off + rng.normal(0, 0.01, (count, 3))).astype(np.float32)
    extra["scales"] *= np.exp(rng.normal(0.2, 0.6, (count, 3))).astype(np.float32)
    extra["scales"] = np.clip(extra["scales"], 1e-4, 0.2)
    extra["opacities"] = (0.02 + 0.4 * rng.random(count) ** 2).astype(np.float32)
    extra["sh"][:, 0] += rng.normal(0, 0.1, (count, 3)).astype(np.float32)
    return extra, surfels.owner[chosen]


def _floaters(plan: FloorPlan, colour: Array, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
    """Specks and faint clouds in the air, of colours (N, 3) seen elsewhere in the scene."""
    count = len(colour)
    places = [(rectangle, space.height) for space in plan.spaces for rectangle in space.rectangles]
    areas = np.array([(x1 - x0) * (y1 - y0) for (x0, y0, x1, y1), _ in places])
    chosen = rng.choice(len(areas), count, p=areas / areas.sum())
    means, rotations = rng.random((count, 3)), rng.normal(size=(count, 4))
    for index, ((x0, y0, x1, y1), height) in enumerate(places):
        inside = chosen == index
        means[inside] = np.array([x0, y0, 0.1]) + means[inside] * np.array([x1 - x0, y1 - y0, height - 0.2])
    sh = to_sh(np.clip(colour + rng.normal(0, 0.08, (count, 1)), 0, 1), np.zeros((count, 3)))
    cloud = rng.random(count) < 0.12
    size = np.where(cloud, rng.uniform(0.05, 0.22, count), rng.lognormal(np.log(0.012), 0.5, count))
    arrays = {
        "means": means,
        "scales": np.minimum(size[:, None] * np.exp(rng.normal(0, 0.4, (count, 3))), 0.5),
        "rotations": rotations / np.linalg.norm(rotations, axis=1, keepdims=True),
        "opacities": np.where(cloud, rng.uniform(0.01, 0.08, count), rng.uniform(0.04, 0.5, count)),
        "sh": sh,
    }
    return {name: array.astype(np.float32) for name, array in arrays.items()}
