"""What the targets share. A target is a module ``fuzz_NAME`` with ``run(data: bytes, folder: Path)``: it hands hostile
bytes to one reader and lets everything through that is not one of this project's own errors."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rtgs2_trt.errors import Rtgs2Error
from rtgs2_trt.scene import DroppedGaussiansWarning, SceneFidelityWarning, SceneScaleWarning

CORPUS = Path(__file__).parent / "corpus"
TARGETS = (
    "ply",
    "scene_files",
    "sog_meta",
    "scene_checkpoint",
    "cameras_json",
    "camera_info",
    "colmap",
    "checkpoint",
    "research_checkpoint",
    "manifest",
    "golden",
    "class_table",
    "class_map",
    "gaussian_labels",
    "graph",
    "dataset",
    "label_image",
    "engine",
)
MESSAGE_LIMIT = 20_000
"""No message that a person should read is longer, whatever the file holds (YAML aliases can spell gigabytes)."""


@contextmanager
def only_our_errors(*files: Path) -> Iterator[None]:
    """Let pass what a reader may raise: errors of this project, which name one of `files`. A NumPy warning is not."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", SceneScaleWarning)
        warnings.simplefilter("ignore", DroppedGaussiansWarning)
        warnings.simplefilter("ignore", SceneFidelityWarning)
        try:
            yield
        except Rtgs2Error as error:
            message = str(error)
            if files and not any(str(file) in message for file in files):
                raise AssertionError(f"the message does not name {' or '.join(map(str, files))}: {message}") from error
            if len(message) > MESSAGE_LIMIT:
                raise AssertionError(f"a message of {len(message)} characters: {message[:200]}") from error
