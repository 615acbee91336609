"""A picture of a scene folder for people: colour, labels and depth of some views, with a legend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rtgs2_trt.camera_files import load_cameras
from rtgs2_trt.classes import builtin_class_table
from rtgs2_trt.page_layout import Picture
from rtgs2_trt.pictures import color_labels, legend_entries, legend_picture, save_image, to_picture
from rtgs2_trt.rasterize import rasterize
from rtgs2_trt.scene import Scene

from .dataset import PLY
from .room import CLASS_TABLE

GAP, LETTERS = 6, 16  # pixels
FARTHEST = 8000  # millimetres that are drawn black
UNKNOWN = (58, 82, 139)  # no grey, as depths are


def write_contact_sheet(folder: Path, path: Path, *, views: int = 8, columns: int = 2) -> None:
    """Draw evenly spaced views of a scene folder that :func:`rtgs2_training.synthrooms.write_scene` wrote.

    Args:
        folder: the scene.
        path: the PNG to write.
        views: how many, at most.
        columns: how many views beside each other, each as colour, labels and depth.
    """
    table = builtin_class_table(CLASS_TABLE)
    index = np.full(65536, 255, np.uint8)
    index[[entry.id for entry in table.classes]] = np.arange(len(table.classes))
    scene, cameras = Scene.load(folder / PLY), load_cameras(folder / "cameras.json")
    names = list(cameras)
    chosen = [names[k * len(names) // min(views, len(names))] for k in range(min(views, len(names)))]
    labels = [index[_image(folder / "semantic" / f"{name}.png")] for name in chosen]
    strips = []
    for name, classes in zip(chosen, labels, strict=True):
        depth = depth_picture(_image(folder / "depth" / f"{name}.png"))
        rgb = to_picture(rasterize(scene, cameras[name]).rgb)
        strips.append(np.concatenate([rgb, color_labels(classes, table.colors), depth], axis=1))
    page = _grid(strips, columns)
    legend = legend_picture(legend_entries(labels, table.colors, table.names, limit=30), page.shape[1], LETTERS)
    wide = max(page.shape[1], legend.shape[1])
    save_image(path, np.concatenate([_padded(page, wide), _padded(legend, wide)]))


def depth_picture(depth: NDArray[Any]) -> Picture:
    """Depths (H, W) in millimetres, the nearest white; where it is 0, which is unknown, :data:`UNKNOWN`."""
    near = 255 - np.clip(depth.astype(np.float64) / FARTHEST, 0, 1) * 255
    picture = np.repeat(near.astype(np.uint8)[:, :, None], 3, axis=2)
    picture[depth == 0] = UNKNOWN
    return picture


def _image(path: Path) -> Picture:
    with Image.open(path) as image:
        return np.array(image)


def _grid(tiles: list[Picture], columns: int) -> Picture:
    height, width, _ = tiles[0].shape
    rows = -(-len(tiles) // columns)
    page = np.full((rows * (height + GAP), columns * (width + GAP), 3), 255, np.uint8)
    for number, tile in enumerate(tiles):
        y, x = number // columns * (height + GAP), number % columns * (width + GAP)
        page[y : y + height, x : x + width] = tile
    return page


def _padded(page: Picture, width: int) -> Picture:
    return np.pad(page, ((0, 0), (0, width - page.shape[1]), (0, 0)), constant_values=255)
