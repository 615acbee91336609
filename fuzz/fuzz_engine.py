"""``find_engine``: the bytes are the ``engine.json`` of an engine's folder that has the right name."""

from __future__ import annotations

from pathlib import Path

from fuzz_bundles import write_bundle
from fuzz_common import only_our_errors
from rtgs2_trt.bundle import Bundle
from rtgs2_trt.tensorrt.engine_store import MANIFEST, EngineKey, find_engine

KEY = EngineKey(
    gpu="Orin", sm=87, tensorrt="10.3.0", graph_sha256="a" * 64, encoder_sha256="d" * 64, plugin_sha256="b" * 64
)


def run(data: bytes, folder: Path) -> None:
    bundle = Bundle(write_bundle(folder))
    engine = bundle.path / "engines" / KEY.folder
    engine.mkdir(parents=True, exist_ok=True)
    (engine / MANIFEST).write_bytes(data)
    with only_our_errors(engine):
        found = find_engine(bundle, KEY)
        found.read_encoder()
        found.read()
