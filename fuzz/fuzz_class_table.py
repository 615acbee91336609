"""``load_class_table``: the bytes are YAML."""

from __future__ import annotations

from pathlib import Path

from fuzz_common import only_our_errors
from rtgs2_trt.classes import load_class_table


def run(data: bytes, folder: Path) -> None:
    path = folder / "classes.yaml"
    path.write_bytes(data)
    with only_our_errors(path):
        table = load_class_table(path)
        assert len(table.names) == len(table.ids) == len(table.colors)
