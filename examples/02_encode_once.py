"""Encode a scene once, save it with its features, and start faster the next time.

python examples/02_encode_once.py BUNDLE SCENE ENCODED.ply
"""

import sys
import time

from rtgs2_trt import Scene, Segmenter

if len(sys.argv) != 4:
    sys.exit(__doc__)
bundle, scene_file, encoded_file = sys.argv[1:]
segmenter = Segmenter(bundle)

start = time.perf_counter()
segmenter.encode(Scene.load(scene_file)).save(encoded_file)
print(f"read, encoded and saved in {time.perf_counter() - start:.2f} s")

start = time.perf_counter()
scene = segmenter.load(encoded_file)  # refused if the features came from another encoder
print(f"loaded {len(scene)} encoded Gaussians in {time.perf_counter() - start:.2f} s")
