"""Where a viewer begins when no cameras are given: inside a room, where most is seen; before an object."""

from __future__ import annotations

import numpy as np

from rtgs2_trt.camera import Camera
from rtgs2_trt.camera_paths import orbit_of_scene
from rtgs2_trt.rasterize import rasterize
from rtgs2_trt.scene import Scene

_CANDIDATES = 12
_SIZE = (96, 72)
_FREE = 0.8  # metres before the camera that should be empty


def start_camera(scene: Scene, width: int = 640, height: int = 480) -> Camera:
    """Return where a viewer begins, chosen among the views of an orbit around the scene's middle.

    The best has most of its picture covered and nothing standing close before it; of views that are equally good, the
    first. In what has the size of a room the orbit lies inside, else outside
    (:func:`rtgs2_trt.camera_paths.orbit_of_scene`).

    Args:
        scene: in metres with z up.
        width: of the view's picture, pixels.
        height: of it, pixels.

    Raises:
        CameraError: an impossible size.
        SceneError: the scene cannot be drawn.
    """
    plain = Scene(scene.means, scene.scales, scene.rotations, scene.opacities, scene.sh[:, :1])
    views = list(orbit_of_scene(scene, _CANDIDATES, width=_SIZE[0], height=_SIZE[1]).values())
    best = max(views, key=lambda camera: _worth(plain, camera))
    return best.resized(width, height)


def _worth(scene: Scene, camera: Camera) -> float:
    seen = rasterize(scene, camera)
    covered = seen.alpha > 0.5
    if not covered.any():
        return 0.0
    depth = seen.depth[covered] / seen.alpha[covered]
    free = min(1.0, float(np.percentile(depth, 10)) / _FREE)
    return round(float(covered.mean()) * free, 2)  # what is nearly as good is equal: the first then
