"""Draws a room of a million Gaussians, for a profiler to look at: ``python -m benchmarks.gpu.draw``.

Without a CUDA graph, so that every kernel of a frame is seen by itself.
"""

from __future__ import annotations

import sys

from rtgs2_trt.cuda import cuda_problem
from rtgs2_trt.roofline import typical_room

from .measure import Drawing

FRAMES = 64  # ncu skips the first kernels, of frames before the rasteriser has settled


def main(gaussians: int = 1_000_000, size: tuple[int, int] = (640, 480)) -> int:
    problem = cuda_problem()
    if problem is not None:
        print(f"nothing can be drawn: {problem}", file=sys.stderr)
        return 1
    cameras = typical_room.views(size)
    drawing = Drawing(typical_room.room(gaussians), size, channels=35)
    drawing.settle(cameras)
    for number in range(FRAMES):
        drawing.set_view(cameras[number % len(cameras)])
        drawing.rasterizer.enqueue(drawing.stream.address)
    drawing.stream.wait()
    print(f"{FRAMES} frames of {drawing.rasterizer.needs()} visible Gaussians and pairs at most")
    return 0


if __name__ == "__main__":
    sys.exit(main())
