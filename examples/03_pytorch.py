"""Labels that stay on the GPU as PyTorch tensors, and features that PyTorch computed; nothing passes through the host.

python examples/03_pytorch.py BUNDLE SCENE
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
    import torch
except ImportError:
    print("skipped: pip install torch")
    sys.exit(0)
if not torch.cuda.is_available():
    print("skipped: this PyTorch is a build without CUDA")
    sys.exit(0)

scene = segmenter.load(scene_file)
camera = Camera.look_at(eye=(6.8, 1.4, 1.6), target=(4.8, 4.0, 0.9), width=640, height=480, fov_degrees=75)

# PyTorch's current stream waits for ours, so that labels may be used at once.
labels = torch.from_dlpack(segmenter.on_gpu(scene, camera).labels)
print(f"labels {tuple(labels.shape)} on {labels.device}: {torch.bincount(labels.flatten().long()).tolist()}")

# Or PyTorch works on our stream, where nothing waits for anything.
with torch.cuda.stream(torch.cuda.ExternalStream(segmenter.stream)):
    result = segmenter.on_gpu(scene, camera, confidence=True)
    sure = torch.from_dlpack(result.confidence) > 0.9
    print(f"{sure.float().mean().item():.1%} of the pixels are sure")

# Features come in as they lie in PyTorch's memory.
segmenter.set_features(scene, torch.from_numpy(scene.features.copy()).cuda())
same = torch.from_dlpack(segmenter.on_gpu(scene, camera).labels) == labels
print(f"{same.float().mean().item():.1%} of the labels are the same with features from PyTorch")
