"""Training for RT-GS2: generated rooms, data sets, losses, loops, metrics. Command line: ``rtgs2-train``."""
