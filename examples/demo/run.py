"""The main job from end to end, on a scene that the project makes itself.

A furnished room that the demo's weights have never seen becomes a 3DGS file, the checkpoint a bundle, the bundle labels
of several views, compared with the truth. The commands are the ones that a user would type; each is shown before it
runs.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rtgs2_export.cli import main as rtgs2_export
from rtgs2_training.metrics import ConfusionMatrix, Scores
from rtgs2_training.synthrooms import demo_room
from rtgs2_training.synthrooms.room import Room
from rtgs2_trt import Bundle, ClassTable, save_cameras
from rtgs2_trt.cli import main as rtgs2
from rtgs2_trt.pictures import comparison_sheet, save_image

CHECKPOINT = Path(__file__).parent / "ckpt.pt"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("build/demo"))
    parser.add_argument("--quiet", action="store_true")
    arguments = parser.parse_args()
    output: Path = arguments.output
    output.mkdir(parents=True, exist_ok=True)

    room = demo_room()
    room.scene.save(output / "room.ply")
    save_cameras(output / "cameras.json", {name: view.camera for name, view in room.views.items()})

    quiet = ["--quiet"] if arguments.quiet else []
    bundle = str(output / "demo.rtgs2")
    run(rtgs2_export, "rtgs2-export", [str(CHECKPOINT), "-o", bundle, "--image-size", "320x240", *quiet])
    views = ["--cameras", str(output / "cameras.json"), "-o", str(output)]
    run(rtgs2, "rtgs2", ["segment", bundle, str(output / "room.ply"), *views, *quiet])
    score = compare(room, output, Bundle(bundle))
    summary = json.loads((output / "summary.json").read_text())
    print(f"\n{summary['gaussians']} Gaussians, {len(summary['views'])} views. Look at {output / 'contact_sheet.png'}")
    print(f"Weights: {summary['description']}")
    print(f"This room: mIoU {score.miou:.2f}, {100 * score.pixel_accuracy:.0f} % of the pixels right")
    return 0


def compare(room: Room, output: Path, bundle: Bundle) -> Scores:
    """Put colour, truth and prediction of every view side by side; return how they agree."""
    assert bundle.classes is not None
    classes = bundle.classes
    matrix, rows = ConfusionMatrix(len(classes)), []
    for name, view in room.views.items():
        colour = read_image(output / "color" / f"{name}.png").transpose(2, 0, 1) / 255.0
        truth = indices(view.semantic, classes)
        predicted = indices(read_image(output / "labels" / f"{name}.png"), classes)
        matrix.add(truth, predicted)
        rows.append((name, colour, truth, predicted))
    note = bundle.manifest.description
    sheet = comparison_sheet(rows, classes.colors, classes.names, heading="A room never seen in training", note=note)
    save_image(output / "contact_sheet.png", sheet)
    return matrix.scores()


def read_image(path: Path) -> NDArray[Any]:
    with Image.open(path) as image:
        return np.asarray(image)


def indices(ids: NDArray[Any], classes: ClassTable) -> NDArray[np.int64]:
    """Class indices (H, W) of ids (H, W), -1 for ids that the table has not."""
    table = np.full(65536, -1)
    table[classes.ids] = np.arange(len(classes))
    return table[ids]


def run(command: Callable[[Sequence[str]], int], name: str, arguments: list[str]) -> None:
    print(f"$ {name} {shlex.join(arguments)}", flush=True)
    code = command(arguments)
    if code != 0:
        raise SystemExit(code)


if __name__ == "__main__":
    sys.exit(main())
