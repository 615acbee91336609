"""``rtgs2 doctor``: what this machine can run bundles with."""

from __future__ import annotations

import argparse
from typing import Any

from ..console import FAILED, Console, add_console_options

_MARKS = {"ok": "ok     ", "note": "note   ", "problem": "PROBLEM"}


def add_parser(commands: Any) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "doctor",
        help="say what this machine can use, and how to mend what it cannot",
        description="Look at Python, the CPU's instruction sets, memory, the CUDA core, driver and GPU, ONNX Runtime, "
        "OpenVINO, TensorRT and its plugins; on a Jetson also JetPack and the power mode. Exits with 1 if something "
        "that should work here does not; a missing GPU is no such thing.",
    )
    add_console_options(parser)
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Run the subcommand."""
    from ..doctor import examine, report

    with console.step("look at this machine"):
        checks = examine()
    result = report(checks)
    width = max(len(check.name) for check in checks)
    lines = []
    for check in checks:
        lines.append(f"{_MARKS[check.status]}  {check.name:{width}}  {check.found}")
        if check.cure:
            lines.append(f"{'':7}  {'':{width}}  -> {check.cure}")
    where = " where the bundle has an engine for this machine" if result["best_backend"] == "tensorrt" else ""
    lines.append(f"backend 'auto' takes {result['best_backend']!r} here{where}")
    console.result(result, "\n".join(lines))
    return 0 if result["ok"] else FAILED
