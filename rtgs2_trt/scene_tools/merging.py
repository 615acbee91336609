"""Several scenes as one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rtgs2_trt.errors import SceneError
from rtgs2_trt.scene import Scene


def merge(scenes: Sequence[Scene]) -> Scene:
    """Return one scene of all Gaussians, in the order given; all must be in the same metres and axes.

    Spherical harmonics get the highest degree among them. Features are kept where all scenes have them from the same
    known encoder.

    Raises:
        SceneError: there are no scenes.
    """
    if not scenes:
        raise SceneError("there are no scenes to merge", field="scenes", found="none", expected="one or more")
    if len(scenes) == 1:
        return scenes[0]
    coefficients = max(scene.sh.shape[1] for scene in scenes)
    encoders = {scene.features_encoder for scene in scenes}
    features: NDArray[np.float32] | None = None
    kept = [scene.features for scene in scenes if scene.features is not None]
    if len(kept) == len(scenes) and len(encoders) == 1 and None not in encoders:
        features = np.concatenate(kept)
    return Scene(
        means=np.concatenate([scene.means for scene in scenes]),
        scales=np.concatenate([scene.scales for scene in scenes]),
        rotations=np.concatenate([scene.rotations for scene in scenes]),
        opacities=np.concatenate([scene.opacities for scene in scenes]),
        sh=np.concatenate([_padded(scene.sh, coefficients) for scene in scenes]),
        features=features,
        features_encoder=encoders.pop() if features is not None else None,
    )


def _padded(sh: NDArray[np.float32], coefficients: int) -> NDArray[np.float32]:
    return np.pad(sh, ((0, 0), (0, coefficients - sh.shape[1]), (0, 0)))
