"""A checkpoint becomes a bundle."""

from __future__ import annotations

import platform
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch

from rtgs2_networks.checkpoint import Checkpoint
from rtgs2_trt.atomic import atomic_folder
from rtgs2_trt.backends import create_backend
from rtgs2_trt.bundle import ENCODER, ENCODER_HASH, FUSION, GOLDEN, MANIFEST, Bundle, Manifest
from rtgs2_trt.errors import BundleError
from rtgs2_trt.file_access import sha256_of
from rtgs2_trt.self_check import SelfCheck, run_self_check, write_golden

from .algebra import Algebra
from .encoder_graph import build_encoder_graph
from .encoder_spec import encoder_spec
from .fusion_graph import build_fusion_graph
from .golden import make_golden

Step = Callable[[str], AbstractContextManager[object]]


@dataclass(frozen=True)
class Exported:
    """What :func:`export_bundle` wrote.

    Attributes:
        path: the bundle's folder.
        self_check: the bundle against the PyTorch networks.
        sizes: bytes of every file.
    """

    path: Path
    self_check: SelfCheck
    sizes: dict[str, int]


def export_bundle(
    checkpoint: Checkpoint,
    path: str | Path,
    *,
    image_size: tuple[int, int] = (640, 480),
    algebra: Algebra | None = None,
    step: Step = lambda name: nullcontext(),
) -> Exported:
    """Export both networks of `checkpoint` to the bundle folder `path`, which appears whole or not at all.

    Args:
        checkpoint: the weights, their configuration and the class table.
        path: the folder to write; an older bundle there is replaced.
        image_size: (width, height) in pixels that the model is meant for; goes into the manifest.
        algebra: which exact simplifications to make, all that pay on a CPU by default.
        step: called with the name of each step; what it returns is entered while the step runs.

    Raises:
        BundleError: something that is no bundle is at `path`, or the bundle differs from the PyTorch networks.
    """
    path, algebra = Path(path), algebra or Algebra()
    if not path.parent.is_dir():
        raise BundleError("no such folder to write to", file=path.parent, fix="Create it, or give another -o")
    try:
        with atomic_folder(path, may_replace=is_bundle) as folder:
            _write_files(checkpoint, folder, image_size, algebra, step)
            with step("self-check"):
                bundle = Bundle(folder)
                check = run_self_check(bundle, create_backend("cpu", bundle, 0))
            if not check.passed:
                raise BundleError(
                    "exported graphs differ from the PyTorch networks, nothing was written",
                    file=path,
                    found=f"features {check.features_difference:.1e}, logits {check.logits_difference:.1e}",
                    expected=f"at most {check.bound:.0e} relative",
                    fix="Please report this with the checkpoint's configuration",
                )
            sizes = {file.name: file.stat().st_size for file in sorted(folder.iterdir())}
    except FileExistsError:
        raise BundleError("is in the way and is no bundle", file=path, fix="Move it away, or give another -o") from None
    return Exported(path, check, sizes)


def is_bundle(path: Path) -> bool:
    """Whether an export may replace what is at `path`: a bundle, or an empty folder."""
    return path.is_dir() and not path.is_symlink() and ((path / MANIFEST).is_file() or not any(path.iterdir()))


def _write_files(
    checkpoint: Checkpoint, folder: Path, image_size: tuple[int, int], algebra: Algebra, step: Step
) -> None:
    config, own_version = checkpoint.config, version("rtgs2-trt")
    spec = encoder_spec(config.encoder, checkpoint.encoder)
    with step("encoder graph"):
        weights = {name: np.asarray(tensor) for name, tensor in checkpoint.encoder.items()}
        model = build_encoder_graph(config.encoder, weights, algebra, own_version)
        onnx.helper.set_model_props(model, {ENCODER_HASH: spec.hash})
        onnx.save(model, folder / ENCODER)
    with step("fusion graph"):
        weights = {name: np.asarray(tensor) for name, tensor in checkpoint.fusion.items()}
        bgr = config.trained_on == "bgr"
        graph = build_fusion_graph(config.fusion, weights, algebra, bgr=bgr, version=own_version, task=config.task)
        onnx.save(graph, folder / FUSION)
    with step("golden input through PyTorch"):
        write_golden(folder / GOLDEN, make_golden(checkpoint))
    manifest = Manifest(
        description=checkpoint.description,
        image_size=image_size,
        trained_on=config.trained_on,
        precision=("fp32",),
        encoder=spec,
        classes=checkpoint.classes,
        checkpoint_sha256=checkpoint.sha256,
        files={name: sha256_of(folder / name) for name in (ENCODER, FUSION, GOLDEN)},
        tools={
            "rtgs2-trt": own_version,
            **{module.__name__: module.__version__ for module in (torch, onnx, onnxruntime, np)},
            "python": platform.python_version(),
        },
        task=config.task,
    )
    (folder / MANIFEST).write_text(manifest.to_json(), "utf-8")
