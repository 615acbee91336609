"""The least time that a frame can take on a GPU: bytes and operations of each stage against the device's figures.

    python -m benchmarks.gpu.roofline [--gaussians 1000000] [--size 640x480] [--classes 46] [--graph fusion.onnx]
                                      [--measured RESULT.json] [--json FILE]

Without a graph the full-size fusion network is built with weights from a seed. A stage's floor is the largest of its
bytes through the memory, its FP32 operations and its FP16 products on tensor cores; kernels reach a part of that. For
the network that supposes an engine that fuses everything; "fuse, unfused" is the floor of its operators one by one,
each of which reads and writes the memory: ONNX Runtime lies between. With the result of a measured GPU, each stage's
time on another is predicted as its floor there (of the network, unfused) times the distance between measurement and
floor on the measured one: an extrapolation, not a measurement.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rtgs2_trt.console import image_size

from . import network_cost, scenes, workload
from .devices import DEVICES, Device, device_of
from .network_cost import Cost
from .workload import Workload

_ELLIPSE, _BASE, _INDEX, _KEY = 32, 16, 4, 4  # bytes a visible Gaussian, see csrc/rasterize/frame_buffers.h
_PROJECT, _SH, _BLEND_HIT, _ARGMAX = 250, 7, 22, 7  # operations: a Gaussian, a coefficient and channel, a hit, a logit


@dataclass(frozen=True)
class Stage:
    """What a stage of a frame moves and computes at least.

    Attributes:
        bytes: through the GPU's memory.
        fp32: operations without tensor cores.
        tensor: FP16 operations on tensor cores.
        host_bytes: to the host.
    """

    bytes: float
    fp32: float = 0.0
    tensor: float = 0.0
    host_bytes: float = 0.0

    def floor(self, device: Device) -> float:
        """Seconds."""
        link = 0.0 if device.host_link is None else self.host_bytes / device.host_link
        return max(self.bytes / device.bandwidth, self.fp32 / device.fp32, self.tensor / device.fp16_tensor, link)


@dataclass(frozen=True)
class Network:
    """The fusion network's cost: operators one by one, by their kind, and all of it fused."""

    operators: Mapping[str, Cost]
    fused: Cost

    @classmethod
    def of(cls, graph: Any, width: int, height: int) -> Network:
        """Of a graph in FP16 for padded images of this size."""
        costs = network_cost.fusion_cost(graph, width, height, value_bytes=2)
        return cls(costs, network_cost.ideal(costs, graph, width, height, value_bytes=2))

    def unfused_floor(self, device: Device) -> float:
        """Seconds of the operators one after the other."""
        return sum(Stage(c.bytes, c.others, c.products).floor(device) for c in self.operators.values())


def stages(work: Workload, network: Network, classes: int, width: int, height: int) -> dict[str, Stage]:
    """Stages of a frame with FP16 features, images and logits, by name."""
    row = work.channels * 2
    rasterize = {
        "project": Stage(
            bytes=16 * work.gaussians
            + 28 * work.in_front
            + work.visible * (12 * work.sh_count + _KEY + _INDEX + _ELLIPSE + _BASE + _INDEX + 8),
            fp32=_PROJECT * work.in_front + 3 * _SH * work.sh_count * work.visible,
        ),
        # four passes over keys and values of 4 bytes each, read and written
        "sort by depth": Stage(bytes=4 * 16 * work.visible),
        "list tiles": Stage(bytes=work.visible * (_INDEX + _ELLIPSE + 8) + 8 * work.pairs, fp32=30 * work.pairs),
        "sort by tile": Stage(bytes=2 * 16 * work.pairs),
        "find ranges": Stage(bytes=4 * work.pairs + 12 * work.tiles),
        "blend": Stage(
            bytes=work.reached * _INDEX
            + min(work.reached, work.visible) * (_ELLIPSE + _BASE + row)  # the rest may come from the cache
            + work.pixels * (2 * (3 + work.channels) + 8),
            fp32=_BLEND_HIT * work.hits,
            tensor=2 * work.channels * work.hits,
        ),
    }
    quarter = classes * (width // 4) * (height // 4) * 2
    label = 1 if classes <= 255 else 2
    return {
        **rasterize,
        "fuse": Stage(bytes=network.fused.bytes, fp32=network.fused.others, tensor=network.fused.products),
        "argmax": Stage(bytes=quarter + label * work.pixels, fp32=_ARGMAX * classes * work.pixels),
        "copy": Stage(bytes=label * work.pixels, host_bytes=label * work.pixels),
    }


MEASURED_AS = {"fuse": "fuse", "argmax": "argmax", "copy": "copy"}  # every other stage is part of "rasterize"


def as_measured(seconds: Mapping[str, float]) -> dict[str, float]:
    """The same by the stages that a frame's events tell apart."""
    sums: dict[str, float] = {}
    for name, value in seconds.items():
        measured = MEASURED_AS.get(name, "rasterize")
        sums[measured] = sums.get(measured, 0.0) + value
    return sums


def predicted(
    measured: Mapping[str, float], on: Mapping[str, float], elsewhere: Mapping[str, float]
) -> dict[str, float]:
    """Seconds a stage elsewhere, if it is as far from its floor there as where it was measured."""
    return {name: floor * measured[name] / on[name] for name, floor in elsewhere.items() if name in measured}


def full_size_graph(classes: int) -> Any:
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
    return build_fusion_graph(config, seeded_state(entries, 1), Algebra(), bgr=False, version="benchmark")


def estimate(work: Workload, network: Network, classes: int, size: tuple[int, int]) -> dict[str, Any]:
    """Counts, and the floors of every device, as JSON has them."""
    frame = stages(work, network, classes, *size)
    return {
        "workload": asdict(work),
        "stages": {name: asdict(stage) for name, stage in frame.items()},
        "network": {name: asdict(cost) for name, cost in network.operators.items()},
        "devices": {
            name: {
                "source": device.source,
                "floor_seconds": {stage: values.floor(device) for stage, values in frame.items()},
                "unfused_network_seconds": network.unfused_floor(device),
            }
            for name, device in DEVICES.items()
        },
    }


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
    here = None if measured is None else device_of(measured["gpu"])
    if measured is None or here is None:
        return "\n".join(lines)
    on = _reference(devices[here.name])
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


def _reference(values: Mapping[str, Any]) -> dict[str, float]:
    return {**as_measured(values["floor_seconds"]), "fuse": values["unfused_network_seconds"]}


def _header(names: list[str]) -> list[str]:
    return ["| " + " | ".join(names) + " |", "|---|" + "---:|" * (len(names) - 1)]


def _row(name: str, seconds: list[float], digits: int) -> str:
    return f"| {name} | " + " | ".join(f"{1000 * s:.{digits}f}" for s in seconds) + " |"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gaussians", type=int, default=1_000_000)
    parser.add_argument("--size", type=image_size, default=(640, 480))
    parser.add_argument("--classes", type=int, default=46)
    parser.add_argument("--graph", type=Path)
    parser.add_argument("--measured", type=Path, help="result of benchmarks/gpu.sh")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args(argv)
    width, height = (-(-side // 32) * 32 for side in arguments.size)
    work = workload.count(scenes.room(arguments.gaussians), scenes.views((width, height), 1)[0])
    graph = arguments.graph or full_size_graph(arguments.classes)
    result = estimate(work, Network.of(graph, width, height), arguments.classes, (width, height))
    measured = None if arguments.measured is None else json.loads(arguments.measured.read_text()).get("reference_frame")
    print(table(result, measured))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
