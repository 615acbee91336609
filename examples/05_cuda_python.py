"""Labels that stay on the GPU, handled by address and stream with NVIDIA's cuda-python.

python examples/05_cuda_python.py BUNDLE SCENE
"""

import sys

import numpy as np

from rtgs2_trt import Camera, Segmenter

if len(sys.argv) != 3:
    sys.exit(__doc__)
bundle, scene_file = sys.argv[1:]

segmenter = Segmenter(bundle)
if segmenter.backend_name == "cpu":
    print(f"skipped, no GPU: {segmenter.passed_over['cuda']}")
    sys.exit(0)
try:
    from cuda.bindings import runtime
except ImportError:
    print("skipped: pip install cuda-python")
    sys.exit(0)


def check(result):
    """What a call returned behind its error code, which must be success."""
    code, *values = result
    if code != runtime.cudaError_t.cudaSuccess:
        sys.exit(f"CUDA failed: {code}")
    return values


scene = segmenter.load(scene_file)
camera = Camera.look_at(eye=(6.8, 1.4, 1.6), target=(4.8, 4.0, 0.9), width=640, height=480, fov_degrees=75)
labels = segmenter.on_gpu(scene, camera).labels

# A copy of our own on the segmenter's stream, after the work that fills the labels.
host = np.empty(labels.shape, labels.dtype)
to_host = runtime.cudaMemcpyKind.cudaMemcpyDeviceToHost
check(runtime.cudaMemcpyAsync(host.ctypes.data, labels.address, labels.nbytes, to_host, segmenter.stream))
check(runtime.cudaStreamSynchronize(segmenter.stream))
print(f"{host.shape[1]}x{host.shape[0]} labels of {len(np.unique(host))} classes")
