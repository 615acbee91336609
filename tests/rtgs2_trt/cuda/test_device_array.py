"""Arrays that change hands: DLPack and ``__cuda_array_interface__``, read by NumPy and PyTorch on emulated memory."""

from __future__ import annotations

import gc
import weakref
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from cuda_frames import PROBLEM
from rtgs2_trt.cuda import DeviceArray
from rtgs2_trt.errors import InputError

TYPES = [np.uint8, np.uint16, np.int32, np.int64, np.float16, np.float32, np.float64]


@pytest.fixture
def stream(emulated_gpu: ModuleType) -> Any:
    return emulated_gpu.Stream()


def filled(core: ModuleType, stream: Any, values: np.ndarray) -> DeviceArray:
    memory = core.Memory(values.nbytes)
    memory.write(np.ascontiguousarray(values).reshape(-1).view(np.uint8))
    return DeviceArray(memory.address, values.shape, values.dtype, owner=memory, stream=stream.address)


@pytest.mark.parametrize("dtype", TYPES)
def test_numpy_and_torch_read_our_memory(emulated_gpu: ModuleType, stream: Any, dtype: type) -> None:
    torch = pytest.importorskip("torch")
    values = np.arange(24).reshape(2, 3, 4).astype(dtype)
    array = filled(emulated_gpu, stream, values)
    np.testing.assert_array_equal(array.numpy(), values)
    assert array.nbytes == values.nbytes
    for reader in (np.from_dlpack, torch.from_dlpack):
        read = reader(array)
        np.testing.assert_array_equal(np.asarray(read), values)
        assert np.asarray(read).dtype == dtype
        address = read.data_ptr() if hasattr(read, "data_ptr") else read.__array_interface__["data"][0]
        assert address == array.address  # no copy


@pytest.mark.parametrize("version", [None, (0, 8), (1, 0), (1, 3)])
def test_capsules_of_both_versions(emulated_gpu: ModuleType, stream: Any, version: tuple[int, int] | None) -> None:
    array = filled(emulated_gpu, stream, np.arange(6, dtype=np.float32).reshape(2, 3))
    capsule = array.__dlpack__(max_version=version)
    versioned = version is not None and version[0] >= 1
    assert ("dltensor_versioned" in repr(capsule)) == versioned
    taken = emulated_gpu.from_dlpack(capsule)
    assert taken["address"] == array.address
    assert (taken["shape"], taken["strides"], taken["type"]) == ((2, 3), (3, 1), (2, 32, 1))
    with pytest.raises(ValueError, match="taken before"):
        emulated_gpu.from_dlpack(capsule)


@pytest.mark.parametrize("versioned", [False, True])
@pytest.mark.parametrize("taken", [False, True])
def test_memory_lives_as_long_as_its_readers(
    emulated_gpu: ModuleType, stream: Any, versioned: bool, taken: bool
) -> None:
    class Owner:
        pass

    owner = Owner()
    alive = weakref.ref(owner)
    memory = emulated_gpu.Memory(4)
    array = DeviceArray(memory.address, (4,), np.uint8, owner=owner, stream=stream.address)
    capsule = array.__dlpack__(max_version=(1, 0) if versioned else None)
    del array, owner
    reader = emulated_gpu.from_dlpack(capsule) if taken else None
    gc.collect()
    assert alive() is not None
    del capsule
    gc.collect()
    assert (alive() is not None) == taken
    del reader
    gc.collect()
    assert alive() is None


def test_the_stream_lives_as_long_as_the_readers(emulated_gpu: ModuleType) -> None:
    class Stream:
        def __init__(self) -> None:
            self.real = emulated_gpu.Stream()
            self.address = self.real.address

    stream = Stream()
    alive = weakref.ref(stream)
    array = DeviceArray.empty((3,), np.float32, stream=stream.address, keeps=stream)
    del stream
    reader = np.from_dlpack(array)
    del array
    gc.collect()
    assert alive() is not None
    del reader
    gc.collect()
    assert alive() is None


def test_readers_streams_wait_for_ours(emulated_gpu: ModuleType, stream: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    array = filled(emulated_gpu, stream, np.zeros(3, np.float32))
    waits: list[tuple[int, int]] = []
    monkeypatch.setattr(emulated_gpu, "let_wait", lambda waiting, other: waits.append((waiting, other)))
    for given in (None, 1, 2, 4096, -1):
        array.__dlpack__(stream=given)
    assert waits == [(1, stream.address), (1, stream.address), (2, stream.address), (4096, stream.address)]
    with pytest.raises(InputError, match="stream: 0 could be either default stream"):
        array.__dlpack__(stream=0)
    assert array.__cuda_array_interface__["stream"] == stream.address


def test_what_is_not_handed_over(emulated_gpu: ModuleType, stream: Any) -> None:
    array = filled(emulated_gpu, stream, np.zeros(3, np.float32))
    for options in ({"copy": True}, {"dl_device": (2, 7)}):
        with pytest.raises(BufferError, match="without a copy"):
            array.__dlpack__(**options)
    array.__dlpack__(copy=False, dl_device=array.__dlpack_device__())


def interface(values: np.ndarray, **changes: Any) -> Any:
    """An object of a library that only knows ``__cuda_array_interface__``."""
    entries = {
        "shape": values.shape,
        "typestr": values.dtype.str,
        "data": (values.ctypes.data, False),
        "strides": None,
        "version": 3,
        "stream": None,
    }
    return SimpleNamespace(__cuda_array_interface__={**entries, **changes}, kept=values)


def test_arrays_of_others(emulated_gpu: ModuleType, stream: Any) -> None:
    torch = pytest.importorskip("torch")
    values = np.random.default_rng(0).standard_normal((5, 7)).astype(np.float32)
    ours = filled(emulated_gpu, stream, values)
    for array in (ours, torch.from_numpy(values), values, interface(values), interface(values, strides=(28, 4))):
        taken = DeviceArray.of(array, stream=stream.address)
        assert (taken.shape, taken.dtype) == ((5, 7), np.float32)
        np.testing.assert_array_equal(taken.numpy(), values)
        del array
    assert DeviceArray.of(ours, stream=stream.address) is ours
    again = DeviceArray.of(interface(values), stream=stream.address)
    del values
    gc.collect()
    assert np.isfinite(again.numpy()).all()


def test_streams_of_others_are_waited_for(
    emulated_gpu: ModuleType, stream: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = np.zeros(3, np.float32)
    waits: list[tuple[int, int]] = []
    monkeypatch.setattr(emulated_gpu, "let_wait", lambda waiting, other: waits.append((waiting, other)))
    DeviceArray.of(interface(values, stream=77), stream=5)
    DeviceArray.of(interface(values, version=2), stream=5)  # which says nothing of streams
    DeviceArray.of(interface(values), stream=5)  # which says that nothing needs to wait
    assert waits == [(5, 77), (5, 1)]


def test_arrays_that_are_refused(emulated_gpu: ModuleType, stream: Any) -> None:
    torch = pytest.importorskip("torch")
    values = np.zeros((4, 6), np.float32)
    address = stream.address
    for array in (values.T, torch.zeros(6, 4).T, interface(values, strides=(4, 16))):
        with pytest.raises(InputError, match=r"features: is not in C order \(found strides .*contiguous"):
            DeviceArray.of(array, stream=address, field="features")
    with pytest.raises(InputError, match=r"array: not an array that lies in GPU memory \(found list"):
        DeviceArray.of([1.0], stream=address)
    with pytest.raises(InputError, match="holds no ordinary numbers"):
        DeviceArray.of(torch.zeros(3, dtype=torch.complex64), stream=address)
    elsewhere = SimpleNamespace(__dlpack__=values.__dlpack__, __dlpack_device__=lambda: (2, 1))
    with pytest.raises(InputError, match=r"lies in the memory of another device \(found DLPack device \(2, 1\)"):
        DeviceArray.of(elsewhere, stream=address)


def test_library_from_before_dlpack_1(emulated_gpu: ModuleType, stream: Any) -> None:
    values = np.arange(3, dtype=np.float32)

    class Old:
        def __dlpack__(self, stream: int | None = None) -> object:
            return values.__dlpack__()

        def __dlpack_device__(self) -> tuple[int, int]:
            return values.__dlpack_device__()

    np.testing.assert_array_equal(DeviceArray.of(Old(), stream=stream.address).numpy(), values)


@pytest.mark.skipif(PROBLEM is not None, reason=f"no GPU: {PROBLEM}")
def test_pytorch_on_a_gpu_both_ways() -> None:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("this PyTorch is a build without CUDA")
    from rtgs2_trt import _cuda

    stream, values = _cuda.Stream(), np.arange(12, dtype=np.float32).reshape(3, 4)
    array = filled(_cuda, stream, values)
    assert array.__dlpack_device__()[0] == 2
    for tensor in (torch.from_dlpack(array), torch.as_tensor(array, device="cuda")):
        assert tensor.data_ptr() == array.address
        np.testing.assert_array_equal(tensor.cpu().numpy(), values)
    doubled = torch.from_dlpack(array) * 2
    taken = DeviceArray.of(doubled, stream=stream.address)
    assert taken.address == doubled.data_ptr()
    np.testing.assert_array_equal(taken.numpy(), 2 * values)
    with pytest.raises(InputError, match="lies in the memory of another device"):
        DeviceArray.of(torch.zeros(3), stream=stream.address)


@pytest.mark.skipif(PROBLEM is not None, reason=f"no GPU: {PROBLEM}")
def test_cupy_on_a_gpu_both_ways() -> None:
    cupy = pytest.importorskip("cupy")
    from rtgs2_trt import _cuda

    stream, values = _cuda.Stream(), np.arange(12, dtype=np.float32).reshape(3, 4)
    array = filled(_cuda, stream, values)
    for taken in (cupy.from_dlpack(array), cupy.asarray(array)):
        assert taken.data.ptr == array.address
        np.testing.assert_array_equal(cupy.asnumpy(taken), values)
    doubled = cupy.asarray(array) * 2
    ours = DeviceArray.of(doubled, stream=stream.address)
    assert ours.address == doubled.data.ptr
    np.testing.assert_array_equal(ours.numpy(), 2 * values)


@pytest.mark.skipif(PROBLEM is not None, reason=f"no GPU: {PROBLEM}")
def test_cuda_python_on_a_gpu_by_address_and_stream() -> None:
    runtime = pytest.importorskip("cuda.bindings.runtime")
    from rtgs2_trt import _cuda

    stream, values = _cuda.Stream(), np.arange(12, dtype=np.float32)
    array = filled(_cuda, stream, values)
    host = np.empty_like(values)
    kind = runtime.cudaMemcpyKind.cudaMemcpyDeviceToHost
    (code,) = runtime.cudaMemcpyAsync(host.ctypes.data, array.address, array.nbytes, kind, stream.address)
    assert code == runtime.cudaError_t.cudaSuccess
    stream.wait()
    np.testing.assert_array_equal(host, values)
