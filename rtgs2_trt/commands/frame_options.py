"""``--scale``, ``--up`` and ``--drop-invalid``: how commands bring a scene into metres with z up."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..console import Console
from ..errors import InputError

if TYPE_CHECKING:
    from ..camera import Camera
    from ..scene import Scene
    from ..scene_files.read_progress import ProgressCallback
    from ..scene_tools import SceneFrame

AUTO = "auto"
_ROOM_SCALES = (0.6, 1.6)  # metres per unit that are estimated of what is in metres: rooms of 1.7 to 4.5 m


@dataclass(frozen=True, eq=False)
class Placement:
    """How the world of a scene's file was brought into metres with z up: ``scale``, then the (3, 3) ``rotation``."""

    scale: float
    rotation: NDArray[np.float64]

    def into_file(self, camera: Camera) -> Camera:
        """Return a camera in metres with z up in the units and axes of the file."""
        return camera.transformed(1 / self.scale, self.rotation.T)


def add_frame_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "--scale", type=scale, default=1.0, help="metres a unit of the scene and camera files, or auto: estimated"
    )
    parser.add_argument(
        "--up",
        default="z",
        help="axis that points up in the files: x, -x, y, -y, z, -z (default z), or auto: estimated",
    )
    parser.add_argument(
        "--drop-invalid", action="store_true", help="drop Gaussians with NaN (and say how many) instead of refusing"
    )


def scale(text: str) -> float | str:
    """Argument type: a number or ``auto``."""
    if text == AUTO:
        return AUTO
    try:
        return float(text)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number nor auto") from problem


def is_estimated(arguments: argparse.Namespace) -> bool:
    """Whether units or axes are to be estimated."""
    return AUTO in (arguments.scale, arguments.up)


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
    import warnings

    from ..orientation import checked_scale, orientation
    from ..scene import Scene, SceneScaleWarning

    invalid = "drop" if arguments.drop_invalid else "error"
    if not is_estimated(arguments):
        scene = Scene.load(
            path,
            scale=arguments.scale,
            up=arguments.up,
            invalid=invalid,  # type: ignore[arg-type]
            progress=progress,
        )
        turn = orientation(arguments.up, error=InputError)
        factor = checked_scale(arguments.scale, error=InputError)
        moved = arguments.up != "z" or factor != 1
        return scene, {n: c.transformed(factor, turn) if moved else c for n, c in cameras.items()}, None
    from ..scene_tools import estimate_frame

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SceneScaleWarning)  # its unit is what is asked for
        raw = Scene.load(path, invalid=invalid, progress=progress)  # type: ignore[arg-type]
    up = None if arguments.up == AUTO else arguments.up
    frame = estimate_frame(raw, list(cameras.values()), up=up)
    factor = frame.scale if arguments.scale == AUTO else checked_scale(arguments.scale, error=InputError)
    turn = frame.rotation if up is None else orientation(up, error=InputError)
    given = f"--scale {factor:.5g} --up {frame.up_axis if up is None else up}"
    console.warn(f"{path}: estimated: {frame}. Give {given} to change it")
    return raw.transformed(factor, turn), {n: c.transformed(factor, turn) for n, c in cameras.items()}, frame


def load_placed(
    path: str, arguments: argparse.Namespace, cameras: Mapping[str, Camera], console: Console
) -> tuple[Scene, dict[str, Camera], Placement]:
    """Load as :func:`load_in_frame`, and say how the file's world was placed.

    Where neither ``--scale`` nor ``--up`` is given (both None), the file's world is taken as it is, unless an estimate
    succeeds and says that it is not in metres with z up: then the estimate is used.
    """
    from ..orientation import checked_scale, orientation

    if arguments.scale is None and arguments.up is None:
        foreign = _looks_foreign(path, arguments, cameras)
        arguments.scale = arguments.up = AUTO if foreign else None
        if foreign is None:
            console.note(f"  {path}: no room, taken in metres with z up. If it lies on its side, try --up -y or --up y")
    arguments.scale = 1.0 if arguments.scale is None else arguments.scale
    arguments.up = "z" if arguments.up is None else arguments.up
    scene, cameras, frame = load_in_frame(path, arguments, cameras, console)
    factor = frame.scale if frame is not None and arguments.scale == AUTO else arguments.scale
    turn = frame.rotation if frame is not None and arguments.up == AUTO else orientation(arguments.up, error=InputError)
    return scene, cameras, Placement(checked_scale(factor, error=InputError), turn)


def _looks_foreign(path: str, arguments: argparse.Namespace, cameras: Mapping[str, Camera]) -> bool | None:
    """Whether the scene of a file seems to be a room in other units than metres or with another axis up than z.

    None if it seems to be no room.
    """
    import warnings

    from ..errors import SceneError
    from ..scene import Scene
    from ..scene_tools import estimate_frame

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they are given when it is loaded for use
        scene = Scene.load(path, invalid="drop" if arguments.drop_invalid else "error")
    try:
        frame = estimate_frame(scene, list(cameras.values()))
    except SceneError:
        return None
    return frame.up_axis != "z" or not _ROOM_SCALES[0] < frame.scale < _ROOM_SCALES[1]
