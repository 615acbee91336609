"""Writes pictures as a video.

OpenCV encodes (``pip install 'rtgs2-trt[video]'``): its wheels hold an FFmpeg built under the LGPL with VP9 (libvpx,
BSD), which browsers play; those of PyAV and imageio-ffmpeg hold x264, which is under the GPL.
"""

from __future__ import annotations

import importlib
import re
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from rtgs2_trt.atomic import atomic_file
from rtgs2_trt.errors import BackendError, InputError, shown
from rtgs2_trt.native_messages import without_lines
from rtgs2_trt.page_layout import Picture

_CODECS = {".mp4": "vp09", ".webm": "VP90"}
_MOST_FRAMES_A_SECOND = 240.0
# WebM names codecs by words and knows no tags: the video is as it should be. This heeds no log level of OpenCV's.
_HARMLESS = re.compile(rb"OpenCV: FFMPEG: tag 0x30395056/'VP90' is not supported with codec id \d+ and format 'webm")


class VideoWriter:
    """A video that appears under its name once it is whole; a context manager. After an exception nothing is written.

    Args:
        path: the file; its ending, ``.mp4`` or ``.webm``, is its container. VP9 either way.
        frames_per_second: above 0, at most 240.

    Attributes:
        frames: how many were added.
        finished: whether it has its name.

    Raises:
        InputError: another ending, an impossible rate, or a folder that is not there.
        BackendError: OpenCV is missing, or cannot encode here.
    """

    def __init__(self, path: str | Path, frames_per_second: float = 24.0) -> None:
        self.path = Path(path)
        self.frames = 0
        self.finished = False
        if self.path.suffix.lower() not in _CODECS:
            expected = " or ".join(_CODECS)
            raise InputError("no video that is written here", file=self.path, field="name's ending", expected=expected)
        if not 0 < frames_per_second <= _MOST_FRAMES_A_SECOND:
            found, expected = shown(frames_per_second), f"above 0, at most {_MOST_FRAMES_A_SECOND:g}"
            raise InputError("impossible frame rate", field="frames_per_second", found=found, expected=expected)
        if not self.path.absolute().parent.is_dir():
            raise InputError("its folder does not exist", file=self.path, fix="Create the folder first")
        self._rate = float(frames_per_second)
        self._opencv = _opencv()
        self._folder = tempfile.TemporaryDirectory(prefix="rtgs2-video-")
        self._temporary = Path(self._folder.name) / f"video{self.path.suffix.lower()}"
        self._encoder: Any = None
        self._shape: tuple[int, ...] = ()

    def add(self, picture: Picture) -> None:
        """Add a frame.

        Args:
            picture: (H, W, 3) uint8, all of one size. Odd sides are made even with the last row or column again, as
                the codec asks.

        Raises:
            InputError: not a picture, or one of another size than the first.
            BackendError: the encoder cannot be started.
        """
        if picture.ndim != 3 or picture.shape[2] != 3 or picture.size == 0 or picture.dtype != np.uint8:
            found, expected = f"{picture.shape} {picture.dtype}", "(H, W, 3) uint8"
            raise InputError("not a picture", field="picture", found=found, expected=expected)
        if self._encoder is None:
            self._shape = picture.shape
            self._encoder = self._started(
                picture.shape[1] + picture.shape[1] % 2, picture.shape[0] + picture.shape[0] % 2
            )
        if picture.shape != self._shape:
            raise InputError("frames of two sizes", field="picture", found=picture.shape, expected=self._shape)
        even = np.pad(picture, ((0, picture.shape[0] % 2), (0, picture.shape[1] % 2), (0, 0)), mode="edge")
        self._encoder.write(np.ascontiguousarray(even[:, :, ::-1]))  # OpenCV's order is blue, green, red
        self.frames += 1

    def _started(self, width: int, height: int) -> Any:
        code = self._opencv.VideoWriter_fourcc(*_CODECS[self._temporary.suffix])
        with without_lines(_HARMLESS):
            encoder = self._opencv.VideoWriter(str(self._temporary), code, self._rate, (width, height))
            if not encoder.isOpened():
                raise BackendError(
                    f"OpenCV {self._opencv.__version__} cannot encode VP9 at {width}x{height}: install its wheel, "
                    "pip install opencv-python-headless"
                )
        return encoder

    def __enter__(self) -> VideoWriter:
        """Return the writer."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """:meth:`finish`, unless something went wrong; then :meth:`close`."""
        try:
            if kind is None:
                self.finish()
        finally:
            self.close()

    def finish(self) -> None:
        """Give the video its name; nothing if it has no frame.

        Raises:
            InputError: it cannot be written there, or not all of it could be kept in the temporary folder.
        """
        if self._encoder is None:
            return
        self._encoder.release()
        self._check_whole()
        with self._temporary.open("rb") as video, atomic_file(self.path) as target:
            shutil.copyfileobj(video, target)
        self.finished = True

    def _check_whole(self) -> None:
        """Count the frames: OpenCV's writer says nothing of a full disk."""
        reader, frames = self._opencv.VideoCapture(str(self._temporary)), 0
        while reader.grab():
            frames += 1
        reader.release()
        if frames != self.frames:
            raise InputError(
                "the video could not be written whole",
                file=self._temporary,
                found=f"{frames} frames",
                expected=self.frames,
                fix="Free space in that folder, or name another in TMPDIR",
            )

    def close(self) -> None:
        """Throw away what is not finished. May be called again."""
        if self._encoder is not None:
            self._encoder.release()
        self._folder.cleanup()


def _opencv() -> Any:
    try:
        opencv = importlib.import_module("cv2")
    except ImportError as problem:
        raise BackendError("writing videos needs OpenCV: pip install 'rtgs2-trt[video]'") from problem
    opencv.utils.logging.setLogLevel(0)  # what goes wrong is said by exceptions
    return opencv
