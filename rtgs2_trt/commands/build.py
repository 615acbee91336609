"""``rtgs2 build``: TensorRT engines of a bundle, for this machine."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..console import Console, add_console_options

if TYPE_CHECKING:
    from ..tensorrt.engine_store import StoredEncoder


def add_parser(commands: Any) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "build",
        help="build a bundle's TensorRT engines for this machine",
        description="Build the TensorRT engines of a bundle, of a frame and of the encoder, for this GPU and this "
        "TensorRT, and run the bundle's golden input through them. Takes minutes; Ctrl-C ends it. Engines that fit and "
        "are whole are kept.",
    )
    parser.add_argument("bundle", metavar="BUNDLE", help="bundle that was exported with --tensorrt")
    parser.add_argument(
        "--most-gaussians",
        type=_count,
        metavar="N",
        help="largest scene to build for (default 4000000; 1000000 on boards with less than 12 GiB)",
    )
    parser.add_argument(
        "--most-voxels",
        type=_count,
        metavar="N",
        help="largest scene to build the encoder for (default 400000; 200000 on boards with less than 12 GiB)",
    )
    parser.add_argument("--frame-only", action="store_true", help="no engine of the encoder: ONNX Runtime encodes")
    parser.add_argument(
        "--workspace", type=_count, metavar="MIB", help="memory that layers may work in (default half of what is free)"
    )
    parser.add_argument(
        "--optimization-level", type=int, choices=range(6), default=3, help="how long to look for faster kernels (3)"
    )
    parser.add_argument("--force", action="store_true", help="build even if an engine that fits is there")
    add_console_options(parser)
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace, console: Console) -> None:
    """Run the subcommand."""
    from ..bundle import Bundle
    from ..tensorrt.bundle_engine import BuildRequest, build_bundle_engine

    with console.step("check bundle"):
        bundle = Bundle(arguments.bundle)
    request = BuildRequest(
        most_gaussians=arguments.most_gaussians,
        most_voxels=0 if arguments.frame_only else arguments.most_voxels,
        workspace=None if arguments.workspace is None else arguments.workspace << 20,
        optimization_level=arguments.optimization_level,
        force=arguments.force,
    )
    result = build_bundle_engine(bundle, request, step=console.step, phases=console.phases, note=console.note)
    engine = result.engine
    encoder = engine.encoder
    values = {
        "engine": str(engine.path),
        "built": result.built,
        "reason": result.reason,
        "most_gaussians": engine.most_gaussians,
        "device_memory": engine.device_memory,
        "self_check": dict(engine.self_check),
        "encoder": None if encoder is None else asdict(encoder),
        "removed": list(result.removed),
        "seconds": {name: round(seconds, 2) for name, seconds in console.seconds.items()},
    }
    state = "built" if result.built else "is up to date"
    difference = engine.self_check.get("logits_difference")
    shown = "unknown" if difference is None else f"{difference:.1e}"
    console.result(
        values,
        f"{engine.path} {state}: scenes of up to {engine.most_gaussians:,} Gaussians, {engine.device_memory >> 20} MiB "
        f"of GPU memory a thread; golden input {shown} from PyTorch (bound {engine.self_check.get('bound')}); encoder: "
        f"{_encoder_text(encoder)}",
    )


def _encoder_text(encoder: StoredEncoder | None) -> str:
    if encoder is None or encoder.problem:
        return "in ONNX Runtime" + (f", {encoder.problem}" if encoder else "")
    return (
        f"up to {encoder.most_voxels:,} voxels in {encoder.device_memory >> 20} MiB at most, features "
        f"{encoder.features_difference:.1e} from PyTorch"
    )


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)
