"""``rtgs2-export``: a checkpoint becomes a bundle."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from rtgs2_trt.console import Console, add_console_options, check_folder, image_size, run_command
from rtgs2_trt.errors import CheckpointError, Rtgs2Error


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(
        prog="rtgs2-export",
        description="Export an RT-GS2 checkpoint to a bundle. Research checkpoints come as two files, --encoder and "
        "--fusion, with the class table they were trained for.",
    )
    parser.add_argument("checkpoint", nargs="?", metavar="CKPT", help="checkpoint of this project (ckpt.pt)")
    parser.add_argument("-o", "--output", metavar="OUT.rtgs2", help="bundle to write (default: the checkpoint's name)")
    parser.add_argument("--image-size", type=image_size, default=(640, 480), metavar="WxH", help="default 640x480")
    parser.add_argument("--encoder", metavar="E.pth", help="research code: encoder weights")
    parser.add_argument("--fusion", metavar="F.pth", help="research code: fusion network weights")
    parser.add_argument(
        "--classes", metavar="TABLE", help="research code: replica, scannet, scannetpp, scannetpp-merged or FILE.yaml"
    )
    parser.add_argument(
        "--trained-on", choices=["bgr", "rgb"], default="bgr", help="research code: channel order (default bgr)"
    )
    parser.add_argument("--version", action="version", version=f"rtgs2-trt {version('rtgs2-trt')}")
    add_console_options(parser)
    arguments = parser.parse_args(argv)
    research = (arguments.encoder, arguments.fusion, arguments.classes)
    if arguments.checkpoint and any(research):
        parser.error("give either CKPT or --encoder, --fusion and --classes, not both")
    if not arguments.checkpoint and not all(research):
        parser.error("give CKPT, or all of --encoder, --fusion and --classes")
    return run_command(run, arguments)


def run(arguments: argparse.Namespace, console: Console) -> None:
    """Run the command."""
    output = Path(arguments.output) if arguments.output else _default_output(arguments)
    check_folder(output.absolute().parent, "--output")
    try:
        import onnx  # noqa: F401
        import torch  # noqa: F401
    except ImportError as error:
        raise Rtgs2Error(f"export needs {error.name}: pip install 'rtgs2-trt[export]'") from error
    from rtgs2_networks.checkpoint import load_checkpoint, load_research_checkpoint
    from rtgs2_trt.classes import resolve_class_table

    from .export import export_bundle

    with console.step("read checkpoint"):
        if arguments.checkpoint:
            checkpoint = load_checkpoint(arguments.checkpoint)
        else:
            checkpoint = load_research_checkpoint(
                arguments.encoder,
                arguments.fusion,
                resolve_class_table(arguments.classes),
                trained_on=arguments.trained_on,
            )
    exported = export_bundle(checkpoint, output, image_size=arguments.image_size, step=console.step)
    check = exported.self_check
    values = {
        "bundle": str(exported.path),
        "bytes": exported.sizes,
        "seconds": {name: round(seconds, 2) for name, seconds in console.seconds.items()},
        "self_check": check.to_dict(),
    }
    if checkpoint.classes is None:
        predicts, name = "depth", "depth"
        pixels = f"depth at full size differs by at most {1000 * (check.depth_difference or 0):.3f} mm"
    else:
        predicts, name = f"{len(checkpoint.classes)} classes", "logits"
        different = f"{check.labels_different} of {check.pixels} labels differ"
        pixels = f"{different}, {check.labels_wrong} beyond a near-tie"
    text = (
        f"{exported.path}: {sum(exported.sizes.values()) / 1e6:.1f} MB, {predicts}\n"
        f"self-check against PyTorch: features differ by {check.features_difference:.1e}, {name} by "
        f"{check.logits_difference:.1e} (bound {check.bound:.0e}); {pixels}"
    )
    console.result(values, text)


def _default_output(arguments: argparse.Namespace) -> Path:
    source = Path(arguments.checkpoint or arguments.fusion)
    if not source.stem:
        raise CheckpointError("no file name to derive the bundle's name from", file=source, fix="Give -o OUT.rtgs2")
    return Path(f"{source.stem}.rtgs2")
