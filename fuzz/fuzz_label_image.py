"""``read_number_image``: the bytes are a PNG of labels, then of depth, for a camera of 8 x 6 pixels."""

from __future__ import annotations

from pathlib import Path

from fuzz_common import only_our_errors
from rtgs2_training.label_images import read_number_image


def run(data: bytes, folder: Path) -> None:
    path = folder / "label.png"
    path.write_bytes(data)
    for sixteen_bits in (False, True):
        with only_our_errors(path):
            assert read_number_image(path, (8, 6), sixteen_bits=sixteen_bits).shape == (6, 8)
