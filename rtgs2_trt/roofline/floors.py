"""The stages of a frame, what each moves and computes at least, and the least time that this takes on a device."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from .devices import DEVICES, Device
from .network_cost import Network
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
        """Seconds: of its bytes, its operations and its products, whichever takes longest."""
        link = 0.0 if device.host_link is None else self.host_bytes / device.host_link
        return max(self.bytes / device.bandwidth, self.fp32 / device.fp32, self.tensor / device.fp16_tensor, link)


def stages(work: Workload, network: Network, outputs: int, width: int, height: int) -> dict[str, Stage]:
    """Stages of a frame with FP16 features, images and logits, by name.

    Args:
        work: what there is to draw.
        network: the fusion network's cost at this size.
        outputs: its channels, one a class.
        width: of the padded image in pixels.
        height: of the padded image in pixels.
    """
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
    quarter = outputs * (width // 4) * (height // 4) * 2
    label = 1 if outputs <= 255 else 2
    return {
        **rasterize,
        "fuse": Stage(bytes=network.fused.bytes, fp32=network.fused.others, tensor=network.fused.products),
        "argmax": Stage(bytes=quarter + label * work.pixels, fp32=_ARGMAX * outputs * work.pixels),
        "copy": Stage(bytes=label * work.pixels, host_bytes=label * work.pixels),
    }


def unfused_floor(network: Network, device: Device) -> float:
    """Seconds of the network's operators one after the other, each of which reads and writes the memory."""
    return sum(Stage(c.bytes, c.others, c.products).floor(device) for c in network.operators.values())


def floors(
    work: Workload,
    network: Network,
    outputs: int,
    size: tuple[int, int],
    devices: Iterable[Device] = tuple(DEVICES.values()),
) -> dict[str, Any]:
    """Return the counts of a frame of `size` (width, height) pixels and its floors on every device, as JSON has them.

    ``floor_seconds`` supposes an engine that fuses the whole network; ``unfused_network_seconds`` is the floor of its
    operators one by one.
    """
    frame = stages(work, network, outputs, *size)
    return {
        "workload": asdict(work),
        "stages": {name: asdict(stage) for name, stage in frame.items()},
        "network": {name: asdict(cost) for name, cost in network.operators.items()},
        "devices": {
            device.name: {
                "source": device.source,
                "floor_seconds": {stage: values.floor(device) for stage, values in frame.items()},
                "unfused_network_seconds": unfused_floor(network, device),
            }
            for device in devices
        },
    }


MEASURED_AS: Mapping[str, str] = {"fuse": "fuse", "argmax": "argmax", "copy": "copy"}
"""Stages that a frame's events tell apart; every other stage is part of "rasterize"."""


def as_measured(seconds: Mapping[str, float]) -> dict[str, float]:
    """The same by the stages that a frame's events tell apart."""
    sums: dict[str, float] = {}
    for name, value in seconds.items():
        measured = MEASURED_AS.get(name, "rasterize")
        sums[measured] = sums.get(measured, 0.0) + value
    return sums
