"""A view as files: the picture as it is shown, and its camera for ``rtgs2 segment --cameras``."""

from __future__ import annotations

import io

from PIL import Image

from rtgs2_trt.camera import Camera
from rtgs2_trt.camera_files.gaussian_splatting import cameras_to_json
from rtgs2_trt.page_layout import Picture


def saved_view(name: str, picture: Picture, camera: Camera) -> dict[str, bytes]:
    """Return the files of a view by their names: ``NAME.png`` and ``NAME.cameras.json``.

    Args:
        name: of the view.
        picture: (H, W, 3) uint8.
        camera: the view in the units and axes of the scene's file.
    """
    png = io.BytesIO()
    Image.fromarray(picture).save(png, format="PNG")
    return {f"{name}.png": png.getvalue(), f"{name}.cameras.json": cameras_to_json({name: camera}).encode()}
