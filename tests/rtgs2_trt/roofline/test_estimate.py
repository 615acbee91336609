"""``rtgs2 estimate``: sums that hold, the scene's own counts, no onnx and no torch, and what it refuses."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rtgs2_trt import Bundle, Camera, Scene, save_cameras
from rtgs2_trt.cli import main
from rtgs2_trt.roofline import DEVICES, Network, count_work, stages


@pytest.fixture
def files(scene: Scene, tmp_path: Path) -> tuple[str, ...]:
    """A scene of 4000 Gaussians, and ten views of it of no multiple of 32."""
    scene.save(tmp_path / "scene.ply")
    views = {
        f"{i}": Camera.look_at((0.2, 0.2 + 0.05 * i, 0.6), (1.8, 1.2, 0.5), width=100, height=70) for i in range(10)
    }
    save_cameras(tmp_path / "cameras.json", views)
    return str(tmp_path / "scene.ply"), "--cameras", str(tmp_path / "cameras.json")


def estimate(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["estimate", *arguments, "--json", "--quiet"]) == 0
    values: dict[str, Any] = json.loads(capsys.readouterr().out)
    return values


def test_a_generated_room(exported_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = estimate(capsys, str(exported_bundle), "--gaussians", "5000", "--size", "96x64")
    assert values["scene"] == "generated room of 5,000 Gaussians"
    assert values["devices"].keys() == DEVICES.keys()
    assert len(values["views"]) == 8
    for name, entry in values["devices"].items():
        floors = entry["floor_seconds"]
        assert set(floors) == {"rasterize", "fuse", "argmax", "copy"}
        assert all(seconds > 0 for seconds in floors.values())
        assert entry["frame_floor_seconds"] == pytest.approx(sum(floors.values()))
        assert entry["unfused_network_seconds"] > floors["fuse"]
        more = entry["unfused_network_seconds"] - floors["fuse"]
        assert entry["unfused_frame_floor_seconds"] == pytest.approx(entry["frame_floor_seconds"] + more)
        assert entry["source"] == DEVICES[name].source
    assert values["devices"]["H200 SXM"]["frame_floor_seconds"] < values["devices"]["H100 SXM"]["frame_floor_seconds"]


def test_a_scene_and_its_cameras(
    exported_bundle: Path, scene: Scene, files: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    values = estimate(capsys, str(exported_bundle), *files, "--device", "agx")
    assert list(values["devices"]) == ["Jetson AGX Orin 64GB"]
    assert [view["size"] for view in values["views"]] == [[128, 96]] * 8  # padded as they are rendered
    camera = Camera.look_at((0.2, 0.2, 0.6), (1.8, 1.2, 0.5), width=100, height=70).padded(32)
    work = count_work(scene, camera, channels=32)
    assert values["views"][0]["workload"]["visible"] == work.visible
    bundle = Bundle(exported_bundle)
    network = Network.of(bundle.read("fusion.onnx"), 128, 96)
    device = DEVICES["Jetson AGX Orin 64GB"]
    expected = {name: stage.floor(device) for name, stage in stages(work, network, 5, 128, 96).items()}
    assert values["views"][0]["devices"][device.name]["floor_seconds"] == pytest.approx(expected)


def test_the_text_says_that_nothing_was_measured(exported_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--gaussians", "2000", "--size", "64x64", "--device", "Orin N", "--quiet"]
    assert main(["estimate", str(exported_bundle), *options]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "Nothing here was measured on any of them: real frames take longer" in text
    assert "Jetson Orin Nano 8GB" in text
    assert "Jetson Orin NX 16GB" in text
    assert "H200" not in text


def test_neither_torch_nor_onnx_is_needed(exported_bundle: Path) -> None:
    code = (
        "import sys; sys.modules['torch'] = sys.modules['onnx'] = None\n"
        "from rtgs2_trt.cli import main\n"
        f"sys.exit(main(['estimate', {str(exported_bundle)!r}, '--gaussians', '100', '--size', '64x64', '--json']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["devices"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--device", "RTX 9090"], r"--device: no such device \(found RTX 9090, expected part of one of Jetson"),
        (["scene.ply"], "--cameras: is needed with SCENE"),
        (["--cameras", "cameras.json"], "SCENE: is needed with --cameras"),
    ],
)
def test_bad_options_exit_with_2(
    exported_bundle: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert main(["estimate", str(exported_bundle), *options]) == 2
    assert re.search(message, capsys.readouterr().err)


@pytest.mark.parametrize("count", ["0", "-1", "many", "10000001"])
def test_impossible_numbers_of_gaussians(exported_bundle: Path, count: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["estimate", str(exported_bundle), f"--gaussians={count}"])
    assert caught.value.code == 2
