"""The main job from end to end, on a scene that the project makes itself.

A furnished room becomes a 3DGS file, the demo checkpoint a bundle, the bundle labels of several views. The commands
are the ones that a user would type; each is shown before it runs.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from rtgs2_export.cli import main as rtgs2_export
from rtgs2_training.synthrooms import demo_room
from rtgs2_trt import save_cameras
from rtgs2_trt.cli import main as rtgs2

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
    summary = json.loads((output / "summary.json").read_text())
    print(f"\n{summary['gaussians']} Gaussians, {len(summary['views'])} views. Look at {output / 'contact_sheet.png'}")
    print(f"Weights: {summary['description']}")
    return 0


def run(command: Callable[[Sequence[str]], int], name: str, arguments: list[str]) -> None:
    print(f"$ {name} {shlex.join(arguments)}", flush=True)
    code = command(arguments)
    if code != 0:
        raise SystemExit(code)


if __name__ == "__main__":
    sys.exit(main())
