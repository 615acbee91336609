"""The loop of a robot: poses come at their own rate, labels of the newest go out, nothing piles up.

python examples/07_label_stream.py BUNDLE SCENE
"""

import sys
import time

from rtgs2_trt import Segmenter
from rtgs2_trt.camera_paths import orbit_of_scene

if len(sys.argv) != 3:
    sys.exit(__doc__)
bundle, scene_file = sys.argv[1:]

segmenter = Segmenter(bundle)
scene = segmenter.load(scene_file)
poses = orbit_of_scene(scene, 60, width=160, height=120)  # stands for the robot's localisation

with segmenter.label_stream(scene, confidence=True) as stream:
    for moment, pose in enumerate(poses.values()):
        stream.submit(pose, stamp=moment)
        time.sleep(1 / 50)
        newest = stream.wait(timeout=0)  # None: there is nothing new yet
        if newest is not None:
            floor = (newest.result.labels == segmenter.classes.names.index("floor")).mean()
            print(f"pose {newest.stamp}: {floor:5.1%} floor, {1000 * newest.latency:.0f} ms old")

told = stream.statistics()
print(f"{told.labelled} of {told.submitted} poses labelled, {told.dropped} overtaken")
print(f"latency: median {1000 * told.latency_median:.0f} ms, 95 % within {1000 * told.latency_95:.0f} ms")
print(f"jitter: {1000 * told.jitter:.0f} ms")
