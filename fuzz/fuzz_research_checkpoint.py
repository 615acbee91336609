"""``load_research_checkpoint``: the same bytes as both files, as for ``fuzz_checkpoint``."""

from __future__ import annotations

from pathlib import Path

from fuzz_checkpoint import archive
from fuzz_common import only_our_errors
from rtgs2_networks.checkpoint import load_research_checkpoint
from rtgs2_trt.classes import builtin_class_table


def run(data: bytes, folder: Path) -> None:
    path = folder / "both.pth"
    path.write_bytes(data if data[:2] == b"PK" else archive(data))
    with only_our_errors(path):
        load_research_checkpoint(path, path, builtin_class_table("scannet"))
