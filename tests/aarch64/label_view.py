"""Labels the golden view of a bundle's golden scene and writes what came out: ``label_view.py BUNDLE SCENE FOLDER``.

SCENE is written if it is not there: what machines are to compare they must read from one file.
"""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import numpy as np

from rtgs2_trt import Bundle, Segmenter, rasterize
from rtgs2_trt.pictures import save_label_image
from rtgs2_trt.self_check import read_golden


def main() -> None:
    """Write ``arrays.npz`` and ``labels.png`` to the folder."""
    bundle, file, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    folder.mkdir(exist_ok=True)
    golden = read_golden(Bundle(bundle))
    if not file.exists():
        golden.scene.save(file)
    segmenter = Segmenter(bundle, backend="cpu")
    scene = segmenter.load(file)
    result = segmenter(scene, golden.camera, confidence=True)
    drawn = rasterize(scene, golden.camera, features=golden.features)
    plan = segmenter.plan(scene)
    exact = {"means": scene.means, "scales": scene.scales, "opacities": scene.opacities, "sh": scene.sh}
    exact |= {"rgb": drawn.rgb, "drawn_features": drawn.features, "alpha": drawn.alpha, "depth": drawn.depth}
    exact |= {f"plan_{name}": array for name, array in plan.arrays.items()}
    assert scene.features is not None
    np.savez(
        folder / "arrays.npz",
        machine=np.array(platform.machine()),
        features=scene.features,
        labels=result.labels,
        confidence=result.confidence,
        **{f"exact_{name}": array for name, array in exact.items()},
    )
    save_label_image(folder / "labels.png", result.labels, segmenter.classes.ids)


if __name__ == "__main__":
    main()
