"""Devices and processes of a run, by Lightning Fabric."""

from __future__ import annotations

import logging
import os

from lightning_fabric import Fabric
from lightning_fabric.utilities.exceptions import MisconfigurationException

from rtgs2_trt.errors import InputError

from .config import Precision


def open_devices(accelerator: str, precision: Precision, devices: int = 1, nodes: int = 1) -> Fabric:
    """Return a launched Fabric: from here on, each of its processes runs the same program.

    Args:
        accelerator: "auto", "cpu", "cuda" or "mps".
        precision: of the arithmetic.
        devices: processes a machine, a device each.
        nodes: machines.

    Raises:
        InputError: the machine has no such devices, or ``torchrun`` started another number of processes.
    """
    processes = os.environ.get("WORLD_SIZE", "")
    if processes.isdecimal() and int(processes) != devices * nodes:
        raise InputError(
            "another number of processes than was started",
            field="--devices, --nodes",
            found=f"{devices} x {nodes}",
            expected=f"a product of {processes}, as the environment's WORLD_SIZE says",
            fix="Give torchrun's --nproc-per-node as --devices and its --nnodes as --nodes",
        )
    logging.getLogger("lightning_fabric").setLevel(logging.ERROR)
    try:
        fabric = Fabric(accelerator=accelerator, devices=devices, num_nodes=nodes, precision=precision)
    except (MisconfigurationException, RuntimeError, ValueError) as error:
        raise InputError(
            f"no such devices here: {error}",
            field="--accelerator, --devices",
            found=f"{accelerator}, {devices}",
            fix="Give --accelerator cpu, or as many devices as there are",
        ) from error
    fabric.launch()
    return fabric
