"""The scene and the views that a command's options name: read, brought into metres, encoded."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ..console import Console
from .frame_options import is_estimated
from .placed_scene import load_in_frame
from .view_options import chosen_views, intrinsics_of

if TYPE_CHECKING:
    from ..camera import Camera
    from ..scene import Scene
    from ..segmenter import Segmenter


class EncodedViews:
    """Cameras are read at once, so that what is wrong with them is said before work is done; the scene when asked.

    What is wrong with an orbit's options is said at once too.

    Args:
        arguments: of a command with view and frame options, ``scene`` and ``reencode``.

    Attributes:
        placed: after :meth:`load`, all cameras of the file (or of the orbit) in metres with z up, as it has them:
            whatever views, size or way between them was asked for.
    """

    def __init__(self, arguments: argparse.Namespace) -> None:
        from ..camera_files import load_cameras
        from ..camera_paths import orbit

        self._arguments = arguments
        self._intrinsics = intrinsics_of(arguments)
        self._cameras: dict[str, Camera] = {}
        self.placed: dict[str, Camera] = {}
        if arguments.cameras and is_estimated(arguments):  # by all of them; into metres they come with the scene
            self._cameras = load_cameras(arguments.cameras)
            self._chosen(self._cameras)  # so that what is wrong with the options is said now
        elif arguments.cameras:
            self.placed = load_cameras(arguments.cameras, scale=arguments.scale, up=arguments.up)
            self._cameras = self._chosen(self.placed)
        else:  # around anything: the scene's own orbit has the same names, number and size
            width, height = self._orbit_size
            self._chosen(orbit((0, 0, 0), 1.0, arguments.orbit, width=width, height=height))

    def load(self, segmenter: Segmenter, console: Console) -> tuple[Scene, dict[str, Camera]]:
        """Return the encoded scene and the views, both in metres with z up."""
        from ..camera_paths import orbit_of_scene

        arguments, cameras = self._arguments, self._cameras
        with console.share("read and encode scene") as progress:
            if is_estimated(arguments):
                scene, cameras, _ = load_in_frame(arguments.scene, arguments, cameras, console, progress)
                self.placed = cameras
                cameras = self._chosen(cameras) if cameras else cameras
                scene = segmenter.encode(scene)
            else:
                scene = segmenter.load(
                    arguments.scene,
                    scale=arguments.scale,
                    up=arguments.up,
                    invalid="drop" if arguments.drop_invalid else "error",
                    reencode=arguments.reencode,
                    progress=progress,
                )
        if arguments.orbit:
            width, height = self._orbit_size
            self.placed = orbit_of_scene(scene, arguments.orbit, width=width, height=height)
            cameras = self._chosen(self.placed)
        return scene, cameras

    @property
    def _orbit_size(self) -> tuple[int, int]:
        return self._arguments.size or (640, 480)

    def _chosen(self, cameras: dict[str, Camera]) -> dict[str, Camera]:
        return chosen_views(cameras, self._arguments, self._intrinsics)
