"""The least time that a frame can take on a GPU, for a generated room, and what a measured GPU says of others.

    python -m benchmarks.gpu.roofline [--gaussians 1000000] [--size 640x480] [--classes 46] [--graph fusion.onnx]
                                      [--measured RESULT.json] [--json FILE]

The model is that of `rtgs2 estimate` (rtgs2_trt/roofline). Without a graph the full-size fusion network is built with
weights from a seed. A stage's floor is the largest of its bytes through the memory, its FP32 operations and its FP16
products on tensor cores; kernels reach a part of that. For the network that supposes an engine that fuses everything;
"fuse, unfused" is the floor of its operators one by one, each of which reads and writes the memory: ONNX Runtime lies
between. With the result of a measured GPU, each stage's time on another is predicted as its floor there (of the
network, unfused) times the distance between measurement and floor on the measured one: an extrapolation, not a
measurement. What was measured stands beside the floors of the device that it was measured on.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rtgs2_trt.console import image_size
from rtgs2_trt.roofline import Network, count_work, device_of, floors, typical_room
from rtgs2_trt.roofline.floors import as_measured


def predicted(
    measured: Mapping[str, float], on: Mapping[str, float], elsewhere: Mapping[str, float]
) -> dict[str, float]:
    """Seconds a stage elsewhere, if it is as far from its floor there as where it was measured."""
    return {name: floor * measured[name] / on[name] for name, floor in elsewhere.items() if name in measured}


def full_size_graph(classes: int) -> bytes:
    """The full-size fusion network's graph, weights from a seed."""
    sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
    from golden.seeded_weights import seeded_state
    from golden_values import state_entries
    from rtgs2_export.algebra import Algebra
    from rtgs2_export.fusion_graph import build_fusion_graph
    from rtgs2_networks.config import FusionConfig

    entries = state_entries("fusion")
    for leaf in ("weight", "bias"):
        name = f"Decoder.linear_pred.{leaf}"
        entries[name] = (classes, *entries[name][1:])
    config = FusionConfig(num_classes=classes)
    model = build_fusion_graph(config, seeded_state(entries, 1), Algebra(), bgr=False, version="benchmark")
    content: bytes = model.SerializeToString()
    return content


def table(result: Mapping[str, Any], measured: Mapping[str, Any] | None = None) -> str:
    """Milliseconds a stage and device, in Markdown; predictions in a second table if something was measured."""
    work, devices = result["workload"], result["devices"]
    names = list(next(iter(devices.values()))["floor_seconds"])
    lines = [
        f"{work['gaussians']:,} Gaussians, {work['visible']:,} visible, {work['pairs']:,} pairs of Gaussian and tile, "
        f"{work['hits'] / work['pixels']:.1f} Gaussians a pixel. Floors in milliseconds, from public figures; nothing "
        "here is measured.",
        "",
        *_header(["device", *names, "frame", "fuse, unfused"]),
    ]
    for device, values in devices.items():
        seconds = [values["floor_seconds"][name] for name in names]
        lines.append(_row(device, [*seconds, sum(seconds), values["unfused_network_seconds"]], 3))
    if measured is None:
        return "\n".join(lines)
    here = device_of(measured["gpu"])
    if here is None:
        return "\n".join([*lines, "", f"Measured on {measured['gpu']}, of which no public figures are at hand here."])
    on = _reference(devices[here.name])
    lines += ["", *_beside(measured, devices[here.name], here.name)]
    on = {stage: floor for stage, floor in on.items() if stage in measured["seconds"]}
    lines += [
        "",
        f"Predicted from what was measured on {measured['gpu']}, milliseconds:",
        "",
        *_header(["device", *on, "frame"]),
    ]
    for device, values in devices.items():
        times = list(predicted(measured["seconds"], on, _reference(values)).values())
        lines.append(_row(device, [*times, sum(times)], 2))
    return "\n".join(lines)


def _beside(measured: Mapping[str, Any], values: Mapping[str, Any], device: str) -> list[str]:
    """What the model says of the device beside what was measured on it."""
    fused, unfused = as_measured(values["floor_seconds"]), _reference(values)
    lines = [
        f"Model and measurement on {device}, milliseconds; measured: {measured.get('by', 'a frame')}.",
        "",
        *_header(["stage", "floor", "floor, operators one by one", "measured", "measured / floor one by one"]),
    ]
    for stage, seconds in measured["seconds"].items():
        cells = [f"{1000 * time:.3f}" for time in (fused[stage], unfused[stage], seconds)]
        lines.append(f"| {stage} | {' | '.join(cells)} | {seconds / unfused[stage]:.1f} |")
    # of the rasteriser, traced: kernels alone, without what lies between them
    floors_of = values["floor_seconds"]
    sort = floors_of["sort by depth"] + floors_of["sort by tile"]
    for stage, seconds in measured.get("kernel_seconds", {}).items():
        floor = {**floors_of, "sort": sort}[stage]
        cells = [f"{1000 * time:.3f}" for time in (floor, floor, seconds)]
        lines.append(f"| rasterize: {stage} | {' | '.join(cells)} | {seconds / floor:.1f} |")
    return lines


def _reference(values: Mapping[str, Any]) -> dict[str, float]:
    return {**as_measured(values["floor_seconds"]), "fuse": values["unfused_network_seconds"]}


def _header(names: list[str]) -> list[str]:
    return ["| " + " | ".join(names) + " |", "|---|" + "---:|" * (len(names) - 1)]


def _row(name: str, seconds: list[float], digits: int) -> str:
    return f"| {name} | " + " | ".join(f"{1000 * s:.{digits}f}" for s in seconds) + " |"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gaussians", type=int, help="of the room; those of the measured one, or 1000000")
    parser.add_argument("--size", type=image_size, default=(640, 480))
    parser.add_argument("--classes", type=int, default=46)
    parser.add_argument("--graph", type=Path)
    parser.add_argument("--measured", type=Path, help="result of benchmarks/gpu.sh")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args(argv)
    width, height = (-(-side // 32) * 32 for side in arguments.size)
    measured = None if arguments.measured is None else json.loads(arguments.measured.read_text()).get("reference_frame")
    gaussians = arguments.gaussians or (measured or {}).get("gaussians", 1_000_000)
    work = count_work(typical_room.room(gaussians), typical_room.views((width, height), 1)[0])
    graph = arguments.graph.read_bytes() if arguments.graph else full_size_graph(arguments.classes)
    result = floors(work, Network.of(graph, width, height), arguments.classes, (width, height))
    print(table(result, measured))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
