"""What is measured, by the names that stand in results.json."""

from __future__ import annotations

OURS = ("ours, 3 channels", "ours, 35 channels", "ours, 35 channels without tensor cores")
GSPLAT_COLOUR = "gsplat, 3 channels"
GSPLAT_FEATURES = "gsplat, 35 channels in two passes"
RESEARCH = "research rasteriser, 3 channels"
RESEARCH_PIPELINE = "research pipeline: its rasteriser (3 channels, so at best), PyTorch FP32 eager"
FRAMES = ("frame with ONNX Runtime", "frame with PyTorch FP16", "PyTorch FP32 eager network in our frame")
CALLS = "calls of CUDA in a frame with ONNX Runtime"
DIFFERENCE = "difference from the CPU, relative"
