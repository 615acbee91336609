"""Which functions of CUDA a frame calls, traced by PyTorch's profiler: whether it allocates, whether the host waits.

Two runs of frames are traced, one longer: what the profiler itself calls once cancels out in the difference.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rtgs2_trt import Camera, Scene, Segmenter

from .peers import NotMeasuredError

FRAMES = (16, 48)
ALLOCATING = ("cudaMalloc", "cudaFree", "cudaHostAlloc", "cudaHostRegister", "cuMemAlloc", "cuMemFree", "cuMemCreate")
WAITING = ("cudaStreamSynchronize", "cudaDeviceSynchronize", "cudaEventSynchronize", "cuStreamSynchronize", "cuCtxSync")
BLOCKING_COPIES = ("cudaMemcpy", "cudaMemcpy2D", "cudaMemset", "cuMemcpyDtoH_v2", "cuMemcpyHtoD_v2")


def frame_calls(segmenter: Segmenter, scene: Scene, cameras: Sequence[Camera]) -> dict[str, Any]:
    """Trace frames of `segmenter`, which has settled.

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

    traced = []
    for frames in FRAMES:
        with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as trace:
            for number in range(frames):
                segmenter(scene, cameras[number % len(cameras)])
        traced.append(Counter({event.key: event.count for event in trace.key_averages()}))
    return inside_a_frame(*traced)


def inside_a_frame(shorter: Mapping[str, int], longer: Mapping[str, int]) -> dict[str, Any]:
    """Return calls a frame by name, how many of them allocate, and how many wait besides the one at a frame's end.

    Raises:
        NotMeasuredError: nothing of CUDA was traced, which says nothing.
    """
    more = FRAMES[1] - FRAMES[0]
    calls = {
        name: (count - shorter.get(name, 0)) / more
        for name, count in longer.items()
        if name.startswith("cu") and count != shorter.get(name, 0)
    }
    if not any("Launch" in name for name in calls):
        raise NotMeasuredError("the profiler saw no launch: it cannot trace this process")
    allocations = sum(count for name, count in calls.items() if name.startswith(ALLOCATING))
    waits = sum(count for name, count in calls.items() if name.startswith(WAITING) or name in BLOCKING_COPIES)
    return {"calls": calls, "allocations": allocations, "waits_inside": max(waits - 1, 0.0)}
