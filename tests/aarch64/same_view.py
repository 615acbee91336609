"""Compares two folders of ``label_view.py``: the core's results bit for bit, the networks' within rounding.

ONNX Runtime sums in another order on another processor, so its features and confidences may differ as FP32 sums do
(1e-4, the bound of golden inputs), and a label only where two classes are nearly as likely.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

BOUND = 1e-4


def main() -> int:
    """Compare; says what differs."""
    here, there = (dict(np.load(Path(folder) / "arrays.npz")) for folder in sys.argv[1:3])
    machines = f"{here['machine']} and {there['machine']}"
    exact = [name for name in here if name.startswith("exact_")]
    unequal = [name for name in exact if here[name].tobytes() != there[name].tobytes()]
    features = float(np.abs(here["features"] - there["features"]).max() / np.abs(here["features"]).max())
    confidence = float(np.abs(here["confidence"] - there["confidence"]).max())
    different = here["labels"] != there["labels"]
    unlike = different & (np.maximum(here["confidence"], there["confidence"]) > 0.5 + BOUND)
    print(
        f"{machines}: {len(exact) - len(unequal)} of {len(exact)} arrays of the core are the same bits; features "
        f"differ by {features:.1e}, confidences by {confidence:.1e}, {int(different.sum())} of {different.size} labels"
    )
    if unequal:
        print("not the same bits:", *unequal)
    same_machine = here["machine"] == there["machine"]  # then nothing was shown
    return int(bool(unequal) or same_machine or max(features, confidence) > BOUND or bool(unlike.any()))


if __name__ == "__main__":
    sys.exit(main())
