"""Other people's rasterisers, where they lie in a folder that was given; each says why it could not be measured.

    python -m benchmarks.gpu.peers DIR

draws one small view with each, because some compile themselves at their first: nobody else should wait for that.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from rtgs2_trt import Camera, Scene
from rtgs2_trt.roofline import typical_room

from .names import GSPLAT_COLOUR, GSPLAT_FEATURES, RESEARCH

Frame = Callable[[Camera], Any]
NAMES = (GSPLAT_COLOUR, GSPLAT_FEATURES, RESEARCH)
NO_FOLDER = "no folder with peers was given (--peers)"


class NotMeasuredError(Exception):
    """Why a peer is not measured."""


def load_peers(folder: Path | None, scene: Scene) -> dict[str, Frame | NotMeasuredError]:
    """A function that draws a view, on PyTorch's current stream, for each peer; or why there is none."""
    loaders = dict(zip(NAMES, (_gsplat_colour, _gsplat_features, _research), strict=True))
    peers: dict[str, Frame | NotMeasuredError] = {}
    for name, load in loaders.items():
        try:
            if folder is None:
                raise NotMeasuredError(NO_FOLDER)
            if str(folder) not in sys.path:
                sys.path.insert(0, str(folder))
            peers[name] = load(_torch(), scene)
        except NotMeasuredError as error:
            peers[name] = error
        except ImportError as error:
            peers[name] = NotMeasuredError(f"not found in {folder}: {error}")
        except Exception as error:  # code of others may fail in any way; ours are measured all the same
            peers[name] = NotMeasuredError(f"failed: {type(error).__name__}: {error}")
    return peers


def main(argv: list[str] | None = None) -> int:
    """Draw a view with each peer; what fails is named, and fails the measurement alone."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args(argv)
    camera = typical_room.views((64, 32), 1)[0]
    for name, frame in load_peers(arguments.folder, typical_room.room(1000)).items():
        try:
            if isinstance(frame, NotMeasuredError):
                raise frame
            frame(camera)
            print(f"{name}: draws")
        except Exception as error:  # code of others
            print(f"{name}: {type(error).__name__}: {error}")
    return 0


def _torch() -> Any:
    import torch

    if not torch.cuda.is_available():
        raise NotMeasuredError("PyTorch has no CUDA here")
    return torch


def _tensors(torch: Any, scene: Scene) -> dict[str, Any]:
    names = ("means", "scales", "rotations", "opacities", "sh", "features")
    return {name: torch.from_numpy(np.array(getattr(scene, name))).cuda() for name in names}


def _gsplat_view(torch: Any, camera: Camera) -> dict[str, Any]:
    matrix = [[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]]
    return {
        "viewmats": torch.tensor(camera.world_to_camera, dtype=torch.float32, device="cuda")[None],
        "Ks": torch.tensor(matrix, dtype=torch.float32, device="cuda")[None],
        "width": camera.width,
        "height": camera.height,
        "near_plane": 0.2,
    }


def _gsplat(torch: Any, scene: Scene) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    from gsplat import rasterization

    tensors = _tensors(torch, scene)
    shapes = {"means": "means", "quats": "rotations", "scales": "scales", "opacities": "opacities"}
    return rasterization, tensors, {theirs: tensors[ours] for theirs, ours in shapes.items()}


def _gsplat_colour(torch: Any, scene: Scene) -> Frame:
    rasterization, tensors, shapes = _gsplat(torch, scene)

    def draw(camera: Camera) -> None:
        with torch.inference_mode():
            rasterization(**shapes, colors=tensors["sh"], sh_degree=scene.sh_degree, **_gsplat_view(torch, camera))

    return draw


def _gsplat_features(torch: Any, scene: Scene) -> Frame:
    rasterization, tensors, shapes = _gsplat(torch, scene)

    def draw(camera: Camera) -> None:
        with torch.inference_mode():
            view = _gsplat_view(torch, camera)
            rasterization(**shapes, colors=tensors["sh"], sh_degree=scene.sh_degree, **view)
            rasterization(**shapes, colors=tensors["features"], **view)

    return draw


def _research(torch: Any, scene: Scene) -> Frame:
    from diff_gaussian_rasterization import GaussianRasterizationSettings, GaussianRasterizer

    tensors = _tensors(torch, scene)
    zeros = torch.zeros_like(tensors["means"])

    def draw(camera: Camera) -> Any:
        pose = torch.tensor(camera.world_to_camera, dtype=torch.float32, device="cuda")
        tan_x, tan_y = camera.width / (2 * camera.fx), camera.height / (2 * camera.fy)
        near, far = 0.01, 100.0
        projection = torch.zeros(4, 4, device="cuda")
        projection[0, 0], projection[1, 1], projection[3, 2] = 1 / tan_x, 1 / tan_y, 1.0
        projection[2, 2], projection[2, 3] = far / (far - near), -far * near / (far - near)
        newer = {"antialiasing": False} if "antialiasing" in GaussianRasterizationSettings._fields else {}
        settings = GaussianRasterizationSettings(
            **newer,
            image_height=camera.height,
            image_width=camera.width,
            tanfovx=tan_x,
            tanfovy=tan_y,
            bg=torch.zeros(3, device="cuda"),
            scale_modifier=1.0,
            viewmatrix=pose.T.contiguous(),
            projmatrix=(projection @ pose).T.contiguous(),
            sh_degree=scene.sh_degree,
            campos=torch.tensor(camera.position, dtype=torch.float32, device="cuda"),
            prefiltered=False,
            debug=False,
        )
        with torch.inference_mode():
            return GaussianRasterizer(settings)(
                means3D=tensors["means"],
                means2D=zeros,
                shs=tensors["sh"],
                opacities=tensors["opacities"][:, None],
                scales=tensors["scales"],
                rotations=tensors["rotations"],
            )[0]

    return draw


if __name__ == "__main__":
    sys.exit(main())
