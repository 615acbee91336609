"""A captured, furnished flat with ten views labelled by eye, as a data set that ``rtgs2-train evaluate`` reads.

    python benchmarks/captured_flat/prepare.py CAPTURE -o build/captured_flat
    rtgs2-train evaluate examples/demo/ckpt.pt build/captured_flat -o build/captured_flat/report

CAPTURE is a copy of the public repository that ``labels.json`` names. It states no licence, so nothing of it is part of
this project. ``labels.json`` is: camera positions, and areas drawn by eye over the rendered views, later ones over
earlier ones; where nobody could say what is seen, the class is null and the pixels do not count. The areas' edges are a
few pixels off, thin things (table legs, stems of lamps) are left to what is behind them.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from rtgs2_training.datasets import FORMAT
from rtgs2_training.synthrooms.dataset import PLY
from rtgs2_trt import Camera, ClassTable, Scene, save_cameras
from rtgs2_trt.atomic import atomic_file
from rtgs2_trt.classes import builtin_class_table
from rtgs2_trt.scene_files import read_scene_file

TABLE = "synthrooms"
LABELS = Path(__file__).with_name("labels.json")
FLAT = ((-14.0, -23.0, -1.2), (9.0, 7.0, 3.2))
"""What belongs to the flat, in the capture's metres; the rest is far outside."""
FLOOR = -0.65  # metres, the height of most floors in the capture; they differ by up to 0.15
LARGEST = 2.0  # metres; the sky's Gaussians are larger


def read_capture(folder: Path, level: int) -> Scene:
    """Return the flat at one level of detail, its floor at z = 0, without what lies outside.

    Raises:
        SceneError: a part of the capture is missing or damaged.
    """
    parts = [read_scene_file(path) for path in sorted(folder.glob(f"{level}_*"))]
    if not parts:
        raise SystemExit(f"{folder}: no folders {level}_0, {level}_1, ...; is it the repository of {LABELS.name}?")

    def joined(name: str) -> NDArray[np.float32]:
        return np.concatenate([getattr(part, name) for part in parts])

    means, scales = joined("means"), joined("scales")
    inside = ((means > FLAT[0]) & (means < FLAT[1])).all(axis=1) & (scales.max(axis=1) < LARGEST)
    return Scene(
        means[inside] - np.float32([0, 0, FLOOR]),
        scales[inside],
        joined("rotations")[inside],
        joined("opacities")[inside],
        joined("sh")[inside],
    )


def camera(view: dict[str, Any], described: dict[str, Any]) -> Camera:
    """Return the camera of a view of ``labels.json``: metres, z up, its floor at 0; headings turn from x to y."""
    eye, heading = np.array(view["position"]), math.radians(view["heading_degrees"])
    pitch = math.radians(described["pitch_degrees"])
    ahead = np.array([math.cos(heading) * math.cos(pitch), math.sin(heading) * math.cos(pitch), math.sin(pitch)])
    width, height = described["image_size"]
    return Camera.look_at(
        eye, eye + ahead, np.array([0.0, 0.0, 1.0]), width=width, height=height, fov_degrees=described["fov_degrees"]
    )


def label_image(view: dict[str, Any], size: tuple[int, int], table: ClassTable) -> Image.Image:
    """Return the view's class ids as a grey picture; 0 is unlabelled."""
    ids = dict(zip(table.names, table.ids, strict=True))
    image = Image.new("L", size, 0)
    draw = ImageDraw.Draw(image)
    for area in view["areas"]:
        draw.polygon(
            [tuple(corner) for corner in area["corners"]], fill=int(ids[area["class"]]) if area["class"] else 0
        )
    return image


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("capture", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    described = json.loads(LABELS.read_text())
    table, folder = builtin_class_table(TABLE), arguments.output / "flat"
    ply = folder / PLY
    for part in (ply.parent, folder / "semantic"):
        part.mkdir(parents=True, exist_ok=True)
    scene = read_capture(arguments.capture, described["capture"]["level"])
    scene.save(ply)
    cameras = {}
    for number, view in enumerate(described["views"]):
        cameras[f"{number:04d}"] = camera(view, described)
        label_image(view, tuple(described["image_size"]), table).save(folder / "semantic" / f"{number:04d}.png")
    save_cameras(folder / "cameras.json", cameras)
    values = {
        "format": FORMAT,
        "name": "captured flat",
        "classes": {"name": TABLE, "table": table.to_list()},
        "splits": {"test": ["flat"]},
    }
    with atomic_file(arguments.output / "dataset.json") as file:
        file.write((json.dumps(values, indent=1) + "\n").encode())
    print(f"{len(scene)} Gaussians, {len(cameras)} views: {arguments.output}")


if __name__ == "__main__":
    main()
