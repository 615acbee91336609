"""What a borrowed GPU is measured with: nothing is invented where none is, all of it runs where the host is one."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tarfile
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks.gpu import agreement, draw, figures, measure, names, peers, report, run, torch_frames, trace
from rtgs2_networks.checkpoint import load_checkpoint
from rtgs2_trt import BackendError, Scene, upsample_argmax
from rtgs2_trt.cuda import cuda_problem
from rtgs2_trt.roofline import DEVICES, typical_room

pytest.importorskip("onnx")
ROOT = Path(__file__).parents[2]


def test_dry_run_measures_nothing(tmp_path: Path, scene: Scene) -> None:
    scene.save(tmp_path / "own.ply")
    out = tmp_path / "all" / "out"
    command = [str(ROOT / "benchmarks/gpu.sh"), "--dry-run", "--gaussians", "2000"]
    command += ["--out", "all/out", "--scene", "own.ply"]  # as the caller sees them
    environment = {**os.environ, "PYTHON": os.path.relpath(sys.executable, tmp_path)}
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads((out / "results.json").read_text())
    assert result["dry_run"] is True
    assert result["gpu"] is None
    assert result["reference_frame"] is None
    assert result["partial"] is False
    assert {entry["name"] for entry in result["entries"]} == {
        *names.OURS,
        *peers.NAMES,
        *names.FRAMES,
        names.TORCH_FP32_FRAME,
        names.RESEARCH_PIPELINE,
        *names.CALLS.values(),
        *names.DIFFERENCES.values(),
        names.LABELS,
        *names.ENCODERS.values(),
    }
    assert len(result["figures"]) == len(figures.FIGURES)
    assert all(figure["verdict"].startswith("not measured: ") for figure in result["figures"])
    for entry in result["entries"]:
        assert entry["scene"] in ("room of 2,000", "own.ply")
        assert (entry["status"], entry["reason"]) == ("not measured", "dry run")
    assert result["counts"]["room of 2,000"]["gaussians"] == 2000
    assert set(result["floors"]["devices"]) == set(DEVICES)
    assert result["counts"]["own.ply"]["gaussians"] == len(scene)
    assert "not measured: dry run" in (out / "results.md").read_text()
    assert "measurements: exit code 0" in (out / "steps.txt").read_text()
    with tarfile.open(tmp_path / "all" / "out.tar.gz") as archive:
        assert {"out/results.json", "out/results.md", "out/steps.txt"} <= set(archive.getnames())


@pytest.mark.skipif(cuda_problem() is None, reason="this machine has a GPU")
def test_without_a_gpu_and_without_dry_run_it_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["--out", str(tmp_path / "out"), "--gaussians", "100"]) == 1
    assert "nothing can be measured: " in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def small_demo(checkpoint: Path, bundle: Path) -> agreement.Demo:
    return agreement.Demo(checkpoint, bundle, typical_room.room(600), typical_room.views((64, 32), 2))


@pytest.mark.filterwarnings("ignore:Duplicate provider")
def test_everything_runs_where_the_host_is_the_gpu(
    emulated_gpu: ModuleType,
    tiny_checkpoint: Path,
    exported_bundle: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(measure, "WARM_UP", 1)
    monkeypatch.setattr(run, "full_size_bundle", lambda: exported_bundle)
    small = small_demo(tiny_checkpoint, exported_bundle)
    monkeypatch.setattr(run, "demo", lambda: small)
    views = typical_room.views
    monkeypatch.setattr(typical_room, "views", lambda size, count=2: views(size, 2))
    options = ["--gaussians", "400", "--size", "64x32", "--runs", "2", "--graph", str(exported_bundle / "fusion.onnx")]
    assert run.main(["--out", str(tmp_path), *options]) == 0
    result = json.loads((tmp_path / "results.json").read_text())
    assert result["partial"] is False
    assert {step["what"] for step in result["steps"]} >= {"scene", "floors"}
    entries: dict[str, Any] = {entry["name"]: entry for entry in result["entries"]}
    for name in names.OURS:
        assert entries[name]["milliseconds"]["runs"] == 2
        assert entries[name]["pairs"] > entries[name]["visible"] > 0
    assert set(entries[names.ORT_FRAME]["seconds"]) == {"rasterize", "fuse", "argmax", "copy"}
    for name in peers.NAMES:
        assert entries[name]["reason"] == "no folder with peers was given (--peers)"
    for name in (names.TORCH_FRAME, names.RECORDED_FRAME, names.TORCH_FP32_FRAME):
        assert entries[name]["reason"] == "PyTorch has no CUDA here"
    assert entries[names.CALLS[names.ORT_FRAME]]["reason"] == "PyTorch traces, and has no CUDA here"
    assert entries[names.RESEARCH_PIPELINE]["reason"] == "no folder with peers was given (--peers)"
    assert entries[names.ORT_FRAME]["scene_memory"] > 400 * 4 * (3 + 3 + 4 + 1 + 48)
    assert result["reference_frame"]["by"] == names.ORT_FRAME
    verdicts = {figure["figure"]: figure["verdict"] for figure in result["figures"]}
    assert verdicts["ours, 35 channels / ours, 3 channels"] in ("reached", "not reached")
    assert verdicts["share of labels that differ from the CPU's, FP32, near-ties apart"] == "reached"
    assert verdicts["colour and features against the CPU, FP32, relative, worst pixel"] == "reached"
    assert verdicts["colour and features against the CPU, FP32, relative, all but 1 pixel in 1,000"] == "reached"
    assert "no folder with peers" in verdicts["frames a second: ours / the research pipeline"]
    half, whole = (entries[names.DIFFERENCES[storage]]["differences"] for storage in ("half", "float"))
    assert half["alpha"] < 1e-4
    assert 1e-5 < half["features"] < 3e-3  # halves
    assert max(whole.values()) < 1e-4
    labels = entries[names.LABELS]["differences"]
    assert labels["engine (fp16)"] == labels["engine (fp32)"] == "ONNX Runtime"
    assert labels["labels (fp32)"] < 1e-3
    assert labels["labels (fp16)"] < 0.05
    assert labels["labels, near-ties apart (fp16)"] <= labels["labels (fp16)"]
    assert result["gpu"]["name"] == "a host that emulates a GPU"
    fp16, fp32 = (entries[name] for name in names.ENCODERS.values())
    assert fp16["voxels"] == fp32["voxels"] > 100
    assert fp32["difference"] == 0  # the same graph on the same CPU
    assert 1e-5 < fp16["difference"] < 5e-3


def test_pytorch_stands_in_for_onnxruntime(emulated_gpu: ModuleType, tiny_checkpoint: Path) -> None:
    torch = pytest.importorskip("torch")
    scene, cameras = typical_room.room(400), typical_room.views((64, 32), 2)
    drawing = measure.Drawing(scene, (64, 32), channels=35, storage="float")
    drawing.settle(cameras)
    frame = torch_frames.TorchFrame(drawing, load_checkpoint(tiny_checkpoint).build_fusion(), half=False)
    for camera in (*cameras, cameras[0]):
        frame(camera)
        found = frame.on_host()
        with torch.inference_mode():
            image = torch.from_numpy(drawing.rgb.numpy()).clamp(0, 1)
            logits = frame.network(image, torch.from_numpy(drawing.features.numpy()))
        expected, _ = upsample_argmax(logits[0].numpy(), 32, 64)
        assert len(np.unique(expected)) > 1
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(frame.labels.numpy(), expected)
    assert set(frame.seconds(cameras, 2)) == set(torch_frames.STAGES)
    with pytest.raises(peers.NotMeasuredError, match="PyTorch has no CUDA here"):
        frame.record(cameras[0])


def test_frames_with_pytorch_are_measured_and_traced(
    emulated_gpu: ModuleType, tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(run, "_torch", lambda: torch)
    monkeypatch.setattr(torch_frames, "full_size_network", lambda _: load_checkpoint(tiny_checkpoint).build_fusion())
    monkeypatch.setattr(measure, "WARM_UP", 1)
    monkeypatch.setattr(torch_frames, "WARM_UP", 1)

    def traced(frame: Any, cameras: Any) -> trace.Trace:
        frame(cameras[0])
        calls = [{"cudaLaunchKernel": 9 * frames, "cudaStreamSynchronize": frames} for frames in trace.FRAMES]
        return trace.Trace((calls[0], calls[1]), {"blend": 0.001}, "a table")

    monkeypatch.setattr(trace, "traced", traced)
    scene, cameras = typical_room.room(400), typical_room.views((64, 32), 2)
    profile = tmp_path / "profile.txt"
    frame = run.torch_frame(scene, cameras, 2, half=True)[names.TORCH_FRAME]
    calls = run.torch_calls(scene, cameras, profile, recorded=False)[names.CALLS[names.TORCH_FRAME]]
    assert frame["milliseconds"]["runs"] == 2
    assert set(frame["seconds"]) == set(torch_frames.STAGES)
    assert (calls["allocations"], calls["waits_inside"]) == (0, 0)
    assert calls["kernel_seconds"] == {"blend": 0.001}
    assert "a table" in profile.read_text()
    for work in (partial(run.torch_frame, runs=2, half=True), partial(run.torch_calls, profile=profile)):
        with pytest.raises(peers.NotMeasuredError, match="PyTorch has no CUDA here"):
            work(scene, cameras, recorded=True)


class Recording:
    """CUDA graphs as PyTorch has them, of the host: what is recorded is what `replay` runs."""

    def __init__(self, replayed: Any) -> None:
        self.replay = replayed

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


@pytest.mark.parametrize("good", [True, False])
def test_a_recorded_frame_must_give_the_same_labels(
    emulated_gpu: ModuleType, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch, good: bool
) -> None:
    torch = pytest.importorskip("torch")
    scene, (camera,) = typical_room.room(400), typical_room.views((64, 32), 1)
    drawing = measure.Drawing(scene, (64, 32), channels=35, storage="float")
    drawing.settle([camera])
    frame = torch_frames.TorchFrame(drawing, load_checkpoint(tiny_checkpoint).build_fusion(), half=False)

    def replay() -> None:
        frame._enqueue(drawing.rasterizer.enqueue)
        if not good:
            frame._results.take("labels")  # what a graph that misses something leaves
            frame._results._memory.view()[:] = 77

    frame._ours = object()
    monkeypatch.setattr(frame, "_on_our_stream", contextlib.nullcontext)
    monkeypatch.setattr(torch.cuda, "CUDAGraph", lambda: Recording(replay))
    monkeypatch.setattr(torch.cuda, "graph", lambda graph, **_: graph)
    if good:
        frame.record(camera)
        frame(camera)
        assert len(np.unique(frame.on_host())) > 1
        assert frame._recorded is not None
    else:
        with pytest.raises(peers.NotMeasuredError, match=r"% of the recorded frame's labels are others"):
            frame.record(camera)
        assert frame._recorded is None


def test_labels_with_pytorch_are_compared_too(
    emulated_gpu: ModuleType, tiny_checkpoint: Path, exported_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    demo = small_demo(tiny_checkpoint, exported_bundle)

    def without_provider(*_: Any) -> Any:
        raise BackendError("a build without CUDA")

    monkeypatch.setattr(agreement.Demo, "with_backend", without_provider)
    found = agreement.labels(demo)
    assert found["engine (fp16)"] == "PyTorch"
    assert found["labels (fp32)"] < 1e-3
    assert found["labels (fp16)"] < 0.05
    wrong = demo.differences(lambda camera: (demo.cpu(demo.scene, camera).labels + 1) % 5)
    assert wrong["labels"] == 1.0
    assert wrong["labels, near-ties apart"] > 0.3


def test_research_pipeline_labels_what_its_rasteriser_draws() -> None:
    torch = pytest.importorskip("torch")
    (camera,) = typical_room.views((64, 32), 1)
    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    image = torch.rand(3, 32, 64, device=device)
    frame = torch_frames.ResearchFrame(lambda _: image, torch_frames.full_size_network(7), (64, 32))
    labels = frame(camera).cpu().numpy()
    with torch.inference_mode():
        logits = frame.network(image[None], frame.features)[0].cpu().numpy()
    expected, _ = upsample_argmax(logits, 32, 64)
    assert len(np.unique(expected)) > 1
    assert (labels == expected).mean() > 0.999


def entry(name: str, **values: Any) -> dict[str, Any]:
    return {"scene": "s", "name": name, "status": "measured", **values}


def timed(name: str, median: float) -> dict[str, Any]:
    return entry(name, milliseconds={"median": median})


def test_figures_are_held_against_what_was_measured() -> None:
    labels = {"labels, near-ties apart (fp16)": 2e-4, "labels, near-ties apart (fp32)": 2e-3}
    flipped = {f"rgb{names.BUT_FLIPPED}": 1e-5, f"features{names.BUT_FLIPPED}": 1.5e-5}
    measured = [
        timed(names.OURS[0], 1.0),
        timed(names.OURS[1], 1.6),
        timed(peers.NAMES[0], 2.0),
        timed(peers.NAMES[1], 3.0),
        timed(names.RESEARCH_PIPELINE, 40.0),
        {**timed(names.TORCH_FRAME, 8.0), "frame_memory": 250e6, "seconds": {"fuse": 0.02}},
        entry(names.ORT_FRAME, seconds={"rasterize": 0.001, "fuse": 0.003}, frame_memory=310e6),
        entry(names.CALLS[names.ORT_FRAME], allocations=0.0, waits_inside=0.0),
        entry(names.CALLS[names.TORCH_FRAME], allocations=1.0, waits_inside=0.5),
        entry(names.DIFFERENCES["half"], differences={"rgb": 1e-4, "features": 3e-3} | flipped),
        entry(names.DIFFERENCES["float"], differences={"rgb": 1e-5, "features": 2e-5} | flipped),
        entry(names.LABELS, differences=labels),
        {**timed(names.OURS[1], 0.1), "scene": "another"},
    ]
    found = figures.judge(measured, "s")
    values = [round(figure["found"], 6) for figure in found]
    assert values == [1.875, 1.6, 1.25, 10.0, 250.0, 250.0, 1.5, 3e-3, 1.5e-5, 2e-5, 1.5e-5, 2e-4, 2e-3]
    assert [n for n, figure in enumerate(found) if figure["verdict"] == "not reached"] == [0, 1, 6, 7, 12]
    assert {figure["verdict"] for figure in found} == {"reached", "not reached"}
    assert "| gsplat in two passes / ours, 35 channels | at least 2 | 1.88 | not reached |" in figures.table(found)
    only_torch = figures.judge([row for row in measured if row["name"] != names.ORT_FRAME], "s")
    assert only_torch[4]["found"] == 125.0
    assert figures.judge(measured, "a scene that is not there")[0]["found"] is None


def test_trace_tells_what_is_inside_a_frame() -> None:
    first, second = trace.FRAMES
    once = {"cudaDeviceSynchronize": 2, "cudaMalloc": 3, "aten::add": 9}

    def traced(frames: int, **each: int) -> dict[str, int]:
        return once | {name: count * frames for name, count in each.items()}

    good = {"cudaGraphLaunch": 1, "cudaLaunchKernel": 300, "cudaMemcpyAsync": 2, "cudaEventSynchronize": 1}
    found = trace.inside_a_frame(traced(first, **good), traced(second, **good))
    assert found == {"calls": good, "allocations": 0, "waits_inside": 0}
    bad = {**good, "cudaStreamSynchronize": 2, "cudaMalloc": 1, "cudaMemcpy": 1, "cudaFreeAsync": 1}
    found = trace.inside_a_frame(
        {name: count * first for name, count in bad.items()}, {name: count * second for name, count in bad.items()}
    )
    assert (found["allocations"], found["waits_inside"]) == (2, 3)
    with pytest.raises(peers.NotMeasuredError, match="saw no launch"):
        trace.inside_a_frame(once, once)


HEADER = {"date": "today", "command": "-", "gpu": {"name": "NVIDIA H200"}, "versions": {}, "size": [64, 32]}


def test_kernels_are_summed_up_by_stage() -> None:
    def event(key: str, microseconds: float) -> SimpleNamespace:
        return SimpleNamespace(key=key, self_device_time_total=microseconds)

    seen = [
        event("void rtgs2::rasterize::(anonymous namespace)::blend_mma_kernel<4>(rtgs2::...)", 200.0),
        event("void cub::detail::DeviceRadixSortOnesweepKernel<cub::...>(...)", 50.0),
        event("void cub::detail::DeviceRadixSortHistogramKernel<cub::...>(...)", 10.0),
        event("ampere_sgemm_128x64_nn", 999.0),
    ]
    assert trace.kernel_seconds(seen, 10) == pytest.approx({"blend": 20e-6, "sort": 6e-6})
    sources = "".join(path.read_text() for path in (ROOT / "csrc" / "rasterize").glob("*.cu"))
    for parts in trace.KERNELS.values():
        assert all(f"{part}(" in sources or part == "DeviceRadixSort" for part in parts)


def test_what_fails_is_written_down_and_the_rest_goes_on(tmp_path: Path) -> None:
    written = report.Report(tmp_path / "out", HEADER, seconds=100.0, dry=False)

    def failing() -> Any:
        raise RuntimeError("an illegal memory access")

    written.try_to("s", ["a", "b"], failing)
    written.try_to(
        "s", ["c", "d"], lambda: {"c": {"differences": {"x": 1}}, "d": peers.NotMeasuredError("no such thing")}
    )
    written.try_to("s", ["e"], failing, needs=1000.0)
    reasons = {entry["name"]: entry.get("reason") for entry in written.entries}
    failure = "failed: RuntimeError: an illegal memory access"
    assert reasons == {"a": failure, "b": failure, "c": None, "d": "no such thing", "e": "out of time"}


def test_whoever_ends_a_run_keeps_what_was_measured(tmp_path: Path) -> None:
    written = report.Report(tmp_path, HEADER, seconds=100.0, dry=False)
    written.reference = "s"
    written.try_to("s", [names.OURS[0]], lambda: {names.OURS[0]: {"milliseconds": {"median": 1, "p90": 2, "runs": 3}}})

    def killed() -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        written.try_to("s", [names.OURS[1]], killed)
    result = json.loads((tmp_path / "results.json").read_text())
    assert result["partial"] is True
    assert [entry["name"] for entry in result["entries"]] == [names.OURS[0]]
    assert "**Partial:" in (tmp_path / "results.md").read_text()
    assert "Not counted: not reached." in (tmp_path / "results.md").read_text()
    assert "Partial" not in written.finish()
    assert json.loads((tmp_path / "results.json").read_text())["partial"] is False


def test_the_reference_room_comes_first() -> None:
    arguments = argparse.Namespace(gaussians=list(run.ROOMS[::-1]), scene=[Path("own.ply")])
    found = [name for name, _ in run._scenes(arguments)]
    assert found == ["room of 1,000,000", "room of 3,000,000", "room of 500,000", "room of 100,000", "own.ply"]


def test_what_is_measured_again_takes_the_older_place(tmp_path: Path) -> None:
    def times(median: float) -> dict[str, Any]:
        return {"milliseconds": {"median": median, "p90": 2, "runs": 3}}

    written = report.Report(tmp_path, HEADER, seconds=100.0, dry=False)
    written.try_to("s", ["ours"], lambda: {"ours": times(1), "peer": peers.NotMeasuredError("no folder")})
    written.try_to("t", ["ours"], lambda: {"ours": times(5)})
    written.try_to("s", ["peer"], lambda: {"peer": times(9), "ours": times(3)})
    found = {(entry["scene"], entry["name"]): entry["milliseconds"]["median"] for entry in written.entries}
    assert found == {("s", "ours"): 3, ("t", "ours"): 5, ("s", "peer"): 9}

    def spoilt() -> Any:
        raise RuntimeError("an illegal memory access")

    written.try_to("s", ["another"], spoilt)
    assert len(written.entries) == 4  # ours stay


def test_first_views_of_peers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(camera: Any) -> None:
        raise RuntimeError("no compiler")

    missing = peers.NotMeasuredError("not found")
    found = dict(zip(peers.NAMES, (lambda camera: None, fails, missing), strict=True))
    monkeypatch.setattr(peers, "load_peers", lambda folder, scene: found)
    assert peers.main([str(tmp_path)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.split(": ", 1)[1] for line in said] == [
        "draws",
        "RuntimeError: no compiler",
        "NotMeasuredError: not found",
    ]


def test_peers_that_are_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "_torch", lambda: None)
    monkeypatch.setattr(peers, "_tensors", lambda *_: {})
    found = peers.load_peers(tmp_path, typical_room.room(10))
    assert set(found) == set(peers.NAMES)
    for reason in found.values():
        assert f"not found in {tmp_path}: No module named" in str(reason)


def test_rooms_are_rooms() -> None:
    scene = typical_room.room(3000)
    assert (len(scene), scene.sh_degree, scene.features.shape) == (3000, 3, (3000, 32))
    low, high = scene.bounds
    assert (low > -0.05).all()
    assert (high < typical_room.SIZE + 0.05).all()
    np.testing.assert_array_equal(scene.means, typical_room.room(3000).means)
    assert len(typical_room.views((64, 32))) == 8


def test_what_a_profiler_looks_at(emulated_gpu: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert draw.main(400, (64, 32)) == 0
    assert "64 frames of (" in capsys.readouterr().out
