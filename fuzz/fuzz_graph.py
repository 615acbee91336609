"""The CPU backend with hostile graphs: after a byte that says which, ``encoder.onnx`` or ``fusion.onnx`` of a bundle
with right hashes.

ONNX Runtime works in a child process: what it does to itself (a crash, a loop without end) is its own and only counted;
an exception of another kind than ours is a finding.
"""

from __future__ import annotations

import multiprocessing
import sys
import traceback
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from fuzz_bundles import manifest, write_bundle
from fuzz_common import only_our_errors
from rtgs2_trt import Camera, Scene, Segmenter
from rtgs2_trt.bundle import ENCODER_HASH, EncoderSpec

ENCODER, FUSION = b"E", b"F"
SECONDS_A_GRAPH = 20
lost = {"crashed": 0, "timed out": 0}
_child: tuple[multiprocessing.process.BaseProcess, Connection] | None = None


def run(data: bytes, folder: Path) -> None:
    global _child
    if data[:1] == FUSION:
        bundle = write_bundle(folder, fusion_onnx=data[1:])
    else:
        bundle = write_bundle(folder, fusion_onnx=_good_fusion(), encoder_onnx=data[1:] + _encoder_hash())
    if _child is None:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs,), daemon=True)
        process.start()
        theirs.close()
        _child = process, ours
    process, connection = _child
    try:
        connection.send((str(bundle), data[:1] == FUSION))
        finding = connection.recv() if connection.poll(SECONDS_A_GRAPH) else "timed out"
    except (EOFError, OSError):
        finding = "crashed"
    if finding in lost:
        lost[finding] += 1
        process.kill()
        process.join()
        connection.close()
        _child = None
        print(f"ONNX Runtime {finding} on a graph of {len(data)} bytes", file=sys.stderr)
    elif finding:
        raise AssertionError(finding)


def _good_fusion() -> bytes:
    return (Path(__file__).parent / "corpus" / "graph" / "fusion").read_bytes()[1:]


def _encoder_hash() -> bytes:
    """The metadata that ties an encoder graph to its manifest, to be appended to the graph (protobuf merges)."""
    spec = EncoderSpec(**manifest()["encoder"])
    entry = b"".join(
        bytes((field << 3 | 2, len(text))) + text.encode() for field, text in ((1, ENCODER_HASH), (2, spec.hash))
    )
    return bytes((14 << 3 | 2, len(entry))) + entry


def _serve(connection: Connection) -> None:
    """Answer each bundle's path with the traceback of an unexpected exception, or nothing."""
    _limit_memory(4 << 30)
    random = np.random.default_rng(0)
    scene = Scene(
        means=random.normal(size=(40, 3)),
        scales=np.full((40, 3), 0.1),
        rotations=np.tile([1.0, 0, 0, 0], (40, 1)),
        opacities=np.full(40, 0.9),
        sh=np.zeros((40, 1, 3)),
    )
    camera = Camera.look_at((2, 2, 2), (0, 0, 0), width=40, height=30)
    while True:
        try:
            path, is_fusion = connection.recv()
        except EOFError:
            return
        try:
            _use(path, is_fusion, scene, camera)
            connection.send("")
        except BaseException:
            connection.send(traceback.format_exc())


def _limit_memory(limit: int) -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _use(path: str, is_fusion: bool, scene: Scene, camera: Camera) -> None:
    with only_our_errors():
        segmenter = Segmenter(path, "cpu", threads=1)
        encoded = scene.with_features(np.ones((len(scene), 2), np.float32), segmenter.bundle.encoder_hash)
        if is_fusion:
            result = segmenter(encoded, camera, confidence=True)
            assert result.labels.shape == (camera.height, camera.width)
            assert result.labels.max() < len(segmenter.classes)
        else:
            features = segmenter.encode(scene).features
            assert features is not None
            assert features.shape == (len(scene), 2)
