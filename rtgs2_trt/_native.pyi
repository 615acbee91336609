"""Types of the C++ core; see ``csrc/bindings``."""

import numpy as np
import numpy.typing as npt

_Float32 = npt.NDArray[np.float32]
_Int32 = npt.NDArray[np.int32]

class PlyDecoder:
    def __init__(
        self,
        row_bytes: int,
        big_endian: bool,
        count: int,
        arrays: list[tuple[_Float32, str, list[tuple[int, str]]]],
    ) -> None: ...
    def read(self, file: int, start: int, first: int, count: int, threads: int) -> bool: ...
    def decode(self, rows: npt.NDArray[np.uint8], first: int) -> None: ...
    def faults(self) -> list[tuple[list[tuple[int, int]], tuple[int, int]]]: ...
    def unusable(self) -> npt.NDArray[np.bool_] | None: ...

class CompressedPlyDecoder:
    def __init__(
        self,
        vertices: tuple[int, int, list[int]],
        harmonics: tuple[int, int, list[int]] | None,
        big_endian: bool,
        limits: _Float32,
        means: _Float32,
        scales: _Float32,
        rotations: _Float32,
        opacities: _Float32,
        sh: _Float32,
    ) -> None: ...
    def read(self, file: int, first: int, count: int, threads: int) -> bool: ...
    def faults(self) -> dict[tuple[str, str], tuple[int, int]]: ...
    def unusable(self) -> npt.NDArray[np.bool_] | None: ...

def check_gaussians(
    means: _Float32,
    scales: _Float32,
    rotations: _Float32,
    opacities: _Float32,
    sh: _Float32,
    threads: int,
) -> tuple[dict[tuple[str, str], tuple[int, int]], npt.NDArray[np.bool_] | None]: ...
def build_geometry_plan(
    means: _Float32,
    opacities: _Float32,
    *,
    voxel_size: float,
    stages: int,
    patch_size: int,
    stem_kernel: int,
    cpe_kernel: int,
    threads: int,
) -> tuple[_Int32, _Int32, int, list[int], dict[str, _Int32]]: ...
def fixed_pair_capacity(width: int, height: int, gaussians: int) -> int: ...
def look_up(bytes: npt.NDArray[np.uint8], tables: _Float32, out: _Float32) -> None: ...
def unpack_positions(bytes: npt.NDArray[np.uint8], factors: tuple[float, float, float], out: _Float32) -> None: ...
def unpack_rotations(bytes: npt.NDArray[np.uint8], out: _Float32) -> None: ...
def force_instruction_set(name: str | None) -> None: ...
def forced_instruction_set() -> str | None: ...
def instruction_set() -> str: ...
def instruction_sets() -> list[str]: ...
def lift(
    means: _Float32,
    scales: _Float32,
    rotations: _Float32,
    opacities: _Float32,
    pixels: _Float32,
    fx: float,
    fy: float,
    cx: float,
    cy: float,
    world_to_camera: npt.NDArray[np.float64],
    sums: _Float32,
    weights: _Float32,
    threads: int,
) -> None: ...
def rasterize(
    means: _Float32,
    scales: _Float32,
    rotations: _Float32,
    opacities: _Float32,
    sh: _Float32,
    features: _Float32,
    width: int,
    height: int,
    fx: float,
    fy: float,
    cx: float,
    cy: float,
    world_to_camera: npt.NDArray[np.float64],
    background: tuple[float, float, float],
    threads: int,
) -> tuple[_Float32, _Float32, _Float32, _Float32, dict[str, float]]: ...
def upsample_argmax(
    logits: _Float32, height: int, width: int, confidence: bool, threads: int
) -> tuple[npt.NDArray[np.uint8] | npt.NDArray[np.uint16], _Float32 | None]: ...
def upsample_softmax(logits: _Float32, height: int, width: int, threads: int) -> _Float32: ...
