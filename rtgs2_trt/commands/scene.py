"""``rtgs2 scene``: look at scenes, and crop, clean, move and join them."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..console import Console, add_console_options, check_parent
from ..errors import InputError
from ..scene_files import WRITTEN_FORMATS
from .frame_options import add_frame_options
from .losses import warn_of_losses
from .placed_scene import load_in_frame
from .written_format import written_format

if TYPE_CHECKING:
    from ..scene import Scene
    from ..scene_tools import SceneFrame


def add_parser(commands: Any) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "scene",
        help="look at scenes; crop, clean, move and join them",
        description="Without -o: numbers about a scene, and its units and axes as they are estimated. With -o: join "
        "the scenes, bring them into metres with z up (--scale, --up), then crop, drop what is faint or floats, and "
        "write the rest, in the format that OUT's name ends with. Labels (class_id, confidence) are lost, and "
        "the encoder's features with --scale, --up and --move.",
    )
    parser.add_argument("scenes", nargs="+", metavar="SCENE", help="scene files or SOG folders")
    parser.add_argument("-o", "--output", metavar="OUT", help="scene file to write")
    parser.add_argument("--format", choices=WRITTEN_FORMATS, help="instead of what OUT's name says")
    add_frame_options(parser)
    parser.add_argument("--cameras", metavar="FILE", help="cameras of the first scene, which make estimates better")
    parser.add_argument("--move", type=_vector, metavar="X,Y,Z", help="move by so much, metres")
    parser.add_argument(
        "--crop",
        type=_box,
        metavar="X0:X1,Y0:Y1,Z0:Z1",
        help="keep what lies in this box, metres; a limit may be missing, as in :,:,:2",
    )
    parser.add_argument("--min-opacity", type=_opacity, metavar="A", help="drop Gaussians of an opacity under this")
    parser.add_argument(
        "--drop-floaters",
        nargs="?",
        type=_length,
        const=0.15,
        metavar="CELL",
        help="drop Gaussians with fewer than 12 others in the cubes around them, of this side in metres (default 0.15)",
    )
    add_console_options(parser)
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace, console: Console) -> None:
    """Run the subcommand."""
    import numpy as np

    from ..camera_files import load_cameras, save_cameras
    from ..scene_tools import merge, statistics

    kind = None if arguments.output is None else written_format(arguments.output, "--output", arguments.format)
    if arguments.output is not None:
        check_parent(arguments.output, "--output")
    cameras = load_cameras(arguments.cameras) if arguments.cameras else {}
    others = []
    for index, path in enumerate(arguments.scenes):
        with console.share(f"read {path}") as progress:
            loaded, moved, estimated = load_in_frame(path, arguments, {} if index else cameras, console, progress)
        if index:
            others.append(loaded)
            continue
        scene, cameras, frame = loaded, moved, estimated
        if frame is not None and len(arguments.scenes) > 1:
            fix = "Join scenes of one frame first, then bring the result into metres."
            raise InputError("an estimate is of one scene", field="--scale auto, --up auto", fix=fix)
    scene = merge([scene, *others])
    if arguments.move is not None:
        scene = scene.transformed(1.0, np.eye(3), arguments.move)
        cameras = {name: camera.transformed(1.0, np.eye(3), arguments.move) for name, camera in cameras.items()}
    kept, dropped = _cleaned(scene, arguments)
    with console.step("count"):
        values: dict[str, Any] = {"scenes": arguments.scenes, **statistics(kept).to_dict(), "dropped": dropped}
    if frame is not None:
        values["frame"] = _frame_values(frame)
    elif arguments.output is None:
        values["frame"] = _estimate(kept, list(cameras.values()))
    if kind is not None:
        warn_of_losses(arguments.scenes, kept, arguments.output, kind, console)
        with console.step("write scene"):
            kept.save(arguments.output, kind)
            if cameras:
                file = Path(arguments.output).with_suffix(".cameras.json")
                save_cameras(file, cameras)
                values["cameras"] = str(file)
        values["output"] = arguments.output
    values["warnings"] = list(console.warnings)
    width = max(map(len, values))
    console.result(values, "\n".join(f"{k.replace('_', ' '):{width}}  {_text(v)}" for k, v in values.items()))


def _vector(text: str) -> tuple[float, ...]:
    """Argument type: three numbers."""
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if len(values) != 3 or not all(map(math.isfinite, values)):
        raise argparse.ArgumentTypeError(f"{text!r} is not X,Y,Z")
    return values


def _box(text: str) -> tuple[list[float], list[float]]:
    """Argument type: least and greatest x, y and z."""
    try:
        pairs = [[float(end) if end else None for end in part.split(":")] for part in text.split(",")]
    except ValueError:
        pairs = []
    if [len(pair) for pair in pairs] != [2, 2, 2]:
        raise argparse.ArgumentTypeError(f"{text!r} is not X0:X1,Y0:Y1,Z0:Z1")
    low = [-math.inf if least is None else least for least, _ in pairs]
    high = [math.inf if most is None else most for _, most in pairs]
    if not all(least <= most for least, most in zip(low, high, strict=True)):
        raise argparse.ArgumentTypeError(f"{text!r} has no inside: write the lesser limit first")
    return low, high


def _opacity(text: str) -> float:
    """Argument type: 0 to 1."""
    value = _number(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no opacity: write a number from 0 to 1")
    return value


def _length(text: str) -> float:
    """Argument type: metres."""
    value = _number(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no length: write metres")
    return value


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _cleaned(scene: Scene, arguments: argparse.Namespace) -> tuple[Scene, dict[str, int]]:
    """Return what is left, and how many Gaussians each step dropped."""
    from ..scene_tools import floaters, inside_box, select

    dropped: dict[str, int] = {}

    def keep(name: str, option: str, mask: Any) -> None:
        nonlocal scene
        before = len(scene)
        if not mask.any():
            raise InputError(f"all {before} Gaussians that were there are {name}: none is left", field=option)
        scene = select(scene, mask)
        dropped[name] = before - len(scene)

    if arguments.crop is not None:
        keep("outside the box", "--crop", inside_box(scene, *arguments.crop))
    if arguments.min_opacity is not None:
        keep("faint", "--min-opacity", scene.opacities >= arguments.min_opacity)
    if arguments.drop_floaters is not None:
        keep("floating", "--drop-floaters", ~floaters(scene, arguments.drop_floaters))
    return scene, dropped


def _estimate(scene: Scene, cameras: list[Any]) -> dict[str, Any] | str:
    """Return what is estimated of a scene as it is; of an object or a street, why nothing is."""
    from ..scene_tools import estimate_frame

    try:
        return _frame_values(estimate_frame(scene, cameras))
    except InputError as problem:
        return problem.problem


def _frame_values(frame: SceneFrame) -> dict[str, Any]:
    return {
        "scale": round(frame.scale, 5),
        "uncertainty": round(frame.uncertainty, 3),
        "up_axis": frame.up_axis,
        "up": [round(float(value), 4) for value in frame.up],
        "text": str(frame),
    }


def _text(value: object) -> str:
    if isinstance(value, dict):
        return value["text"] if "text" in value else ", ".join(f"{k} {_text(v)}" for k, v in value.items()) or "-"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_text, value)) or "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
