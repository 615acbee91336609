"""Colour and features of every training view, rendered once and kept on disk.

A file a view, named by a hash of everything that it depends on (encoder, Gaussians, camera, form of storage): what is
there under its name is whole and up to date, anything else is rendered again.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rtgs2_networks.encoder import PointTransformerEncoder
from rtgs2_trt.atomic import atomic_file
from rtgs2_trt.camera import Camera
from rtgs2_trt.console import Console
from rtgs2_trt.errors import InputError
from rtgs2_trt.file_access import sha256_of
from rtgs2_trt.rasterize import Rendering, rasterize

from ..datasets import SceneFolder
from ..runs.config import Storage
from ..scene_features import scene_features

_VERSION = "rtgs2-render-cache/2"
_MULTIPLE = 32
_HASHES = "gaussian_hashes.json"


@dataclass(frozen=True, eq=False)
class CachedView:
    """One rendered view, padded at the right and the bottom to sides that 32 divides.

    Attributes:
        scene: its scene.
        name: its name there.
        file: of the cache.
        camera: padded.
    """

    scene: SceneFolder
    name: str
    file: Path
    camera: Camera
    storage: Storage
    channels: int

    def read(self) -> tuple[NDArray[np.uint8], NDArray[Any], NDArray[np.float32]]:
        """Return what is stored.

        Returns:
            (H, W, 3) uint8 colours; (H, W, D) features, int8 or float16; and (D,) float32 that the latter are to be
            multiplied with.

        Raises:
            InputError: the file is gone or damaged.
        """
        try:
            record = np.load(self.file, mmap_mode="r", allow_pickle=False)
            if record.dtype != self._dtype or record.shape != ():
                raise ValueError(f"a record of type {record.dtype}")
            return np.array(record["image"]), np.array(record["features"]), np.array(record["scale"])
        except (OSError, ValueError, EOFError) as error:
            fix = "Remove the file and give the command again"
            raise InputError(f"a damaged render cache: {error}", file=self.file, fix=fix) from error

    @property
    def is_whole(self) -> bool:
        """Whether the file is there in full length."""
        return self.file.is_file() and self.file.stat().st_size > self._dtype.itemsize

    def write(self, rendering: Rendering) -> None:
        """Store a rendering in one step.

        Raises:
            InputError: the file cannot be written.
        """
        record = np.zeros((), self._dtype)
        features = rendering.features.transpose(1, 2, 0)
        record["image"] = np.rint(255 * np.clip(rendering.rgb.transpose(1, 2, 0), 0, 1))
        if self.storage == "int8":  # of each channel, its largest value becomes 127
            largest = np.abs(features).max(axis=(0, 1))
            scale = (largest / 127).astype(np.float32)  # 0 where a channel is empty
            record["scale"] = scale
            record["features"] = np.rint(features / np.where(scale > 0, scale, 1))
        else:
            record["scale"] = 1
            record["features"] = features
        with atomic_file(self.file) as file:
            np.save(file, record, allow_pickle=False)

    @property
    def _dtype(self) -> np.dtype[Any]:
        height, width = self.camera.height, self.camera.width
        kind = "i1" if self.storage == "int8" else "<f2"
        return np.dtype(
            [
                ("scale", "<f4", (self.channels,)),
                ("image", "u1", (height, width, 3)),
                ("features", kind, (height, width, self.channels)),
            ]
        )


class RenderCache:
    """The rendered views of an encoder.

    Args:
        folder: where the files go; it may serve any number of encoders and data sets.
        encoder: in eval mode, on the device that is to encode.
        encoder_hash: 64 hexadecimal digits that name its weights.
        storage: of the features: int8 (an error of at most 0.4 % of a channel's largest value) or float16.
    """

    def __init__(self, folder: Path, encoder: PointTransformerEncoder, encoder_hash: str, storage: Storage) -> None:
        self.folder = folder
        self._encoder, self._encoder_hash, self._storage = encoder, encoder_hash, storage

    def views(self, scenes: Sequence[SceneFolder]) -> list[CachedView]:
        """Return all views of `scenes`, rendered or not.

        Raises:
            DatasetError: a scene cannot be used.
        """
        hashes = self._gaussian_hashes(scenes)
        return [
            self._view(scene, hashes[scene.name], name, camera)
            for scene in scenes
            for name, camera in scene.cameras.items()
        ]

    def render_missing(
        self,
        views: Sequence[CachedView],
        console: Console,
        rank: int = 0,
        world_size: int = 1,
        deadline: float = math.inf,
    ) -> bool:
        """Render those of `views` that are not there yet, scene by scene.

        Args:
            views: of :meth:`views`.
            console: shows the progress.
            rank: of the process, which renders every `world_size`-th scene.
            world_size: number of processes.
            deadline: :func:`time.monotonic` after which no other view is begun.

        Returns:
            Whether all of this process's are there.

        Raises:
            SceneError: a scene cannot be read or encoded.
            InputError: a file cannot be written.
        """
        mine = list(dict.fromkeys(view.scene.path for view in views))[rank::world_size]
        missing: dict[Path, list[CachedView]] = {}
        for view in views:
            if not view.is_whole:
                missing.setdefault(view.scene.path, []).append(view)
        share = [group for path in mine if (group := missing.get(path))]
        if not share:
            return True
        self.folder.mkdir(parents=True, exist_ok=True)
        with console.counted(sum(map(len, share)), "rendering views") as advance:
            for group in share:
                scene = group[0].scene.load_scene()
                scene = scene.with_features(scene_features(self._encoder, scene))
                for view in group:
                    if time.monotonic() > deadline:
                        return False
                    view.write(rasterize(scene, view.camera, threads=torch.get_num_threads()))
                    advance()
        return True

    def _view(self, scene: SceneFolder, gaussians: str, name: str, camera: Camera) -> CachedView:
        padded = camera.padded(_MULTIPLE)
        pose = padded.world_to_camera.ravel().tolist()
        lens = [padded.width, padded.height, padded.fx, padded.fy, padded.cx, padded.cy]
        content = [_VERSION, self._encoder_hash, gaussians, lens, pose, self._storage]
        key = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]
        channels = self._encoder.config.out_channels
        return CachedView(scene, name, self.folder / f"{key}.npy", padded, self._storage, channels)

    def _gaussian_hashes(self, scenes: Sequence[SceneFolder]) -> dict[str, str]:
        """Return the SHA-256 of each scene's PLY file; files that did not change since are not read again."""
        memory = self.folder / _HASHES
        try:
            known = json.loads(memory.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            known = {}
        known = known if isinstance(known, dict) else {}
        hashes: dict[str, str] = {}
        for scene in scenes:
            status = scene.ply.stat()
            key = f"{scene.ply.absolute()} {status.st_size} {status.st_mtime_ns}"
            found = known.get(key)
            known[key] = hashes[scene.name] = found if isinstance(found, str) else sha256_of(scene.ply)
        self.folder.mkdir(parents=True, exist_ok=True)
        with atomic_file(memory) as file:
            file.write(json.dumps(known, indent=0).encode())
        return hashes


def encoder_hash(encoder: PointTransformerEncoder) -> str:
    """Return 64 hexadecimal digits that name an encoder's configuration and weights."""
    digest = hashlib.sha256(repr(encoder.config).encode())
    for name, value in encoder.state_dict().items():
        if not math.prod(value.shape) or name.endswith("num_batches_tracked"):
            continue
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
