"""What a measured GPU says of others, and the program that prints it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.gpu import roofline, trace
from rtgs2_trt.roofline import DEVICES, Network, count_work, floors, typical_room


def test_prediction_keeps_the_distance_to_the_floor() -> None:
    measured = {"rasterize": 0.010, "fuse": 0.020, "argmax": 0.002, "copy": 0.001}
    on = {"rasterize": 0.001, "fuse": 0.010, "argmax": 0.002, "copy": 0.001}
    elsewhere = {"rasterize": 0.005, "fuse": 0.080, "argmax": 0.004, "copy": 0.0}
    found = roofline.predicted(measured, on, elsewhere)
    assert found == pytest.approx({"rasterize": 0.05, "fuse": 0.16, "argmax": 0.004, "copy": 0.0})


def test_command(exported_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, measured = tmp_path / "floors.json", tmp_path / "measured.json"
    seconds = {"rasterize": 0.001, "fuse": 0.004, "argmax": 0.0001, "copy": 0.0001}
    measured.write_text(json.dumps({"reference_frame": {"gpu": "NVIDIA H200", "seconds": seconds}}))
    graph = str(exported_bundle / "fusion.onnx")
    options = ["--gaussians", "5000", "--size", "320x240", "--classes", "5", "--graph", graph]
    assert roofline.main([*options, "--json", str(path), "--measured", str(measured)]) == 0
    text = capsys.readouterr().out
    result = json.loads(path.read_text())
    for name in DEVICES:
        assert name in text
        assert all(value > 0 for value in result["devices"][name]["floor_seconds"].values())
        assert result["devices"][name]["unfused_network_seconds"] > result["devices"][name]["floor_seconds"]["fuse"]
    assert "nothing here is measured" in text
    floor = result["devices"]["H200 SXM"]["unfused_network_seconds"]
    beside = next(line for line in text.splitlines() if line.startswith("| fuse | ") and "4.000" in line)
    assert beside.endswith(f" {1000 * floor:.3f} | 4.000 | {0.004 / floor:.1f} |")
    row = next(line for line in text.splitlines()[::-1] if "H200" in line and line.startswith("|"))
    assert row == "| H200 SXM | 1.00 | 4.00 | 0.10 | 0.10 | 5.20 |"  # what was measured there


def test_a_gpu_without_public_figures_says_so(exported_bundle: Path) -> None:
    work = count_work(typical_room.room(2000), typical_room.views((64, 32), 1)[0])
    graph = (exported_bundle / "fusion.onnx").read_bytes()
    result = floors(work, Network.of(graph, 64, 32), 5, (64, 32))
    text = roofline.table(result, {"gpu": "NVIDIA GH200 480GB", "seconds": {"fuse": 0.1}})
    assert text.endswith("Measured on NVIDIA GH200 480GB, of which no public figures are at hand here.")
    only_drawn = roofline.table(result, {"gpu": "NVIDIA H200", "by": "x", "seconds": {"rasterize": 0.001}})
    assert "| device | rasterize | frame |" in only_drawn
    stages = dict.fromkeys(trace.KERNELS, 0.001)
    with_kernels = roofline.table(
        result, {"gpu": "NVIDIA H200", "seconds": {"rasterize": 0.005}, "kernel_seconds": stages}
    )
    for stage in stages:
        assert f"| rasterize: {stage} | " in with_kernels
