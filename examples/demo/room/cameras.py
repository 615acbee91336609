"""Viewpoints in the room."""

from __future__ import annotations

from typing import TypedDict

Point = tuple[float, float, float]


class LookAt(TypedDict):
    """A pose, as the arguments of ``Camera.look_at`` (z is up; the field of view is horizontal, in degrees)."""

    eye: Point
    target: Point
    width: int
    height: int
    fov_degrees: float


VIEWS: dict[str, tuple[Point, Point, float]] = {
    "overview": ((2.45, -2.1, 1.75), (-0.75, 1.0, 0.7), 78),
    "sofa": ((0.9, 0.1, 1.45), (-2.6, -0.4, 0.75), 70),
    "dining": ((-0.6, -1.3, 1.65), (1.75, 1.1, 0.75), 68),
    "window": ((0.6, -1.9, 1.6), (-0.7, 2.4, 1.05), 74),
    "bookshelf": ((0.35, 0.8, 1.6), (-1.45, -2.3, 0.92), 68),
    "sideboard": ((-0.4, 0.6, 1.5), (2.7, -1.5, 0.9), 70),
    "plant": ((-0.3, -0.4, 1.5), (-2.6, 2.2, 0.85), 70),
    "table": ((0.35, 0.1, 1.5), (1.7, 1.05, 0.72), 72),
}


def room_cameras(width: int = 320, height: int = 240) -> dict[str, LookAt]:
    """Eight interior views by name: ``Camera.look_at(**room_cameras(640, 480)["sofa"])``."""
    return {
        name: LookAt(eye=eye, target=target, width=width, height=height, fov_degrees=fov)
        for name, (eye, target, fov) in VIEWS.items()
    }
