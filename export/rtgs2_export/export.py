"""A checkpoint becomes a bundle."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import onnx
import onnxruntime
import torch

from rtgs2_networks.checkpoint import Checkpoint
from rtgs2_trt.atomic import atomic_folder
from rtgs2_trt.backends import Precision, create_backend
from rtgs2_trt.bundle import (
    ENCODER,
    ENCODER_FP16,
    ENCODER_HASH,
    FRAME_FP16,
    FRAME_GOLDEN,
    FUSION,
    FUSION_FP16,
    GOLDEN,
    MANIFEST,
    Bundle,
    EncoderSpec,
    Manifest,
)
from rtgs2_trt.errors import BundleError, InputError
from rtgs2_trt.file_access import sha256_of
from rtgs2_trt.memory import release_freed_memory
from rtgs2_trt.self_check import Golden, SelfCheck, run_self_check, write_golden
from rtgs2_trt.tensorrt.frame_interface import MOST_CHANNELS

from .algebra import Algebra
from .encoder_graph import build_encoder_graph
from .encoder_spec import encoder_spec
from .fp16_graph import PrecisionReport, build_fp16_graph, encoder_probes, fusion_probes
from .frame_graph import build_frame_graph
from .frame_on_cpu import check_frame_graph
from .fusion_graph import build_fusion_graph
from .golden import golden_at, make_golden
from .graph import Arithmetic
from .lint import Target, check_graph

Step = Callable[[str], AbstractContextManager[object]]
GraphPrecision = Literal["fp32", "both"]
GRAPH_PRECISIONS: tuple[GraphPrecision, ...] = get_args(GraphPrecision)
LARGEST_FRAME_SIDE = 2048


@dataclass(frozen=True)
class Exported:
    """What :func:`export_bundle` wrote.

    Attributes:
        path: the bundle's folder.
        self_check: the bundle against the PyTorch networks.
        sizes: bytes of every file.
        fp16_self_check: the same with the FP16 graphs, if they were written.
        fp16_reports: what of each FP16 graph computes in FP32 and why, and how large its values get, by file.
        frame_self_check: the frame graph for TensorRT, its plugin node executed by the CPU rasteriser, if asked for.
    """

    path: Path
    self_check: SelfCheck
    sizes: dict[str, int]
    fp16_self_check: SelfCheck | None = None
    fp16_reports: Mapping[str, PrecisionReport] = field(default_factory=dict)
    frame_self_check: SelfCheck | None = None


def export_bundle(
    checkpoint: Checkpoint,
    path: str | Path,
    *,
    image_size: tuple[int, int] = (640, 480),
    precision: GraphPrecision = "both",
    tensorrt: bool = False,
    algebra: Algebra | None = None,
    step: Step = lambda name: nullcontext(),
) -> Exported:
    """Export both networks of `checkpoint` to the bundle folder `path`, which appears whole or not at all.

    Args:
        checkpoint: the weights, their configuration and the class table.
        path: the folder to write; an older bundle there is replaced.
        image_size: (width, height) in pixels that the model is meant for; goes into the manifest.
        precision: ``"both"`` writes FP16 graphs for GPUs beside the FP32 graphs, ``"fp32"`` leaves them out.
        tensorrt: also write the frame graph that TensorRT engines are built from; the weights are in it once more. It
            draws one size, that of `image_size` made up to multiples of 32, at most 2048 a side.
        algebra: which exact simplifications to make, all that pay on a CPU by default.
        step: called with the name of each step; what it returns is entered while the step runs.

    Raises:
        BundleError: something that is no bundle is at `path`, a graph has a fault that :mod:`rtgs2_export.lint`
            knows, or the bundle differs from the PyTorch networks.
        CheckpointError: the network's values do not fit FP16.
        InputError: `tensorrt` without an FP16 graph, with too large an image, or too many channels.
    """
    path, algebra = Path(path), algebra or Algebra()
    if tensorrt:
        _check_frame_options(image_size, precision, checkpoint.config.encoder.out_channels)
    if not path.parent.is_dir():
        raise BundleError("no such folder to write to", file=path.parent, fix="Create it, or give another -o")
    try:
        with atomic_folder(path, may_replace=is_bundle) as folder:
            reports = _write_files(checkpoint, folder, image_size, precision, tensorrt, algebra, step)
            bundle, fp16_check, frame_check = Bundle(folder), None, None
            with step("self-check"):
                check = _check(bundle, path, "fp32", "Please report this with the checkpoint's configuration")
            if reports:
                with step("self-check in FP16"):
                    fp16_check = _check(bundle, path, "fp16", "Export without the FP16 graphs: --precision fp32")
            if tensorrt:
                with step("self-check of the frame graph"):
                    frame_check = check_frame_graph(onnx.load_from_string(bundle.read(FRAME_FP16)), bundle)
                    _refuse_differences(frame_check, path, FRAME_FP16, "Export without it: leave out --tensorrt")
            sizes = {file.name: file.stat().st_size for file in sorted(folder.iterdir())}
    except FileExistsError:
        raise BundleError("is in the way and is no bundle", file=path, fix="Move it away, or give another -o") from None
    return Exported(path, check, sizes, fp16_check, reports, frame_check)


def is_bundle(path: Path) -> bool:
    """Whether an export may replace what is at `path`: a bundle, or an empty folder."""
    return path.is_dir() and not path.is_symlink() and ((path / MANIFEST).is_file() or not any(path.iterdir()))


def _check(bundle: Bundle, path: Path, precision: Precision, fix: str) -> SelfCheck:
    release_freed_memory()
    check = run_self_check(bundle, create_backend("cpu", bundle, 0, precision))
    _refuse_differences(check, path, precision, fix)
    return check


def _refuse_differences(check: SelfCheck, path: Path, graphs: str, fix: str) -> None:
    if not check.passed:
        raise BundleError(
            f"exported graphs ({graphs}) differ from the PyTorch networks, nothing was written",
            file=path,
            found=f"features {check.features_difference:.1e}, logits {check.logits_difference:.1e}, "
            f"{check.labels_wrong} labels wrong",
            expected=f"at most {check.features_bound:.0e} and {check.bound:.0e} relative",
            fix=fix,
        )


def _check_frame_options(image_size: tuple[int, int], precision: GraphPrecision, channels: int) -> None:
    if precision != "both":
        raise InputError(
            "the frame graph for TensorRT computes in FP16", field="precision", found=precision, expected="both"
        )
    if max(image_size) > LARGEST_FRAME_SIDE:
        raise InputError(
            "image is too large for a frame graph",
            field="image_size",
            found="x".join(map(str, image_size)),
            expected=f"at most {LARGEST_FRAME_SIDE} pixels a side",
            fix="Export for a smaller image, or without --tensorrt",
        )
    if channels > MOST_CHANNELS:
        raise InputError(
            "too many feature channels for a frame graph",
            field="decoder_channels",
            found=channels,
            expected=f"at most {MOST_CHANNELS}",
            fix="Export without --tensorrt",
        )


def _write_files(
    checkpoint: Checkpoint,
    folder: Path,
    image_size: tuple[int, int],
    precision: GraphPrecision,
    tensorrt: bool,
    algebra: Algebra,
    step: Step,
) -> dict[str, PrecisionReport]:
    config, own_version = checkpoint.config, version("rtgs2-trt")
    spec = encoder_spec(config.encoder, checkpoint.encoder)
    with step("encoder graph"):
        weights = {name: np.asarray(tensor) for name, tensor in checkpoint.encoder.items()}
        model = build_encoder_graph(config.encoder, weights, algebra, own_version)
        _save_encoder(model, spec, folder / ENCODER, "onnxruntime")
    with step("fusion graph"):
        weights = {name: np.asarray(tensor) for name, tensor in checkpoint.fusion.items()}
        bgr = config.trained_on == "bgr"
        graph = build_fusion_graph(config.fusion, weights, algebra, bgr=bgr, version=own_version, task=config.task)
        _save(graph, folder / FUSION, "onnxruntime")
    with step("golden input through PyTorch"):
        golden = make_golden(checkpoint)
        write_golden(folder / GOLDEN, golden)
    reports: dict[str, PrecisionReport] = {}
    if precision == "both":
        with step("FP16 encoder graph"):
            model, reports[ENCODER_FP16] = _fp16_encoder(checkpoint, spec, golden, algebra.for_gpu(), own_version)
            _save_encoder(model, spec, folder / ENCODER_FP16, "tensorrt")
        with step("FP16 fusion graph"):
            model, reports[FUSION_FP16] = _fp16_fusion(checkpoint, golden, algebra.for_gpu(), own_version)
            _save(model, folder / FUSION_FP16, "tensorrt")
        if tensorrt:
            with step("frame graph"):
                view = golden_at(checkpoint, golden, image_size)
                write_golden(folder / FRAME_GOLDEN, view)
                padded = view.camera.padded(32)
                _save(build_frame_graph(model, (padded.width, padded.height)), folder / FRAME_FP16, "tensorrt")
    names = (ENCODER, FUSION, GOLDEN, *reports, *((FRAME_FP16, FRAME_GOLDEN) if tensorrt else ()))
    manifest = Manifest(
        description=checkpoint.description,
        image_size=image_size,
        trained_on=config.trained_on,
        precision=("fp32", "fp16") if reports else ("fp32",),
        encoder=spec,
        classes=checkpoint.classes,
        checkpoint_sha256=checkpoint.sha256,
        files={name: sha256_of(folder / name) for name in names},
        tools={
            "rtgs2-trt": own_version,
            **{module.__name__: module.__version__ for module in (torch, onnx, onnxruntime, np)},
            "python": platform.python_version(),
        },
        task=config.task,
    )
    (folder / MANIFEST).write_text(manifest.to_json(), "utf-8")
    return reports


def _save(model: onnx.ModelProto, path: Path, target: Target) -> None:
    check_graph(model, target, path.name)
    onnx.save(model, path)


def _save_encoder(model: onnx.ModelProto, spec: EncoderSpec, path: Path, target: Target) -> None:
    onnx.helper.set_model_props(model, {ENCODER_HASH: spec.hash})
    _save(model, path, target)


def _fp16_encoder(
    checkpoint: Checkpoint, spec: EncoderSpec, golden: Golden, algebra: Algebra, version: str
) -> tuple[onnx.ModelProto, PrecisionReport]:
    weights = {name: np.asarray(tensor) for name, tensor in checkpoint.encoder.items()}

    def build(arithmetic: Arithmetic, kept: Mapping[str, str]) -> onnx.ModelProto:
        config = checkpoint.config.encoder
        return build_encoder_graph(config, weights, algebra, version, arithmetic=arithmetic, kept=kept)

    return build_fp16_graph(build, encoder_probes(golden, spec.build_plan(golden.scene)))


def _fp16_fusion(
    checkpoint: Checkpoint, golden: Golden, algebra: Algebra, version: str
) -> tuple[onnx.ModelProto, PrecisionReport]:
    config = checkpoint.config
    weights = {name: np.asarray(tensor) for name, tensor in checkpoint.fusion.items()}

    def build(arithmetic: Arithmetic, kept: Mapping[str, str]) -> onnx.ModelProto:
        return build_fusion_graph(
            config.fusion,
            weights,
            algebra,
            bgr=config.trained_on == "bgr",
            version=version,
            task=config.task,
            arithmetic=arithmetic,
            kept=kept,
        )

    return build_fp16_graph(build, fusion_probes(golden))
