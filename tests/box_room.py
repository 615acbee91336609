"""A room that is a box, seen from inside: its Gaussians, and the exact label and depth of every pixel."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from rtgs2_trt import Camera, Scene, save_cameras
from rtgs2_trt.classes import ClassTable, builtin_class_table

SIZE = np.asarray([4.0, 3.0, 2.5])
WALL, FLOOR, DOOR, CEILING = 1, 2, 8, 22  # NYU40 ids, as the built-in tables scannet and synthrooms have them


def box_scene(seed: int = 0, count: int = 3000) -> Scene:
    """Return small discs scattered over the six faces, a colour a face."""
    rng = np.random.default_rng(seed)
    points = rng.random((count, 3)) * SIZE
    axis, side = rng.integers(0, 3, count), rng.integers(0, 2, count)
    points[np.arange(count), axis] = side * SIZE[axis]
    colours = rng.random((6, 3))[2 * axis + side]
    return Scene(
        means=points.astype(np.float32),
        scales=np.full((count, 3), 0.08, np.float32),
        rotations=np.tile(np.float32([1, 0, 0, 0]), (count, 1)),
        opacities=np.full(count, 0.95, np.float32),
        sh=((colours - 0.5) / 0.28209479)[:, None].astype(np.float32),
    )


def box_views(count: int = 3, width: int = 80, height: int = 60) -> dict[str, Camera]:
    """Return views from places inside the box, named 0000, 0001, ..."""
    eyes = [(0.6 + 2.4 * i / max(1, count), 0.7 + 0.2 * (i % 3), 1.3) for i in range(count)]
    return {
        f"{i:04}": Camera.look_at(eye, (3.6 - 0.3 * i, 2.6, 0.9), width=width, height=height, fov_degrees=75)
        for i, eye in enumerate(eyes)
    }


def box_truth(camera: Camera) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return ids (H, W) uint8 and depth (H, W) float64 in metres, by intersecting each pixel's ray with the box."""
    x, y = np.meshgrid(np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5)
    rays = np.stack([(x - camera.cx) / camera.fx, (y - camera.cy) / camera.fy, np.ones_like(x)], axis=-1)
    directions = rays @ camera.world_to_camera[:3, :3]
    eye = camera.position
    with np.errstate(divide="ignore"):
        distance = np.where(directions > 0, SIZE - eye, -eye) / directions
    axis, depth = distance.argmin(axis=-1), distance.min(axis=-1)
    upwards = np.take_along_axis(directions, axis[..., None], axis=-1)[..., 0] > 0
    points = eye + depth[..., None] * directions
    ids = np.where(axis == 2, np.where(upwards, CEILING, FLOOR), WALL)
    ids[(axis == 1) & upwards & (np.abs(points[..., 0] - 2.5) < 0.5) & (points[..., 2] < 2)] = DOOR
    return ids.astype(np.uint8), depth


def write_box_scene(folder: Path, seed: int = 0, views: Mapping[str, Camera] | None = None, labels: str = "semantic"):
    """Write a scene in the layout of the research code."""
    views = box_views() if views is None else views
    cloud = folder / "point_cloud" / "iteration_30000"
    cloud.mkdir(parents=True)
    box_scene(seed).save(cloud / "point_cloud.ply")
    save_cameras(folder / "cameras.json", views)
    for name in (labels, "depth", "instance"):
        (folder / name).mkdir()
    for view, camera in views.items():
        ids, depth = box_truth(camera)
        Image.fromarray(ids).save(folder / labels / f"{view}.png")
        Image.fromarray(np.rint(depth * 1000).astype(np.uint16)).save(folder / "depth" / f"{view}.png")
        Image.fromarray(ids.astype(np.uint16) + 300).save(folder / "instance" / f"{view}.png")


def write_box_dataset(
    folder: Path,
    splits: Mapping[str, list[str]],
    classes: ClassTable | None = None,
    views: Mapping[str, Camera] | None = None,
) -> Path:
    """Write a data set with ``dataset.json``; scene i has seed i."""
    table = classes or builtin_class_table("synthrooms")
    for seed, scene in enumerate(name for names in splits.values() for name in names):
        write_box_scene(folder / scene, seed, views)
    description = {
        "format": "rtgs2-dataset/1",
        "name": "boxes",
        "classes": {"name": table.name, "table": table.to_list()},
        "splits": dict(splits),
    }
    (folder / "dataset.json").write_text(json.dumps(description))
    return folder
