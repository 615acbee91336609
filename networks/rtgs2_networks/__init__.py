"""The RT-GS2 networks in plain PyTorch, and the reading of their checkpoints."""
