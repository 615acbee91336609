"""``load_checkpoint``. Bytes that start with ``PK`` are the file itself; others are the pickle in such an archive, the
checksums of which would otherwise hide it from the fuzzer."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from fuzz_common import only_our_errors
from rtgs2_networks.checkpoint import load_checkpoint

STORAGES = {str(i): 64 << i for i in range(4)}
"""Bytes of the archive's tensor memory, by name."""


def archive(pickle: bytes) -> bytes:
    """Return what torch.save would write around `pickle`."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as zipped:
        zipped.writestr("archive/data.pkl", pickle)
        zipped.writestr("archive/byteorder", "little")
        for name, size in STORAGES.items():
            zipped.writestr(f"archive/data/{name}", bytes(size))
        zipped.writestr("archive/version", "3\n")
    return file.getvalue()


def run(data: bytes, folder: Path) -> None:
    path = folder / "ckpt.pt"
    path.write_bytes(data if data[:2] == b"PK" else archive(data))
    with only_our_errors(path):
        load_checkpoint(path)
