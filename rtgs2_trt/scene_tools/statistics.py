"""Numbers about a scene that tell whether it is what one thinks it is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from rtgs2_trt.scene import Scene
from rtgs2_trt.scene_tools.floaters import floaters

_FAINT = 0.05
_PERCENTS = (1, 50, 99)


@dataclass(frozen=True)
class SceneStatistics:
    """Counts and distributions of a scene.

    ``extent`` (3,) is what 98 % of the means span on each axis, ``bounds`` all of them; ``scales`` are the 1st, 50th
    and 99th percentile of the greatest scale of each Gaussian, all in the scene's metres; ``faint`` and ``floating``
    are shares of the Gaussians, with an opacity under 0.05 and with too few others around (see `floaters`).
    """

    gaussians: int
    sh_degree: int
    features: int
    bounds: tuple[tuple[float, ...], tuple[float, ...]]
    extent: tuple[float, ...]
    scales: tuple[float, ...]
    median_opacity: float
    faint: float
    floating: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def statistics(scene: Scene) -> SceneStatistics:
    """Return numbers about a scene in metres."""
    low, high = np.percentile(scene.means.astype(np.float64), (1, 99), axis=0)
    least, greatest = scene.bounds
    return SceneStatistics(
        gaussians=len(scene),
        sh_degree=scene.sh_degree,
        features=0 if scene.features is None else scene.features.shape[1],
        bounds=(tuple(map(float, least)), tuple(map(float, greatest))),
        extent=tuple(map(float, high - low)),
        scales=tuple(map(float, np.percentile(scene.scales.max(axis=1), _PERCENTS))),
        median_opacity=float(np.median(scene.opacities)),
        faint=float((scene.opacities < _FAINT).mean()),
        floating=float(floaters(scene).mean()),
    )
