"""Label one view of a scene: the four lines, and what comes back.

python examples/01_label_one_view.py BUNDLE SCENE
"""

import sys

import numpy as np

from rtgs2_trt import Camera, Segmenter

if len(sys.argv) != 3:
    sys.exit(__doc__)
bundle, scene_file = sys.argv[1:]

segmenter = Segmenter(bundle)
scene = segmenter.load(scene_file)
camera = Camera.look_at(eye=(6.8, 1.4, 1.6), target=(4.8, 4.0, 0.9), width=320, height=240, fov_degrees=75)
result = segmenter(scene, camera, confidence=True, depth=True)

print(f"{result.labels.shape[1]}x{result.labels.shape[0]} labels on backend {segmenter.backend_name}")
for index, pixels in enumerate(np.bincount(result.labels.ravel(), minlength=len(result.classes))):
    if pixels:
        print(f"{result.classes.names[index]:>20}: {pixels / result.labels.size:6.1%}")
print(f"median confidence {np.median(result.confidence):.2f}, median depth {np.nanmedian(result.depth):.2f} m")
