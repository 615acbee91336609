"""For which sizes an engine is built: the optimisation profiles of the frame graph and of the encoder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..bundle import EncoderSpec
from ..errors import BackendError
from ..geometry_plan import CURVES
from .frame_interface import (
    FEWEST_GAUSSIANS,
    GAUSSIAN_INPUTS,
    MOST_GAUSSIANS,
    SH_COEFFICIENTS,
    TYPICAL_GAUSSIANS,
)

Range = tuple[int, int, int]
"""Fewest, typical and most."""

FEWEST_VOXELS, TYPICAL_VOXELS, MOST_VOXELS = 1, 50_000, 400_000
"""Of the encoder's first stage. A furnished room has 20,000 to 60,000."""

_SHRINKS = (1, 4, 2)
"""How many times fewer voxels each further stage has: fewest, typically and at most. Surfaces give about 4."""


@dataclass(frozen=True)
class Profile:
    """Ranges of all dynamic sizes of a graph's inputs.

    Attributes:
        sizes: range by input and axis.
        described: what it is for, in words.
        option: of ``rtgs2 build``, which makes it smaller.
    """

    sizes: Mapping[str, Mapping[int, Range]]
    described: str
    option: str

    def shapes(self, name: str, declared: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
        """Return the smallest, typical and largest shape of an input whose dynamic sizes are `declared` as -1.

        Raises:
            BackendError: a dynamic size that has no range.
        """
        ranges = self.sizes.get(name, {})
        unknown = [axis for axis, size in enumerate(declared) if size == -1 and axis not in ranges]
        if unknown:
            raise BackendError(
                f"input {name!r} has a size that no profile is known for: axis {unknown[0]} of {declared}"
            )
        return tuple(
            tuple(ranges[axis][end] if size == -1 else size for axis, size in enumerate(declared)) for end in range(3)
        )


def frame_profile(most_gaussians: int = MOST_GAUSSIANS) -> Profile:
    """Return the profile of the frame graph for scenes of up to `most_gaussians` Gaussians."""
    gaussians = (FEWEST_GAUSSIANS, min(TYPICAL_GAUSSIANS, most_gaussians), most_gaussians)
    sizes: dict[str, dict[int, Range]] = {name: {0: gaussians} for name in GAUSSIAN_INPUTS}
    sizes["sh"][1] = SH_COEFFICIENTS
    return Profile(sizes, f"{most_gaussians} Gaussians", "--most-gaussians")


def encoder_profile(spec: EncoderSpec, most_voxels: int = MOST_VOXELS) -> Profile:
    """Return the profile of the encoder graph for scenes of up to `most_voxels` voxels.

    Inputs are those of :class:`rtgs2_trt.geometry_plan.GeometryPlan`. The three ends are sizes that belong together.
    """
    voxels: Range = (FEWEST_VOXELS, min(TYPICAL_VOXELS, most_voxels), most_voxels)
    sizes: dict[str, dict[int, Range]] = {"inputs": {0: voxels}, "stem_neighbours": {1: voxels}}
    for stage in range(spec.stages):
        patch = _each(min(spec.patch_size, count) for count in voxels)
        patches = _each(-(-count // size) for count, size in zip(voxels, patch, strict=True))
        sizes[f"stage{stage}_neighbours"] = {1: voxels}
        sizes[f"stage{stage}_parents"] = {0: voxels}
        for curve in CURVES:
            sizes[f"stage{stage}_{curve}_patches"] = {0: patches, 1: patch}
            sizes[f"stage{stage}_{curve}_slots"] = {0: voxels}
        voxels = _each(max(1, count // shrink) for count, shrink in zip(voxels, _SHRINKS, strict=True))
        sizes[f"stage{stage}_children"] = {0: voxels}
    return Profile(sizes, f"{most_voxels} voxels", "--most-voxels")


def _each(values: Iterable[int]) -> Range:
    fewest, typical, most = values
    return fewest, typical, most
