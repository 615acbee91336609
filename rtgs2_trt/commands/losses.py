"""What a written scene no longer has of the files that it came from: said, since nothing else shows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..console import Console
from ..scene_files import WrittenFormat

if TYPE_CHECKING:
    from ..scene import Scene


def warn_of_losses(sources: Sequence[str], scene: Scene, output: str, kind: WrittenFormat, console: Console) -> None:
    """Warn of labels, features and spherical harmonics that get lost.

    Args:
        sources: the files that the scene was read from, before any of them is replaced.
        scene: what is to be written.
        output: the file to write.
        kind: its format.
        console: warned on.
    """
    from ..labels_in_3d.labelled_ply import CLASS_ID, CONFIDENCE

    held = {path: _properties(path) for path in sources}
    labelled = [path for path, names in held.items() if CLASS_ID in names]
    if labelled:
        files = ", ".join(labelled)
        console.warn(f"{output}: {CLASS_ID} and {CONFIDENCE} of {files} are left out: rtgs2 label writes them again")
    if any("f_pc_0" in names for names in held.values()):
        if kind != "ply":
            console.warn(f"{output}: the encoder's features are left out, only PLY holds them")
        elif scene.features is None:
            why = "lost with --scale, --up and --move, and where not all scenes have them of one known encoder"
            console.warn(f"{output}: the encoder's features are left out: {why}. Encode it again")
    if kind == "splat" and scene.sh_degree > 0:
        console.warn(f"{output}: colours no longer depend on the view, .splat has no spherical harmonics")


def _properties(path: str) -> set[str]:
    """Return the properties of a PLY's Gaussians; none of other formats, which hold neither labels nor features."""
    from ..errors import SceneError
    from ..ply import read_header

    try:
        vertex = read_header(path).element("vertex")
    except SceneError:
        return set()
    return set() if vertex is None else set(vertex.names)
