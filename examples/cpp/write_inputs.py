"""Write a scene and its cameras as the C++ example reads them: a file of raw numbers for each input of the engine.

    python examples/cpp/write_inputs.py BUNDLE SCENE --cameras FILE -o FOLDER

The scene is encoded here, once; docs/tensorrt.md tells the engine's inputs. `camera.bin` holds 19 numbers
a view, in the order of the names printed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from rtgs2_trt import Segmenter, load_cameras
from rtgs2_trt.tensorrt.frame_interface import CAMERA_INPUT, camera_numbers, scene_arrays


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("scene")
    parser.add_argument("--cameras", required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    scene = Segmenter(arguments.bundle).load(arguments.scene)
    cameras = load_cameras(arguments.cameras)
    arrays = {**scene_arrays(scene), CAMERA_INPUT: np.stack([camera_numbers(c.padded(32)) for c in cameras.values()])}
    arguments.output.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        array.tofile(arguments.output / f"{name}.bin")
        print(f"{name}.bin {array.dtype} {array.shape}")
    print("\n".join(f"{number}: {name}" for number, name in enumerate(cameras)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
