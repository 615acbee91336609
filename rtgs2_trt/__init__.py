"""Semantic segmentation of 3D Gaussian Splatting scenes with RT-GS2 networks."""
