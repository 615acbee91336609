"""Public figures of GPUs: what no program on them can exceed."""

from __future__ import annotations

from dataclasses import dataclass

_AMPERE_BRIEF = "NVIDIA Jetson AGX Orin Series Technical Brief, v1.2 (GA10B: 128 cores and 4 tensor cores an SM)"


@dataclass(frozen=True)
class Device:
    """A GPU at its highest public clock.

    Attributes:
        name: as its maker calls it.
        bandwidth: of its memory, bytes a second.
        fp32: operations a second without tensor cores (a multiply-add is two).
        fp16_tensor: the same on tensor cores, FP16 with FP32 sums, dense.
        host_link: bytes a second that results reach the host with; None where the memory is shared.
        source: where the figures are from.
    """

    name: str
    bandwidth: float
    fp32: float
    fp16_tensor: float
    host_link: float | None
    source: str


def jetson(name: str, multiprocessors: int, megahertz: float, gigabytes: float, source: str) -> Device:
    """A GPU of the Orin family: 128 multiply-adds a clock and SM, on tensor cores 4 x 256 of FP16."""
    clock = 1e6 * megahertz
    return Device(
        name,
        bandwidth=1e9 * gigabytes,
        fp32=2 * 128 * multiprocessors * clock,
        fp16_tensor=2 * 1024 * multiprocessors * clock,
        host_link=None,
        source=f"{source}; {_AMPERE_BRIEF}",
    )


DEVICES = {
    device.name: device
    for device in (
        jetson("Jetson Orin Nano 8GB", 8, 625, 68, "NVIDIA Jetson Orin Nano Series Data Sheet (15 W)"),
        jetson(
            "Jetson Orin Nano 8GB Super",
            8,
            1020,
            102,
            "NVIDIA Jetson Orin Nano Super Developer Kit Data Sheet, December 2024 (25 W)",
        ),
        jetson("Jetson Orin NX 16GB", 8, 918, 102.4, "NVIDIA Jetson Orin NX Series Data Sheet (25 W)"),
        jetson("Jetson AGX Orin 64GB", 16, 1300, 204.8, "NVIDIA Jetson AGX Orin Series Data Sheet (60 W)"),
        Device("H100 SXM", 3.35e12, 67e12, 989e12, 64e9, "NVIDIA H100 Tensor Core GPU Datasheet; PCIe 5.0 x16"),
        Device("H200 SXM", 4.8e12, 67e12, 989e12, 64e9, "NVIDIA H200 Tensor Core GPU Datasheet; PCIe 5.0 x16"),
    )
}


# A GH200, an H200 NVL, a part of an H100 (MIG) have other figures, so that nothing but the whole name will do.
_CUDA_NAMES = {"NVIDIA H200": "H200 SXM", "NVIDIA H100 80GB HBM3": "H100 SXM"}


def device_of(gpu_name: str) -> Device | None:
    """The device whose figures go with the name that CUDA tells, if they are here."""
    name = _CUDA_NAMES.get(gpu_name)
    return None if name is None else DEVICES[name]
