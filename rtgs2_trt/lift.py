"""Lifts the pixels of views to the Gaussians that they show: the transpose of drawing features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rtgs2_trt import _native
from rtgs2_trt.camera import Camera
from rtgs2_trt.errors import InputError, SceneError
from rtgs2_trt.instruction_sets import instruction_set
from rtgs2_trt.rasterize import GaussianArrays, gaussian_shapes
from rtgs2_trt.threads import check_threads


@dataclass(frozen=True, eq=False)
class Lifted:
    """What pixels gave to N Gaussians. w is a Gaussian's alpha times the transmittance before it, as in drawing.

    Attributes:
        sums: (N, C) float32, sum over the pixels of w value.
        weights: (N,) float32, sum over the pixels of w: in how many pixels' worth of light a Gaussian was seen.
    """

    sums: NDArray[np.float32]
    weights: NDArray[np.float32]

    @classmethod
    def nothing(cls, count: int, channels: int) -> Lifted:
        """Return zeros for `count` Gaussians and `channels` values a pixel."""
        return cls(np.zeros((count, channels), np.float32), np.zeros(count, np.float32))


def lift(
    scene: GaussianArrays,
    camera: Camera,
    pixels: ArrayLike,
    *,
    into: Lifted | None = None,
    threads: int = 0,
) -> Lifted:
    """Add every pixel's values to the Gaussians of `scene` that are seen in it, each by its share of the pixel.

    Weights, order and cut-offs are those of :func:`rtgs2_trt.rasterize`, so lifting is the exact transpose of drawing:
    for features F and pixels P, the sum of drawn(F) P over the pixels is the sum of F lift(P) over the Gaussians. The
    result has the same bits whatever the number of threads and the instruction set.

    Args:
        scene: N Gaussians; colours and features are not looked at.
        camera: the view.
        pixels: (C, H, W) of the camera's size; converted to float32 in C order. A value that is not finite reaches the
            Gaussians seen in its pixel and no others.
        into: what earlier views gave, which this view is added to in place; zeros without.
        threads: threads to use, 0 = all that the machine has.

    Returns:
        `into`, or a new :class:`Lifted`.

    Raises:
        SceneError: arrays whose shapes do not go together, or Gaussians so large that their tiles cannot be listed or
            take more memory than there is; then nothing was added.
        InputError: pixels of another size, an `into` of other sizes, or an impossible `threads`.
    """
    instruction_set()  # refuses an unknown one
    means, scales, rotations, opacities = gaussian_shapes(scene)
    try:
        values = np.ascontiguousarray(pixels, dtype=np.float32)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError("not an array of numbers", field="pixels", found=type(pixels).__name__) from error
    if values.ndim != 3 or values.shape[1:] != (camera.height, camera.width) or values.shape[0] > 65535:
        expected = f"(C, {camera.height}, {camera.width}), the camera's size, with C up to 65535"
        raise InputError("wrong shape", field="pixels", found=values.shape, expected=expected)
    check_threads(threads)
    lifted = Lifted.nothing(len(means), len(values)) if into is None else _checked(into, len(means), len(values))
    try:
        _native.lift(
            means,
            scales,
            rotations,
            opacities,
            values,
            camera.fx,
            camera.fy,
            camera.cx,
            camera.cy,
            camera.world_to_camera,
            lifted.sums,
            lifted.weights,
            threads,
        )
    except ValueError as error:  # what only the core can see: too many tiles
        raise SceneError(str(error)) from error
    except MemoryError as error:
        raise SceneError(
            "lifting pixels to it takes more memory than there is",
            field="scene",
            found=f"{len(means)} Gaussians and {len(values)} values a pixel at {camera.width} x {camera.height} pixels",
            fix="Check that the scales are linear and in the unit of the means, or use smaller images.",
        ) from error
    return lifted


def _checked(into: Lifted, count: int, channels: int) -> Lifted:
    for name, array, shape in (("sums", into.sums, (count, channels)), ("weights", into.weights, (count,))):
        flags = array.flags
        if array.shape != shape or array.dtype != np.float32 or not (flags.c_contiguous and flags.writeable):
            raise InputError(
                "cannot be added to",
                field=f"into.{name}",
                found=f"{array.shape} {array.dtype}",
                expected=f"{shape} float32 in C order, as of the same scene and number of channels",
            )
    return into
