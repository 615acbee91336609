"""``rtgs2 build`` and the engines that it keeps: each that does not fit any more is told apart, and why."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
from pathlib import Path
from typing import Any

import onnx
import pytest

from rtgs2_trt import Segmenter
from rtgs2_trt.bundle import Bundle
from rtgs2_trt.cli import main
from rtgs2_trt.errors import BackendError
from rtgs2_trt.file_access import sha256_of
from rtgs2_trt.tensorrt import bundle_engine
from tensorrt_machine import Machine, install

pytestmark = pytest.mark.filterwarnings("ignore:Duplicate provider 'CPUExecutionProvider'")


def build(bundle: Path, *options: str) -> int:
    return main(["build", str(bundle), "--quiet", "--json", *options])


def refused(bundle: Path) -> str:
    with pytest.raises(BackendError) as error:
        Segmenter(bundle, "tensorrt")
    assert f"rtgs2 build {bundle}" in str(error.value)
    return str(error.value)


def folder_of(bundle: Path) -> Path:
    (found,) = (path.parent for path in (bundle / "engines").glob("*/engine.json"))
    return found


def test_build_checks_and_tells(machine: Machine, bundle_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert build(bundle_path) == 0
    values = json.loads(capsys.readouterr().out)
    folder = folder_of(bundle_path)
    version = machine.module.__version__
    assert folder.name.startswith(f"orin-test-1-sms-sm87-trt{version}-")
    assert values["engine"] == str(folder)
    assert values["built"]
    assert values["most_gaussians"] == 4_000_000
    assert values["self_check"]["passed"]
    assert 0 < values["self_check"]["logits_difference"] < 2e-2
    files = {"frame.engine", "engine.json", "layers.json", "encoder.engine", "encoder.layers.json"}
    assert {path.name for path in folder.iterdir()} == files
    manifest = json.loads((folder / "engine.json").read_text())
    assert manifest["gpu"] == "Orin (test) 1 SMs"
    assert (manifest["sm"], manifest["tensorrt"]) == (87, version)
    assert manifest["graph_sha256"] == sha256_of(bundle_path / "frame.fp16.onnx")
    assert manifest["engine_sha256"] == sha256_of(folder / "frame.engine")
    assert manifest["encoder_sha256"] == sha256_of(bundle_path / "encoder.fp16.onnx")
    encoder = manifest["encoder"]
    assert values["encoder"] == encoder
    assert (encoder["most_voxels"], encoder["problem"]) == (400_000, "")
    assert encoder["engine_sha256"] == sha256_of(folder / "encoder.engine")
    assert 0 < encoder["features_difference"] < 2e-2
    assert machine.last_config.pools == {"WORKSPACE": 5 << 30}  # half of what is free
    assert machine.last_config.plugins == []  # of the encoder, which has none of our nodes
    Bundle(bundle_path)  # engines belong to the machine, the bundle is as whole as before


def test_engine_that_fits_is_kept(machine: Machine, built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert build(built) == 0
    assert not json.loads(capsys.readouterr().out)["built"]
    assert machine.builds == 0
    assert build(built, "--force") == 0
    assert json.loads(capsys.readouterr().out)["reason"] == "asked for"
    assert machine.builds == 2  # of the frame and of the encoder
    assert main(["build", str(built)]) == 0
    assert "is up to date" in " ".join(capsys.readouterr().out.split())


def test_other_tensorrt_version(
    machine: Machine, built: Path, plugin: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old = folder_of(built)
    version = machine.module.__version__
    later = Machine(machine.real, version=f"{version.partition('.')[0]}.99.0.1")
    install(later, plugin, monkeypatch)
    assert f"was built with another TensorRT ({version}, here {later.module.__version__})" in refused(built)
    assert Segmenter(built).backend_name == "cuda"
    assert build(built) == 0
    assert "another TensorRT" in json.loads(capsys.readouterr().out)["reason"]
    assert Segmenter(built).backend_name == "tensorrt"
    assert old.is_dir()  # the other TensorRT's, which may be in another container
    install(machine, plugin, monkeypatch)
    assert Segmenter(built).backend_name == "tensorrt"


def test_other_gpu(machine: Machine, built: Path) -> None:
    machine.device["compute_capability"] = (11, 0)
    assert "another GPU architecture (87, here 110)" in refused(built)
    machine.device["name"] = "Thor"
    both = "power mode (Orin (test) 1 SMs, here Thor 1 SMs), was built for another GPU architecture"
    assert both in refused(built)


def test_other_board_of_the_same_name(machine: Machine, built: Path) -> None:
    machine.device["multiprocessors"] = 16
    assert "another power mode (Orin (test) 1 SMs, here Orin (test) 16 SMs)" in refused(built)


@pytest.mark.parametrize("name", ["frame.fp16.onnx", "encoder.fp16.onnx"])
def test_altered_graph(machine: Machine, built: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    old = folder_of(built)
    path = built / name
    model = onnx.load(path)
    model.doc_string = "altered"
    onnx.save(model, path)
    assert main(["build", str(built), "--quiet"]) == 2  # the bundle's own hash no longer fits
    assert "does not match its SHA-256" in capsys.readouterr().err
    manifest = json.loads((built / "manifest.json").read_text())
    manifest["files"][name] = sha256_of(path)
    (built / "manifest.json").write_text(json.dumps(manifest))
    assert f"was built from another {name}" in refused(built)
    assert build(built) == 0
    assert json.loads(capsys.readouterr().out)["removed"] == [old.name]
    assert Segmenter(built).backend_name == "tensorrt"


def test_altered_plugin(machine: Machine, built: Path, plugin: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plugin.write_bytes(b"plugin library of another version")
    assert "was built with another plugin library" in refused(built)
    assert build(built) == 0
    assert "another plugin library" in json.loads(capsys.readouterr().out)["reason"]


@pytest.mark.parametrize(
    ("name", "damage"),
    [("frame", "truncated"), ("frame", "altered"), ("frame", "missing"), ("encoder", "truncated")],
)
def test_damaged_engine(
    machine: Machine, built: Path, name: str, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder_of(built) / f"{name}.engine"
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(content[:-1] if damage == "truncated" else content[:-1] + bytes([content[-1] ^ 1]))
    expected = "cannot be read" if damage == "missing" else "it is truncated or altered"
    assert expected in refused(built)
    assert Segmenter(built).backend_name == "cuda"
    assert build(built) == 0  # and is built anew
    assert expected in json.loads(capsys.readouterr().out)["reason"]
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("format", "rtgs2-engine/9", "its format is not"),
        ("encoder", {"most_voxels": 1}, "encoder is "),
        ("sm", "87", "sm is '87'"),
        ("most_gaussians", None, "most_gaussians is None"),
        ("gpu", "Other", "was built on another GPU or in another power mode (Other"),
    ],
)
def test_damaged_manifest(machine: Machine, built: Path, field: str, value: Any, message: str) -> None:
    path = folder_of(built) / "engine.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), field: value}))
    assert message in refused(built)
    path.write_text("{")
    assert "engine's manifest cannot be used" in refused(built)
    assert build(built) == 0


def test_engine_that_tensorrt_does_not_load(machine: Machine, built: Path) -> None:
    path = folder_of(built)
    (path / "frame.engine").write_bytes(b"an engine of another kind")
    manifest = json.loads((path / "engine.json").read_text())
    manifest["engine_sha256"] = sha256_of(path / "frame.engine")
    (path / "engine.json").write_text(json.dumps(manifest))
    with pytest.raises(BackendError, match=r"cannot load the engine \(TensorRT says: the engine is of another version"):
        Segmenter(built, "tensorrt")


def test_engine_that_computes_something_else_is_refused(
    machine: Machine, bundle_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.distort = lambda outputs: {**outputs, "logits": outputs["logits"][:, ::-1]}
    assert build(bundle_path) == 1
    error = capsys.readouterr().err
    assert "computes something else than PyTorch and is refused" in error
    (dump,) = (bundle_path / "engines").glob("*.refused.json")
    assert str(dump) in error
    assert "rasterize" in dump.read_text()
    assert not list((bundle_path / "engines").glob("*/engine.json"))


def test_encoder_that_computes_something_else_is_refused_alone(
    machine: Machine, bundle_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.distort = lambda outputs: {
        name: values[::-1] if name == "features" else values for name, values in outputs.items()
    }
    assert build(bundle_path) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["self_check"]["passed"]
    assert "computes something else than PyTorch and is refused: features" in shown["encoder"]["problem"]
    assert shown["encoder"]["engine_sha256"] == ""
    (dump,) = (bundle_path / "engines").glob("*.encoder.refused.json")
    assert "rasterize" in dump.read_text()
    assert not (folder_of(bundle_path) / "encoder.engine").exists()
    assert Segmenter(bundle_path).backend_name == "tensorrt"


def test_encoder_that_tensorrt_cannot_build(
    machine: Machine, bundle_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The frame's engine is worth having without it, and the next call does not try for minutes again."""
    machine.encoder_fails = "no implementation for the loop"
    assert main(["build", str(bundle_path)]) == 0
    told = capsys.readouterr()
    assert "encoder gets no engine, ONNX Runtime encodes" in " ".join(told.err.split())
    assert "encoder: in ONNX Runtime, " in " ".join(told.out.split())
    assert "TensorRT says: no implementation for the loop" in " ".join(told.out.split())
    assert "--most-voxels" in " ".join(told.out.split())
    assert build(bundle_path) == 0
    assert not json.loads(capsys.readouterr().out)["built"]
    machine.encoder_fails = None
    assert build(bundle_path, "--force") == 0
    assert json.loads(capsys.readouterr().out)["encoder"]["problem"] == ""


def test_frame_only(machine: Machine, bundle_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert build(bundle_path, "--frame-only") == 0
    assert json.loads(capsys.readouterr().out)["encoder"] is None
    assert machine.builds == 1
    assert {path.name for path in folder_of(bundle_path).iterdir()} == {"frame.engine", "engine.json", "layers.json"}


def test_interrupted_build_leaves_nothing(
    machine: Machine, bundle_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.steps = 1000
    seen: list[int] = []
    interrupted = threading.Event()

    def on_step(step: int) -> None:
        seen.append(step)
        if step == 2:
            os.kill(os.getpid(), signal.SIGINT)
        if step >= 2:
            interrupted.wait(0.01)

    machine.on_step = on_step
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    try:
        assert build(bundle_path) == 130
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(seen) < 900
    assert not (bundle_path / "engines").exists()


def test_frames_engine_outlives_an_encoder_build_that_ends_the_process(
    machine: Machine, bundle_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Out of memory, a process is killed; here by an exception that nobody expects."""

    class KilledError(BaseException):
        pass

    def killed(*_: Any) -> Any:
        raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(bundle_engine._Build, "_checked_encoder", killed)
        with pytest.raises(KilledError):
            build(bundle_path)
    assert Segmenter(bundle_path).backend_name == "tensorrt"
    capsys.readouterr()
    assert build(bundle_path) == 0
    shown = json.loads(capsys.readouterr().out)
    assert not shown["built"]
    assert "its build did not end: rtgs2 build --force" in shown["encoder"]["problem"]
    assert build(bundle_path, "--force") == 0
    assert json.loads(capsys.readouterr().out)["encoder"]["problem"] == ""
    assert (folder_of(bundle_path) / "encoder.engine").exists()


def test_timings_are_kept_for_the_device(machine: Machine, built: Path) -> None:
    (timings,) = (built / "engines").glob("*.timings")
    assert timings.name == f"orin-test-1-sms-sm87-trt{machine.module.__version__}.timings"
    assert timings.read_bytes() == machine.device_timings
    timings.write_bytes(b"of another device")
    assert build(built, "--force") == 0
    assert timings.read_bytes() == machine.device_timings


def test_timings_that_tensorrt_does_not_give_leave_no_file(
    machine: Machine, bundle_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.null = {"timing cache"}
    assert build(bundle_path) == 0
    assert not list((bundle_path / "engines").glob("*.timings"))


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--workspace", "100000"], 2, "impossible workspace"),
        (["--most-gaussians", str(1 << 29)], 2, "impossible number of Gaussians"),
        (["--most-voxels", str(1 << 25)], 2, "impossible number of voxels"),
    ],
)
def test_impossible_requests(
    machine: Machine,
    bundle_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    code: int,
    message: str,
) -> None:
    assert build(bundle_path, *options) == code
    assert message in capsys.readouterr().err


def test_memory_of_the_board_decides(machine: Machine, bundle_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    machine.device |= {"memory": 8 << 30, "free_memory": 3 << 30}
    assert main(["build", str(bundle_path)]) == 0
    shown = " ".join(capsys.readouterr().err.split())
    assert "3072 of 8192 MiB free" in shown
    assert "layers may work in 1536 MiB, scenes may have 1,000,000 Gaussians" in shown
    assert "done build engine" in shown
    assert machine.last_config.profiles[0]["inputs"] == [(1, 10), (50_000, 10), (200_000, 10)]  # the encoder's
    machine.device["free_memory"] = 300 << 20
    assert build(bundle_path, "--force") == 1
    assert "300 MiB of Orin (test)'s memory are free, building an engine needs" in capsys.readouterr().err


def test_scenes_that_the_plugin_has_no_room_for(
    machine: Machine, bundle_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert build(bundle_path, "--workspace", "300") == 1
    error = capsys.readouterr().err
    assert "scenes of 4,000,000 Gaussians need about 535 MiB of workspace" in error
    fitting = re.search(r"--most-gaussians (\d+) fits", error)[1]
    assert machine.builds == 0
    assert build(bundle_path, "--workspace", "300", "--most-gaussians", fitting) == 0
    assert build(bundle_path, "--workspace", "10", "--force") == 1
    assert "fits" not in capsys.readouterr().err


def test_bundle_without_a_frame_graph(
    machine: Machine, exported_bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert build(exported_bundle) == 2
    assert "rtgs2-export --tensorrt" in capsys.readouterr().err


def test_known_bad_pair(
    machine: Machine, bundle_path: Path, plugin: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    install(Machine(machine.real, version="10.13.3.9"), plugin, monkeypatch)
    assert build(bundle_path) == 1
    assert "TensorRT 10.13.3 has no kernels for sm_87: take JetPack's own" in capsys.readouterr().err
    install(Machine(machine.real, version="8.6.2"), plugin, monkeypatch)
    assert build(bundle_path) == 1
    assert "TensorRT 8.6.2 is too old, 10.3 or later" in capsys.readouterr().err


def test_missing_plugin(
    machine: Machine, bundle_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RTGS2_TENSORRT_PLUGIN", "/nowhere/plugin.so")
    assert build(bundle_path) == 1
    assert "no such plugin library: /nowhere/plugin.so. Correct or unset" in capsys.readouterr().err
