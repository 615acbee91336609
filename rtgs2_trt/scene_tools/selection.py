"""Some of a scene's Gaussians."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rtgs2_trt.errors import SceneError
from rtgs2_trt.scene import Scene


def select(scene: Scene, keep: NDArray[np.bool_]) -> Scene:
    """Return the scene of the Gaussians that `keep` (N,) bool names, in their order, with their features.

    Raises:
        SceneError: `keep` has another shape or type, or keeps none.
    """
    keep = np.asarray(keep)
    if keep.shape != (len(scene),) or keep.dtype != np.bool_:
        raise SceneError(
            "not a mask of the Gaussians", field="keep", found=f"{keep.shape} {keep.dtype}", expected=f"({len(scene)},)"
        )
    if not keep.any():
        raise SceneError("no Gaussians are left", field="keep", found=f"0 of {len(scene)}", fix="Keep more of them.")
    if keep.all():
        return scene
    return Scene(
        means=scene.means[keep],
        scales=scene.scales[keep],
        rotations=scene.rotations[keep],
        opacities=scene.opacities[keep],
        sh=scene.sh[keep],
        features=None if scene.features is None else scene.features[keep],
        features_encoder=scene.features_encoder,
    )


def inside_box(scene: Scene, low: ArrayLike, high: ArrayLike) -> NDArray[np.bool_]:
    """Return which Gaussians' means lie in a box, edges included.

    Args:
        scene: N Gaussians.
        low: (3,) least x, y and z in the scene's metres; -inf for no limit.
        high: (3,) greatest ones; inf for no limit.

    Returns:
        (N,) bool.

    Raises:
        SceneError: not three numbers each, or a box without an inside.
    """
    corners = []
    for name, corner in (("low", low), ("high", high)):
        try:
            values = np.asarray(corner, dtype=np.float64)
        except (TypeError, ValueError) as problem:
            raise SceneError("not a corner of a box", field=name, expected="three numbers") from problem
        if values.shape != (3,) or np.isnan(values).any():
            raise SceneError("not a corner of a box", field=name, found=values.tolist(), expected="three numbers")
        corners.append(values)
    if (corners[0] > corners[1]).any():
        raise SceneError(
            "a box without an inside",
            field="low, high",
            found=f"{corners[0].tolist()}, {corners[1].tolist()}",
            expected="low at most high on every axis",
        )
    inside = (scene.means >= corners[0]) & (scene.means <= corners[1])
    return np.asarray(np.logical_and.reduce(inside, axis=1))
