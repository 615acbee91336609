"""The TensorRT backend with stand-ins for TensorRT and the emulated GPU: what it binds, copies and gives is real."""

from __future__ import annotations

import gc
import threading
from pathlib import Path
from typing import Any
from weakref import ref

import numpy as np
import pytest

from rtgs2_trt import Camera, Scene, Segmenter
from rtgs2_trt.backends import tensorrt as tensorrt_backend
from rtgs2_trt.backends.tensorrt import EncoderEngineWarning, TensorRtBackend
from rtgs2_trt.bundle import Bundle
from rtgs2_trt.cli import main
from rtgs2_trt.errors import BackendError, CameraError, InputError, SceneError
from rtgs2_trt.self_check import run_self_check
from tensorrt_machine import Machine

pytestmark = pytest.mark.filterwarnings("ignore:Duplicate provider 'CPUExecutionProvider'")

ALL = {"confidence": True, "rgb": True, "alpha": True, "depth": True}


def view(target: float = 1.2, width: int = 90, height: int = 60) -> Camera:
    return Camera.look_at((0.2, 0.2, 0.6), (1.8, target, 0.5), width=width, height=height, fov_degrees=80)


@pytest.fixture
def segmenter(built: Path) -> Segmenter:
    return Segmenter(built, "tensorrt")


@pytest.fixture(scope="module")
def encoded(frame_bundle: Path, scene: Scene) -> Scene:
    return Segmenter(frame_bundle, "cpu").encode(scene)


@pytest.fixture(scope="module")
def half(frame_bundle: Path) -> Segmenter:
    return Segmenter(frame_bundle, "cpu", precision="fp16")


def test_results_are_those_of_the_fp16_graph(segmenter: Segmenter, half: Segmenter, encoded: Scene) -> None:
    found, expected = segmenter(encoded, view(), **ALL), half(encoded, view(), **ALL)
    assert (segmenter.backend_name, segmenter.precision) == ("tensorrt", "fp16")
    assert found.labels.dtype == expected.labels.dtype
    assert found.labels.shape == (60, 90)
    assert len(np.unique(expected.labels)) > 1
    assert (found.labels != expected.labels).mean() < 0.005  # features of Gaussians are rounded to FP16 as well
    np.testing.assert_allclose(found.confidence, expected.confidence, atol=0.02)
    np.testing.assert_allclose(found.rgb, expected.rgb, rtol=2**-10, atol=1e-6)
    np.testing.assert_allclose(found.alpha, expected.alpha, atol=1e-5)  # the camera is rounded to FP32
    np.testing.assert_allclose(found.depth, expected.depth, rtol=1e-5)
    assert set(found.seconds) == {"frame", "copy"}


def test_only_what_is_asked_for_comes_back(segmenter: Segmenter, encoded: Scene) -> None:
    result = segmenter(encoded, view())
    assert (result.confidence, result.rgb, result.depth, result.alpha) == (None, None, None, None)


def test_frame_is_recorded_once_and_repeated(segmenter: Segmenter, encoded: Scene, scene: Scene) -> None:
    from rtgs2_trt import _cuda

    graph: Any = _cuda.Graph
    graph.recorded = graph.launched = 0
    for _ in range(4):
        segmenter(encoded, view())
    assert (graph.recorded, graph.launched) == (1, 3)  # the first run has no graph yet
    segmenter(encoded, view(), confidence=True)
    segmenter(encoded, view(height=59))
    assert (graph.recorded, graph.launched) == (3, 5)
    other = encoded.with_features(encoded.features * np.float32(0.5), encoded.features_encoder)
    segmenter(other, view())  # another scene: its shapes and addresses, no graph of the old
    assert (graph.recorded, graph.launched) == (3, 5)
    segmenter(other, view())
    assert (graph.recorded, graph.launched) == (4, 6)


def test_frames_go_on_where_they_cannot_be_recorded(
    segmenter: Segmenter, half: Segmenter, encoded: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rtgs2_trt import _cuda

    tries: list[int] = []

    def refuses(stream: int, enqueue: Any) -> Any:
        tries.append(stream)
        raise _cuda.CudaError("operation not permitted when stream is capturing")

    monkeypatch.setattr(_cuda, "Graph", refuses)
    for target in (1.2, 0.8, 0.2):
        found, expected = segmenter(encoded, view(target), rgb=True), half(encoded, view(target), rgb=True)
        np.testing.assert_allclose(found.rgb, expected.rgb, rtol=2**-10, atol=1e-6)
        assert (found.labels != expected.labels).mean() < 0.005
    assert len(tries) == 1


def test_first_run_that_fails_is_not_taken_for_done(
    segmenter: Segmenter, encoded: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rtgs2_trt import _cuda
    from rtgs2_trt.backends import tensorrt

    def fails(*_: Any) -> None:
        raise BackendError("no memory")

    graph: Any = _cuda.Graph
    with monkeypatch.context() as patched:
        patched.setattr(tensorrt._Lane, "_run", fails)
        with pytest.raises(BackendError, match="no memory"):
            segmenter(encoded, view())
    graph.recorded = 0
    segmenter(encoded, view())
    assert graph.recorded == 0
    segmenter(encoded, view())
    assert graph.recorded == 1


def test_dropped_backend_frees_its_memory_at_once(built: Path) -> None:
    gc.disable()
    try:
        backend = TensorRtBackend(Bundle(built))
        run_self_check(Bundle(built), backend)
        watched = ref(backend)
        del backend
        assert watched() is None
    finally:
        gc.enable()


def test_self_check_draws_a_recorded_frame(built: Path) -> None:
    from rtgs2_trt import _cuda

    graph: Any = _cuda.Graph
    graph.launched = 0
    run_self_check(Bundle(built), TensorRtBackend(Bundle(built)))
    assert graph.launched == 1


def test_camera_moves_under_the_recorded_frame(segmenter: Segmenter, half: Segmenter, encoded: Scene) -> None:
    for target in (1.2, 0.8, 0.2, 1.2):
        found, expected = segmenter(encoded, view(target), rgb=True), half(encoded, view(target), rgb=True)
        np.testing.assert_allclose(found.rgb, expected.rgb, rtol=2**-10, atol=1e-6)
        assert (found.labels != expected.labels).mean() < 0.005


def test_batch_is_its_single_calls(segmenter: Segmenter, machine: Machine, encoded: Scene) -> None:
    cameras = [view(1.2), view(0.9, 80, 50), view(0.6), view(0.3, 96, 64), view(1.2)]
    results = segmenter.batch(encoded, cameras, alpha=True)
    assert machine.contexts == 2  # the next frame is enqueued before the host waits for the last
    for camera, result in zip(cameras, results, strict=True):
        alone = segmenter(encoded, camera, alpha=True)
        np.testing.assert_array_equal(result.labels, alone.labels)
        np.testing.assert_array_equal(result.alpha, alone.alpha)
    assert segmenter.batch(encoded, []) == []


def test_threads_share_the_engine(segmenter: Segmenter, machine: Machine, encoded: Scene) -> None:
    cameras = [view(0.2 * number) for number in range(4)]
    alone = [segmenter(encoded, camera).labels for camera in cameras]
    together: dict[int, list[Any]] = {}
    barrier = threading.Barrier(4)

    def work(number: int) -> None:
        barrier.wait()
        together[number] = [segmenter(encoded, cameras[number]).labels for _ in range(3)]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, labels in enumerate(alone):
        for found in together[number]:
            np.testing.assert_array_equal(found, labels)
    assert machine.contexts <= 4
    assert machine.builds == 0


def test_results_stay_on_the_gpu(segmenter: Segmenter, encoded: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = segmenter(encoded, view(), confidence=True, rgb=True, alpha=True)
    found = segmenter.on_gpu(encoded, view(), confidence=True, rgb=True, alpha=True)
    np.testing.assert_array_equal(found.labels.numpy(), expected.labels)
    np.testing.assert_array_equal(found.confidence.numpy(), expected.confidence)
    np.testing.assert_array_equal(found.rgb.numpy(), expected.rgb.astype(np.float16))
    np.testing.assert_array_equal(found.alpha.numpy(), expected.alpha)
    assert found.labels.stream == segmenter.stream
    core, waits = segmenter._backend._core, []
    real = core.let_wait
    monkeypatch.setattr(core, "let_wait", lambda waiting, other: waits.append((waiting, other)) or real(waiting, other))
    again = segmenter.on_gpu(encoded, view(0.4), confidence=True, rgb=True, alpha=True, into=found)
    assert again is found
    (lane,) = segmenter._backend._idle
    assert (lane.stream.address, segmenter.stream) in waits  # for whoever still reads what is written again
    np.testing.assert_array_equal(found.labels.numpy(), segmenter(encoded, view(0.4)).labels)
    only = segmenter.on_gpu(encoded, view())
    assert (only.confidence, only.rgb, only.alpha) == (None, None, None)
    with pytest.raises(InputError, match="does not fit this view"):
        segmenter.on_gpu(encoded, view(height=59), into=only)


def test_features_of_another_library(segmenter: Segmenter, encoded: Scene, scene: Scene) -> None:
    from rtgs2_trt.cuda import DeviceArray

    plain = Scene(scene.means, scene.scales, scene.rotations, scene.opacities, scene.sh)
    for factor in (1.0, 0.5):
        features = encoded.features * np.float32(factor)
        memory = segmenter._backend._core.Memory(features.nbytes)
        memory.write(features.reshape(-1).view(np.uint8))
        on_gpu = DeviceArray(memory.address, features.shape, np.float32, owner=memory, stream=segmenter.stream)
        segmenter.set_features(plain, on_gpu)
        expected = segmenter(encoded.with_features(features, encoded.features_encoder), view(), confidence=True)
        found = segmenter(plain, view(), confidence=True)
        np.testing.assert_array_equal(found.labels, expected.labels)
        np.testing.assert_array_equal(found.confidence, expected.confidence)
    with pytest.raises(InputError, match="not the features of this scene"):
        segmenter.set_features(plain, DeviceArray.empty((5, 32), np.float32, stream=segmenter.stream))


def test_golden_input_of_the_engines_size_checks(built: Path) -> None:
    bundle = Bundle(built)
    check = run_self_check(bundle, TensorRtBackend(bundle))
    assert check.passed
    assert check.pixels == 90 * 60


def test_scene_is_encoded_by_the_encoders_engine(
    segmenter: Segmenter, machine: Machine, half: Segmenter, scene: Scene
) -> None:
    machine.runs = 0
    found = segmenter.encode(scene)
    assert machine.runs == 1
    np.testing.assert_array_equal(found.features, half.encode(scene).features)  # the stand-in runs the same graph
    part = Scene(*(array[:1000] for array in (scene.means, scene.scales, scene.rotations, scene.opacities, scene.sh)))
    np.testing.assert_array_equal(segmenter.encode(part).features, half.encode(part).features)
    assert machine.runs == 2


def test_scene_of_more_voxels_than_the_encoders_engine_takes(
    machine: Machine, bundle_path: Path, half: Segmenter, scene: Scene
) -> None:
    assert main(["build", str(bundle_path), "--quiet", "--most-voxels", "2000"]) == 0
    segmenter = Segmenter(bundle_path, "tensorrt")
    machine.runs = 0
    with pytest.warns(EncoderEngineWarning, match=r"its engine does not: .*encoder\.engine: input 'inputs' cannot be"):
        found = segmenter.encode(scene)
    assert machine.runs == 0
    np.testing.assert_allclose(found.features, half.encode(scene).features, atol=1e-3)


def test_encoders_engine_that_fails(
    segmenter: Segmenter, half: Segmenter, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tensorrt_machine import Context

    expected = half.encode(scene).features
    for name, failure, message in (
        ("update_device_memory_size_for_shapes", lambda self: 0, "does not tell how much memory a run needs"),
        ("execute_async_v3", lambda self, stream_handle: False, "TensorRT failed"),
    ):
        with monkeypatch.context() as broken:
            broken.setattr(Context, name, failure)
            with pytest.warns(EncoderEngineWarning, match=message):
                np.testing.assert_allclose(segmenter.encode(scene).features, expected, atol=1e-3)


def test_encoders_engine_that_cannot_be_loaded(
    built: Path, half: Segmenter, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def out_of_memory(*arguments: object) -> None:
        raise BackendError("out of memory")

    monkeypatch.setattr(tensorrt_backend, "EncoderEngine", out_of_memory)
    with pytest.warns(EncoderEngineWarning, match="cannot be loaded: out of memory"):
        segmenter = Segmenter(built, "tensorrt")
    np.testing.assert_allclose(segmenter.encode(scene).features, half.encode(scene).features, atol=1e-3)


def test_view_of_another_size_is_refused(segmenter: Segmenter, encoded: Scene) -> None:
    with pytest.raises(CameraError, match=r"97 x 60 pixels.*is 96 x 64.*--image-size"):
        segmenter(encoded, view(width=97))


def test_the_only_size_is_told_and_drawn(segmenter: Segmenter, half: Segmenter, encoded: Scene) -> None:
    assert half.only_size is None
    assert segmenter.only_size is not None
    width, height = segmenter.only_size
    assert segmenter(encoded, view().resized(width, height)).labels.shape == (height, width)


def test_larger_scene_than_the_profile_is_refused(machine: Machine, bundle_path: Path, encoded: Scene) -> None:
    assert main(["build", str(bundle_path), "--quiet", "--most-gaussians", "3000"]) == 0
    with pytest.raises(SceneError, match=r"4000 Gaussians.*at most 3000.*--most-gaussians 4000"):
        Segmenter(bundle_path, "tensorrt")(encoded, view())


def test_view_that_needs_more_room_is_refused(segmenter: Segmenter, machine: Machine, encoded: Scene) -> None:
    machine.needs = (4000, 1 << 20)
    segmenter(encoded, view())
    machine.needs = (4000, (1 << 20) + 1)
    with pytest.raises(SceneError, match=r"1048577 pairs.*at most 1048576.*backend 'cuda'"):
        segmenter(encoded, view())
    machine.needs = (0, 0)
    assert segmenter(encoded, view()).labels.shape == (60, 90)


def test_features_beyond_fp16_are_refused(segmenter: Segmenter, encoded: Scene) -> None:
    huge = encoded.with_features(np.full_like(encoded.features, 1e5), encoded.features_encoder)
    with pytest.raises(SceneError, match="features leave the range of FP16"):
        segmenter(huge, view())


def test_auto_takes_it_if_an_engine_is_there(machine: Machine, bundle_path: Path, frame_bundle: Path) -> None:
    before = Segmenter(bundle_path)
    assert before.backend_name == "cuda"
    assert f"no TensorRT engine for this machine: rtgs2 build {bundle_path}" in before.passed_over["tensorrt"]
    assert main(["build", str(bundle_path), "--quiet"]) == 0
    after = Segmenter(bundle_path)
    assert (after.backend_name, dict(after.passed_over)) == ("tensorrt", {})
    assert Segmenter(bundle_path, precision="fp32").backend_name == "cuda"
    assert Segmenter(frame_bundle).backend_name == "cuda"


def test_bundle_without_a_frame_graph_is_never_meant_for_it(machine: Machine, exported_bundle: Path) -> None:
    segmenter = Segmenter(exported_bundle)
    assert "tensorrt" not in segmenter.passed_over
    with pytest.raises(BackendError, match="rtgs2-export --tensorrt"):
        Segmenter(exported_bundle, "tensorrt")


def test_without_tensorrt(machine: Machine, built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "tensorrt", None)
    with pytest.raises(BackendError, match=r"TensorRT for Python is not installed: pip install tensorrt"):
        Segmenter(built, "tensorrt")


def test_tensorrt_that_fails_says_so(segmenter: Segmenter, encoded: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    from tensorrt_machine import Context

    monkeypatch.setattr(Context, "execute_async_v3", lambda self, stream_handle: False)
    with pytest.raises(BackendError, match=r"frame\.engine: TensorRT failed"):
        segmenter(encoded, view())


def test_depth_bundle(machine: Machine, depth_checkpoint: Path, tmp_path: Path, scene: Scene) -> None:
    from rtgs2_export.export import export_bundle
    from rtgs2_networks.checkpoint import load_checkpoint

    path = export_bundle(
        load_checkpoint(depth_checkpoint), tmp_path / "depth.rtgs2", image_size=(64, 32), tensorrt=True
    ).path
    assert main(["build", str(path), "--quiet"]) == 0
    camera = view(width=64, height=32)
    cpu = Segmenter(path, "cpu", precision="fp16")
    encoded = cpu.encode(scene)
    found = Segmenter(path, "tensorrt")(encoded, camera)
    expected = cpu(encoded, camera).depth_prediction
    assert found.labels is None
    np.testing.assert_allclose(found.depth_prediction, expected, atol=0.02 * np.abs(expected).max())
