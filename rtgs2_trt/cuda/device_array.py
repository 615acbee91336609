"""Arrays in GPU memory that PyTorch, CuPy, Numba, cuda-python and PyCUDA can use without a copy, and theirs for us."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import BackendError, InputError
from .problem import cuda_problem

_DLPACK_CODES = {"i": 0, "u": 1, "f": 2}
_DLPACK_MANAGED = 13  # memory that host and GPU both use
_LEGACY_DEFAULT_STREAM = 1
_C_ORDER = "Make it contiguous first: tensor.contiguous() in PyTorch, cupy.ascontiguousarray() in CuPy"


class DeviceArray:
    """An array in GPU memory, in C order.

    Other libraries take it through ``__dlpack__`` (``torch.from_dlpack(array)``, ``cupy.from_dlpack(array)``) or
    ``__cuda_array_interface__`` (``cupy.asarray(array)``, Numba, PyCUDA). Both order the streams: the reader's waits
    for the work that fills the array; the host does not.

    Args:
        address: of the first value in GPU memory.
        shape: sizes.
        dtype: whole numbers or floating point.
        owner: what keeps the memory, and the stream where that may end; lives as long as the array and all its readers.
        stream: address of the CUDA stream whose work fills the array.

    Attributes:
        address: as given; so `shape`, `dtype`, `stream`.
    """

    def __init__(
        self, address: int, shape: tuple[int, ...], dtype: npt.DTypeLike, *, owner: object, stream: int
    ) -> None:
        self.address = address
        self.shape = shape
        self.dtype = np.dtype(dtype)
        self.stream = stream
        self._owner = owner

    @classmethod
    def empty(cls, shape: tuple[int, ...], dtype: npt.DTypeLike, *, stream: int, keeps: object = None) -> DeviceArray:
        """Return an array of new GPU memory, its values not set yet.

        Args:
            shape: sizes.
            dtype: whole numbers or floating point.
            stream: address of the CUDA stream whose work will fill it.
            keeps: the stream's owner, if the array may outlive it: lives as long as the array and all its readers.

        Raises:
            BackendError: no GPU can be used, or it has not enough memory.
        """
        core = _core()
        try:
            memory = core.Memory(math.prod(shape) * np.dtype(dtype).itemsize)
        except core.CudaMemoryError as error:
            raise BackendError(str(error)) from error
        return cls(memory.address, shape, dtype, owner=(memory, keeps), stream=stream)

    @classmethod
    def of(cls, array: object, *, stream: int, field: str = "array") -> DeviceArray:
        """Return another library's array as one of ours, without a copy.

        Work on `stream` from here on waits for the work that fills the array.

        Args:
            array: anything with ``__cuda_array_interface__`` or ``__dlpack__`` in the current GPU's memory, C order.
            stream: address of the CUDA stream that will read it.
            field: what messages call it.

        Raises:
            InputError: not such an array.
            BackendError: no GPU can be used.
        """
        if isinstance(array, cls):
            _core().let_wait(stream, array.stream)
            return array
        # DLPack first: of PyTorch's two protocols it alone says which stream still writes.
        if hasattr(array, "__dlpack__") and hasattr(array, "__dlpack_device__"):
            return cls._of_dlpack(array, stream, field)
        if hasattr(array, "__cuda_array_interface__"):
            return cls._of_interface(array, array.__cuda_array_interface__, stream, field)
        raise InputError(
            "not an array that lies in GPU memory",
            field=field,
            found=type(array).__name__,
            expected="an object with __cuda_array_interface__ or __dlpack__",
        )

    @classmethod
    def _of_interface(cls, array: object, interface: Mapping[str, Any], stream: int, field: str) -> DeviceArray:
        shape, dtype = tuple(interface["shape"]), np.dtype(interface["typestr"])
        strides = interface.get("strides")
        _check_order(shape, None if strides is None else [stride / dtype.itemsize for stride in strides], field)
        core = _core()
        written_on = interface.get("stream")
        if written_on is not None:
            core.let_wait(stream, int(written_on))
        elif interface.get("version", 0) < 3:  # these say nothing of streams
            core.let_wait(stream, _LEGACY_DEFAULT_STREAM)
        return cls(int(interface["data"][0]), shape, dtype, owner=array, stream=stream)

    @classmethod
    def _of_dlpack(cls, array: Any, stream: int, field: str) -> DeviceArray:
        core = _core()
        kind, index = array.__dlpack_device__()
        probe = core.Memory(1)
        own_kind, own_index = core.dlpack_device(probe.address)
        if int(kind) not in (own_kind, _DLPACK_MANAGED) or int(index) != own_index:
            raise InputError(
                "lies in the memory of another device",
                field=field,
                found=f"DLPack device ({int(kind)}, {int(index)})",
                expected=f"({own_kind}, {own_index}), the current GPU",
                fix="Move it there first; arrays of the host go into Scene.with_features()",
            )
        taken = core.from_dlpack(_capsule_of(array, None if kind == 1 else stream))
        code, bits, lanes = taken["type"]
        names = {number: letter for letter, number in _DLPACK_CODES.items()}
        if code not in names or lanes != 1 or bits not in (8, 16, 32, 64) or (code == 2 and bits == 8):
            raise InputError(
                "holds no ordinary numbers",
                field=field,
                found=f"DLPack type {taken['type']}",
                expected="integers or floats of 8 to 64 bits, one a value",
                fix="Convert it to float32 first",
            )
        _check_order(taken["shape"], taken["strides"], field)
        dtype = np.dtype(f"{names[code]}{bits // 8}")
        return cls(taken["address"], taken["shape"], dtype, owner=taken["owner"], stream=stream)

    @property
    def nbytes(self) -> int:
        """Bytes of all values."""
        return math.prod(self.shape) * self.dtype.itemsize

    def numpy(self) -> npt.NDArray[Any]:
        """Return a copy in the host's memory; waits for the work that fills the array.

        Raises:
            BackendError: the GPU failed.
        """
        core = _core()
        try:
            memory, moment = core.PinnedMemory(self.nbytes), core.Event()
            core.copy_rows(memory.address, self.nbytes, self.address, self.nbytes, self.nbytes, 1, self.stream)
            moment.record(self.stream)
            moment.wait()
        except (core.CudaError, core.CudaMemoryError) as error:
            raise BackendError(f"an array could not be copied from the GPU: {error}") from error
        return np.array(memory.view().view(self.dtype).reshape(self.shape))

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        """Version 3 of Numba's protocol; `stream` tells readers what to wait for."""
        return {
            "shape": self.shape,
            "typestr": self.dtype.str,
            "data": (self.address, False),
            "strides": None,
            "stream": self.stream,
            "version": 3,
        }

    def __dlpack_device__(self) -> tuple[int, int]:
        """DLPack's device type and the GPU's number."""
        kind, index = _core().dlpack_device(self.address)
        return kind, index

    def __dlpack__(
        self,
        *,
        stream: int | None = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> object:
        """Return a DLPack capsule, as the Python array API standard describes it.

        Args:
            stream: the reader's CUDA stream, which will wait for ours: None or 1 is the legacy default stream, 2 the
                one a thread, -1 leaves the order to the reader.
            max_version: the newest DLPack that the reader understands.
            dl_device: only where the array lies already.
            copy: only False or None.

        Raises:
            BufferError: a copy, or another device, is asked for.
            InputError: stream 0, which could be either default stream.
        """
        if copy or (dl_device is not None and tuple(dl_device) != self.__dlpack_device__()):
            raise BufferError("this array is handed over where it lies, without a copy")
        if stream == 0:
            raise InputError("0 could be either default stream", field="stream", expected="1, 2 or a stream's address")
        core = _core()
        if stream != -1:
            core.let_wait(_LEGACY_DEFAULT_STREAM if stream is None else stream, self.stream)
        versioned = max_version is not None and max_version[0] >= 1
        code = _DLPACK_CODES[self.dtype.kind]
        return core.to_dlpack(self.address, list(self.shape), code, 8 * self.dtype.itemsize, self._owner, versioned)

    def __repr__(self) -> str:
        return f"DeviceArray({self.shape}, {self.dtype}, at {self.address:#x})"


def _core() -> Any:
    problem = cuda_problem()
    if problem is not None:
        raise BackendError(problem)
    from rtgs2_trt import _cuda

    return _cuda


def _capsule_of(array: Any, stream: int | None) -> object:
    options: dict[str, Any] = {} if stream is None else {"stream": stream}
    try:
        return array.__dlpack__(max_version=(1, 0), **options)
    except TypeError:  # a library from before DLPack 1
        return array.__dlpack__(**options)


def _check_order(shape: tuple[int, ...], strides: Any, field: str) -> None:
    """Refuse an array that is not in C order; `strides` in elements, None for C order."""
    if strides is None or math.prod(shape) == 0:
        return
    expected = 1
    for size, stride in zip(reversed(shape), reversed(strides), strict=True):
        if size > 1 and stride != expected:
            raise InputError("is not in C order", field=field, found=f"strides {tuple(strides)}", fix=_C_ORDER)
        expected *= size
