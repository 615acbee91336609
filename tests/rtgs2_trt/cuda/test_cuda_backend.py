"""The CUDA backend against the CPU backend, and its promises one by one: its kernels run on the host, and on a GPU."""

from __future__ import annotations

import gc
import hashlib
import json
import weakref
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from cuda_frames import PROBLEM
from network_on_host import NetworkOnHost
from rtgs2_trt import Camera, Scene, Segmenter
from rtgs2_trt.backends import PrecisionChoice, cuda_engine
from rtgs2_trt.backends import cuda as cuda_backend
from rtgs2_trt.errors import BackendError, BundleError, InputError, SceneError

pytestmark = pytest.mark.filterwarnings("ignore:Duplicate provider 'CPUExecutionProvider'")


@pytest.fixture(params=["emulated", "real", "real without its ONNX Runtime"])
def gpu_core(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The CUDA core: run on the host, and on a GPU, where ONNX Runtime's CPU stands in if it has no CUDA."""
    if request.param == "emulated":
        core: ModuleType = request.getfixturevalue("emulated_gpu")
        return core
    if PROBLEM is not None:
        pytest.skip(f"no GPU: {PROBLEM}")
    problem = cuda_engine.provider_problem()
    if request.param == "real":
        if problem is not None:
            pytest.skip(f"no networks on the GPU: {problem}")
    elif problem is None:
        pytest.skip("ONNX Runtime has CUDA, with which it all runs")
    else:
        monkeypatch.setattr(cuda_backend, "CudaNetwork", NetworkOnHost)
    from rtgs2_trt import _cuda

    return _cuda


@pytest.fixture
def gpu(gpu_core: ModuleType, exported_bundle: Path) -> Segmenter:
    return Segmenter(exported_bundle, "cuda", precision="fp32")


@pytest.fixture(scope="module")
def small_scene(scene: Scene) -> Scene:
    """A part of the scene: kernels on the host take their time."""
    kept = slice(0, 1200)
    return Scene(scene.means[kept], scene.scales[kept], scene.rotations[kept], scene.opacities[kept], scene.sh[kept])


@pytest.fixture(scope="module")
def cpu(exported_bundle: Path) -> Segmenter:
    return Segmenter(exported_bundle, "cpu")


@pytest.fixture(scope="module")
def encoded(cpu: Segmenter, small_scene: Scene) -> Scene:
    return cpu.encode(small_scene)


def view(width: int = 61, height: int = 45, target: float = 1.2) -> Camera:
    return Camera.look_at((0.2, 0.2, 0.6), (1.8, target, 0.5), width=width, height=height, fov_degrees=80)


def on_gpu_of(gpu: Segmenter, tensor: Any) -> Any:
    """A tensor of PyTorch in the memory that the GPU has: the host's, where the host is the GPU."""
    torch = pytest.importorskip("torch")
    if gpu._backend._core.device()["name"] == "a host that emulates a GPU":
        return tensor
    if not torch.cuda.is_available():
        pytest.skip("this PyTorch is a build without CUDA")
    return tensor.cuda()


def assert_same(found: Any, expected: Any) -> None:
    """Colour and the rest up to the order of sums in float32; a label may flip where that decides."""
    assert found.labels.dtype == expected.labels.dtype
    assert (found.labels != expected.labels).mean() < 1e-3
    for name in ("confidence", "rgb", "alpha", "depth"):
        a, b = getattr(found, name), getattr(expected, name)
        assert (a is None) == (b is None), name
        if a is not None:
            assert a.dtype == b.dtype == np.float32
            np.testing.assert_allclose(a, b, atol=1e-3 if name == "confidence" else 1e-4, rtol=1e-4, err_msg=name)


def test_results_are_those_of_the_cpu(gpu: Segmenter, cpu: Segmenter, encoded: Scene) -> None:
    asked = {"confidence": True, "rgb": True, "depth": True, "alpha": True}
    found, expected = gpu(encoded, view(), **asked), cpu(encoded, view(), **asked)
    assert len(np.unique(expected.labels)) > 1
    assert_same(found, expected)
    assert set(found.seconds) == {"rasterize", "fuse", "argmax", "copy"}
    assert (gpu.backend_name, gpu.precision, dict(gpu.passed_over)) == ("cuda", "fp32", {})


def test_a_network_on_the_host_stands_in(
    emulated_gpu: ModuleType, exported_bundle: Path, cpu: Segmenter, encoded: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cuda_backend, "CudaNetwork", NetworkOnHost)
    gpu = Segmenter(exported_bundle, "cuda", precision="fp32")
    cameras = [view(), view(33, 20)]
    for camera, found in zip(cameras, gpu.batch(encoded, cameras, rgb=True), strict=True):
        assert_same(found, cpu(encoded, camera, rgb=True))
    np.testing.assert_array_equal(gpu.encode(encoded).features, cpu.encode(encoded).features)


def test_features_are_those_of_the_cpu(gpu: Segmenter, encoded: Scene, small_scene: Scene) -> None:
    features = gpu.encode(small_scene).features
    assert np.abs(features - encoded.features).max() < 1e-4 * np.abs(encoded.features).max()


def test_encoder_runs_on_the_cpu_if_the_gpu_fails(
    gpu: Segmenter, encoded: Scene, small_scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> Any:
        raise BackendError("CUDA failure 2: out of memory")

    monkeypatch.setattr(cuda_backend.CudaNetwork, "run", fails)
    with pytest.warns(cuda_backend.EncoderOnCpuWarning, match="the encoder runs on the CPU.*: CUDA failure 2"):
        first = gpu.encode(small_scene)
    np.testing.assert_array_equal(first.features, encoded.features)
    np.testing.assert_array_equal(gpu.encode(small_scene).features, encoded.features)  # and says so once


def test_only_what_is_asked_for_comes_back(gpu: Segmenter, encoded: Scene) -> None:
    result = gpu(encoded, view())
    assert (result.confidence, result.rgb, result.depth, result.alpha) == (None, None, None, None)


def test_unknown_below(gpu: Segmenter, cpu: Segmenter, encoded: Scene) -> None:
    away = view(target=-1.0)
    labels = gpu(encoded, away, unknown_below=0.5).labels
    assert (labels == 255).any()
    assert (labels != cpu(encoded, away, unknown_below=0.5).labels).mean() < 1e-3


def test_several_views_of_several_sizes_in_one_call(gpu: Segmenter, encoded: Scene) -> None:
    cameras = [view(), view(33, 20), view(target=0.8), view(), view(64, 32, 0.5)]
    results = gpu.batch(encoded, cameras, rgb=True)
    assert len(results) == len(cameras)
    for camera, result in zip(cameras, results, strict=True):
        alone = gpu(encoded, camera, rgb=True)
        np.testing.assert_array_equal(result.labels, alone.labels)
        np.testing.assert_array_equal(result.rgb, alone.rgb)
    assert gpu.batch(encoded, []) == []


def test_batch_of_the_cpu_is_its_single_calls(cpu: Segmenter, encoded: Scene) -> None:
    cameras = [view(), view(33, 20)]
    for camera, result in zip(cameras, cpu.batch(encoded, cameras, alpha=True), strict=True):
        alone = cpu(encoded, camera, alpha=True)
        np.testing.assert_array_equal(result.labels, alone.labels)
        np.testing.assert_array_equal(result.alpha, alone.alpha)


@pytest.fixture
def crowded(encoded: Scene) -> Scene:
    """Gaussians so large that each touches every tile: more pairs than there is room for at first."""
    parts = [np.concatenate([a] * 20) for a in (encoded.means, encoded.rotations, encoded.opacities, encoded.sh)]
    means, rotations, opacities, sh = parts
    scales = np.full_like(means, 0.6)
    features = np.concatenate([encoded.features] * 20)
    scene = Scene(means, scales, rotations, opacities * 0.02, sh)
    return scene.with_features(features, encoded.features_encoder)


def test_a_view_that_does_not_fit_is_drawn_again(
    gpu: Segmenter, cpu: Segmenter, crowded: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    grown: list[bool] = []
    real = cuda_backend.CudaBackend._grown
    monkeypatch.setattr(cuda_backend.CudaBackend, "_grown", lambda *a: grown.append(real(*a)) or grown[-1])
    cameras = [view(64, 32), view(64, 32, 0.8), view(64, 32, 0.4)]
    results = gpu.batch(crowded, cameras, rgb=True)
    assert grown[0] is True  # the first did not fit
    assert grown.count(True) <= 2
    for camera, result in zip(cameras, results, strict=True):
        assert_same(result, cpu(crowded, camera, rgb=True))
    grown.clear()
    gpu(crowded, cameras[0])
    assert grown == [False]


def test_growth_is_followed_on_the_gpu_too(gpu: Segmenter, cpu: Segmenter, crowded: Scene) -> None:
    labels = gpu.on_gpu(crowded, view(64, 32)).labels.numpy()
    assert (labels != cpu(crowded, view(64, 32)).labels).mean() < 1e-3


class Calls:
    """Notes the calls that a frame makes, by their kind, and passes them on."""

    def __init__(self, backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[str] = []
        core, recorder = backend._core, self

        class Recording:
            def __getattr__(self, name: str) -> Any:
                value = getattr(core, name)
                return recorder.noting(name, value) if name in ("upsample_argmax", "copy_rows") else value

        monkeypatch.setattr(backend, "_core", Recording())
        network = backend._network(backend._fusion_file)
        monkeypatch.setattr(network, "enqueue", self.noting("fuse", network.enqueue))
        monkeypatch.setattr(cuda_backend, "copy_cropped", self.noting("copy", cuda_backend.copy_cropped))
        rasterizer = cuda_backend.ViewRasterizer
        monkeypatch.setattr(rasterizer, "enqueue", self.noting("rasterize", rasterizer.enqueue))
        results = cuda_backend.HostResults
        monkeypatch.setattr(results, "fetch", self.noting("fetch", results.fetch))
        monkeypatch.setattr(results, "take", self.noting("take", results.take))

    def noting(self, name: str, function: Any) -> Any:
        def noted(*arguments: Any, **options: Any) -> Any:
            self.made.append(name)
            return function(*arguments, **options)

        return noted


def test_stages_follow_each_other_without_a_copy_and_the_next_view_starts_early(
    gpu: Segmenter, encoded: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = Calls(gpu._backend, monkeypatch)
    gpu.batch(encoded, [view(), view(target=0.8), view(target=0.5)])
    frame = ["rasterize", "fuse", "upsample_argmax", "fetch"]
    assert calls.made == [*frame, *frame, "take", *frame, "take", "take"]


def test_shared_memory_takes_labels_without_a_copy(
    gpu: Segmenter, encoded: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = gpu(encoded, view(), confidence=True)
    monkeypatch.setattr(gpu._backend, "_maps_host_memory", True)
    calls = Calls(gpu._backend, monkeypatch)
    found = gpu(encoded, view(), confidence=True)
    assert "fetch" not in calls.made
    np.testing.assert_array_equal(found.labels, expected.labels)
    np.testing.assert_array_equal(found.confidence, expected.confidence)


def test_frames_after_the_first_allocate_nothing(
    gpu: Segmenter, encoded: Scene, gpu_core: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpu.batch(encoded, [view(), view()], rgb=True)

    def refuse(*_: Any) -> Any:
        raise AssertionError("allocates")

    for name in ("Memory", "PinnedMemory", "Scene", "Rasterizer", "Stream", "Event"):
        monkeypatch.setattr(gpu_core, name, refuse)
    gpu.batch(encoded, [view(), view(target=0.8), view()], rgb=True)


def test_sizes_that_are_not_used_go(gpu: Segmenter, encoded: Scene) -> None:
    for width in (32, 64, 96, 128, 160, 32):
        gpu(encoded, view(width, 32))
    assert [size[0] for size in gpu._backend._images] == [96, 128, 160, 32]


def test_depth_bundle(gpu_core: ModuleType, depth_bundle: Path, small_scene: Scene) -> None:
    gpu, cpu = Segmenter(depth_bundle, "cuda", precision="fp32"), Segmenter(depth_bundle, "cpu")
    encoded = cpu.encode(small_scene)
    found, expected = gpu(encoded, view()), cpu(encoded, view())
    np.testing.assert_allclose(found.depth_prediction, expected.depth_prediction, rtol=1e-3)
    assert found.labels is None
    with pytest.raises(InputError, match="depth predictions are upsampled on the host"):
        gpu.on_gpu(encoded, view())


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_golden_input_of_a_bundle(gpu_core: ModuleType, exported_bundle: Path, precision: PrecisionChoice) -> None:
    from rtgs2_trt import Bundle
    from rtgs2_trt.backends import create_backend
    from rtgs2_trt.self_check import run_self_check

    bundle = Bundle(exported_bundle)
    check = run_self_check(bundle, create_backend("cuda", bundle, 0, precision))
    assert check.passed
    assert check.logits_difference > 0  # another order of sums, or halves
    assert (check.logits_difference > 1e-4) == (precision == "fp16")
    assert (check.features_difference > 1e-4) == (precision == "fp16")  # the encoder has a graph in halves too


@pytest.fixture
def half_bundle(bundle: Path) -> Path:
    """The bundle with an FP16 fusion graph: the FP32 one between casts, so that what goes in and out is rounded."""
    onnx = pytest.importorskip("onnx")
    model = onnx.load(bundle / "fusion.onnx")
    graph = model.graph
    for entry in (*graph.input, *graph.output):
        name, inside = entry.name, f"{entry.name}_in_fp32"
        is_input = entry in graph.input
        for node in graph.node:
            names = node.input if is_input else node.output
            for i, used in enumerate(names):
                if used == name:
                    names[i] = inside
        if is_input:
            graph.node.insert(0, onnx.helper.make_node("Cast", [name], [inside], to=onnx.TensorProto.FLOAT))
        else:
            graph.node.append(onnx.helper.make_node("Cast", [inside], [name], to=onnx.TensorProto.FLOAT16))
        entry.type.tensor_type.elem_type = onnx.TensorProto.FLOAT16
    onnx.save(model, bundle / "fusion.fp16.onnx")
    manifest = json.loads((bundle / "manifest.json").read_text())
    manifest["precision"] = ["fp32", "fp16"]
    manifest["files"]["fusion.fp16.onnx"] = hashlib.sha256((bundle / "fusion.fp16.onnx").read_bytes()).hexdigest()
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    return bundle


def test_fp16_graph_is_taken_where_there_is_one(
    gpu_core: ModuleType, half_bundle: Path, cpu: Segmenter, encoded: Scene
) -> None:
    gpu = Segmenter(half_bundle, "cuda")
    assert gpu.precision == "fp16"
    asked = {"confidence": True, "rgb": True, "depth": True, "alpha": True}
    found, expected = gpu(encoded, view(), **asked), cpu(encoded, view(), **asked)
    assert 0 < np.abs(found.rgb - expected.rgb).max() < 2e-3  # rounded to half
    assert np.abs(found.confidence - expected.confidence).max() < 2e-2
    np.testing.assert_allclose(found.depth, expected.depth, atol=1e-4, rtol=1e-4)
    assert (found.labels != expected.labels).mean() < 0.01
    on_gpu = gpu.on_gpu(encoded, view(), rgb=True)
    assert on_gpu.rgb.dtype == np.float16
    np.testing.assert_array_equal(on_gpu.rgb.numpy().astype(np.float32), found.rgb)


def test_bundle_without_an_fp16_graph(emulated_gpu: ModuleType, bundle: Path) -> None:
    manifest = json.loads((bundle / "manifest.json").read_text())
    for name in ("encoder.fp16.onnx", "fusion.fp16.onnx"):
        del manifest["files"][name]
    manifest["precision"] = ["fp32"]
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BundleError, match=r"bundle has no FP16 graph.*rtgs2-export --precision both"):
        Segmenter(bundle, "cuda", precision="fp16")
    assert Segmenter(bundle, "cuda").precision == "fp32"


def test_results_on_the_gpu(gpu: Segmenter, encoded: Scene) -> None:
    asked = {"confidence": True, "rgb": True, "alpha": True}
    expected, found = gpu(encoded, view(), **asked), gpu.on_gpu(encoded, view(), **asked)
    for name in ("labels", "confidence", "rgb", "alpha"):
        np.testing.assert_array_equal(getattr(found, name).numpy(), getattr(expected, name))
    kept = found.labels.numpy()
    other = gpu.on_gpu(encoded, view(target=0.3))
    np.testing.assert_array_equal(found.labels.numpy(), kept)  # the next result has memory of its own
    assert (other.labels.numpy() != kept).any()
    again = gpu.on_gpu(encoded, view(target=0.3), into=other)
    assert again.labels.address == other.labels.address
    with pytest.raises(InputError, match=r"into\.confidence: does not fit this view"):
        gpu.on_gpu(encoded, view(), confidence=True, into=other)
    with pytest.raises(InputError, match=r"into\.labels"):
        gpu.on_gpu(encoded, view(32, 32), into=other)
    with pytest.raises(InputError, match="into: a result of another segmenter"):
        Segmenter(gpu.bundle, "cuda").on_gpu(encoded, view(target=0.3), into=other)


def test_results_outlive_the_segmenter(
    gpu_core: ModuleType, exported_bundle: Path, encoded: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stream:
        """The core's, whose end can be seen."""

        def __init__(self) -> None:
            self._real = real()
            self.address, self.wait = self._real.address, self._real.wait

    real = gpu_core.Stream
    monkeypatch.setattr(gpu_core, "Stream", Stream)
    gpu = Segmenter(exported_bundle, "cuda", precision="fp32")
    alive = weakref.ref(gpu._backend._stream)
    expected, found = gpu(encoded, view()).labels, gpu.on_gpu(encoded, view())
    del gpu
    gc.collect()
    assert alive() is not None  # readers' streams wait for it
    np.testing.assert_array_equal(found.labels.numpy(), expected)
    del found
    gc.collect()
    assert alive() is None


def test_features_of_another_library(gpu: Segmenter, cpu: Segmenter, small_scene: Scene, encoded: Scene) -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(SceneError, match="not encoded"):
        gpu(small_scene, view())
    gpu.set_features(small_scene, on_gpu_of(gpu, torch.from_numpy(encoded.features.copy())))
    np.testing.assert_array_equal(gpu(small_scene, view()).labels, gpu(encoded, view()).labels)
    gpu.set_features(small_scene, on_gpu_of(gpu, torch.zeros(encoded.features.shape)))
    nothing = encoded.with_features(np.zeros_like(encoded.features), encoded.features_encoder)
    np.testing.assert_array_equal(gpu(small_scene, view()).labels, gpu(nothing, view()).labels)
    for wrong in (torch.zeros(3, 32), torch.zeros(encoded.features.shape, dtype=torch.float64)):
        with pytest.raises(InputError, match="features: not the features of this scene"):
            gpu.set_features(small_scene, on_gpu_of(gpu, wrong))


def test_another_backend_has_nothing_on_the_gpu(cpu: Segmenter, encoded: Scene) -> None:
    assert cpu.stream is None
    for call in (lambda: cpu.on_gpu(encoded, view()), lambda: cpu.set_features(encoded, encoded.features)):
        with pytest.raises(BackendError, match="backend 'cpu' has nothing in GPU memory: take backend 'cuda'"):
            call()


@pytest.fixture
def failing(gpu: Segmenter, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets the exception that the rasteriser raises from now on."""

    def fail(exception: Exception) -> None:
        def raising(*_: Any) -> None:
            raise exception

        monkeypatch.setattr(cuda_backend.ViewRasterizer, "enqueue", raising)

    return fail


def test_out_of_device_memory(gpu: Segmenter, encoded: Scene, failing: Any, gpu_core: ModuleType) -> None:
    failing(gpu_core.CudaMemoryError("out of GPU memory: drawing a frame needs 5 MiB; use a smaller scene"))
    with pytest.raises(BackendError, match="out of GPU memory: drawing a frame needs 5 MiB; use a smaller scene"):
        gpu(encoded, view())


def test_a_fault_of_the_gpu(gpu: Segmenter, encoded: Scene, failing: Any, gpu_core: ModuleType) -> None:
    failing(gpu_core.CudaError("launching a CUDA graph failed: an illegal memory access"))
    with pytest.raises(BackendError, match="the GPU failed: launching a CUDA graph failed"):
        gpu(encoded, view())
