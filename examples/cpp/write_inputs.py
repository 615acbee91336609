"""Write a scene and its cameras as the C++ examples read them: a file of raw numbers for each input of the engine.

    python examples/cpp/write_inputs.py BUNDLE SCENE --cameras FILE -o FOLDER

The scene is encoded here, once; docs/tensorrt.md tells the engine's inputs. `camera.bin` holds 19 numbers a view, in
the order of the names printed, `view_size.txt` the views' width and height in pixels: one size, and the engine's if the
bundle is for TensorRT.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from rtgs2_trt import Camera, Segmenter, load_cameras
from rtgs2_trt.bundle import FRAME_FP16, Bundle
from rtgs2_trt.errors import CameraError, InputError
from rtgs2_trt.tensorrt.frame_interface import CAMERA_INPUT, camera_numbers, scene_arrays


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("scene")
    parser.add_argument("--cameras", required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    try:
        write_inputs(arguments.bundle, arguments.scene, arguments.cameras, arguments.output)
    except InputError as error:
        parser.exit(2, f"{error}\n")
    return 0


def write_inputs(bundle: str, scene: str, camera_file: str, output: Path) -> None:
    opened, cameras = Bundle(bundle), load_cameras(camera_file)
    width, height = view_size(camera_file, cameras, opened)
    views = np.stack([camera_numbers(camera.padded(32)) for camera in cameras.values()])
    arrays = {**scene_arrays(Segmenter(opened).load(scene)), CAMERA_INPUT: views}
    output.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        array.tofile(output / f"{name}.bin")
        print(f"{name}.bin {array.dtype} {array.shape}")
    (output / "view_size.txt").write_text(f"{width} {height}\n")
    print("\n".join(f"{number}: {name}" for number, name in enumerate(cameras)))


def view_size(camera_file: str, cameras: Mapping[str, Camera], bundle: Bundle) -> tuple[int, int]:
    """The one size of all views; made up to multiples of 32 it is the engine's."""
    sizes = sorted({(camera.width, camera.height) for camera in cameras.values()})
    drawn = made_up(bundle.manifest.image_size)
    has_engine = FRAME_FP16 in bundle.manifest.files
    if len(sizes) != 1 or (has_engine and made_up(sizes[0]) != drawn):
        engine = f", which made up to multiples of 32 is the engine's {drawn[0]} x {drawn[1]}" if has_engine else ""
        raise CameraError(
            "the views are not of the size that is drawn",
            file=camera_file,
            found=", ".join(f"{width} x {height}" for width, height in sizes),
            expected=f"one size{engine}",
            fix="Give cameras of that size, or export with rtgs2-export --tensorrt --image-size WxH for theirs",
        )
    return sizes[0]


def made_up(size: tuple[int, int]) -> tuple[int, ...]:
    return tuple(-(-side // 32) * 32 for side in size)


if __name__ == "__main__":
    raise SystemExit(main())
