"""Merge and rename classes, and leave out what the network is unsure of.

python examples/09_class_map.py BUNDLE SCENE PICTURE.png
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

from rtgs2_trt import Camera, Segmenter
from rtgs2_trt.class_map import least_confidences, load_class_map, unsure_as_unknown
from rtgs2_trt.pictures import overlay, save_image

if len(sys.argv) != 4:
    sys.exit(__doc__)
bundle, scene_file, picture = sys.argv[1:]

segmenter = Segmenter(bundle)
scene = segmenter.load(scene_file)
camera = Camera.look_at(eye=(6.8, 1.4, 1.6), target=(4.8, 4.0, 0.9), width=320, height=240, fov_degrees=75)
result = segmenter(scene, camera, confidence=True, rgb=True)

with tempfile.TemporaryDirectory() as folder:  # on the command line: --map FILE
    rules = Path(folder) / "furniture.txt"
    rules.write_text("wall, floor, ceiling, door, window -> room\n* -> thing\n")
    classes = load_class_map(rules, result.classes)

# Thresholds first: they are about the classes that the network knows.
least = least_confidences("0.3,wall=0.5", result.classes)
sure = unsure_as_unknown(result.labels, result.confidence, least)
labels = classes.apply(sure)

unknown = np.iinfo(labels.dtype).max
for index, name in enumerate(classes.table.names):
    print(f"{name:>10}: {(labels == index).mean():6.1%}")
print(f"{'unknown':>10}: {(labels == unknown).mean():6.1%}")
save_image(picture, overlay(result.rgb, labels, classes.table.colors, classes.table.names))
