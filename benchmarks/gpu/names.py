"""What is measured, by the names that stand in results.json."""

from __future__ import annotations

OURS = ("ours, 3 channels", "ours, 35 channels", "ours, 35 channels without tensor cores")
GSPLAT_COLOUR = "gsplat, 3 channels"
GSPLAT_FEATURES = "gsplat, 35 channels in two passes"
RESEARCH = "research rasteriser, 3 channels"
RESEARCH_PIPELINE = "research pipeline: its rasteriser (3 channels, so at best), PyTorch FP32 eager"
ORT_FRAME = "frame with ONNX Runtime"
TORCH_FRAME = "frame with PyTorch FP16"
RECORDED_FRAME = "frame with PyTorch FP16, recorded as one CUDA graph"
TORCH_FP32_FRAME = "frame with PyTorch FP32"
FRAMES = (ORT_FRAME, TORCH_FRAME, RECORDED_FRAME)
CALLS = {frame: f"calls of CUDA in a {frame}" for frame in FRAMES}
DIFFERENCES = {"half": "difference from the CPU, FP16, relative", "float": "difference from the CPU, FP32, relative"}
# A Gaussian whose alpha is 1/255 up to rounding counts on one side alone: a step that no precision takes away.
BUT_FLIPPED = ", all but 1 pixel in 1,000"
LABELS = "labels of the demo's network against the CPU's"
ENCODERS = {"fp16": "encoder with ONNX Runtime, FP16 graph", "fp32": "encoder with ONNX Runtime, FP32 graph"}
