"""Looking at what ``torch.save`` wrote before PyTorch loads it; needs no PyTorch."""

from __future__ import annotations

import zipfile
from pathlib import Path

from rtgs2_trt.errors import InputError
from rtgs2_trt.zip_archives import UNREADABLE


def refuse_compressed(path: str | Path, error: type[InputError]) -> None:
    """Refuse a ZIP archive with compressed members, which ``torch.load`` would inflate without limit.

    ``torch.save`` stores all members as they are, so that nothing grows beyond the file's size.

    Raises:
        InputError: as the subclass `error`; a member is compressed, or the archive is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            compressed = next((m for m in archive.infolist() if m.compress_type != zipfile.ZIP_STORED), None)
    except UNREADABLE as problem:
        raise error(
            "a damaged or incomplete file", file=path, found=problem, fix="Copy it again, or give another checkpoint."
        ) from problem
    if compressed is not None:
        raise error(
            "a compressed archive, which could grow without limit",
            file=path,
            field=compressed.filename[:80],
            found=f"{compressed.file_size} bytes from {compressed.compress_size}",
            expected="stored as they are, as torch.save does",
            fix="Save it again with torch.save.",
        )
