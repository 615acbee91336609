"""Labels that stay on the GPU, used by a kernel that PyCUDA compiles.

python examples/06_pycuda.py BUNDLE SCENE
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
    import pycuda.autoprimaryctx  # noqa: F401  (the context that all libraries of this process share)
    from pycuda import driver, gpuarray
    from pycuda.compiler import SourceModule
except ImportError:
    print("skipped: pip install pycuda")
    sys.exit(0)

scene = segmenter.load(scene_file)
camera = Camera.look_at(eye=(6.8, 1.4, 1.6), target=(4.8, 4.0, 0.9), width=640, height=480, fov_degrees=75)
labels = segmenter.on_gpu(scene, camera).labels
driver.Context.synchronize()  # PyCUDA cannot work on streams of others, so it waits

kernel = SourceModule(f"""
__global__ void count(const {"unsigned char" if labels.dtype == np.uint8 else "unsigned short"}* labels, int pixels,
                      unsigned* counts) {{
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < pixels) atomicAdd(counts + labels[i], 1u);
}}
""").get_function("count")
pixels = labels.shape[0] * labels.shape[1]
counts = gpuarray.zeros(len(segmenter.classes), np.uint32)
kernel(np.intp(labels.address), np.int32(pixels), counts, block=(256, 1, 1), grid=((pixels + 255) // 256, 1))
for name, count in zip(segmenter.classes.names, counts.get(), strict=True):
    if count:
        print(f"{name:>20}: {count / pixels:6.1%}")
