"""``rtgs2 segment --video``: the labelled views one after the other as a video."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import CameraError, InputError

if TYPE_CHECKING:
    from ..camera import Camera
    from ..class_map import LabelRules
    from ..segmenter import Segmentation

LAYOUTS = ("side-by-side", "overlay", "labels")


def add_video_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "--video", metavar="FILE", help="also write the views as a video, .mp4 or .webm (needs rtgs2-trt[video])"
    )
    parser.add_argument(
        "--fps", type=float, default=24.0, metavar="N", help="frames a second of the video (default 24)"
    )
    parser.add_argument("--video-layout", choices=LAYOUTS, default=LAYOUTS[0], help="what its frames show")


def check_video(arguments: argparse.Namespace, rules: LabelRules | None) -> None:
    """Refuse what no video can be made of or written to, before work is done for it; its folder must be there."""
    if arguments.video is None:
        return
    if rules is None:
        raise InputError("videos are made of labels", field="--video", fix="Give a bundle of the semantic task")
    from ..video import VideoWriter

    VideoWriter(arguments.video, arguments.fps).close()


class LabelVideo:
    """The video of a command; does nothing if none was asked for."""

    def __init__(self, writer: Any = None, composer: Any = None) -> None:
        self._writer, self._composer = writer, composer

    @classmethod
    def of(cls, arguments: argparse.Namespace, rules: LabelRules | None, cameras: Mapping[str, Camera]) -> LabelVideo:
        """Return the video that the options ask for."""
        if arguments.video is None or rules is None:
            return cls()
        from ..video import VideoWriter
        from ..video_frames import FrameComposer

        sizes = {(camera.width, camera.height) for camera in cameras.values()}
        if len(sizes) != 1:
            found = ", ".join(f"{w}x{h}" for w, h in sorted(sizes)[:4])
            fix = "Give them one size with --size"
            raise CameraError("a video needs views of one size", field="--video", found=found, fix=fix)
        composer = FrameComposer(rules.table, *sizes.pop(), layout=arguments.video_layout)
        return cls(VideoWriter(arguments.video, arguments.fps), composer)

    def add(self, result: Segmentation) -> None:
        """Add a view, which was predicted with its colour."""
        if self._writer is not None:
            self._writer.add(self._composer.compose(result.rgb, result.labels))

    def finish(self) -> None:
        """Give the whole video its name."""
        if self._writer is not None:
            self._writer.finish()

    def close(self) -> None:
        """Throw away what is not finished."""
        if self._writer is not None:
            self._writer.close()

    def summary(self) -> dict[str, Any]:
        """Return what a summary says of it."""
        if self._writer is None:
            return {}
        return {
            "video": {"file": str(self._writer.path), "frames": self._writer.frames, "whole": self._writer.finished}
        }
