"""Draws a scene of Gaussians: colour, features, alpha and depth of one view, in one pass on the CPU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rtgs2_trt import _native
from rtgs2_trt.camera import Camera
from rtgs2_trt.errors import InputError, SceneError, shown
from rtgs2_trt.instruction_sets import instruction_set
from rtgs2_trt.threads import check_threads


class GaussianArrays(Protocol):
    """What can be drawn: N Gaussians as arrays."""

    @property
    def means(self) -> NDArray[np.float32]:
        """(N, 3) centres, world."""

    @property
    def scales(self) -> NDArray[np.float32]:
        """(N, 3) standard deviations along the Gaussian's axes, world units (not logarithms)."""

    @property
    def rotations(self) -> NDArray[np.float32]:
        """(N, 4) unit quaternions w, x, y, z: the Gaussian's axes to the world's."""

    @property
    def opacities(self) -> NDArray[np.float32]:
        """(N,) 0 to 1."""

    @property
    def sh(self) -> NDArray[np.float32]:
        """(N, K, 3) spherical-harmonics coefficients, K = 1, 4, 9 or 16, the constant one first."""

    @property
    def features(self) -> NDArray[np.float32] | None:
        """(N, D) features, or None."""


@dataclass(frozen=True, eq=False)
class Rendering:
    """One view. w is a Gaussian's alpha times the transmittance that the Gaussians before it leave.

    Attributes:
        rgb: (3, H, W) float32, sum of w colour + remaining transmittance * background; not limited to 1.
        features: (D, H, W) float32, sum of w features.
        alpha: (H, W) float32, sum of w, 0 to 1.
        depth: (H, W) float32, sum of w z with z along the camera's axis; divide by `alpha` for the expected depth.
        seconds: time of each stage: project, sort, bin, blend. Empty if it was not drawn by :func:`rasterize`.
    """

    rgb: NDArray[np.float32]
    features: NDArray[np.float32]
    alpha: NDArray[np.float32]
    depth: NDArray[np.float32]
    seconds: Mapping[str, float] = field(default_factory=dict)


def rasterize(
    scene: GaussianArrays,
    camera: Camera,
    features: ArrayLike | None = None,
    *,
    background: Sequence[float] = (0.0, 0.0, 0.0),
    threads: int = 0,
) -> Rendering:
    """Draw `scene` as `camera` sees it (3D Gaussian Splatting, Kerbl et al. 2023, with any number of channels).

    Gaussians whose shape is not finite, and those at most 0.2 before the camera, are not drawn. The result has the
    same bits whatever the number of threads and the instruction set (:func:`rtgs2_trt.instruction_set`).

    Args:
        scene: N Gaussians; arrays that are not float32 in C order are converted.
        camera: the view.
        features: (N, D) to draw besides colour; ``None`` takes ``scene.features``, or none (D = 0) if it has none.
        background: colour behind the scene; features, alpha and depth have none.
        threads: threads to use, 0 = all that the machine has.

    Raises:
        SceneError: arrays whose shapes do not go together, or Gaussians so large that their tiles cannot be listed or
            take more memory than there is.
        InputError: an impossible `background` or `threads`, or an unknown instruction set in the environment.
    """
    instruction_set()  # refuses an unknown one
    means, scales, rotations, opacities = gaussian_shapes(scene)
    count = means.shape[0]
    sh = as_floats("sh", scene.sh, (count, None, 3))
    if sh.shape[1] not in (1, 4, 9, 16):
        expected = "1, 4, 9 or 16 coefficients (degree 0 to 3)"
        raise SceneError("impossible number of coefficients", field="sh", found=sh.shape, expected=expected)
    drawn = scene.features if features is None else features
    values = np.zeros((count, 0), np.float32) if drawn is None else as_floats("features", drawn, (count, None))
    colour = _colour(background)
    check_threads(threads)
    try:
        rgb, blended, alpha, depth, seconds = _native.rasterize(
            means,
            scales,
            rotations,
            opacities,
            sh,
            values,
            camera.width,
            camera.height,
            camera.fx,
            camera.fy,
            camera.cx,
            camera.cy,
            camera.world_to_camera,
            colour,
            threads,
        )
    except ValueError as error:  # what only the core can see: too many tiles
        raise SceneError(str(error)) from error
    except MemoryError as error:
        raise SceneError(
            "drawing it takes more memory than there is",
            field="scene",
            found=f"{count} Gaussians and {values.shape[1]} channels at {camera.width} x {camera.height} pixels",
            fix="Check that the scales are linear and in the unit of the means, or draw a smaller image.",
        ) from error
    return Rendering(rgb=rgb, features=blended, alpha=alpha, depth=depth, seconds=seconds)


def _colour(background: object) -> tuple[float, float, float]:
    try:
        colour = np.asarray(background, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        colour = np.empty(0)
    if colour.shape != (3,) or not (np.abs(colour) <= np.finfo(np.float32).max).all():
        raise InputError("not a colour", field="background", found=shown(background), expected="three finite numbers")
    return float(colour[0]), float(colour[1]), float(colour[2])


def gaussian_shapes(
    scene: GaussianArrays,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Return means (N, 3), scales (N, 3), rotations (N, 4) and opacities (N,) as the core takes them.

    Raises:
        SceneError: no numbers, or shapes that do not go together.
    """
    means = as_floats("means", scene.means, (None, 3))
    count = means.shape[0]
    return (
        means,
        as_floats("scales", scene.scales, (count, 3)),
        as_floats("rotations", scene.rotations, (count, 4)),
        as_floats("opacities", scene.opacities, (count,)),
    )


def as_floats(name: str, values: ArrayLike, shape: tuple[int | None, ...]) -> NDArray[np.float32]:
    """Return `values` as float32 in C order, of a shape in which None is any size.

    Raises:
        SceneError: no numbers, or another shape; names the array.
    """
    try:
        with np.errstate(over="ignore"):  # what float32 cannot hold is infinite
            array = np.ascontiguousarray(values, dtype=np.float32)
    except (TypeError, ValueError, OverflowError) as error:
        raise SceneError("not an array of numbers", field=name, found=type(values).__name__) from error
    fits = array.ndim == len(shape) and all(want in (None, have) for want, have in zip(shape, array.shape, strict=True))
    if not fits:
        expected = "(" + ", ".join("any" if size is None else str(size) for size in shape) + ")"
        raise SceneError("wrong shape", field=name, found=array.shape, expected=expected)
    return array
