"""How much of a board's memory an engine may take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import _native
from ..errors import BackendError
from .frame_interface import MOST_GAUSSIANS
from .profiles import MOST_VOXELS

_MIB = 1 << 20
_SMALL_BOARD = 12 << 30
_MOST_GAUSSIANS_OF_SMALL_BOARDS, _MOST_VOXELS_OF_SMALL_BOARDS = 1_000_000, 200_000
_LEAST_WORKSPACE = 256 * _MIB
_BYTES_OF_GAUSSIAN, _BYTES_OF_PAIR = 76, 16


def default_most_gaussians(device: Mapping[str, Any]) -> int:
    """Return the largest scene to build for by default: 4 million Gaussians, 1 million under 12 GiB of memory."""
    return MOST_GAUSSIANS if int(device["memory"]) >= _SMALL_BOARD else _MOST_GAUSSIANS_OF_SMALL_BOARDS


def default_most_voxels(device: Mapping[str, Any]) -> int:
    """Return the largest scene to build the encoder for: 400,000 voxels, half of that under 12 GiB of memory."""
    return MOST_VOXELS if int(device["memory"]) >= _SMALL_BOARD else _MOST_VOXELS_OF_SMALL_BOARDS


def workspace_limit(device: Mapping[str, Any]) -> int:
    """Return how many bytes the layers of an engine may work in: half of what is free.

    The other half is for weights, images and the scene, and for TensorRT itself while it builds; where host and GPU
    share the memory, for everything else that runs.

    Raises:
        BackendError: too little memory is free to try.
    """
    free = int(device["free_memory"])
    if free // 2 < _LEAST_WORKSPACE:
        raise BackendError(
            f"{free // _MIB} MiB of {device['name']}'s memory are free, building an engine needs at least "
            f"{2 * _LEAST_WORKSPACE // _MIB} MiB: end other programs (on a Jetson also the desktop: sudo systemctl "
            "isolate multi-user.target), then build again"
        )
    return free // 2


def check_workspace(width: int, height: int, workspace: int, most_gaussians: int) -> None:
    """Refuse scenes for which the rasteriser plugin alone needs more than the layers may work in.

    Raises:
        BackendError: says how much it needs, and how many Gaussians fit.
    """
    needed = plugin_workspace(width, height, most_gaussians)
    if needed <= workspace:
        return
    fitting = _most_that_fit(width, height, workspace, most_gaussians)
    fits = f"build for fewer, --most-gaussians {fitting} fits, or " if fitting else ""
    raise BackendError(
        f"scenes of {most_gaussians:,} Gaussians need about {needed // _MIB + 1} MiB of workspace to be drawn, layers "
        f"may work in {workspace // _MIB} MiB: {fits}give more with --workspace, or end other programs"
    )


def plugin_workspace(width: int, height: int, gaussians: int) -> int:
    """Return about how many bytes the rasteriser plugin works in: docs/tensorrt.md, "Memory"."""
    return _BYTES_OF_GAUSSIAN * gaussians + _BYTES_OF_PAIR * pair_capacity(width, height, gaussians)


def _most_that_fit(width: int, height: int, workspace: int, most_gaussians: int) -> int:
    fitting = most_gaussians
    while fitting and plugin_workspace(width, height, fitting) > workspace:
        fitting = fitting * 3 // 4
    digits = int(10 ** max(len(str(fitting)) - 2, 0))
    return fitting // digits * digits


def memory_text(device: Mapping[str, Any], workspace: int, most_gaussians: int) -> str:
    """Return a line on what was decided."""
    shared = ", shared with the host" if device.get("shares_host_memory") else ""
    return (
        f"{device['name']}: {int(device['free_memory']) // _MIB} of {int(device['memory']) // _MIB} MiB free{shared}; "
        f"layers may work in {workspace // _MIB} MiB, scenes may have {most_gaussians:,} Gaussians"
    )


def pair_capacity(width: int, height: int, gaussians: int) -> int:
    """Return how many pairs of Gaussian and tile a view may have: what the plugin itself counts with."""
    return _native.fixed_pair_capacity(width, height, gaussians)
