"""Which functions of CUDA a frame calls, traced by PyTorch's profiler: whether it allocates, whether the host waits.

The kernels' times of the rasteriser's stages come with it.

Two runs of frames are traced, one longer: what the profiler itself calls once cancels out in the difference.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rtgs2_trt import Camera

from .peers import NotMeasuredError

FRAMES = (16, 48)
ALLOCATING = ("cudaMalloc", "cudaFree", "cudaHostAlloc", "cudaHostRegister", "cuMemAlloc", "cuMemFree", "cuMemCreate")
WAITING = ("cudaStreamSynchronize", "cudaDeviceSynchronize", "cudaEventSynchronize", "cuStreamSynchronize", "cuCtxSync")
# Parts of the names of the kernels of the rasteriser's stages; the two sorts are the same kernels.
KERNELS = {
    "project": ("project_kernel",),
    "sort": ("DeviceRadixSort",),
    "list tiles": ("list_pairs_kernel",),
    "find ranges": ("find_ranges_kernel", "order_tiles_kernel"),
    "blend": ("blend_mma_kernel", "blend_plain_kernel"),
}
BLOCKING_COPIES = ("cudaMemcpy", "cudaMemcpy2D", "cudaMemset", "cuMemcpyDtoH_v2", "cuMemcpyHtoD_v2")


@dataclass(frozen=True)
class Trace:
    """Calls of CUDA in runs of frames.

    Attributes:
        counts: by name, of each of the runs, as many frames as :data:`FRAMES` says.
        kernel_seconds: of the rasteriser's stages in a frame, as far as its kernels were seen.
        profile: PyTorch's table of the longer run, kernels and calls with the longest first.
    """

    counts: tuple[Mapping[str, int], Mapping[str, int]]
    kernel_seconds: Mapping[str, float]
    profile: str


def traced(frame: Callable[[Camera], object], cameras: Sequence[Camera]) -> Trace:
    """Trace frames that have settled, each of which `frame` draws and waits for once.

    Raises:
        NotMeasuredError: there is no PyTorch with CUDA to trace with.
    """
    try:
        import torch
    except ImportError as error:
        raise NotMeasuredError(f"PyTorch traces, and is not there: {error}") from error
    if not torch.cuda.is_available():
        raise NotMeasuredError("PyTorch traces, and has no CUDA here")
    from torch.profiler import ProfilerActivity, profile

    runs = []
    for frames in FRAMES:
        with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as run:
            for number in range(frames):
                frame(cameras[number % len(cameras)])
        runs.append(run.key_averages())
    shorter, longer = (Counter({event.key: event.count for event in run}) for run in runs)
    return Trace((shorter, longer), kernel_seconds(runs[-1], FRAMES[-1]), _table(runs[-1]))


def kernel_seconds(averages: Iterable[Any], frames: int) -> dict[str, float]:
    """Seconds a frame of each of the rasteriser's stages, from what PyTorch's profiler saw of its kernels."""
    found: dict[str, float] = {}
    for event in averages:
        for stage, parts in KERNELS.items():
            if any(part in event.key for part in parts):
                microseconds = getattr(event, "self_device_time_total", None)
                if microseconds is None:  # PyTorch before 2.4
                    microseconds = event.self_cuda_time_total
                found[stage] = found.get(stage, 0.0) + 1e-6 * float(microseconds) / frames
    return found


def _table(averages: Any) -> str:
    """PyTorch's table, by the time on the GPU; what that column is called depends on the version."""
    for column in ("self_device_time_total", "self_cuda_time_total"):
        try:
            return str(averages.table(sort_by=column, row_limit=80, max_name_column_width=90))
        except (AttributeError, KeyError, ValueError):
            continue
    return str(averages.table(row_limit=80))


def inside_a_frame(shorter: Mapping[str, int], longer: Mapping[str, int]) -> dict[str, Any]:
    """Return calls a frame by name, how many of them allocate, and how many wait besides the one at a frame's end.

    Raises:
        NotMeasuredError: nothing of CUDA was traced, which says nothing.
    """
    more = FRAMES[1] - FRAMES[0]
    calls = {
        name: (count - shorter.get(name, 0)) / more
        for name, count in longer.items()
        if re.match("cu(da)?[A-Z]", name) and count != shorter.get(name, 0)
    }
    if not any("Launch" in name for name in calls):
        raise NotMeasuredError("the profiler saw no launch: it cannot trace this process")
    allocations = sum(count for name, count in calls.items() if name.startswith(ALLOCATING))
    waits = sum(count for name, count in calls.items() if name.startswith(WAITING) or name in BLOCKING_COPIES)
    return {"calls": calls, "allocations": allocations, "waits_inside": max(waits - 1, 0.0)}
