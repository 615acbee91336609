"""``Bundle``: the bytes are ``manifest.json``; the other files are there and empty."""

from __future__ import annotations

from pathlib import Path

from fuzz_bundles import write_bundle
from fuzz_common import only_our_errors
from rtgs2_trt.bundle import Bundle


def run(data: bytes, folder: Path) -> None:
    bundle = write_bundle(folder)
    (bundle / "manifest.json").write_bytes(data)
    with only_our_errors(bundle):
        Bundle(bundle).manifest.to_json()
