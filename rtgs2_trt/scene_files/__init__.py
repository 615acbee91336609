"""Files of Gaussian scenes, one module a format; :class:`rtgs2_trt.Scene` loads and saves through this package."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from rtgs2_trt.errors import SceneError
from rtgs2_trt.scene_files.gaussian_arrays import GaussianArrays
from rtgs2_trt.scene_files.recognise import read_scene_file

if TYPE_CHECKING:
    from rtgs2_trt.scene import Scene

__all__ = [
    "ENDINGS",
    "WRITTEN_FORMATS",
    "GaussianArrays",
    "WrittenFormat",
    "format_of_name",
    "read_scene_file",
    "write_scene_file",
]

WrittenFormat = Literal["ply", "compressed-ply", "splat", "spz", "sog"]
WRITTEN_FORMATS: tuple[WrittenFormat, ...] = get_args(WrittenFormat)
ENDINGS: dict[str, WrittenFormat] = {
    ".compressed.ply": "compressed-ply",
    ".ply": "ply",
    ".splat": "splat",
    ".spz": "spz",
    ".sog": "sog",
}
"""Endings of names and their formats; the first that fits counts."""


def format_of_name(path: str | Path) -> WrittenFormat | None:
    """Return the format that a file's name ends with, None if it ends with none of them."""
    name = Path(path).name.lower()
    return next((kind for ending, kind in ENDINGS.items() if name.endswith(ending)), None)


def write_scene_file(scene: Scene, path: str | Path, kind: WrittenFormat) -> None:
    """Write a scene in a format other than standard PLY, which :meth:`rtgs2_trt.Scene.save` writes itself.

    Raises:
        SceneError: no such format, the format cannot hold the scene, or the file cannot be written.
    """
    from rtgs2_trt.scene_files import compressed_ply, sog_writer, splat, spz

    writers: dict[str, Callable[[Scene, Path], None]] = {
        "compressed-ply": compressed_ply.write,
        "splat": splat.write,
        "spz": spz.write,
        "sog": sog_writer.write,
    }
    if kind not in writers:
        raise SceneError("no such format", field="format", found=repr(kind), expected=", ".join(WRITTEN_FORMATS))
    writers[kind](scene, Path(path))
