"""A scene read and brought into metres with z up, with its cameras, as a command's frame options say."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from ..console import Console
from ..errors import InputError, SceneError
from ..orientation import checked_scale, orientation
from .frame_options import AUTO, is_estimated

if TYPE_CHECKING:
    from ..camera import Camera
    from ..scene import Scene
    from ..scene_files.read_progress import ProgressCallback
    from ..scene_tools import SceneFrame

_ROOM_SCALES = (0.6, 1.6)  # metres per unit that are estimated of what is in metres: rooms of 1.7 to 4.5 m


@dataclass(frozen=True, eq=False)
class Placement:
    """How the world of a scene's file was brought into metres with z up: ``scale``, then the (3, 3) ``rotation``."""

    scale: float
    rotation: NDArray[np.float64]

    def scene(self, scene: Scene) -> Scene:
        """Return a scene of the file's world in metres with z up; what is there already stays as it is, with features.

        Raises:
            SceneError: as :meth:`rtgs2_trt.Scene.transformed`.
        """
        return scene if self._nothing else scene.transformed(self.scale, self.rotation)

    def cameras(self, cameras: Mapping[str, Camera]) -> dict[str, Camera]:
        """Return cameras of the file's world in metres with z up."""
        return {
            name: camera if self._nothing else camera.transformed(self.scale, self.rotation)
            for name, camera in cameras.items()
        }

    def into_file(self, camera: Camera) -> Camera:
        """Return a camera in metres with z up in the units and axes of the file."""
        return camera.transformed(1 / self.scale, self.rotation.T)

    @property
    def _nothing(self) -> bool:
        return self.scale == 1 and bool((self.rotation == np.eye(3)).all())


def load_in_frame(
    path: str,
    arguments: argparse.Namespace,
    cameras: Mapping[str, Camera],
    console: Console,
    progress: ProgressCallback | None = None,
) -> tuple[Scene, dict[str, Camera], SceneFrame | None]:
    """Load a scene and take it, with `cameras` as they stand in their file, into metres with z up; tell of estimates.

    Returns:
        scene, cameras, and what was estimated; None if nothing was to be.
    """
    if is_estimated(arguments):
        raw, _ = _load_raw(path, arguments, progress)
        frame = _estimate(path, arguments, raw, cameras)
        placement = _estimated(path, arguments, frame, console)
        return placement.scene(raw), placement.cameras(cameras), frame
    scene, placement = _load_as_given(path, arguments, progress)
    return scene, placement.cameras(cameras), None


def load_placed(
    path: str,
    arguments: argparse.Namespace,
    cameras: Mapping[str, Camera],
    console: Console,
    progress: ProgressCallback | None = None,
) -> tuple[Scene, dict[str, Camera], Placement]:
    """Load as :func:`load_in_frame`, and say how the file's world was placed.

    Where neither ``--scale`` nor ``--up`` is given (both None), the file's world is taken as it is, unless an estimate
    succeeds and says that it is not in metres with z up: then the estimate is used.
    """
    wanted = argparse.Namespace(**vars(arguments))
    looked_at = arguments.scale is None and arguments.up is None
    if looked_at:
        wanted.scale = wanted.up = AUTO
    wanted.scale = 1.0 if wanted.scale is None else wanted.scale
    wanted.up = "z" if wanted.up is None else wanted.up
    if not is_estimated(wanted):
        scene, placement = _load_as_given(path, wanted, progress)
        return scene, placement.cameras(cameras), placement
    raw, about_extent = _load_raw(path, wanted, progress)
    try:
        frame: SceneFrame | None = _estimate(path, wanted, raw, cameras)
    except SceneError:
        if not looked_at:
            raise
        console.note(f"  {path}: no room, taken in metres with z up. If it lies on its side, try --up -y or --up y")
        frame = None
    if looked_at and (frame is None or _is_metric(frame)):
        for warning in about_extent:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
        return raw, dict(cameras), Placement(1.0, np.eye(3))
    assert frame is not None
    placement = _estimated(path, wanted, frame, console)
    return placement.scene(raw), placement.cameras(cameras), placement


def _load_as_given(
    path: str, arguments: argparse.Namespace, progress: ProgressCallback | None
) -> tuple[Scene, Placement]:
    from ..scene import Scene

    scene = Scene.load(
        path,
        scale=arguments.scale,
        up=arguments.up,
        invalid=_invalid(arguments),
        progress=progress,
    )
    return scene, Placement(
        checked_scale(arguments.scale, error=InputError), orientation(arguments.up, error=InputError)
    )


def _load_raw(
    path: str, arguments: argparse.Namespace, progress: ProgressCallback | None
) -> tuple[Scene, list[warnings.WarningMessage]]:
    """Return a scene as it is in its file, and what warns of its extent: its unit is still to be found."""
    from ..scene import Scene, SceneScaleWarning

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        scene = Scene.load(path, invalid=_invalid(arguments), progress=progress)
    about_extent = [warning for warning in caught if issubclass(warning.category, SceneScaleWarning)]
    for warning in caught:
        if warning not in about_extent:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    return scene, about_extent


def _invalid(arguments: argparse.Namespace) -> Literal["error", "drop"]:
    return "drop" if arguments.drop_invalid else "error"


def _estimate(path: str, arguments: argparse.Namespace, raw: Scene, cameras: Mapping[str, Camera]) -> SceneFrame:
    from ..scene_tools import estimate_frame

    try:
        return estimate_frame(raw, list(cameras.values()), up=None if arguments.up == AUTO else arguments.up)
    except SceneError as problem:
        fix = (
            "Give numbers; of an object without a room around leave --scale out, and try --up -y if it lies on its side"
        )
        field = ", ".join(f"--{name} auto" for name in ("scale", "up") if getattr(arguments, name) == AUTO)
        raise SceneError(problem.problem, file=path, field=field, found=problem.found, fix=fix) from problem


def _estimated(path: str, arguments: argparse.Namespace, frame: SceneFrame, console: Console) -> Placement:
    """Return what the options say, estimates in the place of ``auto``; tell what was estimated."""
    factor = frame.scale if arguments.scale == AUTO else arguments.scale
    turn = frame.rotation if arguments.up == AUTO else orientation(arguments.up, error=InputError)
    axis = frame.up_axis if arguments.up == AUTO else arguments.up
    console.warn(f"{path}: estimated: {frame}. Give --scale {factor:.5g} --up {axis} to change it")
    return Placement(checked_scale(factor, error=InputError), turn)


def _is_metric(frame: SceneFrame) -> bool:
    return frame.up_axis == "z" and _ROOM_SCALES[0] < frame.scale < _ROOM_SCALES[1]
