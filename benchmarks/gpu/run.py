"""Measures what a GPU gives and writes it down: results.json and results.md, anew after every step.

    python -m benchmarks.gpu.run --out DIR [--peers DIR] [--gaussians 1000000 100000 500000 3000000] [--scene PLY ...]
                                 [--size 640x480] [--runs 64] [--seconds 240] [--dry-run]

Every entry is either measured here and now or says why it was not. The room of a million Gaussians comes first, with
all that is measured once; what the profiler of PyTorch tells of its frames goes to profile.txt. With --dry-run nothing
is measured: scenes are made, work is counted and the floors of devices are written, which needs no GPU.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

import numpy as np

from rtgs2_trt import BackendError, Camera, Scene, Segmenter
from rtgs2_trt.backends import cuda_engine
from rtgs2_trt.console import image_size
from rtgs2_trt.cuda import cuda_problem
from rtgs2_trt.roofline import Network, count_work, floors, typical_room

from . import agreement, measure, peers, roofline, torch_frames, trace
from .names import (
    CALLS,
    DIFFERENCES,
    ENCODERS,
    LABELS,
    ORT_FRAME,
    OURS,
    RECORDED_FRAME,
    RESEARCH,
    RESEARCH_PIPELINE,
    TORCH_FP32_FRAME,
    TORCH_FRAME,
)
from .report import Found, Report

REFERENCE = 1_000_000  # Gaussians of the scene whose frame stands for the GPU
ROOMS = (REFERENCE, 100_000, 500_000, 3_000_000)
CLASSES = 46
CHECKPOINT = Path(__file__).parents[2] / "examples" / "demo" / "ckpt.pt"
DEMO_SIZE = (320, 256)
_COUNTING = 20.0  # seconds that counting a scene's work on the CPU may take


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
        found[name] |= {"visible": visible, "pairs": pairs, "workspace": drawing.rasterizer.bytes}  # type: ignore[operator]
    return found


def onnxruntime_frame(scene: Scene, cameras: Sequence[Camera], runs: int) -> Found:
    """Whole frames of the CUDA backend as it is, with the full-size network."""
    segmenter, encoded = _with_cuda(scene)
    segmenter(encoded, cameras[0])  # the libraries' code is there from now on, whoever uses it
    del segmenter
    segmenter, encoded = _with_cuda(scene)
    found = measure.frame_seconds(segmenter, encoded, cameras, runs)
    return {ORT_FRAME: {"precision": segmenter.precision, **found}}


def onnxruntime_calls(scene: Scene, cameras: Sequence[Camera], profile: Path) -> Found:
    """Whether a frame of the CUDA backend allocates or waits, traced."""
    segmenter, encoded = _with_cuda(scene)
    measure.settle(segmenter, encoded, cameras)
    return {CALLS[ORT_FRAME]: _calls(partial(segmenter, encoded), cameras, ORT_FRAME, profile)}


def torch_frame(scene: Scene, cameras: Sequence[Camera], runs: int, *, half: bool, recorded: bool = False) -> Found:
    """Whole frames with the network in PyTorch between our rasteriser and our labels."""
    name = RECORDED_FRAME if recorded else TORCH_FRAME if half else TORCH_FP32_FRAME
    frame, free = _torch_frame(scene, cameras, half=half, recorded=recorded)
    drawing = frame.drawing
    times = measure.milliseconds({name: frame}, {name: drawing.stream.address}, cameras, runs)
    taken = free - int(measure.core().device()["free_memory"])
    entry: dict[str, Any] = {"milliseconds": times[name], "scene_memory": drawing.scene.bytes}
    entry["frame_memory"] = taken - drawing.scene.bytes
    if not recorded:
        entry["seconds"] = frame.seconds(cameras, runs)
    return {name: entry}


def torch_calls(scene: Scene, cameras: Sequence[Camera], profile: Path, *, recorded: bool) -> Found:
    """Whether such a frame, in FP16, allocates or waits, traced."""
    name = RECORDED_FRAME if recorded else TORCH_FRAME
    frame, _ = _torch_frame(scene, cameras, half=True, recorded=recorded)

    def whole(camera: Camera) -> None:
        frame(camera)
        frame.drawing.stream.wait()

    for camera in cameras:
        whole(camera)
    return {CALLS[name]: _calls(whole, cameras, name, profile)}


def _torch_frame(
    scene: Scene, cameras: Sequence[Camera], *, half: bool, recorded: bool
) -> tuple[torch_frames.TorchFrame, int]:
    """The frame, and bytes that were free before it, its network's weights there already."""
    torch = _torch()
    size = (cameras[0].width, cameras[0].height)
    network = torch_frames.full_size_network(CLASSES)
    free = _free_memory_beside(torch, network, size, half=half)
    drawing = measure.Drawing(scene, size, channels=35)
    drawing.settle(cameras)
    frame = torch_frames.TorchFrame(drawing, network, half=half)
    if recorded:
        frame.record(cameras[0])
    return frame, free


def _free_memory_beside(torch: Any, network: Any, size: tuple[int, int], *, half: bool) -> int:
    """Bytes that are free once the network's weights and the libraries' code are on the GPU."""
    device, dtype = "cuda" if torch.cuda.is_available() else "cpu", torch.float16 if half else torch.float32
    network.eval().to(device, dtype)
    images = (torch.zeros(1, channels, size[1], size[0], dtype=dtype, device=device) for channels in (3, 32))
    with torch.inference_mode():
        network(*images)
    if device == "cuda":
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
    return int(measure.core().device()["free_memory"])


def research_pipeline(scene: Scene, cameras: Sequence[Camera], runs: int, folder: Path | None) -> Found:
    """Whole frames as the research code makes them."""
    draw = peers.load_peers(folder, scene)[RESEARCH]
    if isinstance(draw, peers.NotMeasuredError):
        raise draw
    network = torch_frames.full_size_network(CLASSES)
    frame = torch_frames.ResearchFrame(draw, network, (cameras[0].width, cameras[0].height))
    name = RESEARCH_PIPELINE
    times = measure.milliseconds({name: frame}, {name: _torch_stream()}, cameras, runs)
    return {name: {"milliseconds": times[name]}}


def encoders(scene: Scene, runs: int) -> Found:
    """The full-size encoder, its plan made and its results on the host: by the host's clock."""
    bundle = _bundle()
    found: Found = {}
    precision: Literal["fp16", "fp32"]
    for precision in ("fp16", "fp32"):
        try:
            found[ENCODERS[precision]] = measure.encoder(bundle, scene, runs, precision)
        except BackendError as error:
            found[ENCODERS[precision]] = peers.NotMeasuredError(str(error))
    return found


def differences(scene: Scene, camera: Camera) -> Found:
    """How far the GPU's rasteriser is from the CPU's."""
    found: Found = {}
    storage: Literal["half", "float"]
    for storage in ("half", "float"):
        found[DIFFERENCES[storage]] = {"differences": agreement.images(scene, camera, storage)}
    return found


def demo_labels() -> Found:
    """How many labels of frames with a trained network differ from the CPU's."""
    return {LABELS: {"differences": agreement.labels(demo())}}


def demo() -> agreement.Demo:
    """The demo's checkpoint, exported here, in the room that it has never seen."""
    try:
        from rtgs2_export.export import export_bundle
        from rtgs2_networks.checkpoint import load_checkpoint
        from rtgs2_training.synthrooms import demo_room
    except ImportError as error:
        raise peers.NotMeasuredError(f"no bundle could be exported, install the extra [export]: {error}") from error
    folder = Path("build/bench")
    folder.mkdir(parents=True, exist_ok=True)
    room = demo_room(image_size=DEMO_SIZE)
    bundle = export_bundle(load_checkpoint(CHECKPOINT), folder / "demo.rtgs2", image_size=DEMO_SIZE).path
    return agreement.Demo(CHECKPOINT, bundle, room.scene, [view.camera for view in room.views.values()])


@cache
def full_size_bundle() -> Path:
    """A bundle of the full-size network with random weights, exported here.

    Raises:
        ImportError: what exports is not installed.
    """
    from benchmarks.stages import preset_bundle

    return preset_bundle("rtgs2")


def _bundle() -> Path:
    """The same, where ONNX Runtime can compute with it on the GPU."""
    problem = cuda_engine.provider_problem()
    if problem is not None:
        raise peers.NotMeasuredError(problem)
    try:
        return full_size_bundle()
    except ImportError as error:
        raise peers.NotMeasuredError(f"no bundle could be exported, install the extra [export]: {error}") from error


def _with_cuda(scene: Scene) -> tuple[Segmenter, Scene]:
    """The bundle on the CUDA backend, and the scene as its encoder's."""
    try:
        segmenter = Segmenter(_bundle(), "cuda")
    except BackendError as error:
        raise peers.NotMeasuredError(str(error)) from error
    return segmenter, scene.with_features(scene.features, segmenter.bundle.encoder_hash)


def _calls(frame: Callable[[Camera], object], cameras: Sequence[Camera], name: str, profile: Path) -> dict[str, Any]:
    """Calls of a frame, by name; PyTorch's table goes to the end of `profile`."""
    found = trace.traced(frame, cameras)
    with profile.open("a", encoding="utf-8") as stream:
        stream.write(f"== {name}, {trace.FRAMES[1]} frames\n{found.profile}\n\n")
    return {**trace.inside_a_frame(*found.counts), "kernel_seconds": dict(found.kernel_seconds)}


def _torch() -> Any:
    import torch

    if not torch.cuda.is_available():
        raise peers.NotMeasuredError("PyTorch has no CUDA here")
    return torch


def _torch_stream() -> int:
    return int(_torch().cuda.current_stream().cuda_stream)


def versions() -> dict[str, str]:
    """Of what takes part."""
    found = {"python": platform.python_version()}
    for package in ("rtgs2-trt", "onnxruntime-gpu", "onnxruntime", "torch", "gsplat", "numpy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--peers-problem", metavar="TEXT", help="why they are not to be tried")
    parser.add_argument("--gaussians", type=int, nargs="*", default=list(ROOMS))
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
    header = {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "command": " ".join(["python -m benchmarks.gpu.run", *(sys.argv[1:] if argv is None else argv)]),
        "gpu": None if arguments.dry_run else measure.core().device(),
        "versions": versions(),
        "size": list(arguments.size),
    }
    report = Report(arguments.out, header, arguments.seconds, arguments.dry_run)
    report.save()
    profile = arguments.out / "profile.txt"
    profile.unlink(missing_ok=True)
    cameras = typical_room.views(arguments.size)
    loaded: list[tuple[str, Scene]] = []
    for name, load in _scenes(arguments):
        begin = time.monotonic()
        try:
            scene = load()
        except Exception as error:  # the other scenes go on
            report.skip(name, [*OURS, ORT_FRAME, TORCH_FRAME], f"failed: {type(error).__name__}: {error}")
            continue
        report.note(name, "scene", time.monotonic() - begin)
        first = not report.reference
        if first:
            report.reference = name
        _frames(report, name, scene, cameras, arguments)
        if first:
            _once(report, name, scene, cameras, arguments, profile)
        _count(report, name, scene, cameras[0])
        loaded.append((name, scene))
    for name, scene in loaded:
        _peers(report, name, scene, cameras, arguments)
    print(report.finish())
    return 0


def _frames(report: Report, name: str, scene: Scene, cameras: Sequence[Camera], arguments: argparse.Namespace) -> None:
    """What is timed of every scene."""
    runs = arguments.runs
    report.try_to(name, OURS, partial(rasterizers, scene, cameras, runs, None))
    with_torch = partial(torch_frame, scene, cameras, runs)
    report.try_to(name, [TORCH_FRAME], partial(with_torch, half=True))
    report.try_to(name, [ORT_FRAME], partial(onnxruntime_frame, scene, cameras, runs))
    report.try_to(name, [RECORDED_FRAME], partial(with_torch, half=True, recorded=True))
    report.try_to(name, [TORCH_FP32_FRAME], partial(with_torch, half=False))


def _peers(report: Report, name: str, scene: Scene, cameras: Sequence[Camera], arguments: argparse.Namespace) -> None:
    """Others' code, and ours once more in turns with it, after all else: it may hang or spoil the GPU's context."""
    if arguments.peers is None or arguments.peers_problem:
        reason = arguments.peers_problem or peers.NO_FOLDER
        report.skip(name, [*peers.NAMES, RESEARCH_PIPELINE], "dry run" if report.dry else reason)
        return
    folder, runs = arguments.peers, arguments.runs
    report.try_to(name, peers.NAMES, partial(rasterizers, scene, cameras, runs, folder))
    report.try_to(name, [RESEARCH_PIPELINE], partial(research_pipeline, scene, cameras, runs, folder))


def _once(
    report: Report,
    name: str,
    scene: Scene,
    cameras: Sequence[Camera],
    arguments: argparse.Namespace,
    profile: Path,
) -> None:
    """What is done with the reference scene alone; tracing after all its times, to which it might add."""
    for frame, traced in (
        (TORCH_FRAME, partial(torch_calls, recorded=False)),
        (RECORDED_FRAME, partial(torch_calls, recorded=True)),
        (ORT_FRAME, onnxruntime_calls),
    ):
        report.try_to(name, [CALLS[frame]], partial(traced, scene, cameras, profile))
    report.try_to(name, list(DIFFERENCES.values()), partial(differences, scene, cameras[0]))
    report.reference_frame = _reference_frame(report, scene)
    report.try_to(name, [LABELS], demo_labels, needs=_COUNTING)
    report.try_to(name, list(ENCODERS.values()), partial(encoders, scene, max(2, arguments.runs // 8)), needs=_COUNTING)
    begin = time.monotonic()
    report.floors = _floors(report, scene, cameras[0], arguments)
    report.note(name, "floors", time.monotonic() - begin)
    report.save()


def _count(report: Report, name: str, scene: Scene, camera: Camera) -> None:
    if name in report.counts:
        return
    if report.left() < _COUNTING:
        report.counts[name] = "out of time"
    else:
        begin = time.monotonic()
        report.counts[name] = asdict(count_work(scene, camera))
        report.note(name, "count", time.monotonic() - begin)
    report.save()


def _scenes(arguments: argparse.Namespace) -> Iterator[tuple[str, Callable[[], Scene]]]:
    """Names, and what makes or reads the scenes; the reference before the others."""
    for count in sorted(arguments.gaussians, key=lambda count: count != REFERENCE):
        yield f"room of {count:,}", partial(typical_room.room, count)
    for path in arguments.scene:
        yield path.name, partial(_load, path)


def _load(path: Path) -> Scene:
    scene = Scene.load(path)
    if scene.features is not None and scene.features.shape[1] == typical_room.FEATURES:
        return scene
    values = np.random.default_rng(0).standard_normal((len(scene), typical_room.FEATURES), dtype=np.float32)
    return scene.with_features(values, "0" * 64)


def _reference_frame(report: Report, scene: Scene) -> dict[str, Any] | None:
    """Stages of our frame, with ONNX Runtime if it was measured, else with PyTorch, else of the rasteriser alone."""
    measured = {
        entry["name"]: entry
        for entry in report.entries
        if (entry["scene"], entry["status"]) == (report.reference, "measured")
    }
    kernels: dict[str, float] = next((e["kernel_seconds"] for e in measured.values() if e.get("kernel_seconds")), {})
    for name in (ORT_FRAME, TORCH_FRAME, OURS[1]):
        if name in measured:
            entry = measured[name]
            seconds = entry.get("seconds") or {"rasterize": entry["milliseconds"]["median"] / 1000}
            found = {"gpu": report.header["gpu"]["name"], "by": name, "gaussians": len(scene), "seconds": seconds}
            return {**found, "kernel_seconds": kernels}
    return None


def _floors(report: Report, scene: Scene, camera: Camera, arguments: argparse.Namespace) -> dict[str, Any] | str:
    """The floors of a scene's frame on all devices, or why there are none."""
    if report.left() < _COUNTING:
        return "out of time"
    try:
        work = count_work(scene, camera)
        report.counts[report.reference] = asdict(work)
        graph = arguments.graph.read_bytes() if arguments.graph else roofline.full_size_graph(CLASSES)
        return floors(work, Network.of(graph, *arguments.size), CLASSES, arguments.size)
    except Exception as error:  # the graph needs the extra [export], and what it builds on
        return f"failed: {type(error).__name__}: {error}"


if __name__ == "__main__":
    sys.exit(main())
