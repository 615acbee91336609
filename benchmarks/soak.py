"""Does memory stay flat? Many frames of changing cameras and sizes, from several threads through one Segmenter, the
scene encoded again now and then.

    python benchmarks/soak.py [BUNDLE SCENE] [--frames 10000] [--threads 3] [--picture docs/images/soak.png]

Without arguments the demo's bundle and a part of its room are taken (run `make demo` first). Samples the memory that
the process holds (resident set), draws it over the frames and prints its growth after the warm-up. Exits with 1 if a
frame failed, if labels of the same view differ from run to run, or if memory grows by more than 1 % or 2 MiB,
whichever is more, over the second half.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from rtgs2_trt import Camera, Scene, Segmenter

DEMO = Path("build/demo")
ENCODE_EVERY = 250  # frames
GAUSSIANS = 20_000  # of the room: the networks and the rasteriser stay busy, the run stays short
SIZES = ((64, 48), (96, 64), (33, 70), (320, 240), (160, 120), (97, 31), (64, 64))
MIB = 1 << 20


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", nargs="?", default=str(DEMO / "demo.rtgs2"))
    parser.add_argument("scene", nargs="?", default=str(DEMO / "room.ply"))
    parser.add_argument("--frames", type=int, default=10_000)
    parser.add_argument("--threads", type=int, default=3, help="callers at once; each call uses one CPU thread")
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()

    segmenter = Segmenter(arguments.bundle, "cpu", threads=1)
    scene = segmenter.encode(thinned(Scene.load(arguments.scene)))
    soak = Soak(segmenter, scene)
    with ThreadPoolExecutor(arguments.threads) as pool:
        for _ in pool.map(soak.frame, range(arguments.frames)):
            pass

    frames, resident = np.array(soak.samples).T
    slope, growth = trend(frames, resident)
    result = {
        "frames": arguments.frames,
        "callers": arguments.threads,
        "views": len(soak.labels),
        "gaussians": len(scene),
        "minutes": round((time.monotonic() - soak.start) / 60, 1),
        "resident_mib": {
            "first": round(resident[0] / MIB, 1),
            "half": round(float(resident[len(resident) // 2]) / MIB, 1),
            "last": round(resident[-1] / MIB, 1),
            "most": round(resident.max() / MIB, 1),
        },
        "second_half_bytes_per_frame": round(slope, 1),
        "second_half_growth_mib": round(growth / MIB, 2),
    }
    print(json.dumps(result, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")
    if arguments.picture:
        draw(frames, resident, result).save(arguments.picture, optimize=True)
    return int(soak.changed > 0 or growth > max(0.01 * resident.max(), 2 * MIB))


class Soak:
    """Frames by number; every view comes again and again, at other moments and on other threads."""

    def __init__(self, segmenter: Segmenter, scene: Scene) -> None:
        self.segmenter = segmenter
        self.scene = scene
        self.samples: list[tuple[int, int]] = []
        self.labels: dict[tuple[int, int], npt.NDArray[np.generic]] = {}
        self.changed = 0
        self.start = time.monotonic()
        self._done = 0
        self._lock = threading.Lock()
        low, high = np.percentile(scene.means, [5, 95], axis=0)
        self._low, self._span = low, high - low

    def frame(self, number: int) -> None:
        position, size = number % 36, number % len(SIZES)
        angle = 2 * np.pi * position / 36
        eye = self._low + self._span * [0.5 + 0.3 * np.cos(angle), 0.5 + 0.3 * np.sin(angle), 0.6]
        target = self._low + self._span * [0.5 - 0.4 * np.cos(angle), 0.5 - 0.4 * np.sin(angle), 0.35]
        width, height = SIZES[size]
        camera = Camera.look_at(eye, target, width=width, height=height, fov_degrees=75)
        everything = number % 3 == 0
        scene = self.segmenter.encode(self.scene) if number % ENCODE_EVERY == ENCODE_EVERY - 1 else self.scene
        result = self.segmenter(
            scene, camera, confidence=everything, rgb=everything, depth=everything, alpha=everything
        )
        with self._lock:
            self.changed += not np.array_equal(self.labels.setdefault((position, size), result.labels), result.labels)
            self._done += 1
            if self._done % 20 == 0:
                self.samples.append((self._done, resident_bytes()))


def thinned(scene: Scene) -> Scene:
    chosen = np.sort(np.random.default_rng(0).permutation(len(scene))[:GAUSSIANS])
    arrays = (scene.means, scene.scales, scene.rotations, scene.opacities, scene.sh)
    return Scene(*(array[chosen] for array in arrays))


def resident_bytes() -> int:
    with Path("/proc/self/statm").open() as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def trend(frames: npt.NDArray[np.int64], resident: npt.NDArray[np.int64]) -> tuple[float, float]:
    """Growth in bytes a frame over the second half, and over that half in bytes.

    Taken are the lowest values between two encodings, whose memory comes and goes, and of the slopes between all pairs
    of them the median (Theil-Sen): a leak grows from everywhere to everywhere, while an arena of malloc that finds a
    new level once does not count.
    """
    half = len(frames) // 2
    period = frames[half:] // ENCODE_EVERY
    starts = np.flatnonzero(np.diff(period, prepend=-1))
    lowest, at = np.minimum.reduceat(resident[half:], starts), frames[half:][starts]
    first, second = np.triu_indices(len(starts), 1)
    slope = float(np.median((lowest[second] - lowest[first]) / (at[second] - at[first])))
    return slope, slope * float(frames[-1] - frames[half])


def draw(frames: npt.NDArray[np.int64], resident: npt.NDArray[np.int64], result: dict[str, object]) -> Image.Image:
    """The curve, memory from 0 up, so that what looks flat is flat."""
    width, height, left, top, right, bottom = 1000, 420, 80, 60, 30, 50
    image = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(image)
    font, title = ImageFont.load_default(14), ImageFont.load_default(17)
    most = nice(1.15 * resident.max() / MIB)

    def x_of(frame: float) -> float:
        return left + (width - left - right) * frame / frames[-1]

    def y_of(mib: float) -> float:
        return height - bottom - (height - top - bottom) * mib / most

    for step in range(6):
        mib, frame = most * step / 5, int(frames[-1] * step / 5)
        pen.line([(left, y_of(mib)), (width - right, y_of(mib))], "#dddddd")
        pen.text((left - 8, y_of(mib)), f"{mib:.0f}", "#444444", font, anchor="rm")
        pen.text((x_of(frame), height - bottom + 8), f"{frame:,}", "#444444", font, anchor="mt")
    points: Sequence[tuple[float, float]] = [
        (x_of(frame), y_of(value / MIB)) for frame, value in zip(frames, resident, strict=True)
    ]
    pen.line(points, "#1f6fb4", 2)
    pen.text((left, 14), "Resident memory (MiB) over frames", "black", title)
    caption = (
        f"{result['callers']} callers of one Segmenter, {result['views']} views of {len(SIZES)} sizes; second half: "
        f"{result['second_half_bytes_per_frame']} bytes a frame"
    )
    pen.text((left, 36), caption, "#444444", font)
    return image


def nice(value: float) -> float:
    """The next number above `value` of which a fifth is round."""
    unit = 10 ** np.floor(np.log10(value))
    return float(next(unit * n for n in (1, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10) if unit * n >= value))


if __name__ == "__main__":
    sys.exit(main())
