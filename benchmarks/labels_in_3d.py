"""What labels in 3D are worth: a class for every Gaussian, fused from views, against what single views say.

    rtgs2-train generate -o build/rooms20 --scenes 10 --test 10 --seed 4711 --views 20
    rtgs2-export examples/demo/ckpt.pt -o build/model.rtgs2
    python benchmarks/labels_in_3d.py build/model.rtgs2 build/rooms20 --views 20 10

Two questions. *Pixels*: the labels of the Gaussians are drawn into the views that they were fused from, and compared
with the views' truth, as the network's own labels of these views are. IoU is counted over the pixels of all views, and
also view by view (the mean of the views' mIoU). Where the Gaussians cover less than half of a pixel, as in black window
panes, nothing could carry a label: all figures are given with and without such pixels. *Gaussians*: labels from all
views against labels from each view alone, both over the Gaussians that the one view saw, and over those that it saw
with a pixel's light or more: a trace of light tells one view little, others may see the same Gaussian well.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rtgs2_training.datasets import SceneFolder, open_dataset
from rtgs2_training.evaluation import evenly_spaced
from rtgs2_training.gaussian_classes import gaussian_classes
from rtgs2_training.metrics import ConfusionMatrix
from rtgs2_trt import Camera, ClassTable, Scene, Segmenter, rasterize
from rtgs2_trt.labels_in_3d import LabelFusion
from rtgs2_trt.page_layout import picture_page
from rtgs2_trt.pictures import color_labels, legend_entries, legend_picture, save_image, to_picture

COVERED = 0.5
CLEARLY_SEEN = 1.0  # pixels' worth of light


class Counts:
    """Confusion by what is measured; a class of its own stands for unknown, so that it counts as wrong."""

    def __init__(self, classes: int) -> None:
        self._classes = classes
        self._all: dict[str, ConfusionMatrix] = defaultdict(lambda: ConfusionMatrix(classes + 1))
        self._by_part: dict[str, list[float]] = defaultdict(list)

    def add(self, name: str, truth: NDArray[Any], labels: NDArray[Any]) -> None:
        part = ConfusionMatrix(self._classes + 1)
        part.add(truth, np.minimum(labels.astype(np.int64), self._classes))
        self._all[name].merge(part)
        self._by_part[name].append(part.scores().miou)

    def to_dict(self) -> dict[str, dict[str, Any]]:
        values = {}
        for name, counts in self._all.items():
            scores = counts.scores()
            values[name] = {
                "miou": round(100 * scores.miou, 2),
                "accuracy": round(100 * scores.pixel_accuracy, 2),
                "mean_of_views_miou": round(100 * float(np.nanmean(self._by_part[name])), 2),
                "count": int(scores.pixels.sum()),
            }
        return values


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("dataset")
    parser.add_argument("--split", default="test")
    parser.add_argument("--rooms", type=int, default=1000, help="at most so many, evenly spaced")
    parser.add_argument("--views", type=int, nargs="+", default=[20, 10], help="evenly spaced views to fuse")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("-o", "--output", type=Path, help="JSON to write")
    parser.add_argument("--picture", type=Path, help="PNG to write: the middle view of some rooms")
    arguments = parser.parse_args()
    segmenter = Segmenter(arguments.bundle, threads=arguments.threads)
    classes: ClassTable = segmenter.classes
    dataset = open_dataset(arguments.dataset, classes)
    rooms = evenly_spaced(dataset.scenes(arguments.split), arguments.rooms)
    counts = {views: Counts(len(classes)) for views in arguments.views}
    rows = []
    for number, room in enumerate(rooms):
        rows.append(measure(room, segmenter, counts))
        print(f"{number + 1}/{len(rooms)} {room.name}", flush=True)
    result = {
        "bundle": segmenter.bundle.manifest.description,
        "dataset": str(dataset.name),
        "rooms": len(rooms),
        "by_views": {str(views): count.to_dict() for views, count in counts.items()},
    }
    for views, names in result["by_views"].items():
        print(f"\n{views} views a room, {len(rooms)} rooms{'':20}mIoU  accuracy  mean of views' mIoU")
        for name, values in names.items():
            print(
                f"  {name:48}{values['miou']:6.2f}    {values['accuracy']:6.2f}    {values['mean_of_views_miou']:6.2f}"
            )
    if arguments.output:
        arguments.output.write_text(json.dumps(result, indent=1) + "\n")
    if arguments.picture:
        save_image(arguments.picture, picture(evenly_spaced(rows, 4), classes))


def measure(
    room: SceneFolder, segmenter: Segmenter, counts: dict[int, Counts]
) -> tuple[str, NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Add a room to the counts of each number of views; return a view of it for the picture."""
    scene = segmenter.encode(room.load_scene())
    truth = gaussian_classes(room, scene)
    every = {name: segmenter.probabilities(scene, camera) for name, camera in room.cameras.items()}
    example = None
    for views, count in counts.items():
        names = evenly_spaced(list(room.cameras), views)
        cameras = {name: room.cameras[name] for name in names}
        fusion = LabelFusion(scene, segmenter.classes)
        for name, camera in cameras.items():
            fusion.add(camera, every[name])
        fused = fusion.labels()
        count.add("Gaussians: fused, seen by any view", np.where(fusion.weights > 0, truth, -1), fused.labels)
        clearly = np.where(fusion.weights >= CLEARLY_SEEN, truth, -1)
        count.add("Gaussians: fused, with a pixel's light or more", clearly, fused.labels)
        shown = names[len(names) // 2]
        for name, camera in cameras.items():
            alone = LabelFusion(scene, segmenter.classes)
            alone.add(camera, every[name])
            seen = np.where(alone.weights > 0, truth, -1)
            count.add("Gaussians: one view, of those that it saw", seen, alone.labels().labels)
            count.add("Gaussians: fused, of the same", seen, fused.labels)
            clearly = np.where(alone.weights >= CLEARLY_SEEN, truth, -1)
            count.add("Gaussians: one view, a pixel's light or more in it", clearly, alone.labels().labels)
            count.add("Gaussians: fused, of these", clearly, fused.labels)
            drawn = fused.drawn(scene, camera)
            single = every[name].argmax(axis=0)
            pixels = room.labels(name).astype(np.int64)
            covered = np.where(coverage(scene, camera) >= COVERED, pixels, -1)
            for what, wanted in (("all", pixels), ("covered", covered)):
                count.add(f"pixels ({what}): single view", wanted, single)
                count.add(f"pixels ({what}): fused, drawn", wanted, drawn)
            if example is None and name == shown:
                known = np.where(pixels < 0, 255, pixels).astype(np.uint8)
                single_labels = single.astype(np.uint8)
                example = (f"{room.name}, {name}", rasterize(scene, camera).rgb, single_labels, drawn, known)
    assert example is not None
    return example


def coverage(scene: Scene, camera: Camera) -> NDArray[np.float32]:
    return rasterize(scene, camera, np.zeros((len(scene), 0), np.float32)).alpha


def picture(
    rows: list[tuple[str, NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]], classes: ClassTable
) -> NDArray[np.uint8]:
    entries = legend_entries([labels for row in rows for labels in row[2:]], classes.colors, classes.names, limit=30)
    return picture_page(
        [(row[0], [to_picture(row[1]), *(color_labels(labels, classes.colors) for labels in row[2:])]) for row in rows],
        ("colour", "labels of this view alone", "fused labels, drawn", "truth"),
        legend=lambda width, size: Image.fromarray(legend_picture(entries, width, size)),
        tile_width=320,
    )


if __name__ == "__main__":
    main()
