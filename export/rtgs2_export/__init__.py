"""Export of RT-GS2 checkpoints to ONNX bundles."""
