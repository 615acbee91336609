"""Measures what a GPU gives and writes it down: results.json and results.md.

    python -m benchmarks.gpu.run --out DIR [--peers DIR] [--gaussians 100000 500000 1000000 3000000] [--scene PLY ...]
                                 [--size 640x480] [--runs 64] [--seconds 240] [--dry-run]

Every entry is either measured here and now or says why it was not. With --dry-run nothing is: scenes are made, work is
counted and the floors of devices are written, which needs no GPU.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

import numpy as np

from rtgs2_trt import BackendError, Camera, Scene, Segmenter
from rtgs2_trt.atomic import atomic_file
from rtgs2_trt.console import image_size
from rtgs2_trt.cuda import cuda_problem
from rtgs2_trt.roofline import Network, count_work, floors, typical_room

from . import figures, measure, peers, roofline, trace
from .names import CALLS, DIFFERENCE, FRAMES, OURS, RESEARCH, RESEARCH_PIPELINE

REFERENCE = 1_000_000  # Gaussians of the scene whose frame stands for the GPU
CLASSES = 46
ENCODERS: dict[str, Literal["fp16", "fp32"]] = {
    "encoder with ONNX Runtime, FP16 graph": "fp16",
    "encoder with ONNX Runtime, FP32 graph": "fp32",
}

Found = dict[str, dict[str, Any] | peers.NotMeasuredError]


class Report:
    """What was measured and what was not."""

    def __init__(self, seconds: float, dry: bool) -> None:
        self.entries: list[dict[str, Any]] = []
        self.dry = dry
        self._end = time.monotonic() + seconds

    def skip(self, scene: str, names: Sequence[str], reason: str) -> None:
        self.entries += [{"scene": scene, "name": name, "status": "not measured", "reason": reason} for name in names]

    def try_to(self, scene: str, names: Sequence[str], work: Callable[[], Found]) -> None:
        """Measure `names`; a failure of one group is written down and the others go on."""
        if self.dry:
            return self.skip(scene, names, "dry run")
        if time.monotonic() > self._end:
            return self.skip(scene, names, "out of time")
        try:
            found = work()
        except peers.NotMeasuredError as error:
            return self.skip(scene, names, str(error))
        except Exception as error:  # whatever a driver, a library or a peer raises
            return self.skip(scene, names, f"failed: {type(error).__name__}: {error}")
        for name in names:
            entry = found[name]
            if isinstance(entry, peers.NotMeasuredError):
                self.skip(scene, [name], str(entry))
            else:
                self.entries.append({"scene": scene, "name": name, "status": "measured", **entry})
        return None


def rasterizers(scene: Scene, cameras: Sequence[Camera], runs: int, folder: Path | None) -> Found:
    """Our rasteriser and its peers on the same views, taking turns."""
    size = (cameras[0].width, cameras[0].height)
    drawings = {
        OURS[0]: measure.Drawing(scene, size, channels=3),
        OURS[1]: measure.Drawing(scene, size, channels=35),
        OURS[2]: measure.Drawing(scene, size, channels=35, blend="plain"),
    }
    for drawing in drawings.values():
        drawing.settle(cameras)
    ways: dict[str, Callable[[Camera], None]] = {name: drawing.enqueue for name, drawing in drawings.items()}
    streams = {name: drawing.stream.address for name, drawing in drawings.items()}
    found: Found = {}
    for peer, frame in peers.load_peers(folder, scene).items():
        if isinstance(frame, peers.NotMeasuredError):
            found[peer] = frame
            continue
        try:
            frame(cameras[0])
        except Exception as error:  # code of others
            found[peer] = peers.NotMeasuredError(f"failed: {type(error).__name__}: {error}")
        else:
            ways[peer], streams[peer] = frame, _torch_stream()
    found |= {
        name: {"milliseconds": times} for name, times in measure.milliseconds(ways, streams, cameras, runs).items()
    }
    for name, drawing in drawings.items():
        visible, pairs = drawing.rasterizer.needs()
        found[name] |= {"visible": visible, "pairs": pairs, "frame_memory": drawing.rasterizer.bytes}  # type: ignore[operator]
    return found


def _torch_stream() -> int:
    import torch

    return int(torch.cuda.current_stream().cuda_stream)


def onnxruntime_frame(scene: Scene, cameras: Sequence[Camera], runs: int, bundle: Path | None) -> Found:
    """Whole frames of the CUDA backend as it is, with the full-size network."""
    segmenter, encoded = _with_cuda(scene, bundle)
    found = measure.frame_seconds(segmenter, encoded, cameras, runs)
    return {FRAMES[0]: {"precision": segmenter.precision, **found}}


def _with_cuda(scene: Scene, bundle: Path | None) -> tuple[Segmenter, Scene]:
    """The bundle on the CUDA backend, and the scene as its encoder's."""
    if bundle is None:
        raise peers.NotMeasuredError("no bundle could be exported: install the extra [export]")
    try:
        segmenter = Segmenter(bundle, "cuda")
    except BackendError as error:
        raise peers.NotMeasuredError(str(error)) from error
    return segmenter, scene.with_features(scene.features, segmenter.bundle.encoder_hash)


def calls(scene: Scene, cameras: Sequence[Camera], bundle: Path | None) -> Found:
    """Whether a frame of the CUDA backend allocates or waits, traced."""
    segmenter, encoded = _with_cuda(scene, bundle)
    for _ in range(4):
        segmenter.batch(encoded, cameras)
    return {CALLS: trace.frame_calls(segmenter, encoded, cameras)}


def torch_frame(scene: Scene, cameras: Sequence[Camera], runs: int, *, half: bool) -> Found:
    """Whole frames with the network in PyTorch between our rasteriser and our labels."""
    import torch

    if not torch.cuda.is_available():
        raise peers.NotMeasuredError("PyTorch has no CUDA here")
    name = FRAMES[1] if half else FRAMES[2]
    drawing = measure.Drawing(scene, (cameras[0].width, cameras[0].height), channels=35)
    drawing.settle(cameras)
    frame = measure.TorchFrame(drawing, CLASSES, half=half)
    times = measure.milliseconds({name: frame}, {name: drawing.stream.address}, cameras, runs)
    return {name: {"milliseconds": times[name]}}


def research_pipeline(scene: Scene, cameras: Sequence[Camera], runs: int, folder: Path | None) -> Found:
    """Whole frames as the research code makes them."""
    draw = peers.load_peers(folder, scene)[RESEARCH]
    if isinstance(draw, peers.NotMeasuredError):
        raise draw
    frame = measure.ResearchFrame(draw, CLASSES, (cameras[0].width, cameras[0].height))
    name = RESEARCH_PIPELINE
    times = measure.milliseconds({name: frame}, {name: _torch_stream()}, cameras, runs)
    return {name: {"milliseconds": times[name]}}


def encoders(scene: Scene, runs: int, bundle: Path | None) -> Found:
    """The full-size encoder, its plan made and its results on the host: by the host's clock."""
    if bundle is None:
        raise peers.NotMeasuredError("no bundle could be exported: install the extra [export]")
    found: Found = {}
    for name, precision in ENCODERS.items():
        try:
            found[name] = measure.encoder(bundle, scene, runs, precision)
        except BackendError as error:
            found[name] = peers.NotMeasuredError(str(error))
    return found


def difference(scene: Scene, camera: Camera) -> Found:
    """How far the GPU is from the CPU's rasteriser and labels."""
    labels = 1 - measure.label_agreement(CLASSES, (camera.width, camera.height))
    return {DIFFERENCE: {"differences": {**measure.agreement(scene, camera), "labels": labels}}}


def full_size_bundle() -> Path | None:
    """A bundle of the full-size network with random weights, exported here; None where export is not installed."""
    try:
        from benchmarks.stages import preset_bundle

        return preset_bundle("rtgs2")
    except ImportError:
        return None


def gpu() -> dict[str, Any] | None:
    return None if cuda_problem() is not None else measure.core().device()


def versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in ("rtgs2-trt", "onnxruntime-gpu", "onnxruntime", "torch", "gsplat", "numpy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def table(result: dict[str, Any]) -> str:
    """The result in Markdown."""
    device = result["gpu"]
    lines = [
        f"# {'No GPU' if device is None else device['name']}, {result['date']}",
        "",
        f"Made by `{result['command']}`. {', '.join(f'{k} {v}' for k, v in result['versions'].items())}.",
        "",
        f"{result['size'][0]}x{result['size'][1]}, milliseconds on the GPU; the ways of a scene take turns.",
        "",
        "| scene | what | median | p90 | |",
        "|---|---|---:|---:|---|",
    ]
    for entry in result["entries"]:
        times = entry.get("milliseconds")
        if entry["status"] != "measured":
            cells, note = ("-", "-"), f"not measured: {entry['reason']}"
        elif times is not None:
            cells, note = (f"{times['median']:.3f}", f"{times['p90']:.3f}"), f"{times['runs']} runs"
        elif "seconds" in entry:
            stages = ", ".join(f"{stage} {1000 * s:.2f}" for stage, s in entry["seconds"].items())
            cells = (f"{1000 * sum(entry['seconds'].values()):.3f}", "-")
            note = (
                f"{stages}; batch {entry['frames_per_second']:.0f} frames a second, {entry['precision']}; "
                f"{entry['frame_memory'] / 1e6:.0f} MB over scene, weights and context"
            )
        else:
            numbers = entry["calls"] if "calls" in entry else entry["differences"]
            cells, note = ("-", "-"), ", ".join(f"{k} {v:.2g}" for k, v in numbers.items())
        lines.append(f"| {entry['scene']} | {entry['name']} | {cells[0]} | {cells[1]} | {note} |")
    lines += ["", "## Figures aimed at", "", figures.table(result["figures"])]
    if result["floors"] is not None:
        lines += ["", "## Floors", "", roofline.table(result["floors"], result["reference_frame"])]
    return "\n".join(lines) + "\n"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--gaussians", type=int, nargs="*", default=[100_000, 500_000, 1_000_000, 3_000_000])
    parser.add_argument("--scene", type=Path, action="append", default=[])
    parser.add_argument("--size", type=image_size, default=(640, 480))
    parser.add_argument("--runs", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=240.0)
    parser.add_argument("--graph", type=Path, help="fusion graph of the floors; full size without")
    parser.add_argument("--dry-run", action="store_true")
    arguments = parser.parse_args(argv)
    problem = cuda_problem()
    if problem is not None and not arguments.dry_run:
        print(f"nothing can be measured: {problem}", file=sys.stderr)
        return 1
    if any(side % 32 for side in arguments.size):
        parser.error("--size must be of multiples of 32, which the networks take")
    report = Report(arguments.seconds, arguments.dry_run)
    cameras = typical_room.views(arguments.size)
    bundle = None if arguments.dry_run else full_size_bundle()
    counts: dict[str, Any] = {}
    reference: Scene | None = None
    reference_name = ""
    for name, scene in _scenes(arguments):
        counts[name] = asdict(count_work(scene, cameras[0]))
        runs = arguments.runs
        report.try_to(name, [*OURS, *peers.NAMES], partial(rasterizers, scene, cameras, runs, arguments.peers))
        report.try_to(name, FRAMES[:1], partial(onnxruntime_frame, scene, cameras, runs, bundle))
        report.try_to(name, FRAMES[1:2], partial(torch_frame, scene, cameras, runs, half=True))
        report.try_to(name, FRAMES[2:], partial(torch_frame, scene, cameras, runs, half=False))
        theirs = partial(research_pipeline, scene, cameras, runs, arguments.peers)
        report.try_to(name, [RESEARCH_PIPELINE], theirs)
        if reference is None or len(scene) == REFERENCE:
            reference, reference_name = scene, name
    if reference is not None:
        report.try_to(reference_name, [DIFFERENCE], partial(difference, reference, cameras[0]))
        report.try_to(reference_name, [CALLS], partial(calls, reference, cameras, bundle))
        report.try_to(reference_name, list(ENCODERS), partial(encoders, reference, max(2, arguments.runs // 8), bundle))
    result = {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "command": " ".join(["python -m benchmarks.gpu.run", *(sys.argv[1:] if argv is None else argv)]),
        "dry_run": arguments.dry_run,
        "gpu": None if arguments.dry_run else gpu(),
        "versions": versions(),
        "size": list(arguments.size),
        "counts": counts,
        "entries": report.entries,
        "figures": figures.judge(report.entries, reference_name),
        "reference_frame": _reference_frame(report.entries),
        "floors": _floors(reference, cameras[0], arguments),
    }
    arguments.out.mkdir(parents=True, exist_ok=True)
    for file, text in (("results.json", json.dumps(result, indent=1) + "\n"), ("results.md", table(result))):
        with atomic_file(arguments.out / file) as stream:
            stream.write(text.encode())
    print(table(result))
    return 0


def _scenes(arguments: argparse.Namespace) -> Any:
    for count in arguments.gaussians:
        yield f"room of {count:,}", typical_room.room(count)
    for path in arguments.scene:
        scene = Scene.load(path)
        if scene.features is None or scene.features.shape[1] != typical_room.FEATURES:
            values = np.random.default_rng(0).standard_normal((len(scene), typical_room.FEATURES), dtype=np.float32)
            scene = scene.with_features(values, "0" * 64)
        yield path.name, scene


def _reference_frame(entries: list[dict[str, Any]]) -> dict[str, Any] | None:
    for entry in entries:
        if entry["name"] == FRAMES[0] and entry["status"] == "measured" and f"{REFERENCE:,}" in entry["scene"]:
            return {"gpu": measure.core().device()["name"], "seconds": entry["seconds"]}
    return None


def _floors(scene: Scene | None, camera: Camera, arguments: argparse.Namespace) -> dict[str, Any] | None:
    if scene is None:
        return None
    try:
        graph = arguments.graph.read_bytes() if arguments.graph else roofline.full_size_graph(CLASSES)
    except ImportError:  # onnx and torch are extras
        return None
    return floors(count_work(scene, camera), Network.of(graph, *arguments.size), CLASSES, arguments.size)


if __name__ == "__main__":
    sys.exit(main())
