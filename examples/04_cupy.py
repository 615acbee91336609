"""Labels that stay on the GPU as CuPy arrays, and features that CuPy holds.

python examples/04_cupy.py BUNDLE SCENE
"""

import sys

from rtgs2_trt import Camera, Segmenter

if len(sys.argv) != 3:
    sys.exit(__doc__)
bundle, scene_file = sys.argv[1:]

segmenter = Segmenter(bundle)
if segmenter.backend_name == "cpu":
    print(f"skipped, no GPU: {segmenter.passed_over['cuda']}")
    sys.exit(0)
try:
    import cupy
except ImportError:
    print("skipped: pip install cupy-cuda13x, or the package of your CUDA")
    sys.exit(0)

scene = segmenter.load(scene_file)
camera = Camera.look_at(eye=(6.8, 1.4, 1.6), target=(4.8, 4.0, 0.9), width=640, height=480, fov_degrees=75)

result = segmenter.on_gpu(scene, camera, rgb=True)
labels, rgb = cupy.from_dlpack(result.labels), cupy.asarray(result.rgb)  # by either protocol, without a copy
for index in cupy.unique(labels).tolist():
    colour = rgb[:, labels == index].mean(axis=1).astype(cupy.float32).tolist()
    print(f"{segmenter.classes.names[index]:>20}: mean colour {', '.join(f'{c:.2f}' for c in colour)}")

with cupy.cuda.ExternalStream(segmenter.stream):  # CuPy works on our stream: nothing waits
    segmenter.set_features(scene, cupy.asarray(scene.features))
    again = cupy.from_dlpack(segmenter.on_gpu(scene, camera).labels)
    print(f"{float((again == labels).mean()):.1%} of the labels are the same with features from CuPy")
