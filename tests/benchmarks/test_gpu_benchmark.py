"""What a borrowed GPU is measured with: nothing is invented where none is, all of it runs where the host is one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from benchmarks.gpu import figures, measure, peers, run, trace
from rtgs2_trt import upsample_argmax
from rtgs2_trt.cuda import cuda_problem
from rtgs2_trt.roofline import typical_room

pytest.importorskip("onnx")
ROOT = Path(__file__).parents[2]


def test_dry_run_measures_nothing(tmp_path: Path) -> None:
    command = [str(ROOT / "benchmarks/gpu.sh"), "--dry-run", "--out", str(tmp_path), "--gaussians", "2000"]
    environment = {**os.environ, "PYTHON": sys.executable}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads((tmp_path / "results.json").read_text())
    assert result["dry_run"] is True
    assert result["gpu"] is None
    assert result["reference_frame"] is None
    names = {entry["name"] for entry in result["entries"]}
    assert names == {
        *run.OURS,
        *peers.NAMES,
        *run.FRAMES,
        run.RESEARCH_PIPELINE,
        run.CALLS,
        run.DIFFERENCE,
        *run.ENCODERS,
    }
    assert len(result["figures"]) == len(figures.FIGURES)
    assert all(figure["verdict"].startswith("not measured: ") for figure in result["figures"])
    for entry in result["entries"]:
        assert entry == {
            "scene": "room of 2,000",
            "name": entry["name"],
            "status": "not measured",
            "reason": "dry run",
        }
    assert result["counts"]["room of 2,000"]["gaussians"] == 2000
    assert "not measured: dry run" in (tmp_path / "results.md").read_text()
    assert "measurements: exit code 0" in (tmp_path / "steps.txt").read_text()


@pytest.mark.skipif(cuda_problem() is None, reason="this machine has a GPU")
def test_without_a_gpu_and_without_dry_run_it_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["--out", str(tmp_path / "out"), "--gaussians", "100"]) == 1
    assert "nothing can be measured: " in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.filterwarnings("ignore:Duplicate provider")
def test_everything_runs_where_the_host_is_the_gpu(
    emulated_gpu: ModuleType, exported_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measure, "WARM_UP", 1)
    monkeypatch.setattr(run, "full_size_bundle", lambda: exported_bundle)
    views = typical_room.views
    monkeypatch.setattr(typical_room, "views", lambda size, count=2: views(size, 2))
    options = ["--gaussians", "400", "--size", "64x32", "--runs", "2", "--graph", str(exported_bundle / "fusion.onnx")]
    assert run.main(["--out", str(tmp_path), *options]) == 0
    result = json.loads((tmp_path / "results.json").read_text())
    entries: dict[str, Any] = {entry["name"]: entry for entry in result["entries"]}
    for name in run.OURS:
        assert entries[name]["milliseconds"]["runs"] == 2
        assert entries[name]["pairs"] > entries[name]["visible"] > 0
    assert set(entries[run.FRAMES[0]]["seconds"]) == {"rasterize", "fuse", "argmax", "copy"}
    for name in peers.NAMES:
        assert entries[name]["reason"] == "no folder with peers was given (--peers)"
    assert entries[run.FRAMES[1]]["reason"] == "PyTorch has no CUDA here"
    assert entries[run.CALLS]["reason"] == "PyTorch traces, and has no CUDA here"
    assert entries[run.RESEARCH_PIPELINE]["reason"] == "no folder with peers was given (--peers)"
    assert entries[run.FRAMES[0]]["scene_memory"] > 400 * 4 * (3 + 3 + 4 + 1 + 48)
    verdicts = {figure["figure"]: figure["verdict"] for figure in result["figures"]}
    assert verdicts["ours, 35 channels / ours, 3 channels"] in ("reached", "not reached")
    assert verdicts["share of labels that differ from the CPU's"] == "reached"
    assert "no folder with peers" in verdicts["frames a second: ours / the research pipeline"]
    differences = entries[run.DIFFERENCE]["differences"]
    assert differences["labels"] == 0
    assert differences["alpha"] < 1e-4
    assert differences["features"] < 3e-3  # halves
    assert result["gpu"]["name"] == "a host that emulates a GPU"
    fp16, fp32 = (entries[name] for name in run.ENCODERS)
    assert fp16["voxels"] == fp32["voxels"] > 100
    assert fp32["difference"] == 0  # the same graph on the same CPU
    assert 1e-5 < fp16["difference"] < 5e-3


def test_pytorch_stands_in_for_onnxruntime(emulated_gpu: ModuleType) -> None:
    torch = pytest.importorskip("torch")
    scene, (camera,) = typical_room.room(400), typical_room.views((64, 32), 1)
    drawing = measure.Drawing(scene, (64, 32), channels=35)
    drawing.settle([camera])
    torch.manual_seed(0)  # else one class may win everywhere
    frame = measure.TorchFrame(drawing, 7, half=False)
    frame(camera)
    with torch.inference_mode():
        image = torch.from_numpy(drawing.rgb.numpy().astype(np.float32)).clamp(0, 1)
        logits = frame.network(image, torch.from_numpy(drawing.features.numpy().astype(np.float32)))
    expected, _ = upsample_argmax(logits[0].numpy(), 32, 64)
    assert len(np.unique(expected)) > 1
    np.testing.assert_array_equal(frame.labels.numpy(), expected)


def test_research_pipeline_labels_what_its_rasteriser_draws() -> None:
    torch = pytest.importorskip("torch")
    (camera,) = typical_room.views((64, 32), 1)
    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    image = torch.rand(3, 32, 64, device=device)
    frame = measure.ResearchFrame(lambda _: image, 7, (64, 32))
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
    measured = [
        timed(run.OURS[0], 1.0),
        timed(run.OURS[1], 1.6),
        timed(peers.NAMES[0], 2.0),
        timed(peers.NAMES[1], 3.0),
        timed(run.RESEARCH_PIPELINE, 40.0),
        timed(run.FRAMES[1], 8.0),
        entry(run.FRAMES[0], seconds={"rasterize": 0.001, "fuse": 0.003}, frame_memory=310e6),
        entry(run.CALLS, allocations=0.0, waits_inside=0.0),
        entry(run.DIFFERENCE, differences={"rgb": 1e-4, "features": 1e-3, "labels": 0.0}),
        {**timed(run.OURS[1], 0.1), "scene": "another"},
    ]
    found = figures.judge(measured, "s")
    assert [round(figure["found"], 6) for figure in found] == [1.875, 1.6, 1.25, 10.0, 250.0, 310.0, 0.0, 1e-3, 0.0]
    assert [n for n, figure in enumerate(found) if figure["verdict"] == "not reached"] == [0, 1, 5]
    assert {figure["verdict"] for figure in found} == {"reached", "not reached"}
    assert "| gsplat in two passes / ours, 35 channels | at least 2 | 1.88 | not reached |" in figures.table(found)
    only_torch = figures.judge([row for row in measured if row["name"] != run.FRAMES[0]], "s")
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


def test_what_fails_is_written_down_and_the_rest_goes_on() -> None:
    report = run.Report(seconds=100.0, dry=False)

    def failing() -> Any:
        raise RuntimeError("an illegal memory access")

    report.try_to("s", ["a", "b"], failing)
    report.try_to("s", ["c", "d"], lambda: {"c": {"x": 1}, "d": peers.NotMeasuredError("no such thing")})
    late = run.Report(seconds=-1.0, dry=False)
    late.try_to("s", ["e"], failing)
    reasons = {entry["name"]: entry.get("reason") for entry in report.entries + late.entries}
    failure = "failed: RuntimeError: an illegal memory access"
    assert reasons == {"a": failure, "b": failure, "c": None, "d": "no such thing", "e": "out of time"}


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
