"""``read_golden``. Bytes that start with ``PK`` are ``golden.npz``; in others every member of it follows its length
in two bytes: the archive's checksums would hide them from the fuzzer."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from fuzz_bundles import write_bundle
from fuzz_common import only_our_errors
from rtgs2_trt.bundle import Bundle
from rtgs2_trt.self_check import read_golden

MEMBERS = (
    "means",
    "scales",
    "rotations",
    "opacities",
    "sh",
    "image_size",
    "intrinsics",
    "world_to_camera",
    "features",
    "logits",
)


def archive(data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as zipped:
        for name in MEMBERS:
            length = int.from_bytes(data[:2], "little")
            zipped.writestr(f"{name}.npy", data[2 : 2 + length])
            data = data[2 + length :]
    return file.getvalue()


def run(data: bytes, folder: Path) -> None:
    golden = data if data[:2] == b"PK" else archive(data)
    bundle = write_bundle(folder, golden_npz=golden)
    with only_our_errors(bundle / "golden.npz"):
        read_golden(Bundle(bundle))
