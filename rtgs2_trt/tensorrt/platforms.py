"""Which TensorRT goes with which GPU and JetPack, and what this machine has."""

from __future__ import annotations

import platform
import re
from dataclasses import dataclass
from pathlib import Path

_RELEASE = Path("/etc/nv_tegra_release")
_PACKAGES = Path("/var/lib/dpkg/status")
_POWER_MODE = Path("/var/lib/nvpmodel/status")
_POWER_MODES = Path("/etc/nvpmodel.conf")
_MARKS_OF_CONTAINERS = (Path("/.dockerenv"), Path("/run/.containerenv"))

ORIN, THOR = (8, 7), (11, 0)
JETPACK_TENSORRT = {(6, 1): (10, 3), (6, 2): (10, 3), (7, 0): (10, 13), (7, 1): (10, 13), (7, 2): (10, 16)}
OLDEST_GPU = (7, 5)


@dataclass(frozen=True)
class BadPair:
    """A TensorRT that is known not to work on a GPU.

    Attributes:
        versions: beginnings of its version numbers.
        compute_capability: of the GPU.
        problem: what is wrong.
        cure: what to do.
    """

    versions: tuple[tuple[int, ...], ...]
    compute_capability: tuple[int, int]
    problem: str
    cure: str


BAD_PAIRS = (
    BadPair(
        ((10, 13, 3),),
        ORIN,
        "has no kernels for sm_87",
        "take JetPack's own TensorRT: 10.3 of JetPack 6.1 and 6.2, or 10.16 of 7.2",
    ),
)


def pair_problem(version: tuple[int, ...], compute_capability: tuple[int, int]) -> str | None:
    """Return why this TensorRT does not work with this GPU, with the cure; None if nothing is known against it."""
    shown = ".".join(map(str, version[:3]))
    if compute_capability < OLDEST_GPU:
        return (
            f"TensorRT {shown} needs a GPU of sm_75 or later, this is sm_{compute_capability[0]}{compute_capability[1]}"
        )
    for pair in BAD_PAIRS:
        if compute_capability == pair.compute_capability and any(version[: len(v)] == v for v in pair.versions):
            return f"TensorRT {shown} {pair.problem}: {pair.cure}"
    return None


def is_jetson() -> bool:
    """Whether this is a Jetson, or a container on one: there the kernel's name tells, if no file of the host does."""
    return _RELEASE.is_file() or platform.release().endswith("-tegra")


def is_container() -> bool:
    """Whether this runs in a container of Docker or Podman."""
    return any(mark.exists() for mark in _MARKS_OF_CONTAINERS)


def gpu_access_cure() -> str:
    """What lets a process on a Jetson reach the GPU that it does not see."""
    if is_container():
        return "start the container with --runtime nvidia"
    return "this user must be in the groups video and render: sudo usermod -aG video,render $USER, then log in again"


def jetson_linux() -> tuple[int, int, int] | None:
    """Return the version of Jetson Linux (L4T), for example (36, 4, 3); None on other machines."""
    found = re.search(r"# R(\d+)[^,]*, REVISION: (\d+)(?:\.(\d+))?", _text(_RELEASE))
    return None if found is None else (int(found[1]), int(found[2]), int(found[3] or 0))


def jetpack_version() -> str | None:
    """Return JetPack's version as its package says, else what Jetson Linux's version tells; None if neither does."""
    found = re.search(r"^Package: nvidia-jetpack\n(?:[^\n]+\n)*?Version: ([0-9.]+)", _text(_PACKAGES), re.MULTILINE)
    if found is not None:
        return found[1]
    linux = jetson_linux()
    if linux is None:
        return None
    if linux[:2] >= (36, 4) and linux[0] == 36:
        return "6.1 or 6.2"
    return {35: "5", 36: "6.0", 38: "7.0 or 7.1"}.get(linux[0])


def jetpack_tensorrt() -> tuple[int, int] | None:
    """Return the first two numbers of the TensorRT that this JetPack brings; None elsewhere, or if it is not known."""
    found = re.match(r"(\d+)\.(\d+)", jetpack_version() or "")
    return None if found is None else JETPACK_TENSORRT.get((int(found[1]), int(found[2])))


def jetpack_problem() -> str | None:
    """Return why this JetPack will not do, with the cure; None if it will, or this is no Jetson."""
    linux = jetson_linux()
    if linux is not None and linux[:2] < (36, 4):
        return f"JetPack {jetpack_version() or linux[0]} has a TensorRT before 10.3: flash JetPack 6.1 or later"
    return None


def power_mode() -> tuple[str, bool] | None:
    """Return the name of a Jetson's power mode and whether it is the one without limits (MAXN); None elsewhere."""
    found = re.search(r"pmode:0*(\d+)", _text(_POWER_MODE))
    if found is None:
        return None
    name = _power_modes().get(found[1], f"mode {found[1]}")
    return name, found[1] == unlimited_power_mode()


def unlimited_power_mode() -> str:
    """Return the number of the power mode without limits, which is another on each board; 0 where no file tells."""
    return next((number for number, name in _power_modes().items() if name.upper().startswith("MAXN")), "0")


def _power_modes() -> dict[str, str]:
    """Names by number."""
    return dict(re.findall(r"<\s*POWER_MODEL\s+ID=(\d+)\s+NAME=(\S+)\s*>", _text(_POWER_MODES)))


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
