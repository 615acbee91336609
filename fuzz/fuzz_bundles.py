"""A bundle of the fewest bytes, for the targets that damage one file of it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

FEATURES, CLASSES = 2, 3


def manifest(**files: bytes) -> dict[str, Any]:
    """Return a manifest with the right hashes of `files` (``encoder_onnx`` stands for ``encoder.onnx``)."""
    contents = {"encoder.onnx": b"", "fusion.onnx": b"", "golden.npz": b""}
    contents |= {name.replace("_", "."): content for name, content in files.items()}
    return {
        "format": "rtgs2-bundle/1",
        "description": "hostile",
        "image_size": [64, 32],
        "trained_on": "rgb",
        "precision": ["fp32"],
        "encoder": {
            "voxel_size": 0.07,
            "stages": 2,
            "patch_size": 16,
            "stem_kernel": 3,
            "cpe_kernel": 3,
            "feature_channels": FEATURES,
            "weights_sha256": "0" * 64,
        },
        "classes": {
            "name": "t",
            "table": [{"index": i, "id": i, "name": f"c{i}", "color": [i, 0, 0]} for i in range(CLASSES)],
        },
        "checkpoint_sha256": "0" * 64,
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()},
        "tools": {},
    }


def write_bundle(folder: Path, **files: bytes) -> Path:
    """Write a bundle with such `files`, their hashes right."""
    bundle = folder / "hostile.rtgs2"
    bundle.mkdir(exist_ok=True)
    contents = {"encoder_onnx": b"", "fusion_onnx": b"", "golden_npz": b""} | files
    for name, content in contents.items():
        (bundle / name.replace("_", ".")).write_bytes(content)
    (bundle / "manifest.json").write_text(json.dumps(manifest(**files)))
    return bundle
