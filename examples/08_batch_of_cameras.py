"""Label a flight through a scene: views from a path, in batches, and what share of them each class has.

python examples/08_batch_of_cameras.py BUNDLE SCENE CAMERAS
"""

import sys

import numpy as np

from rtgs2_trt import Segmenter, load_cameras
from rtgs2_trt.camera_paths import interpolated

if len(sys.argv) != 4:
    sys.exit(__doc__)
bundle, scene_file, camera_file = sys.argv[1:]

segmenter = Segmenter(bundle)
scene = segmenter.load(scene_file)
keys = [camera.resized(160, 120) for camera in load_cameras(camera_file).values()]
cameras = list(interpolated(keys, 1).values())  # one view between each two

counts = np.zeros(len(segmenter.classes), np.int64)
for start in range(0, len(cameras), 4):  # all results of a batch are held at once: give long flights in parts
    for result in segmenter.batch(scene, cameras[start : start + 4]):
        counts += np.bincount(result.labels.ravel(), minlength=len(counts))

print(f"{len(cameras)} views of {len(keys)} given ones")
for index in np.argsort(-counts)[:5]:
    print(f"{segmenter.classes.names[index]:>20}: {counts[index] / counts.sum():6.1%}")
