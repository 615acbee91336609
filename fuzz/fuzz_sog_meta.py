"""A SOG folder whose ``meta.json`` is the bytes; the images are sound ones of 12 x 8 pixels."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from fuzz_common import only_our_errors
from rtgs2_trt.scene import Scene

IMAGES = ("means_l", "means_u", "quats", "scales", "sh0", "shN_labels", "shN_centroids")


def run(data: bytes, folder: Path) -> None:
    for name, image in images().items():
        if not (folder / name).exists():
            (folder / name).write_bytes(image)
    (folder / "meta.json").write_bytes(data)
    with only_our_errors(folder):
        Scene.load(folder)


@cache
def images() -> dict[str, bytes]:
    """Names and contents of the images beside meta.json."""
    rng = np.random.default_rng(0)
    made = {}
    for name in IMAGES:
        width, height = (192, 2) if name == "shN_centroids" else (12, 8)
        pixels = rng.integers(0, 256, (height, width, 4), np.uint8)
        pixels[:, :, 3] |= 252
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "WEBP", lossless=True, exact=True)
        made[f"{name}.webp"] = file.getvalue()
    return made
