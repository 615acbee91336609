"""What can be set about a generated room."""

from __future__ import annotations

from dataclasses import dataclass

from rtgs2_trt.errors import InputError

MIN_GAUSSIANS, MAX_GAUSSIANS = 5_000, 4_000_000
MAX_VIEWS = 9_999
MAX_SIDE = 4096


@dataclass(frozen=True)
class RoomSettings:
    """How a room is sampled and looked at; what stands in it follows from its seed alone.

    Args:
        gaussians: how many Gaussians, give or take 2 %.
        views: how many labelled views.
        image_size: (width, height) of the views, pixels.
        imperfections: strength of the flaws of real captures; 0 is a flawless scene, 1 the usual mixture of good
            and bad captures; above that most flaws grow on.
        photographed: share of the rooms, by their seeds, that have Gaussians only where photographs look, with haze
            before surfaces, as captures have; the others have the hidden sides of things, too, as scans and models may.
            Where the former have them depends on ``views`` and ``image_size``, too.

    Raises:
        InputError: a value out of range.
    """

    gaussians: int = 200_000
    views: int = 20
    image_size: tuple[int, int] = (320, 240)
    imperfections: float = 1.0
    photographed: float = 0.0

    def __post_init__(self) -> None:
        _require("gaussians", self.gaussians, MIN_GAUSSIANS, MAX_GAUSSIANS)
        _require("views", self.views, 1, MAX_VIEWS)
        for side in self.image_size:
            _require("image_size", side, 16, MAX_SIDE)
        _require("imperfections", self.imperfections, 0, 3)
        _require("photographed", self.photographed, 0, 1)


def _require(field: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise InputError("out of range", field=field, found=value, expected=f"{low} to {high}")
