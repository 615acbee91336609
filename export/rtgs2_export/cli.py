"""``rtgs2-export``: a checkpoint becomes a bundle."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from rtgs2_trt.console import Console, add_console_options, check_folder, check_parent, image_size, run_command
from rtgs2_trt.errors import CheckpointError, Rtgs2Error
from rtgs2_trt.self_check import SelfCheck


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
    parser.add_argument(
        "--precision",
        choices=["fp32", "both"],
        default="both",
        help="both (default): beside the FP32 graphs the FP16 graphs that GPUs run; fp32: without them",
    )
    parser.add_argument(
        "--tensorrt",
        action="store_true",
        help="also write frame.fp16.onnx, which TensorRT engines of this image size are built from (rtgs2 build)",
    )
    parser.add_argument(
        "--triton", metavar="DIR", help="also write the fusion network into this model repository of a Triton server"
    )
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
    check_parent(output, "--output")
    if arguments.triton:
        check_folder(Path(arguments.triton), "--triton")
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
    exported = export_bundle(
        checkpoint,
        output,
        image_size=arguments.image_size,
        precision=arguments.precision,
        tensorrt=arguments.tensorrt,
        step=console.step,
    )
    models: list[Path] = []
    if arguments.triton:
        from rtgs2_trt.bundle import Bundle

        from .triton_repository import write_triton_repository

        with console.step("Triton model repository"):
            models = write_triton_repository(Bundle(exported.path), arguments.triton)
    check, reports, fp16_check = exported.self_check, exported.fp16_reports, exported.fp16_self_check
    values = {
        "bundle": str(exported.path),
        "bytes": exported.sizes,
        "seconds": {name: round(seconds, 2) for name, seconds in console.seconds.items()},
        "self_check": check.to_dict(),
    }
    if fp16_check is not None:
        graphs = {name: report.to_dict() for name, report in reports.items()}
        values["fp16"] = {"self_check": fp16_check.to_dict(), "graphs": graphs}
    if exported.frame_self_check is not None:
        values["frame"] = {"self_check": exported.frame_self_check.to_dict()}
    if models:
        values["triton"] = [str(folder) for folder in models]
    predicts = "depth" if checkpoint.classes is None else f"{len(checkpoint.classes)} classes"
    text = (
        f"{exported.path}: {sum(exported.sizes.values()) / 1e6:.1f} MB, {predicts}\n"
        f"self-check against PyTorch: features differ by {check.features_difference:.1e}, {_check_text(check)}"
    )
    if fp16_check is not None:
        text += f"\nin FP16: features differ by {fp16_check.features_difference:.1e}, {_check_text(fp16_check)}"
    for name, report in reports.items():
        text += f"\n{name}: {report.to_text()}"
    if exported.frame_self_check is not None:
        text += (
            f"\nframe graph, its plugin node executed by the CPU rasteriser: {_check_text(exported.frame_self_check)}"
            f"\nits engines are built where they will run: rtgs2 build {exported.path.name}"
        )
    if models:
        text += f"\nTriton models: {', '.join(map(str, models))}"
    console.result(values, text)


def _check_text(check: SelfCheck) -> str:
    if check.depth_difference is None:
        name, different = "logits differ", f"{check.labels_different} of {check.pixels} labels differ"
        pixels = f"{different}, {check.labels_wrong} beyond a near-tie"
    else:
        name, pixels = "depth differs", f"depth at full size differs by at most {1000 * check.depth_difference:.3f} mm"
    return f"{name} by {check.logits_difference:.1e} (bound {check.bound:.0e}); {pixels}"


def _default_output(arguments: argparse.Namespace) -> Path:
    source = Path(arguments.checkpoint or arguments.fusion)
    if not source.stem:
        raise CheckpointError("no file name to derive the bundle's name from", file=source, fix="Give -o OUT.rtgs2")
    return Path(f"{source.stem}.rtgs2")
