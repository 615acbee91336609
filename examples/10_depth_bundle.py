"""Predict depth with a bundle of the depth task, and hold it against the depth of the Gaussians themselves.

python examples/10_depth_bundle.py DEPTH_BUNDLE SCENE PICTURE.png
"""

import sys

import numpy as np

from rtgs2_trt import Camera, Segmenter
from rtgs2_trt.depth_pictures import save_depth_image

if len(sys.argv) != 4:
    sys.exit(__doc__)
bundle, scene_file, picture = sys.argv[1:]

segmenter = Segmenter(bundle)
if segmenter.task != "depth":
    sys.exit(f"{bundle} predicts classes: export a checkpoint that was trained with task: depth")

scene = segmenter.load(scene_file)
camera = Camera.look_at(eye=(6.8, 1.4, 1.6), target=(4.8, 4.0, 0.9), width=320, height=240, fov_degrees=75)
result = segmenter(scene, camera, depth=True)

predicted, rendered = result.depth_prediction, result.depth  # (H, W) metres along the view axis
print(f"predicted {np.nanmin(predicted):.2f} to {np.nanmax(predicted):.2f} m")
print(f"rendered  {np.nanmin(rendered):.2f} to {np.nanmax(rendered):.2f} m")
print(f"median difference {np.nanmedian(np.abs(predicted - rendered)):.2f} m")
save_depth_image(picture, predicted)  # 16 bits, millimetres
